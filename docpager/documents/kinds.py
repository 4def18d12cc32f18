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

__all__ = [
    "EXTRA",
    "KINDS",
    "Kind",
    "counted_kinds",
    "kind_named",
    "kind_of",
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
    needs: tuple[str, ...] = ()
    """Modules of the extra that the reader imports."""

    @property
    def is_readable(self) -> bool:
        """Whether what its reader needs is installed."""
        return all(map(_is_installed, self.needs))


def _kind(name: str, said: str, suffixes: str, reader: str, *needs: str) -> Kind:
    return Kind(name, said, frozenset(suffixes.split()), reader, needs)


_PROSE = ".ics .vcf .pem .txt .text .log .rst .tex .org .adoc .srt"
_SETTINGS = ".json .html .htm .csv .tsv .yaml .yml .toml .ini .xml .sql"
_CODE = ".py .js .ts .java .c .h .cpp .cs .go .rs .rb .sh"

KINDS = (
    _kind("pdf", "PDF", ".pdf", "pdf:read_file"),
    _kind("text", "text file", f"{_PROSE} {_SETTINGS} {_CODE}", "text:read_text_file"),
    _kind("markdown", "Markdown file", ".md .markdown .mdown .mkd", "text:read_markdown_file"),
    _kind("record", "file of records", ".jsonl .ndjson", "text:read_records"),
    _kind("mail", "letter", ".eml .mht .mhtml", "mail.eml:read_eml"),
    _kind("mailbox", "mailbox", ".mbox", "mail.eml:read_mbox"),
    _kind("outlook", "letter of Outlook", ".msg", "mail.msg:read_msg", "olefile"),
)
"""In the order in which they are tried where a file's ending says nothing."""


def readable_suffixes() -> frozenset[str]:
    """The endings of files that are taken from a folder, as far as their readers are installed."""
    return frozenset().union(*(kind.suffixes for kind in KINDS if kind.is_readable))


_PICTURES = frozenset(
    (".png", ".jpg", ".jpeg", ".gif", ".bmp", ".tif", ".tiff", ".webp", ".heic", ".ico", ".psd")
)
_SOUNDS = frozenset([".mp3", ".wav", ".flac", ".ogg", ".m4a", ".aac", ".opus", ".wma"])
_FILMS = frozenset([".mp4", ".mov", ".avi", ".mkv", ".webm", ".m4v", ".wmv", ".mpg", ".mpeg"])


def unread_kind(path: str) -> str:
    """What a file is called that is not read: by its ending, or as a picture, a sound, a film."""
    suffix = PurePosixPath(path).suffix.lower()
    if suffix in _PICTURES:
        return "picture"
    if suffix in _SOUNDS:
        return "sound"
    return "film" if suffix in _FILMS else suffix or "without an ending"


def counted_kinds(counts: Mapping[str, int]) -> str:
    """Files that are not read, by `unread_kind` and count, the most first.

    >>> counted_kinds({".zip": 3, "picture": 2})
    '3 .zip, 2 pictures'
    """
    waiting = frozenset().union(*(kind.suffixes for kind in KINDS if not kind.is_readable))
    said = []
    for kind, count in sorted(counts.items(), key=lambda each: -each[1]):
        plural = "s" if count != 1 and kind in ("picture", "sound", "film") else ""
        way = f" (pip install 'docpager[{EXTRA}]' reads them)" if kind in waiting else ""
        said.append(f"{count:,} {kind}{plural}{way}")
    return ", ".join(said)


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
    known = next((kind for kind in KINDS if suffix in kind.suffixes), None)
    return known or kind_named("mail" if _is_mail(content) else "text")


def _by_content(content: bytes) -> Kind | None:
    if b"%PDF-" in content[:1024]:
        return kind_named("pdf")
    if content.startswith(_COMPOUND) and _OUTLOOK in content:
        return kind_named("outlook")
    return None


_COMPOUND = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_OUTLOOK = "__properties_version1.0".encode("utf-16-le")
"""What every letter of Outlook holds, and no other compound file (MS-OXMSG, 2.2)."""
_MAIL_BEGINS = re.compile(
    rb"(?i)from |(?:return-path|received|delivered-to|message-id|mime-version|from|date|subject):"
)
_MAIL_HOLDS = re.compile(rb"(?im)^(?:message-id|mime-version|received|return-path):")


def _is_mail(content: bytes) -> bool:
    head = content[:8_192]
    return bool(_MAIL_BEGINS.match(head) and _MAIL_HOLDS.search(head.partition(b"\n\n")[0]))


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
