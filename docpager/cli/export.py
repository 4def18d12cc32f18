"""`docpager export`."""

from __future__ import annotations

from pathlib import Path

import click

from docpager.cli.options import examples
from docpager.cli.terminal import note
from docpager.core.passages import counted

__all__ = ["export"]

_FILE = click.Path(path_type=Path)


@click.command(
    epilog=examples(
        "docpager export answers.jsonl -o answers.csv",
        "docpager export answers.jsonl -o citations.xlsx --by citation",
    )
)
@click.argument("answers", type=_FILE)
@click.option(
    "-o",
    "--output",
    required=True,
    type=_FILE,
    metavar="FILE",
    help="The table, replaced if it exists: .csv, .xlsx (`pip install 'docpager[tables]'`) or "
    ".parquet.",
)
@click.option(
    "--by",
    type=click.Choice(["question", "citation"]),
    default="question",
    show_default=True,
    help="What gets a row. A question shows its first citation that stands; cost, steps, tokens "
    "and seconds stand in the first row of each question only, so that sums are right.",
)
def export(answers: Path, output: Path, by: str) -> None:
    """Make a table of ANSWERS, a file that `batch` or `ask --json` wrote.

    Columns: question, status, answer, file, page (sheet, row, slide, section), quote, match, cost
    and more. Text stays text: in a CSV file a text that a spreadsheet would take for a formula
    begins with a quote ('=1+1).
    """
    from docpager.batch.tables import export as export_table

    taken = export_table(answers, output, by_citation=by == "citation")
    note(f"{counted(taken, 'answer')} in {output}")
