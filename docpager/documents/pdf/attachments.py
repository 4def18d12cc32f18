"""The files that a PDF carries: those of its portfolio, and those pinned to a page.

ISO 32000-1, 7.11.4 and 12.5.6.15. A court bundle or an e-mail archive is often nothing but these
behind a cover sheet, so they are handed on to be read as documents of their own.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

__all__ = ["AttachedFile", "attached_files"]

_MOST_FILES = 500
_MOST_BYTES = 100_000_000
"""Of one attached file."""


@dataclass(frozen=True, slots=True)
class AttachedFile:
    """A file inside a PDF."""

    name: str
    """As the PDF calls it, without folders; may be empty."""
    content: bytes = field(default=b"", repr=False)
    failure: str = ""
    """Why its content could not be had; empty where it could."""


def attached_files(document: Any) -> Iterator[AttachedFile]:
    """The files of a PDF that pdfium has opened."""
    count = document.count_attachments()
    for n in range(min(count, _MOST_FILES)):
        yield _file(document, n)
    if count > _MOST_FILES:
        yield AttachedFile("", failure=f"{count - _MOST_FILES} further files")


def _file(document: Any, n: int) -> AttachedFile:
    import pypdfium2

    name = ""
    try:
        attachment = document.get_attachment(n)
        name = attachment.get_name().replace("\\", "/").rpartition("/")[2].strip("\0 ")
        data = attachment.get_data()
        if len(data) > _MOST_BYTES:
            return AttachedFile(name, failure=f"larger than {_MOST_BYTES // 1_000_000} MB")
        return AttachedFile(name, bytes(data))
    except (pypdfium2.PdfiumError, ValueError):
        return AttachedFile(name, failure="damaged")
