"""Which passages a locator names, and where in them it begins and ends."""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Sequence
from dataclasses import replace

from docpager.archive.snapshot import UnknownLocator
from docpager.core.locators import Locator, LocatorKind
from docpager.core.passages import DocumentEntry, Passage, PassageRange
from docpager.core.tokens import BuiltInEstimator
from docpager.documents.document import PdfPage, Section

__all__ = [
    "cut_to",
    "overlapping",
    "passage_range",
    "pdf_page_range",
    "row_of_line",
    "section_range",
]

_ROW = re.compile(r"Row ([1-9][0-9]{0,8}): ")
_READ_BACK = 2_000
"""Characters that are looked through at first for the beginning of a line."""


def passage_range(locator: Locator, entry: DocumentEntry) -> PassageRange:
    """D3:c120-124, checked against the document."""
    if locator.last > entry.passages:
        raise UnknownLocator(f"no passage {locator}; {entry} has passages c1 to c{entry.passages}")
    return PassageRange(entry.id, locator.first, locator.last)


def pdf_page_range(
    locator: Locator, entry: DocumentEntry, pages: Sequence[PdfPage], starts: Sequence[int]
) -> PassageRange:
    """D3:p45-47: every passage that overlaps these PDF pages."""
    what = entry.page_word if entry.pdf_pages else "PDF page"
    if not pages:
        raise UnknownLocator(
            f"{entry} has no {what}s; use passages, {entry.name}:c1 to c{entry.passages}"
        )
    if locator.last > len(pages):
        raise UnknownLocator(f"no {what} {locator}; {entry} has {what}s p1 to p{len(pages)}")
    asked = pages[locator.first - 1 : locator.last]
    readable = [page for page in asked if page.end > page.start]
    if not readable:
        reason = asked[0].problem or "no text"
        raise UnknownLocator(f"{locator} has no text that could be read ({reason})")
    return overlapping(entry.id, readable[0].start, readable[-1].end, starts)


def section_range(
    locator: Locator, entry: DocumentEntry, sections: Sequence[Section], starts: Sequence[int]
) -> PassageRange:
    """D3:s2.1: every passage that overlaps the section."""
    for section in sections:
        if section.path == locator.section:
            return overlapping(entry.id, section.start, section.end, starts)
    raise UnknownLocator(f"no section {locator}; {_what_there_is(locator, entry, sections)}")


def cut_to(
    locator: Locator,
    passages: Sequence[Passage],
    *,
    pages: Sequence[PdfPage],
    sections: Sequence[Section],
) -> list[Passage]:
    """The passages that a locator names without what they hold beyond its pages or its section."""
    match locator.kind:
        case LocatorKind.PDF_PAGES:
            asked = pages[locator.first - 1 : locator.last]
            start, end = asked[0].start, asked[-1].end
        case LocatorKind.SECTION:
            (section,) = (each for each in sections if each.path == locator.section)
            start, end = section.start, section.end
        case _:
            return list(passages)
    return [part for passage in passages if (part := _between(passage, start, end)).text]


def _between(passage: Passage, start: int, end: int) -> Passage:
    """The part of a passage from `start` to `end`, which are offsets in its document's text."""
    first, last = max(0, start - passage.start), max(0, end - passage.start)
    text = passage.text[first:last]
    if text == passage.text:
        return passage
    return replace(
        passage,
        text=text,
        tokens=BuiltInEstimator().count(text),
        start=passage.start + first,
        first_pdf_page=passage.pdf_page_at(first),
        page_starts=tuple(
            (offset - first, page)
            for offset, page in passage.page_starts
            if first <= offset < first + len(text)
        ),
    )


def overlapping(document: int, start: int, end: int, starts: Sequence[int]) -> PassageRange:
    """The passages that share a character with `start` to `end`; the one at `start` if empty."""
    first = max(1, bisect_right(starts, start))
    last = max(first, bisect_left(starts, end))
    return PassageRange(document, first, last)


def row_of_line(text: Callable[[int, int], str], offset: int) -> int | None:
    """The number with which the line around `offset` begins; None where it is no row of a table.

    `text` gives the characters from one offset to another. The line may have begun passages ago.
    """
    back = _READ_BACK
    while True:
        first = max(0, offset - back)
        start = text(first, offset).rfind("\n") + 1
        if start or not first:
            break
        back *= 4
    found = _ROW.match(text(first + start, first + start + 16))
    return int(found[1]) if found else None


def _what_there_is(locator: Locator, entry: DocumentEntry, sections: Sequence[Section]) -> str:
    if not sections:
        return f"{entry} has no outline"
    beside = [section for section in sections if section.path[:-1] == locator.section[:-1]]
    shown = beside or [section for section in sections if len(section.path) == 1]
    first, last = shown[0].number, shown[-1].number
    return f"{entry} has s{first}" + (f" to s{last}" if last != first else "")
