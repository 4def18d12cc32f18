"""Reads PDF files: pdfium first, pypdf where pdfium fails or finds nothing."""

from __future__ import annotations

import hashlib
import io
import logging
import re
import struct
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any

from docpager.documents.document import Document, PdfPage
from docpager.documents.headings import detect_headings
from docpager.documents.outline import Heading, nest
from docpager.errors import DocumentError

if TYPE_CHECKING:
    import pypdf
    import pypdfium2

__all__ = ["is_pdf", "read_pdf"]

NO_TEXT = "no text layer"
GARBLED = "garbled text"

_HEADER_WITHIN = 1024
_OUTLINE_DEPTH = 6
_MOST_BOOKMARKS = 5_000
_SECOND_CHANCES = 12
"""After so many pages in a row on which pypdf found nothing either, the file counts as scanned."""
_GARBLED_SHARE = 0.4


def is_pdf(start: bytes) -> bool:
    """Whether a file that begins with `start` says that it is a PDF."""
    return b"%PDF-" in start[:_HEADER_WITHIN]


def read_pdf(content: bytes, path: str) -> Document:
    """The text of a PDF with its pages, printed labels, outline and title.

    Raises:
        DocumentError: the file is encrypted, damaged, empty or no PDF.
    """
    if not content:
        raise DocumentError(f"{path!r} is empty; fetch it again or leave it out")
    second = _SecondReader(content)
    opened = _open(content)
    extract = _read_with_pdfium(opened, second) if opened else second.read_all(path)
    if opened:
        opened.close()
    return _document(extract, content, path)


@dataclass(frozen=True, slots=True)
class _Extract:
    """What a reader found in a PDF, before its pages are joined."""

    texts: list[str]
    labels: list[str]
    bookmarks: list[tuple[int, str, int]]
    """(level from 0, title, index of its page from 0)"""
    title: str


def _open(content: bytes) -> pypdfium2.PdfDocument | None:
    import pypdfium2

    try:
        document = pypdfium2.PdfDocument(content)
    except pypdfium2.PdfiumError:
        return None
    if len(document):
        return document
    document.close()
    return None


def _read_with_pdfium(document: pypdfium2.PdfDocument, second: _SecondReader) -> _Extract:
    texts = [_pdfium_text(document, index) for index in range(len(document))]
    for index in _unread(texts):
        if second.given_up:
            break
        found = second.page_text(index)
        if _problem(found) is None:
            texts[index] = found
    labels = [document.get_page_label(index) for index in range(len(document))]
    title = document.get_metadata_value("Title")
    return _Extract(texts, labels, list(_bookmarks(document)), title)


def _pdfium_text(document: pypdfium2.PdfDocument, index: int) -> str:
    import pypdfium2

    try:
        page = document[index]
        text_page = page.get_textpage()
    except pypdfium2.PdfiumError:
        return ""
    text = tidy(text_page.get_text_range())
    text_page.close()
    page.close()
    return text


def _bookmarks(document: pypdfium2.PdfDocument) -> Iterator[tuple[int, str, int]]:
    # pypdfium2 warns of loops in an outline, which are no concern of the user.
    logging.getLogger("pypdfium2").setLevel(logging.CRITICAL)
    for n, bookmark in enumerate(document.get_toc(max_depth=_OUTLINE_DEPTH)):
        if n >= _MOST_BOOKMARKS:
            return
        destination = bookmark.get_dest()
        index = destination.get_index() if destination else None
        title = " ".join(tidy(bookmark.get_title()).split())
        if title and index is not None and 0 <= index < len(document):
            yield bookmark.level, title, index


_PYPDF_FAILURES = (
    ArithmeticError,
    AssertionError,
    AttributeError,
    LookupError,
    NotImplementedError,
    OSError,
    RecursionError,
    TypeError,
    ValueError,
    struct.error,
    zlib.error,
)
"""What pypdf lets through from damaged files, beside its own errors."""


class _SecondReader:
    """pypdf, opened only when it is needed, and given up where it does not help."""

    def __init__(self, content: bytes) -> None:
        self._content = content
        self._reader: pypdf.PdfReader | None = None
        self._fruitless = 0

    @property
    def given_up(self) -> bool:
        return self._fruitless >= _SECOND_CHANCES

    def page_text(self, index: int) -> str:
        """Text of one page; empty where pypdf fails too."""
        from pypdf.errors import PyPdfError

        text = ""
        try:
            text = tidy(self._opened().pages[index].extract_text())
        except (PyPdfError, *_PYPDF_FAILURES):
            if self._reader is None:
                self._fruitless = _SECOND_CHANCES
        self._fruitless = 0 if text.strip() else self._fruitless + 1
        return text

    def read_all(self, path: str) -> _Extract:
        """Everything, where pdfium could not open the file.

        Raises:
            DocumentError: pypdf cannot open it either.
        """
        from pypdf.errors import FileNotDecryptedError, PyPdfError, WrongPasswordError

        try:
            reader = self._opened()
            pages = len(reader.pages)
            title = str(reader.metadata.title or "") if reader.metadata else ""
        except (FileNotDecryptedError, WrongPasswordError) as error:
            raise DocumentError(
                f"{path!r} is encrypted and needs a password; save a copy without one and use that"
            ) from error
        except (PyPdfError, *_PYPDF_FAILURES) as error:
            what = "is damaged" if is_pdf(self._content) else "is no PDF"
            reason = " ".join(str(error).split())[:120] or type(error).__name__
            raise DocumentError(
                f"{path!r} {what} and cannot be read ({reason}); fetch or export it again"
            ) from error
        if not pages:
            raise DocumentError(f"{path!r} has no pages; fetch or export it again")
        return _Extract([self.page_text(n) for n in range(pages)], [""] * pages, [], title)

    def _opened(self) -> pypdf.PdfReader:
        if self._reader is None:
            import pypdf

            logging.getLogger("pypdf").setLevel(logging.CRITICAL)
            reader = pypdf.PdfReader(io.BytesIO(self._content))
            len(reader.pages)
            self._reader = reader
        return self._reader


