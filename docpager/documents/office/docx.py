"""Reads Word documents (.docx and its kin), whose text is read as it stands with changes accepted.

What was deleted, what others remarked, notes, headers and footers are in the text too, marked as
what they are. Element names are those of ECMA-376, part 1, section 17, whatever their namespace:
the strict form of the format has the same names in another one.
"""

from __future__ import annotations

from collections.abc import Iterator
from xml.etree.ElementTree import Element

from docpager.core.errors import DocumentError
from docpager.documents.carried import FileContents, Instructions
from docpager.documents.flow import Flow, marked, on_one_line
from docpager.documents.office.blocks import (
    Block,
    Grid,
    TextBlock,
    Written,
    as_one_text,
    write_blocks,
)
from docpager.documents.office.docx_runs import RunReader
from docpager.documents.office.docx_styles import Numbering, WordStyles
from docpager.documents.office.parts import (
    OfficeParts,
    attribute,
    child,
    children,
    chosen,
    is_on,
    nesting_is_bounded,
    whole_number,
)
from docpager.documents.packages import local_name
from docpager.documents.reasons import Reason

__all__ = ["read_docx"]

_DEEPEST_TABLES = 20
_AROUND_BLOCKS = frozenset({"sdt", "sdtContent", "customXml", "ins", "moveTo", "smartTag"})
_DELETED = frozenset({"del", "moveFrom"})


@nesting_is_bounded
def read_docx(content: bytes, path: str, instructions: Instructions) -> FileContents:
    """A Word document, and the files that are embedded in it.

    Raises:
        DocumentError: it is damaged, encrypted, unsafe, or holds no text.
    """
    word = _WordDocument(OfficeParts(content, path))
    flow = Flow()
    write_blocks(word.blocks(), flow)
    return word.parts.contents(flow, "docx", content, word.parts.title() or word.title)


class _WordDocument:
    """A document's parts: the body, and what it refers to."""

    def __init__(self, parts: OfficeParts) -> None:
        self.parts = parts
        self.main = parts.main_part("word/document.xml")
        self.root = parts.needed_xml(self.main)
        self.styles = WordStyles(parts.related_xml(self.main, "styles"))
        self.numbering = Numbering(parts.related_xml(self.main, "numbering"), self.styles)
        settings = parts.related_xml(self.main, "settings")
        self._even_differ = is_on(child(settings, "evenAndOddHeaders"))
        self._notes = {kind: self._entries(f"{kind}s", kind) for kind in ("footnote", "endnote")}
        self._comments = self._entries("comments", "comment")
        self._numbers = {"footnote": 0, "endnote": 0}
        self._told: dict[tuple[str, str], str] = {}
        self._around: set[str] = set()
        self._title_is_declared = False
        self.title = ""
        """What stands in the style of a title, else the first heading."""

    def blocks(self) -> Iterator[Block]:
        """Everything in reading order: each section's headers, its text, its footers."""
        story = _Story(self, self.main, self.root)
        for content, properties in _sections(child(self.root, "body")):
            yield from self._above_or_below(properties, "header")
            yield from story.blocks(content)
            yield from self._above_or_below(properties, "footer")
        self.parts.carry_related(self.main)

    def hides(self, style_id: str) -> bool:
        """Whether a style hides its text."""
        return self.styles.hides(style_id)

    def note(self, kind: str, reference: Element) -> str:
        """The note that is referred to, marked with its number; its text once."""
        key = (kind, attribute(reference, "id"))
        if key not in self._told:
            own_mark = attribute(reference, "customMarkFollows") in ("1", "true", "on")
            self._numbers[kind] += not own_mark
            name = kind if own_mark else f"{kind} {self._numbers[kind]}"
            self._told[key] = name
            if (entry := self._notes[kind].get(key[1])) is not None:
                return marked(name, self._text_of(entry, f"{kind}s"))
        return f"[{self._told[key]}]"

    def comment(self, reference: Element) -> str:
        """The comment that is referred to, marked with its author; empty after the first time."""
        entry = self._comments.pop(attribute(reference, "id"), None)
        if entry is None:
            return ""
        text = self._text_of(entry, "comments")
        author = on_one_line(attribute(entry, "author"))
        return marked(f"comment by {author}" if author else "comment", text) if text else ""

    def found_title(self, text: str, *, declared: bool) -> None:
        """A heading; the first one is the title unless one is declared to be."""
        if (declared and not self._title_is_declared) or not self.title:
            self.title, self._title_is_declared = text, declared

    def _text_of(self, entry: Element, kind: str) -> str:
        part = self.parts.related(self.main, kind)
        return as_one_text(_Story(self, part, entry).blocks(entry))

    def _entries(self, kind: str, name: str) -> dict[str, Element]:
        root = self.parts.related_xml(self.main, kind)
        return {attribute(each, "id"): each for each in children(root, name)}

    def _above_or_below(self, section: Element | None, kind: str) -> Iterator[Block]:
        """The headers or footers of a section; what is said again on later pages comes once."""
        shown = {"default": True, "even": self._even_differ}
        shown["first"] = is_on(child(section, "titlePg"))
        named = self.parts.relationships(self.main)
        for reference in children(section, f"{kind}Reference"):
            relationship = named.get(attribute(reference, "id"))
            if relationship is None or not shown.get(attribute(reference, "type", "default")):
                continue
            part = relationship.target
            if not self.parts.take(part) or (root := self.parts.xml(part)) is None:
                continue
            text = as_one_text(_Story(self, part, root).blocks(root))
            if text and not text.isdecimal() and text not in self._around:
                self._around.add(text)
                yield TextBlock(marked(kind, text))


