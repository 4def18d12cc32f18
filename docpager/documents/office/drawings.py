"""Charts, diagrams (SmartArt) and descriptions of pictures, as Word and PowerPoint store them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import date, timedelta
from xml.etree.ElementTree import Element

from docpager.documents.flow import marked, on_one_line
from docpager.documents.office.blocks import Block, Grid, TextBlock
from docpager.documents.office.parts import (
    OfficeParts,
    attribute,
    child,
    children,
    descendant,
    whole_number,
)
from docpager.documents.packages import elements, local_name

__all__ = ["chart_blocks", "described", "diagram_blocks", "drawn_blocks", "drawn_text"]

_FILE_NAME = re.compile(r"[^\s/]+\.(?:png|jpe?g|gif|bmp|emf|wmf|tiff?|svg|webp)", re.IGNORECASE)
"""What programs write where nobody described a picture."""
_DATE = re.compile(r"[dmy]{1,4}(?![a-z])", re.IGNORECASE)
_FIRST_DAY = date(1899, 12, 30)
"""Day 0 of workbooks (ECMA-376, part 1, section 18.17.4.1)."""
_MOST_DAYS = 100_000
_MOST_POINTS = 100_000
"""Of one series; a point's number may be anything."""


def described(properties: Element | None) -> str:
    """The description of a picture or shape (its alternative text), marked; empty where none."""
    if properties is None:
        return ""
    text = on_one_line(attribute(properties, "descr"))
    decorative = next(elements(properties, "decorative"), None)
    if (
        not text
        or _FILE_NAME.fullmatch(text)
        or (decorative is not None and attribute(decorative, "val") in ("1", "true"))
    ):
        return ""
    return marked("picture", text)


def drawn_text(root: Element | None) -> str:
    """The text of a drawing's paragraphs on one line."""
    if root is None:
        return ""
    lines = ("".join(each.text or "" for each in elements(p, "t")) for p in elements(root, "p"))
    return on_one_line(" ".join(lines))


def drawn_blocks(data: Element, part: str, parts: OfficeParts) -> list[Block]:
    """The chart or the diagram that is drawn here, if there is one; each is read once."""
    blocks: list[Block] = []
    for each in data.iter():
        match local_name(each):
            case "chart":
                root = _drawn_part(each, "id", part, parts)
                blocks += [] if root is None else chart_blocks(root, parts.path)
            case "relIds":
                root = _drawn_part(each, "dm", part, parts)
                blocks += [] if root is None else diagram_blocks(root)
    return blocks


def _drawn_part(element: Element, name: str, part: str, parts: OfficeParts) -> Element | None:
    """The part that an attribute names, when it is met for the first time."""
    named = parts.relationships(part).get(attribute(element, name))
    if named is None or named.external or not parts.take(named.target):
        return None
    return parts.xml(named.target)


def chart_blocks(root: Element, path: str) -> list[Block]:
    """A chart as a table: a row for each category, a column for each series.

    The values are those that the file keeps with the chart (ECMA-376, part 1, section 21.2); the
    workbook behind it is not opened.
    """
    if next(elements(root, "chartSpace"), None) is None or descendant(root, "plotArea") is None:
        return _extended_chart(root, path)
    chart = descendant(root, "chart")
    title = drawn_text(child(chart, "title"))
    axes = [drawn_text(child(each, "title")) for each in _axes(root)]
    blocks: list[Block] = [TextBlock(marked("chart", title) if title else "[chart]")]
    if any(axes):
        blocks.append(TextBlock(marked("axes", ", ".join(filter(None, axes)))))
    series = [_series(each) for each in elements(root, "ser")]
    grid = Grid(path)
    grid.begin_row(header=True)
    for cell in ("", *(name for name, _, _ in series)):
        grid.cell([TextBlock(cell)])
    categories: dict[int, str] = {}
    for _, named, values in series:
        categories |= {point: named.get(point, "") for point in values if point not in categories}
    for point, category in sorted(categories.items()):
        grid.begin_row()
        for cell in (category, *(values.get(point, "") for _, _, values in series)):
            grid.cell([TextBlock(cell)])
    table = grid.blocks()
    return [*blocks, *table] if title or any(axes) or table else []


def _axes(root: Element) -> Iterator[Element]:
    area = descendant(root, "plotArea")
    return (e for e in (area if area is not None else ()) if local_name(e).endswith("Ax"))


