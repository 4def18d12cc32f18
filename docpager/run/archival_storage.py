"""What a run needs of an archive; `docpager.archive.Archive` happens to fit."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Protocol, runtime_checkable

from docpager.core.locations import Location
from docpager.core.locators import Locator
from docpager.core.passages import DocumentEntry, Hit, Passage, PassageId, PassageRange
from docpager.documents.document import Section

__all__ = ["ArchivalStorage", "GrepHits", "HitPage", "OpenArchive", "RecallStorage", "SearchHits"]


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


class OpenArchive(ArchivalStorage, Protocol):
    """A library that knows which archive it is."""

    @property
    def id(self) -> str: ...
    @property
    def generation(self) -> int: ...
    @property
    def directory(self) -> Location: ...
    @property
    def versions(self) -> Mapping[str, str]:
        """Versions of the rules that read the documents and made the indexes."""

    def sha256(self, number: int) -> str:
        """Hash of a document's file."""

    def text_sha256(self, number: int) -> str:
        """Hash of a document's text."""


@runtime_checkable
class RecallStorage(Protocol):
    """What a chat's run needs beside an archive: what was said, and what was remembered."""

    def recall(
        self,
        query: str,
        *,
        since: datetime | None,
        until: datetime | None,
        page: int,
        page_size: int,
    ) -> SearchHits:
        """Passages of turns and memories; the newest where nothing is looked for."""

    def with_neighbours(self, passages: Sequence[PassageId]) -> Sequence[PassageId]:
        """Passages, each turn among them between the turns right before and after it."""

    def origins(self, numbers: Collection[int]) -> Sequence[int]:
        """Documents that these turns and memories came from."""
