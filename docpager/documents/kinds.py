"""Every kind of file: its endings, how it begins, who reads it, and what that reader needs."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from importlib.util import find_spec
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from docpager.core.errors import DocumentError
from docpager.documents.reasons import Reason

if TYPE_CHECKING:
    from docpager.documents.carried import FileContents, Instructions

__all__ = ["EXTRA", "KINDS", "Kind", "kind_named", "kind_of", "readable_suffixes", "reader_of"]

EXTRA = "formats"
"""The extra of the package that installs what the readers of office, web and mail files need."""

Read = Callable[[bytes, str, "Instructions"], "FileContents"]
"""Reads the bytes of a file, named by its path, as it was told to.

Raises `DocumentError` where nothing in the file can be read."""


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of file that is read."""

    name: str
    """As in `Document.kind`."""
    said: str
    """As people say it, in the singular."""
    suffixes: frozenset[str]
    reader: str
    """`module:function` under `docpager.documents`, a `Read`; loaded when it is needed."""
    needs: tuple[str, ...] = ()
    """Modules of the extra that the reader imports."""

    @property
    def is_readable(self) -> bool:
        """Whether what its reader needs is installed."""
        return all(map(_is_installed, self.needs))


def _kind(name: str, said: str, suffixes: str, reader: str, *needs: str) -> Kind:
    return Kind(name, said, frozenset(suffixes.split()), reader, needs)


_PROSE = ".txt .text .log .rst .tex .org .adoc .srt"
_SETTINGS = ".json .csv .tsv .yaml .yml .toml .ini .xml .sql"
_WEB = ("selectolax", "charset_normalizer")
_CODE = ".py .js .ts .java .c .h .cpp .cs .go .rs .rb .sh"

KINDS = (
    _kind("pdf", "PDF", ".pdf", "pdf:read_file"),
    _kind("text", "text file", f"{_PROSE} {_SETTINGS} {_CODE}", "text:read_text_file"),
    _kind("markdown", "Markdown file", ".md .markdown .mdown .mkd", "text:read_markdown_file"),
    _kind("record", "file of records", ".jsonl .ndjson", "text:read_records"),
    _kind("html", "web page", ".html .htm .xhtml", "web.html:read_html", *_WEB),
    _kind("mhtml", "saved web page", ".mhtml .mht", "web.html:read_saved_page", *_WEB),
    _kind("epub", "EPUB book", ".epub", "web.epub:read_epub", *_WEB),
)
"""In the order in which they are tried where a file's ending says nothing."""

_BEGINNING = 2048
_BEGINS_A_PAGE = re.compile(
    rb"(?:\xef\xbb\xbf)?\s*(?:<\?xml[^>]*>\s*)?(?:<!--[^>]*-->\s*){0,5}<(?:!doctype\s+html|html)\b",
    re.IGNORECASE,
)
_MAY_QUOTE_A_PAGE = frozenset({"pdf", "markdown", "record", "mhtml"})
"""Kinds whose files may begin as a page does; a PDF that does is no PDF, and is named as such."""


def readable_suffixes() -> frozenset[str]:
    """The endings of files that are taken from a folder, as far as their readers are installed."""
    return frozenset().union(*(kind.suffixes for kind in KINDS if kind.is_readable))


def kind_named(name: str) -> Kind:
    """The kind of that name.

    Raises:
        KeyError: there is none.
    """
    return _by_name()[name]


def kind_of(path: str, content: bytes) -> Kind:
    """The kind of a file: what its first bytes say, else its ending, else plain text.

    An ending may be wrong (a page saved as `.xls`), the first bytes of a container are not.
    """
    suffix = PurePosixPath(path).suffix.lower()
    begun = _by_content(content)
    if begun is not None:
        return begun
    named = next((kind for kind in KINDS if suffix in kind.suffixes), kind_named("text"))
    if named.name not in _MAY_QUOTE_A_PAGE and _BEGINS_A_PAGE.match(content[:_BEGINNING]):
        return kind_named("html")
    return named


def _by_content(content: bytes) -> Kind | None:
    if b"%PDF-" in content[:1024]:
        return kind_named("pdf")
    if content[30:58] == b"mimetypeapplication/epub+zip":
        return kind_named("epub")
    return None


def reader_of(kind: Kind, path: str) -> Read:
    """What reads files of that kind.

    Raises:
        DocumentError: what it needs is not installed.
    """
    if not kind.is_readable:
        raise DocumentError(
            f"{path!r} is a {kind.said}; install what reads it: pip install 'docpager[{EXTRA}]'",
            Reason.NEEDS_READER,
        )
    module, _, function = kind.reader.partition(":")
    read: Read = getattr(import_module(f"docpager.documents.{module}"), function)
    return read


@cache
def _by_name() -> Mapping[str, Kind]:
    return {kind.name: kind for kind in KINDS}


@cache
def _is_installed(module: str) -> bool:
    return find_spec(module) is not None
