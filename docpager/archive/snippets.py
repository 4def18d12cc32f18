"""The part of a passage that matched, on one line."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING, NamedTuple

from docpager.archive.analyzer import Analyzer, TermSpan

if TYPE_CHECKING:
    pass

__all__ = ["Snippet", "excerpt", "snippet"]


_CHARACTERS = 300


_LINE = _CHARACTERS - 4
"""Without the marks of what was left out."""


_WORDS = 40


_TOKEN = re.compile(r"\S+")


_STRING = r'"(?:[^"\\\n]|\\.)*"'


_RECORD = re.compile(rf"{_STRING}\s*:\s*(?:{_STRING}|[^\s,\"{{}}\[\]]+)")


class Snippet(NamedTuple):
    """A part of a text on one line, and where its match begins in the text."""

    text: str
    offset: int


def snippet(text: str, terms: Collection[str], analyzer: Analyzer) -> Snippet:
    """The part of `text` with most distinct `terms`; its beginning where it has none of them."""
    places = analyzer.places_of(frozenset(terms), text)
    if not places:
        first = _TOKEN.search(text)
        start = first.start() if first else 0
        return Snippet(excerpt(text, start, start), start)
    start, end = _densest(places)
    return Snippet(excerpt(text, start, end), start)


def excerpt(text: str, start: int, end: int) -> str:
    """`text[start:end]` on one line: with its whole `"key": "value"` record, or words around it."""
    record = _record_around(text, start, end)
    if record is not None:
        return _one_line(record)
    left, right = _widen(text, start, min(end, start + _LINE))
    right = right if right > left else left + _LINE
    cut_left = "… " if text[:left].strip() else ""
    cut_right = " …" if text[right:].strip() else ""
    return f"{cut_left}{_one_line(text[left:right])[:_LINE]}{cut_right}"


def _densest(places: Sequence[TermSpan]) -> tuple[int, int]:
    """The stretch that fits a snippet and has most distinct terms: the first, then the shortest."""
    best = (0, 0, 0)
    chosen = (places[0].start, places[0].end)
    first = 0
    for last, place in enumerate(places):
        while place.end - places[first].start > _CHARACTERS * 2 // 3 and first < last:
            first += 1
        inside = places[first : last + 1]
        distinct = len({other.term for other in inside})
        length = place.end - places[first].start
        quality = (distinct, -length if distinct > 1 else 0, -first)
        if quality > best:
            best, chosen = quality, (places[first].start, place.end)
    return chosen


def _widen(text: str, start: int, end: int) -> tuple[int, int]:
    """Whole words around a stretch, one after it and one before it, up to a snippet's size."""
    lowest = max(0, start - _CHARACTERS)
    before, after = text[lowest:start].split(), text[end : end + _CHARACTERS].split()[::-1]
    words = len(text[start:end].split())
    left = next_left = start
    right = next_right = end
    while words < _WORDS and (before or after):
        if after:
            word = after.pop()
            next_right = text.index(word, next_right) + len(word)
            if next_right - left <= _LINE:
                right, words = next_right, words + 1
            else:
                after.clear()
        if before and words < _WORDS:
            word = before.pop()
            next_left = text.rindex(word, lowest, next_left)
            if right - next_left <= _LINE:
                left, words = next_left, words + 1
            else:
                before.clear()
    return left, right


def _record_around(text: str, start: int, end: int) -> str | None:
    """The record in which a stretch begins, if it is short enough to show."""
    line = max(text.rfind("\n", 0, start) + 1, start - _CHARACTERS)
    for match in _RECORD.finditer(text, line, start + 2 * _CHARACTERS):
        if match.end() > start:
            fits = match.start() <= start and len(match[0]) <= _CHARACTERS
            return match[0] if fits and end <= match.end() else None
    return None


def _one_line(text: str) -> str:
    return " ".join(text.split())
