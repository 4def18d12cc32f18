"""Reads a PDF with pypdf: slow, but it opens some that pdfium does not."""

from __future__ import annotations

import io
import logging
import struct
import zlib
from typing import TYPE_CHECKING

from docpager.core.errors import DocumentError
from docpager.documents.pdf.extract import Extract, PageExtract, PageWatch
from docpager.documents.pdf.tidying import page_text
from docpager.documents.reasons import Reason

if TYPE_CHECKING:
    import pypdf

__all__ = ["SecondReader", "is_pdf"]

_HEADER_WITHIN = 1024
_SECOND_CHANCES = 12
"""After so many pages in a row on which pypdf found nothing either, the file counts as scanned."""

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


def is_pdf(start: bytes) -> bool:
    """Whether a file that begins with `start` says that it is a PDF."""
    return b"%PDF-" in start[:_HEADER_WITHIN]


class SecondReader:
    """pypdf, opened only when it is needed, and given up where it does not help."""

    def __init__(self, content: bytes, password: str | None) -> None:
        self._content = content
        self._password = password
        self._reader: pypdf.PdfReader | None = None
        self._fruitless = 0

    @property
    def given_up(self) -> bool:
        return self._fruitless >= _SECOND_CHANCES

    def page(self, index: int) -> PageExtract:
        """One page; empty where pypdf fails too."""
        from pypdf.errors import PyPdfError

        found = PageExtract()
        try:
            found = PageExtract(page_text(self._opened().pages[index].extract_text()))
        except (PyPdfError, *_PYPDF_FAILURES):
            found = PageExtract(failure=Reason.DAMAGED)
            if self._reader is None:
                self._fruitless = _SECOND_CHANCES
        self._fruitless = 0 if found.text.characters else self._fruitless + 1
        return found

    def read_all(self, path: str, watch: PageWatch) -> Extract:
        """Everything, where pdfium could not open the file.

        Raises:
            DocumentError: pypdf cannot open it either.
        """
        from pypdf.errors import FileNotDecryptedError, PyPdfError, WrongPasswordError

        try:
            reader = self._opened()
            count = len(reader.pages)
            title = str(reader.metadata.title or "") if reader.metadata else ""
        except (FileNotDecryptedError, WrongPasswordError) as error:
            raise _encrypted(path, self._password) from error
        except (PyPdfError, *_PYPDF_FAILURES) as error:
            raise _damaged(path, self._content, error) from error
        if not count:
            raise DocumentError(f"{path!r} has no pages; fetch or export it again", Reason.EMPTY)
        pages = []
        for index in range(count):
            left_out = watch(index + 1)
            pages.append(PageExtract(failure=left_out) if left_out else self.page(index))
        return Extract(pages, [""] * count, [], title)

    def _opened(self) -> pypdf.PdfReader:
        if self._reader is None:
            import pypdf

            logging.getLogger("pypdf").setLevel(logging.CRITICAL)
            reader = pypdf.PdfReader(io.BytesIO(self._content), password=self._password)
            len(reader.pages)
            self._reader = reader
        return self._reader


def _encrypted(path: str, password: str | None) -> DocumentError:
    if password is not None:
        return DocumentError(
            f"{path!r} is encrypted and the password given for it does not open it; correct it",
            Reason.ENCRYPTED,
        )
    return DocumentError(
        f"{path!r} is encrypted and needs a password; give it with `passwords=`, "
        "or save a copy without one",
        Reason.ENCRYPTED,
    )


def _damaged(path: str, content: bytes, error: Exception) -> DocumentError:
    what, reason = "is damaged", Reason.DAMAGED
    if not is_pdf(content):
        what, reason = "is no PDF", Reason.NOT_A_PDF
    detail = " ".join(str(error).split())[:120] or type(error).__name__
    return DocumentError(
        f"{path!r} {what} and cannot be read ({detail}); fetch or export it again", reason
    )
