"""`docpager runs`, `resume`, `replay` and `trace`: journals, and what can be done with one."""

from __future__ import annotations

import asyncio
import sys
from contextlib import closing
from dataclasses import asdict, replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from docpager.cli.ask import INTERRUPTED, finish
from docpager.cli.live_view import ask_progress, watching_options
from docpager.cli.options import LOCATION, archive_option, as_json_option, examples
from docpager.cli.terminal import note, print_json, say
from docpager.core.errors import UsageError
from docpager.core.locations import Location, as_location
from docpager.core.passages import counted

__all__ = ["replay", "resume", "runs", "trace"]

if TYPE_CHECKING:
    from docpager.run.past_runs import PastRun

_LINE_WIDTH = 100

_journal = click.argument("journal", type=LOCATION)


@click.command(
    epilog=examples(
        "docpager resume .docpager/runs/20261121-062934-38fe32dc4196.jsonl",
        "docpager resume .docpager/runs/20261121-062934-38fe32dc4196.jsonl --max-steps 120",
    )
)
@_journal
@click.option("--archive", type=LOCATION, help="The archive, if it was moved.")
@click.option(
    "--on-new-archive",
    is_flag=True,
    help="Continue although documents that the run has read have changed.",
)
@click.option("--max-steps", type=int, metavar="N", help="The most replies from now on, all told.")
@click.option(
    "--timeout", "timeout_seconds", type=float, metavar="SECONDS", help="The most time, all told."
)
@click.option("--max-usd", type=float, metavar="DOLLARS", help="The most dollars, all told.")
@click.option("--max-tokens", type=int, metavar="TOKENS", help="The most tokens, all told.")
@watching_options
@as_json_option
def resume(
    journal: Location,
    archive: Location | None,
    on_new_archive: bool,
    quiet: bool,
    verbose: bool,
    log: Path | None,
    as_json: bool,
    **raised: Any,
) -> None:
    """Continue an interrupted run from its JOURNAL, or one that stopped at a limit.

    The model and the limits are those of the run; what it has spent counts. A run that stopped at a
    limit goes on when that limit is raised.
    """
    from docpager.api.ask import resume_watched
    from docpager.run.journal import read_journal

    given = {name: value for name, value in raised.items() if value is not None}
    limits = replace(read_journal(journal).limits, **given) if given else None
    try:
        with ask_progress(quiet=quiet, verbose=verbose, log=log) as (_, on_step):
            line = asyncio.run(
                resume_watched(
                    journal,
                    archive=archive,
                    on_new_archive=on_new_archive,
                    limits=limits,
                    on_retry=note,
                    on_step=on_step,
                )
            )
    except KeyboardInterrupt:
        note(f"interrupted; the run is kept: docpager resume {journal}")
        sys.exit(INTERRUPTED)
    finish(line, archive or _archive_of(journal), as_json=as_json)


@click.command(
    epilog=examples(
        "docpager replay .docpager/runs/20261121-062934-38fe32dc4196.jsonl",
        "docpager replay .docpager/runs/20261121-062934-38fe32dc4196.jsonl --against .docpager",
    )
)
@_journal
@click.option(
    "--against",
    type=LOCATION,
    metavar="ARCHIVE",
    help="Also execute every call again on this archive, and compare the results.",
)
@as_json_option
def replay(journal: Location, against: Location | None, as_json: bool) -> None:
    """Repeat a run from its JOURNAL, and check every request.

    Each request must come out the same. No model is asked, and no archive is needed."""
    from docpager.archive.archive import Archive
    from docpager.run.answer_line import answer_line
    from docpager.run.service import open_replay

    if against is None:
        replayed = open_replay(journal)
        run = replayed.finish()
    else:
        with closing(Archive.open(against)) as library:
            replayed = open_replay(journal, against=library)
            run = replayed.finish()
    note(f"replayed {counted(run.steps, 'step')}; every request is the same as in the journal")
    if against is not None:
        results = "their results are" if replayed.executed != 1 else "its result is"
        note(
            f"{counted(replayed.executed, 'call')} executed again on {against}; {results} the same"
        )
    if run.outcome is None:
        note(f"the run is not finished: docpager resume {journal}")
        return
    line = answer_line(run, replayed.record.header, journal=str(journal))
    finish(line, against or as_location(replayed.record.header.archive, "archive"), as_json=as_json)


