"""Headers of a mail as people read them: encoded words decoded, whatever was done to them.

The standard library's parser of structured headers raises on many broken ones and takes quadratic
time for long ones, so a header is taken as it stands and only its encoded words (RFC 2047) are
decoded.
"""

from __future__ import annotations

import binascii
import quopri
import re
from base64 import b64decode
from collections.abc import Iterator
from email.message import Message

from docpager.core.errors import DocumentError
from docpager.documents.encodings import decode_text
from docpager.documents.flow import on_one_line

__all__ = ["decoded_header", "header_lines", "header_of"]

_SHOWN = ("From", "Sender", "To", "Cc", "Bcc", "Reply-To", "Date", "Subject")
_MOST_CHARACTERS = 20_000
"""Of one header; a list of 500 addresses is as long. What follows is left out and named."""
_WORD = re.compile(r"=\?([\w.:-]{1,60})(?:\*[\w-]{0,20})?\?([bBqQ])\?([^?]*)\?=")
_BETWEEN_WORDS = re.compile(r"(\?=)\s+(?==\?)")


def header_lines(message: Message) -> Iterator[str]:
    """What stands at the head of a letter, one line each."""
    for name in _SHOWN:
        for value in _all_of(message, name):
            yield f"{name}: {value}"


def header_of(message: Message, name: str) -> str:
    """The first header of that name, decoded; empty where there is none."""
    return next(_all_of(message, name), "")


def _all_of(message: Message, name: str) -> Iterator[str]:
    """Every header of that name, decoded."""
    for key, value in message.raw_items():
        if key.lower() == name.lower() and (text := decoded_header(str(value))):
            yield text


def decoded_header(raw: str) -> str:
    """One header on one line.

    >>> decoded_header("=?utf-8?q?Caf=C3=A9?= =?utf-8?q?_bar?=")
    'Café bar'
    """
    left_out = max(0, len(raw) - _MOST_CHARACTERS)
    text = _eight_bit(raw[:_MOST_CHARACTERS])
    # Long words are cut into several, some within a character: their bytes are joined first.
    pieces: list[str] = []
    waiting: tuple[str, bytes] = ("", b"")
    at = 0
    text = _BETWEEN_WORDS.sub(r"\1", text)
    for word in _WORD.finditer(text):
        between = text[at : word.start()]
        charset, content = word[1].lower(), _bytes_of(word)
        if not between and waiting[0] == charset:
            waiting = (charset, waiting[1] + content)
        else:
            pieces += [_decoded(*waiting), between]
            waiting = (charset, content)
        at = word.end()
    pieces += [_decoded(*waiting), text[at:]]
    shown = on_one_line("".join(pieces))
    return f"{shown} [{left_out:,} characters left out]" if left_out else shown


def _eight_bit(raw: str) -> str:
    """A header whose bytes were written as they are, which no standard allows and many do."""
    if raw.isascii():
        return raw
    try:
        return decode_text(raw.encode("utf-8", "surrogateescape"), "header").text
    except (DocumentError, UnicodeError):
        return raw


def _bytes_of(word: re.Match[str]) -> bytes:
    written = word[3].encode("utf-8", "surrogatepass")
    if word[2] in "qQ":
        return quopri.decodestring(written.replace(b"_", b" "))
    try:
        return b64decode(written + b"=" * (-len(written) % 4))
    except binascii.Error:
        return written


def _decoded(charset: str, content: bytes) -> str:
    if not content:
        return ""
    try:
        return decode_text(content, "header", charset).text
    except DocumentError:
        return content.decode("ascii", "replace")
