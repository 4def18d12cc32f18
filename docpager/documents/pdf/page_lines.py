"""The lines of a page as pdfium gives them, seen by where each begins and ends.

Two boxes a line cost little and show most of what goes wrong with a page: lines that run down or up
the sheet, lines in the wrong order, lines that lie outside of the page, a line that pdfium broke in
two because a footnote mark stands higher.
"""

from __future__ import annotations

import itertools
import re
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from docpager.documents.pdf.glyphs import Box, Glyphs

__all__ = ["Line", "are_in_reverse", "lie_on_lines", "lines_of"]

_LINE = re.compile(r"[^\s](?:[^\r\n]*[^\s])?")
_FEWEST_STEPS = 2
_MOST_OF_THEM = 0.6
_LONG = 8
_ONE_ON_ANOTHER = 0.6
"""Of a line's height: lines that are set tight share less. And of its characters."""


class Line(NamedTuple):
    """A line with ink: offsets of its first and last such character, and their boxes."""

    start: int
    last: int
    first_box: Box
    last_box: Box

    @property
    def direction(self) -> tuple[int, int]:
        """Where it runs, by quarter turns; (0, 0) for one of one or two characters."""
        if self.last - self.start < 2:
            return (0, 0)
        (x0, y0), (x1, y1) = self.first_box.centre, self.last_box.centre
        along, up = x1 - x0, y1 - y0
        if abs(along) >= abs(up):
            return (1, 0) if along >= 0 else (-1, 0)
        return (0, 1) if up > 0 else (0, -1)


def lines_of(glyphs: Glyphs) -> list[Line]:
    """The lines of a page that leave a mark, in pdfium's order."""
    spans = [match.span() for match in _LINE.finditer(glyphs.raw)]
    starts, lasts = [start for start, _ in spans], [end - 1 for _, end in spans]
    return list(map(Line, starts, lasts, glyphs.boxes(starts), glyphs.boxes(lasts)))


def are_in_reverse(lines: Sequence[Line]) -> bool:
    """Whether lines beside one another follow each other against the way they are read.

    Lines that run to the right follow each other downwards, lines that run down the sheet, as
    vertical Japanese does, to the left: always to the right of where they run.
    """
    steps = list(_steps(lines))
    back = sum(step < 0 for step in steps)
    return back >= _FEWEST_STEPS and back > _MOST_OF_THEM * len(steps)


def _steps(lines: Sequence[Line]) -> Iterator[float]:
    """How far each line lies from the one before, in reading direction, as far as the two touch
    in the direction of writing and are at most a few lines apart."""
    for above, below in itertools.pairwise(lines):
        along, up = above.direction
        if (along, up) != below.direction or (along, up) == (0, 0):
            continue
        (x0, y0), (x1, y1) = above.first_box.centre, below.first_box.centre
        step = (x1 - x0) * up - (y1 - y0) * along
        aside = abs((x1 - x0) * along + (y1 - y0) * up)
        size = min(above.first_box.height, above.first_box.width) if up else 0
        high = max(above.first_box.width, size) if up else above.first_box.height
        if high / 4 < abs(step) < 4 * high and aside < 20 * high:
            yield step


def lie_on_lines(glyphs: Glyphs, lines: Sequence[Line]) -> bool:
    """Whether one line lies on another: of two texts in one place one may not be shown."""
    spans = sorted(
        (line.first_box.bottom, line.first_box.top, line.first_box.left, line.last_box.right, n)
        for n, line in enumerate(lines)
        if line.last - line.start >= _LONG and line.first_box.bottom == line.last_box.bottom
    )
    for (bottom, top, left, right, n), (low, _, start, end, m) in itertools.pairwise(spans):
        if top - low > _ONE_ON_ANOTHER * (top - bottom) and min(right, end) > max(left, start):
            short, long = sorted((lines[n], lines[m]), key=lambda line: line.last - line.start)
            if _lies_on(glyphs, short, long):
                return True
    return False


def _lies_on(glyphs: Glyphs, line: Line, other: Line) -> bool:
    """Whether most characters of a line lie on those of another: cells of two rows are apart."""
    marks = [n for n in range(line.start, line.last + 1) if not glyphs.raw[n].isspace()]
    under = sorted(
        (glyphs.box(n)[0], glyphs.box(n)[2])
        for n in range(other.start, other.last + 1)
        if not glyphs.raw[n].isspace()
    )
    lefts = [left for left, _ in under]
    found = 0
    for n in marks:
        at = (glyphs.box(n).left + glyphs.box(n).right) / 2
        before = bisect_right(lefts, at)
        found += before > 0 and at <= under[before - 1][1]
    return found > _ONE_ON_ANOTHER * len(marks)
