"""PageInApplier: pages of one run becoming resident, or refused with what would fit: passages by
`page_in`, pictures by `view_page`."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

from docpager.core.errors import FunctionError
from docpager.core.locators import LocatorKind, covers, parse_locator
from docpager.core.passages import PassageRange
from docpager.core.pictures import PageId, Picture, PictureId, covers_picture
from docpager.models.messages import ToolCall
from docpager.paging.main_context import MainContext
from docpager.paging.reading_log import LogEntry, written_call
from docpager.run.coverage import Reached
from docpager.run.render import present_loaded, present_viewed
from docpager.run.tool_results import Loaded, Viewed

__all__ = ["PageInApplier", "making_room"]

MOST_REPEATS = 2
"""Times that one range may be paged in without a note or a search between."""


class PageInApplier:
    """Answers `page_in` and `view_page` calls, and remembers what was paged in under which name."""

    def __init__(self, context: MainContext) -> None:
        self._context = context
        self._repeats: Counter[PassageRange | PictureId] = Counter()
        self._ranges: dict[str, PassageRange] = {}
        self.reached = Reached()

    def forget_repeats(self) -> None:
        """A note or a search came between: a range may be paged in again."""
        self._repeats.clear()

    def apply(self, call: ToolCall, loaded: Loaded, *, step: int) -> None:
        """Answer a `page_in`: make its passages resident, or say what would fit."""
        context, pin = self._context, call.arguments.get("pin") is True
        # A model that pages the same range in, loses it and pages it in again makes no progress:
        # this is thrashing, and only a note ends it.
        if self._is_thrashing(loaded.range):
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
        # Only now: `admit_pages` may refuse, and a passage whose text was not sent must not count
        # as resident.
        context.enter(fresh, step=step, pin=pin)
        context.statistics.fault([p.id for p in fresh], step=step)
        self.reached.read(fresh, loaded.path)
        context.statistics.reference(loaded.resident, step=step)
        self._repeats[loaded.range] += 1
        self._ranges[str(call.arguments["locator"]).strip()] = loaded.range
        context.log.add(LogEntry(step, written_call(call), "", loaded.range))

    def view(self, call: ToolCall, viewed: Viewed, *, step: int) -> None:
        """Answer a `view_page`: make its picture resident, or say what room it takes."""
        context, picture = self._context, viewed.picture
        pin = call.arguments.get("pin") is True
        if picture.id in context.table:  # another call of the same reply brought it
            self.keep_picture(picture.id, call, step=step)
            return
        if self._is_thrashing(picture.id):
            return
        if pin and not self._may_pin(context.page_tokens(picture)):
            return
        if not context.admit_picture(present_viewed(viewed), picture):
            self._refuse_picture(picture)
            return
        context.enter([picture], step=step, pin=pin)
        context.statistics.pictures += 1
        self._repeats[picture.id] += 1
        self.reached.view(picture.document, viewed.path, picture.pdf_page)
        context.log.add(LogEntry(step, written_call(call), "seen as a picture"))

    def _is_thrashing(self, wanted: PassageRange | PictureId) -> bool:
        """Whether the same was brought too often before; answers the call if so."""
        if self._repeats[wanted] < MOST_REPEATS:
            return False
        self._context.refuse(
            f"refused: {wanted} was paged in {MOST_REPEATS} times without a note or a "
            "search between; write_note what you need of it"
        )
        return True

    def keep_picture(self, picture: PictureId, call: ToolCall, *, step: int) -> None:
        """Answer a `view_page` of a picture that is in main context already."""
        context, pin = self._context, call.arguments.get("pin") is True
        entry = context.table[picture]
        if pin and not entry.pinned and not self._may_pin(entry.size.most):
            return
        said = f"the picture of {picture} is in main context already."
        if not context.admit_pages(said, resident=[picture], pin=pin):
            context.refuse(
                f"refused: no room to keep the picture of {picture} now; {making_room(context)}",
                warn=True,
            )
            return
        context.log.add(LogEntry(step, written_call(call), "seen as a picture"))

    def _refuse_picture(self, picture: Picture) -> None:
        context = self._context
        context.statistics.refused_page_ins += 1
        context.refuse(
            f"refused: the picture of {picture.id} takes {context.page_tokens(picture)} tokens; "
            f"{context.free()} are free now, {context.bound()} after a rebuild; "
            f"{making_room(context)}.",
            f"refused: {context.page_tokens(picture)} tokens; {context.free()} are free.",
            warn=True,
        )

    def _pins_fit(self, loaded: Loaded) -> bool:
        context = self._context
        wanted = sum(map(context.page_tokens, loaded.passages))
        return self._may_pin(
            wanted
            + sum(
                context.table[p].size.most for p in loaded.resident if not context.table[p].pinned
            )
        )

    def _may_pin(self, wanted: int) -> bool:
        context = self._context
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
                f"refused: no room to keep {loaded.range} now; {making_room(context)}",
                warn=True,
            )
            return
        needed = sum(map(context.page_tokens, loaded.passages))
        free, after = context.free(), context.bound()
        # About what the line above the passages takes.
        used, fitting = 40, 0
        for passage in loaded.passages:
            used += context.page_tokens(passage)
            if used > free:
                break
            fitting += 1
        first = loaded.passages[0].id
        hint = making_room(context)
        if fitting:
            hint = f"{PassageRange(*first, first.ordinal + fitting - 1)} would fit"
        context.refuse(
            f"refused: {loaded.range} takes about {needed} tokens; {free} are free now, "
            f"{after} after a rebuild; {hint}.",
            f"refused: {needed} tokens; {free} are free.",
            warn=True,
        )

    def resident_under(self, text: str) -> list[PageId]:
        """The resident pages that a locator names; a section must have been paged in by name."""
        table = self._context.table
        locator = parse_locator(text)
        pictures: list[PageId] = [p for p in sorted(table.pictures) if covers_picture(locator, p)]
        if known := self._ranges.get(text):
            return pictures + [passage for passage in sorted(table.ids) if known.covers(passage)]
        if locator.kind is LocatorKind.SECTION:
            raise FunctionError(
                f"{text} was not paged in by that name; release its passages instead"
            )
        return pictures + [p for p in sorted(table.ids) if covers(locator, table[p].passage)]


def making_room(context: MainContext) -> str:
    """What a model can do for more room, with the functions that it has."""
    return "page_out what you are done with" if context.releases else "answer from what you have"
