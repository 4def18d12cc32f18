"""Names what is inside a compound file (OLE): old office files, and encrypted new ones.

None of them is read here. A compound file is a small file system; what its topmost entries are
called says which program wrote it. Source: Microsoft's MS-CFB, sections 2.2 to 2.6.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping

from docpager.core.errors import DocumentError
from docpager.documents.carried import FileContents, Instructions
from docpager.documents.reasons import Reason

__all__ = ["refuse_compound", "topmost_names"]

_MOST_ENTRIES = 100_000
_ENTRY_BYTES = 128
_FREE = 0xFFFF_FFF0
"""Numbers from here on are no sectors: the end of a chain, a free one."""
_NO_ENTRY = 0xFFFF_FFFF
_KINDS: Mapping[str, str] = {
    "WordDocument": "is a Word 97-2003 document; save it as .docx",
    "PowerPoint Document": "is a PowerPoint 97-2003 presentation; save it as .pptx",
    "Workbook": "is an Excel 97-2003 workbook; save it as .xlsx",
    "Book": "is an Excel 5.0/95 workbook; save it as .xlsx",
    "VisioDocument": "is a Visio drawing; save it as PDF",
    "Equation Native": "is an equation of Word 97-2003; open and save the document in a newer Word",
    "Quill": "is a Publisher document; save it as PDF",
    "\x01Ole10Native": "is a file packed into an old object; save it by itself",
    "CONTENTS": "is a file packed into an old object; save it by itself",
}
"""What a file is in which an entry has that name, in the order in which it is looked for."""


def refuse_compound(content: bytes, path: str, instructions: Instructions) -> FileContents:
    """Say what the file is.

    Raises:
        DocumentError: always; it names the kind of file and what to save it as.
    """
    names = topmost_names(content)
    if "EncryptedPackage" in names:
        raise DocumentError(
            f"{path!r} is encrypted; open it and save it without a password", Reason.ENCRYPTED
        )
    what = next((said for name, said in _KINDS.items() if name in names), None)
    if what is None:
        what = "is a compound file of a kind that is not read; save it as PDF"
    raise DocumentError(f"{path!r} {what}", Reason.UNSUPPORTED)


def topmost_names(content: bytes) -> frozenset[str]:
    """Names of the entries in the topmost folder; of those in sight where the file is damaged."""
    entries = _directory(content)
    if not entries:
        return frozenset()
    names: set[str] = set()
    waiting, seen = [entries[0][3]], set()
    while waiting:
        number = waiting.pop()
        if number in seen or not 0 <= number < len(entries):
            continue
        seen.add(number)
        name, left, right, _ = entries[number]
        names.add(name)
        waiting += [left, right]
    return frozenset(names)


def _directory(content: bytes) -> list[tuple[str, int, int, int]]:
    """Each entry's name, its left and right neighbour and its first child."""
    if len(content) < 512:
        return []
    (shift,) = struct.unpack_from("<H", content, 30)
    if shift not in (9, 12):
        return []
    size = 1 << shift
    (sector,) = struct.unpack_from("<I", content, 48)
    table = [n for n in struct.unpack_from("<109I", content, 76) if n < _FREE]
    entries: list[tuple[str, int, int, int]] = []
    seen: set[int] = set()
    while sector < _FREE and sector not in seen and len(entries) < _MOST_ENTRIES:
        seen.add(sector)
        start = (sector + 1) * size
        for at in range(start, min(start + size, len(content) - _ENTRY_BYTES + 1), _ENTRY_BYTES):
            entries.append(_entry(content, at))
        sector = _following(content, sector, table, size)
    return entries


def _entry(content: bytes, at: int) -> tuple[str, int, int, int]:
    (length,) = struct.unpack_from("<H", content, at + 64)
    name = content[at : at + max(0, min(length, 64) - 2)].decode("utf-16-le", "replace")
    left, right, child = struct.unpack_from("<3I", content, at + 68)
    return name, left, right, child


def _following(content: bytes, sector: int, table: list[int], size: int) -> int:
    """The sector after one; the tables of a file up to 7 MB are named in its first 512 bytes.

    Directories stand near the beginning, so the tables of larger files need not be followed.
    """
    place, within = divmod(sector, size // 4)
    if place >= len(table):
        return _NO_ENTRY
    at = (table[place] + 1) * size + within * 4
    if at + 4 > len(content):
        return _NO_ENTRY
    (following,) = struct.unpack_from("<I", content, at)
    return int(following)
