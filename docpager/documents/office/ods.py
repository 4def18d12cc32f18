"""Reads spreadsheets of OpenDocument (`.ods`, `.ots`), which hold the text that each cell shows."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from xml.etree.ElementTree import Element

from docpager.core.errors import DocumentError
from docpager.documents.carried import FileContents, Instructions
from docpager.documents.flow import Flow, marked, on_one_line
from docpager.documents.office.number_formats import GENERAL, displayed
from docpager.documents.office.parts import attribute
from docpager.documents.office.sheet_rows import Cell, SheetLayout, SheetRow
from docpager.documents.office.spreadsheets import MOST_COLUMNS, MOST_ROWS, Cells, write_sheet
from docpager.documents.packages import Package, elements, local_name
from docpager.documents.reasons import Reason

__all__ = ["read_ods"]

_LONGEST_FORMULA = 200
_NOT_SHOWN = ("collapse", "filter")
_FIGURES = ("float", "percentage", "currency")
_DATES = ("date", "time")
_MOST_DIGITS = 9
"""Of a count of repeats; with more it is too many all the same."""
_OBJECT = re.compile(r"(?:\./)?([\w .-]+)/?")


def read_ods(content: bytes, path: str, instructions: Instructions) -> FileContents:
    """A spreadsheet as one document, each sheet a page of it.

    Raises:
        DocumentError: it is encrypted, damaged, not safe to read, or shows nothing.
    """
    package = Package(content, path)
    _refuse_encrypted(package)
    flow, cells = Flow(), Cells(path)
    for sheet in _sheets(package, cells):
        write_sheet(
            flow,
            sheet.name,
            cells.counted(sheet.rows()),
            sheet.layout,
            is_hidden=sheet.is_hidden,
            beside=sheet.drawn,
        )
        if sheet.without_value:
            flow.doubt_page(Reason.UNCALCULATED)
    return FileContents((flow.document("ods", path, content, title=_title(package)),))


def _refuse_encrypted(package: Package) -> None:
    manifest = "META-INF/manifest.xml"
    if manifest not in package:
        return
    if next(elements(package.xml(manifest), "encryption-data"), None) is not None:
        raise DocumentError(
            f"{package.path!r} is encrypted; save it without a password", Reason.ENCRYPTED
        )


def _title(package: Package) -> str:
    if "meta.xml" not in package:
        return ""
    return next((each.text or "" for each in elements(package.xml("meta.xml"), "title")), "")


@dataclass(slots=True)
class _Styles:
    """What the styles of a spreadsheet say that its rows do not."""

    hidden_tables: set[str] = field(default_factory=set)
    bold_cells: set[str] = field(default_factory=set)

    def add(self, style: Element) -> None:
        name = attribute(style, "name")
        for properties in style:
            if (
                attribute(properties, "display") == "false"
                and attribute(style, "family") == "table"
            ):
                self.hidden_tables.add(name)
            if attribute(properties, "font-weight") == "bold":
                self.bold_cells.add(name)


def _sheets(package: Package, cells: Cells) -> Iterator[_Sheet]:
    """The sheets; the rows of each must be read to their end before the next."""
    parts = package.streamed(
        "content.xml", whole=("style", "table-column", "table-row", "shapes"), opened=("table",)
    )
    styles = _Styles()
    sheet: _Sheet | None = None
    for event, element in parts:
        if event == "end":
            # Before the first sheet only: what follows is taken by the sheets themselves.
            if local_name(element) == "style":
                styles.add(element)
            continue
        opened: Element | None = element
        while opened is not None:
            sheet = _Sheet(package, styles, opened, parts, cells)
            yield sheet
            opened = sheet.next_one


class _Sheet:
    """One sheet being read: its layout grows with its rows."""

    def __init__(
        self,
        package: Package,
        styles: _Styles,
        table: Element,
        parts: Iterator[tuple[str, Element]],
        cells: Cells,
    ) -> None:
        self.name = attribute(table, "name")
        self.is_hidden = attribute(table, "style-name") in styles.hidden_tables
        self.without_value = 0
        self.drawn: list[str] = []
        self.next_one: Element | None = None
        """The sheet after this one, met when this one's rows had ended."""
        self._spans: dict[int, list[tuple[int, int]]] = {}
        self.layout = SheetLayout(spans=self._spans)
        self._package = package
        self._all_cells = cells
        self._styles = styles
        self._parts = parts
        self._columns = 0
        self._row = 0

    def rows(self) -> Iterator[SheetRow]:
        """The rows that show something, those that are repeated as often as they are shown."""
        for event, element in self._parts:
            if event == "start":
                self.next_one = element
                return
            match local_name(element):
                case "table-column":
                    self._add_columns(element)
                case "table-row":
                    yield from self._repeated(element)
                case "shapes":
                    self._draw(element)

    def _add_columns(self, column: Element) -> None:
        count = min(_repeats(column, "number-columns-repeated"), MOST_COLUMNS)
        if attribute(column, "visibility") in _NOT_SHOWN:
            new = range(self._columns + 1, min(self._columns + count, MOST_COLUMNS) + 1)
            self.layout.hidden_columns |= frozenset(new)
        self._columns += count

    def _repeated(self, row: Element) -> Iterator[SheetRow]:
        count = _repeats(row, "number-rows-repeated")
        first, self._row = self._row + 1, self._row + count
        cells = self._cells(row, first)
        if cells:
            hidden = attribute(row, "visibility") in _NOT_SHOWN
            last = min(self._row, MOST_ROWS)
            self._all_cells.make_room(len(cells) * max(0, last - first + 1))
            for number in range(first, last + 1):
                yield SheetRow(number, cells, hidden)

    def _cells(self, row: Element, number: int) -> list[Cell]:
        cells: list[Cell] = []
        column = 1
        for each in row:
            if local_name(each) not in ("table-cell", "covered-table-cell"):
                continue
            count = _repeats(each, "number-columns-repeated")
            if len(each) or attribute(each, "formula") or attribute(each, "value-type"):
                cell = self._cell(each, column)
                if cell.text or cell.comment:
                    last = min(column + count, MOST_COLUMNS + 1)
                    cells += [cell._replace(column=at) for at in range(column, last)]
                wide = _repeats(each, "number-columns-spanned")
                if wide > 1:
                    span = (column, min(column + wide - 1, MOST_COLUMNS))
                    self._spans.setdefault(number, []).append(span)
            column += count
            if column > MOST_COLUMNS:
                break
        return cells

    def _cell(self, cell: Element, column: int) -> Cell:
        paragraphs = [_text(part) for part in cell if local_name(part) in ("p", "h")]
        text = on_one_line("\n".join(paragraphs)) or _value(cell)
        comments = [part for part in cell if local_name(part) == "annotation"]
        for part in cell:
            if local_name(part) not in ("p", "h", "annotation"):
                self._draw(part)
        value_type = attribute(cell, "value-type")
        formula = on_one_line(attribute(cell, "formula"))
        if formula and not value_type and not text:
            self.without_value += 1
            written = formula.partition(":=")[2] or formula.lstrip("=")
            text = f"[formula without a value: ={written[:_LONGEST_FORMULA]}]"
        kind = "number" if value_type in _FIGURES or formula else "text"
        kind = "date" if value_type in _DATES else kind
        bold = attribute(cell, "style-name") in self._styles.bold_cells
        return Cell(column, text, kind, bold, " ".join(map(_comment, comments)))

    def _draw(self, element: Element) -> None:
        """Note the text boxes and the titles of charts that an element holds."""
        for box in elements(element, "text-box"):
            if said := on_one_line("\n".join(_text(p) for p in elements(box, "p"))):
                self.drawn.append(marked("text box", said))
        for each in elements(element, "object"):
            name = _OBJECT.fullmatch(attribute(each, "href"))
            part = f"{name[1]}/content.xml" if name else ""
            if part in self._package:
                titles = elements(self._package.xml(part), "title")
                said = " ".join(_text(p) for title in titles for p in elements(title, "p"))
                if said.strip():
                    self.drawn.append(marked("chart", said))


