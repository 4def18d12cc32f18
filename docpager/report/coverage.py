"""How far runs got: which documents and pages were searched, shown, read, never seen, unreadable.

Pages are PDF pages, slides or sheets; documents without any are counted in passages.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from docpager.archive.archive import Archive
from docpager.core.passages import DocumentEntry, counted, number_ranges
from docpager.report.watching import WatchedRun
from docpager.run.argument_repair import documents_named
from docpager.run.coverage import ReachedDocument

__all__ = ["BatchCoverage", "CoveredDocument", "RunCoverage", "coverage_of"]

MOST_LISTED = 200
"""Documents that a list names."""
_MOST_RANGES = 40


@dataclass(frozen=True, slots=True)
class CoveredDocument:
    """One document of which something was read or shown, in words."""

    name: str
    path: str
    size: str
    """As in `120 PDF pages`; empty where the archive is not at hand."""
    searches: int
    """Searches that went over it."""
    read: str
    shown: str
    """Shown in results, never read."""
    never_seen: str
    unreadable: str
    doubtful: str


@dataclass(frozen=True, slots=True)
class RunCoverage:
    """How far one run got."""

    documents: Sequence[CoveredDocument]
    searches: int
    is_known: bool
    """Whether the archive was at hand, which tells what was not met."""
    unseen: Sequence[DocumentEntry] = ()
    """Documents of which nothing was read or shown, though a search went over each."""
    unsearched: Sequence[DocumentEntry] = ()
    """Those that no search went over either."""

    @property
    def unmet(self) -> Sequence[tuple[str, Sequence[DocumentEntry]]]:
        """The documents of which nothing was seen, by what was done, where there are any."""
        groups = (
            ("Searched, and nothing shown", self.unseen),
            ("Not searched, and nothing read", self.unsearched),
        )
        return [(said, entries) for said, entries in groups if entries]


def coverage_of(run: WatchedRun, archive: Archive | None) -> RunCoverage:
    """How far a run got with the documents that it was asked about, as the archive has them now."""
    searches = len(run.searches)
    if archive is None:
        documents = [_covered(each, None, (), searches) for each in run.documents]
        return RunCoverage(documents, searches, is_known=False)
    entries = {entry.id: entry for entry in _asked_about(run, archive)}
    gone_over = _gone_over(run, list(entries.values()))
    documents = [
        _covered(
            each,
            entries.get(each.number),
            archive.page_doubts(each.number) if each.number in entries else (),
            gone_over[each.number],
        )
        for each in run.documents
    ]
    met = {each.number for each in run.documents}
    rest = [entry for entry in entries.values() if entry.id not in met]
    return RunCoverage(
        documents,
        searches,
        is_known=True,
        unseen=[entry for entry in rest if gone_over[entry.id]],
        unsearched=[entry for entry in rest if not gone_over[entry.id]],
    )


def _asked_about(run: WatchedRun, archive: Archive) -> list[DocumentEntry]:
    scope = run.header.scope
    return [entry for entry in archive.documents() if scope is None or entry.id in scope]


def _gone_over(run: WatchedRun, entries: Sequence[DocumentEntry]) -> Counter[int]:
    """By document, how many searches went over it."""
    times = Counter(run.searches)
    over: Counter[int] = Counter()
    for names, count in times.items():
        kept_to, _ = documents_named(names, entries)
        for entry in entries:
            over[entry.id] += count if kept_to is None or entry.id in kept_to else 0
    return over


def _covered(
    reached: ReachedDocument,
    entry: DocumentEntry | None,
    doubts: Iterable[int],
    searches: int,
) -> CoveredDocument:
    read, shown = reached.pages_read, reached.pages_shown - reached.pages_read
    has_pages = bool(read or shown or (entry and entry.pdf_pages))
    unreadable = set(entry.unreadable_pdf_pages) if entry else set()
    size = never_seen = ""
    if entry is not None and has_pages:
        size = counted(entry.pdf_pages, entry.page_word)
        never_seen = written_pages({*range(1, entry.pdf_pages + 1)} - read - shown - unreadable)
    elif entry is not None:
        size = counted(entry.passages, "passage")
        never_seen = _passages(entry.passages - len(reached.read | reached.shown))
    return CoveredDocument(
        name=f"D{reached.number}",
        path=entry.path if entry else reached.path,
        size=size,
        searches=searches,
        read=written_pages(read) if has_pages else _passages(len(reached.read)),
        shown=written_pages(shown) if has_pages else _passages(len(reached.shown - reached.read)),
        never_seen=never_seen,
        unreadable=written_pages(unreadable),
        doubtful="all of it" if 0 in doubts else written_pages(doubts),
    )


def _passages(count: int) -> str:
    return counted(count, "passage") if count > 0 else ""


def written_pages(numbers: Iterable[int]) -> str:
    """How many pages, and which.

    >>> written_pages({3, 4, 5, 9})
    '4: 3-5, 9'
    """
    ordered = sorted(numbers)
    if not ordered:
        return ""
    ranges = number_ranges(ordered)
    listed = ", ".join(ranges[:_MOST_RANGES]) + (", …" if len(ranges) > _MOST_RANGES else "")
    return f"{len(ordered):,}: {listed}"


@dataclass(slots=True)
class _Across:
    """One document over all runs."""

    entry: DocumentEntry
    questions: int = 0
    """Those whose run read something of it."""
    shown_to: int = 0
    """Those whose run was only shown something of it."""
    pages: set[int] = field(default_factory=set)
    """Pages of which any run read something."""


class BatchCoverage:
    """How far the runs of a batch got together."""

    def __init__(self) -> None:
        self.runs = 0
        """Those that could be looked at."""
        self._documents: dict[tuple[str, int], _Across] = {}
        self._whole: set[str] = set()

    def add(self, run: WatchedRun, archive: Archive | None) -> None:
        """Count a run; one whose archive is not at hand tells nothing of what was not met."""
        if archive is None:
            return
        self.runs += 1
        self._add_scope(run, archive)
        for reached in run.documents:
            across = self._documents.get((archive.id, reached.number))
            if across is not None:
                across.questions += bool(reached.read)
                across.shown_to += bool(reached.shown and not reached.read)
                across.pages |= reached.pages_read

    def _add_scope(self, run: WatchedRun, archive: Archive) -> None:
        if archive.id in self._whole:
            return
        for entry in _asked_about(run, archive):
            self._documents.setdefault((archive.id, entry.id), _Across(entry))
        if run.header.scope is None:
            self._whole.add(archive.id)

    @property
    def read(self) -> list[tuple[DocumentEntry, int, str]]:
        """Documents that were read, by how many questions, and which of their pages."""
        read = [each for each in self._documents.values() if each.questions]
        read.sort(key=lambda each: (-each.questions, each.entry.path))
        return [(each.entry, each.questions, _of_pages(each)) for each in read]

    @property
    def never_read(self) -> list[tuple[DocumentEntry, int]]:
        """Documents that no question read, and to how many something of them was shown."""
        never = [each for each in self._documents.values() if not each.questions]
        never.sort(key=lambda each: (each.shown_to, each.entry.path))
        return [(each.entry, each.shown_to) for each in never]

    @property
    def said(self) -> str:
        """The whole in one line for people."""
        documents = len(self._documents)
        pages = sum(each.entry.pdf_pages for each in self._documents.values())
        read = sum(len(each.pages) for each in self._documents.values())
        of_pages = ""
        if pages and all(each.entry.pdf_pages for each in self._documents.values()):
            of_pages = f" and {read:,} of {counted(pages, 'page')}"
        bad = sum(len(each.entry.unreadable_pdf_pages) for each in self._documents.values())
        unread = f"; {counted(bad, 'page')} could not be read" if bad else ""
        together = documents - len(self.never_read)
        return f"read {together:,} of {counted(documents, 'document')}{of_pages}{unread}"


def _of_pages(across: _Across) -> str:
    if not across.entry.pdf_pages:
        return ""
    return f"{written_pages(across.pages)} (of {across.entry.pdf_pages:,})"
