"""Turns headings in reading order into the tree of sections that locators name."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from typing import NamedTuple

from docpager.documents.document import Section

__all__ = ["Heading", "nest"]


class Heading(NamedTuple):
    """Where a section begins, and how deep it stands in the outline."""

    start: int
    level: int
    """Any numbers that grow with depth: 1 to 6 in Markdown, from 0 in bookmarks."""
    title: str
    pdf_page: int | None = None


def nest(headings: Sequence[Heading], length: int) -> tuple[Section, ...]:
    """The sections of a text of `length` characters, each with everything beneath it.

    A section ends where the next one of its level or above begins, further on in the text.
    """
    starts = {
        level: sorted(h.start for h in headings if h.level <= level) for level in _levels(headings)
    }
    sections = []
    path: list[int] = []
    open_levels: list[int] = []
    for heading in headings:
        while open_levels and open_levels[-1] >= heading.level:
            open_levels.pop()
        depth = len(open_levels)
        open_levels.append(heading.level)
        path = [*path[:depth], path[depth] + 1 if len(path) > depth else 1]
        rivals = starts[heading.level]
        following = bisect_right(rivals, heading.start)
        end = rivals[following] if following < len(rivals) else length
        sections.append(Section(tuple(path), heading.title, heading.start, end, heading.pdf_page))
    return tuple(sections)


def _levels(headings: Sequence[Heading]) -> set[int]:
    return {heading.level for heading in headings}
