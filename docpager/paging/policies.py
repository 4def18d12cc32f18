"""Which unreleased pages stay in a rebuild. A policy is one class with one method."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Protocol

from docpager.core.pictures import PageId
from docpager.paging.page_table import Residency
from docpager.paging.token_sizes import Size

__all__ = [
    "POLICIES",
    "EvictionPolicy",
    "KeepNothing",
    "LargestFirst",
    "MostRecentlyReferenced",
    "survivors_within",
]


class EvictionPolicy(Protocol):
    """Chooses survivors among pages that are neither released nor pinned."""

    name: str

    def survivors(self, pages: Sequence[Residency], room: int) -> list[PageId]:
        """The pages that stay: ids out of `pages`, whose `tokens` together are at most `room`.

        Called again with less room if the chosen ones do not fit at their upper bounds, so the same
        pages and room must always give the same answer.
        """
        ...


class MostRecentlyReferenced:
    """Keeps the most recently referenced pages, newest first, until one does not fit."""

    name = "recent"

    def survivors(self, pages: Sequence[Residency], room: int) -> list[PageId]:
        return _until_full(sorted(pages, key=lambda page: -page.referenced), room)


class LargestFirst:
    """Keeps the pages that would cost most to page in again."""

    name = "largest"

    def survivors(self, pages: Sequence[Residency], room: int) -> list[PageId]:
        return _until_full(sorted(pages, key=lambda page: (-page.tokens, -page.referenced)), room)


class KeepNothing:
    """Notes only: every page leaves."""

    name = "notes-only"

    def survivors(self, pages: Sequence[Residency], room: int) -> list[PageId]:
        return []


def survivors_within(
    policy: EvictionPolicy, pages: Sequence[Residency], room: Size
) -> list[Residency]:
    """The pages that a policy keeps, given what is likely; they fit at their most too."""
    # Likely sizes choose, worst cases decide: asking for less by the excess ends, because `left`
    # falls each time until nothing stays.
    left = room.likely
    while True:
        chosen = set(policy.survivors(pages, left))
        staying = [page for page in pages if page.id in chosen]
        over = sum(page.size.most for page in staying) - room.most
        if over <= 0 or not staying:
            return staying
        left -= over


POLICIES: dict[str, EvictionPolicy] = {
    policy.name: policy for policy in (MostRecentlyReferenced(), LargestFirst(), KeepNothing())
}


def _until_full(pages: Iterable[Residency], room: int) -> list[PageId]:
    staying, used = [], 0
    for page in pages:
        # Stops at the first that does not fit instead of trying smaller ones behind it: a page less
        # recent must not displace a more recent one.
        if used + page.tokens > room:
            break
        used += page.tokens
        staying.append(page.id)
    return staying
