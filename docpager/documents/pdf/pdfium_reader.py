"""Reads a PDF with pdfium, which is fast and forgiving."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator
from functools import lru_cache
from typing import TYPE_CHECKING

from docpager.core.errors import DocumentError
from docpager.documents.carried import CarriedFile
from docpager.documents.headings import LineStyle
from docpager.documents.ocr.recognition import GreyPicture
from docpager.documents.page_picture import PageDrawer, PagePicture
from docpager.documents.pdf.attachments import attached_files
from docpager.documents.pdf.composing import Composed
from docpager.documents.pdf.document_signs import DocumentSigns
from docpager.documents.pdf.extract import FEW_CHARACTERS, PageExtract
from docpager.documents.pdf.glyphs import Glyphs
from docpager.documents.pdf.page_reading import read_page_text
from docpager.documents.pdf.pictures import draw_page
from docpager.documents.pdf.text_repair import PageText, page_text, tidy
from docpager.documents.reasons import Reason

if TYPE_CHECKING:
    import pypdfium2

__all__ = ["Pdfium"]

_OUTLINE_DEPTH = 6
_MOST_BOOKMARKS = 5_000
_BOLD = re.compile(rb"bold|black|heavy|-medi\b", re.IGNORECASE)
_BLANK_PIXELS = 400
"""Of the longer side of the picture by which a page is found to be blank."""
_BARE_BYTES = (0.001, 0.02)
"""To the pixel, of scans of bare paper: in black and white, and in grey or colour. Pages of text
take five times as many."""
_HEADER_BYTES = 1_000
_DARKEST_PAPER = 160
_FAINT = 24
"""Levels of 256 between the darkest and the lightest spot of bare paper, each spot the mean of many
pixels; the page number of a scan is four times as dark."""
_POINTS = 72
"""To the inch."""
_DPI = 300
"""Dots an inch, for which tesseract was made."""
_FEWEST_DPI = 100
_MOST_PIXELS = 40_000_000
"""Of a page that is recognised: 300 dots an inch up to a sheet of A2."""


class Pdfium:
    """A PDF that pdfium could open."""

    def __init__(self, document: pypdfium2.PdfDocument) -> None:
        self._document = document
        self._pinned: list[CarriedFile] = []

    @classmethod
    def open(cls, content: bytes, password: str | None) -> Pdfium | None:
        """None where pdfium cannot open the file or finds no page in it."""
        import pypdfium2

        try:
            document = pypdfium2.PdfDocument(content, password=password)
        except pypdfium2.PdfiumError:
            return None
        if len(document):
            if document.get_formtype() != pypdfium2.raw.FORMTYPE_NONE:
                document.init_forms()  # before any page is opened
            return cls(document)
        document.close()
        return None

    def __len__(self) -> int:
        return len(self._document)

    def close(self) -> None:
        self._document.close()

    def page(self, index: int, signs: DocumentSigns, *, with_styles: bool) -> PageExtract:
        """One page; `with_styles` says whether its headings will be looked for."""
        import pypdfium2

        try:
            page = self._document[index]
        except pypdfium2.PdfiumError:
            return PageExtract(failure=Reason.DAMAGED)
        try:
            return self._extract(page, signs, with_styles=with_styles)
        except pypdfium2.PdfiumError:
            return PageExtract(failure=Reason.DAMAGED)
        finally:
            page.close()

    def _extract(
        self, page: pypdfium2.PdfPage, signs: DocumentSigns, *, with_styles: bool
    ) -> PageExtract:
        text_page = page.get_textpage()
        try:
            glyphs = Glyphs(page, text_page)
            read = read_page_text(self._document, glyphs, signs)
            self._pinned += read.pinned
            text = page_text(read.composed.text)
            if read.unmapped_share:
                text = text._replace(unmapped_share=max(text.unmapped_share, read.unmapped_share))
            few = text.characters < FEW_CHARACTERS
            image_area = _image_area(page) if few else None
            return PageExtract(
                text,
                image_area=image_area,
                line_styles=_line_styles(glyphs, read.composed, text) if with_styles else {},
                is_blank=not text.characters and _is_light(page) and is_blank(page),
                reader=read.reader,
                doubt=read.doubt,
                notes=read.notes,
                wants_second_reader=read.is_incomplete,
            )
        finally:
            text_page.close()

    def picture(self, index: int) -> GreyPicture:
        """One page as it is shown, in grey, at 300 dots an inch or as many as are safe.

        Raises:
            DocumentError: it cannot be drawn, or is so large that its letters would be too small.
        """
        import pypdfium2

        try:
            page = self._document[index]
            try:
                return _drawn(page, index + 1)
            finally:
                page.close()
        except pypdfium2.PdfiumError as error:
            raise DocumentError(f"page {index + 1} cannot be drawn", Reason.DAMAGED) from error

    def draw(self, drawer: PageDrawer) -> PagePicture:
        """The page that is wanted, as it is shown, with rectangles around words of it.

        Raises:
            DocumentError: there is none of its number, or it cannot be drawn.
        """
        import pypdfium2

        number = drawer.wanted.number
        try:
            page = self._document[number - 1]
            try:
                asks = drawer.wanted.is_recognised and drawer.recognise is not None
                return draw_page(page, drawer, _drawn(page, number) if asks else None)
            finally:
                page.close()
        except (pypdfium2.PdfiumError, IndexError) as error:
            raise DocumentError(f"page {number} cannot be drawn", Reason.DAMAGED) from error

    def labels(self) -> list[str]:
        """The printed label of each page; empty where there is none."""
        return [self._document.get_page_label(index) for index in range(len(self))]

    def attached(self) -> tuple[CarriedFile, ...]:
        """The files that it carries, those pinned to the pages that were read among them."""
        return tuple(attached_files(self._document, self._pinned))

    def title(self) -> str:
        return str(self._document.get_metadata_value("Title"))

    def bookmarks(self) -> list[tuple[int, str, int]]:
        """(level from 0, title, index of its page from 0), those left out that lead nowhere and
        hold none that lead somewhere."""
        # pypdfium2 warns of loops in an outline, which are no concern of the user.
        logging.getLogger("pypdfium2").setLevel(logging.CRITICAL)
        return list(self._bookmarks())

    def _bookmarks(self) -> Iterator[tuple[int, str, int]]:
        waiting: list[tuple[int, str]] = []
        for n, bookmark in enumerate(self._document.get_toc(max_depth=_OUTLINE_DEPTH)):
            if n >= _MOST_BOOKMARKS:
                return
            level = bookmark.level
            destination = bookmark.get_dest()
            index = destination.get_index() if destination else None
            title = " ".join(tidy(bookmark.get_title()).split())
            # One that leads nowhere begins where the first of its children does.
            waiting = [above for above in waiting if above[0] < level]
            if not title:
                continue
            if index is None or not 0 <= index < len(self):
                waiting.append((level, title))
                continue
            yield from ((depth, above, index) for depth, above in waiting)
            waiting = []
            yield level, title, index


def _line_styles(glyphs: Glyphs, read: Composed, text: PageText) -> dict[int, LineStyle]:
    """The styles of lines that may be headings or text under them, asked for where they begin,
    and of bold ones where they end."""
    if len(read.spans) != text.text.count("\n") + 1:
        return {}  # lines that `page_text` broke otherwise
    styles = {}
    raw, font_name, size = glyphs.raw, glyphs.font_name, glyphs.size
    for number, span in enumerate(read.spans):
        if span is not None and raw[span[0]].isalnum():
            first, last = span
            is_bold = _is_bold(font_name(first)) and _is_bold(font_name(last))
            styles[number] = LineStyle(size(first), is_bold)
    return styles


@lru_cache(maxsize=1_000)
def _is_bold(font_name: bytes) -> bool:
    return _BOLD.search(font_name) is not None


def _drawn(page: pypdfium2.PdfPage, number: int) -> GreyPicture:
    width, height = (max(1.0, points) / _POINTS for points in page.get_size())
    dpi = min(_DPI, int((_MOST_PIXELS / (width * height)) ** 0.5))
    if dpi < _FEWEST_DPI:
        raise DocumentError(
            f"page {number} is {width:.0f} by {height:.0f} inches, too large to be recognised",
            Reason.TOO_LARGE,
        )
    bitmap = page.render(scale=dpi / _POINTS, grayscale=True)
    try:
        pixels = bitmap.to_numpy()
        return GreyPicture(bitmap.width, bitmap.height, pixels.tobytes(), dpi)
    finally:
        bitmap.close()


def _image_area(page: pypdfium2.PdfPage) -> float:
    """Share of the page under images, at most 1; overlapping ones count twice."""
    import pypdfium2
    import pypdfium2.raw as pdfium

    width, height = page.get_size()
    covered = 0.0
    for image in page.get_objects(filter=[pdfium.FPDF_PAGEOBJ_IMAGE], max_depth=3):
        try:
            left, bottom, right, top = image.get_bounds()
        except pypdfium2.PdfiumError:
            continue
        seen_width = min(right, width) - max(left, 0)
        seen_height = min(top, height) - max(bottom, 0)
        covered += max(seen_width, 0) * max(seen_height, 0)
    return round(min(1.0, covered / (width * height)), 3) if width * height else 0.0


def _is_light(page: pypdfium2.PdfPage) -> bool:
    """Whether its pictures have so few bytes that they may show bare paper: to draw the others only
    to see that they do not would cost more than all else about a scanned page."""
    import pypdfium2
    import pypdfium2.raw as pdfium

    for image in page.get_objects(filter=[pdfium.FPDF_PAGEOBJ_IMAGE], max_depth=3):
        try:
            width, height = image.get_px_size()
            levels = image.get_metadata().bits_per_pixel
        except pypdfium2.PdfiumError:
            return False
        size = pdfium.FPDFImageObj_GetImageDataRaw(image.raw, None, 0)
        if size > width * height * _BARE_BYTES[levels > 1] + _HEADER_BYTES:
            return False
    return True


def is_blank(page: pypdfium2.PdfPage) -> bool:
    """Whether nothing is drawn on a page, or bare paper, so that no text can be missing from it."""
    import pypdfium2.raw as pdfium

    if not pdfium.FPDFPage_CountObjects(page.raw) and not pdfium.FPDFPage_GetAnnotCount(page.raw):
        return True
    longest = max(page.get_size()) or 1.0
    bitmap = page.render(scale=min(1.0, _BLANK_PIXELS / longest), grayscale=True)
    try:
        pixels = bitmap.to_numpy()
        darkest, lightest = int(pixels.min()), int(pixels.max())
        is_paper = darkest > _DARKEST_PAPER and lightest - darkest < _FAINT
        return darkest == lightest or is_paper
    finally:
        bitmap.close()
