"""Reads PowerPoint presentations (.pptx and its kin), a page for each slide.

Notes, comments, hidden slides and what stands behind every slide are marked as what they are.
Element names are those of ECMA-376, part 1, sections 19 and 21.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from docpager.documents.carried import FileContents, Instructions
from docpager.documents.flow import Flow, marked, on_one_line
from docpager.documents.office.blocks import Block, TextBlock, as_one_text, write_blocks
from docpager.documents.office.drawings import drawn_text
from docpager.documents.office.parts import (
    OfficeParts,
    attribute,
    child,
    children,
    nesting_is_bounded,
)
from docpager.documents.office.pptx_shapes import Shape, ShapeReader
from docpager.documents.packages import elements, local_name
from docpager.documents.reasons import Reason

__all__ = ["read_pptx"]

_NOT_NOTES = frozenset({"sldImg", "sldNum", "hdr", "ftr", "dt"})
_BELOW = frozenset({"ftr", "dt", "hdr"})
"""Placeholders that say the same on every slide."""


@nesting_is_bounded
def read_pptx(content: bytes, path: str, instructions: Instructions) -> FileContents:
    """A presentation, and the files that are embedded in it.

    Raises:
        DocumentError: it is damaged, encrypted, unsafe, or holds no text.
    """
    deck = _Deck(OfficeParts(content, path))
    flow = Flow()
    for number, part in enumerate(deck.slides(), start=1):
        left_out = instructions.watch(number)
        blocks = [] if left_out else list(deck.blocks(part))
        flow.begin_page(str(number), problem=left_out or deck.problem(part, blocks))
        write_blocks(blocks, flow)
    return deck.parts.contents(flow, "pptx", content, deck.parts.title() or deck.title)


class _Deck:
    """A presentation's parts: its slides in order, and what each refers to."""

    def __init__(self, parts: OfficeParts) -> None:
        self.parts = parts
        self.title = ""
        """That of the first slide which has one."""
        self._main = parts.main_part("ppt/presentation.xml")
        self._root = parts.needed_xml(self._main)
        self._authors = self._comment_authors()
        self._said_below: set[str] = set()
        self._pictures: set[str] = set()

    def slides(self) -> Iterator[str]:
        """The names of the slides' parts, in the order in which they are shown."""
        named = self.parts.relationships(self._main)
        shown: set[str] = set()
        again = 0
        for each in children(child(self._root, "sldIdLst"), "sldId"):
            # Two attributes are called `id`; the relationship's is the one with a namespace.
            ids = [v for key, v in each.items() if key.endswith("}id")]
            relationship = named.get(ids[0]) if ids else None
            if relationship is None or relationship.external:
                continue
            if relationship.target in shown:
                again += 1
                continue
            shown.add(relationship.target)
            yield relationship.target
        if again:
            self.parts.problems.append(
                f"{self.parts.path!r}: {again:,} of its slides are others again, and were read once"
            )

    def blocks(self, part: str) -> Iterator[Block]:
        """What a slide shows, its notes and the comments on it."""
        root = self.parts.xml(part)
        if root is None:
            if part not in self.parts:
                self.parts.problems.append(f"{self.parts.path!r} lacks its slide {part!r}")
            return
        if attribute(root, "show", "1") in ("0", "false"):
            yield TextBlock("[hidden slide]")
        reader = ShapeReader(self.parts, part)
        shapes = reader.shapes(child(root, "cSld", "spTree"))
        if reader.has_pictures:
            self._pictures.add(part)
        yield from self._shown(shapes)
        if attribute(root, "showMasterSp", "1") not in ("0", "false"):
            yield from self._behind(part)
        yield from self._notes(part)
        yield from self._comments(part)
        self.parts.carry_related(part)

    def problem(self, part: str, blocks: list[Block]) -> str | None:
        """Why a slide has no text though it shows something: it is a picture."""
        return Reason.NO_TEXT if not blocks and part in self._pictures else None

    def _shown(self, shapes: list[Shape]) -> Iterator[Block]:
        below: list[str] = []
        for shape in shapes:
            if shape.holds in ("title", "ctrTitle"):
                text = on_one_line(as_one_text(shape.blocks))
                self.title = self.title or text
                yield TextBlock(text, "heading")
            elif shape.holds in _BELOW:
                below.append(as_one_text(shape.blocks))
            elif shape.holds != "sldNum":
                yield from shape.blocks
        for text in below:
            if text and text not in self._said_below:
                self._said_below.add(text)
                yield TextBlock(marked("footer", text))

    def _behind(self, part: str) -> Iterator[Block]:
        """What the slide's layout and master show beneath it, once in a presentation."""
        layout = self.parts.related(part, "slideLayout")
        for name in (layout, self.parts.related(layout, "slideMaster") if layout else ""):
            if not name or not self.parts.take(name) or (root := self.parts.xml(name)) is None:
                continue
            shapes = ShapeReader(self.parts, name).shapes(child(root, "cSld", "spTree"))
            text = as_one_text(b for shape in shapes if not shape.holds for b in shape.blocks)
            if text and text not in self._said_below:
                self._said_below.add(text)
                yield TextBlock(marked("behind every slide", text))

    def _notes(self, part: str) -> Iterator[Block]:
        name = self.parts.related(part, "notesSlide")
        root = self.parts.xml(name)
        if root is None or not self.parts.take(name):
            return
        shapes = ShapeReader(self.parts, name).shapes(child(root, "cSld", "spTree"))
        if text := as_one_text(b for s in shapes if s.holds not in _NOT_NOTES for b in s.blocks):
            yield TextBlock(marked("notes", text))

    def _comments(self, part: str) -> Iterator[Block]:
        """Comments of both kinds: `p:cm` with its text, and `p188:cm` with replies."""
        name = self.parts.related(part, "comments")
        root = self.parts.xml(name)
        if root is None or not self.parts.take(name):
            return
        for comment in root.iter():
            if local_name(comment) in ("cm", "reply"):
                plain = child(comment, "text")
                said = plain.text if plain is not None else drawn_text(child(comment, "txBody"))
                if text := on_one_line(said or ""):
                    author = self._authors.get(attribute(comment, "authorId"), "")
                    yield TextBlock(marked(f"comment by {author}" if author else "comment", text))

    def _comment_authors(self) -> Mapping[str, str]:
        authors: dict[str, str] = {}
        for kind, name in (("commentAuthors", "cmAuthor"), ("authors", "author")):
            root = self.parts.related_xml(self._main, kind)
            for each in () if root is None else elements(root, name):
                authors[attribute(each, "id")] = on_one_line(attribute(each, "name"))
        return authors
