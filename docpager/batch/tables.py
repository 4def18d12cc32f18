"""Answer lines as tables that people open: CSV, Excel workbooks, Parquet.

A table has a row for each question, with the place and quote of its first citation that stands, or
a row for each citation. Then what belongs to the question as a whole (cost, steps, tokens, seconds)
is in the first of its rows only, so that sums are right.

Text stays text. In a workbook each cell has a type, and no text is ever a formula. CSV has no
types, so a text that a spreadsheet would take for a formula begins with a quote there (`'=1+1`);
texts that are numbers, such as `-5`, stay as they are. The only module that imports xlsxwriter.
"""

from __future__ import annotations

import csv
import math
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from docpager.batch.responses import answer_objects
from docpager.core.errors import UsageError
from docpager.core.locations import Location
from docpager.run.answer_line import AnswerLine, Citation, parse_answer

__all__ = [
    "TABLE_ENDINGS",
    "TABLE_EXTRA",
    "Cell",
    "Column",
    "check_table_writer",
    "columns",
    "export",
    "write_table",
]

TABLE_ENDINGS = (".csv", ".xlsx", ".parquet")
TABLE_EXTRA = "tables"
"""The extra of the package that writes workbooks."""

_LONGEST_CELL = 32_767
_MOST_ROWS = 1_048_575
"""Limits of Excel: characters in a cell, rows below the header."""
_CUT = " [cut here; the whole text is in the answers file]"

_ILLEGAL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]")
"""What XML cannot hold, other control characters, and halves of characters."""
_NUMBER = re.compile(r"[+-]?(?:\d+|\d{1,3}(?:,\d{3})+)?(?:\.\d+)?(?:[eE][+-]?\d+)?%?")
_BEGINS_FORMULA = "=+-@＝＋－＠"
"""Wide forms too: spreadsheets of East Asian languages take them for the same."""

Cell = str | int | float | None


@dataclass(frozen=True, slots=True)
class Column:
    """One column: its name, what kind of values it has, and how wide it is shown."""

    name: str
    kind: type = str
    """`str`, `int` or `float`."""
    width: int = 12
    """In characters, in a workbook."""


_QUESTION = (
    Column("id"),
    Column("question", width=40),
    Column("status"),
    Column("answer", width=40),
)
_COUNT = (Column("citations", int),)
_NUMBER_OF = (Column("citation", int),)
_CITED = (
    Column("file", width=30),
    Column("page", int, 7),
    Column("printed_page", width=7),
    Column("sheet"),
    Column("row", int, 7),
    Column("slide", int, 7),
    Column("section"),
    Column("section_title", width=20),
    Column("turn", int, 7),
    Column("quote", width=60),
    Column("match"),
    Column("seen", width=7),
    Column("doubt", width=20),
)
_TOOK = (
    Column("cost_usd", float),
    Column("steps", int, 7),
    Column("tokens_in", int),
    Column("tokens_out", int),
    Column("seconds", float),
    Column("error", width=30),
    Column("model", width=20),
    Column("journal", width=30),
)


def columns(*, by_citation: bool) -> tuple[Column, ...]:
    """The columns of a table, in their order."""
    return (*_QUESTION, *(_NUMBER_OF if by_citation else _COUNT), *_CITED, *_TOOK)


def check_table_writer(path: Location) -> None:
    """See that a table of this ending can be written here.

    Raises:
        UsageError: it needs a package that is not installed.
    """
    if path.suffix.lower() == ".xlsx":
        try:
            import xlsxwriter  # noqa: F401
        except ImportError as error:
            raise UsageError(
                f"an .xlsx file needs XlsxWriter: pip install 'docpager[{TABLE_EXTRA}]'; or name a "
                ".csv file"
            ) from error


def export(answers: Path, path: Path, *, by_citation: bool = False) -> int:
    """Make a table of an answers file (JSON Lines or Parquet), in place of what was at `path`;
    returns how many answers it holds. A torn last line is left out.

    Raises:
        UsageError: the answers cannot be read, one is no answer (names it), the ending of `path`
            means no table, or it cannot be written.
    """
    if path.exists() and answers.exists() and path.samefile(answers):
        raise UsageError(f"{str(path)!r} is the answers file itself; name another output")
    taken = 0

    def rows() -> Iterator[list[Cell]]:
        nonlocal taken
        for value, line in _read(answers):
            taken += 1
            yield from _rows(value, line, by_citation=by_citation)

    write_table(path, columns(by_citation=by_citation), rows())
    return taken


def write_table(path: Path, head: Sequence[Column], rows: Iterable[Sequence[Cell]]) -> None:
    """Write rows as a table of the kind that the ending of `path` names, in place of what was
    there, whole or not at all.

    Raises:
        UsageError: the ending means no table, a package is missing, or it cannot be written.
    """
    if path.suffix.lower() not in TABLE_ENDINGS:
        raise UsageError(
            f"{str(path)!r} does not name a table; name a file that ends in .csv, .xlsx or .parquet"
        )
    check_table_writer(path)
    write = {".csv": _write_csv, ".xlsx": _write_xlsx, ".parquet": _write_parquet}
    temporary = path.with_name(path.name + ".new")
    try:
        write[path.suffix.lower()](temporary, head, rows)
        temporary.replace(path)
    except OSError as error:
        raise UsageError(f"cannot write {str(path)!r}: {error.strerror or error}") from error
    finally:
        temporary.unlink(missing_ok=True)


