"""`docpager report`: runs and batches as pages to look at."""

from __future__ import annotations

import sys
from pathlib import Path
from time import monotonic

import click

from docpager.cli.options import examples
from docpager.cli.terminal import note, say
from docpager.core.errors import UsageError

__all__ = ["report"]

_SAY_EVERY = 5.0
"""Seconds between two lines about how far a batch is."""


@click.command(
    epilog=examples(
        "docpager report .docpager/runs/20261121-062934-38fe32dc4196.jsonl",
        "docpager report answers.jsonl --output answers-report",
        "docpager report answers.jsonl --pictures 100",
        "docpager report .docpager/runs",
    )
)
@click.argument("paths", nargs=-1, required=True, metavar="PATH...",
                type=click.Path(path_type=Path))  # fmt: skip
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path),
    help="Where the report goes: a file for a run, else a folder. "
    "Without it, into the current folder.",
)
@click.option("--no-pictures", is_flag=True, help="Leave plots and cited pages out; needs no "
              "matplotlib, and much less time.")  # fmt: skip
@click.option(
    "--pictures",
    type=click.IntRange(min=0),
    metavar="N",
    help="Of a batch or a folder, draw plots and cited pages for its first N runs only.",
)
def report(
    paths: tuple[Path, ...], output: Path | None, no_pictures: bool, pictures: int | None
) -> None:
    """Make pages of runs and batches that a browser opens from disk.

    PATH is the journal of a run (one file comes of it), or a folder of journals or the answers file
    of a batch (a folder with index.html and a page for each run). The pages load nothing and send
    nothing; they hold text of the documents and pictures of the cited pages, so give them only to
    people who may see those. Needs pip install 'docpager[report]'.
    """
    from docpager.report.reports import write_reports

    if no_pictures and pictures:
        raise UsageError("--no-pictures and --pictures exclude each other; give one of them")
    wanted = True if pictures is None else pictures
    for page in write_reports(
        paths, output, pictures=False if no_pictures else wanted, progress=_Progress()
    ):
        say(str(page))


class _Progress:
    """Says on a terminal, now and then, how far a batch is and about how long it will take."""

    def __init__(self) -> None:
        self._began = self._said = monotonic()

    def __call__(self, done: int, of: int) -> None:
        now = monotonic()
        if not sys.stderr.isatty() or done == of or now - self._said < _SAY_EVERY:
            return
        self._said = now
        left = (now - self._began) / done * (of - done)
        note(f"{done:,} of {of:,} pages written, about {left / 60:,.0f} min left at this pace")
