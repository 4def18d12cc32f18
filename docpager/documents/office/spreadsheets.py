"""What all readers of spreadsheets share: sheets written into a document, within limits."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from docpager.core.errors import DocumentError
from docpager.documents.flow import Flow, on_one_line
from docpager.documents.office.sheet_rows import SheetLayout, SheetRow, lines_of
from docpager.documents.reasons import Reason

__all__ = [
    "MOST_CELLS",
    "MOST_COLUMNS",
    "MOST_ROWS",
    "MOST_ROW_CHARACTERS",
    "Cells",
    "column_number",
    "row_too_long",
    "write_sheet",
]

MOST_CELLS = 5_000_000
"""Of one workbook, those that show something."""
MOST_ROW_CHARACTERS = 20_000_000
"""Of the cells of one row together: a text that all of them name is written once in the file."""
MOST_ROWS = 1_048_576
MOST_COLUMNS = 16_384
"""Of one sheet, as in every program of today."""


class Cells:
    """Counts the cells of a workbook."""

    def __init__(self, path: str, most: int = MOST_CELLS) -> None:
        self._path = path
        self._most = most
        self._left = most

    def counted(self, rows: Iterable[SheetRow]) -> Iterator[SheetRow]:
        """The rows.

        Raises:
            DocumentError: with them the workbook has too many cells.
        """
        for row in rows:
            self.make_room(len(row.cells))
            if sum(len(cell.text) for cell in row.cells) > MOST_ROW_CHARACTERS:
                raise row_too_long(self._path)
            self._left -= len(row.cells)
            yield row

    def make_room(self, cells: int) -> None:
        """Look whether so many more cells may come.

        Raises:
            DocumentError: with them the workbook would have too many.
        """
        if cells > self._left:
            raise DocumentError(
                f"{self._path!r} holds more than {self._most:,} cells; split it",
                Reason.TOO_LARGE,
            )


def row_too_long(path: str) -> DocumentError:
    """What is said of a row whose cells hold too much text."""
    return DocumentError(
        f"{path!r} holds a row of more than {MOST_ROW_CHARACTERS:,} characters; leave it out",
        Reason.UNSAFE,
    )


def write_sheet(
    flow: Flow,
    name: str,
    rows: Iterable[SheetRow],
    layout: SheetLayout,
    *,
    is_hidden: bool = False,
    beside: Iterable[str] = (),
) -> None:
    """Write a sheet, its name as a heading; `beside` is what stands on it outside of its cells.

    A sheet that shows nothing has a page without text.
    """
    flow.begin_page(on_one_line(name))
    empty = True
    for line in _with_gap(lines_of(rows, layout), beside):
        if empty:
            flow.heading(name, 1)
            if is_hidden:
                flow.lines(["[hidden sheet]"])
            empty = False
        if line:
            flow.lines([line])
        else:
            flow.gap()


def _with_gap(lines: Iterable[str], beside: Iterable[str]) -> Iterator[str]:
    yield from lines
    for place, line in enumerate(beside):
        if place == 0:
            yield ""
        yield line


def column_number(letters: str) -> int:
    """The column of an address, counted from 1.

    >>> column_number("A"), column_number("XFD")
    (1, 16384)
    """
    number = 0
    for letter in letters:
        number = number * 26 + ord(letter) - 64
    return number
