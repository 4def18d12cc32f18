"""Document, PdfPage, Section and Cut: a file as the archive receives it."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

__all__ = ["READER_VERSION", "Cut", "Document", "PdfPage", "Section", "sha256_of_text"]

READER_VERSION = 3
"""Version of the rules by which a file becomes text, pages and sections. Whoever changes what is
read from a file raises it: archives record it with each document, and say which ones were read by
older rules. 2: pages that show a sign of it are read by positions or by a second reader, and what
is set off, hidden or filled in is told apart. 3: old encodings are recognised, escapes of JSON
are characters, base64 is left out, and office, web and mail files are read as what they are."""


def sha256_of_text(text: str) -> str:
    """Hash of a document's text: another one where the same file was read by other rules."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


@dataclass(frozen=True, slots=True)
class PdfPage:
    """One sheet of a PDF and its place in the document's text."""

    number: int
    """Counted from 1."""
    label: str
    """The printed label from the PDF's own table; `str(number)` where there is none."""
    start: int
    end: int
    """Offsets in the document's text; equal where the page has no text."""
    problem: str | None = None
    """Why the page has no usable text, a `Reason`; None when it has."""
    characters: int = 0
    """Characters found that leave a mark, of pages judged garbled too."""
    unmapped_share: float = 0.0
    """Share of these that stand for no character of any script."""
    image_area: float | None = None
    """Share of the page under images; None where there is text enough not to ask."""
    reader: str = "pdfium"
    """Whose text it has: `pdfium`, `pdfium, repaired`, `positions` of its characters, `pypdf`,
    `tesseract`."""
    doubt: str | None = None
    """What may be wrong with the text, a `Reason`; None where nothing showed."""
    notes: tuple[str, ...] = ()
    """Rules that changed the text on purpose, each a `Departure`."""
    confidence: float | None = None
    """Of text that was recognised in a picture, from 0 to 1; None where it was not."""

    @property
    def said_doubt(self) -> str:
        """The doubt, with the confidence where there is one.

        >>> PdfPage(1, "1", 0, 9, doubt="recognised from a picture", confidence=0.87).said_doubt
        'recognised from a picture, confidence .87'
        """
        sure = f"{self.confidence:.2f}".removeprefix("0") if self.confidence is not None else ""
        return f"{self.doubt}, confidence {sure}" if sure else self.doubt or ""


@dataclass(frozen=True, slots=True)
class Section:
    """A part of the outline, with everything beneath it."""

    path: tuple[int, ...]
    """Position in the outline: (2, 1) is the first child of the second section, D3:s2.1."""
    title: str
    start: int
    end: int
    """Offsets in the document's text; a section holds its subsections."""
    pdf_page: int | None = None
    """Where it begins, counted from 1."""

    @property
    def number(self) -> str:
        return ".".join(map(str, self.path))


@dataclass(frozen=True, slots=True)
class Document:
    """One file (or one line of a JSONL file) as text, with the places of its pages and sections."""

    path: str
    """Relative to the ingested root, with `/`; `file.jsonl#17` for a line."""
    sha256: str
    """Of the content that was read: the file's bytes, or the line's."""
    title: str
    kind: str
    """The name of a `docpager.documents.kinds.Kind`."""
    text: str
    pdf_pages: tuple[PdfPage, ...] = ()
    sections: tuple[Section, ...] = ()
    doubt: str | None = None
    """What may be wrong with the text of a document without pages, a `Reason`."""

    @property
    def text_sha256(self) -> str:
        """Hash of the text, which is that of all passages joined."""
        return sha256_of_text(self.text)

    @property
    def unreadable(self) -> tuple[tuple[int, str], ...]:
        """(pdf_page, reason) of each page without usable text."""
        return tuple((page.number, page.problem) for page in self.pdf_pages if page.problem)

    @property
    def doubtful(self) -> tuple[tuple[int, str], ...]:
        """(pdf_page, reason) of each page whose text may be wrong; page 0 is the whole document."""
        pages = tuple((page.number, page.said_doubt) for page in self.pdf_pages if page.doubt)
        return ((0, self.doubt), *pages) if self.doubt else pages

    @property
    def is_recognised(self) -> bool:
        """Whether some of its text was recognised in pictures."""
        return any(page.confidence is not None for page in self.pdf_pages)

    @property
    def was_looked_at(self) -> bool:
        """Whether pages of it that are pictures were looked at, text or not."""
        from docpager.documents.ocr.recognition import ENGINE

        return any(page.reader == ENGINE for page in self.pdf_pages)

    @property
    def unreadable_pdf_pages(self) -> tuple[int, ...]:
        return tuple(number for number, _ in self.unreadable)


@dataclass(frozen=True, slots=True)
class Cut:
    """Where one passage begins and ends in its document's text."""

    start: int
    end: int
    tokens: int
    """Size by the built-in estimator."""
