"""Reads workbooks of Excel (`.xlsx`, `.xlsm` and their templates) as their sheets show them.

The parts are read here and not by openpyxl, which holds a sheet in memory (400 bytes a cell, so
five million of them are more than a reader has), needs a second pass to tell a formula from its
value, shows no number as its format does, and refuses workbooks for a fault in a style.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from functools import cached_property
from xml.etree.ElementTree import Element

from docpager.core.errors import DocumentError
from docpager.documents.carried import FileContents, Instructions
from docpager.documents.flow import Flow, marked, on_one_line
from docpager.documents.office.number_formats import BUILT_IN, GENERAL, displayed, is_date_format
from docpager.documents.office.serial_dates import serial_of
from docpager.documents.office.sheet_rows import Cell, SheetLayout, SheetRow
from docpager.documents.office.spreadsheets import (
    MOST_COLUMNS,
    MOST_ROW_CHARACTERS,
    Cells,
    column_number,
    row_too_long,
    write_sheet,
)
from docpager.documents.packages import Package, elements, local_name, streamed_xml
from docpager.documents.reasons import Reason

__all__ = ["read_xlsx"]

_ADDRESS = re.compile(r"\$?([A-Z]{1,3})\$?([1-9][0-9]{0,6})")
_RANGE = re.compile(r"([A-Z]{1,3})([0-9]{1,7}):([A-Z]{1,3})([0-9]{1,7})")
_ESCAPED = re.compile(r"_x([0-9A-Fa-f]{4})_")
_MERGED = re.compile(r"""<(?:\w+:)?mergeCell\b[^>]*?\bref=["']([A-Z0-9:]+)["']""")
_MOST_MERGED = 200_000
_LONGEST_FORMULA = 200
_TRUE = ("1", "true")


@dataclass(frozen=True, slots=True)
class _Style:
    code: str = GENERAL
    is_date: bool = False
    is_bold: bool = False


@dataclass(frozen=True, slots=True)
class _Sheet:
    name: str
    part: str
    is_hidden: bool


def read_xlsx(content: bytes, path: str, instructions: Instructions) -> FileContents:
    """A workbook as one document, each sheet a page of it.

    Raises:
        DocumentError: it is damaged, not safe to read, or shows nothing.
    """
    book = _Workbook(Package(content, path))
    flow, cells = Flow(), Cells(path)
    problems = []
    read: set[str] = set()
    for sheet in book.sheets:
        if sheet.part in read:
            continue
        if sheet.part not in book.package:
            problems.append(f"{path!r}: its sheet {sheet.name!r} is missing; export it again")
            continue
        read.add(sheet.part)
        _write(flow, book, sheet, cells)
    if again := sum(sheet.part in read for sheet in book.sheets) - len(read):
        problems.append(f"{path!r}: {again:,} of its sheets are others again, and were read once")
    return FileContents((flow.document("xlsx", path, content, title=book.title),), tuple(problems))


def _write(flow: Flow, book: _Workbook, sheet: _Sheet, cells: Cells) -> None:
    reading = _SheetReading(book, sheet)
    rows = cells.counted(reading.rows())
    write_sheet(
        flow,
        sheet.name,
        rows,
        reading.layout,
        is_hidden=sheet.is_hidden,
        beside=reading.drawn(),
    )
    if reading.without_value or (reading.formulas and book.is_to_be_calculated):
        flow.doubt_page(Reason.UNCALCULATED)


class _Workbook:
    """The parts that all sheets share."""

    def __init__(self, package: Package) -> None:
        self.package = package
        part = next(
            (
                target
                for target, kind in self.related("").values()
                if kind == "officeDocument" and target in package
            ),
            "xl/workbook.xml",
        )
        root = package.xml(part)
        related = self.related(part)
        self.sheets: list[_Sheet] = []
        for place, sheet in enumerate(elements(root, "sheet"), start=1):
            target, _ = related.get(_relation(sheet), ("", ""))
            hidden = sheet.get("state") in ("hidden", "veryHidden")
            self.sheets.append(_Sheet(sheet.get("name") or f"Sheet{place}", target, hidden))
        self.from_1904 = any(each.get("date1904") in _TRUE for each in elements(root, "workbookPr"))
        self.is_to_be_calculated = any(
            each.get("fullCalcOnLoad") in _TRUE for each in elements(root, "calcPr")
        )
        """Whether the program that wrote it leaves the values of formulas to whoever opens it."""
        parts = {kind: target for target, kind in related.values() if target in package}
        self._strings_part = parts.get("sharedStrings")
        self.styles = _styles(package.xml(parts["styles"])) if "styles" in parts else []
        self.persons = self._persons(parts.get("person"))

    @cached_property
    def strings(self) -> list[str]:
        """The texts that cells name by number."""
        if self._strings_part is None:
            return []
        parts = self.package.streamed(self._strings_part, whole=("si",))
        return [_rich_text(element) for _, element in parts]

    @cached_property
    def title(self) -> str:
        """The title from the file's properties; empty where there is none."""
        if "docProps/core.xml" not in self.package:
            return ""
        try:
            found = elements(self.package.xml("docProps/core.xml"), "title")
        except DocumentError:
            return ""
        return next((each.text or "" for each in found), "")

    def related(self, part: str) -> dict[str, tuple[str, str]]:
        """By id: the parts that a part names, each with the last word of its kind."""
        folder, _, name = part.rpartition("/")
        listed = f"{folder}/_rels/{name}.rels" if folder else f"_rels/{name}.rels"
        if listed not in self.package:
            return {}
        return {
            each.get("Id", ""): (
                self.package.related(part, each.get("Target", "")),
                each.get("Type", "").rpartition("/")[2],
            )
            for each in elements(self.package.xml(listed), "Relationship")
            if each.get("TargetMode") != "External"
        }

    def _persons(self, part: str | None) -> Mapping[str, str]:
        if part is None:
            return {}
        found = elements(self.package.xml(part), "person")
        return {each.get("id", ""): each.get("displayName", "") for each in found}

    def style(self, number: str | None) -> _Style:
        try:
            return self.styles[int(number or 0)]
        except (IndexError, ValueError):
            return _PLAIN


_PLAIN = _Style()


def _styles(root: Element) -> list[_Style]:
    """The formats of cells, by the number under which cells name them."""
    codes = dict(BUILT_IN)
    for each in elements(root, "numFmt"):
        number = each.get("numFmtId", "")
        if number.isdecimal() and len(number) < 10:
            codes[int(number)] = each.get("formatCode") or GENERAL
    fonts = [
        any(local_name(mark) == "b" and mark.get("val", "1") in _TRUE for mark in font)
        for fonts in elements(root, "fonts")
        for font in fonts
    ]
    styles = []
    for listed in elements(root, "cellXfs"):
        for each in listed:
            code = codes.get(_integer(each.get("numFmtId")), GENERAL)
            font = _integer(each.get("fontId"))
            styles.append(_Style(code, is_date_format(code), font < len(fonts) and fonts[font]))
    return styles


@dataclass(slots=True)
class _SheetReading:
    """One sheet being read; what its formulas told is known when its rows have been."""

    book: _Workbook
    sheet: _Sheet
    layout: SheetLayout = field(init=False)
    formulas: int = 0
    without_value: int = 0
    _related: dict[str, tuple[str, str]] = field(init=False)
    _text: bytes = b""

    def __post_init__(self) -> None:
        self._related = self.book.related(self.sheet.part)
        self._text = self.book.package.read(self.sheet.part)
        self.layout = SheetLayout(
            spans=self._spans(), header_rows=self._header_rows(), comments=self._comments()
        )

    def rows(self) -> Iterator[SheetRow]:
        """The rows that show something; fills in the layout's hidden columns before the first."""
        path = f"{self.book.package.path} ({self.sheet.part})"
        last = 0
        for _, element in streamed_xml(self._text, path, whole=("row", "cols")):
            if local_name(element) == "cols":
                self.layout.hidden_columns = _hidden_columns(element)
                continue
            last = _integer(element.get("r")) or last + 1
            if cells := self._cells(element):
                yield SheetRow(last, cells, element.get("hidden") in _TRUE)

    def _cells(self, row: Element) -> list[Cell]:
        cells: list[Cell] = []
        column = length = 0
        for each in row:
            if local_name(each) != "c":
                continue
            address = _ADDRESS.fullmatch(each.get("r", ""))
            column = column_number(address[1]) if address else column + 1
            style = self.book.style(each.get("s"))
            if len(each) and column <= MOST_COLUMNS:
                text, kind = self._shown(each, style)
                if text:
                    length += len(text)
                    if length > MOST_ROW_CHARACTERS:
                        raise row_too_long(self.book.package.path)
                    cells.append(Cell(column, text, kind, style.is_bold))
        return cells

    def _shown(self, cell: Element, style: _Style) -> tuple[str, str]:
        """What a cell shows, and the kind of it."""
        value: str | None = None
        formula: Element | None = None
        for part in cell:
            match local_name(part):
                case "v":
                    value = part.text or ""
                case "f":
                    formula = part
                case "is":
                    value = _rich_text(part)
        kind = cell.get("t", "n")
        if formula is not None:
            self.formulas += 1
            if value is None or (value == "" and kind != "str"):
                self.without_value += 1
                written = on_one_line(formula.text or "")[:_LONGEST_FORMULA]
                return (f"[formula without a value{f': ={written}' if written else ''}]", "number")
        if not value:
            return "", "text"
        return self._displayed(value, kind, style)

    def _displayed(self, value: str, kind: str, style: _Style) -> tuple[str, str]:
        match kind:
            case "s":
                value = self._string(value)
            case "str":
                value = _unescaped(value)
            case "b":
                return ("TRUE" if value in _TRUE else "FALSE"), "text"
            case "e":
                return value, "number"
            case "n" | "d":
                number = serial_of(value) if kind == "d" else _number(value)
                if number is None:
                    return value, "text"
                from_1904 = self.book.from_1904 and kind == "n"
                text = displayed(number, style.code, from_1904=from_1904)
                return text, "date" if style.is_date else "number"
        return (
            value if style.code in (GENERAL, "@") else displayed(value, style.code, from_1904=False)
        ), "text"

    def _string(self, number: str) -> str:
        try:
            return self.book.strings[int(number)]
        except (IndexError, ValueError):
            return ""

    def _spans(self) -> dict[int, list[tuple[int, int]]]:
        """Cells merged across columns, by their first row."""
        # They are written after the rows whose headers they explain, so they are looked for first.
        tail = self._text[self._text.rfind(b"sheetData") :].decode("utf-8", "replace")
        spans: dict[int, list[tuple[int, int]]] = {}
        for count, match in enumerate(_MERGED.finditer(tail)):
            if count >= _MOST_MERGED:
                break
            if found := _RANGE.fullmatch(match[1]):
                first, last = column_number(found[1]), column_number(found[3])
                if first < last <= MOST_COLUMNS:
                    spans.setdefault(int(found[2]), []).append((first, last))
        return spans

    def _header_rows(self) -> frozenset[int]:
        """Where the tables of the sheet begin that say they have a header."""
        rows = set()
        for target, kind in self._related.values():
            if kind == "table" and target in self.book.package:
                table = self.book.package.xml(target)
                found = _RANGE.fullmatch(table.get("ref", ""))
                if found and table.get("headerRowCount", "1") != "0":
                    rows.add(int(found[2]))
        return frozenset(rows)

    def _comments(self) -> dict[int, list[tuple[int, str]]]:
        """Comments and the threads that took their place, by row."""
        comments: dict[int, list[tuple[int, str]]] = {}
        threaded: set[str] = set()
        parts = sorted(self._related.values(), key=lambda part: part[1] != "threadedComment")
        for target, kind in parts:
            if target not in self.book.package or kind not in ("threadedComment", "comments"):
                continue
            root = self.book.package.xml(target)
            authors = [each.text or "" for each in elements(root, "author")]
            for each in elements(root, "threadedComment" if kind[0] == "t" else "comment"):
                where = each.get("ref", "")
                address = _ADDRESS.fullmatch(where)
                if not address or (kind == "comments" and where in threaded):
                    continue
                if kind == "threadedComment":
                    threaded.add(where)
                    author = self.book.persons.get(each.get("personId", ""), "")
                    text = " ".join(part.text or "" for part in elements(each, "text"))
                else:
                    number = _integer(each.get("authorId"))
                    author = authors[number] if number < len(authors) else ""
                    text = _comment_text(each, author)
                said = marked(f"comment by {on_one_line(author)}" if author else "comment", text)
                comments.setdefault(int(address[2]), []).append((column_number(address[1]), said))
        return comments

    def drawn(self) -> Iterator[str]:
        """Titles of charts, and text boxes, marked."""
        for target, kind in self._related.values():
            if kind != "drawing" or target not in self.book.package:
                continue
            for shape in elements(self.book.package.xml(target), "sp"):
                if text := _drawn_text(shape):
                    yield marked("text box", text)
            for chart, what in self.book.related(target).values():
                if what not in ("chart", "chartEx") or chart not in self.book.package:
                    continue
                titles = elements(self.book.package.xml(chart), "title")
                if text := next(filter(None, map(_drawn_text, titles)), ""):
                    yield marked("chart", text)


def _rich_text(element: Element) -> str:
    """A text of one or more runs, without the readings that may stand above it."""
    pieces = []
    for part in element:
        name = local_name(part)
        if name == "t":
            pieces.append(part.text or "")
        elif name == "r":
            pieces += [each.text or "" for each in part if local_name(each) == "t"]
    return _unescaped("".join(pieces))


def _comment_text(comment: Element, author: str) -> str:
    text = next(map(_rich_text, elements(comment, "text")), "")
    # Excel writes the author into the note as well.
    return text.strip().removeprefix(f"{author}:")


def _drawn_text(element: Element) -> str:
    paragraphs = elements(element, "p")
    return " ".join("".join(t.text or "" for t in elements(p, "t")) for p in paragraphs).strip()


def _unescaped(text: str) -> str:
    if "_x" not in text:
        return text
    return _ESCAPED.sub(lambda found: chr(int(found[1], 16)), text)


def _hidden_columns(cols: Element) -> frozenset[int]:
    hidden: set[int] = set()
    for each in cols:
        if each.get("hidden") in _TRUE:
            last = min(_integer(each.get("max")), MOST_COLUMNS)
            hidden.update(range(_integer(each.get("min")), last + 1))
    return frozenset(hidden)


def _relation(sheet: Element) -> str:
    return next((value for name, value in sheet.items() if name.endswith("}id")), "")


def _integer(text: str | None) -> int:
    return int(text) if text and text.isascii() and text.isdecimal() and len(text) < 10 else 0


def _number(text: str) -> Decimal | None:
    try:
        # A float has the bounds of a spreadsheet's number, a Decimal none.
        number = float(text)
        return Decimal(text) if abs(number) <= 1e308 and len(text) < 400 else None
    except (ValueError, InvalidOperation):
        return None