def _archive_of(journal: Location) -> Location:
    from docpager.run.journal import read_journal

    return as_location(read_journal(journal).header.archive, "archive")


@click.command(
    epilog=examples(
        "docpager trace .docpager/runs/20261121-062934-38fe32dc4196.jsonl",
    )
)
@_journal
@as_json_option
def trace(journal: Location, as_json: bool) -> None:
    """Show a run step by step, from its JOURNAL.

    For each step: tokens sent, calls, passages paged in and released, warnings, rebuilds.
    """
    from docpager.cli.output import print_outcome, print_step
    from docpager.run.service import open_replay
    from docpager.run.trace import TracedStep
    from docpager.run.trace import trace as steps_of

    replayed = open_replay(journal)
    header = replayed.record.header
    if not as_json:
        say(header.plan.question, lines=True)
        say(f"({header.model}, window {header.plan.paging.window:,})")
    for event in steps_of(replayed):
        if as_json:
            print_json(asdict(event))
        elif isinstance(event, TracedStep):
            print_step(event)
        else:
            print_outcome(event)
    if replayed.run.outcome is None:
        note(f"the run is not finished: docpager resume {journal}")


@click.command(
    epilog=examples(
        "docpager runs",
        "docpager runs petrel 1986 --limit 5",
    )
)
@click.argument("words", nargs=-1, metavar="[WORD]...")
@archive_option
@click.option(
    "--journals",
    type=LOCATION,
    metavar="DIR",
    help="The folder of the journals. Default: `runs` in the archive.",
)
@click.option(
    "--limit",
    type=click.IntRange(min=1),
    default=20,
    show_default=True,
    metavar="N",
    help="The most runs that are listed.",
)
@as_json_option
def runs(
    words: tuple[str, ...],
    archive_directory: Location,
    journals: Location | None,
    limit: int,
    as_json: bool,
) -> None:
    """List earlier runs, newest first.

    With WORDs, only those whose question or answer has all of them. The journal that is named with
    each goes to `resume`, `trace` or `replay`.
    """
    from docpager.run.past_runs import past_runs

    folder = journals or archive_directory / "runs"
    if isinstance(folder, Path) and not folder.is_dir():
        raise UsageError(f"there are no journals in {str(folder)!r}; name an archive or a folder")
    found = past_runs(folder, [part for word in words for part in word.split()])
    for run in found[:limit]:
        if as_json:
            print_json(run.as_json())
        else:
            _print_run(run)
    if len(found) > limit:
        note(f"{limit:,} of {len(found):,} runs; see more with --limit, or name words to look for")
    elif not found:
        note("no run has these words" if words else f"no runs in {folder}")


def _print_run(run: PastRun) -> None:
    when = "" if not run.started else f"{datetime.fromisoformat(run.started).astimezone():%F %H:%M}"
    cost = f", ${run.cost_usd:.4f}" if run.cost_usd else ""
    model = f", {run.model}" if run.model else ""
    say(_short(run.question or run.error or ""), bold=True)
    say(
        f"  {when or 'at an unknown time'}: {run.status}, {counted(run.steps, 'step')}{cost}{model}"
    )
    if run.question and (told := run.answer or run.error):
        say(f"  {_short(told)}")
    say(f"  {run.journal}")


def _short(text: str) -> str:
    flat = " ".join(text.split())
    return flat if len(flat) <= _LINE_WIDTH else f"{flat[: _LINE_WIDTH - 1]}…"
