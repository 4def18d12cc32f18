"""What a run needs of an archive; `docpager.archive.Archive` happens to fit."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Protocol

from docpager.core.locators import Locator
from docpager.core.passages import DocumentEntry, Hit, Passage, PassageRange
from docpager.documents.document import Section

__all__ = ["ArchivalStorage", "GrepHits", "HitPage", "SearchHits"]


class HitPage(Protocol):
    """One page of hits, as an archive returns it."""

    @property
    def hits(self) -> Sequence[Hit]: ...
    @property
    def page(self) -> int: ...
    @property
    def pages(self) -> int: ...


class SearchHits(HitPage, Protocol):
    """Hits of a search, and how many there are by what found them."""

    @property
    def by_words(self) -> int: ...
    @property
    def by_meaning(self) -> int: ...


class GrepHits(HitPage, Protocol):
    """Hits of a pattern, and how many passages match."""

    @property
    def total(self) -> int: ...


class ArchivalStorage(Protocol):
    """What a run needs of an archive; `docpager.archive.Archive` happens to fit."""

    def documents(self) -> Sequence[DocumentEntry]: ...
    def document(self, number: int) -> DocumentEntry: ...
    def sections(self, number: int) -> Sequence[Section]: ...
    def page_labels(self, number: int) -> Sequence[str]: ...
    def page_doubts(self, number: int) -> Mapping[int, str]: ...
    def row_at(self, number: int, offset: int) -> int | None: ...
    def resolve(self, locator: Locator) -> PassageRange: ...
    def load_range(self, passages: PassageRange) -> Sequence[Passage]: ...
    def search(
        self, query: str, *, documents: Collection[int] | None, page: int, page_size: int
    ) -> SearchHits: ...
    def grep(
        self, pattern: str, *, documents: Collection[int] | None, page: int, page_size: int
    ) -> GrepHits: ...
