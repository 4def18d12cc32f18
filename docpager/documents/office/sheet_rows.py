"""The rows of a sheet as lines: each begins with its number and says what its cells are.

A passage may hold any one of the lines, and a person must find the row that it came from, so every
line reads `Row 12: Region: North | 2023: 1,234`. A sheet may hold several tables, with titles
above them and blank rows between; which rows are headers is told from how they differ from the
rows beneath, unless the file says it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain, islice
from typing import NamedTuple

from docpager.documents.flow import marked

__all__ = ["Cell", "SheetLayout", "SheetRow", "lines_of"]

_LOOKED_AT = 24
"""Rows at the beginning of a table that are held back until its header is known."""
_MOST_HEADER_ROWS = 4
_LONGEST_HEADER = 80
_LONGEST_NAME = 40
"""Of a header cell that nothing but its place tells from the text beneath."""
_YEAR = re.compile(r"(?:FY ?)?(?:18|19|20|21)\d\d", re.IGNORECASE)


class Cell(NamedTuple):
    """A cell that shows something."""

    column: int
    """Counted from 1."""
    text: str
    kind: str = "text"
    """`text`, `number` or `date`."""
    is_bold: bool = False
    comment: str = ""
    """What is said of it, marked."""


class SheetRow(NamedTuple):
    """A row with at least one cell that shows something."""

    number: int
    """Counted from 1, as the program numbers it."""
    cells: Sequence[Cell]
    """From left to right."""
    is_hidden: bool = False


@dataclass(slots=True)
class SheetLayout:
    """What is known of a sheet beside its rows."""

    hidden_columns: frozenset[int] = frozenset()
    spans: Mapping[int, Sequence[tuple[int, int]]] = field(default_factory=dict)
    """By row: first and last column of cells merged across columns."""
    header_rows: frozenset[int] = frozenset()
    """Rows that the file itself says are headers."""
    comments: Mapping[int, Sequence[tuple[int, str]]] = field(default_factory=dict)
    """By row: columns, and marked comments on their cells."""
    expects_header: bool = False
    """Whether a file of its kind has its header in its first row as a rule."""


def lines_of(rows: Iterable[SheetRow], layout: SheetLayout) -> Iterator[str]:
    """The rows as lines, and an empty line between tables.

    Time is linear in the cells, and only the first rows of each table are held back.
    """
    header: dict[int, str] = {}
    first = True
    for table in _tables(_with_comments(rows, layout), layout):
        if not first:
            yield ""
        first = False
        begun = list(islice(table, _LOOKED_AT))
        titles, headers = _header_of(begun, layout)
        if headers:
            header = _labels(begun[titles : titles + headers], layout)
        elif not _goes_on(begun, header, layout):
            header = {}
        past = titles + headers if headers else 0
        for row in begun[:past]:
            yield _line(row, {}, layout)
        for row in chain(begun[past:], table):
            yield _line(row, header, layout)


def _with_comments(rows: Iterable[SheetRow], layout: SheetLayout) -> Iterator[SheetRow]:
    """The rows, with an empty cell where a comment is on one."""
    if not layout.comments:
        yield from rows
        return
    waiting = sorted(layout.comments)
    place = 0
    for row in rows:
        while place < len(waiting) and waiting[place] < row.number:
            yield SheetRow(waiting[place], _commented((), layout.comments[waiting[place]]))
            place += 1
        if place < len(waiting) and waiting[place] == row.number:
            row = row._replace(cells=_commented(row.cells, layout.comments[row.number]))
            place += 1
        yield row
    for number in waiting[place:]:
        yield SheetRow(number, _commented((), layout.comments[number]))


def _commented(cells: Sequence[Cell], comments: Sequence[tuple[int, str]]) -> list[Cell]:
    there = {cell.column: cell for cell in cells}
    for column, said in comments:
        cell = there.get(column) or Cell(column, "")
        there[column] = cell._replace(comment=f"{cell.comment} {said}".strip())
    return [there[column] for column in sorted(there)]


def _tables(rows: Iterable[SheetRow], layout: SheetLayout) -> Iterator[Iterator[SheetRow]]:
    """The rows in runs without a blank row between; each must be used up before the next."""
    source = iter(rows)
    waiting = next(source, None)

    def run() -> Iterator[SheetRow]:
        nonlocal waiting
        while waiting is not None:
            row, waiting = waiting, next(source, None)
            yield row
            if waiting is None or waiting.number != row.number + 1:
                return
            if waiting.number in layout.header_rows and row.number not in layout.header_rows:
                return

    while waiting is not None:
        yield run()


def _header_of(rows: Sequence[SheetRow], layout: SheetLayout) -> tuple[int, int]:
    """How many rows stand above the header, and how many the header has; 0 where there is none."""
    for place, row in enumerate(rows):
        if row.number in layout.header_rows:
            return place, 1
    widest = 1
    for place, row in enumerate(rows[:-1]):
        wide = len(row.cells)
        if wide >= 2 and wide >= widest and _is_header(rows, place, layout):
            first = place
            while first and place - first < 2 and _spans_part(rows[first - 1], row, layout):
                first -= 1
            return first, place - first + 1 + _more_header(rows, place, layout)
        if place >= 8 or (wide > 1 and any(cell.kind == "number" for cell in row.cells[1:3])):
            break
        widest = max(widest, wide + 1 if wide > 1 else 1)
    return 0, 0


def _is_header(rows: Sequence[SheetRow], place: int, layout: SheetLayout) -> bool:
    cells = rows[place].cells
    body = [row for row in rows[place + 1 : place + 12] if len(row.cells) > 1]
    if not body or not _may_name(cells):
        return False
    if _figures_beneath(cells, body):
        return True
    if all(cell.kind != "text" for cell in cells):
        return False
    bold = all(cell.is_bold for cell in cells)
    if bold and not all(cell.is_bold for row in body for cell in row.cells):
        return True
    # Nothing but text: a header is as wide as what is beneath, short, and does not come again.
    names = {cell.text for cell in cells}
    columns = {cell.column for cell in cells}
    beneath = {cell.column for row in body for cell in row.cells}
    repeated = any(cell.text in names for row in body for cell in row.cells)
    short = all(len(name) <= _LONGEST_NAME for name in names)
    wide = len(cells) >= (2 if layout.expects_header else 3)
    enough = layout.expects_header or len(body) >= 2
    whole = len(beneath - columns) == 0
    return wide and enough and whole and short and not repeated and len(names) == len(cells)


def _may_name(cells: Sequence[Cell]) -> bool:
    """Whether every cell could be the name of its column: text, a year or a date."""
    return all(
        len(cell.text) <= _LONGEST_HEADER
        and (cell.kind != "number" or _YEAR.fullmatch(cell.text) is not None)
        for cell in cells
    )


def _figures_beneath(cells: Sequence[Cell], body: Sequence[SheetRow]) -> bool:
    """Whether a column of figures stands under one of these cells, and a text is among them."""
    if len(cells) < 2:
        return False
    kinds: dict[int, list[str]] = {}
    for place, row in enumerate(body):
        for cell in row.cells:
            # Years directly beneath may be the next row of the same header.
            if place > 1 or not _YEAR.fullmatch(cell.text):
                kinds.setdefault(cell.column, []).append(cell.kind)
    named = [cell for cell in cells if kinds.get(cell.column)]
    figures = [
        cell
        for cell in named
        if 2 * sum(kind != "text" for kind in kinds[cell.column]) > len(kinds[cell.column])
    ]
    # A year above figures names them, unless all of the row is years: then it must name a text too.
    if any(cell.kind == "text" for cell in figures):
        return True
    beside = {column for column, found in kinds.items() if "text" in found}
    return len(figures) >= 1 and bool(beside - {cell.column for cell in figures})


def _spans_part(above: SheetRow, header: SheetRow, layout: SheetLayout) -> bool:
    """Whether a row holds names for some of the columns, merged across them, and nothing more."""
    spans = layout.spans.get(above.number, ())
    first, last = header.cells[0].column, header.cells[-1].column
    covers_all = any(start <= first and end >= last for start, end in spans)
    return bool(spans) and not covers_all and _may_name(above.cells)


def _more_header(rows: Sequence[SheetRow], place: int, layout: SheetLayout) -> int:
    """Rows beneath the first of a header that belong to it as well."""
    more = 0
    while more < _MOST_HEADER_ROWS - 1 and place + more + 2 < len(rows):
        upper, lower = rows[place + more], rows[place + more + 1]
        body = [row for row in rows[place + more + 2 :][:10] if len(row.cells) > 1]
        finer = len(lower.cells) > len(upper.cells) or upper.number in layout.spans
        if not (finer and body and len(lower.cells) > 1 and _may_name(lower.cells)):
            break
        if not any(cell.kind == "text" for cell in lower.cells) and upper.number not in (
            layout.spans
        ):
            break
        if not _figures_beneath(lower.cells, body):
            break
        more += 1
    return more


def _goes_on(begun: Sequence[SheetRow], header: Mapping[int, str], layout: SheetLayout) -> bool:
    """Whether rows after a blank one are of the table before: figures where it had names."""
    wide = [row for row in begun if len(row.cells) > 1]
    if not header or not wide:
        return False
    columns = {cell.column for row in wide for cell in row.cells}
    figures = any(cell.kind != "text" for row in wide for cell in row.cells[1:])
    return (figures or layout.expects_header) and columns <= {*header, min(header) - 1}


def _labels(rows: Sequence[SheetRow], layout: SheetLayout) -> dict[int, str]:
    """What the header says of each column; cells merged across columns name all of them."""
    parts: dict[int, dict[str, None]] = {}
    for row in rows:
        spans = dict(layout.spans.get(row.number, ()))
        for cell in row.cells:
            name = cell.text.strip().rstrip(":")
            if len(name) > _LONGEST_HEADER:
                name = name[: _LONGEST_HEADER - 1] + "…"
            for column in range(cell.column, spans.get(cell.column, cell.column) + 1):
                if name:
                    parts.setdefault(column, {})[name] = None
    return {column: " / ".join(names) for column, names in parts.items()}


def _line(row: SheetRow, header: Mapping[int, str], layout: SheetLayout) -> str:
    alone = len(row.cells) == 1 and row.cells[0].kind == "text"
    bare = alone and row.cells[0].column <= min(header, default=1)
    pieces = []
    for cell in row.cells:
        text = cell.text
        if cell.column in layout.hidden_columns and text:
            text = marked("hidden column", text)
        text = f"{text} {cell.comment}".strip()
        name = "" if bare else header.get(cell.column, "")
        pieces.append(f"{name}: {text}" if name else text)
    hidden = "[hidden row] " if row.is_hidden else ""
    return f"Row {row.number}: {hidden}{' | '.join(pieces)}"
