"""Units: the sentences, table rows and headings of a passage, the things that can be quoted."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

__all__ = ["FIGURE", "Unit", "figures", "header_periods", "units", "widened"]

FIGURE = re.compile(
    r"\(?[-–—]?\s?[$€£¥]?\s?\(?\d[\d,]*(?:\.\d+)?\)?\s?(?:%|percent|bn|mn|m\b|k\b)?\)?"
)
_AMOUNT = re.compile(r"[$€£¥]?\s?\(?[-–]?\d[\d,.]*\)?\s?%?|[-–—]{1,2}(?=\s|$)")
_NUMBERS_ONLY = re.compile(r"[\s\d$€£¥%().,–—\-*]+")
_PERIOD = re.compile(r"(?<!\d)((?:19|20)\d\d)(?!\d)")
_SENTENCE = re.compile(
    r"(?<=[.!?])[\"”')]*\s+(?=[\"“(]?[A-Z0-9•])|(?<=;)\s+(?=•)|\n(?=\s*[•●▪*-]\s)"
)
_SENTENCE_LENGTH = 700
_ROW_LENGTH = 220


@dataclass(frozen=True, slots=True)
class Unit:
    """One sentence, row or heading of a passage."""

    start: int
    end: int
    kind: str
    """`row`, `sentence` or `heading`."""
    header: str = ""
    """For a row: the line above that names its columns, where one was seen."""


def units(text: str) -> list[Unit]:
    """The units of `text`, in order."""
    found: list[Unit] = []
    prose: list[tuple[int, int]] = []
    header = ""
    for start, end, kind in _lines(text):
        if kind == "prose":
            prose.append((start, end))
            continue
        found += _sentences(text, prose)
        prose = []
        line = text[start:end]
        if len(_PERIOD.findall(line)) >= 2 and _letters(line) < 60:
            header = " ".join(line.split())
        found.append(Unit(start, end, kind, header if kind == "row" else ""))
    return [*found, *_sentences(text, prose)]


def figures(text: str) -> list[str]:
    """The figures of a row, in order, without a leading label's own numbers where that is plain."""
    label_end = max(
        (m.end() for m in re.finditer(r"[A-Za-z][A-Za-z)’'.,:]*(?=\s)", text)), default=0
    )
    found = [match[0].strip() for match in _AMOUNT.finditer(text, label_end)]
    return [each for each in found if any(c.isdigit() for c in each) or each in "–—--"]


def header_periods(header: str) -> list[str]:
    """The years that head columns, in order."""
    return _PERIOD.findall(header)


def _lines(text: str) -> Iterator[tuple[int, int, str]]:
    """Lines with their kind; a line of figures only joins the label above it."""
    pending: tuple[int, int, str] | None = None
    for match in re.finditer(r"[^\r\n]+", text):
        line = match[0]
        if not line.strip():
            continue
        if _NUMBERS_ONLY.fullmatch(line) and pending and match.end() - pending[0] < _ROW_LENGTH:
            pending = (pending[0], match.end(), "row")
            continue
        if pending:
            yield pending
        pending = (match.start(), match.end(), _kind(line))
    if pending:
        yield pending


def _kind(line: str) -> str:
    line = line.strip()
    numbers = [m for m in _AMOUNT.findall(line) if any(c.isdigit() for c in m)]
    letters = _letters(line)
    if line.endswith(".") and letters > 60:
        return "prose"
    if (len(numbers) >= 2 or re.search(r"[\d%)—–-]$", line)) and numbers and letters <= 110:
        digits = sum(map(str.isdigit, line))
        if digits * 6 >= letters or re.search(r"[\d%)—–-]\s*$", line):
            return "row"
    if line.startswith("|") or "\t" in line:
        return "row"
    if len(line) < 75 and not re.search(r"[.,;:a-z–-]$", line[-1:]) and line[:1].isupper():
        return "heading"
    if len(line) < 75 and line[:1].isupper() and not re.search(r"[.,;]$", line) and _titled(line):
        return "heading"
    if line.startswith("#"):
        return "heading"
    return "prose"


def _titled(line: str) -> bool:
    words = [word for word in re.findall(r"[A-Za-z]+", line) if len(word) > 3]
    return bool(words) and all(word[0].isupper() for word in words)


def _letters(line: str) -> int:
    return sum(map(str.isalpha, line))


def _sentences(text: str, lines: list[tuple[int, int]]) -> Iterator[Unit]:
    if not lines:
        return
    start, end = lines[0][0], lines[-1][1]
    for cut in [*_SENTENCE.finditer(text, start, end), None]:
        stop = cut.start() if cut else end
        if text[start:stop].strip():
            yield from _bounded(text, start, stop)
        start = cut.end() if cut else end


def _bounded(text: str, start: int, end: int) -> Iterator[Unit]:
    """A sentence, in pieces at line ends where it is too long to quote."""
    while end - start > _SENTENCE_LENGTH:
        cut = text.rfind("\n", start, start + _SENTENCE_LENGTH)
        cut = cut if cut > start else text.rfind(" ", start, start + _SENTENCE_LENGTH)
        cut = cut if cut > start else start + _SENTENCE_LENGTH
        yield Unit(start, cut, "sentence")
        start = cut + 1
    if text[start:end].strip():
        yield Unit(start, end, "sentence")


def widened(text: str, found: Sequence[Unit], position: int, *, most: int) -> tuple[int, int]:
    """Start and end of a unit with its neighbours of the same kind, up to `most` characters."""
    first = last = position
    unit = found[position]
    reach = 1 if unit.kind == "row" else 2
    for _ in range(reach):
        for step in (1, -1):
            at = last + 1 if step == 1 else first - 1
            if not 0 <= at < len(found) or found[at].kind != unit.kind:
                continue
            start, end = (
                min(found[first].start, found[at].start),
                max(found[last].end, found[at].end),
            )
            if end - start <= most:
                first, last = min(first, at), max(last, at)
    return found[first].start, found[last].end
