"""Reads OpenDocument texts (.odt) and presentations (.odp), whose text is in one part."""

from __future__ import annotations

import re
from collections.abc import Iterator
from posixpath import normpath
from xml.etree.ElementTree import Element

from docpager.core.errors import DocumentError
from docpager.documents.carried import FileContents, Instructions
from docpager.documents.flow import Flow, marked, on_one_line
from docpager.documents.office.blocks import Block, TextBlock, as_one_text, write_blocks
from docpager.documents.office.odf_styles import OdfStyles
from docpager.documents.office.odf_text import OdfText
from docpager.documents.office.parts import (
    attribute,
    child,
    children,
    descendant,
    nesting_is_bounded,
)
from docpager.documents.office.pptx_shapes import Shape, reading_order
from docpager.documents.packages import Package, elements, local_name
from docpager.documents.reasons import Reason

__all__ = ["read_odp", "read_odt"]

_LENGTH = re.compile(r"(-?[\d.]{1,12})(cm|mm|in|pt|pc|px)")
_UNITS = {"cm": 360_000, "mm": 36_000, "in": 914_400, "pt": 12_700, "pc": 152_400, "px": 9_525}
"""Of PowerPoint, so that both kinds of slides are read in the same order."""
_SAME_ON_ALL = frozenset({"page-number", "date-time", "footer", "header"})


@nesting_is_bounded
def read_odt(content: bytes, path: str, instructions: Instructions) -> FileContents:
    """A text, with notes, comments, deleted text, headers and footers marked.

    Raises:
        DocumentError: it is damaged, encrypted, unsafe, or holds no text.
    """
    file = _OpenDocument(content, path)
    flow = Flow()
    write_blocks(file.around("header"), flow)
    write_blocks(file.text.blocks(file.body), flow)
    write_blocks(file.around("footer"), flow)
    document = flow.document("odt", path, content, title=file.title())
    return FileContents((document,), tuple(file.problems))


@nesting_is_bounded
def read_odp(content: bytes, path: str, instructions: Instructions) -> FileContents:
    """A presentation, a page for each slide; notes, comments and hidden slides are marked.

    Raises:
        DocumentError: it is damaged, encrypted, unsafe, or holds no text.
    """
    file = _OpenDocument(content, path)
    flow = Flow()
    slides = (each for each in elements(file.body, "page"))
    for number, slide in enumerate(slides, start=1):
        left_out = instructions.watch(number)
        blocks = [] if left_out else list(file.slide(slide))
        picture = not blocks and descendant(slide, "image") is not None
        flow.begin_page(str(number), problem=left_out or (Reason.NO_TEXT if picture else None))
        write_blocks(blocks, flow)
    document = flow.document("odp", path, content, title=file.title())
    return FileContents((document,), tuple(file.problems))


class _OpenDocument:
    """A file's parts: its content, its styles, and the objects that it shows."""

    def __init__(self, content: bytes, path: str) -> None:
        self.path = path
        self.problems: list[str] = []
        self._package = Package(content, path)
        if "META-INF/manifest.xml" in self._package and self._is_encrypted():
            raise DocumentError(
                f"{path!r} is encrypted; save it without a password", Reason.ENCRYPTED
            )
        root = self._package.xml("content.xml")
        self._styles_root = self._part("styles.xml")
        self.styles = OdfStyles((self._styles_root, root))
        self.text = OdfText(self.styles, self, root)
        body = child(root, "body")
        self.body = root if body is None else body
        self._taken: set[str] = set()
        self._said: set[str] = set()

    def object_root(self, name: str) -> Element | None:
        """The content of an object inside the file, when it is met for the first time."""
        folder = normpath(name).lstrip("/")
        for part in (f"{folder}/content.xml", folder):
            if part in self._package and part not in self._taken:
                self._taken.add(part)
                try:
                    return self._package.xml(part)
                except DocumentError as error:
                    self.problems.append(str(error))
        return None

    def title(self) -> str:
        """The title of the file's properties, else that of the text."""
        title = descendant(self._part("meta.xml"), "title")
        return on_one_line(title.text or "" if title is not None else "") or self.text.title

    def around(self, kind: str) -> Iterator[Block]:
        """The headers or footers of the page styles that the text uses, each once."""
        masters = child(self._styles_root, "master-styles")
        for place, page in enumerate(children(masters, "master-page")):
            if place and attribute(page, "name") not in self.styles.masters:
                continue
            for each in page:
                if local_name(each) in (kind, f"{kind}-left", f"{kind}-first"):
                    shown = attribute(each, "display", "true") == "true"
                    text = as_one_text(self.text.blocks(each)) if shown else ""
                    if text and not text.isdecimal() and text not in self._said:
                        self._said.add(text)
                        yield TextBlock(marked(kind, text))

    def slide(self, page: Element) -> Iterator[Block]:
        """What a slide shows, its notes and the comments on it."""
        if self.styles.is_left_out(attribute(page, "style-name")):
            yield TextBlock("[hidden slide]")
        apart: list[Element] = []
        shapes: list[Shape] = []
        for each in page:
            name = local_name(each)
            if name in ("notes", "annotation"):
                apart.append(each)
            elif attribute(each, "class") not in _SAME_ON_ALL:
                shapes.append(self._shape(each))
        for shape in reading_order(shapes):
            if shape.holds == "title" and (text := as_one_text(shape.blocks)):
                self.text.title = self.text.title or text
                yield TextBlock(text, "heading")
            else:
                yield from shape.blocks
        yield from self._behind(attribute(page, "master-page-name"))
        for each in apart:
            holder = Element("holder")
            holder.append(each)
            if local_name(each) == "annotation":
                yield from self.text.blocks(holder)
            elif text := as_one_text(self._notes(each)):
                yield TextBlock(marked("notes", text))

    def _behind(self, master: str) -> Iterator[Block]:
        """Footers, and what the slide's master shows beneath it, once in a presentation."""
        said = [(elements(self.body, "footer-decl"), "footer")]
        for page in children(child(self._styles_root, "master-styles"), "master-page"):
            if attribute(page, "name") == master:
                shapes = (e for e in page if local_name(e) != "notes" and not attribute(e, "class"))
                said.append((shapes, "behind every slide"))
        for found, kind in said:
            for element in found:
                text = as_one_text(self._shape(element).blocks) or on_one_line(element.text or "")
                if text and text not in self._said:
                    self._said.add(text)
                    yield TextBlock(marked(kind, text))

    def _notes(self, notes: Element) -> Iterator[Block]:
        for each in notes:
            if local_name(each) == "frame" and attribute(each, "class") not in _SAME_ON_ALL:
                yield from self.text.shape(each)

    def _shape(self, element: Element) -> Shape:
        holder = Element("holder")
        holder.append(element)
        blocks = tuple(self.text.blocks(holder))
        place = (_distance(element, "y"), _distance(element, "x"))
        return Shape(attribute(element, "class"), *place, blocks)

    def _is_encrypted(self) -> bool:
        # Older programs declare a document type here, so it is not parsed.
        return b"encryption-data" in self._package.read("META-INF/manifest.xml")

    def _part(self, name: str) -> Element | None:
        """A part, or None where it is not there or damaged, which is noted as a problem."""
        if name not in self._package:
            return None
        try:
            return self._package.xml(name)
        except DocumentError as error:
            if error.reason == Reason.UNSAFE:
                raise
            self.problems.append(str(error))
            return None


def _distance(element: Element, name: str) -> int:
    found = _LENGTH.match(attribute(element, name))
    try:
        return int(float(found[1]) * _UNITS[found[2]]) if found else 0
    except (ValueError, OverflowError):
        return 0
