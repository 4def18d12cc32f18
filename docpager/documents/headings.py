"""Finds headings in a PDF without bookmarks: `Item 1A. Risk Factors`, and what stands out."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from docpager.documents.document import PdfPage
from docpager.documents.outline import Heading
from docpager.documents.styled_headings import LineStyle, styled_headings

__all__ = ["detect_headings"]

_LEVELS = {"part": 0, "chapter": 1, "article": 1, "item": 1, "appendix": 1, "annex": 1}
_LINE = re.compile(
    r"^[ \t]*((part|chapter|article|item|appendix|annex)[ \t]+"
    r"(\d{1,3}(?:\.\d{1,3})*[A-Z]?|[IVXL]+|[A-Z])\b[.:—–\- \t]*)([^\n]*)$",
    re.IGNORECASE | re.MULTILINE,
)
_LONGEST_TITLE = 120
_LONGEST_SENTENCE = 60
_CONTENTS_LINES = 5
_FEWEST = 3


class _Candidate(NamedTuple):
    """A line that looks like a heading."""

    start: int
    kind: str
    number: str
    title: str
    page: int


def detect_headings(
    text: str, pages: Sequence[PdfPage], styles: Mapping[int, LineStyle] | None = None
) -> list[Heading]:
    """Numbered headings and, beneath them, those that stand out by how they are set.

    In reading order; none of a kind where fewer than three are found. `styles` holds the styles
    of lines by where they begin.
    """
    found = list(_candidates(text, pages))
    contents = _contents_pages(found)
    numbered = list(_first_of_each([line for line in found if line.page not in contents]))
    numbered = numbered if len(numbered) >= _FEWEST else []
    taken = {line.start for line in found}
    styled = [
        heading
        for heading in styled_headings(text, styles or {}, pages)
        if heading.pdf_page not in contents and heading.start not in taken
    ]
    styled = styled if len(styled) >= _FEWEST else []
    if numbered:
        # What stands before `Part I` is the cover.
        styled = [heading for heading in styled if heading.start > numbered[0].start]
    return sorted([*numbered, *styled])


def _candidates(text: str, pages: Sequence[PdfPage]) -> Iterator[_Candidate]:
    for match in _LINE.finditer(text):
        title = match[4].strip()
        if match[2][0].isupper() and _is_title(title):
            place = bisect_right(pages, match.start(2), key=lambda page: page.start) - 1
            whole = " ".join((match[1] + title).split())
            kind, number = match[2].lower(), match[3].upper()
            yield _Candidate(match.start(2), kind, number, whole, pages[place].number)


def _is_title(title: str) -> bool:
    """Not the running text of a line that happens to begin with `Item 7 of this report`."""
    if not title:
        return True
    if (
        len(title) > _LONGEST_TITLE
        or title[-1] in ",;"
        or not (title[0].isupper() or title[0] == "[")
    ):
        return False
    words = [word for word in title.split() if len(word) > 3]
    capitals = sum(word[0].isupper() for word in words)
    return len(title) <= _LONGEST_SENTENCE or 2 * capitals >= len(words)


def _contents_pages(found: Sequence[_Candidate]) -> set[int]:
    """Pages that list many headings of which most come again further on: tables of contents."""
    by_page: dict[int, list[_Candidate]] = {}
    last_page: dict[tuple[str, str], int] = {}
    for line in found:
        by_page.setdefault(line.page, []).append(line)
        last_page[line.kind, line.number] = line.page
    return {
        page
        for page, lines in by_page.items()
        if len(lines) >= _CONTENTS_LINES
        and 2 * sum(last_page[line.kind, line.number] > page for line in lines) > len(lines)
    }


def _first_of_each(lines: Sequence[_Candidate]) -> Iterator[Heading]:
    part, seen = "", set()
    for line in lines:
        part = line.number if line.kind == "part" else part
        # A quarterly report counts its items anew in each part.
        key = (line.kind, line.number, "" if line.kind == "part" else part)
        if key not in seen:
            seen.add(key)
            yield Heading(line.start, _LEVELS[line.kind], line.title, line.page)
