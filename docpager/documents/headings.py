"""Headings of a PDF without bookmarks: `Item 1A. Risk Factors`, and lines set apart by style."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from docpager.documents.document import PdfPage
from docpager.documents.outline import Heading

__all__ = ["LineStyle", "detect_headings", "styled_headings"]

_LARGER = 1.12
"""How much larger than the text a heading is set, unless it is bold."""
_BOLD_FROM = 0.88
"""How large bold lines are at least, against the text: smaller ones head tables."""
_PROSE = 40
"""Characters that make a line running text."""
_LONGEST = 110
_SHOUT = 20
"""A line in capitals so long may go on in the next one."""
_RUNNING_HEADER = 3
"""A line that comes back on so many pages is no heading."""
_MOST_PER_PAGE = 2.5
_FEW = 5
"""Headings that every document may have, however short."""
_TOP_LEVEL = 10
"""Styled headings stand below numbered ones."""
_OPEN_END = re.compile(r"(?:\b(?:and|or|of|the|for|in|to|with|on|from|by|a|an)|[,&–—-])$", re.I)
_NO_HEADING = re.compile(
    r"[$%•☐☒]|\.{4}|\s\(?\d+[.,]\d+\)?(?:\s|$)|(?:\d[\d,.()]*\s+){2}"
    r"|^(?i:table of contents|contents|index|page)\b"
)


class LineStyle(NamedTuple):
    """How the beginning of a line is set."""

    size: float
    """In points, as printed."""
    bold: bool


class _Line(NamedTuple):
    start: int
    end: int
    text: str
    style: LineStyle


def styled_headings(
    text: str, styles: Mapping[int, LineStyle], pages: Sequence[PdfPage]
) -> list[Heading]:
    """Headings in reading order; `styles` holds the styles of lines by where they begin."""
    starts = sorted(styles)
    body = _body_size(text, starts, styles)
    lines = (_line(text, at, styles[at]) for at in starts if _stands_out(styles[at], body))
    found = [line for chain in _chains(lines) for line in _headings_of(chain, text, body)]
    found = _without_running_headers(found, pages)
    ranks = _ranks(found, most=_FEW + int(_MOST_PER_PAGE * len(pages)))
    return [
        Heading(line.start, _TOP_LEVEL + ranks[line.style], line.text, _page(line, pages))
        for line in found
        if line.style in ranks
    ]


def _line(text: str, start: int, style: LineStyle) -> _Line:
    end = text.find("\n", start)
    end = len(text) if end < 0 else end
    return _Line(start, end, " ".join(text[start:end].split()), style)


def _body_size(text: str, starts: Iterable[int], styles: Mapping[int, LineStyle]) -> float:
    """The size in which most of the running text is set."""
    sizes: Counter[float] = Counter()
    for start in starts:
        # Only a line that is long with its spaces can be long without those it has too many.
        if text.find("\n", start, start + _PROSE) < 0:
            line = _line(text, start, styles[start])
            if len(line.text) >= _PROSE:
                sizes[line.style.size] += len(line.text)
    return sizes.most_common(1)[0][0] if sizes else float("inf")


def _is_large(style: LineStyle, body: float) -> bool:
    return style.size >= _LARGER * body


def _stands_out(style: LineStyle, body: float) -> bool:
    return _is_large(style, body) or (style.bold and style.size >= _BOLD_FROM * body)


def _chains(lines: Iterable[_Line]) -> Iterator[list[_Line]]:
    """Lines that stand out, those that follow each other directly together; a title of several
    lines has become one."""
    chain: list[_Line] = []
    for line in lines:
        if chain and line.start != chain[-1].end + 1:
            yield chain
            chain = []
        if chain and _goes_on(chain[-1], line):
            before = chain.pop()
            line = _Line(before.start, line.end, f"{before.text} {line.text}", before.style)
        chain.append(line)
    if chain:
        yield chain


def _goes_on(before: _Line, line: _Line) -> bool:
    if before.style != line.style:
        return False
    shouted = before.text.isupper() and line.text.isupper() and len(before.text) > _SHOUT
    return line.text[0].islower() or shouted or bool(_OPEN_END.search(before.text))


def _headings_of(chain: Sequence[_Line], text: str, body: float) -> Iterator[_Line]:
    """The headings among lines that follow each other: bold ones only where text follows them,
    as they may be the head of a table."""
    leads_in = _is_prose(_line(text, chain[-1].end + 1, chain[-1].style).text)
    for line in chain:
        if _looks_like_title(line.text) and (leads_in or _is_large(line.style, body)):
            yield line


def _is_prose(line: str) -> bool:
    return len(line) >= _PROSE and _letters(line) > 0.8 * len(line)


def _letters(line: str) -> int:
    return sum(map(str.isalpha, line)) + line.count(" ")


def _looks_like_title(line: str) -> bool:
    return (
        3 <= len(line) <= _LONGEST
        and (line[0].isupper() or line[0].isdigit())
        and line[-1] not in ".,;"
        and _letters(line) > 0.7 * len(line)
        and not _NO_HEADING.search(line)
    )


def _without_running_headers(lines: Sequence[_Line], pages: Sequence[PdfPage]) -> list[_Line]:
    places: dict[str, set[int]] = {}
    for line in lines:
        places.setdefault(line.text, set()).add(_page(line, pages))
    return [line for line in lines if len(places[line.text]) < _RUNNING_HEADER]


def _ranks(lines: Sequence[_Line], *, most: int) -> dict[LineStyle, int]:
    """Depth by style, the largest first, of as many styles as make at most `most` headings."""
    counts = Counter(line.style for line in lines)
    ranks: dict[LineStyle, int] = {}
    total = 0
    for style in sorted(counts, key=lambda style: (-style.size, not style.bold)):
        total += counts[style]
        if total > most:
            break
        ranks[style] = len(ranks)
    return ranks


def _page(line: _Line, pages: Sequence[PdfPage]) -> int:
    return pages[bisect_right(pages, line.start, key=lambda page: page.start) - 1].number


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
