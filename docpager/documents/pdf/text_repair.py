"""Text as PDF libraries return it becomes text as people read and search it. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from itertools import chain, pairwise
from typing import NamedTuple

__all__ = ["GARBLED_SHARE", "PageText", "dehyphenate", "page_text", "tidy", "without_spacing"]

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
_WORD = re.compile(r"\w+")
_COMPOUND = re.compile(r"\w+-\w+")
_LAST_WORD = re.compile(r"\w+\Z")
_LONGEST_WORD = 80


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


_SPACED_LETTERS = re.compile(r"(?<!\S)[^\W\d_]{1,2}(?: [^\W\d_]){2,}(?!\S)")


def without_spacing(text: str) -> str:
    """Words of letters other than Latin ones that were set one by one, in one piece.

    Without positions the border between two such words cannot be told from one between letters.
    """
    return _SPACED_LETTERS.sub(
        lambda match: match[0] if match[0].isascii() else match[0].replace(" ", ""), text
    )


_ENDINGS_TEXT = (
    "tion tions sion sions ment ments ness ing ings ity ities able ible ably ibly ally ical "
    "istic istical istically ture tures ence ences ance ances ative atives tive tives tively "
    "tional tionally ization izations isation isations ous ously ism isms ular ularly heit "
    "keit ung ungen lich liche lichen schaft schaften"
)
_ENDINGS = frozenset(_ENDINGS_TEXT.split())
"""How words end that stand nowhere by themselves."""
_MOSTLY = 3
"""A document in which so many times more hyphens divide words than join them divides words."""
_MANY = 0.25
"""Of all hyphens at line ends: those between two parts that are no words, where it is asked."""
_ASKED_PAGES = 2
"""So many pages of a document are read again to learn whether its hyphens are soft."""

PlainText = Callable[[int], str]
"""The text of a page, by its index, from a reader that keeps soft hyphens (U+00AD) apart."""


def dehyphenate(texts: Sequence[str], plain_text: PlainText = lambda index: "") -> Sequence[str]:
    """Settle hyphens at line ends: away where they only divide a word, else kept.

    A word that the document has undivided elsewhere is one word, one that it has with a hyphen
    keeps it, and so do two that it has apart. What that leaves open the file may say, in which
    soft hyphens can be another character than hard ones; pdfium makes both the same.
    """
    if not any("\ufffe" in text for text in texts):
        return texts
    whole = [_settled(text, lambda left, right: " ") for text in texts]
    # What stands between spaces comes again and again: each is taken apart once.
    distinct = " ".join(set(chain.from_iterable(map(str.split, whole))))
    words, compounds = set(_WORD.findall(distinct)), set(_COMPOUND.findall(distinct))

    def is_word(part: str) -> bool:
        return part in words or part.lower() in words

    places = [(n, *parts) for n, text in enumerate(texts) for parts in _divisions(text)]
    divided = sum(left + right in words for _, left, right in places)
    kept = sum(f"{left}-{right}" in compounds for _, left, right in places)
    divides = divided > _MOSTLY * (kept + 1)
    is_open = [n for n, left, right in places if not (is_word(left) or is_word(right))]
    asks = not divides and len(is_open) >= _MANY * len(places)
    told = [plain_text(n) for n in sorted(set(is_open))[:_ASKED_PAGES]] if asks else []
    soft = {pair for text in told for pair in re.findall("(\\w+)\u00ad\\s*(\\w+)", text)}

    def joined(left: str, right: str) -> str:
        if left + right in words or (left, right) in soft:
            return left + right
        is_compound = f"{left}-{right}" in compounds or {left, right} <= words
        may_be_one = bool(left) and right[:1].islower() and not is_compound
        if may_be_one and (divides or soft or right in _ENDINGS):
            return left + right
        return f"{left}-{right}"

    return [_settled(text, joined) for text in texts]


def _divisions(text: str) -> Iterator[tuple[str, str]]:
    """The parts of words on both sides of hyphens at line ends."""
    for before, after in pairwise(text.split("\ufffe")):
        left, right = _LAST_WORD.search(before[-_LONGEST_WORD:]), _WORD.match(after)
        yield left[0] if left else "", right[0] if right else ""


def _settled(text: str, joined: Callable[[str, str], str]) -> str:
    """The text with what `joined` makes of the two parts around each hyphen at a line end."""
    if "\ufffe" not in text:
        return text
    pieces = []
    rest, *further = text.split("\ufffe")
    for after, (left, right) in zip(further, _divisions(text), strict=True):
        pieces.append(rest.removesuffix(left))
        # A word with two such hyphens goes on in what was joined.
        rest = joined(left, right) + after.removeprefix(right)
    return "".join([*pieces, rest])
