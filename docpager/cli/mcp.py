"""`docpager mcp`."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from docpager.cli.model_options import limit_options, model_options, prepared_model, tell_price
from docpager.cli.options import archive_option, examples
from docpager.cli.terminal import note
from docpager.core.errors import UsageError
from docpager.core.locations import Location, ObjectPath
from docpager.core.settings import DEFAULT_RUN_USD

__all__ = ["mcp"]

_TOKEN_FILE = "mcp-tokens"
_SPACES = "spaces"
_NEEDED = {"mcp", "mcp_types", "pydantic", "starlette", "uvicorn"}


@click.command(
    epilog=examples(
        "docpager mcp",
        "docpager mcp --allow-notes --agent reviewer",
        "docpager mcp --http --port 8765",
        "docpager mcp --model claude-sonnet-5-5 --max-usd 2",
    )
)
@archive_option
@click.option("--http", is_flag=True, help="Serve by HTTP on 127.0.0.1, instead of by the streams.")
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    default=8765,
    show_default=True,
    metavar="N",
    help="With --http: the port; 0 takes a free one.",
)
@click.option(
    "--token-file",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="With --http: the agents and their tokens, a file of mode 600.  "
    f"[default: {_TOKEN_FILE} in the archive; made where there is none]",
)
@click.option(
    "--add-agent",
    "new_agent",
    metavar="NAME",
    help="Add an agent with a new token to that file, and end.",
)
@click.option(
    "--agent",
    default="agent",
    show_default=True,
    metavar="NAME",
    help="Without --http: who the notes are from.",
)
@click.option(
    "--allow-notes", is_flag=True, help="Offer `remember`: without it, nothing can be written."
)
@click.option(
    "--spaces",
    "spaces_directory",
    type=click.Path(path_type=Path),
    metavar="DIR",
    help=f"Where notes are kept.  [default: {_SPACES} in the archive]",
)
@click.option(
    "--notes-per-space",
    type=click.IntRange(min=1),
    default=10_000,
    show_default=True,
    metavar="N",
    help="The most notes in a space.",
)
@click.option(
    "--result-tokens",
    type=click.IntRange(min=800),
    default=4000,
    show_default=True,
    metavar="TOKENS",
    help="The most tokens in a result, by docpager's estimate.",
)
@model_options
@limit_options(of_each=" of a question", of_all=" by this server in its life", usd=DEFAULT_RUN_USD)
def mcp(
    archive_directory: Location,
    http: bool,
    port: int,
    token_file: Path | None,
    new_agent: str | None,
    agent: str,
    allow_notes: bool,
    spaces_directory: Path | None,
    notes_per_space: int,
    result_tokens: int,
    **how: Any,
) -> None:
    """Serve an archive to agents by the Model Context Protocol.

    The tools are search, grep, contents, page_in and recall; remember with --allow-notes; ask with
    --model. Needs pip install 'docpager[mcp]'.

    No tool takes a path or an address: agents read what was ingested, and nothing else.
    """
    from docpager.mcp_server.agents import AgentTokens, add_agent, check_agent_name
    from docpager.mcp_server.served_archive import ServedSettings

    if isinstance(archive_directory, ObjectPath):
        raise UsageError(f"{archive_directory}: an archive is served from a folder on this machine")
    tokens_at = token_file or archive_directory / _TOKEN_FILE
    if new_agent is not None:
        add_agent(tokens_at, new_agent)
        note(f"agent {new_agent!r} and its token are in {tokens_at}")
        return
    check_agent_name(agent)
    serve_http, serve_stdio = _transports()
    prepared = prepared_model(**how) if how["model"] else None
    served = ServedSettings(
        archive_directory,
        spaces_directory or archive_directory / _SPACES,
        allow_notes=allow_notes,
        notes_per_space=notes_per_space,
        result_tokens=result_tokens,
    )
    if prepared is not None:
        tell_price(prepared)
    if not http:
        serve_stdio(served, prepared=prepared, agent=agent)
        return
    if not tokens_at.exists():
        add_agent(tokens_at, agent)
    serve_http(
        served,
        prepared=prepared,
        tokens=AgentTokens.read(tokens_at),
        port=port,
        on_ready=lambda url: note(f"serving {url}; the agents' tokens are in {tokens_at}"),
    )


def _transports() -> tuple[Callable[..., None], Callable[..., None]]:
    """What serves by HTTP, and by the streams.

    Raises:
        UsageError: the SDK is not installed.
    """
    try:
        from docpager.mcp_server.transports import serve_http, serve_stdio
    except ImportError as error:
        if (error.name or "").partition(".")[0] not in _NEEDED:
            raise
        raise UsageError("docpager mcp needs the MCP SDK: pip install 'docpager[mcp]'") from error
    return serve_http, serve_stdio
