"""Bytes of a web page as text: by its mark, by what it declares, as UTF-8, else by a guess.

It stands alone as the answer is needed before a page is parsed, and other files than pages declare
their encoding elsewhere.
"""

from __future__ import annotations

import codecs
import re

from docpager.core.errors import DocumentError
from docpager.documents.reasons import Reason

__all__ = ["decoded"]

_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_DECLARED = re.compile(
    rb"""<meta\b[^>]{0,300}?\bcharset\s*=\s*["']?\s*([A-Za-z0-9._:-]{1,40})"""
    rb"""|<\?xml\b[^>]{0,200}?\bencoding\s*=\s*["']([A-Za-z0-9._:-]{1,40})["']""",
    re.IGNORECASE,
)
_HEAD = 4096
"""Bytes in which a page declares its encoding; browsers look at 1024."""
_WIDER = {
    **dict.fromkeys(("ascii", "iso8859-1", "latin-1", "iso-8859-1", "us-ascii"), "cp1252"),
    **dict.fromkeys(("gb2312", "gbk", "hz"), "gb18030"),
    "iso8859-9": "cp1254",
    "iso8859-11": "cp874",
    "tis-620": "cp874",
    "shift_jis": "cp932",
    "euc_kr": "cp949",
    "big5": "big5hkscs",
    **dict.fromkeys(("utf-16", "utf-16-le", "utf-16-be", "utf-32"), "utf-8"),
}
"""What browsers take for an encoding (https://encoding.spec.whatwg.org/#names-and-labels)."""
_MOST_BAD = 0.002
"""Share of bytes that are no UTF-8 in a file that is."""
_SAMPLE = 200_000


def decoded(content: bytes, path: str, *, declared: str | None = None) -> tuple[str, bool]:
    """The text, and whether its encoding was guessed; `declared` is what stands outside of it.

    Raises:
        DocumentError: it is no text.
    """
    for mark, encoding in _MARKS:
        if content.startswith(mark):
            return content[len(mark) :].decode(encoding, "replace"), False
    if content[:_SAMPLE].count(b"\0") > len(content[:_SAMPLE]) // 50:
        raise DocumentError(
            f"{path!r} is no web page but binary data; leave it out", Reason.NOT_TEXT
        )
    found = _DECLARED.search(content[:_HEAD])
    inside = (found[1] or found[2]).decode("ascii") if found else None
    for name in filter(None, (declared, inside, "utf-8")):
        text = _decoded_as(content, name)
        if text is not None:
            return text, False
    return _guessed(content), True


def _decoded_as(content: bytes, name: str) -> str | None:
    """The text in that encoding; None where it is not known, or plainly another."""
    try:
        codec = codecs.lookup(name).name
        codec = _WIDER.get(codec, codec)
        text = content.decode(codec, "replace")
    except (LookupError, ValueError):
        return None
    return text if text.count("\ufffd") <= max(3, _MOST_BAD * len(content)) else None


def _guessed(content: bytes) -> str:
    from charset_normalizer import from_bytes

    # Markup is ASCII, whatever the language: without it there is more to go by.
    words = re.sub(rb"<[^<>]{0,2000}>", b" ", content[: 5 * _SAMPLE])[:_SAMPLE]
    best = from_bytes(words).best()
    return content.decode(best.encoding if best is not None else "cp1252", "replace")
