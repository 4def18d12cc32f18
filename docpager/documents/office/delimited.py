"""Reads tables written as text (`.csv`, `.tsv`): which character parts the fields is found out.

What is no table stays text as it is.
"""

from __future__ import annotations

import csv
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from io import StringIO

from docpager.documents.carried import FileContents, Instructions
from docpager.documents.encodings import decode_text
from docpager.documents.flow import Flow, on_one_line
from docpager.documents.office.sheet_rows import Cell, SheetLayout, SheetRow, lines_of
from docpager.documents.office.spreadsheets import Cells
from docpager.documents.text import read_text

__all__ = ["read_delimited"]

_DELIMITERS = ",;\t|"
_SAMPLE_LINES = 200
_SAMPLE_CHARACTERS = 200_000
_ALIKE = 0.7
"""Share of the lines that must have as many fields as most, or the file is no table."""
_MOST_LINES_IN_FIELD = 500
"""Of a quoted field; more than that is a quotation mark that nobody closed."""
_NUMBER = re.compile(
    r"[(+-]?\s?[$€£¥]?\s?[+-]?\d[\d.,'\u00a0\u202f ]*(?:[eE][+-]?\d+)?\s?[%$€£¥]?\)?"
)
_DATE = re.compile(
    r"\d{4}-\d\d?-\d\d?(?:[T ]\d\d?:\d\d.*)?|\d\d?[./]\d\d?[./]\d{2,4}(?: \d\d?:\d\d.*)?"
    r"|\d\d?:\d\d(?::\d\d)?"
)
_HINT = re.compile(r"sep=(.)\n")


@dataclass(frozen=True, slots=True)
class _Dialect:
    delimiter: str
    quoted: bool = True
    """Whether quotation marks enclose fields; else they are characters like others."""

    def records(self, lines: Iterable[str]) -> Iterator[list[str]]:
        if self.quoted:
            return csv.reader(lines, delimiter=self.delimiter)
        return csv.reader(lines, delimiter=self.delimiter, quoting=csv.QUOTE_NONE)


def read_delimited(content: bytes, path: str, instructions: Instructions) -> FileContents:
    """A table as one document without pages, a line for each row.

    Raises:
        DocumentError: `content` is no text, or a table of too many cells.
    """
    decoded = decode_text(content, path)
    text = decoded.text
    hint = _HINT.match(text)
    text = text[hint.end() :] if hint else text
    dialect = _Dialect(hint[1]) if hint else _dialect_of(text)
    if dialect is None:
        return FileContents((read_text(content, path),))
    before = csv.field_size_limit(len(text) + 1)
    try:
        if dialect.quoted and _is_left_open(dialect, text):
            dialect = _Dialect(dialect.delimiter, quoted=False)
        rows = Cells(path).counted(_rows(dialect.records(StringIO(text))))
        flow = Flow()
        for line in lines_of(rows, SheetLayout(expects_header=True)):
            if line:
                flow.lines([line])
            else:
                flow.gap()
    finally:
        csv.field_size_limit(before)
    if decoded.doubt:
        flow.doubt(decoded.doubt)
    return FileContents((flow.document("csv", path, content),))


def _rows(records: Iterable[list[str]]) -> Iterator[SheetRow]:
    for number, record in enumerate(records, start=1):
        fields = [on_one_line(field) for field in record]
        cells = [
            Cell(column, field, _kind(field))
            for column, field in enumerate(fields, start=1)
            if field
        ]
        if cells:
            yield SheetRow(number, cells)


def _kind(field: str) -> str:
    if len(field) > 40:
        return "text"
    if _DATE.fullmatch(field):
        return "date"
    return "number" if _NUMBER.fullmatch(field) else "text"


def _dialect_of(text: str) -> _Dialect | None:
    """The dialect under which most lines have equally many fields; None where there is none."""
    sample = text[:_SAMPLE_CHARACTERS]
    lines = list(StringIO(sample))
    if len(sample) < len(text) and len(lines) > 1:
        lines.pop()
    lines = lines[:_SAMPLE_LINES]
    best: tuple[float, int, _Dialect] | None = None
    before = csv.field_size_limit(len(sample) + 1)
    try:
        for quoted in (True, False):
            for delimiter in _DELIMITERS:
                dialect = _Dialect(delimiter, quoted)
                alike, width = _agreement(dialect, lines)
                if width > 1 and alike >= _ALIKE and (best is None or (alike, width) > best[:2]):
                    best = (alike, width, dialect)
    finally:
        csv.field_size_limit(before)
    return best[2] if best else None


def _agreement(dialect: _Dialect, lines: list[str]) -> tuple[float, int]:
    """The share of records with the most frequent number of fields, and that number.

    A field that took in a line end only because a mark was left open counts against it.
    """
    widths = Counter(len(record) for record in dialect.records(lines) if any(record))
    if not widths:
        return 0.0, 0
    width, count = max(widths.items(), key=lambda item: (item[1], item[0]))
    records = widths.total()
    if records == 1 and width < 3:
        return 0.0, 0
    return count / records, width


def _is_left_open(dialect: _Dialect, text: str) -> bool:
    if '"' not in text:
        return False
    records = dialect.records(StringIO(text))
    return any(field.count("\n") > _MOST_LINES_IN_FIELD for record in records for field in record)
