"""The shapes of one slide: text, tables, charts, diagrams, groups, and the order to read them in.

What stands in the places that a layout offers is read first, in the order of the file, which is
the order in which a layout means it; then what was placed freely, from top to bottom and from left
to right. Its order in the file is only that in which it was drawn.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from xml.etree.ElementTree import Element

from docpager.documents.office.blocks import Block, Grid, TextBlock
from docpager.documents.office.drawings import described, drawn_blocks
from docpager.documents.office.equations import omml_text
from docpager.documents.office.numerals import written_number
from docpager.documents.office.parts import (
    OfficeParts,
    attribute,
    child,
    children,
    chosen,
    whole_number,
)
from docpager.documents.office.symbols import without_private_letters
from docpager.documents.packages import local_name

__all__ = ["Shape", "ShapeReader", "reading_order"]

_NUMBER_TO_COME = "‹#›"
"""Where the number of the slide will stand."""
_ONE_ROW = 228_600
"""A quarter of an inch in the units of the format: shapes that begin so near are in one row."""
_TITLES = frozenset({"title", "ctrTitle"})
_NUMBERED = re.compile(
    r"(arabic|alphaLc|alphaUc|romanLc|romanUc|circleNum)\w*?(Period|ParenR|ParenBoth|Plain)?$"
)
_FORMS = {
    "alphaLc": "lowerLetter",
    "alphaUc": "upperLetter",
    "romanLc": "lowerRoman",
    "romanUc": "upperRoman",
    "circleNum": "decimalEnclosedCircle",
}
_AROUND = {"Period": ("", "."), "ParenR": ("", ")"), "ParenBoth": ("(", ")")}


@dataclass(frozen=True, slots=True)
class Shape:
    """Something on a slide."""

    holds: str
    """The type of the place that a layout offers, such as `title`; empty for what is placed
    freely."""
    top: int
    left: int
    blocks: tuple[Block, ...]


class ShapeReader:
    """Reads the shapes of one slide, layout, master or page of notes."""

    def __init__(self, parts: OfficeParts, part: str) -> None:
        self._parts = parts
        self._part = part
        self.has_pictures = False

    def shapes(self, tree: Element | None) -> list[Shape]:
        """The shapes in the order in which they are read."""
        return reading_order(each for each in self._in(tree) if each.blocks)

    def _in(self, tree: Element | None) -> Iterator[Shape]:
        for element in () if tree is None else tree:
            match local_name(element):
                case "sp" | "cxnSp" | "grpSp" | "graphicFrame" | "pic":
                    if not _is_hidden(element):
                        yield self._shape(element)
                case "AlternateContent":
                    yield from self._in(chosen(element))

    def _shape(self, element: Element) -> Shape:
        name = local_name(element)
        own = next((each for each in element if local_name(each).startswith("nv")), None)
        place = child(own, "nvPr", "ph")
        blocks: list[Block] = []
        if name == "grpSp":
            blocks += (block for each in self.shapes(element) for block in each.blocks)
        elif name == "graphicFrame":
            blocks += self._frame(element)
        elif lines := _text_lines(child(element, "txBody")):
            blocks.append(TextBlock("\n".join(lines)))
        self.has_pictures |= name == "pic"
        if text := described(child(own, "cNvPr")):
            blocks.append(TextBlock(text))
        holds = "" if place is None else attribute(place, "type", "obj")
        return Shape(holds, *_place(element), tuple(blocks))

    def _frame(self, frame: Element) -> Iterator[Block]:
        data = child(frame, "graphic", "graphicData")
        table = child(data, "tbl")
        if table is not None:
            yield from self._table(table)
        elif data is not None:
            yield from drawn_blocks(data, self._part, self._parts)
            self.has_pictures |= any(local_name(each) == "pic" for each in data.iter())

    def _table(self, table: Element) -> list[Block]:
        properties = child(table, "tblPr")
        named = properties is not None and attribute(properties, "firstRow") in ("1", "true")
        grid = Grid(self._parts.path)
        for number, row in enumerate(children(table, "tr")):
            grid.begin_row(header=named and number == 0)
            for column, cell in enumerate(children(row, "tc")):
                grid.at(column)
                if attribute(cell, "hMerge") in ("1", "true"):
                    continue
                if attribute(cell, "vMerge") in ("1", "true"):
                    grid.covered()
                    continue
                columns = whole_number(attribute(cell, "gridSpan"), 1, least=1)
                goes_down = whole_number(attribute(cell, "rowSpan"), 1) > 1
                text = "\n".join(_text_lines(child(cell, "txBody")))
                grid.cell([TextBlock(text)], columns=columns, goes_down=goes_down)
        return grid.blocks()


def _is_hidden(element: Element) -> bool:
    own = next((each for each in element if local_name(each).startswith("nv")), None)
    properties = child(own, "cNvPr")
    return properties is not None and attribute(properties, "hidden") in ("1", "true")


def _place(element: Element) -> tuple[int, int]:
    """Where a shape begins: from the top, from the left."""
    for way in (("spPr", "xfrm", "off"), ("grpSpPr", "xfrm", "off"), ("xfrm", "off")):
        offset = child(element, *way)
        if offset is not None:
            return _distance(offset, "y"), _distance(offset, "x")
    return 0, 0


def _distance(offset: Element, name: str) -> int:
    return whole_number(attribute(offset, name), 0, least=-(10**9), most=10**9)


def reading_order(shapes: Iterable[Shape]) -> list[Shape]:
    """Titles, what stands in a layout's places, then what is placed freely."""
    found = list(shapes)
    titles = [each for each in found if each.holds in _TITLES]
    offered = [each for each in found if each.holds and each.holds not in _TITLES]
    return [*titles, *offered, *_by_place([each for each in found if not each.holds])]


