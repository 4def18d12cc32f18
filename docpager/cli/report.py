"""`docpager report`: runs and batches as pages to look at."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from docpager.cli.options import examples
from docpager.cli.terminal import note, say

__all__ = ["report"]


@click.command(
    epilog=examples(
        "docpager report .docpager/runs/20261121-062934-38fe32dc4196.jsonl",
        "docpager report answers.jsonl --output answers-report",
    )
)
@click.argument("paths", nargs=-1, required=True, metavar="PATH...",
                type=click.Path(path_type=Path))  # fmt: skip
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path),
    help="Where the report goes: a file for a run, a folder for a batch or for several PATHs. "
    "Without it, into the current folder.",
)
@click.option("--no-pictures", is_flag=True, help="Leave the plots out; needs no matplotlib.")
def report(paths: tuple[Path, ...], output: Path | None, no_pictures: bool) -> None:
    """Make pages of runs and batches that a browser opens from disk.

    PATH is the journal of a run (one file comes of it) or the answers file of a batch (a folder
    with index.html and a page for each run). The pages load nothing and send nothing; they hold
    text of the documents, so give them only to people who may read those. Needs
    pip install 'docpager[report]'.
    """
    from docpager.report.reports import write_reports

    for page in write_reports(paths, output, pictures=not no_pictures, progress=_progress):
        say(str(page))


def _progress(done: int, of: int) -> None:
    if sys.stderr.isatty() and done % 100 == 0 and done < of:
        note(f"{done:,} of {of:,} pages written")
