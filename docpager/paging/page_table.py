"""PageTable: which passages are resident, since when, at what cost, released or pinned."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from docpager.pages import Passage, PassageId

__all__ = ["PageTable", "Residency"]


@dataclass(frozen=True, slots=True)
class Residency:
    """One resident passage."""

    passage: Passage
    tokens: int
    """What it takes in main context, header included, by the run's counter."""
    since: int
    """Step that paged it in."""
    referenced: int
    """Order of its latest reference in the run: larger is more recent."""
    pinned: bool = False
    released: bool = False


class PageTable:
    """What is in main context. A reference is a `page_in` or a citation, not a snippet."""

    def __init__(self) -> None:
        self._entries: dict[PassageId, Residency] = {}
        self._references = 0

    def copy(self) -> PageTable:
        """The same table, to go back to."""
        copy = PageTable()
        copy._entries, copy._references = dict(self._entries), self._references
        return copy

    def __contains__(self, passage: PassageId) -> bool:
        return passage in self._entries

    def __len__(self) -> int:
        return len(self._entries)

    def __getitem__(self, passage: PassageId) -> Residency:
        return self._entries[passage]

    @property
    def ids(self) -> frozenset[PassageId]:
        return frozenset(self._entries)

    @property
    def released(self) -> list[Residency]:
        return [entry for entry in self._entries.values() if entry.released]

    @property
    def unreleased(self) -> list[Residency]:
        return [entry for entry in self._entries.values() if not entry.released]

    @property
    def pinned(self) -> list[Residency]:
        return [entry for entry in self._entries.values() if entry.pinned]

    @property
    def pinned_tokens(self) -> int:
        return sum(entry.tokens for entry in self.pinned)

    def page_in(self, passage: Passage, *, tokens: int, step: int, pin: bool = False) -> None:
        """Make a passage resident; one that was released is wanted again."""
        self._references += 1
        self._entries[passage.id] = Residency(passage, tokens, step, self._references, pinned=pin)

    def reference(self, passages: Iterable[PassageId], *, pin: bool = False) -> None:
        """Note that resident passages were asked for again or cited."""
        for passage in passages:
            if entry := self._entries.get(passage):
                self._references += 1
                self._entries[passage] = replace(
                    entry, referenced=self._references, released=False, pinned=entry.pinned or pin
                )

    def release(self, passages: Iterable[PassageId]) -> list[PassageId]:
        """Mark passages to leave at the next rebuild, unpinning them; returns those resident."""
        released = [passage for passage in passages if passage in self._entries]
        for passage in released:
            self._entries[passage] = replace(self._entries[passage], released=True, pinned=False)
        return released

    def keep_only(self, passages: Iterable[PassageId]) -> list[Residency]:
        """Drop everything else; returns what left."""
        staying = set(passages)
        left = [entry for id_, entry in self._entries.items() if id_ not in staying]
        self._entries = {id_: entry for id_, entry in self._entries.items() if id_ in staying}
        return left
