"""Every kind of file: its endings, how it begins, who reads it, and what that reader needs."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cache
from importlib import import_module
from importlib.util import find_spec
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any

from docpager.core.errors import DocumentError
from docpager.documents.reasons import Reason

if TYPE_CHECKING:
    from docpager.documents.carried import FileContents, Instructions

__all__ = [
    "EXTRA",
    "KINDS",
    "Kind",
    "counted_kinds",
    "kind_named",
    "readable_suffixes",
    "reader_of",
    "unread_kind",
]

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
    is_picture: bool = False
    """Whether all its text must be recognised (OCR), so that it is read only where that is asked
    for."""

    @property
    def is_readable(self) -> bool:
        """Whether what its reader needs is installed."""
        return all(map(_is_installed, self.needs))


def _kind(name: str, said: str, suffixes: str, reader: str, *needs: str, **signs: Any) -> Kind:
    return Kind(name, said, frozenset(suffixes.split()), reader, needs=needs, **signs)


_PICTURES = ".png .jpg .jpeg .tif .tiff .webp .bmp .gif"
_PROSE = ".ics .vcf .pem .txt .text .log .rst .tex .org .adoc .srt"
_SETTINGS = ".json .yaml .yml .toml .ini .xml .sql"

_WEB = ("selectolax",)
_CODE = ".py .js .ts .java .c .h .cpp .cs .go .rs .rb .sh"

KINDS = (
    _kind("pdf", "PDF", ".pdf", "pdf:read_file"),
    _kind("text", "text file", f"{_PROSE} {_SETTINGS} {_CODE}", "text:read_text_file"),
    _kind("markdown", "Markdown file", ".md .markdown .mdown .mkd", "text:read_markdown_file"),
    _kind(
        "xlsx", "Excel workbook", ".xlsx .xlsm .xltx .xltm", "office.xlsx:read_xlsx", folder="xl"
    ),
    _kind("xls", "old Excel workbook", ".xls .xlt", "office.xls:read_xls", "xlrd"),
    _kind(
        "ods",
        "OpenDocument spreadsheet",
        ".ods .ots",
        "office.ods:read_ods",
        media_type=b"application/vnd.oasis.opendocument.spreadsheet",
    ),
    _kind("csv", "table as text", ".csv .tsv", "office.delimited:read_delimited"),
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
    replace(
        _kind("picture", "picture", _PICTURES, "ocr.pictures:read_picture", "PIL"),
        is_picture=True,
    ),
    _kind("html", "web page", ".html .htm .xhtml", "web.html:read_html", *_WEB),
    _kind("mhtml", "saved web page", ".mhtml .mht", "web.html:read_saved_page", *_WEB),
    _kind(
        "epub",
        "EPUB book",
        ".epub",
        "web.epub:read_epub",
        *_WEB,
        media_type=b"application/epub+zip",
    ),
    _kind("mail", "letter", ".eml", "mail.eml:read_eml"),
    _kind("mailbox", "mailbox", ".mbox", "mail.eml:read_mbox"),
    _kind("outlook", "letter of Outlook", ".msg", "mail.msg:read_msg", "olefile"),
)
"""In the order in which they are tried where a file's ending says nothing."""


def readable_suffixes(*, pictures: bool = False) -> frozenset[str]:
    """The endings of files that are taken from a folder, as far as their readers are installed."""
    taken = (kind for kind in KINDS if kind.is_readable and (pictures or not kind.is_picture))
    return frozenset().union(*(kind.suffixes for kind in taken))


_OTHER_PICTURES = frozenset([".heic", ".heif", ".svgz", ".ico", ".psd", ".avif"])
_SOUNDS = frozenset([".mp3", ".wav", ".flac", ".ogg", ".m4a", ".aac", ".opus", ".wma"])
_FILMS = frozenset([".mp4", ".mov", ".avi", ".mkv", ".webm", ".m4v", ".wmv", ".mpg", ".mpeg"])


def unread_kind(path: str) -> str:
    """What a file is called that is not read: by its ending, or as a picture, a sound, a film."""
    suffix = PurePosixPath(path).suffix.lower()
    if suffix in _OTHER_PICTURES or suffix in kind_named("picture").suffixes:
        return "picture"
    if suffix in _SOUNDS:
        return "sound"
    return "film" if suffix in _FILMS else suffix or "without an ending"


def counted_kinds(counts: Mapping[str, int]) -> str:
    """Files that are not read, by `unread_kind` and count, the most first; before them those that
    are read once the extra is installed.

    >>> counted_kinds({".zip": 3, "picture": 2})
    '3 .zip, 2 pictures'
    """
    waiting = frozenset().union(*(kind.suffixes for kind in KINDS if not kind.is_readable))
    said: dict[bool, list[str]] = {True: [], False: []}
    for kind, count in sorted(counts.items(), key=lambda each: -each[1]):
        plural = "s" if count != 1 and kind in ("picture", "sound", "film") else ""
        said[kind in waiting].append(f"{count:,} {kind}{plural}")
    if said[True]:
        said[True][-1] += f" (pip install 'docpager[{EXTRA}]' reads them)"
    return ", ".join(said[True] + said[False])


def kind_named(name: str) -> Kind:
    """The kind of that name.

    Raises:
        KeyError: there is none.
    """
    return _by_name()[name]


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
