"""Tables of web pages as rows of text, each figure with the header above it.

Filings set a figure in several cells (`$`, `1,234`, `)`), with empty ones between columns; a header
stands over all of them. So a cell is known by the columns that it covers, and its header is what
covers the same ones. Tables that only arrange a page are read as what is in them.
"""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from docpager.core.errors import DocumentError
from docpager.documents.flow import (
    MOST_TABLE_CHARACTERS,
    on_one_line,
    rows_with_headers,
    shortened_header,
    too_long,
)
from docpager.documents.reasons import Reason

__all__ = ["Block", "TableCell", "WebTable", "check_cells", "table_blocks"]

_MOST_CELLS = 3_000_000
"""Of one page."""
_MOST_REACHED = 300_000
"""Places in one table into which cells reach down from rows above."""
_MOST_SPAN = 1000
"""Columns of one cell, as browsers limit them."""
_LONGEST_REPEATED = 80
"""Characters of a cell that is named again in each of the rows that it spans."""
_LONGEST_SIMPLE = 600
_MOST_HEADER_ROWS = 8
_FAR = 3
"""Columns between a figure and the header that still stands over it."""

_OPENS = re.compile(r"\(?(?:[A-Z]{0,3}\$|[€£¥₹]|Rs\.?|CHF|EUR|USD|GBP)\s?\(?|\(")
_CLOSES = re.compile(r"\)?\s?%?\s?\)?|\)?\s?(?:pts?|bps|x)\.?")
_FIGURE = re.compile(r"[$€£¥]?\s?[(-]?[$€£¥]?\s?(?:\d[\d,]*(?:\.\d+)?|\.\d+|[—–-])\s?[)%]*")
_DATE = re.compile(
    r"(?:fy|fiscal|year|q[1-4]|as of|at|ended|ending)?\W*"
    r"(?:(?:jan|feb|mar|apr|may|june?|july?|aug|sept?|oct|nov|dec)[a-z]*\.?\s*(?:\d{1,2},?)?)?"
    r"\s*(?:(?:19|20)\d\d)?\W*(?:\(\w{1,2}\)|\[\w{1,2}\])?",
    re.IGNORECASE,
)
_UNITS = re.compile(r"\(.*\)|.*\b(?:millions|thousands|except)\b.*|.*:", re.IGNORECASE | re.DOTALL)
_BULLET = re.compile(
    r"[•·●○◦▪■□–—*-]|\(?(?:\d{1,3}|[a-z]{1,4}|[A-Z])[.)]|\(?\*+\)?|[†‡§]+|(?:item|part|note)\s+\w{1,4}\.?[:—–-]?",
    re.IGNORECASE,
)


@dataclass(slots=True)
class Block:
    """A paragraph, a heading, an item of a list, rows of a table, or text as it is."""

    sort: str
    """`paragraph`, `heading`, `item`, `rows` or `as it is`."""
    text: str
    level: int = 0
    """Of a heading, from 1."""
    bold: bool = False
    linked: bool = False
    """Whether all of it is a link."""
    listed: bool = False
    """Whether the heading stands in the table of contents of a book."""


@dataclass(slots=True)
class TableCell:
    """What is in one cell, and how many columns and rows it covers."""

    blocks: list[Block]
    columns: int = 1
    rows: int = 1
    is_head: bool = False


@dataclass(slots=True)
class WebTable:
    """Rows of cells as the page has them."""

    is_layout: bool = False
    """Whether the page says that it only arranges."""
    head_rows: int = 0
    """In `thead`."""
    rows: list[list[TableCell]] = field(default_factory=list)


@dataclass(slots=True)
class _Placed:
    """A cell that is not empty, and the columns that it covers."""

    text: str
    start: int
    end: int
    cell: TableCell
    repeated: bool = False


def check_cells(cells: int) -> None:
    """Stop where a page has more cells than are read.

    Raises:
        DocumentError: it has.
    """
    if cells > _MOST_CELLS:
        raise DocumentError(
            f"holds tables of more than {_MOST_CELLS:,} cells; split it", Reason.UNSAFE
        )


def table_blocks(table: WebTable) -> list[Block]:
    """What a reader of the page sees in the table, in reading order.

    Raises:
        DocumentError: it has more cells than are read.
    """
    placed = _placed(table.rows)
    rows = [row for row in placed if row]
    head_rows = sum(map(bool, placed[: table.head_rows]))
    arranged = any(_is_arranged(cell) for row in table.rows for cell in row)
    if table.is_layout or arranged or len(rows) == 1 or max(map(len, rows), default=0) < 2:
        return _arranged(rows)
    lines: list[str] = []
    start = 0
    for end in [*_new_headers(rows, head_rows), len(rows)]:
        lines += _lines(rows[start:end], head_rows if start == 0 else 0)
        start = end
    return [Block("rows", "\n".join(lines))] if lines else []


