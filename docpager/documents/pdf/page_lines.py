"""The lines of a page as pdfium gives them, seen by where each begins and ends.

Two boxes a line cost little and show most of what goes wrong with a page: lines that run down or up
the sheet, lines in the wrong order, lines that lie outside of the page, a line that pdfium broke in
two because a footnote mark stands higher.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from docpager.documents.pdf.glyphs import Box, Glyphs

__all__ = ["Line", "are_in_reverse", "lines_of"]

_LINE = re.compile(r"[^\s](?:[^\r\n]*[^\s])?")
_FEWEST_STEPS = 2
_MOST_OF_THEM = 0.6


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
