"""What happened to each passage in the main context of a run, in order."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from docpager.core.passages import PassageId
from docpager.paging.page_table import PageTable, Residency
from docpager.paging.statistics import PagingStatistics
from docpager.run.state import Run

__all__ = ["PageEvent", "PageEvents"]


@dataclass(slots=True)
class PageEvent:
    """Something that happened to one passage."""

    step: int
    """The step whose calls did it, 0 before the first one; of an eviction, the step whose request
    was made without the passage."""
    kind: str
    """`page_in` (a fault: it was not resident), `reference` (it was resident, and asked for again
    or cited), `release` (the model let it go), `evict` (it left in a rebuild)."""
    passage: PassageId
    tokens: int = 0
    """What it takes in main context; of one that left, what it took."""
    steps_away: int | None = None
    """Of a page-in after an eviction, which is a refault: the steps since the eviction."""
    resident: int = 0
    """Passages in main context when all that this entry of the journal did was done."""


class PageEvents:
    """The events of a run that is made again; `note` is called after each entry of its journal."""

    def __init__(self, run: Run) -> None:
        self.events: list[PageEvent] = []
        self._run = run
        self._told = run.context.statistics = _ToldStatistics(run.context.statistics.window)
        self._before: Mapping[PassageId, Residency] = {}
        self._left: dict[PassageId, int] = {}

    def note(self) -> None:
        """Keep what happened since the last call."""
        before, now = self._before, _residencies(self._run.context.table)
        new, self._told.events = self._told.events, []
        new += [
            PageEvent(self._run.steps, "release", id)
            for id, page in now.items()
            if page.released and not (id in before and before[id].released)
        ]
        for event in new:
            page = now.get(event.passage) or before.get(event.passage)
            event.tokens = page.tokens if page is not None else 0
            event.resident = len(now)
            if event.kind == "evict":
                self._left[event.passage] = event.step
            elif event.kind == "page_in" and event.passage in self._left:
                event.steps_away = event.step - self._left.pop(event.passage)
        self.events += new
        self._before = now


@dataclass(slots=True)
class _ToldStatistics(PagingStatistics):
    """The counts of a run that also remember each event."""

    events: list[PageEvent] = field(default_factory=list)

    def fault(self, passages: Iterable[PassageId], *, step: int) -> None:
        passages = list(passages)
        self.events += [PageEvent(step, "page_in", passage) for passage in passages]
        PagingStatistics.fault(self, passages, step=step)

    def reference(self, passages: Iterable[PassageId], *, step: int) -> None:
        passages = list(passages)
        self.events += [PageEvent(step, "reference", passage) for passage in passages]
        PagingStatistics.reference(self, passages, step=step)

    def evict(self, passages: Iterable[PassageId], *, step: int, noted: set[PassageId]) -> None:
        passages = list(passages)
        self.events += [PageEvent(step + 1, "evict", passage) for passage in passages]
        PagingStatistics.evict(self, passages, step=step, noted=noted)


def _residencies(table: PageTable) -> dict[PassageId, Residency]:
    return {id: table[id] for id in table.ids}
