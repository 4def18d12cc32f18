"""One ingest at work: reads what changed, writes the next generation, commits it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from time import monotonic
from typing import TYPE_CHECKING

from docpager.archive.document_registry import DocumentRegistry, missing_files
from docpager.archive.home import Home, part_path
from docpager.archive.ingest_report import IngestChanges, IngestProgress, Progress
from docpager.archive.manifest import (
    DocumentRecord,
    FileRecord,
    Manifest,
    commit_manifest,
    discard_unnamed_parts,
)
from docpager.archive.remote_files import sha256_at, stands_there
from docpager.archive.segment import Segment
from docpager.archive.snapshot_writer import LIVE_SEGMENTS, SETTLED_SEGMENTS, SnapshotWriter
from docpager.core.errors import DocumentError
from docpager.documents.chunking import passages_of
from docpager.documents.document import READER_VERSION, Cut, Document, sha256_of_text
from docpager.documents.reasons import Reason

if TYPE_CHECKING:
    pass

from docpager.archive.ingest_files import Reading, Source

__all__ = ["COMMIT_PASSAGES", "IngestChanges", "IngestProgress", "IngestSession", "Progress"]


COMMIT_PASSAGES = 25_000
"""New passages after which an ingest commits and goes on; it never cuts a file in two."""
_COMMIT_SECONDS = 30.0
"""The same by time: what an interrupted ingest may have to do again."""


class IngestSession:
    """The way to the next generation, or to several where there is much to read.

    The caller holds the writer's lock.
    """

    def __init__(
        self,
        directory: Home,
        manifest: Manifest,
        open_writer: Callable[[Manifest, Callable[[int], None]], SnapshotWriter],
        *,
        make_current: Callable[[Manifest], Manifest],
        commit_passages: int = COMMIT_PASSAGES,
        progress: Progress | None = None,
        reread: bool = False,
    ) -> None:
        self.changes = IngestChanges()
        self.committed_changes: IngestChanges | None = None
        """Those of the last commit."""
        self.on_commit: Callable[[], None] = lambda: None
        self._reached = IngestProgress()
        self._progress = progress
        self._directory = directory
        self._open_writer = open_writer
        self._make_current = make_current
        self._manifest = manifest
        self._reread = reread
        self._commit_passages = commit_passages
        self._commits = 0
        self._left_out = manifest.left_out
        self._begin(manifest)
        self._registry = DocumentRegistry(manifest)
        self._before = dict(self._registry.files)

    def run(
        self,
        found: Sequence[FileRecord],
        places: Sequence[str],
        source: Source,
        *,
        prune: bool,
        left_out: tuple[tuple[str, str, int], ...] = (),
    ) -> Manifest:
        """Read what is new, let go of what is gone, and commit; `left_out` is noted."""
        self._left_out = left_out
        try:
            self._read(found, source)
            self._let_go(found, places, prune=prune)
            # Only where there were several commits: a small ingest into a large archive must not
            # rewrite it.
            return self._commit(SETTLED_SEGMENTS if self._commits else LIVE_SEGMENTS)
        # Ctrl-C and a full disk alike: nothing that was not committed may stay open. What it wrote
        # is named by no manifest and is discarded by the next writer.
        except BaseException:
            self._writer.abandon()
            raise

    def _read(self, found: Sequence[FileRecord], source: Source) -> None:
        """Take in what is new or changed among the files found."""
        changed = [file for file in found if not self._is_unchanged(file, source)]
        for file in changed:
            if file.problems:
                self._registry.add_problems(file, file.problems, file.reason)
        readable = [self._as_known(file) for file in changed if not file.problems]
        unknown = [file for file in readable if not self._adopt(file)]
        if unknown:
            self._continue_from(self._make_current(self._manifest))
        self._reached.all_files = len(unknown)
        source.on_recognised(self._tell_recognised)
        for done, reading in enumerate(source.read(unknown), start=1):
            self._reached.path = reading.file.path
            self._take_file(reading)
            self._reached.files = done
            self.changes.read += 1
            self._tell()
            # Not after the last file: `run` commits then, with fewer segments.
            if done < len(unknown) and self._is_due():
                self._begin(self._commit())

    def _tell_recognised(self, recognised: int, scanned: int) -> None:
        self._reached.recognised, self._reached.scanned = recognised, scanned
        self._tell()

    def _is_unchanged(self, file: FileRecord, source: Source) -> bool:
        return self._registry.is_unchanged(file, source.retries, reread=self._reread)

    def _continue_from(self, manifest: Manifest) -> None:
        """What is read is added to indexes made by the rules of now: one index has one kind."""
        if manifest is not self._manifest:
            self._registry.refresh(manifest)
            self._begin(manifest)

    def _begin(self, manifest: Manifest) -> None:
        """Open the generation after `manifest`."""
        self._manifest = manifest
        self._writer = self._open_writer(manifest, self._embedded)
        self._waiting_passages = 0
        self._begun = monotonic()

    def _embedded(self, passages: int) -> None:
        self._reached.embedded += passages
        self._tell()

    def _tell(self) -> None:
        if self._progress:
            self._progress(self._reached)

    def _is_due(self) -> bool:
        by_time = monotonic() - self._begun >= _COMMIT_SECONDS
        return by_time or self._waiting_passages >= self._commit_passages

    def _let_go(self, found: Sequence[FileRecord], places: Sequence[str], *, prune: bool) -> None:
        """Let go of files that were moved and, if asked, of those that are gone."""
        missing = missing_files(self._registry.files, found, places)
        for location in self._registry.moved([*missing, *self._left_behind(missing)]):
            self._registry.forget_file(location)
        for location in missing:
            if prune and location in self._registry.files:
                self._registry.forget_file(location)

    def _left_behind(self, missing: Sequence[str]) -> list[str]:
        """Files of other roots whose documents turned up in this ingest and that are gone."""
        arrived = {
            number
            for location, file in self._registry.files.items()
            if self._before.get(location) is not file
            for number, _ in file.documents
        }
        return [
            location
            for location, file in self._before.items()
            if location not in missing
            and any(number in arrived for number, _ in file.documents)
            and not stands_there(location)
        ]

    def _commit(self, most_segments: int = LIVE_SEGMENTS) -> Manifest:
        """Write the generation and make it the archive."""
        departures = self._registry.settle(before=self._before)
        if departures:
            self._writer.remove([departure.document for departure in departures])
        replaced = sum(departure.replaced_by is not None for departure in departures)
        self.changes.changed += replaced
        self.changes.removed += len(departures) - replaced
        files = self._registry.files
        manifest = replace(
            self._writer.close(self._registry.documents, most_segments=most_segments),
            next_document=self._registry.next_document,
            files=tuple(files[location] for location in sorted(files)),
            left_out=self._left_out,
        )
        # Every part is on the disk (`close` syncs them), the manifest is what makes them the
        # archive, and only then may old parts go.
        manifest = commit_manifest(self._directory, manifest)
        discard_unnamed_parts(self._directory, manifest)
        self._commits += 1
        self.committed_changes = self.changes.copy()
        self.on_commit()
        self._registry.refresh(manifest)
        return manifest

    def _as_known(self, file: FileRecord) -> FileRecord:
        known = self._registry.files.get(file.location)
        return replace(file, root=known.root, path=known.path) if known else file

    def _adopt(self, file: FileRecord) -> bool:
        if not self._registry.may_be_known(file):
            return False
        sha256 = _sha256(file)
        # A moved or copied file is known by its content: hashing it is far cheaper than reading and
        # embedding it.
        known = replace(file, sha256=sha256 or "")
        return sha256 is not None and self._registry.adopt(known, reread=self._reread)

    def _take_file(self, reading: Reading) -> None:
        """Take in all that was read from one file."""
        held: list[tuple[int, str]] = []
        problems = list(reading.problems)
        for document, cuts in reading.documents:
            line = document.path.removeprefix(reading.file.path)
            if cuts:
                held.append((self._take_document(reading.file, document, cuts, line), line))
            else:
                problems.append(f"{document.path!r} has no text")
        if not held:
            self._registry.add_problems(reading.file, problems, reading.reason or Reason.EMPTY)
            return
        file = replace(reading.file, documents=tuple(held), problems=tuple(problems))
        if file.language and not problems and not reading.was_recognised:
            file = replace(file, reader="")
        self._registry.add_file(replace(file, sha256=_sha256_of(reading)))

    def _take_document(
        self, file: FileRecord, document: Document, cuts: tuple[Cut, ...], line: str
    ) -> int:
        reader = file.reader_of(document)
        number, must_add = self._registry.number_of(document.sha256, reader)
        place = (file.root, file.path + line)
        known = self._registry.documents.get(number)
        if known is not None and not must_add and self._is_better_read(known, document):
            self._replace_text(known, document, cuts, place)
            return number
        if must_add:
            self._add_document(number, document, cuts, reader, (place,))
            self.changes.new += 1
            return number
        twin = self._registry.documents[number].paths
        if twin and place not in twin:
            self.changes.duplicates.append((place, twin[0]))
        return number

    def _is_better_read(self, known: DocumentRecord, document: Document) -> bool:
        """Whether what is stored of a document must give way to what was read now."""
        if known.is_read_by_older_rules and self._reread:
            return True
        # Pages that are pictures were looked at, and found to show no text.
        return document.was_looked_at and known.unreadable != document.unreadable

    def _replace_text(
        self,
        known: DocumentRecord,
        document: Document,
        cuts: tuple[Cut, ...],
        place: tuple[str, str],
    ) -> None:
        """Put what is read from a file now in the place of what older rules read from it.

        It is the same file, so the document keeps its id; journals know the text by its hash.
        """
        before = _text_sha256(self._directory, self._manifest, known)
        self._writer.remove([known.id])
        self._add_document(known.id, document, cuts, known.reader, known.paths)
        self.changes.reread += 1
        if document.text_sha256 != before:
            self.changes.differing.append(place)

    def _add_document(
        self,
        number: int,
        document: Document,
        cuts: tuple[Cut, ...],
        reader: str,
        paths: tuple[tuple[str, str], ...],
    ) -> None:
        passages = passages_of(document, cuts, number)
        self._reached.pdf_pages += len(document.pdf_pages)
        self._reached.passages += len(passages)
        segment, first_row = self._writer.add(number, document, passages)
        self._registry.add_document(
            DocumentRecord(
                id=number,
                sha256=document.sha256,
                title=document.title,
                kind=document.kind,
                passages=len(passages),
                tokens=sum(passage.tokens for passage in passages),
                pdf_pages=len(document.pdf_pages),
                unreadable=document.unreadable,
                doubtful=document.doubtful,
                paths=paths,
                segment=segment,
                first_row=first_row,
                reader=reader,
                text_sha256=document.text_sha256,
                reader_version=READER_VERSION,
            )
        )
        self._waiting_passages += len(passages)


def _text_sha256(directory: Home, manifest: Manifest, record: DocumentRecord) -> str:
    """Of the text that is stored of a document."""
    if record.text_sha256:
        return record.text_sha256
    (rows,) = (each.rows for each in manifest.segments if each.name == record.segment)
    segment = Segment.open(part_path(directory, f"segments/{record.segment}"), rows)
    return sha256_of_text(segment.text(record.first_row, record.passages))


def _sha256_of(reading: Reading) -> str:
    """Of the whole file: that of its document, unless it holds several."""
    if len(reading.documents) == 1 and reading.documents[0][0].path == reading.file.path:
        return reading.documents[0][0].sha256
    return _sha256(reading.file) or ""


def _sha256(file: FileRecord) -> str | None:
    try:
        return sha256_at(file.location)
    except DocumentError:
        return None
