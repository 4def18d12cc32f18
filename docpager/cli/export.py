"""`docpager export`."""

from __future__ import annotations

from pathlib import Path

import click

from docpager.cli.options import archive_option, examples
from docpager.cli.terminal import note
from docpager.core.errors import UsageError
from docpager.core.passages import counted

__all__ = ["export"]

_FILE = click.Path(path_type=Path)
_SHOWN_AT_MOST = 5


@click.command(
    epilog=examples(
        "docpager export answers.jsonl -o answers.csv",
        "docpager export answers.jsonl -o citations.xlsx --by citation",
        "docpager export answers.jsonl -o steps.parquet --by step",
        "docpager export answers.jsonl -o log.eval --questions questions.jsonl",
        "docpager export answers.jsonl -o cited.bib",
        "docpager export .docpager/runs -o events.parquet --by page-event",
        'duckdb -c "SELECT file, count(*) AS faults, sum(refault) AS again '
        "FROM 'events.parquet' WHERE event = 'page_in' GROUP BY file ORDER BY faults DESC\"",
    )
)
@click.argument("paths", nargs=-1, required=True, metavar="PATH...", type=_FILE)
@click.option(
    "-o",
    "--output",
    required=True,
    type=_FILE,
    metavar="FILE",
    help="What is written, replaced if it exists: a table as .csv, .xlsx (`pip install "
    "'docpager[tables]'`) or .parquet; or a log that the viewer of Inspect opens: .eval (`pip "
    "install 'docpager[inspect]'`); or a bibliography of the cited documents: .bib (BibTeX), .json "
    "(CSL-JSON).",
)
@click.option(
    "--by",
    type=click.Choice(["question", "citation", "step", "page-event"]),
    help="What gets a row in a table. A question (the default) shows its first citation that "
    "stands; with `citation`, cost, steps, tokens and seconds stand in the first row of each "
    "question only, so that sums are right. A step tells what filled its prompt, what it called "
    "and cost. A page event is a passage that was paged in (a fault), referenced, released or "
    "evicted.",
)
@click.option(
    "--questions",
    type=_FILE,
    metavar="FILE",
    help="For a log: the questions with their gold answers, so that it holds targets and scores.",
)
@archive_option
def export(
    paths: tuple[Path, ...],
    output: Path,
    by: str | None,
    questions: Path | None,
    archive_directory: Path,
) -> None:
    """Make of answers and runs what other programs open.

    PATH is a file that `batch` or `ask --json` wrote; for steps, page events and logs also the
    journal of a run or a folder of journals. Runs are made again from their journals: neither
    the model nor the archive is needed.

    Tables of answers have question, status, answer, file, page (sheet, row, slide, section),
    quote, match, cost and more. Text stays text: in a CSV file a text that a spreadsheet would
    take for a formula begins with a quote ('=1+1).

    A bibliography has title, authors, date and DOI as the files say them, which must still be
    where they were ingested from; a document without a title is named by its file.
    """
    ending = output.suffix.lower()
    if ending in (".eval", ".bib", ".json") and by is not None:
        raise UsageError("--by is for tables (.csv, .xlsx, .parquet)")
    if questions is not None and ending != ".eval":
        raise UsageError("--questions is for a log (.eval); `docpager evaluate` scores answers")
    if ending == ".eval":
        _export_log(paths, output, questions)
        return
    if ending in (".bib", ".json"):
        _export_bibliography(paths, output, archive_directory)
        return
    if by in ("step", "page-event"):
        _export_runs(paths, output, by)
        return
    from docpager.batch.tables import export as export_table

    if len(paths) > 1:
        raise UsageError("a table of answers is made of one answers file; export one at a time")
    taken = export_table(paths[0], output, by_citation=by == "citation")
    note(f"{counted(taken, 'answer')} in {output}")


def _export_runs(paths: tuple[Path, ...], output: Path, by: str) -> None:
    from docpager.exports.paging_tables import export_page_events, export_steps

    with _Omitted() as omitted:
        export_table = export_steps if by == "step" else export_page_events
        rows = export_table(paths, output, left_out=omitted.tell)
    note(f"{counted(rows, by.replace('-', ' '))} in {output}")


def _export_bibliography(paths: tuple[Path, ...], output: Path, archive: Path) -> None:
    from docpager.exports.bibliography import export_bibliography

    with _Omitted() as omitted:
        works, untitled = export_bibliography(paths, output, archive, left_out=omitted.tell)
    named = f"; {untitled} without a title, named by the file" if untitled else ""
    note(f"{counted(works, 'cited document')} in {output}{named}")


def _export_log(paths: tuple[Path, ...], output: Path, questions: Path | None) -> None:
    from docpager.batch.questions import read_questions
    from docpager.exports.inspect_log import export_log

    asked = read_questions(questions).questions if questions is not None else ()
    samples, without_steps = export_log(paths, output, questions=asked)
    with _Omitted("without its steps") as omitted:
        for name, why in without_steps:
            omitted.tell(name, why)
    note(f"{counted(samples, 'sample')} in {output}; open it with `inspect view`")


class _Omitted:
    """Names what is left out: the first few as they come, the others by number."""

    def __init__(self, how: str = "left out") -> None:
        self._how = how
        self._count = 0

    def tell(self, name: str, why: str) -> None:
        self._count += 1
        if self._count <= _SHOWN_AT_MOST:
            note(f"{self._how}: {name}: {why}")

    def __enter__(self) -> _Omitted:
        return self

    def __exit__(self, *error: object) -> None:
        if self._count > _SHOWN_AT_MOST:
            note(f"{self._how}: {self._count - _SHOWN_AT_MOST} more")