def _text(element: Element) -> str:
    """The text of a paragraph, with its spaces, tabs and line ends, without notes on it."""
    pieces = [element.text or ""]
    for part in element:
        match local_name(part):
            case "s":
                pieces.append(" " * min(_repeats(part, "c"), 100))
            case "tab" | "line-break":
                pieces.append(" ")
            case "annotation" | "ruby-text":
                pass
            case _:
                pieces.append(_text(part))
        pieces.append(part.tail or "")
    return "".join(pieces)


def _value(cell: Element) -> str:
    """The value of a cell whose text its writer left out, as some libraries do."""
    value_type, value = attribute(cell, "value-type"), attribute(cell, "value")
    if value_type == "string":
        return on_one_line(attribute(cell, "string-value"))
    if value_type in ("date", "time", "boolean"):
        return on_one_line(attribute(cell, f"{value_type}-value")).upper()
    try:
        number = float(value) if value_type in _FIGURES else None
    except ValueError:
        number = None
    if number is None:
        return ""
    shown = displayed(
        number, "0.##########%" if value_type == "percentage" else GENERAL, from_1904=False
    )
    return shown.replace(".%", "%")


def _comment(annotation: Element) -> str:
    author = next((each.text or "" for each in elements(annotation, "creator")), "")
    text = "\n".join(_text(each) for each in elements(annotation, "p"))
    return marked(f"comment by {on_one_line(author)}" if author.strip() else "comment", text)


def _repeats(element: Element, name: str) -> int:
    written = attribute(element, name)[:_MOST_DIGITS]
    return max(1, int(written)) if written.isascii() and written.isdecimal() else 1
