"""Stretches: passages that follow each other, joined, so that sentences are whole again."""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from docpager.models.extractive.units import plain
from docpager.models.extractive.view import SeenPassage

__all__ = ["Stretch", "running_heads", "stretches"]

_HEAD_LINES = 2
"""Lines at the top and at the bottom of a PDF page that may be running heads."""


@dataclass(frozen=True, slots=True)
class Stretch:
    """Consecutive passages of one document as one text."""

    document: int
    text: str
    starts: tuple[tuple[int, SeenPassage], ...]
    """(offset, the passage that begins there)."""

    def passage_at(self, offset: int) -> tuple[int, SeenPassage]:
        """Where the passage begins in which the character at `offset` stands, and the passage."""
        return self.starts[bisect_right(self.starts, offset, key=lambda each: each[0]) - 1]

    def bounds_at(self, offset: int) -> tuple[int, int]:
        """Start and end of the passage in which the character at `offset` stands."""
        start, passage = self.passage_at(offset)
        return start, start + len(passage.text)

    def pdf_page_at(self, offset: int) -> int | None:
        """The PDF page on which the character at `offset` stands."""
        start, passage = self.passage_at(offset)
        return passage.pdf_page_at(offset - start)

    def locator(self, start: int, end: int) -> str:
        """The passages that a part of the text comes from."""
        first, last = self.passage_at(start)[1], self.passage_at(max(start, end - 1))[1]
        if first is last:
            return first.locator
        return f"{first.locator}-{last.ordinal}"


def stretches(passages: Iterable[SeenPassage]) -> Iterator[Stretch]:
    """The passages, each joined to the ones that follow it where they are there."""
    group: list[SeenPassage] = []
    for passage in sorted(passages, key=lambda p: (p.document, p.ordinal)):
        last = group[-1] if group else None
        if last and (last.document, last.ordinal + 1) != (passage.document, passage.ordinal):
            yield _stretch(group)
            group = []
        group.append(passage)
    if group:
        yield _stretch(group)


def _stretch(group: list[SeenPassage]) -> Stretch:
    starts, text = [], ""
    for passage in group:
        text = f"{text}\n" if text and not text.endswith("\n") else text
        starts.append((len(text), passage))
        text += passage.text
    return Stretch(group[0].document, text, tuple(starts))


def running_heads(passages: Iterable[SeenPassage], titles: Iterable[str]) -> frozenset[str]:
    """Lines that say the same, but for figures, at the edges of several PDF pages, or a title."""
    named = {plain(title) for title in titles if title}
    found: Counter[str] = Counter()
    for passage in passages:
        for offset, _ in passage.page_starts:
            if offset == 0:
                continue
            below = passage.text[offset:].split("\n")[:_HEAD_LINES]
            above = passage.text[:offset].rstrip("\n").split("\n")[-_HEAD_LINES:]
            found.update({plain(line) for line in (*below, *above) if _lettered(line)})
    return frozenset({line for line, count in found.items() if count > 1} | named)


def _lettered(line: str) -> bool:
    return sum(map(str.isalpha, line)) >= 6