_PRINTER = str.maketrans(
    {"\u00a0": " ", "\u2007": " ", "\u202f": " ", "\u00ad": None, "\u200b": None, "\ufeff": None}
    | {"ﬀ": "ff", "ﬁ": "fi", "ﬂ": "fl", "ﬃ": "ffi", "ﬄ": "ffl", "ﬅ": "st", "ﬆ": "st"}
)
"""Spaces, hyphens and ligatures that a printer needs and a reader never types."""
_LINE_ENDS = re.compile(r"[ \t]*(?:\r\n?|\n)")
_NEVER_TEXT = re.compile("[\0-\x08\x0b-\x1f\x7f-\x9f\ufdd0-\ufdef\uffff]")
_UNMAPPED = re.compile("[\0-\x08\x0b\x0e-\x1f\x7f-\x9f\ue000-\uf8ff\ufffd\U000f0000-\U0010ffff]")
_LINE_END_HYPHEN = re.compile("(\\w*)\ufffe(\\w*)")


def tidy(text: str) -> str:
    r"""Text as a PDF library returns it, with `\n` as line end and nothing that no file can hold.

    U+FFFE, pdfium's mark for a hyphen at a line end, stays; and so do control characters where
    there are so many of them that the page counts as garbled.
    """
    text = _LINE_ENDS.sub("\n", text)
    if not text.isascii():
        text = (
            text.translate(_PRINTER).encode("utf-16", "surrogatepass").decode("utf-16", "replace")
        )
    return text if _is_garbled(text) else _NEVER_TEXT.sub("", text)


def _is_garbled(text: str) -> bool:
    marks = len(text) - text.count(" ") - text.count("\n")
    return len(_UNMAPPED.findall(text)) > _GARBLED_SHARE * marks


def _problem(text: str) -> str | None:
    if not text.strip():
        return NO_TEXT
    return GARBLED if _is_garbled(text) else None


def _unread(texts: Sequence[str]) -> list[int]:
    return [index for index, text in enumerate(texts) if _problem(text) is not None]


def _dehyphenate(texts: list[str]) -> list[str]:
    """Settle hyphens at line ends: away where the document knows the joined word, else kept."""
    if not any("\ufffe" in text for text in texts):
        return texts
    words = {word for text in texts for word in re.findall(r"\w+", text)}

    def settled(match: re.Match[str]) -> str:
        joined = match[1] + match[2]
        return joined if joined in words else f"{match[1]}-{match[2]}"

    return [_LINE_END_HYPHEN.sub(settled, text) for text in texts]


def _document(extract: _Extract, content: bytes, path: str) -> Document:
    pages, parts, start = [], [], 0
    texts = _dehyphenate(extract.texts)
    for number, (text, label) in enumerate(zip(texts, extract.labels, strict=True), start=1):
        problem = _problem(text)
        # A page border must not join two words, nor look like the end of a paragraph.
        part = "" if problem else text.strip("\n") + "\n"
        pages.append(PdfPage(number, label or str(number), start, start + len(part), problem))
        parts.append(part)
        start += len(part)
    text = "".join(parts)
    bookmarks = [_heading(text, pages[at], level, title) for level, title, at in extract.bookmarks]
    headings = bookmarks or detect_headings(text, pages)
    return Document(
        path=path,
        sha256=hashlib.sha256(content).hexdigest(),
        title=_title(extract.title) or PurePosixPath(path).stem,
        kind="pdf",
        text=text,
        pdf_pages=tuple(pages),
        sections=nest(headings, len(text)),
    )


def _heading(text: str, page: PdfPage, level: int, title: str) -> Heading:
    """A bookmark at the place where its title stands on its page, else where the page begins."""
    words = r"\s+".join(map(re.escape, title.split()))
    found = re.compile(words, re.IGNORECASE).search(text, page.start, page.end)
    return Heading(found.start() if found else page.start, level, title, page.number)


_NO_TITLE = re.compile(
    r"(?i)untitled|document\d*|title|microsoft (?:word|powerpoint|excel) - .*|.*[\\/].*"
    r"|.*\.(?:docx?|pdf|xlsx?|pptx?|indd|qxd|tex|dvi|html?|txt|ps|fm|rtf|tmp)|[\W\d_]*|\S*\d{4,}\S*"
)


def _title(written: Any) -> str:
    """The title in the metadata, if it looks as if somebody wrote it; else empty."""
    title = " ".join(tidy(str(written or "")).split())
    return "" if len(title) < 3 or len(title) > 300 or _NO_TITLE.fullmatch(title) else title
