"""The text of one paragraph of a Word document: runs, fields, tracked changes, notes, drawings."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Protocol
from xml.etree.ElementTree import Element

from docpager.documents.flow import marked
from docpager.documents.office.blocks import Block, Written
from docpager.documents.office.drawings import described, drawn_blocks
from docpager.documents.office.equations import omml_text
from docpager.documents.office.parts import (
    OfficeParts,
    attribute,
    child,
    children,
    chosen,
    is_on,
    whole_number,
)
from docpager.documents.office.symbols import symbol, without_private_letters
from docpager.documents.packages import local_name

__all__ = ["RunReader"]

_NAMES_NOT_SHOWN = (
    "pPr rPr sdtPr sdtEndPr instrText delInstrText fldData ffData softHyphen rubyPr "
    "footnoteRef endnoteRef annotationRef separator continuationSeparator pgNum "
    "bookmarkStart bookmarkEnd proofErr lastRenderedPageBreak smartTagPr customXmlPr"
)
_NOT_SHOWN = frozenset(_NAMES_NOT_SHOWN.split())
_LETTERS: Mapping[str, str] = {
    "tab": "\t",
    "ptab": "\t",
    "br": "\n",
    "cr": "\n",
    "noBreakHyphen": "-",
}
_SOFT_HYPHEN = "\u00ad"


class WordNotes(Protocol):
    """What a run may refer to by number."""

    parts: OfficeParts

    def note(self, kind: str, reference: Element) -> str: ...
    def comment(self, reference: Element) -> str: ...
    def hides(self, style_id: str) -> bool: ...


class RunReader:
    """Reads the runs of one story: a body, a header, a note. Fields may reach across paragraphs."""

    def __init__(
        self,
        notes: WordNotes,
        part: str,
        root: Element,
        blocks_of: Callable[[Element], list[Block]],
    ) -> None:
        self._notes = notes
        self._part = part
        self._blocks_of = blocks_of
        self._fields: list[bool] = []
        """For each field that is open, whether its result has begun."""
        self._has_fields = _fields_are_whole(root)
        self._written = Written()
        self._paragraph_hidden = False
        self._in_heading = False
        self.deleting = 0
        """Above 0 while what is read was deleted."""
        self._readers: Mapping[str, Callable[[Element], None]] = {
            "r": self._run,
            **dict.fromkeys(("del", "moveFrom"), self._moved_or_deleted),
            **dict.fromkeys(("drawing", "pict", "object"), self._drawing),
            **dict.fromkeys(("oMath", "oMathPara"), self._equation),
            **dict.fromkeys(("footnoteReference", "endnoteReference"), self._note),
            "commentReference": self._comment,
            "fldChar": self._field,
            "sym": self._symbol,
            "ruby": self._ruby,
            "AlternateContent": self._alternatives,
        }

    def read(self, paragraph: Element, into: Written, *, hidden: bool, in_heading: bool) -> None:
        """Read a paragraph; its notes are put apart where it is a heading."""
        self._written = into
        self._paragraph_hidden = hidden
        self._in_heading = in_heading
        self._walk(paragraph, hidden=hidden)

    def _walk(self, element: Element, *, hidden: bool, font: str = "") -> None:
        for each in element:
            name = local_name(each)
            if name in ("t", "delText"):
                self._add(each.text or "", hidden, font, deleted=name == "delText")
            elif name in _LETTERS:
                self._add(_LETTERS[name], hidden)
            elif name in self._readers:
                if name == "fldChar" or not hidden or name == "r":
                    self._readers[name](each)
            elif name not in _NOT_SHOWN:
                self._walk(each, hidden=hidden, font=font)

    def _add(self, text: str, hidden: bool, font: str = "", *, deleted: bool = False) -> None:
        if hidden or not all(self._fields):
            return
        text = without_private_letters(text.replace(_SOFT_HYPHEN, ""), font)
        if deleted or self.deleting:
            self._written.deleted.append(text)
        else:
            self._written.add(text)

    def _run(self, run: Element) -> None:
        properties = child(run, "rPr")
        hidden, font = self._paragraph_hidden, ""
        if properties is not None:
            fonts = child(properties, "rFonts")
            font = "" if fonts is None else attribute(fonts, "ascii")
            vanish, style = child(properties, "vanish"), child(properties, "rStyle")
            if vanish is not None:
                hidden = is_on(vanish)
            elif style is not None and self._notes.hides(attribute(style, "val")):
                hidden = True
        self._walk(run, hidden=hidden, font=font)

    def _moved_or_deleted(self, element: Element) -> None:
        self.deleting += 1
        self._walk(element, hidden=self._paragraph_hidden)
        self.deleting -= 1

    def _field(self, element: Element) -> None:
        match attribute(element, "fldCharType"):
            case "begin":
                if self._has_fields:
                    self._fields.append(False)
                if form := _form_field(child(element, "ffData")):
                    self._written.add(form)
            case "separate" if self._fields:
                self._fields[-1] = True
            case "end" if self._fields:
                self._fields.pop()

    def _symbol(self, element: Element) -> None:
        try:
            place = int(attribute(element, "char"), 16)
        except ValueError:
            return
        self._add(symbol(attribute(element, "font"), place), hidden=False)

    def _ruby(self, element: Element) -> None:
        """Characters with their reading above: the reading follows in brackets."""
        for name in ("rubyBase", "rt"):
            part = child(element, name)
            if part is not None:
                self._add("(" if name == "rt" else "", hidden=False)
                self._walk(part, hidden=self._paragraph_hidden)
                self._add(")" if name == "rt" else "", hidden=False)

    def _alternatives(self, element: Element) -> None:
        shown = chosen(element)
        if shown is not None:
            self._walk(shown, hidden=self._paragraph_hidden)

    def _equation(self, element: Element) -> None:
        self._add(f" {omml_text(element)} ", hidden=False)

    def _note(self, element: Element) -> None:
        note = self._notes.note(local_name(element).removesuffix("Reference"), element)
        if self._in_heading or self.deleting:
            self._written.apart.append(note)
        else:
            self._add(f" {note} ", hidden=False)

    def _comment(self, element: Element) -> None:
        if comment := self._notes.comment(element):
            self._written.end_deleted()
            self._written.apart.append(comment)

    def _drawing(self, element: Element) -> None:
        descriptions: dict[str, None] = {}
        for each in _shown(element):
            name = local_name(each)
            if name == "txbxContent":
                self._written.after += self._text_box(each)
            elif name in ("docPr", "cNvPr"):
                descriptions[described(each)] = None
            elif name == "textpath":  # a word drawn as a picture, such as a watermark
                text = attribute(each, "string")
                descriptions[marked("drawn", text) if text.strip() else ""] = None
            elif name == "shape" and attribute(each, "alt").strip():
                descriptions[marked("picture", attribute(each, "alt"))] = None
        self._written.after += drawn_blocks(element, self._part, self._notes.parts)
        for text in filter(None, descriptions):
            self._add(f" {text} ", hidden=False)

    def _text_box(self, content: Element) -> list[Block]:
        """What a text box holds; the paragraph that it hangs on is read on afterwards."""
        outside = (self._written, self._paragraph_hidden, self._in_heading, self._fields)
        self._fields = []
        blocks = self._blocks_of(content)
        self._written, self._paragraph_hidden, self._in_heading, self._fields = outside
        return blocks


def _shown(element: Element) -> Iterator[Element]:
    """What is drawn, down to text boxes; of alternatives, the one that is shown."""
    for each in element:
        if local_name(each) == "AlternateContent":
            form = chosen(each)
            if form is not None:
                yield from _shown(form)
        else:
            yield each
            if local_name(each) != "txbxContent":
                yield from _shown(each)


def _fields_are_whole(root: Element) -> bool:
    """Whether every field that begins also ends: where not, nothing is taken for a formula."""
    kinds = [attribute(e, "fldCharType") for e in root.iter() if local_name(e) == "fldChar"]
    return kinds.count("begin") == kinds.count("end")


def _form_field(data: Element | None) -> str:
    """What a form field shows that has no result of its own: a box, or the entry of a list."""
    box, entries = child(data, "checkBox"), child(data, "ddList")
    if box is not None:
        checked = child(box, "checked")
        default = child(box, "default")
        return "☒" if is_on(checked if checked is not None else default) else "☐"
    if entries is not None:
        result, default = child(entries, "result"), child(entries, "default")
        said = result if result is not None else default
        place = 0 if said is None else whole_number(attribute(said, "val"), 0)
        names = [attribute(each, "val") for each in children(entries, "listEntry")]
        return names[place] if place < len(names) else ""
    return ""
