"""How far a run got with the documents: in figures, and by document and page."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from docpager.core.passages import Hit, Passage, PassageId, counted, number_ranges

__all__ = ["Coverage", "MetDocument", "Reached", "ReachedDocument"]


@dataclass(frozen=True, slots=True)
class MetDocument:
    """What a run met of one document, as locators: pages where it has pages, else passages."""

    document_id: str
    """As in D3."""
    document: str
    """Its path."""
    read: tuple[str, ...] = ()
    """What was in main context, all or a part of each, as in `D3:p4-5`."""
    seen: tuple[str, ...] = ()
    """What was shown in results and not read."""


@dataclass(frozen=True, slots=True)
class Coverage:
    """Passages by how far the run got with them, and the same of pages, slides and sheets."""

    searched: int = 0
    """Shown in results, never paged in."""
    read: int = 0
    """Paged in."""
    never_seen: int = 0
    unreadable: int = 0
    """PDF pages without usable text among the documents asked about."""
    pages: int = 0
    """Pages, slides and sheets of the documents asked about; 0 where one of them has none, or
    where an older version did not say."""
    pages_read: int = 0
    """Those of which something was paged in."""
    documents: tuple[MetDocument, ...] = ()
    """Those of which anything was shown or read; none where an older version did not say."""

    def __str__(self) -> str:
        passages = self.searched + self.read + self.never_seen
        if self.pages:
            read, bad = f"read {self.pages_read:,} of {counted(self.pages, 'page')}", "{:,}"
        else:
            read = f"read {self.read:,} of {counted(passages, 'passage')}"
            bad = counted(self.unreadable, "page")
        unread = f"; {bad.format(self.unreadable)} could not be read" if self.unreadable else ""
        return f"{read}{unread}"


@dataclass(slots=True)
class ReachedDocument:
    """How far a run got with one document."""

    number: int
    path: str = ""
    read: set[PassageId] = field(default_factory=set)
    """What came into main context."""
    shown: set[PassageId] = field(default_factory=set)
    """Passages of which a search or a grep showed a part; some may be read as well."""
    pages_read: set[int] = field(default_factory=set)
    pages_shown: set[int] = field(default_factory=set)
    """The same of pages, slides and sheets, counted from 1."""


class Reached:
    """What one run was shown of each document, and what it read. Turns and memories of a chat
    (numbers below 0) are no documents."""

    def __init__(self) -> None:
        self.by_document: dict[int, ReachedDocument] = {}

    @property
    def shown(self) -> set[PassageId]:
        """Passages of which a search or a grep showed a part."""
        return {passage for met in self.by_document.values() for passage in met.shown}

    @property
    def pages_read(self) -> int:
        """Pages, slides and sheets that were paged in, all or a part of each."""
        return sum(len(met.pages_read) for met in self.by_document.values())

    @property
    def documents(self) -> tuple[MetDocument, ...]:
        return tuple(_written(self.by_document[number]) for number in sorted(self.by_document))

    def show(self, hits: Iterable[Hit], paths: Iterable[tuple[int, str]]) -> None:
        """Note hits that were shown; `paths` are those of their documents."""
        known = dict(paths)
        for hit in hits:
            if hit.passage.document < 0:
                continue  # a turn or a memory of a chat
            met = self._document(hit.passage.document, known.get(hit.passage.document, ""))
            met.shown.add(hit.passage)
            if hit.pdf_page is not None:
                met.pages_shown.add(hit.pdf_page)

    def read(self, passages: Iterable[Passage], path: str) -> None:
        """Note passages of one document that came into main context."""
        for passage in passages:
            if passage.document < 0:
                continue
            met = self._document(passage.document, path)
            met.read.add(passage.id)
            first, last = passage.pdf_pages or (1, 0)
            met.pages_read.update(range(first, last + 1))

    def view(self, document: int, path: str, pdf_page: int) -> None:
        """Note a page whose picture came into main context."""
        self._document(document, path).pages_read.add(pdf_page)

    def _document(self, number: int, path: str) -> ReachedDocument:
        met = self.by_document.setdefault(number, ReachedDocument(number))
        met.path = met.path or path
        return met


def _written(met: ReachedDocument) -> MetDocument:
    number, kind = met.number, "c"
    read, seen = {p.ordinal for p in met.read}, {p.ordinal for p in met.shown}
    if met.pages_read or met.pages_shown:
        kind, read, seen = "p", met.pages_read, met.pages_shown
    return MetDocument(
        f"D{number}",
        met.path,
        tuple(f"D{number}:{kind}{each}" for each in number_ranges(sorted(read))),
        tuple(f"D{number}:{kind}{each}" for each in number_ranges(sorted(seen - read))),
    )
