"""Lines of a page from the positions of its characters, and columns that were written across.

pdfium takes the order of the file and guesses one direction of writing for a page. That goes wrong
for tables set letter by letter (one letter a line), for text turned clockwise and for vertical
Japanese (last line first), and for columns whose lines stand in the file row by row. Then the page
is put together from where its characters stand.

Here a line is a list of offsets of characters in pdfium's text; SPACE stands where the page shows a
gap.
"""

from __future__ import annotations

import itertools
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from statistics import median

from docpager.documents.pdf.glyphs import HAS_RIGHT_TO_LEFT, Box, Glyphs
from docpager.documents.pdf.page_lines import Line

__all__ = ["SPACE", "OffsetLine", "part_columns", "pdfium_lines", "rebuilt_lines"]

OffsetLine = list[int]
SPACE = -1

_WORD_GAP = 0.13
"""In heights of a line box (about 1.17 em): letters of a word stand closer, words farther."""
_SAME_LINE = 0.5
"""Share of the lower of two characters' heights that they have in common in one line."""

_COLUMN_GAP = 0.9
"""In heights of a line box: what parts columns at least."""
_FEWEST_LINES = 4
_FEWEST_LETTERS = 9
_LETTERS_SHARE = 0.7
"""Of what stands in a line of prose, beside spaces; below it is a table."""
_FILLED = 0.5
"""Lines of a column of prose are mostly longer than this share of the longest."""


def pdfium_lines(raw: str) -> list[OffsetLine]:
    """The lines as pdfium gives them, all characters but line ends."""
    lines, start = [], 0
    for line in raw.split("\n"):
        end = start + len(line.rstrip("\r"))
        lines.append(list(range(start, end)))
        start += len(line) + 1
    return lines


@dataclass(slots=True)
class _Placed:
    """A character in the frame of its direction: `along` the line, `down` the page."""

    offset: int
    start: float
    end: float
    top: float
    bottom: float

    @property
    def height(self) -> float:
        return self.bottom - self.top


@dataclass(slots=True)
class _Row:
    top: float
    bottom: float
    glyphs: list[_Placed] = field(default_factory=list)

    def takes(self, glyph: _Placed) -> bool:
        shared = min(self.bottom, glyph.bottom) - max(self.top, glyph.top)
        return shared >= _SAME_LINE * min(self.bottom - self.top, glyph.height)


def rebuilt_lines(
    glyphs: Glyphs, lines: Sequence[Line], without: frozenset[int] = frozenset()
) -> list[OffsetLine]:
    """All lines of a page by where its characters stand, those of the commonest direction first."""
    by_direction: dict[tuple[int, int], list[int]] = defaultdict(list)
    for line in lines:
        by_direction[_direction(glyphs, line)] += [
            offset
            for offset in range(line.start, line.last + 1)
            if offset not in without and not glyphs.raw[offset].isspace()
        ]
    found = []
    for direction, offsets in sorted(by_direction.items(), key=lambda item: -len(item[1])):
        rows = _rows([_placed(offset, glyphs.box(offset), direction) for offset in offsets])
        found += [_spaced(row) for row in rows]
    return found


def _direction(glyphs: Glyphs, line: Line) -> tuple[int, int]:
    """Where a line runs: as its characters stand to each other, if they stand in one line.

    What pdfium gives as a line may be several; these run as their letters are turned. Where a line
    runs against its letters it is of a script that does, or pdfium gave it backwards, as it does
    with some lines of pages that are turned upside down.
    """
    along, up = line.direction
    turned = glyphs.direction(line.start)
    if (along, up) == (0, 0) or (along, up) == turned:
        return turned
    if (-along, -up) == turned:
        text = glyphs.raw[line.start : line.last + 1]
        return (along, up) if HAS_RIGHT_TO_LEFT.search(text) else turned
    middle = (line.start + line.last) // 2
    ends = (line.first_box, line.last_box)
    boxes = [*ends] if glyphs.raw[middle].isspace() else [*ends, glyphs.box(middle)]
    aside = [box.centre[1] if along else box.centre[0] for box in boxes]
    high = max(box.height if along else box.width for box in boxes)
    return (along, up) if max(aside) - min(aside) < high else turned


def _placed(offset: int, box: Box, direction: tuple[int, int]) -> _Placed:
    along, up = direction
    starts = sorted((box.left * along + box.bottom * up, box.right * along + box.top * up))
    downs = sorted((box.left * up - box.top * along, box.right * up - box.bottom * along))
    return _Placed(offset, *starts, *downs)


