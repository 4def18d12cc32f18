"""Text that is shown and never obeyed: control characters spelled out."""

from __future__ import annotations

import re

__all__ = ["CONTROLS", "visible"]

CONTROLS = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069\ud800-\udfff]"
)
"""Control characters (escape sequences begin with one), marks of direction, half characters."""


def visible(text: str, *, lines: bool = False) -> str:
    """`text` with control characters spelled out; line breaks stay only with `lines`.

    >>> visible("a\\x1b[2Jb")
    'a\\\\x1b[2Jb'
    """
    text = CONTROLS.sub(lambda match: ascii(match[0])[1:-1], text)
    return text if lines else text.replace("\n", "\\n")
