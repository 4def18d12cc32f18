"""A program that reads pages of one PDF with one library and prints them as JSON lines.

    PYTHON page_reader.py versions
    PYTHON page_reader.py LIBRARY FILE 1,2,3
    PYTHON page_reader.py limited PROGRAM ARGUMENT...

It is run by whatever interpreter has the library, so it imports nothing of this project. The first
line is `{"pages": N}`, then comes one line a page: `{"page": 1, "text": "..."}`. A page that cannot
be read ends the program with the library's error: who started it goes on with the page after it.
`limited` becomes another program that may use no more memory than these libraries may.
"""

from __future__ import annotations

import io
import json
import logging
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from importlib import metadata

PACKAGES = {
    "pymupdf": "pymupdf",
    "pdfminer": "pdfminer.six",
    "pypdf": "pypdf",
    "pdfium": "pypdfium2",
}
"""What each library's package is called."""
MEMORY_BYTES = 4_000_000_000
"""Address space of one program; kept on Linux only."""
Opened = tuple[int, Callable[[int], str]]
"""How many pages there are, and the text of one by its index from 0."""


def versions() -> dict[str, str]:
    found = {}
    for library, package in PACKAGES.items():
        try:
            found[library] = f"{package} {metadata.version(package)}"
        except metadata.PackageNotFoundError:
            continue
    return found


def open_pymupdf(path: str) -> Opened:
    import pymupdf

    document = pymupdf.open(path, filetype="pdf")
    return len(document), lambda index: document[index].get_text("text")


def open_pdfminer(path: str) -> Opened:
    from pdfminer.converter import TextConverter
    from pdfminer.layout import LAParams
    from pdfminer.pdfdocument import PDFDocument
    from pdfminer.pdfinterp import PDFPageInterpreter, PDFResourceManager
    from pdfminer.pdfpage import PDFPage
    from pdfminer.pdfparser import PDFParser

    logging.getLogger("pdfminer").setLevel(logging.CRITICAL)
    document = PDFDocument(PDFParser(open(path, "rb")))  # noqa: PTH123, SIM115
    pages = list(PDFPage.create_pages(document))
    resources = PDFResourceManager()

    def text(index: int) -> str:
        written = io.StringIO()
        device = TextConverter(resources, written, laparams=LAParams())
        PDFPageInterpreter(resources, device).process_page(pages[index])
        return written.getvalue().rstrip("\f")

    return len(pages), text


def open_pypdf(path: str) -> Opened:
    import pypdf

    logging.getLogger("pypdf").setLevel(logging.CRITICAL)
    reader = pypdf.PdfReader(path)
    return len(reader.pages), lambda index: reader.pages[index].extract_text()


def open_pdfium(path: str) -> Opened:
    import pypdfium2

    document = pypdfium2.PdfDocument(path)
    return len(document), lambda index: document[index].get_textpage().get_text_range()


OPEN = {
    "pymupdf": open_pymupdf,
    "pdfminer": open_pdfminer,
    "pypdf": open_pypdf,
    "pdfium": open_pdfium,
}


def limit_memory() -> None:
    """A PDF that asks for everything must not take it from whoever else uses the machine."""
    if sys.platform == "win32":
        return
    import resource

    _, hard = resource.getrlimit(resource.RLIMIT_AS)
    limit = MEMORY_BYTES if hard == resource.RLIM_INFINITY else min(MEMORY_BYTES, hard)
    resource.setrlimit(resource.RLIMIT_AS, (limit, hard))


def main(arguments: Sequence[str]) -> None:
    limit_memory()
    if arguments[0] == "limited":
        os.execv(arguments[1], list(arguments[1:]))
    # Some of these libraries print their complaints: only this program writes to what was stdout.
    lines = os.fdopen(os.dup(1), "w", encoding="ascii")
    os.dup2(2, 1)

    def tell(line: Mapping[str, object]) -> None:
        lines.write(json.dumps(line) + "\n")
        lines.flush()

    if arguments == ["versions"]:
        tell(versions())
        return
    library, path, wanted = arguments
    count, text = OPEN[library](path)
    tell({"pages": count})
    for page in map(int, filter(None, wanted.split(","))):
        tell({"page": page, "text": text(page - 1) if page <= count else ""})


if __name__ == "__main__":
    main(sys.argv[1:])