def _rows(placed: Iterable[_Placed]) -> list[_Row]:
    rows: list[_Row] = []
    open_rows: list[_Row] = []
    for glyph in sorted(placed, key=lambda glyph: (glyph.top + glyph.bottom) / 2):
        open_rows = [row for row in open_rows if row.bottom > glyph.top]
        row = next((row for row in open_rows if row.takes(glyph)), None)
        if row is None:
            row = _Row(glyph.top, glyph.bottom)
            rows.append(row)
            open_rows.append(row)
        row.glyphs.append(glyph)
    return sorted(rows, key=lambda row: row.top)


def _spaced(row: _Row) -> OffsetLine:
    glyphs = sorted(row.glyphs, key=lambda glyph: (glyph.start, glyph.offset))
    line: OffsetLine = []
    reached = glyphs[0].start
    for glyph in glyphs:
        if line and glyph.start - reached > _WORD_GAP * glyph.height:
            line.append(SPACE)
        line.append(glyph.offset)
        reached = max(reached, glyph.end)
    return line


@dataclass(frozen=True, slots=True)
class _Gap:
    """A gap inside a line that may part columns; `at` is where the right part begins."""

    at: int
    left: float
    right: float


def part_columns(glyphs: Glyphs, lines: Sequence[OffsetLine]) -> list[OffsetLine] | None:
    """The lines with each column in one piece; None where nothing was written across."""
    gaps = [list(_gaps(glyphs, line)) for line in lines]
    parted: list[OffsetLine] = []
    changed, n = False, 0
    while n < len(lines):
        block = _block(glyphs, lines[n:], gaps[n:])
        if block is None:
            parted.append(lines[n])
            n += 1
            continue
        parted += [*block.left, *block.right]
        changed = True
        n += block.height
    return parted if changed else None


@dataclass(slots=True)
class _Block:
    """Lines that one gutter parts, from the left edge `low` of it to the right one, `high`."""

    low: float
    high: float
    left: list[OffsetLine] = field(default_factory=list)
    right: list[OffsetLine] = field(default_factory=list)
    height: int = 0
    """How many lines of the page it takes."""
    parted: int = 0
    """How many of these have text on both sides."""

    def part(self, line: OffsetLine, gap: _Gap) -> None:
        self.low, self.high = max(self.low, gap.left), min(self.high, gap.right)
        self.left.append(line[: gap.at])
        self.right.append(line[gap.at :])
        self.height += 1
        self.parted += 1

    def fits(self, gap: _Gap) -> bool:
        return min(self.high, gap.right) > max(self.low, gap.left)


def _block(
    glyphs: Glyphs, lines: Sequence[OffsetLine], gaps: Sequence[Sequence[_Gap]]
) -> _Block | None:
    """The columns that begin with the first of the lines, if there are any."""
    for first in gaps[0]:
        block = _Block(first.left, first.right)
        for line, its_gaps in zip(lines, gaps, strict=True):
            gap = next(filter(block.fits, its_gaps), None)
            if gap is not None:
                block.part(line, gap)
            elif line and not its_gaps and glyphs.box(line[0]).left >= block.high - 1:
                block.right.append(line)  # the left column has ended
                block.height += 1
            else:
                break
        if block.parted >= _FEWEST_LINES and all(
            _is_prose(glyphs, side) for side in (block.left, block.right)
        ):
            return block
    return None


def _gaps(glyphs: Glyphs, line: OffsetLine) -> Iterator[_Gap]:
    inked = [n for n, at in enumerate(line) if at != SPACE and not glyphs.raw[at].isspace()]
    for before, after in itertools.pairwise(inked):
        if after == before + 1:
            continue
        left, right = glyphs.box(line[before]), glyphs.box(line[after])
        if right.left - left.right > _COLUMN_GAP * max(left.height, right.height):
            yield _Gap(after, left.right, right.left)


def _is_prose(glyphs: Glyphs, lines: Sequence[OffsetLine]) -> bool:
    """Whether lines look like running text rather than like cells of a table."""
    texts = ["".join(" " if at == SPACE else glyphs.raw[at] for at in line) for line in lines]
    marks = [sum(not mark.isspace() for mark in text) for text in texts]
    letters = sum(mark.isalpha() for text in texts for mark in text)
    longest = max(marks)
    return (
        median(marks) >= _FEWEST_LETTERS
        and letters >= _LETTERS_SHARE * sum(marks)
        and sum(count >= _FILLED * longest for count in marks[:-1]) >= 0.7 * (len(marks) - 1)
        and _runs_on(texts)
    )


def _runs_on(texts: Sequence[str]) -> bool:
    """Whether sentences go on from line to line: entries of a list begin anew in each.

    Where letters have no case (Chinese, Arabic) nothing speaks against it.
    """
    begins = [text.lstrip()[:1] for text in texts[1:]]
    cased = [mark for mark in begins if mark.lower() != mark.upper()]
    if not cased:
        return True
    words = median(len(text.split()) for text in texts)
    return words >= 3 and sum(mark.islower() for mark in cased) >= 0.5 * len(cased)
