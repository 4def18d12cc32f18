"""Text that is shown and never obeyed: control characters spelled out."""

from __future__ import annotations

import re

__all__ = ["CONTROLS", "TAGS", "tags_spelled", "visible", "without_tags"]

CONTROLS = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069\ud800-\udfff]"
)
"""Control characters (escape sequences begin with one), marks of direction, half characters."""
TAGS = re.compile("[\U000e0000-\U000e007f]")
"""Tag letters, which no screen shows and some models read."""
_SPELLED_TAG = re.compile(r"\\U000e00[0-7][0-9a-f]")


def visible(text: str, *, lines: bool = False) -> str:
    """`text` with control characters spelled out; line breaks stay only with `lines`.

    >>> visible("a\\x1b[2Jb")
    'a\\\\x1b[2Jb'
    """
    text = CONTROLS.sub(lambda match: ascii(match[0])[1:-1], text)
    return text if lines else text.replace("\n", "\\n")


def tags_spelled(text: str) -> str:
    """`text` with tag letters spelled out, as a model is shown text of documents.

    >>> tags_spelled("a\\U000e0041b") == r"a\\U000e0041b"
    True
    """
    return text if text.isascii() else TAGS.sub(lambda tag: ascii(tag[0])[1:-1], text)


def without_tags(text: str) -> str:
    """`text` without tag letters, also without those that were spelled out."""
    return TAGS.sub("", _SPELLED_TAG.sub("", text))
