"""Every kind of file: its endings, how it begins, who reads it, and what that reader needs."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from importlib.util import find_spec
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any

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
    media_type: bytes = b""
    """How the type begins that a package of this kind declares in its first part."""
    folder: str | None = None
    """The folder inside a package that only this kind has."""
    needs: tuple[str, ...] = ()
    """Modules of the extra that the reader imports."""

    @property
    def is_readable(self) -> bool:
        """Whether what its reader needs is installed."""
        return all(map(_is_installed, self.needs))


def _kind(name: str, said: str, suffixes: str, reader: str, *needs: str, **signs: Any) -> Kind:
    return Kind(name, said, frozenset(suffixes.split()), reader, needs=needs, **signs)


_BEGINNING = 64
_COMPOUND = bytes.fromhex("D0CF11E0A1B11AE1")
_MAIL = "__properties_version1.0".encode("utf-16-le")
"""What a compound file holds that is a message of Outlook."""
_DECLARED_TYPE = re.compile(
    rb"PK\x03\x04.{22}\x08\x00(?:.{2})mimetype(?:.{0,64}?)(application/[\w.+-]{1,100})", re.DOTALL
)
"""A first part called `mimetype`, stored as it is (OpenDocument 1.3, part 2, section 3.3)."""
_ENTRY = re.compile(rb"PK\x03\x04.{22}[\x01-\xff]\x00.{2}([\x20-\x7e]{1,255})", re.DOTALL)

_PROSE = ".txt .text .log .rst .tex .org .adoc .srt"
_SETTINGS = ".json .html .htm .csv .tsv .yaml .yml .toml .ini .xml .sql"
_CODE = ".py .js .ts .java .c .h .cpp .cs .go .rs .rb .sh"

KINDS = (
    _kind("pdf", "PDF", ".pdf", "pdf:read_file"),
    _kind("text", "text file", f"{_PROSE} {_SETTINGS} {_CODE}", "text:read_text_file"),
    _kind("markdown", "Markdown file", ".md .markdown .mdown .mkd", "text:read_markdown_file"),
    _kind(
        "docx", "Word document", ".docx .docm .dotx .dotm", "office.docx:read_docx", folder="word"
    ),
    _kind(
        "pptx",
        "PowerPoint presentation",
        ".pptx .pptm .ppsx .ppsm .potx .potm",
        "office.pptx:read_pptx",
        folder="ppt",
    ),
    _kind(
        "odt",
        "OpenDocument text",
        ".odt .ott",
        "office.opendocument:read_odt",
        media_type=b"application/vnd.oasis.opendocument.text",
    ),
    _kind(
        "odp",
        "OpenDocument presentation",
        ".odp .otp",
        "office.opendocument:read_odp",
        media_type=b"application/vnd.oasis.opendocument.presentation",
    ),
    _kind("rtf", "RTF file", ".rtf", "office.rtf:read_rtf"),
    _kind(
        "compound",
        "file of Office 97-2003",
        ".doc .dot .ppt .pps .pot",
        "office.compound:refuse_compound",
    ),
    _kind("record", "file of records", ".jsonl .ndjson", "text:read_records"),
)
"""In the order in which they are tried where a file's ending says nothing."""


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
    return next((kind for kind in KINDS if suffix in kind.suffixes), kind_named("text"))


def _by_content(content: bytes) -> Kind | None:
    if b"%PDF-" in content[:1024]:
        return kind_named("pdf")
    if content[:_BEGINNING].lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"{\\rtf"):
        return kind_named("rtf")
    if content.startswith(_COMPOUND) and _MAIL not in content:
        return kind_named("compound")
    if content.startswith(b"PK\x03\x04"):
        return _by_parts(content)
    return None


def _by_parts(content: bytes) -> Kind | None:
    """The kind of a zip package, by the type that it declares, or by the folders of its parts."""
    declared = _DECLARED_TYPE.match(content)
    if declared:
        return next(
            (k for k in KINDS if k.media_type and declared[1].startswith(k.media_type)), None
        )
    folders = {name.replace("\\", "/").partition("/")[0] for name in _names_inside(content)}
    return next((kind for kind in KINDS if kind.folder in folders), None)


def _names_inside(content: bytes) -> list[str]:
    """Names in a zip file; those in its beginning where that is all there is of it."""
    from io import BytesIO
    from zipfile import BadZipFile, ZipFile

    try:
        return ZipFile(BytesIO(content)).namelist()
    except (BadZipFile, NotImplementedError, OSError, ValueError):
        return [found[1].decode("utf-8", "replace") for found in _ENTRY.finditer(content)]


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
