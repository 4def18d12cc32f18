"""The files that a PDF carries: those of its portfolio, and those pinned to a page.

ISO 32000-1, 7.11.4 and 12.5.6.15. A court bundle or an e-mail archive is often nothing but these
behind a cover sheet, so they are handed on to be read as documents of their own.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any

from docpager.documents.carried import CarriedFile

__all__ = ["attached_files", "pinned_file"]

_MOST_FILES = 500
_MOST_BYTES = 100_000_000
"""Of one attached file."""


def attached_files(document: Any, pinned: Sequence[CarriedFile] = ()) -> Iterator[CarriedFile]:
    """The files of a PDF that pdfium has opened, and of those pinned to its pages the others."""
    count = document.count_attachments()
    files = [_file(partial(document.get_attachment, n)) for n in range(min(count, _MOST_FILES))]
    yield from files
    count += len(pinned)
    for file in pinned[: max(0, _MOST_FILES - len(files))]:
        # Some programs list a pinned file among those of the document as well.
        if file not in files:
            files.append(file)
            yield file
    if count > _MOST_FILES:
        yield CarriedFile("", failure=f"{count - _MOST_FILES} further files")


def pinned_file(document: Any, annotation: Any) -> CarriedFile:
    """The file that an annotation of a page holds."""
    import pypdfium2
    import pypdfium2.raw as pdfium

    def attachment() -> Any:
        handle = pdfium.FPDFAnnot_GetFileAttachment(annotation)
        if not handle:
            raise pypdfium2.PdfiumError("no file specification")
        return pypdfium2.PdfAttachment(handle, document)

    return _file(attachment)


def _file(attachment_of: Callable[[], Any]) -> CarriedFile:
    import pypdfium2

    name = ""
    try:
        attachment = attachment_of()
        name = attachment.get_name().replace("\\", "/").rpartition("/")[2].strip("\0 ")
        data = attachment.get_data()
        if len(data) > _MOST_BYTES:
            return CarriedFile(name, failure=f"larger than {_MOST_BYTES // 1_000_000} MB")
        return CarriedFile(name, bytes(data))
    except (pypdfium2.PdfiumError, ValueError):
        return CarriedFile(name, failure="damaged")
