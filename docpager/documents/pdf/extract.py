"""What a reader finds in a PDF before its pages are joined."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

from docpager.documents.carried import CarriedFile
from docpager.documents.headings import LineStyle
from docpager.documents.ocr.recognition import ENGINE, RecognisedPage
from docpager.documents.pdf.text_repair import GARBLED_SHARE, PageText, page_text
from docpager.documents.reasons import Reason

__all__ = [
    "ASSEMBLING",
    "FEW_CHARACTERS",
    "OUTLINE",
    "Extract",
    "PageExtract",
    "PageWatch",
]

PageWatch = Callable[[int], str | None]
"""Told of each page before it is read, counted from 1; a reason in return leaves the page out."""
OUTLINE = 0
"""Told instead of a page: now the outline is read."""
ASSEMBLING = -1
"""Told instead of a page: all is read, now the text is put together."""

FEW_CHARACTERS = 200
"""The area of images is measured only on pages with fewer: listing a page's objects costs more
than its text, and a page with text can be read whatever it shows."""
_HARDLY_A_WORD = 20
_MOST_OF_THE_PAGE = 0.5


@dataclass(frozen=True, slots=True)
class PageExtract:
    """One page."""

    text: PageText = field(default_factory=PageText)
    failure: str | None = None
    """Why it was not read; None when it was."""
    image_area: float | None = None
    """Share of the page under images; None where it was not measured."""
    line_styles: Mapping[int, LineStyle] = field(default_factory=dict)
    """By line of `text`, where headings are looked for."""
    is_blank: bool = False
    """Whether nothing is drawn on the page."""
    reader: str = "pdfium"
    """Whose text was taken, a `PdfPage.reader`."""
    doubt: str | None = None
    """What may be wrong with the text, a `Reason`; None where nothing showed."""
    notes: tuple[str, ...] = ()
    """Rules that changed the text on purpose, each a `Departure`."""
    confidence: float | None = None
    """Of text that was recognised in the page's picture; None where it was not."""
    wants_second_reader: bool = False
    """Whether text is known to be missing that another reader may have."""

    @property
    def problem(self) -> str | None:
        """Why the page has no usable text; None when it has."""
        if self.text.unmapped_share > GARBLED_SHARE:
            return Reason.GARBLED
        if not self.text.characters:
            return self.failure or (None if self.is_blank else Reason.NO_TEXT)
        few = self.text.characters <= _HARDLY_A_WORD and self.confidence is None
        if few and (self.image_area or 0) > _MOST_OF_THE_PAGE:
            return Reason.MOSTLY_IMAGE
        return None

    def recognised(self, found: RecognisedPage) -> PageExtract:
        """The page with what was recognised in its picture, where that is of use."""
        if found.text:
            return PageExtract(
                page_text(found.text),
                image_area=self.image_area,
                reader=ENGINE,
                doubt=Reason.RECOGNISED,
                confidence=found.confidence,
            )
        failure = found.problem or (None if found.is_blank else Reason.NO_WORDS)
        return replace(self, failure=failure, is_blank=found.is_blank, reader=ENGINE)


@dataclass(frozen=True, slots=True)
class Extract:
    """A whole PDF."""

    pages: list[PageExtract]
    labels: list[str]
    bookmarks: list[tuple[int, str, int]]
    """(level from 0, title, index of its page from 0)"""
    title: str
    attached: tuple[CarriedFile, ...] = ()
