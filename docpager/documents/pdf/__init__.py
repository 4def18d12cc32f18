"""PDF files: pdfium first, pypdf where pdfium fails or finds nothing."""

from docpager.documents.carried import FileContents, Instructions
from docpager.documents.pdf.reader import (
    drawn_page,
    is_pdf,
    picture_page,
    read_pdf,
    read_pdf_and_attached,
)

__all__ = ["is_pdf", "read_file", "read_pdf"]


def read_file(content: bytes, path: str, instructions: Instructions) -> FileContents:
    """A PDF, and the files that it carries.

    Raises:
        DocumentError: the file is encrypted, damaged, empty or no PDF.
    """
    if instructions.drawer is not None:
        carried = drawn_page(content, path, instructions.password, instructions.drawer)
        return FileContents((), carried=carried)
    recogniser = instructions.recogniser
    if recogniser is not None and recogniser.only is not None:
        carried = picture_page(content, path, instructions.password, recogniser)
        return FileContents((), carried=carried)
    document, attached = read_pdf_and_attached(
        content,
        path,
        password=instructions.password,
        watch=instructions.watch,
        recogniser=recogniser,
    )
    return FileContents((document,), carried=attached)
