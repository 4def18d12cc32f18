"""PageIns: passages of one run becoming resident, or refused with what would fit."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

from docpager.answering.presenting import present_loaded
from docpager.answering.results import Loaded
from docpager.core.errors import FunctionError
from docpager.core.locators import LocatorKind, covers, parse_locator
from docpager.core.passages import PassageId, PassageRange
from docpager.models.messages import ToolCall
from docpager.paging.main_context import MainContext
from docpager.paging.reading_log import LogEntry, written_call

__all__ = ["PageIns"]

MOST_REPEATS = 2
"""Times that one range may be paged in without a note or a search between."""


class PageIns:
    """Answers `page_in` calls, and remembers what was paged in under which name."""

    def __init__(self, context: MainContext) -> None:
        self._context = context
        self._repeats: Counter[PassageRange] = Counter()
        self._ranges: dict[str, PassageRange] = {}

    def forget_repeats(self) -> None:
        """A note or a search came between: a range may be paged in again."""
        self._repeats.clear()

    def apply(self, call: ToolCall, loaded: Loaded, *, step: int) -> None:
        """Answer a `page_in`: make its passages resident, or say what would fit."""
        context, pin = self._context, call.arguments.get("pin") is True
        if self._repeats[loaded.range] >= MOST_REPEATS:
            context.refuse(
                f"refused: {loaded.range} was paged in {MOST_REPEATS} times without a note or a "
                "search between; write_note what you need of it"
            )
            return
        # Another call of the same reply may have paged some of them in.
        here = [p.id for p in loaded.passages if p.id in context.table]
        fresh = tuple(p for p in loaded.passages if p.id not in context.table)
        still = tuple(p for p in loaded.resident if p in context.table)
        loaded = replace(loaded, passages=fresh, resident=tuple(sorted({*still, *here})))
        if pin and not self._pins_fit(loaded):
            return
        if not context.admit_pages(present_loaded(loaded), resident=loaded.resident, pin=pin):
            self._refuse(loaded)
            return
        context.enter(fresh, step=step, pin=pin)
        context.statistics.fault([p.id for p in fresh], step=step)
        context.statistics.reference(loaded.resident, step=step)
        self._repeats[loaded.range] += 1
        self._ranges[str(call.arguments["locator"]).strip()] = loaded.range
        context.log.add(LogEntry(step, written_call(call), "", loaded.range))

    def _pins_fit(self, loaded: Loaded) -> bool:
        context = self._context
        wanted = sum(map(context.page_tokens, loaded.passages))
        wanted += sum(
            context.table[p].size.most for p in loaded.resident if not context.table[p].pinned
        )
        left = context.budget.pins_cap - context.table.pinned_tokens
        if wanted > left:
            context.refuse(
                f"refused: pinning takes {wanted} tokens, {max(0, left)} are left for pins"
            )
        return wanted <= left

    def _refuse(self, loaded: Loaded) -> None:
        context = self._context
        context.statistics.refused_page_ins += 1
        if not loaded.passages:
            context.refuse(
                f"refused: no room to keep {loaded.range} now; page_out what you are done with",
                warn=True,
            )
            return
        needed = sum(map(context.page_tokens, loaded.passages))
        free, after = context.free(), context.bound()
        used, fitting = 40, 0
        for passage in loaded.passages:
            used += context.page_tokens(passage)
            if used > free:
                break
            fitting += 1
        first = loaded.passages[0].id
        hint = "page_out what you are done with"
        if fitting:
            hint = f"{PassageRange(*first, first.ordinal + fitting - 1)} would fit"
        context.refuse(
            f"refused: {loaded.range} takes about {needed} tokens; {free} are free now, "
            f"{after} after a rebuild; {hint}.",
            f"refused: {needed} tokens; {free} are free.",
            warn=True,
        )

    def resident_under(self, text: str) -> list[PassageId]:
        """The resident passages that a locator names; a section must have been paged in by name."""
        table = self._context.table
        locator = parse_locator(text)
        if known := self._ranges.get(text):
            return [passage for passage in sorted(table.ids) if known.covers(passage)]
        if locator.kind is LocatorKind.SECTION:
            raise FunctionError(
                f"{text} was not paged in by that name; release its passages instead"
            )
        return [p for p in sorted(table.ids) if covers(locator, table[p].passage)]
