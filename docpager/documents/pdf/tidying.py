"""Text as PDF libraries return it becomes text as people read and search it. Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

__all__ = ["GARBLED_SHARE", "PageText", "dehyphenate", "page_text", "tidy"]

GARBLED_SHARE = 0.4
"""A page with a larger share of unmapped glyphs is no text."""

_PRINTER = {
    **dict.fromkeys("\u00a0\u2007\u202f", " "),
    **dict.fromkeys("\u00ad\u200b\ufeff", ""),
    "ﬀ": "ff",
    "ﬁ": "fi",
    "ﬂ": "fl",
    "ﬃ": "ffi",
    "ﬄ": "ffl",
    "ﬅ": "st",
    "ﬆ": "st",
}
"""Spaces, hyphens and ligatures that a printer needs and a reader never types."""
_NEVER_TEXT = re.compile("[\0-\x08\x0b-\x1f\x7f-\x9f\ufdd0-\ufdef\uffff]")
_UNMAPPED = re.compile("[\0-\x08\x0b\x0e-\x1f\x7f-\x9f\ue000-\uf8ff\ufffd\U000f0000-\U0010ffff]")
_LINE_END_HYPHEN = re.compile("(\\w*)\ufffe(\\w*)")


class PageText(NamedTuple):
    """The text of a page, and how much of it a reader can use."""

    text: str = ""
    characters: int = 0
    """Those that leave a mark."""
    unmapped_share: float = 0.0
    """Share of these whose glyph stands for no character of any script."""


def page_text(raw: str) -> PageText:
    r"""Text of a page as a PDF library returned it, with `\n` as line end and counted.

    U+FFFE, pdfium's mark for a hyphen at a line end, stays until `dehyphenate`.
    """
    text = _with_plain_lines(raw)
    if not text.isascii():
        text = _without_printers_marks(text)
    marks = len(text) - text.count(" ") - text.count("\n") if text.strip() else 0
    if "\ufffd" not in text and text.replace("\n", "").isprintable():
        return PageText(text, marks)  # as most pages are; the patterns below are slower
    share = len(_UNMAPPED.findall(text)) / marks if marks else 0.0
    return PageText(_NEVER_TEXT.sub("", text), marks, share)


def _with_plain_lines(text: str) -> str:
    lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    # Spaces at the very end belong to no line end.
    return "\n".join([*(line.rstrip(" \t") for line in lines[:-1]), lines[-1]])


def _without_printers_marks(text: str) -> str:
    for mark, plain in _PRINTER.items():
        text = text.replace(mark, plain)
    try:
        text.encode()
    except UnicodeEncodeError:  # halves of surrogate pairs
        return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return text


def tidy(raw: str) -> str:
    """Text as a PDF library returned it, without what no file can hold."""
    return page_text(raw).text


def dehyphenate(texts: Sequence[str]) -> Sequence[str]:
    """Settle hyphens at line ends: away where the document knows the joined word, else kept."""
    if not any("\ufffe" in text for text in texts):
        return texts
    words = {word for text in texts for word in re.findall(r"\w+", text)}

    def settled(match: re.Match[str]) -> str:
        joined = match[1] + match[2]
        return joined if joined in words else f"{match[1]}-{match[2]}"

    return [_LINE_END_HYPHEN.sub(settled, text) for text in texts]
