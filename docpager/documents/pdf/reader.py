"""Makes a document of a PDF."""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from itertools import accumulate
from pathlib import PurePosixPath
from typing import Any

from docpager.core.errors import DocumentError
from docpager.documents.carried import CarriedFile
from docpager.documents.document import Document, PdfPage
from docpager.documents.headings import LineStyle, detect_headings
from docpager.documents.ocr.recognition import SCANNED, Recogniser
from docpager.documents.outline import Heading, nest
from docpager.documents.page_picture import PageDrawer
from docpager.documents.pdf.document_signs import DocumentSigns, signs_of
from docpager.documents.pdf.extract import ASSEMBLING, OUTLINE, Extract, PageExtract, PageWatch
from docpager.documents.pdf.pdfium_reader import Pdfium
from docpager.documents.pdf.pypdf_reader import SecondReader, is_pdf
from docpager.documents.pdf.text_repair import dehyphenate, page_text, tidy, without_spacing
from docpager.documents.pdf.typesetting import looks_natural
from docpager.documents.reasons import Reason

__all__ = ["drawn_page", "is_pdf", "picture_page", "read_pdf", "read_pdf_and_attached"]


def _read_everything(pdf_page: int) -> str | None:
    return None


def read_pdf(
    content: bytes, path: str, *, password: str | None = None, watch: PageWatch = _read_everything
) -> Document:
    """The text of a PDF with its pages, printed labels, outline and title.

    Raises:
        DocumentError: the file is encrypted, damaged, empty or no PDF.
    """
    return read_pdf_and_attached(content, path, password=password, watch=watch)[0]


def read_pdf_and_attached(
    content: bytes,
    path: str,
    *,
    password: str | None = None,
    watch: PageWatch = _read_everything,
    recogniser: Recogniser | None = None,
) -> tuple[Document, tuple[CarriedFile, ...]]:
    """The same, with the files that the PDF carries, and with what the recogniser knows of pages
    that are pictures.

    Raises:
        DocumentError: the file is encrypted, damaged, empty or no PDF.
    """
    if not content:
        raise DocumentError(f"{path!r} is empty; fetch it again or leave it out", Reason.EMPTY)
    second = SecondReader(content, password)
    opened = Pdfium.open(content, password)
    if opened is None:
        extract = second.read_all(path, watch)
    else:
        signs = signs_of(content)
        if signs.is_closed:
            signs = replace(signs, has_layers=second.has_layers())
        extract = _read_with_pdfium(opened, second, signs, watch)
        opened.close()
    watch(ASSEMBLING)
    sha256 = hashlib.sha256(content).hexdigest()
    if recogniser is not None:
        extract = replace(extract, pages=_recognised(extract.pages, sha256, recogniser))
    return _document(extract, sha256, path, second), extract.attached


def _recognised(
    pages: Sequence[PageExtract], sha256: str, recogniser: Recogniser
) -> list[PageExtract]:
    """The pages, with recognised text in the place of what is no text."""
    settled = []
    for number, page in enumerate(pages, start=1):
        found = recogniser.page(sha256, number) if page.problem in SCANNED else None
        settled.append(page if found is None else page.recognised(found))
    return settled


def picture_page(
    content: bytes, path: str, password: str | None, recogniser: Recogniser
) -> tuple[CarriedFile, ...]:
    """Let the one page be recognised that is to be, if it is in this file; else what it carries.

    Raises:
        DocumentError: the page cannot be drawn.
    """
    only = recogniser.only
    assert only is not None
    opened = Pdfium.open(content, password)
    if opened is None:
        # The reader that reads such files draws no pages.
        raise DocumentError(f"{path!r} cannot be drawn; export it again", Reason.DAMAGED)
    try:
        if hashlib.sha256(content).hexdigest() != only.sha256:
            return opened.attached()
        recogniser.take(opened.picture(only.number - 1))
        return ()
    finally:
        opened.close()


def drawn_page(
    content: bytes, path: str, password: str | None, drawer: PageDrawer
) -> tuple[CarriedFile, ...]:
    """Draw the one page that is wanted, if it is in this file; else what the file carries.

    Raises:
        DocumentError: the page cannot be drawn.
    """
    opened = Pdfium.open(content, password)
    if opened is None:
        raise DocumentError(f"{path!r} cannot be drawn; export it again", Reason.DAMAGED)
    try:
        if hashlib.sha256(content).hexdigest() != drawer.wanted.sha256:
            return opened.attached()
        drawer.drawn = opened.draw(drawer)
        return ()
    finally:
        opened.close()


def _read_with_pdfium(
    opened: Pdfium, second: SecondReader, signs: DocumentSigns, watch: PageWatch
) -> Extract:
    has_outline = watch(OUTLINE) is None
    bookmarks = opened.bookmarks() if has_outline else []
    labels = opened.labels() if has_outline else [""] * len(opened)
    renamed = _Renamed(second)
    with_styles = _is_too_short(bookmarks)
    pages = [
        _read_page(opened, second, renamed, index, signs, watch, with_styles=with_styles)
        for index in range(len(opened))
    ]
    renamed.close()
    return Extract(pages, labels, bookmarks, opened.title(), opened.attached())


class _Renamed:
    """A copy of the file with its numbered glyphs named, made when a page is garbled."""

    def __init__(self, second: SecondReader) -> None:
        self._second = second
        self._is_made = False
        self._opened: Pdfium | None = None

    def page(self, index: int, signs: DocumentSigns, *, with_styles: bool) -> PageExtract | None:
        """A page as it reads with these names; None where they do not make it text."""
        if not self._is_made:
            self._is_made = True
            copy = self._second.renamed()
            self._opened = Pdfium.open(copy, None) if copy else None
        if self._opened is None:
            return None
        signs = replace(signs, is_drawn_as_shown=False)
        page = self._opened.page(index, signs, with_styles=with_styles)
        helps = page.problem is None and looks_natural(page.text.text)
        return replace(page, reader="pdfium, repaired") if helps else None

    def close(self) -> None:
        if self._opened is not None:
            self._opened.close()