def _by_place(shapes: list[Shape]) -> Iterator[Shape]:
    row: list[Shape] = []
    for shape in sorted(shapes, key=lambda each: each.top):
        if row and shape.top - row[0].top > _ONE_ROW:
            yield from sorted(row, key=lambda each: each.left)
            row = []
        row.append(shape)
    yield from sorted(row, key=lambda each: each.left)


def _text_lines(body: Element | None) -> list[str]:
    """The paragraphs of a shape, numbered ones with their numbers."""
    lines: list[str] = []
    counters: dict[int, tuple[str, int]] = {}
    for paragraph in children(body, "p"):
        text = _text(paragraph)
        if not text.strip():
            continue
        properties = child(paragraph, "pPr")
        level = 0 if properties is None else whole_number(attribute(properties, "lvl"), 0)
        for deeper in [each for each in counters if each > level]:
            del counters[deeper]
        bullet = child(properties, "buAutoNum")
        if bullet is None:
            counters.pop(level, None)
            lines.append(text)
            continue
        form = attribute(bullet, "type")
        before, number = counters.get(level, ("", 0))
        start = whole_number(attribute(bullet, "startAt"), 1)
        counters[level] = (form, number + 1 if before == form else start)
        lines.append(f"{_label(form, counters[level][1])} {text}")
    return lines


def _label(form: str, number: int) -> str:
    named = _NUMBERED.match(form)
    if named is None:
        return f"{number}."
    before, after = _AROUND.get(named[2] or "", ("", ""))
    return f"{before}{written_number(number, _FORMS.get(named[1], 'decimal'))}{after}"


def _text(paragraph: Element) -> str:
    text = ""
    for each in paragraph:
        match local_name(each):
            case "r" | "fld":
                said = child(each, "t")
                text += _letters(each, "" if said is None else said.text or "")
            case "br":
                text += "\n"
            case "m":
                text += f" {omml_text(each)} "
            case "AlternateContent":
                form = chosen(each)
                text += "" if form is None else _text(form)
    return text.replace("\u00ad", "").replace(_NUMBER_TO_COME, "")


def _letters(run: Element, text: str) -> str:
    properties = child(run, "rPr")
    font = child(properties, "sym")
    if font is None:
        font = child(properties, "latin")
    return without_private_letters(text, "" if font is None else attribute(font, "typeface"))
