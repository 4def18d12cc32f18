"""Signs that pdfium's text of a page is not what the page shows, each cheap to look for.

Most pages show none, and are done. What a sign asks for costs many times more, so what is looked at
here is few characters of a page: where its lines begin and end, and where figures begin.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from docpager.documents.pdf.document_signs import DocumentSigns
from docpager.documents.pdf.glyphs import HAS_RIGHT_TO_LEFT, Glyphs
from docpager.documents.pdf.hidden import faint_sign, has_layers, is_covered, leads_outside
from docpager.documents.pdf.lost_text import lost_sign
from docpager.documents.pdf.page_lines import Line, are_in_reverse, lie_on_lines

__all__ = ["PageSigns", "is_written_across", "signs_of_page"]

_FEWEST_LETTER_LINES = 12
_LETTER_LINES = 0.4
"""Of a page's lines, those of one or two characters, where it was read letter by letter."""
_LINES_LOOKED_AT = 3
_LONG_LINE = 34
_FEW_PLACES = 20
_COLUMN_GAP = 0.9
"""In heights of a line box."""


@dataclass(frozen=True, slots=True)
class PageSigns:
    """What must be looked at more closely."""

    has_letter_lines: bool
    """Lines of one or two letters: pdfium took a table for vertical writing."""
    is_in_reverse: bool
    """Lines follow each other against the way they are read."""
    is_written_across: bool
    """Lines have a wide gap at one place: two columns may stand in them side by side."""
    reads_right_to_left: bool
    leads_outside: bool
    may_hide: bool
    """Something is pale, tiny or covered."""
    has_layers: bool
    lies_on_text: bool
    """A line lies on another one."""
    loses_letters: bool
    is_unmapped: bool
    """Lines or figures begin with characters that the font does not name."""


def signs_of_page(
    glyphs: Glyphs,
    lines: Sequence[Line],
    figures: Sequence[re.Match[str]],
    document: DocumentSigns,
) -> PageSigns:
    """Look at a page that has text."""
    starts = [line.start for line in lines]
    figure_starts = [match.start() for match in figures]
    short = [start for start, last, _, _ in lines if last - start < 2]
    return PageSigns(
        has_letter_lines=len(short) >= max(_FEWEST_LETTER_LINES, _LETTER_LINES * len(lines)),
        is_in_reverse=_may_be_turned(glyphs, lines) and are_in_reverse(lines),
        is_written_across=is_written_across(glyphs, lines),
        reads_right_to_left=not glyphs.raw.isascii() and bool(HAS_RIGHT_TO_LEFT.search(glyphs.raw)),
        leads_outside=leads_outside(glyphs.visible_area(), lines),
        may_hide=faint_sign(glyphs, lines) or is_covered(glyphs, lines),
        has_layers=document.has_layers and has_layers(glyphs),
        lies_on_text=lie_on_lines(glyphs, lines),
        loses_letters=lost_sign(glyphs),
        is_unmapped=glyphs.any_unmapped(_some(figure_starts)) or glyphs.any_unmapped(_some(starts)),
    )


def _some(offsets: list[int]) -> list[int]:
    """All of a few places, and every third of many: fonts draw more than one line."""
    return offsets if len(offsets) < _FEW_PLACES else offsets[::3]


def _may_be_turned(glyphs: Glyphs, lines: Sequence[Line]) -> bool:
    return glyphs.page.get_rotation() != 0 or any(
        last > start and box.left >= last_box.left for start, last, box, last_box in lines
    )


def is_written_across(glyphs: Glyphs, lines: Sequence[Line]) -> bool:
    """Whether most long lines have a wide gap, in their middle part and with few digits."""
    long_lines = [line for line in lines if line.last - line.start >= _LONG_LINE]
    if len(long_lines) < 4:
        return False
    step = max(1, len(long_lines) // _LINES_LOOKED_AT)
    looked_at = long_lines[::step][:_LINES_LOOKED_AT]
    low, high = float("-inf"), float("inf")
    for line in looked_at:
        gap = _inner_gap(glyphs, line)
        if gap is None or min(high, gap[1]) <= max(low, gap[0]):
            return False
        low, high = max(low, gap[0]), min(high, gap[1])
    return True


def _inner_gap(glyphs: Glyphs, line: Line) -> tuple[float, float] | None:
    """From where to where the first wide gap reaches, in a line of words."""
    length = line.last - line.start
    begin, end = line.start + length // 4, line.last - length // 4
    middle = glyphs.raw[begin:end]
    if sum(map(str.isdigit, middle)) > 3:
        return None
    at = middle.find(" ")
    while 0 < at < len(middle) - 1:
        left, right = glyphs.box(begin + at - 1), glyphs.box(begin + at + 1)
        if right.left - left.right > _COLUMN_GAP * left.height > 0:
            return left.right, right.left
        at = middle.find(" ", at + 1)
    return None