def _series(series: Element) -> tuple[str, Mapping[int, str], Mapping[int, str]]:
    """A series' name, its categories and its values by number of the point."""
    name = " ".join(on_one_line(each.text or "") for each in _beneath(child(series, "tx"), "v"))
    return name, _points(series, "cat", "xVal"), _points(series, "val", "yVal")


def _beneath(root: Element | None, name: str) -> Iterator[Element]:
    return iter(()) if root is None else elements(root, name)


def _points(series: Element, *names: str) -> dict[int, str]:
    """Texts by number of the point; a category of several levels has its outermost first."""
    found: dict[int, str] = {}
    data = next((each for each in series if local_name(each) in names), None)
    if data is None:
        return found
    levels = list(elements(data, "lvl"))
    if levels:
        return _levelled(levels)
    form = next((each.text for each in elements(data, "formatCode")), None)
    for point in elements(data, "pt"):
        number = whole_number(attribute(point, "idx"), len(found), most=_MOST_POINTS)
        found[number] = _displayed(_value(point), attribute(point, "formatCode") or form or "")
    return found


def _levelled(levels: list[Element]) -> dict[int, str]:
    """Categories under categories: an outer one is written where it begins and holds from there."""
    inner, *outer = [
        {
            whole_number(attribute(p, "idx"), 0, most=_MOST_POINTS): _value(p)
            for p in children(level, "pt")
        }
        for level in levels
    ]
    found: dict[int, str] = {}
    holding = [""] * len(outer)
    for number in sorted({n for level in (inner, *outer) for n in level}):
        holding = [level.get(number, held) for level, held in zip(outer, holding, strict=True)]
        if number in inner:
            found[number] = " / ".join(filter(None, (*reversed(holding), inner[number])))
    return found


def _value(point: Element) -> str:
    value = child(point, "v")
    return on_one_line(value.text or "") if value is not None else ""


def _displayed(text: str, form: str) -> str:
    """A value as the chart shows it: percentages and dates as such, no noise of fractions."""
    try:
        number = float(text)
    except ValueError:
        return text
    shown = re.sub(r'"[^"]*"|\[[^\]]*\]|\\.', "", form.split(";")[0])
    if _DATE.search(shown) and "general" not in shown.lower() and 0 < number < _MOST_DAYS:
        return (_FIRST_DAY + timedelta(days=int(number))).isoformat()
    if shown.rstrip().endswith("%") and "." in shown:
        return f"{number:.{shown.rpartition('.')[2].count('0')}%}"
    if shown.rstrip().endswith("%"):
        return f"{number:.0%}"
    return f"{number:.12g}" if len(text) > 12 and abs(number) < 1e15 else text


def _extended_chart(root: Element, path: str) -> list[Block]:
    """The newer kinds of chart (`cx:chartSpace`): dimensions of texts and of numbers."""
    title = drawn_text(descendant(root, "title"))
    columns = []
    for dimension in root.iter():
        if local_name(dimension) in ("strDim", "numDim"):
            for level in children(dimension, "lvl"):
                columns.append([on_one_line(e.text or "") for e in children(level, "pt")])
    grid = Grid(path)
    for row in range(max(map(len, columns), default=0)):
        grid.begin_row()
        for column in columns:
            grid.cell([TextBlock(column[row] if row < len(column) else "")])
    table = grid.blocks()
    if not title and not table:
        return []
    return [TextBlock(marked("chart", title) if title else "[chart]"), *table]


def diagram_blocks(root: Element) -> list[Block]:
    """The texts of a diagram in the order of its tree, a line each.

    Points are joined by connections whose type is `parOf` where none is written (ECMA-376, part 1,
    section 21.4).
    """
    texts = {
        attribute(point, "modelId"): drawn_text(child(point, "t"))
        for point in elements(root, "pt")
        if attribute(point, "type", "node") in ("node", "asst", "doc")
    }
    below: dict[str, list[tuple[int, str]]] = {}
    for line in elements(root, "cxn"):
        if attribute(line, "type", "parOf") == "parOf":
            place = whole_number(attribute(line, "srcOrd"), 0)
            below.setdefault(attribute(line, "srcId"), []).append(
                (place, attribute(line, "destId"))
            )
    targets = {each for lines in below.values() for _, each in lines}
    order: list[str] = []
    waiting = [each for each in reversed(texts) if each not in targets]
    seen: set[str] = set()
    while waiting:
        point = waiting.pop()
        if point not in seen:
            seen.add(point)
            order.append(point)
            waiting += [each for _, each in sorted(below.get(point, ()), reverse=True)]
    order += [each for each in texts if each not in seen]
    return [TextBlock(f"- {texts[p]}", "line") for p in order if texts.get(p)]
