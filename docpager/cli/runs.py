"""`docpager resume`, `replay` and `trace`: what can be done with a journal."""

from __future__ import annotations

import sys
from contextlib import closing
from dataclasses import asdict
from pathlib import Path

import click

from docpager.cli.ask import INTERRUPTED, finish
from docpager.cli.options import as_json_option, examples
from docpager.cli.terminal import note, print_json, say
from docpager.core.passages import counted

__all__ = ["replay", "resume", "trace"]

_journal = click.argument("journal", type=click.Path(path_type=Path))


@click.command(
    epilog=examples(
        "docpager resume .docpager/runs/20261121-062934-38fe32dc4196.jsonl",
    )
)
@_journal
@click.option("--archive", type=click.Path(path_type=Path), help="The archive, if it was moved.")
@click.option(
    "--on-new-archive",
    is_flag=True,
    help="Continue although documents that the run has read have changed.",
)
@as_json_option
def resume(journal: Path, archive: Path | None, on_new_archive: bool, as_json: bool) -> None:
    """Continue an interrupted run from its JOURNAL.

    The model and the limits are those of the run; what it has spent counts.
    """
    from docpager.api.ask import resume as resume_run

    try:
        line = resume_run(journal, archive=archive, on_new_archive=on_new_archive)
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
    type=click.Path(path_type=Path),
    metavar="ARCHIVE",
    help="Also execute every call again on this archive, and compare the results.",
)
@as_json_option
def replay(journal: Path, against: Path | None, as_json: bool) -> None:
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
    finish(line, against or Path(replayed.record.header.archive), as_json=as_json)


def _archive_of(journal: Path) -> Path:
    from docpager.run.journal import read_journal

    return Path(read_journal(journal).header.archive)


@click.command(
    epilog=examples(
        "docpager trace .docpager/runs/20261121-062934-38fe32dc4196.jsonl",
    )
)
@_journal
@as_json_option
def trace(journal: Path, as_json: bool) -> None:
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