def _is_too_short(outline: Sequence[object]) -> bool:
    """One bookmark is the title, and no outline."""
    return len(outline) < 2


def _read_page(
    opened: Pdfium,
    second: SecondReader,
    renamed: _Renamed,
    index: int,
    signs: DocumentSigns,
    watch: PageWatch,
    *,
    with_styles: bool,
) -> PageExtract:
    left_out = watch(index + 1)
    if left_out is not None:
        return PageExtract(failure=left_out)
    page = opened.page(index, signs, with_styles=with_styles)
    if page.wants_second_reader:
        return _with_what_is_missing(page, second, index)
    if page.problem is None or second.given_up:
        return page
    if page.problem == Reason.GARBLED:
        named = renamed.page(index, signs, with_styles=with_styles)
        if named is not None:
            return named
    again = second.page(index)
    helps = again.problem is None and (
        page.problem != Reason.GARBLED or looks_natural(again.text.text)
    )
    return again if helps else page


def _with_what_is_missing(page: PageExtract, second: SecondReader, index: int) -> PageExtract:
    """The text of a page of which pdfium left out some, from the reader that has more of it."""
    if second.given_up or not second.is_of_help:
        return page
    again = second.page(index)
    again = replace(again, text=page_text(without_spacing(again.text.text)))
    found, had = _marks(again), _marks(page)
    more, less = (found - had).total(), (had - found).total()
    helped = again.problem is None and more > 2 * less and not again.text.unmapped_share
    second.note_help(helped=helped)
    if helped:
        return again
    # pypdf cannot read all fonts of this kind; where it saw nothing else, there was nothing.
    return replace(page, doubt=Reason.LOST if more else page.doubt)


def _marks(page: PageExtract) -> Counter[str]:
    return Counter(mark for mark in page.text.text if mark.isalnum() or mark == "\ufffd")


def _document(extract: Extract, sha256: str, path: str, second: SecondReader) -> Document:
    pages, parts, start = [], [], 0
    styles: dict[int, LineStyle] = {}
    texts = dehyphenate([page.text.text for page in extract.pages], second.plain_text)
    for number, (page, text) in enumerate(zip(extract.pages, texts, strict=True), start=1):
        # A page border must not join two words, nor look like the end of a paragraph.
        part = text.strip("\n") + "\n" if _is_usable(page) else ""
        pages.append(_pdf_page(number, page, extract.labels[number - 1], start, start + len(part)))
        styles |= _styles_by_offset(page, text, part, start)
        parts.append(part)
        start += len(part)
    text = "".join(parts)
    bookmarks = [_heading(text, pages[at], level, title) for level, title, at in extract.bookmarks]
    headings = bookmarks
    if _is_too_short(bookmarks):
        headings = detect_headings(text, pages, styles) or bookmarks
    return Document(
        path=path,
        sha256=sha256,
        title=_title(extract.title) or PurePosixPath(path).stem,
        kind="pdf",
        text=text,
        pdf_pages=tuple(pages),
        sections=nest(headings, len(text)),
    )


def _is_usable(page: PageExtract) -> bool:
    return page.problem is None or page.problem == Reason.MOSTLY_IMAGE


def _styles_by_offset(page: PageExtract, text: str, part: str, start: int) -> dict[int, LineStyle]:
    """The page's line styles by where the lines begin in the document."""
    if not page.line_styles or not part:
        return {}
    above = len(text) - len(text.lstrip("\n"))
    begins = accumulate((len(line) + 1 for line in part.split("\n")), initial=start)
    return {
        begin: page.line_styles[number]
        for number, begin in enumerate(begins, start=above)
        if number in page.line_styles
    }


def _pdf_page(number: int, page: PageExtract, label: str, start: int, end: int) -> PdfPage:
    return PdfPage(
        number,
        label or str(number),
        start,
        end,
        page.problem,
        characters=page.text.characters,
        unmapped_share=round(page.text.unmapped_share, 3),
        image_area=page.image_area,
        reader=page.reader,
        doubt=page.doubt,
        notes=page.notes,
        confidence=page.confidence,
    )


def _heading(text: str, page: PdfPage, level: int, title: str) -> Heading:
    """A bookmark at the place where its title stands on its page, else where the page begins."""
    words = r"\s+".join(map(re.escape, title.split()))
    found = re.compile(words, re.IGNORECASE).search(text, page.start, page.end)
    return Heading(found.start() if found else page.start, level, title, page.number)


# A path is no title; a slash in words may be: "Annual Report 2023/24".
_NO_TITLE = re.compile(
    r"(?i)untitled|document\d*|title|microsoft (?:word|powerpoint|excel) - .*"
    r"|.*\\.*|(?:~|\.{0,2}|[a-z]:)/.*|[a-z]+://.*|\S+/\S+/\S*"
    r"|.*\.(?:docx?|pdf|xlsx?|pptx?|indd|qxd|tex|dvi|html?|txt|ps|fm|rtf|tmp)|[\W\d_]*|\S*\d{4,}\S*"
)


def _title(written: Any) -> str:
    """The title in the metadata, if it looks as if somebody wrote it; else empty."""
    title = " ".join(tidy(str(written or "")).split())
    return "" if len(title) < 3 or len(title) > 300 or _NO_TITLE.fullmatch(title) else title
