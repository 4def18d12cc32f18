"""Of what kind a file is: by its first bytes and by what is inside, else by its ending."""

from __future__ import annotations

import re
from pathlib import PurePosixPath

from docpager.documents.kinds import KINDS, Kind, kind_named

__all__ = ["kind_of"]

_ZIP = b"PK\x03\x04"
_DECLARED_TYPE = re.compile(
    rb"PK\x03\x04.{22}\x08\x00(?:.{2})mimetype(?:.{0,64}?)(application/[\w.+-]{1,100})", re.DOTALL
)
"""A first part called `mimetype`, stored as it is (OpenDocument 1.3, part 2, section 3.3)."""
_ENTRY = re.compile(rb"PK\x03\x04.{22}[\x01-\xff]\x00.{2}([\x20-\x7e]{1,255})", re.DOTALL)
_PICTURE_BEGINNINGS = (
    b"\x89PNG\r\n\x1a\n",
    b"\xff\xd8\xff",
    b"II*\0",
    b"MM\0*",
    b"GIF87a",
    b"GIF89a",
)
"""PNG, JPEG, TIFF in both byte orders, GIF."""
_COMPOUND = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_OUTLOOK = "__properties_version1.0"
"""What every letter of Outlook holds, and no other compound file (MS-OXMSG, 2.2)."""
_FEW_BYTES = 64
_MAIL_BEGINS = re.compile(
    rb"(?i)from |(?:return-path|received|delivered-to|message-id|mime-version|from|date|subject):"
)
_MAIL_HOLDS = re.compile(rb"(?im)^(?:message-id|mime-version|received|return-path):")
_BEGINNING = 2048
_BEGINS_A_PAGE = re.compile(
    rb"(?:\xef\xbb\xbf)?\s*(?:<\?xml[^>]*>\s*)?(?:<!--[^>]*-->\s*){0,5}<(?:!doctype\s+html|html)\b",
    re.IGNORECASE,
)
_MAY_QUOTE_A_PAGE = frozenset({"pdf", "markdown", "record", "mhtml"})
"""Kinds whose files may begin as a page does; a PDF that does is no PDF, and is named as such."""


def kind_of(path: str, content: bytes) -> Kind:
    """The kind of a file: what its first bytes say, else its ending, else plain text.

    An ending may be wrong (a page saved as `.xls`), the first bytes of a container are not.
    """
    suffix = PurePosixPath(path).suffix.lower()
    named = next((kind for kind in KINDS if suffix in kind.suffixes), None)
    begun = _by_content(content)
    if begun is not None:
        # Old workbooks are read where they are called so, whatever else is in them.
        is_workbook = begun.name == "compound" and named is not None and named.name == "xls"
        return kind_named("xls") if is_workbook else begun
    may_quote_a_page = named is not None and named.name in _MAY_QUOTE_A_PAGE
    if not may_quote_a_page and _BEGINS_A_PAGE.match(content[:_BEGINNING]):
        return kind_named("html")
    return named or kind_named("mail" if _is_mail(content) else "text")


def _by_content(content: bytes) -> Kind | None:
    if b"%PDF-" in content[:1024]:
        return kind_named("pdf")
    is_webp = content[:4] == b"RIFF" and content[8:12] == b"WEBP"
    if is_webp or content.startswith(_PICTURE_BEGINNINGS):
        return kind_named("picture")
    if content[:_FEW_BYTES].lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"{\\rtf"):
        return kind_named("rtf")
    if content.startswith(_COMPOUND):
        return _by_entries(content)
    return _by_parts(content) if content.startswith(_ZIP) else None


def _by_entries(content: bytes) -> Kind:
    """The kind of a compound file (OLE); of most nothing is read but what they are."""
    from docpager.documents.office.compound import topmost_names

    return kind_named("outlook" if _OUTLOOK in topmost_names(content) else "compound")


def _is_mail(content: bytes) -> bool:
    head = content[:8_192]
    return bool(_MAIL_BEGINS.match(head) and _MAIL_HOLDS.search(head.partition(b"\n\n")[0]))


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