def _sections(body: Element | None) -> Iterator[tuple[list[Element], Element | None]]:
    """The body's parts, each with what says which headers it has."""
    content: list[Element] = []
    for each in () if body is None else body:
        if local_name(each) == "sectPr":
            yield content, each
            content = []
            continue
        content.append(each)
        properties = child(each, "pPr", "sectPr") if local_name(each) == "p" else None
        if properties is not None:
            yield content, properties
            content = []
    if content:
        yield content, None


class _Story:
    """One run of text: a body, a header, a note."""

    def __init__(self, word: _WordDocument, part: str, root: Element) -> None:
        self._word = word
        self._part = part
        self._runs = RunReader(word, part, root, lambda element: list(self.blocks(element)))
        self._open: Written | None = None
        """A paragraph that goes on in the next one: its end was deleted, or it is a large
        initial letter."""
        self._tables = 0

    def blocks(self, container: Element | list[Element]) -> Iterator[Block]:
        """The paragraphs and tables in it."""
        for each in container:
            name = local_name(each)
            if name == "p":
                yield from self._paragraph(each)
            elif name == "tbl":
                yield from self._table(each)
            elif name in _AROUND_BLOCKS:
                yield from self.blocks(each)
            elif name in _DELETED:
                self._runs.deleting += 1
                yield from self.blocks(each)
                self._runs.deleting -= 1
            elif name == "AlternateContent" and (form := chosen(each)) is not None:
                yield from self.blocks(form)
            elif name == "oMathPara":
                wrapped = Element("p")
                wrapped.append(each)
                yield from self._paragraph(wrapped)

    def _paragraph(self, paragraph: Element) -> Iterator[Block]:
        word, properties = self._word, child(paragraph, "pPr")
        level = word.styles.heading_level(properties)
        is_title = level is None and word.styles.is_title(properties)
        written, self._open = self._open or Written(), None
        hidden = word.hides(word.styles.paragraph_style(properties))
        heading = is_title or level is not None
        self._runs.read(paragraph, written, hidden=hidden, in_heading=heading)
        text = "".join(written.text).strip()
        if text and _goes_on(properties):
            self._open = written
            return
        written.end_deleted()
        ended = child(properties, "rPr", "del") is None and not self._runs.deleting
        label = word.numbering.label(properties) if text or ended else None
        if heading and text and self._part == word.main:
            word.found_title(on_one_line(text), declared=is_title)
        is_line = label is not None or word.styles.is_contents_line(properties)
        yield from written.blocks(label or "", level if level or not heading else 1, line=is_line)

    def _table(self, table: Element) -> Iterator[Block]:
        self._tables += 1
        if self._tables > _DEEPEST_TABLES:
            raise DocumentError(
                f"{self._word.parts.path!r} nests more than {_DEEPEST_TABLES} tables; leave it out",
                Reason.UNSAFE,
            )
        grid = Grid(self._word.parts.path)
        for row in _within(table, "tr"):
            properties = child(row, "trPr")
            if is_on(child(properties, "hidden")):
                continue
            deleted = child(properties, "del") is not None
            self._runs.deleting += deleted
            grid.begin_row(header=is_on(child(properties, "tblHeader")))
            before = child(properties, "gridBefore")
            grid.at(0 if before is None else whole_number(attribute(before, "val"), 0))
            for cell in _within(row, "tc"):
                self._cell(cell, grid)
            self._runs.deleting -= deleted
        self._tables -= 1
        yield from grid.blocks()

    def _cell(self, cell: Element, grid: Grid) -> None:
        properties = child(cell, "tcPr")
        span, merged = child(properties, "gridSpan"), child(properties, "vMerge")
        columns = 1 if span is None else whole_number(attribute(span, "val"), 1, least=1)
        if merged is not None and attribute(merged, "val", "continue") != "restart":
            grid.covered(columns)
            return
        deleted = child(properties, "cellDel") is not None
        self._runs.deleting += deleted
        grid.cell(self.blocks(cell), columns=columns, goes_down=merged is not None)
        self._runs.deleting -= deleted


def _goes_on(properties: Element | None) -> bool:
    """Whether the next paragraph is shown as a part of this one."""
    if child(properties, "rPr", "del") is not None:
        return True
    frame = child(properties, "framePr")
    return frame is not None and attribute(frame, "dropCap", "none") != "none"


def _within(element: Element, name: str) -> Iterator[Element]:
    """The rows of a table or the cells of a row, also those inside content controls and changes."""
    for each in element:
        if local_name(each) == name:
            yield each
        elif local_name(each) in _AROUND_BLOCKS | _DELETED:
            yield from _within(each, name)
        elif local_name(each) == "AlternateContent" and (form := chosen(each)) is not None:
            yield from _within(form, name)
