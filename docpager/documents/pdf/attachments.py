"""The files that a PDF carries: those of its portfolio, and those pinned to a page.

ISO 32000-1, 7.11.4 and 12.5.6.15. A court bundle or an e-mail archive is often nothing but these
behind a cover sheet, so they are handed on to be read as documents of their own.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from docpager.documents.carried import CarriedFile

__all__ = ["attached_files"]

_MOST_FILES = 500
_MOST_BYTES = 100_000_000
"""Of one attached file."""


def attached_files(document: Any) -> Iterator[CarriedFile]:
    """The files of a PDF that pdfium has opened."""
    count = document.count_attachments()
    for n in range(min(count, _MOST_FILES)):
        yield _file(document, n)
    if count > _MOST_FILES:
        yield CarriedFile("", failure=f"{count - _MOST_FILES} further files")


def _file(document: Any, n: int) -> CarriedFile:
    import pypdfium2

    name = ""
    try:
        attachment = document.get_attachment(n)
        name = attachment.get_name().replace("\\", "/").rpartition("/")[2].strip("\0 ")
        data = attachment.get_data()
        if len(data) > _MOST_BYTES:
            return CarriedFile(name, failure=f"larger than {_MOST_BYTES // 1_000_000} MB")
        return CarriedFile(name, bytes(data))
    except (pypdfium2.PdfiumError, ValueError):
        return CarriedFile(name, failure="damaged")
