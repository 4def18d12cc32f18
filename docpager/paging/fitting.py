"""Fitting: what the open step makes of the prompt, appended or carried by a rebuild."""

from __future__ import annotations

from collections.abc import Sequence

from docpager.paging.epoch import BLOCK_TOKENS
from docpager.paging.framing import fence_tokens, frame_tokens, warning
from docpager.paging.meter import Meter
from docpager.paging.page_table import PageTable, Residency
from docpager.paging.pressure import Budget
from docpager.paging.rebuild import StepText
from docpager.paging.sizes import Size
from docpager.paging.step import NO_ROOM, SKIPPED, OpenStep, Rebuild
from docpager.paging.working_memory import WorkingMemory

__all__ = ["Fitting"]

_ARGUMENT_LIMITS = (None, 40, 0)
"""How far a rebuild shortens the arguments of the newest calls, tried in this order."""


class Fitting:
    """Whether results fit into main context, and which rebuild they take.

    Every size is an upper bound of what is sent, so that a result which was admitted always fits.
    """

    def __init__(
        self,
        step: OpenStep,
        *,
        table: PageTable,
        budget: Budget,
        meter: Meter,
        conversation: Size,
        opening: Size,
        warned: bool,
    ) -> None:
        self._step = step
        self._table = table
        self._budget = budget
        self._meter = meter
        self._conversation = conversation
        """What was sent already."""
        self._opening = opening
        """Instructions, functions, document map and question."""
        self._warned = warned
        self._no_room = Size.exact(meter.count(NO_ROOM))
        self._warning = Size.exact(meter.text(warning(1.0)))
        self._skipped = Size.exact(len(step.skipped) * meter.text(SKIPPED))
        self._frame = Size.exact(frame_tokens(meter))
        self._fence = Size.exact(fence_tokens(meter))

    def shorten_arguments(self, notes: WorkingMemory) -> None:
        """Cut the calls' arguments, then the log, until the smallest results would fit."""
        step = self._step
        for limit in _ARGUMENT_LIMITS:
            step.argument_limit = limit
            if self._no_room.lacking(self.free_after(Rebuild.EVICT, notes)) <= 0:
                return
        step.log_tokens = 0

    def make_room(self, size: Size, notes: WorkingMemory) -> bool:
        """Whether a result of that size can join, deciding on the rebuild that it takes."""
        step = self._step
        lacking = size.lacking(self.free_after(Rebuild.EVICT, notes))
        if lacking > step.log_tokens:
            return False
        # The log's share is a cap, not a reservation: its oldest lines make room.
        step.log_tokens -= max(0, lacking)
        if step.rebuild is not None:
            return size.lacking(self.free_after(step.rebuild, notes)) <= 0
        if self._budget.fits(self.appended(size).most):
            return True
        if self._table.released and size.lacking(self.free_after(Rebuild.RELEASED, notes)) <= 0:
            step.rebuild = Rebuild.RELEASED
        elif self._warned:
            step.rebuild = Rebuild.EVICT
        return step.rebuild is not None

    def free_after(self, kind: Rebuild, notes: WorkingMemory) -> Size:
        """Tokens that one more result may take if the step ends with that rebuild."""
        staying = self.unpinned() if kind is Rebuild.RELEASED else []
        return self._budget.limits_after_rebuild - self.rebuilt(staying, notes)

    def unpinned(self) -> list[Residency]:
        """Unreleased pages that an evicting rebuild may drop."""
        return [entry for entry in self._rendered() if not self._must_stay(entry)]

    def must_stay(self) -> list[Residency]:
        """Pages that every rebuild renders: pinned, or named by a result of this step."""
        return [entry for entry in self._rendered() if self._must_stay(entry)]

    def appended(self, size: Size | None = None) -> Size:
        """The prompt if the step is appended: one more result, the smallest for the others."""
        step = self._step
        own = self._conversation + Size.exact(step.reply_tokens) + step.results_size
        blocks = len(step.results) * BLOCK_TOKENS
        if size is not None:
            own += size + Size.exact(BLOCK_TOKENS)
        others = max(0, step.waiting - (size is not None))
        own += _times(self._no_room + Size.exact(BLOCK_TOKENS), others) + Size.exact(blocks)
        return own + self._skipped + self._warning + self._remarks()

    def rebuilt(self, staying: Sequence[Residency], notes: WorkingMemory) -> Size:
        """An upper bound of the prompt that a rebuild would make now, without one more result."""
        step = self._step
        rendered = (*self.must_stay(), *staying)
        pages = _total([Size(entry.size.most, entry.tokens) for entry in rendered])
        head = self._opening + self._frame + self._meter.lines(notes.lines)
        results = step.results_size + _times(self._no_room, max(0, step.waiting - 1))
        remarks = self._remarks() + self._meter.size(step.skipped_remark)
        return head + Size.exact(step.log_tokens) + pages + self._calls() + results + remarks

    def _rendered(self) -> list[Residency]:
        """Pages that stand in a head; the text of the others is in this step's results."""
        new = self._step.loaded
        return [entry for entry in self._table.unreleased if entry.passage.id not in new]

    def _must_stay(self, entry: Residency) -> bool:
        return entry.pinned or entry.passage.id in self._step.kept

    def _remarks(self) -> Size:
        return self._meter.size(f"{self._step.nudge} {self._step.remark}\n")

    def _calls(self) -> Size:
        step = self._step
        lines = [StepText(call, "", step.argument_limit).call_line for call in step.calls]
        return self._meter.lines(lines) + _times(self._fence, len(lines))


def _total(sizes: Sequence[Size]) -> Size:
    return Size(sum(size.most for size in sizes), sum(size.likely for size in sizes))


def _times(size: Size, number: int) -> Size:
    return Size(size.most * number, size.likely * number)
