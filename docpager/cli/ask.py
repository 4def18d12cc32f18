"""`docpager ask`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from docpager.cli.asking import AskedWith, asking_options
from docpager.cli.left_out import tell_few, tell_left_out, tell_skipped
from docpager.cli.live_view import ask_progress
from docpager.cli.model_options import prepared_model, tell_price
from docpager.cli.options import LOCATION, examples
from docpager.cli.terminal import note, print_json
from docpager.core.errors import UsageError
from docpager.core.locations import Location

if TYPE_CHECKING:
    from docpager.archive.ingest_report import IngestReport
    from docpager.run.answer_line import AnswerLine

__all__ = ["ask", "finish", "tell_ingested"]

INTERRUPTED = 130
_FEW_SKIPPED = 3
"""Files that could not be read and are named before a question is asked: each time it is."""


@click.command(
    epilog=examples(
        'docpager ask "What was revenue in 2023?" reports/',
        'docpager ask --model extractive --window 8000 "Who signed the lease?"',
        'docpager ask --model claude-sonnet-5-5 --max-usd 0.50 "What changed?" reports/',
    )
)
@click.argument("question")
@click.argument("paths", nargs=-1, metavar="[PATH]...", type=LOCATION)
@asking_options()
@click.option(
    "--journal",
    type=click.Path(path_type=Path),
    help="Where to write the journal of the run. Default: a new file in the archive's `runs`.",
)
@click.option(
    "--rectangles",
    is_flag=True,
    help="With --json: also where each quote stands on its PDF page.",
)
def ask(
    question: str,
    paths: tuple[Location, ...],
    journal: Location | None,
    rectangles: bool,
    **given: Any,
) -> None:
    """Answer QUESTION from the documents under PATH.

    Without PATH, the whole archive is searched. New and changed files under PATH are ingested
    first. The model is named before it is asked, with the most that the run can cost.
    """
    from docpager.api.ask import ask_prepared
    from docpager.api.loops import in_own_loop

    asked = AskedWith.of(given)
    if rectangles and not asked.as_json:
        raise UsageError("--rectangles belongs to --json; add that, or leave it out")
    prepared = prepared_model(**asked.how)
    tell_price(prepared)
    started: list[Location] = []
    try:
        with ask_progress(**asked.shown) as (progress, on_step):
            line = in_own_loop(
                lambda: ask_prepared(
                    question,
                    *paths,
                    prepared=prepared,
                    archive=asked.archive,
                    embedder=asked.embedder_of(paths),
                    reading=asked.reading,
                    journal=journal,
                    progress=progress,
                    on_ingested=tell_ingested,
                    on_started=started.append,
                    on_retry=note,
                    on_step=on_step,
                ),
                twin="ask_async",
            )
    except KeyboardInterrupt:
        _tell_parked(started)
        sys.exit(INTERRUPTED)
    finish(line, asked.archive, as_json=asked.as_json, rectangles=rectangles)


def finish(
    line: AnswerLine, archive: Location | None, *, as_json: bool, rectangles: bool = False
) -> None:
    """Print a result; exit with 1 unless it was answered or abstained.

    `archive` is where the files behind its citations are known.
    """
    from docpager.cli.answer_sources import links_of, with_rectangles
    from docpager.cli.output import print_answer

    if as_json and rectangles and archive is not None:
        print_json(with_rectangles(line, archive))
    elif as_json:
        print_json(line.as_json())
    else:
        print_answer(line, links_of(line, archive) if archive is not None else ())
    if line.status not in ("answered", "abstained"):
        sys.exit(1)


def tell_ingested(report: IngestReport) -> None:
    """Name what was skipped or could not be read."""
    gone = [
        f"gone, but still asked (docpager ingest --prune removes it): {path}"
        for path in report.missing
    ]
    tell_few(gone, "gone, but still asked", all_named_by="docpager ingest --verbose names each")
    tell_skipped(report.skipped, few=_FEW_SKIPPED)
    tell_left_out(report)
    if unreadable := sum(
        len(pages) for reasons in report.unreadable.values() for pages in reasons.values()
    ):
        note(f"pages without usable text: {unreadable} (docpager status --unreadable)")


def _tell_parked(started: list[Location]) -> None:
    if started:
        note(f"interrupted; the run is kept: docpager resume {started[0]}")
    else:
        note("interrupted before the run started; ask again")
