"""Units: the sentences, table rows and headings of a passage, the things that can be quoted."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass

from docpager.models.extractive.words import STOP_WORDS

__all__ = ["FIGURE", "Unit", "figures", "header_periods", "plain", "units", "widened"]

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
_WRAPPED = 40
"""Characters of the end of a table cell that was carried over to a line of its own."""
_CELL = r"(?:[$€£¥]\s?)?\(?[-–+]?\d[\d,.]*\)?\s?%?\)?\*?"
_ENDING_RUN = re.compile(rf"(?:^|\s)(?:{_CELL}|[–—-]+)\s+(?:{_CELL}|[–—-]+)$")
_INNER_RUN = re.compile(rf"(?:^|\s){_CELL}\s+{_CELL}(?=\s)")
_REMARK_AFTER = re.compile(rf"^[A-ZÄÖÜ].{{0,50}}\s{_CELL}\s+{_CELL}\s+[A-ZÄÖÜ]")
_CELL_INSIDE = re.compile(rf"(?<=[\w)])\s{_CELL}\s(?=[A-ZÄÖÜ])")
_NUMBERED = re.compile(
    r"\d{1,2}(?:\.\d{1,2}){1,3}\.?\s+[A-ZÄÖÜ]|\d{1,2}\s[A-ZÄÖÜ]\D*$|§\s?\d+ \w+$"
)
_PAGE_NUMBER = re.compile(r"\d{1,4}|[ivxlc]{1,7}")
_CAPTION = re.compile(r"(?:table|tabelle|schedule|exhibit)\s+\w+", re.IGNORECASE)
_LEAD_LINES = 4
_LABELLED = 4
"""Letters from which a row says itself what its figures are."""


@dataclass(frozen=True, slots=True)
class Unit:
    """One sentence, row or heading of a passage."""

    start: int
    end: int
    kind: str
    """`row`, `sentence` or `heading`."""
    header: str = ""
    """For a row: the line above that names its periods, where one was seen."""
    lead: tuple[int, int] = (0, 0)
    """For a row: where the caption and column heads above it stand; empty if nowhere."""


def units(text: str, furniture: Collection[str] = ()) -> list[Unit]:
    """The units of `text`, in order; `furniture` are running heads, as `plain` writes them."""
    found: list[Unit] = []
    prose: list[tuple[int, int]] = []
    header, lead, above = "", (0, 0), list[tuple[int, int]]()
    for start, end, kind in _lines(text, furniture):
        line = text[start:end]
        if kind == "prose":
            prose.append((start, end))
        else:
            found += _sentences(text, prose)
            prose = []
        if kind == "furniture":
            continue
        if kind == "row" and above:
            lead, above = _lead(text, above), []
        if kind != "row":
            above.append((start, end))
            header = "" if kind == "prose" and len(above) > _LEAD_LINES else header
        if len(_PERIOD.findall(line)) >= 2 and _letters(line) < 60:
            header = " ".join(line.split())
        if kind != "prose":
            row = kind == "row"
            found.append(Unit(start, end, kind, header if row else "", lead if row else (0, 0)))
    return [*found, *_sentences(text, prose)]


def _lead(text: str, above: Sequence[tuple[int, int]]) -> tuple[int, int]:
    """Where the caption and the column heads of a table stand, from the lines above its rows."""
    near = above[-_LEAD_LINES:]
    captions = [n for n, (start, end) in enumerate(above) if _CAPTION.match(text[start:end])]
    if captions and len(above) - captions[-1] <= 2 * _LEAD_LINES:
        near = above[captions[-1] :]
    return (near[0][0], near[-1][1])


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


def _lines(text: str, furniture: Collection[str]) -> list[tuple[int, int, str]]:
    """Lines with their kind, each judged with its neighbours."""
    found = [(m.start(), m.end(), m[0]) for m in re.finditer(r"[^\r\n]+", text) if m[0].strip()]
    kinds = ["furniture" if plain(line) in furniture else kind_of(line) for _, _, line in found]
    _number_pages(found, kinds)
    for n, (_, _, line) in enumerate(found):
        before = found[n - 1][2] if n and kinds[n - 1] == "prose" else ""
        after = found[n + 1][2].strip() if n + 1 < len(found) else ""
        beside = {*kinds[max(0, n - 1) : n], *kinds[n + 1 : n + 2]}
        kinds[n] = _in_context(line.strip(), kinds[n], before.rstrip(), after, beside)
    return _joined([(s, e, k) for (s, e, _), k in zip(found, kinds, strict=True)], text)


def _number_pages(found: Sequence[tuple[int, int, str]], kinds: list[str]) -> None:
    """Takes the bare number beside a running head for furniture too."""
    for n, kind in enumerate(kinds):
        if kind == "furniture":
            for at in (n + 1, n - 1):
                if 0 <= at < len(kinds) and _PAGE_NUMBER.fullmatch(found[at][2].strip()):
                    kinds[at] = "number"
    kinds[:] = ["furniture" if kind == "number" else kind for kind in kinds]


def _in_context(line: str, kind: str, before: str, after: str, beside: Collection[str]) -> str:
    """What a line is, next to the lines around it: prose goes on, tables stand together."""
    unfinished = bool(before) and before[-1] not in ".!?:"
    goes_on = unfinished and (line[:1].islower() or before[-1] in ",-–" or _wordy(line))
    if kind == "figure row":
        return _among_rows(line, goes_on or after[:1].islower(), beside)
    if kind == "heading" and not line.startswith("#"):
        flows = after[:1].islower() and not _NUMBERED.match(line)
        return "prose" if flows or (unfinished and before[-1] in ",-–") else kind
    return kind


def _among_rows(line: str, goes_on: bool, beside: Collection[str]) -> str:
    """What a line with one figure is: a row where rows stand beside it or where it ends it."""
    if goes_on:
        return "prose"
    if "row" in beside or (len(beside) == 1 and "figure row" in beside and not _wordy(line)):
        return "row"
    ends = re.search(r"[\d%)—–-]$", line) is not None
    return "row" if ends and not _wordy(line) else ("heading" if _headed(line) else "prose")


def _joined(
    lines: Sequence[tuple[int, int, str]], text: str
) -> list[tuple[int, int, str]]:  # fmt: skip
    """Lines of figures only, and ends of wrapped cells, put to the row they belong to."""
    made: list[tuple[int, int, str]] = []
    for n, (start, end, kind) in enumerate(lines):
        line = text[start:end]
        if made and kind != "furniture" and made[-1][2] != "furniture":
            begun, _, was = made[-1]
            fits = end - begun < _ROW_LENGTH
            following = lines[n + 1][2] if n + 1 < len(lines) else "row"
            if _NUMBERS_ONLY.fullmatch(line) and fits:
                made[-1] = (begun, end, "row")
                continue
            wrapped = was == "row" and kind == "prose" and following in ("row", "heading")
            if wrapped and fits and len(line) < _WRAPPED and not line.rstrip().endswith("."):
                made[-1] = (begun, end, "row")
                continue
        made.append((start, end, kind))
    return made


def kind_of(line: str) -> str:
    """What a line looks like by itself: `figure row` is a row only among rows."""
    line = line.strip()
    numbers = [m for m in _AMOUNT.findall(line) if any(c.isdigit() for c in m)]
    letters = _letters(line)
    if line.startswith("|") or "\t" in line:
        return "row"
    if line.endswith(".") and letters > 60:
        return "prose"
    if numbers and letters <= 110:
        if _ENDING_RUN.search(line):
            return "row"
        if _INNER_RUN.search(line):
            return "row" if _REMARK_AFTER.search(line) or not _wordy(line) else "figure row"
        if re.search(r"[\d%)—–-]$", line) or (_CELL_INSIDE.search(line) and len(line) < 90):
            return "figure row" if not _CAPTION.match(line) else "heading"
    return "heading" if line.startswith("#") or _headed(line) else "prose"


def _headed(line: str) -> bool:
    if len(line) >= 75 or re.search(r"[.,;]$", line):
        return False
    if _NUMBERED.match(line) or _CAPTION.match(line):
        return True
    return (
        line[:1].isupper()
        and not _wordy(line)
        and (not re.search(r"[:a-zäöüß–-]$", line) or _titled(line))
    )


def plain(line: str) -> str:
    """A line as it is compared with the running heads of other pages."""
    return re.sub(r"\d+", "#", " ".join(line.split()).lower())


def _wordy(line: str) -> bool:
    """Whether it has the small words that sentences have and rows of a table lack."""
    words = re.findall(r"[^\W\d_]+", line.lower())
    return sum(word in STOP_WORDS for word in words) >= max(2, 0.3 * len(words))


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


def widened(
    text: str, found: Sequence[Unit], position: int, *,
    most: int, page_at: Callable[[int], int | None] = lambda _: None,
) -> tuple[int, int]:  # fmt: skip
    """Start and end of a unit with its neighbours of the same kind, up to `most` characters.

    It never begins on an earlier PDF page than the unit: that is the page a citation names.
    """
    first = last = position
    unit = found[position]
    labelled = sum(map(str.isalpha, text[unit.start : unit.end])) >= _LABELLED
    reach = 2 if unit.kind != "row" else int(not labelled)
    for _ in range(reach):
        for step in (1, -1):
            at = last + 1 if step == 1 else first - 1
            if not 0 <= at < len(found) or found[at].kind != unit.kind:
                continue
            if page_at(found[at].start) != page_at(unit.start):
                continue
            start, end = (
                min(found[first].start, found[at].start),
                max(found[last].end, found[at].end),
            )
            if end - start <= most:
                first, last = min(first, at), max(last, at)
    return found[first].start, found[last].end
