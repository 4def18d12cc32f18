"""`docpager ask`."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from docpager.cli.common import archive_option, as_json_option, progress_bar
from docpager.cli.terminal import note, print_json
from docpager.settings import PagingSettings, RunLimits

if TYPE_CHECKING:
    from docpager.answering.answer_line import AnswerLine
    from docpager.archive.report import IngestReport

__all__ = ["ask", "finish"]

INTERRUPTED = 130
_PAGING, _LIMITS = PagingSettings(), RunLimits()


@click.command()
@click.argument("question")
@click.argument("paths", nargs=-1, metavar="[PATH]...", type=click.Path(path_type=Path))
@archive_option
@click.option(
    "--model", metavar="NAME", help="`extractive`: the built-in reader, no language model."
)
@click.option(
    "--window",
    type=click.IntRange(min=1),
    default=_PAGING.window,
    show_default=True,
    metavar="TOKENS",
    help="Tokens that prompt and reply may use together.",
)
@click.option(
    "--max-output",
    type=click.IntRange(min=1),
    default=_PAGING.max_output,
    show_default=True,
    metavar="TOKENS",
    help="Tokens reserved for each reply.",
)
@click.option(
    "--max-steps",
    type=int,
    default=_LIMITS.max_steps,
    show_default=True,
    metavar="N",
    help="Replies, the finishing one included.",
)
@click.option("--timeout", type=float, metavar="SECONDS", help="Stop after this long.")
@click.option("--journal", type=click.Path(path_type=Path), help="Where to write the run down.")
@as_json_option
def ask(
    question: str,
    paths: tuple[Path, ...],
    archive_directory: Path,
    model: str | None,
    window: int,
    max_output: int,
    max_steps: int,
    timeout: float | None,
    journal: Path | None,
    as_json: bool,
) -> None:
    """Answer QUESTION from the documents under PATH, or from the whole archive.

    What is new under PATH is ingested first.
    """
    from docpager.api import ask_async

    if model is None:
        model = "extractive"
        note("model: extractive, the built-in reader (not a language model)")
    paging = PagingSettings(window=window, max_output=max_output)
    limits = RunLimits(max_steps=max_steps, timeout_seconds=timeout)
    begun: list[Path] = []
    try:
        with progress_bar("reading") as progress:
            line = asyncio.run(
                ask_async(
                    question,
                    *paths,
                    model=model,
                    archive=archive_directory,
                    paging=paging,
                    limits=limits,
                    journal=journal,
                    progress=progress,
                    ingested=_tell_skipped,
                    begun=begun.append,
                )
            )
    except KeyboardInterrupt:
        _tell_parked(begun)
        sys.exit(INTERRUPTED)
    finish(line, as_json=as_json)


def finish(line: AnswerLine, *, as_json: bool) -> None:
    """Print a result; exit with 1 unless it was answered or abstained."""
    from docpager.cli.printing import print_answer

    if as_json:
        print_json(line.as_json())
    else:
        print_answer(line)
    if line.status not in ("answered", "abstained"):
        sys.exit(1)


def _tell_skipped(report: IngestReport) -> None:
    for path in report.missing:
        note(f"gone, but still asked (docpager ingest --prune removes it): {path}")
    for file in report.skipped:
        note(f"skipped: {file.path} ({file.message})")
    if unreadable := sum(
        len(pages) for reasons in report.unreadable.values() for pages in reasons.values()
    ):
        note(f"PDF pages without usable text: {unreadable} (docpager status --unreadable)")


def _tell_parked(begun: list[Path]) -> None:
    if begun:
        note(f"interrupted; the run is kept: docpager resume {begun[0]}")
    else:
        note("interrupted before the run began; ask again")
