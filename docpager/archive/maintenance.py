"""Forgetting documents, compacting an archive until nothing of them is left, and making indexes
again that other rules made."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

from docpager.archive.analyzer import ANALYZER_VERSION
from docpager.archive.document_registry import named_documents
from docpager.archive.embedders.base import Embedder, load_embedder, version_of
from docpager.archive.embedders.cache import CACHE, cached
from docpager.archive.home import (
    Home,
    again_if_superseded,
    home_at,
    kept_here,
    sound_segment,
    writing,
)
from docpager.archive.ingest_report import IngestProgress, Progress
from docpager.archive.manifest import (
    DocumentRecord,
    FileRecord,
    Manifest,
    commit_manifest,
    discard_unnamed_parts,
    read_manifest,
)
from docpager.archive.recognised_pages import forget_recognised
from docpager.archive.remote_files import stands_there
from docpager.archive.snapshot import outdated_indexes, vectors_differ
from docpager.archive.snapshot_writer import (
    SnapshotWriter,
    StoredDocument,
    rewrite,
    stored_document,
)
from docpager.core.errors import ArchiveError, StorageError, UsageError
from docpager.core.locations import Location
from docpager.documents.reasons import Reason
from docpager.storage.atomic_files import discard

__all__ = [
    "Compacted",
    "Forgotten",
    "compact",
    "forget",
    "rebuild_indexes",
    "with_current_indexes",
]


@dataclass(frozen=True, slots=True)
class Forgotten:
    """What was forgotten."""

    archive_id: str
    documents: tuple[tuple[int, str], ...]
    """(id, path), earlier versions of the documents asked for included."""
    still_there: tuple[str, ...]
    """Files that hold them: a later `ingest` of their folder reads them again."""


@dataclass(frozen=True, slots=True)
class Compacted:
    """An archive after it was written anew."""

    documents: int
    passages: int
    bytes_before: int
    bytes_after: int
    waiting: int = 0
    """Objects in object storage that are no part of the archive any more, and are removed when
    their time of grace is over."""
    waiting_bytes: int = 0


def forget(place: Location, documents: Collection[int]) -> Forgotten:
    """Take documents and their earlier versions out of the archive; `compact` erases their text.

    Nothing of their content is remembered: if it comes back, it gets a new id. Their files are, by
    place, size and time, so that nobody reads them again without being asked to.

    Raises:
        UsageError: there is no such document; then nothing is forgotten.
        ArchiveError: the archive cannot be read or written.
        StorageError: object storage refuses, or does not answer.
    """
    directory = home_at(place)
    read_manifest(directory)

    def attempt() -> tuple[Manifest, dict[int, DocumentRecord]]:
        manifest = read_manifest(directory)
        # Read again under the lock: another writer may have committed since the first look, which
        # only made sure that there is an archive to lock.
        doomed = _with_earlier_versions(manifest, documents)
        discard_unnamed_parts(directory, manifest)
        files = tuple(_without(file, doomed) for file in manifest.files)
        successor = replace(
            _without_documents(directory, manifest, doomed),
            files=files,
            forgotten=tuple(sorted({*manifest.forgotten, *doomed})),
        )
        commit_manifest(directory, successor)
        return manifest, doomed

    with writing(directory):
        manifest, doomed = again_if_superseded(attempt)
        sha256s = {record.sha256 for record in doomed.values()}
        forget_recognised(kept_here(directory), sha256s)
    return Forgotten(
        archive_id=manifest.archive_id,
        documents=named_documents(manifest, doomed.values()),
        still_there=_still_there(manifest, doomed),
    )


def compact(
    place: Location, *, redacted: Collection[int] = (), grace_seconds: float | None = None
) -> Compacted:
    """Write the archive anew without what was deleted, replaced or forgotten.

    `redacted`: forgotten documents that no journal holds any more; the ids of others are kept for
    another time.
    In object storage, what is no part of the archive any more is removed once it has been so for
    `grace_seconds` (a day): readers may be opening it. What another writer began and never
    committed is removed after a day.

    Raises:
        ArchiveError: the archive cannot be read or written, or a part of it is damaged.
        StorageError: object storage refuses, or does not answer.
    """
    directory = home_at(place)
    if grace_seconds is not None and not isinstance(directory, Path):
        directory.grace_seconds = grace_seconds
    read_manifest(directory)

    def attempt() -> tuple[int, Manifest]:
        manifest = read_manifest(directory)
        before = _bytes(directory, manifest)

        @cache
        def load() -> Embedder:
            return load_embedder(manifest.embedder)

        # Written anew instead of edited in place: deleted rows live on in vector files and in
        # segments of the word index until the file itself is gone.
        successor = rewrite(
            directory,
            manifest,
            _live_documents(directory, manifest),
            embedder=load,
            forgotten=tuple(sorted(set(manifest.forgotten) - set(redacted))),
        )
        return before, successor

    waiting = (0, 0)
    with writing(directory):
        before, successor = again_if_superseded(attempt)
        # Embeddings say something of their texts; those of live documents are in the segments.
        discard(kept_here(directory) / CACHE)
        if not isinstance(directory, Path):
            waiting = directory.remove_unnamed(successor)
    return Compacted(
        documents=sum(record.is_live for record in successor.documents),
        passages=sum(segment.rows for segment in successor.segments),
        bytes_before=before,
        bytes_after=_bytes(directory, successor),
        waiting=waiting[0],
        waiting_bytes=waiting[1],
    )


def with_current_indexes(
    directory: Home,
    manifest: Manifest,
    *,
    embedder: Embedder | None = None,
    progress: Progress | None = None,
) -> Manifest:
    """The archive with indexes of the rules of now, made from the stored text and committed where
    other rules had made them; `embedder` as in `outdated_indexes`.

    No file of a document is needed: a passage is embedded from its text, its title and its section,
    which all stand in the segments. The caller holds the writer's lock.

    Raises:
        ArchiveError: a part of the archive is damaged.
    """
    if not outdated_indexes(manifest, embedder):
        # What holds nothing yet was made by no rules.
        kept = replace(manifest, analyzer=ANALYZER_VERSION) if not manifest.lexical else manifest
        if embedder is None or manifest.segments:
            return kept
        return _with_embedder(kept, embedder)
    made_again = embedder if embedder and vectors_differ(manifest, embedder) else None

    def load() -> Embedder:
        # `rewrite` asks for it only where a document comes without its vectors.
        return made_again or load_embedder(manifest.embedder)

    reached = IngestProgress(passages=sum(r.passages for r in manifest.documents if r.is_live))
    reached.rebuilding = True

    def told(documents: Iterator[StoredDocument]) -> Iterator[StoredDocument]:
        for stored in documents:
            yield replace(stored, vectors=None) if made_again else stored
            reached.embedded += len(stored.passages)
            if progress:
                progress(reached)

    return rewrite(
        directory,
        _with_embedder(manifest, made_again) if made_again else manifest,
        told(_live_documents(directory, manifest)),
        embedder=load,
    )


def rebuild_indexes(
    directory: Home, *, embedder: Embedder | None, progress: Progress | None = None
) -> None:
    """Make the archive's indexes those of the rules of now, whoever made them.

    Raises:
        ArchiveError: they cannot be made now; the message says why they must be, and what to do.
    """
    why = outdated_indexes(read_manifest(directory), embedder)

    def attempt() -> None:
        manifest = read_manifest(directory)
        kept = None if embedder is None else cached(embedder, kept_here(directory))
        with_current_indexes(directory, manifest, embedder=kept, progress=progress)

    try:
        with writing(directory):
            again_if_superseded(attempt)
    except (ArchiveError, StorageError) as error:
        raise ArchiveError(
            f"archive '{directory}' cannot be searched as it is: {why}. It is made again from the "
            f"stored text, which was not possible now: {error}"
        ) from error


def _with_embedder(manifest: Manifest, embedder: Embedder) -> Manifest:
    version, dimension = version_of(embedder), embedder.dimension
    return replace(manifest, embedder_version=version, dimension=dimension)


def _with_earlier_versions(
    manifest: Manifest, documents: Collection[int]
) -> dict[int, DocumentRecord]:
    known = {record.id: record for record in manifest.documents}
    for number in documents:
        if number not in known:
            raise UsageError(f"no document D{number}; nothing was forgotten")
    doomed = set(documents)
    while True:
        # Versions form chains (D3 -> D41 -> D60), so this repeats until a round finds none; each
        # adds at least one, so it ends.
        earlier = {r.id for r in known.values() if r.replaced_by in doomed} - doomed
        if not earlier:
            return {number: known[number] for number in sorted(doomed)}
        doomed |= earlier


def _without_documents(directory: Home, manifest: Manifest, doomed: Collection[int]) -> Manifest:
    def load() -> Embedder:
        return load_embedder(manifest.embedder)

    writer = SnapshotWriter(directory, manifest, embedder=load)
    if manifest.lexical:
        writer.remove(sorted(doomed))
    kept = {record.id: record for record in manifest.documents if record.id not in doomed}
    return writer.close(kept)


def _without(file: FileRecord, doomed: Collection[int]) -> FileRecord:
    """The file as it is remembered from now on."""
    kept = tuple((number, line) for number, line in file.documents if number not in doomed)
    if kept or not file.documents:
        return replace(file, documents=kept)
    # The hash goes too: it would tell that somebody holds exactly this content.
    said = f"{file.path!r} was forgotten; `docpager ingest` takes it in again"
    return replace(file, documents=(), sha256="", problems=(said,), reason=Reason.FORGOTTEN)


def _still_there(manifest: Manifest, doomed: Collection[int]) -> tuple[str, ...]:
    holding = (
        file.location
        for file in manifest.files
        if any(number in doomed for number, _ in file.documents)
    )
    return tuple(location for location in holding if stands_there(location))


def _live_documents(directory: Home, manifest: Manifest) -> Iterator[StoredDocument]:
    segments = {record.name: sound_segment(directory, record) for record in manifest.segments}
    for document in _live(manifest.documents):
        yield stored_document(segments[document.segment], document)


def _live(records: Sequence[DocumentRecord]) -> list[DocumentRecord]:
    return sorted((record for record in records if record.is_live), key=lambda record: record.id)


def _bytes(directory: Home, manifest: Manifest) -> int:
    if not isinstance(directory, Path):
        return sum(file.bytes for file in manifest.stored)
    rooms = ("segments", "lexical", "deletions")
    files = (path for room in rooms for path in (directory / room).rglob("*") if path.is_file())
    # The word index shares files with the one before it.
    sizes = {(stat.st_dev, stat.st_ino): stat.st_size for stat in (p.stat() for p in files)}
    return sum(sizes.values())
