"""ReadAhead: passages that a run brings into main context without being asked for them.

As an operating system reads ahead: the best passages of a search for the question before the first
request, and further ones where a model that is asked plainly finds nothing in those. Which ones is
decided here; when, by the state machine.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import zip_longest
from typing import Any

from docpager.core.passages import PassageId, PassageRange
from docpager.core.settings import PagingSettings
from docpager.models.messages import ToolCall
from docpager.run.tool_results import Found, Loaded, ToolResult

__all__ = ["ReadAhead", "found_passages", "joined_finds"]


def found_passages(result: ToolResult) -> list[PassageId]:
    """The passages that a search found, best first; none where it was refused."""
    hits = result.hits if isinstance(result, Found) else ()
    return list(dict.fromkeys(hit.passage for hit in hits))


def joined_finds(results: Sequence[ToolResult]) -> ToolResult:
    """One list of hits of several searches, one of each in turn; what was refused is left out."""
    found = [each for each in results if isinstance(each, Found)]
    if len(found) < 2:
        return found[0] if found else results[0]
    rows = zip_longest(*(each.hits for each in found))
    return replace(
        found[0],
        hits=tuple(hit for row in rows for hit in row if hit is not None),
        paths=tuple(sorted({path for each in found for path in each.paths})),
        by_words=sum(each.by_words for each in found),
        by_meaning=sum(each.by_meaning for each in found),
    )


MOST_READ = 8
"""Passages that are brought after a reply: as many as a reply may call for itself."""


class ReadAhead:
    """The search that one run begins with, and how much of it was shown."""

    def __init__(self, paging: PagingSettings, question: str, *, look: str = "search") -> None:
        self._paging = paging
        self._question = question
        self._look = look
        """The function that the search is shown as, to a model that has functions."""
        self._left: list[PassageId] = []

    def begin(self, results: Sequence[ToolResult]) -> Sequence[tuple[ToolCall, ToolResult]]:
        """What the first request shows, of the results of the search and of its best passages;
        nothing where the search found nothing."""
        search, *others = results
        found = found_passages(search)
        if not found:
            return ()
        loaded = [each for each in others if isinstance(each, Loaded)]
        calls = _page_ins([each.range for each in loaded], "prefetch")
        if not self._paging.plain:
            query = ToolCall("prefetch-0", self._look, {"query": self._question})
            return [(query, search), *zip(calls, loaded, strict=True)]
        # The passages alone: what a list of snippets says beside them misleads small models.
        shown = {passage for each in loaded for passage in each.range.ids()}
        self._left = [passage for passage in found if passage not in shown]
        return list(zip(calls, loaded, strict=True))

    def after(self, answer: Mapping[str, Any], *, step: int) -> tuple[ToolCall, ...]:
        """The next passages, where the arguments of an answer say that nothing was found."""
        if answer["found"]:
            return ()
        most = min(self._paging.ahead, MOST_READ)
        wanted, self._left = self._left[:most], self._left[most:]
        ranges = [PassageRange(*passage, passage.ordinal) for passage in wanted]
        return tuple(_page_ins(ranges, f"ahead-{step}"))


def _page_ins(ranges: Sequence[PassageRange], id: str) -> list[ToolCall]:
    """Calls that the run makes itself."""
    return [
        ToolCall(f"{id}-{n}", "page_in", {"locator": str(each)}) for n, each in enumerate(ranges, 1)
    ]
