"""Reads a PDF with pdfium, which is fast and forgiving."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from docpager.documents.headings import LineStyle
from docpager.documents.pdf.extract import FEW_CHARACTERS, PageExtract
from docpager.documents.pdf.tidying import PageText, page_text, tidy
from docpager.documents.reasons import Reason

if TYPE_CHECKING:
    import pypdfium2

__all__ = ["Pdfium"]

_OUTLINE_DEPTH = 6
_MOST_BOOKMARKS = 5_000
_BOLD = re.compile(rb"bold|black|heavy|-medi\b", re.IGNORECASE)
_FONT_NAME = 96
"""Bytes of a font's name that are read."""


class Pdfium:
    """A PDF that pdfium could open."""

    def __init__(self, document: pypdfium2.PdfDocument) -> None:
        self._document = document

    @classmethod
    def open(cls, content: bytes, password: str | None) -> Pdfium | None:
        """None where pdfium cannot open the file or finds no page in it."""
        import pypdfium2

        try:
            document = pypdfium2.PdfDocument(content, password=password)
        except pypdfium2.PdfiumError:
            return None
        if len(document):
            return cls(document)
        document.close()
        return None

    def __len__(self) -> int:
        return len(self._document)

    def close(self) -> None:
        self._document.close()

    def page(self, index: int, *, with_styles: bool) -> PageExtract:
        """One page; `with_styles` says whether its headings will be looked for."""
        import pypdfium2

        try:
            page = self._document[index]
        except pypdfium2.PdfiumError:
            return PageExtract(failure=Reason.DAMAGED)
        try:
            return _extract(page, with_styles=with_styles)
        except pypdfium2.PdfiumError:
            return PageExtract(failure=Reason.DAMAGED)
        finally:
            page.close()

    def labels(self) -> list[str]:
        """The printed label of each page; empty where there is none."""
        return [self._document.get_page_label(index) for index in range(len(self))]

    def title(self) -> str:
        return str(self._document.get_metadata_value("Title"))

    def bookmarks(self) -> list[tuple[int, str, int]]:
        """(level from 0, title, index of its page from 0), those that lead nowhere left out."""
        # pypdfium2 warns of loops in an outline, which are no concern of the user.
        logging.getLogger("pypdfium2").setLevel(logging.CRITICAL)
        return list(self._bookmarks())

    def _bookmarks(self) -> Iterator[tuple[int, str, int]]:
        for n, bookmark in enumerate(self._document.get_toc(max_depth=_OUTLINE_DEPTH)):
            if n >= _MOST_BOOKMARKS:
                return
            destination = bookmark.get_dest()
            index = destination.get_index() if destination else None
            title = " ".join(tidy(bookmark.get_title()).split())
            if title and index is not None and 0 <= index < len(self):
                yield bookmark.level, title, index


def _extract(page: pypdfium2.PdfPage, *, with_styles: bool) -> PageExtract:
    text_page = page.get_textpage()
    try:
        raw = text_page.get_text_range()
        text = page_text(raw)
        few = text.characters < FEW_CHARACTERS
        return PageExtract(
            text,
            image_area=_image_area(page) if few else None,
            line_styles=_line_styles(text_page, raw, text) if with_styles else {},
        )
    finally:
        text_page.close()


def _line_styles(
    text_page: pypdfium2.PdfTextPage, raw: str, text: PageText
) -> dict[int, LineStyle]:
    """The styles of lines that may be headings or text under them, asked for where they begin,
    and of bold ones where they end."""
    lines = raw.split("\n")
    if len(lines) != text.text.count("\n") + 1:
        return {}  # lines that `page_text` broke otherwise
    fonts = _Fonts(text_page)
    styles = {}
    for number, (line, start) in enumerate(zip(lines, _utf16_starts(lines), strict=True)):
        if line[:1].isalnum():
            end = start + len(line.rstrip()) - 1
            bold = fonts.is_bold(start) and fonts.is_bold(end)
            styles[number] = LineStyle(fonts.size(start), bold)
    return styles


class _Fonts:
    """The fonts of a page's text, by offset in it."""

    def __init__(self, text_page: pypdfium2.PdfTextPage) -> None:
        from ctypes import byref, c_int, create_string_buffer

        import pypdfium2.raw as pdfium

        self._pdfium: Any = pdfium
        self._text_page = text_page
        self._matrix: Any = pdfium.FS_MATRIX()
        self._matrix_place = byref(self._matrix)
        self._name = create_string_buffer(_FONT_NAME)
        self._flags_place = byref(c_int())

    def size(self, offset: int) -> float:
        """In points as printed: a font may be set at size 1 and enlarged by a matrix."""
        at = self._at(offset)
        size: float = self._pdfium.FPDFText_GetFontSize(self._text_page, at)
        if self._pdfium.FPDFText_GetMatrix(self._text_page, at, self._matrix_place):
            size *= max(abs(self._matrix.d), abs(self._matrix.b))
        return round(size, 1)

    def is_bold(self, offset: int) -> bool:
        self._pdfium.FPDFText_GetFontInfo(
            self._text_page, self._at(offset), self._name, _FONT_NAME, self._flags_place
        )
        return bool(_BOLD.search(self._name.value))

    def _at(self, offset: int) -> int:
        return int(self._pdfium.FPDFText_GetCharIndexFromTextIndex(self._text_page, offset))


def _utf16_starts(lines: Sequence[str]) -> Iterator[int]:
    """Where lines begin as pdfium counts, in UTF-16 code units."""
    start = 0
    for line in lines:
        yield start
        units = line if line.isascii() else line.encode("utf-16-le", "surrogatepass")
        start += len(units) // (1 if units is line else 2) + 1


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
