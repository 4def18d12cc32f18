"""Reads a PDF with pdfium, which is fast and forgiving."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from docpager.documents.pdf.extract import FEW_CHARACTERS, PageExtract
from docpager.documents.pdf.tidying import PageText, page_text, tidy
from docpager.documents.reasons import Reason

if TYPE_CHECKING:
    import pypdfium2

__all__ = ["Pdfium"]

_OUTLINE_DEPTH = 6
_MOST_BOOKMARKS = 5_000
_LONGEST_HEADING = 120
_LINE = re.compile(r"[^\r\n]+")


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

    def page(self, index: int, *, with_sizes: bool) -> PageExtract:
        """One page; `with_sizes` says whether its headings will be looked for."""
        import pypdfium2

        try:
            page = self._document[index]
        except pypdfium2.PdfiumError:
            return PageExtract(failure=Reason.DAMAGED)
        try:
            return _extract(page, with_sizes=with_sizes)
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


def _extract(page: pypdfium2.PdfPage, *, with_sizes: bool) -> PageExtract:
    text_page = page.get_textpage()
    try:
        raw = text_page.get_text_range()
        text = page_text(raw)
        few = text.characters < FEW_CHARACTERS
        return PageExtract(
            text,
            image_area=_image_area(page) if few else None,
            line_sizes=_line_sizes(text_page, raw, text) if with_sizes else {},
        )
    finally:
        text_page.close()


def _line_sizes(text_page: pypdfium2.PdfTextPage, raw: str, text: PageText) -> dict[int, float]:
    """Font sizes of short lines, each asked for once, where the line begins.

    A font may be set at size 1 and enlarged by the text's matrix, so that counts too.
    """
    from ctypes import byref

    import pypdfium2.raw as pdfium

    if raw.count("\n") != text.text.count("\n") or max(raw, default="") > "\uffff":
        return {}  # lines or offsets that do not agree with pdfium's own
    sizes, matrix = {}, pdfium.FS_MATRIX()
    number, counted = 0, 0
    for line in _LINE.finditer(raw):
        number += raw.count("\n", counted, line.start())
        counted = line.start()
        if line.end() - line.start() > _LONGEST_HEADING or not raw[line.start()].isalnum():
            continue
        at = pdfium.FPDFText_GetCharIndexFromTextIndex(text_page, line.start())
        size = pdfium.FPDFText_GetFontSize(text_page, at)
        if pdfium.FPDFText_GetMatrix(text_page, at, byref(matrix)):
            size *= max(abs(matrix.d), abs(matrix.b))
        sizes[number] = round(size, 1)
    return sizes


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
