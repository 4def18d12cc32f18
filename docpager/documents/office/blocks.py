"""Blocks of text between a format and a `Flow`: paragraphs, headings, items of lists, tables.

The readers of all office formats make blocks, so that a table cell, a footnote and a body are read
by the same code; only a body is written into a `Flow`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from docpager.core.errors import DocumentError
from docpager.documents.flow import Flow, marked, on_one_line, rows_with_headers
from docpager.documents.reasons import Reason

__all__ = ["Block", "Grid", "TableBlock", "TextBlock", "Written", "as_one_text", "write_blocks"]

_MOST_CELLS = 1_000_000
"""Of one table, those between its cells included."""
_LONGEST_HEADING = 250
"""Characters; what is longer is a paragraph in the style of a heading."""
_LONGEST_REPEATED = 100
"""Characters of a cell over several rows that are said again in each."""
_LONGEST_COLUMN_NAME = 80
_FEWEST_LINES = 3
"""Of cells that hold a row in each line."""
_WIDEST = 256
"""Columns of one cell that are looked at; those of real cells are fewer."""
_FIGURE = re.compile(r"[^\w\s]{0,3}\s?\d[\d.,' \u00a0\u202f]*\s?[^\d\s]{0,3}$")
_YEAR = re.compile(r"\D{0,12}(?:19|20)\d\d\D{0,3}$")


@dataclass(frozen=True, slots=True)
class TextBlock:
    """Text that stands by itself."""

    text: str
    role: Literal["paragraph", "heading", "line"] = "paragraph"
    """A line, such as an item of a list, stands directly under the one before it."""
    level: int = 1
    """Of a heading, from 1."""


@dataclass(frozen=True, slots=True)
class TableBlock:
    """Rows of cells, of which the first ones name the columns."""

    rows: Sequence[Sequence[str]]
    header_rows: int = 0


Block = TextBlock | TableBlock


@dataclass(slots=True)
class Written:
    """What a paragraph holds."""

    text: list[str] = field(default_factory=list)
    apart: list[str] = field(default_factory=list)
    """What was deleted and what others remarked, marked: no part of the text, so that a quote of
    the text never runs across it unseen."""
    after: list[Block] = field(default_factory=list)
    """Text boxes, charts and diagrams that hang on the paragraph."""
    deleted: list[str] = field(default_factory=list)
    """What was deleted since the last text that was not."""

    def add(self, text: str) -> None:
        """Text that is shown."""
        if text.strip():
            self.end_deleted()
        self.text.append(text)

    def blocks(self, label: str, level: int | None, *, line: bool) -> Iterator[Block]:
        """The paragraph, with its number or bullet; a heading where it has a level."""
        self.end_deleted()
        text = "".join(self.text).strip()
        text = f"{label} {text}".strip() if text else ""
        if level is not None and text:
            yield TextBlock(text, "heading", level)
        elif line:
            yield TextBlock(text, "line")
        else:
            yield TextBlock("\n".join((text, *self.apart)))
            self.apart.clear()
        yield from (TextBlock(mark, "line") for mark in self.apart)
        yield from self.after

    def end_deleted(self) -> None:
        """What is deleted next stands elsewhere."""
        if text := on_one_line("".join(self.deleted)):
            self.apart.append(marked("deleted", text))
        self.deleted.clear()


def write_blocks(blocks: Iterable[Block], flow: Flow) -> None:
    """Write blocks one after the other."""
    for block in blocks:
        if isinstance(block, TableBlock):
            flow.gap()
            flow.lines(rows_with_headers(block.rows, block.header_rows))
            flow.gap()
        elif block.role == "line":
            flow.lines([block.text])
        elif block.role == "heading" and len(block.text) <= _LONGEST_HEADING:
            flow.heading(block.text, block.level)
        else:
            flow.paragraph(block.text)


def as_one_text(blocks: Iterable[Block]) -> str:
    """The blocks of a table cell, a note or a mark on one line; cells of inner tables by `|`."""
    texts: list[str] = []
    for block in blocks:
        if isinstance(block, TableBlock):
            rows = (" | ".join(filter(None, map(on_one_line, row))) for row in block.rows)
            texts.append("; ".join(filter(None, rows)))
        else:
            texts.append(on_one_line(block.text))
    return " ".join(filter(None, texts))


@dataclass(frozen=True, slots=True)
class _Cell:
    blocks: tuple[Block, ...]
    text: str
    columns: int


class Grid:
    """A table being read, cell by cell; cells without text take no memory, however many they are.

    A cell over several columns stands in the first of them, one over several rows in each row, if
    it is short: a row that is read alone should still say what it is of.
    """

    def __init__(self, path: str) -> None:
        self._path = path
        self._rows: list[dict[int, _Cell]] = []
        self._header_rows = 0
        self._column = 0
        self._from_above: dict[int, _Cell] = {}
        self._cells = 0

    def begin_row(self, *, header: bool = False) -> None:
        """Begin a row; those that name the columns come first."""
        if header and self._header_rows == len(self._rows):
            self._header_rows += 1
        self._rows.append({})
        self._column = 0

    def cell(
        self, blocks: Iterable[Block], *, columns: int = 1, goes_down: bool = False, times: int = 1
    ) -> None:
        """The next cell, over so many columns; or as many equal cells as `times` says.

        Raises:
            DocumentError: the table has too many cells.
        """
        held = tuple(blocks)
        cell = _Cell(held, as_one_text(held), columns)
        for _ in range(times if cell.text else 1):
            for column in range(self._column, self._column + min(columns, _WIDEST)):
                self._from_above.pop(column, None)
            if goes_down:
                self._from_above[self._column] = cell
            self._put(cell)
        if not cell.text:
            self._column += (times - 1) * columns

    def covered(self, columns: int = 1) -> None:
        """Columns that a cell above, or to the left, covers."""
        above = self._from_above.get(self._column)
        if above is not None and len(above.text) <= _LONGEST_REPEATED:
            self._put(_Cell((), above.text, columns))
        else:
            self._column += columns

    def at(self, column: int) -> None:
        """The next cell stands in that column, counted from 0."""
        self._column = column

    def repeat_row(self, times: int) -> None:
        """The row that was begun last stands there so many times more.

        Raises:
            DocumentError: the table has too many cells.
        """
        if self._rows[-1]:
            self._count(len(self._rows[-1]) * times)
            self._rows.extend([self._rows[-1]] * times)

    def blocks(self) -> list[Block]:
        """The table; or what its cells hold, where they stand one above the other as a frame.

        Raises:
            DocumentError: the table has too many cells.
        """
        rows = [row for row in self._rows if row]
        headers = sum(1 for row in self._rows[: self._header_rows] if row)
        used = sorted({column for row in rows for column in row})
        if len(used) <= 1:
            return [block for row in rows for cell in row.values() for block in cell.blocks]
        self._cells = 0
        places = {column: place for place, column in enumerate(used)}
        table: list[list[str]] = []
        for number, row in enumerate(rows):
            header = number < headers
            for one in [row] if header else _rows_within(row):
                self._count(len(used))
                table.append(_laid_out(one, places, used, header=header))
        return [TableBlock(table, headers or _guessed_header_rows(table))]

    def _put(self, cell: _Cell) -> None:
        if cell.text:
            self._count(1)
            self._rows[-1][self._column] = cell
        self._column += cell.columns

    def _count(self, cells: int) -> None:
        self._cells += cells
        if self._cells > _MOST_CELLS:
            raise DocumentError(
                f"{self._path!r} holds a table of more than {_MOST_CELLS:,} cells; leave it out",
                Reason.UNSAFE,
            )


def _rows_within(row: Mapping[int, _Cell]) -> list[Mapping[int, _Cell]]:
    """The rows that were typed into the cells of one, line beside line; else the row itself.

    Then every cell has as many lines, empty ones too, and those of one are mostly figures.
    """
    lines = {column: _lines_of(cell) for column, cell in row.items()}
    height = len(next(iter(lines.values())))
    if len(lines) < 2 or height < _FEWEST_LINES or any(len(at) != height for at in lines.values()):
        return [row]
    if not any(sum(map(_is_figure, at)) > 0.6 * height for at in lines.values()):
        return [row]
    within: list[Mapping[int, _Cell]] = []
    for number in range(height):
        texts = {column: on_one_line(at[number]) for column, at in lines.items()}
        within.append(
            {column: _Cell((), text, row[column].columns) for column, text in texts.items() if text}
        )
    return [one for one in within if one]


def _lines_of(cell: _Cell) -> list[str]:
    """The lines of a cell that holds nothing but text, without empty ones at its end."""
    lines: list[str] = []
    for block in cell.blocks:
        if isinstance(block, TableBlock):
            return []
        lines.extend(line.strip() for line in block.text.split("\n"))
    while lines and not lines[-1]:
        lines.pop()
    return lines


def _laid_out(
    row: Mapping[int, _Cell], places: Mapping[int, int], used: Sequence[int], *, header: bool
) -> list[str]:
    """The row's texts by column; a header over several columns stands over each of them."""
    texts = [""] * len(used)
    for column, cell in row.items():
        place = places[column]
        texts[place] = cell.text
        while header and place + 1 < len(used) and used[place + 1] < column + cell.columns:
            place += 1
            texts[place] = cell.text
    return texts


def _guessed_header_rows(rows: Sequence[Sequence[str]]) -> int:
    """1 where the first row names columns, which most tables do not declare; else 0.

    It must be all words (or years) above a column that is mostly figures. Tables of two columns
    are as often forms, whose first row is a row like the others.
    """
    head, body = rows[0], rows[1:]
    if len(head) < 3 or len(body) < 2 or not all(head[1:]):
        return 0
    if any(len(cell) > _LONGEST_COLUMN_NAME or _is_figure(cell) for cell in head):
        return 0
    for column in range(1, len(head)):
        cells = [row[column] for row in body if row[column]]
        if len(cells) > 1 and sum(map(_is_figure, cells)) > 0.6 * len(cells):
            return 1
    return 0


def _is_figure(text: str) -> bool:
    return bool(_FIGURE.match(text)) and not _YEAR.match(text)
