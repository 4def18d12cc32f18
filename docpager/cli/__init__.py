"""The command line: parse, print, decide nothing."""

import click

from docpager.cli.lazy import LazyGroup
from docpager.version import __version__

__all__ = ["main"]

COMMANDS = {
    "ask": "docpager.cli.ask:ask",
    "chat": "docpager.cli.chat:chat",
    "sessions": "docpager.cli.sessions:sessions",
    "ingest": "docpager.cli.ingest:ingest",
    "search": "docpager.cli.search:search",
    "grep": "docpager.cli.search:grep",
    "contents": "docpager.cli.contents:contents",
    "show": "docpager.cli.contents:show",
    "open": "docpager.cli.open:open_citation",
    "status": "docpager.cli.status:status",
    "verify": "docpager.cli.lifecycle:verify",
    "forget": "docpager.cli.lifecycle:forget",
    "compact": "docpager.cli.lifecycle:compact",
    "shards": "docpager.cli.lifecycle:shards",
    "batch": "docpager.cli.batch:batch",
    "export": "docpager.cli.export:export",
    "evaluate": "docpager.cli.evaluate:evaluate",
    "runs": "docpager.cli.runs:runs",
    "resume": "docpager.cli.runs:resume",
    "replay": "docpager.cli.runs:replay",
    "trace": "docpager.cli.runs:trace",
    "report": "docpager.cli.report:report",
    "mcp": "docpager.cli.mcp:mcp",
    "config": "docpager.cli.config:config",
    "doctor": "docpager.cli.doctor:doctor",
}
"""Where each command is found, in the order of the help: a module is imported when it is needed."""

main = LazyGroup(
    "docpager",
    locations=COMMANDS,
    help="Answers questions about documents far larger than a model's context window, and cites "
    "the pages. `docpager COMMAND --help` explains a command, with examples.",
    epilog='\b\nExample:\n  docpager ask "What was revenue in 2023?" reports/',
)
click.version_option(__version__, prog_name="docpager")(main)