def _read(answers: Path) -> Iterator[tuple[Mapping[str, Any], AnswerLine]]:
    """Each answer of a file as it stands there, and its citations in today's form."""
    for number, value, problem in answer_objects(answers):
        if value is None and not problem:
            return  # torn
        try:
            if value is None:
                raise ValueError(problem)
            yield value, parse_answer(value)
        except ValueError as error:
            raise UsageError(
                f"line {number} of {str(answers)!r} is not an answer: {error}"
            ) from error


def _rows(value: Mapping[str, Any], line: AnswerLine, *, by_citation: bool) -> Iterator[list[Cell]]:
    """The rows of one answer."""
    question = [_text(value, "id"), _text(value, "question"), line.status, line.answer]
    usage = value.get("usage")
    usage = usage if isinstance(usage, Mapping) else {}
    prompt = [_number(usage, f"{kind}_tokens") for kind in ("input", "cache_read", "cache_write")]
    took = [
        _number(value, "cost_usd"),
        _number(value, "steps"),
        sum(int(tokens or 0) for tokens in prompt) if usage else None,
        _number(usage, "output_tokens"),
        _number(value, "seconds"),
        _text(value, "error"),
        _text(value, "model"),
        _text(value, "journal"),
    ]
    if not by_citation:
        standing = [citation for citation in line.citations if citation.stands]
        shown = (*standing, *line.citations, None)[0]
        yield [*question, len(line.citations), *_cited(shown), *took]
        return
    for number, citation in enumerate(line.citations or (None,), 1):
        of_question = took if number == 1 else [None] * len(took)
        yield [*question, number if citation else None, *_cited(citation), *of_question]


def _cited(citation: Citation | None) -> list[Cell]:
    if citation is None:
        return [None] * len(_CITED)
    place = citation.place
    return [
        place.document or None,
        place.page,
        place.label,
        place.sheet,
        place.row,
        place.slide,
        place.section,
        place.title,
        place.turn,
        citation.quote,
        citation.match,
        "yes" if citation.seen else "no",
        citation.doubt,
    ]


def _text(value: Mapping[str, Any], name: str) -> str | None:
    found = value.get(name)
    return None if found is None else str(found)


def _number(value: Mapping[str, Any], name: str) -> int | float | None:
    found = value.get(name)
    if not isinstance(found, int | float) or isinstance(found, bool) or not math.isfinite(found):
        return None
    return found


def plain(text: str) -> str:
    """`text` as a cell holds it: line ends are line feeds, control characters are spelled out.

    >>> plain("a\\x1b[2Jb")
    'a\\\\x1b[2Jb'
    """
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    return _ILLEGAL.sub(lambda match: ascii(match[0])[1:-1], text)


def unformulaic(text: str) -> str:
    """`text` for CSV, so that no spreadsheet takes it for a formula.

    >>> unformulaic("=1+1"), unformulaic("-5"), unformulaic("- first")
    ("'=1+1", '-5', "'- first")
    """
    begun = text.lstrip().lstrip("\ufeff\u200b")
    if text[:1] in ("\t", "\n") or (begun[:1] and begun[0] in _BEGINS_FORMULA):
        return text if _is_number(text) else f"'{text}"
    return text


def _is_number(text: str) -> bool:
    return any(map(str.isdigit, text)) and _NUMBER.fullmatch(text) is not None


def _write_csv(path: Path, head: Sequence[Column], rows: Iterable[Sequence[Cell]]) -> None:
    # With a byte order mark: without it Excel takes UTF-8 for the system's old encoding.
    # LibreOffice and the usual readers of CSV pass over it.
    with path.open("w", encoding="utf-8-sig", newline="") as file:
        writer = csv.writer(file)
        writer.writerow([column.name for column in head])
        for row in rows:
            writer.writerow(
                [unformulaic(plain(cell)) if isinstance(cell, str) else cell for cell in row]
            )


def _write_xlsx(path: Path, head: Sequence[Column], rows: Iterable[Sequence[Cell]]) -> None:
    import xlsxwriter

    with xlsxwriter.Workbook(path, {"constant_memory": True}) as book:
        sheet = book.add_worksheet("docpager")
        for number, column in enumerate(head):
            sheet.set_column(number, number, column.width)
        sheet.freeze_panes(1, 0)
        sheet.ignore_errors({"number_stored_as_text": f"A1:XFD{_MOST_ROWS + 1}"})
        bold, top = book.add_format({"bold": True}), book.add_format({"valign": "top"})
        for number, column in enumerate(head):
            sheet.write_string(0, number, column.name, bold)
        last = 0
        for last, row in enumerate(rows, 1):
            if last > _MOST_ROWS:
                raise UsageError(
                    f"an .xlsx file holds {_MOST_ROWS:,} rows at most, and these are more; "
                    "name a .csv or .parquet file"
                )
            for number, cell in enumerate(row):
                if isinstance(cell, str):
                    sheet.write_string(last, number, _within(plain(cell)), top)
                elif cell is not None:
                    sheet.write_number(last, number, cell, top)
        sheet.autofilter(0, 0, last, len(head) - 1)


def _within(text: str) -> str:
    """As much of a text as a cell of Excel takes, which counts in units of UTF-16."""
    if len(text.encode("utf-16-le")) // 2 <= _LONGEST_CELL:
        return text
    room = 2 * (_LONGEST_CELL - len(_CUT))
    return text.encode("utf-16-le")[:room].decode("utf-16-le", "ignore") + _CUT


def _write_parquet(path: Path, head: Sequence[Column], rows: Iterable[Sequence[Cell]]) -> None:
    from docpager.batch.parquet import write_columns

    write_columns(path, {column.name: column.kind for column in head}, rows)