def _placed(rows: Sequence[Sequence[TableCell]]) -> list[list[_Placed]]:
    """The cells of each row that are not empty, with their columns; short ones that reach down
    come again in each row that they reach."""
    placed: list[list[_Placed]] = []
    reaching: list[tuple[int, _Placed]] = []
    """Cells from rows above, with the number of the row that they no longer reach."""
    reached = 0
    for number, row in enumerate(rows):
        reaching = [(until, cell) for until, cell in reaching if until > number]
        reached += len(reaching)
        if reached > _MOST_REACHED:
            raise DocumentError(
                f"holds a table with cells that reach into more than {_MOST_REACHED:,} others; "
                "split it",
                Reason.UNSAFE,
            )
        taken = deque(sorted((cell.start, cell.end) for _, cell in reaching))
        here = [
            _Placed(cell.text, cell.start, cell.end, cell.cell, repeated=True)
            for _, cell in reaching
            if cell.text and len(cell.text) <= _LONGEST_REPEATED
        ]
        column = 0
        for cell in row:
            while taken and taken[0][0] <= column:
                column = max(column, taken.popleft()[1])
            end = column + min(max(1, cell.columns), _MOST_SPAN)
            text = on_one_line(" ".join(block.text for block in cell.blocks))
            new = _Placed(text, column, end, cell)
            if text:
                here.append(new)
            if cell.rows > 1 or cell.rows == 0:
                reaching.append((number + (cell.rows or len(rows)), new))
            column = end
        placed.append(_joined(sorted(here, key=lambda each: each.start)))
    return placed


def _joined(row: Sequence[_Placed]) -> list[_Placed]:
    """The row with signs of currency, brackets and percent in cells of their own joined to their
    figure."""
    joined: list[_Placed] = []
    opening: _Placed | None = None
    for cell in row:
        if opening is not None:
            if re.match(r"[(\d.$—–-]", cell.text):
                text, start = f"{opening.text}{cell.text}", opening.start
                cell = _Placed(text, start, cell.end, cell.cell)
            else:
                joined.append(opening)
            opening = None
        if _OPENS.fullmatch(cell.text):
            opening = cell
        elif joined and _CLOSES.fullmatch(cell.text) and re.search(r"[\d—–-]$", joined[-1].text):
            before = joined[-1]
            joined[-1] = _Placed(before.text + cell.text, before.start, cell.end, before.cell)
        else:
            joined.append(cell)
    if opening is not None:
        joined.append(opening)
    return joined


def _is_arranged(cell: TableCell) -> bool:
    """Whether a cell holds what no cell of figures holds: headings, tables, much text."""
    if any(block.sort in ("heading", "rows", "as it is") for block in cell.blocks):
        return True
    length = sum(len(block.text) for block in cell.blocks)
    return len(cell.blocks) > 1 and length > _LONGEST_SIMPLE


def _arranged(rows: Sequence[Sequence[_Placed]]) -> list[Block]:
    """A table that only arranges: its rows as lines where each cell is a word or two, else all
    that is in its cells."""
    blocks: list[Block] = []
    for row in rows:
        cells = [cell for cell in row if not cell.repeated]
        simple = not any(_is_arranged(cell.cell) for cell in cells)
        simple &= all(len(cell.cell.blocks) == 1 or len(cell.text) < 80 for cell in cells)
        if len(cells) > 1 and simple and _BULLET.fullmatch(cells[0].text) and len(cells) == 2:
            first, second = cells
            bold = all(block.bold for cell in cells for block in cell.cell.blocks)
            text = f"{first.text} {second.text}"
            blocks.append(Block("paragraph" if len(rows) < 3 else "item", text, bold=bold))
        elif len(cells) > 1 and simple and all(len(cell.text) <= 200 for cell in cells):
            line = " | ".join(cell.text for cell in cells)
            if blocks and blocks[-1].sort == "rows":
                blocks[-1].text += f"\n{line}"
            else:
                blocks.append(Block("rows", line))
        else:
            for cell in cells:
                blocks += cell.cell.blocks
    return blocks


