"""PageTable: which passages and pictures are resident, since when, at what cost, how kept."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass, replace
from math import ceil

from docpager.core.passages import Passage, PassageId
from docpager.core.pictures import PageId, Picture, PictureId
from docpager.paging.token_sizes import Size

__all__ = ["PageTable", "Residency"]


@dataclass(frozen=True, slots=True)
class Residency:
    """One resident passage, or the picture of a page."""

    page: Passage | Picture
    size: Size
    """What it takes in main context, header included."""
    since: int
    """Step that paged it in."""
    referenced: int
    """Order of its latest reference in the run: larger is more recent."""
    pinned: bool = False
    released: bool = False
    shortfall: float = 1.0
    """The server's count of the text it was sent in, over the estimate of that text."""

    @property
    def id(self) -> PageId:
        return self.page.id

    @property
    def passage(self) -> Passage:
        """The page where it is a passage, as it is under the id of one."""
        assert isinstance(self.page, Passage), f"{self.page.id} is a picture"
        return self.page

    @property
    def tokens(self) -> int:
        """What it likely takes: by this policies choose."""
        # Never above the bound: the shortfall is that of the whole message the page stood in, and
        # may be owed to a neighbour.
        return min(self.size.most, ceil(self.size.likely * self.shortfall))


class PageTable:
    """What is in main context. A reference is a `page_in` or a citation, not a snippet.

    Sizes are tokens of the run's model. Entries keep the order in which they were paged in.
    """

    def __init__(self) -> None:
        self._entries: dict[PageId, Residency] = {}
        self._references = 0
        self._ids: frozenset[PassageId] | None = None
        """The passages, until one comes or goes: asked for many times a step."""

    def copy(self) -> PageTable:
        """The same table, to go back to."""
        copy = PageTable()
        copy.restore(self)
        return copy

    def restore(self, copy: PageTable) -> None:
        """Go back to what a copy holds."""
        self._entries, self._references = dict(copy._entries), copy._references
        self._ids = None

    def __contains__(self, page: PageId) -> bool:
        return page in self._entries

    def __len__(self) -> int:
        return len(self._entries)

    def __getitem__(self, page: PageId) -> Residency:
        return self._entries[page]

    @property
    def ids(self) -> frozenset[PassageId]:
        """The passages."""
        if self._ids is None:
            self._ids = frozenset(id_ for id_ in self._entries if isinstance(id_, PassageId))
        return self._ids

    @property
    def pictures(self) -> frozenset[PictureId]:
        """The pictures."""
        return frozenset(id_ for id_ in self._entries if isinstance(id_, PictureId))

    @property
    def released(self) -> list[Residency]:
        return [entry for entry in self._entries.values() if entry.released]

    @property
    def unreleased(self) -> list[Residency]:
        return [entry for entry in self._entries.values() if not entry.released]

    def unreleased_but(
        self, left_out: Collection[PageId], *, kept: Collection[PageId] | None = None
    ) -> list[Residency]:
        """The unreleased pages without some; of them, where `kept` is given, the pinned ones and
        those that it names."""
        # By the keys of the table: making the id of each page takes longer than all the rest.
        return [
            entry
            for id_, entry in self._entries.items()
            if (kept is None or entry.pinned or id_ in kept)
            and not entry.released
            and id_ not in left_out
        ]

    @property
    def pinned(self) -> list[Residency]:
        return [entry for entry in self._entries.values() if entry.pinned]

    @property
    def pinned_tokens(self) -> int:
        """What pinned pages take at most."""
        return sum(entry.size.most for entry in self.pinned)

    def page_in(self, page: Passage | Picture, *, size: Size, step: int, pin: bool = False) -> None:
        """Make a page resident; one that was released is wanted again."""
        self._references += 1
        # A page paged in anew starts without `released`: the model wants it again.
        self._entries[page.id] = Residency(page, size, step, self._references, pinned=pin)
        self._ids = None

    def weigh(self, size_of: Callable[[Passage], Size]) -> None:
        """Take the sizes of all passages anew: texts may take more than was thought."""
        for id_, entry in self._entries.items():
            if isinstance(entry.page, Passage):
                self._entries[id_] = replace(entry, size=size_of(entry.page))

    def measure(
        self,
        passages: Iterable[PassageId],
        size_of: Callable[[Passage], Size],
        *,
        shortfall: float,
    ) -> None:
        """Note by how much the estimate of these passages falls short of the server's count."""
        for id_ in passages:
            if entry := self._entries.get(id_):
                size = size_of(entry.passage)
                self._entries[id_] = replace(entry, size=size, shortfall=shortfall)

    def reference(self, pages: Iterable[PageId], *, pin: bool = False) -> None:
        """Note that resident pages were asked for again or cited."""
        for page in pages:
            if entry := self._entries.get(page):
                self._references += 1
                self._entries[page] = replace(
                    entry, referenced=self._references, released=False, pinned=entry.pinned or pin
                )

    def release(self, pages: Iterable[PageId]) -> list[PageId]:
        """Mark pages to leave at the next rebuild, unpinning them; returns those resident."""
        released = [page for page in pages if page in self._entries]
        for page in released:
            self._entries[page] = replace(self._entries[page], released=True, pinned=False)
        return released

    def keep_only(self, pages: Iterable[PageId]) -> list[Residency]:
        """Drop everything else; returns what left."""
        staying = set(pages)
        left = [entry for id_, entry in self._entries.items() if id_ not in staying]
        self._entries = {id_: entry for id_, entry in self._entries.items() if id_ in staying}
        self._ids = None
        return left
