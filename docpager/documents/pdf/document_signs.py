"""What a PDF's own objects say of it, looked up in its bytes before any page is read.

pdfium does not tell whether a file has layers, or fonts that are not in it, and a second library
takes longer to see it than pdfium to read pages. The names are plain text in the file, or in its
object streams (ISO 32000-1, 7.5.7), which are inflated for that.
"""

from __future__ import annotations

import re
import zlib
from dataclasses import dataclass

__all__ = ["DocumentSigns", "signs_of"]

_LARGEST_STREAM = 8_000_000
_MOST_INFLATED = 60_000_000
"""Bytes of all object streams together."""
_LAYERS = b"/OCProperties"
_FOREIGN_FONT = re.compile(
    rb"/(?:GB|Uni|B5pc|HK|ETen|CNS|83pv|90ms|90pv|Add|EUC|Ext|KSC|[HV]\b)[\w-]*-[HV]\b"
    rb"|\((?:GB1|CNS1|Japan1|Korea1|KR)\)"
    rb"|/(?:afii\d{4,5}|[Aa]lpha|[Bb]eta|[Ee]psilon|uni0[3-6][0-9A-F]{2})\b"
)
"""Predefined encodings of Chinese, Japanese and Korean, and names of Cyrillic, Greek, Hebrew and
Arabic glyphs: fonts of such text may be missing where the file is read."""


@dataclass(frozen=True, slots=True)
class DocumentSigns:
    """What to look for on the pages of a file."""

    has_layers: bool = False
    is_closed: bool = False
    """Whether objects are encrypted, so that the signs say nothing of them."""
    has_foreign_fonts: bool = False
    """Fonts that are not in the file and have other letters than Latin ones."""
    is_drawn_as_shown: bool = True
    """False for a copy whose glyphs were given other names: its pictures show none of them."""


def signs_of(content: bytes) -> DocumentSigns:
    """Look through the file once.

    Object streams of an encrypted file cannot be read here: it is said to be closed.
    """
    objects = _objects(content)
    missing = objects.count(b"/FontName") > objects.count(b"/FontFile")
    return DocumentSigns(
        has_layers=_LAYERS in objects,
        is_closed=b"/Encrypt" in objects and b"/ObjStm" in objects,
        has_foreign_fonts=bool(_FOREIGN_FONT.search(objects))
        or (missing and b"/CIDFontType" in objects),
    )


def _objects(content: bytes) -> bytes:
    """The parts of a file that are no streams, and its object streams."""
    parts: list[bytes] = []
    start = inflated = 0
    while True:
        begin = content.find(b"stream", start)
        if begin < 0:
            break
        head = content[start:begin]
        parts.append(head)
        end = content.find(b"endstream", begin)
        if end < 0:
            break
        if b"/ObjStm" in head[-400:] and inflated < _MOST_INFLATED:
            found = _inflate(content[begin:end])
            inflated += len(found)
            parts.append(found)
        start = end + len(b"endstream")
    parts.append(content[start:] if start else content)
    return b"\n".join(parts)


def _inflate(stream: bytes) -> bytes:
    body = stream.removeprefix(b"stream").removeprefix(b"\r").removeprefix(b"\n")
    try:
        return zlib.decompressobj().decompress(body, _LARGEST_STREAM)
    except zlib.error:
        return b""