def _new_headers(rows: Sequence[Sequence[_Placed]], head_rows: int) -> list[int]:
    """Rows further down that begin a table anew: nothing at the left, and only dates."""
    if head_rows:
        return []
    starts: list[int] = []
    data = False
    for number, row in enumerate(rows):
        if _is_data(row):
            data = True
        elif data and row and row[0].start > 0 and all(_is_date(cell.text) for cell in row):
            starts.append(number)
            data = False
    return starts


def _lines(rows: Sequence[Sequence[_Placed]], head_rows: int) -> list[str]:
    recognised = 0
    if not head_rows:
        head_rows = _marked_head_rows(rows)
    if not head_rows:
        head_rows = recognised = _recognised_head_rows(rows)
    width = max((cell.end for row in rows for cell in row), default=0)
    heads = [
        [cell for cell in row if not (cell.start == 0 and (recognised or cell.end >= width))]
        for row in rows[:head_rows]
    ]
    lines = [" | ".join(_once(cell.text for cell in row)) for row in rows[:head_rows]]
    known: dict[tuple[int, int], str] = {}
    length = 0
    for row in rows[head_rows:]:
        over = []
        for cell in row:
            columns = cell.start, cell.end
            if columns not in known:
                known[columns] = _head_over(cell, heads)
            over.append(known[columns])
        if len(row) == 1:
            lines.append(row[0].text)
        else:
            lines.append(rows_with_headers([over, [cell.text for cell in row]], 1)[-1])
            length += len(lines[-1])
            if length > MOST_TABLE_CHARACTERS:
                raise too_long(MOST_TABLE_CHARACTERS)
    return [line for line in lines if line]


def _once(texts: Iterable[str]) -> list[str]:
    """The texts, each run of equal ones once."""
    kept: list[str] = []
    for text in texts:
        if not kept or kept[-1] != text:
            kept.append(text)
    return kept


def _head_over(cell: _Placed, heads: Sequence[Sequence[_Placed]]) -> str:
    """What the header rows say over the columns of a cell, from above."""
    found = []
    for row in heads:
        first = max(0, bisect_right(row, cell.start, key=lambda head: head.start) - 1)
        last = bisect_left(row, cell.end, key=lambda head: head.start)
        over = [head for head in row[first:last] if head.end > cell.start]
        if over:
            shared = max(over, key=lambda h: min(h.end, cell.end) - max(h.start, cell.start))
            found.append(shared.text)
        elif row is heads[-1] and cell.start > 0 and row:
            beside = row[first : last + 1]
            near = min(beside, key=lambda h: max(h.start - cell.end, cell.start - h.end))
            if max(near.start - cell.end, cell.start - near.end) < _FAR:
                found.append(near.text)
    return shortened_header(" / ".join(_once(text.rstrip(":") for text in found)))


def _marked_head_rows(rows: Sequence[Sequence[_Placed]]) -> int:
    """Leading rows of nothing but header cells."""
    number = 0
    while number < len(rows) and all(cell.cell.is_head for cell in rows[number]):
        number += 1
    return number if number < len(rows) else 0


def _recognised_head_rows(rows: Sequence[Sequence[_Placed]]) -> int:
    """Leading rows that are headers by what stands in them, in a table that does not say so."""
    first_data = next((n for n, row in enumerate(rows) if _is_data(row)), None)
    if first_data is None:
        return _bold_head_row(rows)
    head_rows = 0
    for number, row in enumerate(rows[: min(first_data, _MOST_HEADER_ROWS)]):
        if len(row) > 1 or (row and row[0].start > 0):
            head_rows = number + 1
    return head_rows


def _bold_head_row(rows: Sequence[Sequence[_Placed]]) -> int:
    """One, where the first row with several cells is bold and those beneath it are not."""
    for number, row in enumerate(rows[:_MOST_HEADER_ROWS]):
        if len(row) > 1:
            below = [cell for each in rows[number + 1 :] for cell in each]
            return number + 1 if _is_bold(row) and below and not _is_bold(below) else 0
    return 0


def _is_bold(cells: Sequence[_Placed]) -> bool:
    return all(block.bold for cell in cells for block in cell.cell.blocks)


def _is_data(row: Sequence[_Placed]) -> bool:
    """Whether the row has a label at its left and a figure that is no year beside it, or is a
    total without a label."""
    figures = [bool(_FIGURE.fullmatch(cell.text)) and not _is_date(cell.text) for cell in row]
    if not any(figures):
        return False
    if not figures[0] and not _UNITS.fullmatch(row[0].text):
        return True
    return 2 * sum(figures) >= len(figures)


def _is_date(text: str) -> bool:
    return len(text) < 60 and bool(_DATE.fullmatch(text)) and any(map(str.isalnum, text))
