"""Reads workbooks of Excel 5 to 2003 (`.xls`) with xlrd, as their sheets show them.

What is written as text under the ending of a workbook, as many programs do, is read as a table.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from docpager.core.errors import DocumentError
from docpager.documents.carried import FileContents, Instructions
from docpager.documents.flow import Flow, marked, on_one_line
from docpager.documents.office.number_formats import BUILT_IN, displayed, is_date_format
from docpager.documents.office.sheet_rows import Cell, SheetLayout, SheetRow
from docpager.documents.office.spreadsheets import Cells, write_sheet
from docpager.documents.reasons import Reason

if TYPE_CHECKING:
    from xlrd.book import Book
    from xlrd.sheet import Sheet

__all__ = ["read_xls"]

_OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_RECORDS = (b"\x09\x08", b"\x09\x04", b"\x09\x02", b"\x09\x00")
"""How a workbook begins that is in no container: versions 5 to 2."""
_FAULTS = (
    struct.error,
    AssertionError,
    AttributeError,
    LookupError,
    OverflowError,
    TypeError,
    ValueError,
)
"""What xlrd raises beside its own errors for files that are damaged."""
_MACHINE_DATES = (14, 22)
"""Numbers of the formats that show a date as the machine does."""


def read_xls(content: bytes, path: str, instructions: Instructions) -> FileContents:
    """A workbook as one document, each sheet a page of it.

    Raises:
        DocumentError: it is encrypted, damaged, or shows nothing.
    """
    if not content.startswith((_OLE, *_RECORDS)):
        from docpager.documents.office.delimited import read_delimited

        return read_delimited(content, path, instructions)
    import xlrd

    flow, cells = Flow(), Cells(path)
    try:
        with xlrd.open_workbook(
            file_contents=content, formatting_info=True, logfile=_Nowhere(), ragged_rows=True
        ) as book:
            for sheet in book.sheets():
                rows = cells.counted(_rows(book, sheet))
                hidden = bool(sheet.visibility)
                write_sheet(flow, sheet.name, rows, _layout(sheet), is_hidden=hidden)
    except xlrd.XLRDError as error:
        if "encrypted" in str(error).lower():
            raise DocumentError(
                f"{path!r} is encrypted; save it without a password", Reason.ENCRYPTED
            ) from error
        raise _damaged(path, error) from error
    except (*_FAULTS, xlrd.compdoc.CompDocError) as error:
        raise _damaged(path, error) from error
    return FileContents((flow.document("xls", path, content),))


class _Nowhere:
    """Where xlrd writes its remarks."""

    def write(self, text: str) -> int:
        return len(text)

    def flush(self) -> None: ...


def _damaged(path: str, error: Exception) -> DocumentError:
    detail = str(error) or type(error).__name__
    return DocumentError(f"{path!r} is damaged ({detail[:200]}); export it again", Reason.DAMAGED)


def _layout(sheet: Sheet) -> SheetLayout:
    spans: dict[int, list[tuple[int, int]]] = {}
    for top, _, left, right in sheet.merged_cells:
        if right - left > 1:
            spans.setdefault(top + 1, []).append((left + 1, right))
    comments: dict[int, list[tuple[int, str]]] = {}
    for (row, column), note in sorted(sheet.cell_note_map.items()):
        author = on_one_line(note.author or "")
        text = (note.text or "").strip().removeprefix(f"{author}:")
        said = marked(f"comment by {author}" if author else "comment", text)
        comments.setdefault(row + 1, []).append((column + 1, said))
    hidden = frozenset(n + 1 for n, column in sheet.colinfo_map.items() if column.hidden)
    return SheetLayout(hidden_columns=hidden, spans=spans, comments=comments)


def _rows(book: Book, sheet: Sheet) -> Iterator[SheetRow]:
    styles = [_style(book, xf) for xf in book.xf_list]
    for row in range(sheet.nrows):
        cells = []
        for column in range(sheet.row_len(row)):
            cell = sheet.cell(row, column)
            code, is_date, is_bold = styles[cell.xf_index]
            text, kind = _shown(cell, code, is_date=is_date, from_1904=bool(book.datemode))
            if text:
                cells.append(Cell(column + 1, text, kind, is_bold))
        if cells:
            info = sheet.rowinfo_map.get(row)
            yield SheetRow(row + 1, cells, bool(info is not None and info.hidden))


def _style(book: Book, xf: Any) -> tuple[str, bool, bool]:
    """Format code, whether it is of a date, and whether the font is bold."""
    found = book.format_map.get(xf.format_key)
    code = found.format_str if found is not None else ""
    if xf.format_key in _MACHINE_DATES:
        code = BUILT_IN[xf.format_key]
    bold = xf.font_index < len(book.font_list) and book.font_list[xf.font_index].weight >= 700
    return code, is_date_format(code), bold


def _shown(cell: Any, code: str, *, is_date: bool, from_1904: bool) -> tuple[str, str]:
    import xlrd

    match cell.ctype:
        case xlrd.XL_CELL_TEXT:
            return on_one_line(displayed(cell.value, code, from_1904=from_1904)), "text"
        case xlrd.XL_CELL_NUMBER | xlrd.XL_CELL_DATE:
            text = displayed(float(cell.value), code, from_1904=from_1904)
            return text, "date" if is_date else "number"
        case xlrd.XL_CELL_BOOLEAN:
            return ("TRUE" if cell.value else "FALSE"), "text"
        case xlrd.XL_CELL_ERROR:
            return xlrd.error_text_from_code.get(cell.value, "#ERROR"), "number"
    return "", "text"
