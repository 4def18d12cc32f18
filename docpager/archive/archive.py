"""The archive as a reader sees it: open, search, grep, contents, load."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from functools import cached_property
from threading import Lock
from types import TracebackType
from typing import TYPE_CHECKING

from docpager.archive.analyzer import Analyzer
from docpager.archive.embedders.base import Embedder, load_embedder
from docpager.archive.home import home_at
from docpager.archive.locating import (
    cut_to,
    passage_range,
    pdf_page_range,
    row_of_line,
    section_range,
)
from docpager.archive.manifest import DocumentRecord, FileRecord
from docpager.archive.search import By, Ranking, SearchPage, Threads, page_bounds, rank
from docpager.archive.segment import Segment
from docpager.archive.shards import open_place, shards_at
from docpager.archive.snapshot import Snapshot, outdated_indexes
from docpager.archive.snippets import excerpt, snippet
from docpager.core.errors import ArchiveError, UsageError
from docpager.core.locations import (
    Location,
    StrLocation,
    absolute,
    as_location,
    as_locations,
)
from docpager.core.locators import Locator, LocatorKind, as_locator
from docpager.core.passages import (
    ROW_KINDS,
    DocumentEntry,
    Hit,
    Passage,
    PassageId,
    PassageRange,
)
from docpager.documents.document import PdfPage, Section, sha256_of_text

if TYPE_CHECKING:
    from docpager.archive.grep import GrepPage, Match
    from docpager.archive.ingest_report import Progress
    from docpager.archive.status import ArchiveStatus, Audit

__all__ = ["Archive"]


_BESIDE = 300
"""Characters of the neighbouring passages from which a snippet may take words."""
_SEARCHED_ALONE = 50_000
"""Passages up to which a search is over before a thread would have begun."""


class Archive:
    """A reader of one generation of an archive; safe in threads, untouched by later ingests.

    Indexes that other rules made are never searched: the first search makes them again.

    with Archive.open(".docpager") as archive:
        passages = archive.load("D3:p1")

    Documents are numbered by id (3 for D3), PDF pages, passages and pages of results from 1;
    offsets are in characters (code points) of a document's text, from 0. Whatever takes an id
    raises UnknownLocator where it names no live document, and after `close` what needs the files
    raises ArchiveError.
    """

    def __init__(self, directory: Location, generation: Snapshot) -> None:
        self.directory = directory
        """Where the archive is kept."""
        self._generation = generation
        self._closed = False
        self._analyzer = Analyzer()
        self._embedder: Embedder | None = None
        self._lock = Lock()
        self._searchable: set[By] = set()
        self._making_searchable = Lock()
        self._left: dict[str, Segment] = {}
        """Segments of a generation that was left for one with the same documents."""
        self._progress: Progress | None = None
        rows = sum(record.rows for record in generation.manifest.segments)
        self._threads = Threads(2) if rows > _SEARCHED_ALONE else None

    @classmethod
    def open(
        cls,
        directory: StrLocation,
        *,
        embedder: Embedder | None = None,
        progress: Progress | None = None,
    ) -> Archive:
        """Open the committed generation, or those of the shards that are named there as one
        archive; `embedder` spares loading it by the recorded name.

        `progress` is told how far indexes are that a search has to make again.

        Raises:
            UsageError: `directory` is no path and no `s3://bucket/prefix`.
            ArchiveError: there is no archive, it is damaged, or built with another embedder.
            StorageError: object storage refuses, or does not answer.
        """
        directory = as_location(directory, "directory")
        archive = cls(directory, open_place(directory))
        if embedder is not None and embedder.name != archive.embedder_name:
            raise ArchiveError(
                f"archive '{directory}' was built with embedder {archive.embedder_name!r}, "
                f"not {embedder.name!r}; open it with that one"
            )
        archive._embedder = embedder
        archive._progress = progress
        return archive

    def __enter__(self) -> Archive:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    @property
    def id(self) -> str:
        return self._generation.manifest.archive_id

    @property
    def generation(self) -> int:
        return self._generation.manifest.generation

    @property
    def embedder_name(self) -> str:
        return self._generation.manifest.embedder

    @property
    def forgotten(self) -> tuple[int, ...]:
        """Documents that were forgotten and whose text may still stand in journals."""
        return self._generation.manifest.forgotten

    @cached_property
    def _entries(self) -> dict[int, DocumentEntry]:
        return self._generation.entries

    def documents(self) -> Sequence[DocumentEntry]:
        """Every live document, in the order of ids; those replaced or removed are not in it."""
        return tuple(self._entries.values())

    def document(self, number: int) -> DocumentEntry:
        """One document.

        Raises:
            UnknownLocator: there is none of this id; the message says what became of it.
        """
        return self._entries[self._generation.record(number).id]

    def documents_under(self, paths: StrLocation | Iterable[StrLocation]) -> list[int]:
        """Ids of the documents that stand at or under these paths, absolute or from here.

        Raises:
            UsageError: one is no path.
        """
        asked = [absolute(place) for place in as_locations(paths, "paths")]
        return [
            record.id
            for record in self._generation.live
            if any(_is_under(root, path, place) for root, path in record.paths for place in asked)
        ]

    def documents_named(self, names: str | Iterable[str]) -> list[int]:
        """Ids of the documents with these names: `D3`, a path, a file name, or a glob of paths.

        Raises:
            UsageError: a name fits no document, or one that is no glob fits several (which ones
                are listed).
        """
        given = [names] if isinstance(names, str) else names
        return sorted({entry.id for name in given for entry in self._generation.named(name)})

    def sha256(self, number: int) -> str:
        return self._generation.record(number).sha256

    def files(self, number: int) -> Sequence[FileRecord]:
        """The files that hold a document, as they were when they were read, by root and path."""
        record = self._generation.record(number)
        held = (
            file
            for file in self._generation.manifest.files
            if any(id == record.id for id, _ in file.documents)
        )
        return sorted(held, key=lambda file: (file.path, file.root))

    def text_sha256(self, number: int) -> str:
        """Hash of the document's text: another one where other rules read the file."""
        record = self._generation.record(number)
        return record.text_sha256 or sha256_of_text(self.text(number))

    @property
    def versions(self) -> dict[str, str]:
        """Versions of the rules that read the documents and made the indexes, by what has them."""
        return self._generation.versions

    def sections(self, number: int) -> Sequence[Section]:
        """The outline, every section before its subsections; empty where none was found."""
        return self._segment(self._generation.record(number)).sections(number)

    def pdf_pages(self, number: int) -> Sequence[PdfPage]:
        """The PDF pages of a document in order, and what was found on each; empty for others."""
        return self._segment(self._generation.record(number)).pdf_pages(number)

    def page_labels(self, number: int) -> Sequence[str]:
        """The printed label of each PDF page: that of PDF page n stands at n - 1."""
        return tuple(page.label for page in self.pdf_pages(number))

    def page_doubts(self, number: int) -> Mapping[int, str]:
        """Why the text of a page may be wrong, by page; 0 is the whole document."""
        return dict(self._generation.record(number).doubtful)

    def row_at(self, number: int, offset: int) -> int | None:
        """The row of a sheet or a table whose line holds the character at `offset`; None where
        there is none, and in documents that have no rows."""
        if self._generation.record(number).kind not in ROW_KINDS:
            return None
        return row_of_line(lambda start, end: self.text(number, start, end), offset)

    def resolve(self, locator: Locator | str) -> PassageRange:
        """The passages that a locator names, such as `D3:p45-47`.

        Raises:
            UsageError: it is no locator, or names a note.
            UnknownLocator: it names no passages; the message says what there is.
        """
        locator = as_locator(locator)
        if locator.kind is LocatorKind.NOTE:
            raise UsageError(f"{locator} is a note of a run; the archive has documents only")
        record = self._generation.record(locator.number)
        entry = self._entries[record.id]
        match locator.kind:
            case LocatorKind.PASSAGES:
                return passage_range(locator, entry)
            case LocatorKind.PDF_PAGES:
                pages = self._segment(record).pdf_pages(record.id)
                return pdf_page_range(locator, entry, pages, self._starts(record))
            case LocatorKind.SECTION:
                return section_range(locator, entry, self.sections(record.id), self._starts(record))
        return PassageRange(record.id, 1, record.passages)

    def load(self, locator: Locator | str) -> Sequence[Passage]:
        """The passages that a locator names, in reading order.

        Raises:
            UsageError: it is no locator, or names a note.
            UnknownLocator: it names no passages; the message says what there is.
        """
        return self.load_range(self.resolve(locator))

    def load_exactly(self, locator: Locator) -> Sequence[Passage]:
        """As `load`, but without what the passages hold beyond its PDF pages or its section."""
        passages = self.load(locator)
        pages, sections = self.pdf_pages(locator.number), self.sections(locator.number)
        return cut_to(locator, passages, pages=pages, sections=sections)

    def load_range(self, passages: PassageRange) -> Sequence[Passage]:
        """These passages, in reading order.

        Raises:
            UnknownLocator: the document is not there, or has fewer passages.
        """
        record = self._generation.record(passages.document)
        passage_range(
            Locator(LocatorKind.PASSAGES, record.id, passages.first, passages.last),
            self._entries[record.id],
        )
        first_row = record.first_row + passages.first - 1
        return self._segment(record).passages(first_row, passages.last - passages.first + 1)

    def text(self, number: int, start: int = 0, end: int | None = None) -> str:
        """Characters `start` to `end` (not included, None for the end) of a document's text, which
        is that of its passages joined: they tile it."""
        record = self._generation.record(number)
        starts = self._segment(record).starts
        own = starts[record.first_row : record.first_row + record.passages]
        start = max(0, start)
        first = max(0, int(own.searchsorted(start, side="right")) - 1)
        last = record.passages if end is None else int(own.searchsorted(end, side="left"))
        text = self._segment(record).text(record.first_row + first, max(0, last - first))
        base = int(own[first])
        return text[start - base : None if end is None else max(0, end - base)]

    def search(
        self,
        query: str,
        *,
        documents: Collection[int] | None = None,
        page: int = 1,
        page_size: int = 10,
        by: By = "both",
    ) -> SearchPage:
        """Find passages by words (BM25) and by meaning (nearest vectors), or `by` one of them.

        Every passage that contains a word of the query is in the list, and up to 200 by meaning
        beside them; both ranks are fused by weighted reciprocal rank fusion (Cormack, Clarke and
        Buettcher, SIGIR 2009; see `docpager.archive.search`). The order is the same on every
        machine. `documents` restricts it to these ids, `page` counts from 1.

        Raises:
            UsageError: the query is empty, or `page` or `page_size` is below 1.
            ArchiveError: the archive was closed, is damaged, its embedder is not installed, or its
                indexes were made by other rules and cannot be made again now.
            ModelError: a remote embedder did not answer.
        """
        self._make_searchable(by)
        first, last = page_bounds(page=page, page_size=page_size)
        generation = self._parts()
        ranking = rank(
            query,
            generation,
            analyzer=self._analyzer,
            embedder=self._load_embedder,
            documents=generation.restricted(documents),
            first=last,
            by=by,
            threads=self._threads,
        )
        hits = tuple(self._hit(passage, ranking) for passage in ranking.slice(first, last))
        pages = -(-ranking.total // page_size)
        return SearchPage(hits, ranking.by_words, ranking.by_meaning, page, pages)

    def grep(
        self,
        pattern: str,
        *,
        documents: Collection[int] | None = None,
        page: int = 1,
        page_size: int = 10,
        checkpoint: Callable[[], None] | None = None,
    ) -> GrepPage:
        """Find a regular expression (RE2) in reading order, across passage and page borders.

        `total` of what is returned counts passages in which a match begins, `matches` the matches.
        `checkpoint` is called every few megabytes of text; what it raises ends the search.

        Raises:
            UsageError: the pattern is none that RE2 knows, or `page` or `page_size` is below 1.
            ArchiveError: the archive was closed, or is damaged.
        """
        from docpager.archive.grep import GrepPage, find_matches

        generation = self._parts()
        records = generation.live
        if documents is not None:
            records = tuple(record for record in records if record.id in set(documents))
        matches = list(find_matches(pattern, generation, records, checkpoint=checkpoint))
        first, last = page_bounds(page=page, page_size=page_size)
        pages = -(-len(matches) // page_size)
        hits = tuple(self._pattern_hit(match) for match in matches[first:last])
        return GrepPage(hits, len(matches), sum(match.matches for match in matches), page, pages)

    def status(self) -> ArchiveStatus:
        """What the archive holds, in figures."""
        from docpager.archive.status import status_of

        return status_of(self.directory, self._generation)

    def audit(self) -> Audit:
        """What the archive could not read, and why."""
        from docpager.archive.status import audit_of

        return audit_of(self._generation)

    def close(self) -> None:
        """Let go of the generation; its files may be removed by a writer from now on.

        Closing twice does nothing more. The documents' names and figures can still be asked for,
        their text cannot.
        """
        if self._threads:
            self._threads.close()
        self._closed = True
        self._left = {}
        self._generation = Snapshot(self._generation.manifest, {}, None)

    def _hit(self, passage_id: PassageId, ranking: Ranking) -> Hit:
        passage = self._passage(passage_id)
        shown = snippet(passage.text, ranking.terms, self._analyzer)
        pdf_page = passage.pdf_page_at(shown.offset)
        return Hit(passage_id, shown.text, pdf_page, ranking.found_by(passage_id))

    def _pattern_hit(self, match: Match) -> Hit:
        passage = self._passage(PassageId(match.document, match.ordinal))
        base = max(0, match.start - _BESIDE)
        text = self.text(match.document, base, min(match.end, match.start + _BESIDE) + _BESIDE)
        shown = excerpt(text, match.start - base, match.end - base)
        pdf_page = passage.pdf_page_at(match.start - passage.start)
        return Hit(passage.id, shown, pdf_page, "pattern")

    def _passage(self, passage: PassageId) -> Passage:
        record = self._generation.record(passage.document)
        return self._segment(record).passages(record.first_row + passage.ordinal - 1, 1)[0]

    def _parts(self) -> Snapshot:
        """The generation with its files open.

        Raises:
            ArchiveError: the archive was closed.
        """
        if self._closed:
            raise ArchiveError(f"archive '{self.directory}' was closed; open it again to read it")
        return self._generation

    def _make_searchable(self, by: By) -> None:
        """Have the indexes that are searched `by` made again where other rules made them.

        Raises:
            ArchiveError: they cannot be written now, or the documents have changed meanwhile.
        """
        with self._making_searchable:
            if by in self._searchable:
                return
            generation = self._parts()
            judged = None
            if by != "words" and generation.manifest.segments:
                judged = self._load_embedder()
            if outdated_indexes(generation.manifest, judged):
                from docpager.archive.maintenance import rebuild_indexes

                for place in shards_at(self.directory) or [self.directory]:
                    rebuild_indexes(home_at(place), embedder=judged, progress=self._progress)
                self._turn_to(open_place(self.directory))
            self._searchable |= {"words"} if by == "words" else {"words", "meaning", "both"}

    def _turn_to(self, newer: Snapshot) -> None:
        """Read a newer generation of the same documents from now on."""
        before = self._generation
        if [(r.id, r.sha256) for r in newer.live] != [(r.id, r.sha256) for r in before.live]:
            raise ArchiveError(
                f"archive '{self.directory}' has changed since it was opened; open it again"
            )
        # Another thread may have taken a document's record from the generation before.
        self._left |= before.segments
        self._generation = newer

    def _segment(self, record: DocumentRecord) -> Segment:
        parts = self._parts().segments
        return parts[record.segment] if record.segment in parts else self._left[record.segment]

    def _starts(self, record: DocumentRecord) -> Sequence[int]:
        starts = self._segment(record).starts
        own: list[int] = starts[record.first_row : record.first_row + record.passages].tolist()
        return own

    def _load_embedder(self) -> Embedder:
        with self._lock:
            if self._embedder is None:
                self._embedder = self._recorded_embedder()
            return self._embedder

    def _recorded_embedder(self) -> Embedder:
        try:
            return load_embedder(self.embedder_name)
        except UsageError as error:
            raise ArchiveError(
                f"archive '{self.directory}' was built with embedder {self.embedder_name!r}, "
                "which is not installed; install it, or ingest again into another archive"
            ) from error


def _is_under(root: str, path: str, place: str) -> bool:
    location = f"{root.rstrip('/')}/{path}"
    beneath = location.startswith((place.rstrip("/") + "/", place + "#"))
    return location == place or beneath
