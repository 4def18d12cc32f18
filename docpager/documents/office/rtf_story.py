"""Paragraphs and tables of an RTF file: `\\cell` and `\\row` come after what they end.

A table inside a table is one level deeper (`\\itap`); a level is closed when text of a level above
follows. Control words are those of Microsoft's RTF specification 1.9.1.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from docpager.core.errors import DocumentError
from docpager.documents.office.blocks import Block, Grid, Written
from docpager.documents.reasons import Reason

__all__ = ["CellForm", "RowForm", "Story"]

_DEEPEST_TABLES = 20
_ONE_EDGE = 60
"""Twentieths of a point: edges of two rows so near are one."""


@dataclass(slots=True)
class CellForm:
    """How a cell of a row is merged with others."""

    right: int = 0
    """Where it ends, in twentieths of a point."""
    continues_left: bool = False
    begins_down: bool = False
    continues_above: bool = False


@dataclass(slots=True)
class RowForm:
    """How a row is made up, as `\\trowd` and what follows it say."""

    cells: list[CellForm] = field(default_factory=list)
    next: CellForm = field(default_factory=CellForm)
    header: bool = False
    left: int = 0


@dataclass(slots=True)
class _Level:
    blocks: list[Block] = field(default_factory=list)
    """Of the cell that is being read."""
    cells: list[list[Block]] = field(default_factory=list)
    """Of the row that is being read."""
    grid: Grid | None = None
    edges: list[int] = field(default_factory=list)


class Story:
    """One run of text: the body, a note, a header, a text box."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._levels = [_Level()]
        self.written = Written()
        self.label = ""
        """The number or bullet of the paragraph, as the file shows it."""
        self.has_own_number = False
        self.is_endnote = False
        """What a note says of itself: whether it is counted, and where it stands."""

    def end_paragraph(self, table_level: int, heading: int | None) -> None:
        """The paragraph that was written stands in a table of that depth, 0 for none."""
        self._reach(table_level)
        written, label = self.written, self.label
        self.written, self.label = Written(), ""
        blocks = written.blocks(label, heading, line=bool(label))
        self._levels[-1].blocks += blocks

    def end_cell(self, table_level: int, heading: int | None) -> None:
        """What was written since the last cell is a cell."""
        self.end_paragraph(max(1, table_level), heading)
        level = self._levels[-1]
        level.cells.append(level.blocks)
        level.blocks = []

    def end_row(self, table_level: int, form: RowForm) -> None:
        """The cells since the last row are a row."""
        self._reach(max(1, table_level))
        level = self._levels[-1]
        if level.grid is None:
            level.grid = Grid(self._path)
        grid, cells, level.cells = level.grid, level.cells, []
        grid.begin_row(header=form.header)
        near = _tolerance(form)
        left = _snapped(form.left, level.edges, near)
        for place, blocks in enumerate(cells):
            if place >= len(form.cells):  # more cells than the row says that it has
                grid.cell(blocks)
                continue
            cell = form.cells[place]
            right = _snapped(cell.right, level.edges, near)
            grid.at(left)
            if cell.continues_above:
                grid.covered(max(1, right - left))
            elif blocks or not cell.continues_left:
                span = max(1, _right_edge(form.cells, place, level.edges, near) - left)
                grid.cell(blocks, columns=span, goes_down=cell.begins_down)
            left = right

    def end(self, heading: int | None = None, table_level: int = 0) -> list[Block]:
        """Everything that was written."""
        if self.written.text or self.written.apart or self.written.deleted or self.written.after:
            self.end_paragraph(table_level, heading)
        self._reach(0)
        return self._levels[0].blocks

    def add(self, blocks: Sequence[Block]) -> None:
        """Blocks before the paragraph that is being written."""
        self._levels[-1].blocks += blocks

    def _reach(self, depth: int) -> None:
        """Open or close tables down to a depth."""
        if depth > _DEEPEST_TABLES:
            raise DocumentError(
                f"{self._path!r} nests more than {_DEEPEST_TABLES} tables; leave it out",
                Reason.UNSAFE,
            )
        while len(self._levels) <= depth:
            self._levels.append(_Level())
        while len(self._levels) > depth + 1:
            level = self._levels.pop()
            above = self._levels[-1].blocks
            if level.grid is not None:
                above += level.grid.blocks()
            for cell in level.cells:  # of a row that never ended
                above += cell
            above += level.blocks


def _tolerance(form: RowForm) -> int:
    """How near two edges must be to be one; less where the row has narrow cells."""
    edges = [form.left, *(cell.right for cell in form.cells)]
    widths = (right - left for left, right in pairwise(edges))
    return max(0, min(_ONE_EDGE, *(width // 3 for width in widths), _ONE_EDGE))


def _snapped(edge: int, edges: list[int], near: int) -> int:
    """The edge, or one so near that rows before had it."""
    place = bisect_left(edges, edge - near)
    if place < len(edges) and edges[place] <= edge + near:
        return edges[place]
    edges.insert(place, edge)
    return edge


def _right_edge(cells: Sequence[CellForm], place: int, edges: list[int], near: int) -> int:
    """Where a cell ends together with those that continue it."""
    while place + 1 < len(cells) and cells[place + 1].continues_left:
        place += 1
    return _snapped(cells[place].right, edges, near)
