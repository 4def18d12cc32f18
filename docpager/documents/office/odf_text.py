"""The text of OpenDocument files: paragraphs, lists, tables, notes, changes, drawings.

Attribute and element names are those of OpenDocument 1.3, part 3.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Protocol
from xml.etree.ElementTree import Element

from docpager.documents.flow import marked, on_one_line
from docpager.documents.office.blocks import Block, Grid, TextBlock, Written, as_one_text
from docpager.documents.office.equations import mathml_text
from docpager.documents.office.odf_styles import ListCounter, OdfStyles
from docpager.documents.office.parts import attribute, child, children, descendant, whole_number
from docpager.documents.packages import local_name

__all__ = ["OdfText"]

_SPACE = re.compile(r"\s+")
_SHAPE_NAMES = (
    "frame custom-shape rect ellipse circle line polyline polygon path connector caption measure "
    "regular-polygon g a page-thumbnail scene"
)
_SHAPES = frozenset(_SHAPE_NAMES.split()) - {"a"}
_SKIPPED_NAMES = (
    "tracked-changes forms sequence-decls variable-decls user-field-decls dde-connection- "
    "decls alphabetical-index-auto-mark-file change-info table-of-content-source "
    "illustration-index-source table-index-source object-index-source user-index-source "
    "alphabetical-index-source bibliography-source event-listeners glue-point control script "
    "annotation-end settings enhanced-geometry title desc image-map table-column table- "
    "columns table-column-group header-footer-decls footer-decl header-decl date-time-decl "
    "par soft-page-break shapes named-expressions scripts label-ranges database-ranges "
    "content-validations"
)
_SKIPPED = frozenset(_SKIPPED_NAMES.split())


class OdfObjects(Protocol):
    """What a drawing may show that stands in another part."""

    path: str

    def object_root(self, name: str) -> Element | None: ...


class OdfText:
    """Reads the text of one file; counters of lists and headings run through it."""

    def __init__(self, styles: OdfStyles, objects: OdfObjects, root: Element) -> None:
        self._styles = styles
        self._objects = objects
        self._deleted = _deletions(root)
        self._headings = ListCounter("")
        self._lists_by_id: dict[str, ListCounter] = {}
        self._last_list: dict[str, ListCounter] = {}
        self._hidden = False
        self._roots: dict[Element, Element | None] = {}
        self.title = ""
        """What stands in the style of a title, else the first heading."""
        self._title_is_declared = False
        self._inline: Mapping[str, Callable[[Element, Written], None]] = {
            "s": lambda element, written: written.add(" "),
            "tab": lambda element, written: written.add("\t"),
            "line-break": lambda element, written: written.add("\n"),
            "span": self._span,
            "note": self._note,
            "annotation": self._annotation,
            "change": self._change,
            "hidden-text": self._hidden_text,
            "hidden-paragraph": self._hidden_text,
            "ruby-text": self._ruby,
            "page-number": self._page_number,
            **dict.fromkeys(_SHAPES, self._drawn),
        }

    def blocks(self, container: Element) -> Iterator[Block]:
        """What stands in it, in reading order."""
        for each in container:
            name = local_name(each)
            if name in ("p", "h"):
                yield from self._paragraph(each)
            elif name == "list":
                yield from self._list(each, None, 1)
            elif name == "table":
                yield from self.table(each)
            elif name == "section" and _is_hidden_section(each):
                continue
            elif name == "change":
                yield from self._apart(self._change, each)
            elif name == "annotation":
                yield from self._apart(self._annotation, each)
            elif name in _SHAPES:
                yield from self.shape(each)
            elif name not in _SKIPPED:
                yield from self.blocks(each)

    def table(self, table: Element, *, named: bool = False) -> list[Block]:
        """A table, whose first row names its columns where `named`."""
        grid = Grid(self._objects.path)
        for number, (row, header) in enumerate(_rows(table, header=False)):
            if attribute(row, "visibility", "visible") != "visible":
                continue
            grid.begin_row(header=header or (named and number == 0))
            column = 0
            for cell in row:
                repeated = whole_number(attribute(cell, "number-columns-repeated"), 1, least=1)
                grid.at(column)
                column += repeated
                if local_name(cell) == "covered-table-cell":
                    grid.covered()
                elif local_name(cell) == "table-cell":
                    columns = whole_number(attribute(cell, "number-columns-spanned"), 1, least=1)
                    down = whole_number(attribute(cell, "number-rows-spanned"), 1) > 1
                    held = list(self.blocks(cell))
                    if repeated > 1:
                        grid.cell(held, times=repeated)
                    else:
                        grid.cell(held, columns=columns, goes_down=down)
            grid.repeat_row(whole_number(attribute(row, "number-rows-repeated"), 1, least=1) - 1)
        return grid.blocks()

    def shape(self, element: Element) -> Iterator[Block]:
        """A frame or a shape, with what it shows and its description."""
        name = local_name(element)
        if name == "g":
            for each in element:
                if local_name(each) in _SHAPES:
                    yield from self.shape(each)
        elif name == "frame":
            for each in element:
                match local_name(each):
                    case "text-box":
                        yield from self.blocks(each)
                    case "table":
                        yield from self.table(each)
                    case "object":
                        yield from self._object(each)
        else:
            yield from self.blocks(element)
        if text := _description(element):
            yield TextBlock(text)

    def _paragraph(
        self, element: Element, label: str = "", *, item: bool = False
    ) -> Iterator[Block]:
        style = attribute(element, "style-name")
        level = None
        if local_name(element) == "h":
            level = whole_number(attribute(element, "outline-level"), 1, least=1, most=20)
            if attribute(element, "is-list-header") != "true":
                label = self._styles.count_heading(self._headings, level) or label
        declared = level is None and self._styles.is_title(style)
        written = Written()
        outside, self._hidden = self._hidden, self._hidden or self._styles.hides(style)
        self._walk(element, written)
        self._hidden = outside
        text = on_one_line("".join(written.text))
        if text and (declared or level is not None):
            self._found_title(f"{label} {text}".strip(), declared=declared)
        yield from written.blocks(label, 1 if declared else level, line=item)

    def _found_title(self, text: str, *, declared: bool) -> None:
        if (declared and not self._title_is_declared) or not self.title:
            self.title, self._title_is_declared = text, declared

    def _list(self, element: Element, counter: ListCounter | None, level: int) -> Iterator[Block]:
        counter = self._counter(element, counter)
        for item in element:
            if local_name(item) not in ("list-item", "list-header"):
                continue
            label = ""
            if local_name(item) == "list-item" and not _only_a_list(item):
                start = attribute(item, "start-value")
                label = self._styles.count(
                    counter, level, whole_number(start, 1) if start else None
                )
            for each in item:
                match local_name(each):
                    case "p" | "h":
                        yield from self._paragraph(each, label, item=True)
                        label = ""
                    case "list":
                        yield from self._list(each, counter, level + 1)
                    case _:
                        yield from self.blocks(_holding(each))

    def _counter(self, element: Element, outer: ListCounter | None) -> ListCounter:
        """The counter of a list: a new one, unless it goes on with another list."""
        style = attribute(element, "style-name")
        if outer is not None:
            return outer if not style or style == outer.style else ListCounter(style)
        continued = self._lists_by_id.get(attribute(element, "continue-list"))
        if continued is None and attribute(element, "continue-numbering") == "true":
            continued = self._last_list.get(style)
        counter = continued or ListCounter(style)
        self._last_list[style] = counter
        if name := attribute(element, "id"):
            self._lists_by_id[name] = counter
        return counter

    def _walk(self, element: Element, written: Written) -> None:
        self._add(element.text, written)
        for each in element:
            name = local_name(each)
            if name in self._inline:
                if not self._hidden:
                    self._inline[name](each, written)
            elif name not in _SKIPPED:
                self._walk(each, written)
            self._add(each.tail, written)

    def _add(self, text: str | None, written: Written) -> None:
        if text and not self._hidden:
            written.add(_SPACE.sub(" ", text).replace("\u00ad", ""))

    def _span(self, element: Element, written: Written) -> None:
        outside, self._hidden = self._hidden, self._styles.hides(attribute(element, "style-name"))
        self._walk(element, written)
        self._hidden = outside

    def _note(self, element: Element, written: Written) -> None:
        kind = attribute(element, "note-class") or "footnote"
        cited, body = child(element, "note-citation"), child(element, "note-body")
        number = "" if cited is None else on_one_line("".join(cited.itertext()))
        text = "" if body is None else as_one_text(self.blocks(body))
        written.add(f" {marked(f'{kind} {number}'.strip(), text)} ")

    def _annotation(self, element: Element, written: Written) -> None:
        said = [e for e in element if local_name(e) in ("p", "list")]
        text = as_one_text(b for each in said for b in self.blocks(_holding(each)))
        creator = child(element, "creator")
        author = on_one_line(creator.text or "") if creator is not None else ""
        if text:
            written.apart.append(marked(f"comment by {author}" if author else "comment", text))

    def _change(self, element: Element, written: Written) -> None:
        region = self._deleted.pop(attribute(element, "change-id"), None)
        if region is not None and (text := as_one_text(self.blocks(region))):
            written.apart.append(marked("deleted", text))

    def _hidden_text(self, element: Element, written: Written) -> None:
        if attribute(element, "is-hidden") == "false":
            self._add(attribute(element, "string-value") or element.text, written)

    def _ruby(self, element: Element, written: Written) -> None:
        if text := on_one_line("".join(element.itertext())):
            written.add(f"({text})")

    def _page_number(self, element: Element, written: Written) -> None:
        """The number, unless the file holds only a word for it, as presentations do."""
        if (text := on_one_line("".join(element.itertext()))).isalnum():
            self._add(text, written)

    def _drawn(self, element: Element, written: Written) -> None:
        for each in children(element, "object"):
            root = self._root_of(each)
            if root is not None and local_name(root) == "math":
                written.add(f" {mathml_text(root)} ")
                return
        written.after += self.shape(element)

    def _apart(self, read: Callable[[Element, Written], None], element: Element) -> Iterator[Block]:
        written = Written()
        read(element, written)
        yield from (TextBlock(mark) for mark in written.apart)

    def _object(self, element: Element) -> Iterator[Block]:
        """A chart, an equation, or a text or sheet inside the file."""
        root = self._root_of(element)
        if root is None:
            return
        if local_name(root) == "math":
            yield TextBlock(mathml_text(root))
            return
        chart = descendant(root, "chart")
        chart = child(chart, "chart") if child(chart, "chart") is not None else chart
        if chart is None:
            body = descendant(root, "body")
            yield from () if body is None else self.blocks(body)
            return
        title = child(chart, "title")
        text = on_one_line(" ".join(title.itertext())) if title is not None else ""
        yield TextBlock(marked("chart", text) if text else "[chart]")
        for table in children(chart, "table"):
            yield from self.table(table, named=True)

    def _root_of(self, element: Element) -> Element | None:
        """What an object shows; each part inside the file is read once."""
        for each in element:
            if local_name(each) in ("math", "document"):
                return each
        if element not in self._roots:
            self._roots[element] = self._objects.object_root(attribute(element, "href"))
        return self._roots[element]


def _holding(element: Element) -> Element:
    """An element that holds only this one, for what reads what an element holds."""
    holder = Element("holder")
    holder.append(element)
    return holder


def _is_hidden_section(section: Element) -> bool:
    """Whether a section is never shown, or was not when the file was saved."""
    display = attribute(section, "display", "true")
    return display == "none" or (
        display == "condition" and attribute(section, "is-hidden") == "true"
    )


def _only_a_list(item: Element) -> bool:
    """Whether an item is there only to hold a list beneath it, and is not counted."""
    return len(item) > 0 and local_name(item[0]) == "list"


def _description(element: Element) -> str:
    description = child(element, "desc")
    text = on_one_line(description.text or "") if description is not None else ""
    return marked("picture", text) if text else ""


def _rows(table: Element, *, header: bool) -> Iterator[tuple[Element, bool]]:
    """The rows, each with whether it names the columns."""
    for each in table:
        name = local_name(each)
        if name == "table-row":
            yield each, header
        elif name in ("table-header-rows", "table-rows", "table-row-group"):
            yield from _rows(each, header=header or name == "table-header-rows")


def _deletions(root: Element) -> dict[str, Element]:
    """What was deleted, by the id of the change."""
    found: dict[str, Element] = {}
    for changes in (each for each in root.iter() if local_name(each) == "tracked-changes"):
        for region in children(changes, "changed-region"):
            deletion = child(region, "deletion")
            if deletion is not None:
                found[attribute(region, "id")] = deletion
    return found
