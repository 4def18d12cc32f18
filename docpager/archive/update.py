"""One ingest at work: reads what changed, writes the next generation, commits it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from time import monotonic

from docpager.archive.catalogue import Catalogue, missing_files
from docpager.archive.generation import LIVE_SEGMENTS, SETTLED_SEGMENTS, GenerationWriter
from docpager.archive.manifest import (
    DocumentRecord,
    FileRecord,
    Manifest,
    commit_manifest,
    discard_unnamed_parts,
)
from docpager.archive.sources import Reading, Source
from docpager.core.errors import DocumentError
from docpager.documents.chunking import passages_of
from docpager.documents.document import Cut, Document
from docpager.documents.files import content_sha256
from docpager.documents.reasons import Reason

__all__ = ["COMMIT_PASSAGES", "Changes", "Progress", "Reached", "Update"]

COMMIT_PASSAGES = 25_000
"""New passages after which an ingest commits and goes on; it never cuts a file in two."""
_COMMIT_SECONDS = 30.0
"""The same by time: what an interrupted ingest may have to do again."""


@dataclass(slots=True)
class Reached:
    """How far an ingest has come."""

    files: int = 0
    """Read and taken in."""
    all_files: int = 0
    """Those that must be read."""
    path: str = ""
    """Of the last one."""
    pdf_pages: int = 0
    passages: int = 0
    """Of the files taken in."""
    embedded: int = 0
    """Passages that have their vectors."""


Progress = Callable[[Reached], None]
"""Told after each file that was read, and whenever some of its passages are embedded."""


@dataclass(slots=True)
class Changes:
    """What one ingest changed."""

    new: int = 0
    changed: int = 0
    removed: int = 0
    read: int = 0
    duplicates: list[tuple[tuple[str, str], tuple[str, str]]] = field(default_factory=list)
    """(root, path) of a file, and of the equal one that was read before it."""


class Update:
    """The way to the next generation, or to several where there is much to read.

    The caller holds the writer's lock.
    """

    def __init__(
        self,
        directory: Path,
        manifest: Manifest,
        open_writer: Callable[[Manifest, Callable[[int], None]], GenerationWriter],
        *,
        commit_passages: int = COMMIT_PASSAGES,
        progress: Progress | None = None,
    ) -> None:
        self.changes = Changes()
        self._reached = Reached()
        self._progress = progress
        self._directory = directory
        self._open_writer = open_writer
        self._commit_passages = commit_passages
        self._commits = 0
        self._begin(manifest)
        self._catalogue = Catalogue(manifest)
        self._before = dict(self._catalogue.files)

    def run(
        self,
        found: Sequence[FileRecord],
        places: Sequence[str],
        source: Source,
        *,
        prune: bool,
    ) -> Manifest:
        """Read what is new, let go of what is gone, and commit."""
        try:
            self._read(found, source)
            self._let_go(found, places, prune=prune)
            return self._commit(SETTLED_SEGMENTS if self._commits else LIVE_SEGMENTS)
        except BaseException:
            self._writer.abandon()
            raise

    def _read(self, found: Sequence[FileRecord], source: Source) -> None:
        """Take in what is new or changed among the files found."""
        changed = [file for file in found if not self._is_unchanged(file, source)]
        for file in changed:
            if file.problems:
                self._catalogue.add_problems(file, file.problems, file.reason)
        readable = [self._as_known(file) for file in changed if not file.problems]
        unknown = [file for file in readable if not self._adopt(file)]
        self._reached.all_files = len(unknown)
        for done, reading in enumerate(source.read(unknown), start=1):
            self._reached.path = reading.file.path
            self._take_file(reading)
            self._reached.files = done
            self._tell()
            if done < len(unknown) and self._is_due():
                self._begin(self._commit())
        self.changes.read = len(unknown)

    def _is_unchanged(self, file: FileRecord, source: Source) -> bool:
        return self._catalogue.is_unchanged(file, source.retries)

    def _begin(self, manifest: Manifest) -> None:
        """Open the generation after `manifest`."""
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
        missing = missing_files(self._catalogue.files, found, places)
        for location in self._catalogue.moved([*missing, *self._left_behind(missing)]):
            self._catalogue.forget_file(location)
        for location in missing:
            if prune and location in self._catalogue.files:
                self._catalogue.forget_file(location)

    def _left_behind(self, missing: Sequence[str]) -> list[str]:
        """Files of other roots whose documents turned up in this ingest and that are gone."""
        arrived = {
            number
            for location, file in self._catalogue.files.items()
            if self._before.get(location) is not file
            for number, _ in file.documents
        }
        return [
            location
            for location, file in self._before.items()
            if location not in missing
            and any(number in arrived for number, _ in file.documents)
            and not Path(location).exists()
        ]

    def _commit(self, most_segments: int = LIVE_SEGMENTS) -> Manifest:
        """Write the generation and make it the archive."""
        departures = self._catalogue.settle(before=self._before)
        if departures:
            self._writer.remove([departure.document for departure in departures])
        replaced = sum(departure.replaced_by is not None for departure in departures)
        self.changes.changed += replaced
        self.changes.removed += len(departures) - replaced
        files = self._catalogue.files
        manifest = replace(
            self._writer.close(self._catalogue.documents, most_segments=most_segments),
            next_document=self._catalogue.next_document,
            files=tuple(files[location] for location in sorted(files)),
        )
        commit_manifest(self._directory, manifest)
        discard_unnamed_parts(self._directory, manifest)
        self._commits += 1
        self._catalogue.refresh(manifest)
        return manifest

    def _as_known(self, file: FileRecord) -> FileRecord:
        known = self._catalogue.files.get(file.location)
        return replace(file, root=known.root, path=known.path) if known else file

    def _adopt(self, file: FileRecord) -> bool:
        if not self._catalogue.may_be_known(file):
            return False
        sha256 = _sha256(file)
        return sha256 is not None and self._catalogue.adopt(replace(file, sha256=sha256))

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
            self._catalogue.add_problems(reading.file, problems, reading.reason or Reason.EMPTY)
            return
        file = replace(reading.file, documents=tuple(held), problems=tuple(problems))
        self._catalogue.add_file(replace(file, sha256=_sha256_of(reading)))

    def _take_document(
        self, file: FileRecord, document: Document, cuts: tuple[Cut, ...], line: str
    ) -> int:
        number, must_add = self._catalogue.number_of(document.sha256, file.reader)
        path = file.path + line
        if must_add:
            self._add_document(number, document, cuts, file, path)
            return number
        twin = self._catalogue.documents[number].paths
        if twin and twin[0] != (file.root, path):
            self.changes.duplicates.append(((file.root, path), twin[0]))
        return number

    def _add_document(
        self, number: int, document: Document, cuts: tuple[Cut, ...], file: FileRecord, path: str
    ) -> None:
        passages = passages_of(document, cuts, number)
        self._reached.pdf_pages += len(document.pdf_pages)
        self._reached.passages += len(passages)
        segment, first_row = self._writer.add(number, document, passages)
        self._catalogue.add_document(
            DocumentRecord(
                id=number,
                sha256=document.sha256,
                title=document.title,
                kind=document.kind,
                passages=len(passages),
                tokens=sum(passage.tokens for passage in passages),
                pdf_pages=len(document.pdf_pages),
                unreadable=document.unreadable,
                paths=((file.root, path),),
                segment=segment,
                first_row=first_row,
                reader=file.reader,
            )
        )
        self.changes.new += 1
        self._waiting_passages += len(passages)


def _sha256_of(reading: Reading) -> str:
    """Of the whole file: that of its document, unless it holds several."""
    if len(reading.documents) == 1 and reading.documents[0][0].path == reading.file.path:
        return reading.documents[0][0].sha256
    return _sha256(reading.file) or ""


def _sha256(file: FileRecord) -> str | None:
    try:
        return content_sha256(Path(file.location))
    except DocumentError:
        return None
