"""Brings an archive up to date with folders of files: the way in."""

from __future__ import annotations

import uuid
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path
from time import perf_counter

from docpager.archive.analyzer import ANALYZER_VERSION, Analyzer
from docpager.archive.document_registry import DocumentRegistry, missing_files
from docpager.archive.embedders.base import DEFAULT_EMBEDDER, Embedder, load_embedder, version_of
from docpager.archive.embedders.cache import cached
from docpager.archive.engine_ingest import EngineSource, EngineWriter
from docpager.archive.home import Home, again_if_superseded, home_at, kept_here, writing
from docpager.archive.ingest_files import (
    FilesSource,
    ReadingSettings,
    RememberedReadings,
    Source,
)
from docpager.archive.ingest_report import IngestReport, report_of
from docpager.archive.ingest_session import (
    COMMIT_PASSAGES,
    IngestChanges,
    IngestSession,
    PartsWriter,
    Progress,
)
from docpager.archive.maintenance import with_current_indexes
from docpager.archive.manifest import (
    CHATS,
    COPY,
    MANIFEST,
    SHARDS,
    FileRecord,
    Manifest,
    discard_unnamed_parts,
    read_manifest,
)
from docpager.archive.snapshot import outdated_indexes
from docpager.archive.snapshot_writer import SnapshotWriter
from docpager.core.errors import ArchiveError, UsageError
from docpager.core.locations import Location, absolute, wherever_from
from docpager.documents.kinds import unread_kind
from docpager.documents.reasons import Reason
from docpager.engines.engine import Engine
from docpager.storage.writer_lock import LOCK_FILE

__all__ = ["ingest"]

_LEFT_OUT = (Reason.UNSUPPORTED, Reason.HIDDEN)


def ingest(
    roots: Sequence[Location],
    archive_directory: Location,
    *,
    embedder: str | Embedder | None = None,
    text_field: str | None = None,
    prune: bool = False,
    progress: Progress | None = None,
    reading: ReadingSettings | None = None,
    source: Source | None = None,
    commit_passages: int = COMMIT_PASSAGES,
    engine: Engine | None = None,
) -> IngestReport:
    """Bring the archive up to date with the files under `roots`, as a new generation.

    Files that look unchanged are not opened; without a change there is no new generation. What was
    read is committed after every `commit_passages` new passages, or half a minute. Files that could
    not be read are remembered, and read again when they change or `reading` asks for it; so are
    files that older rules read, with `ReadingSettings(reread=True)`. Indexes made by another
    version of the analyzer or the embedder are made again from the stored text first. `prune`
    removes the documents of files that are gone; otherwise they are kept and reported. With an
    `engine` files are read and parts are written there; the results are the same.

    Raises:
        UsageError: there is no such file or folder, one that was named is of a kind that is not
            read, or there is no such embedder.
        ArchiveError: the place is no archive, cannot be written, is being written by another
            process, or was built with another embedder.
        StorageError: object storage refuses, or does not answer.
    """
    began = perf_counter()
    if engine is not None:
        archive_directory = wherever_from(archive_directory)
    home = home_at(archive_directory)
    files = source or _source(archive_directory, home, embedder, text_field, reading, engine)
    # On disk nobody else commits meanwhile.
    remembered = None if isinstance(home, Path) else RememberedReadings(files)
    files = remembered or files
    reread = reading is not None and reading.reread
    places = [absolute(root) for root in roots]
    changes = IngestChanges()
    manifest = _committed(home)
    found, unsupported = _sorted_out(files.find(roots), manifest)
    _refuse_other_embedder(home, manifest, embedder)
    left_out = _left_out(manifest, unsupported, places)
    has_news = manifest is not None and left_out != manifest.left_out
    if has_news or _has_work(manifest, found, places, files, prune=prune, reread=reread):

        def begin() -> IngestSession:
            session = _update(home, embedder, commit_passages, progress, engine, reread=reread)
            session.on_commit = remembered.committed if remembered else session.on_commit
            return session

        def run(session: IngestSession) -> Manifest:
            return session.run(found, places, files, prune=prune, left_out=left_out)

        with writing(home):
            manifest, changes = _whatever_others_commit(begin, run)
    missing = missing_files(DocumentRegistry(manifest).files, found, places)
    return report_of(manifest, found, missing, changes, unsupported, seconds=perf_counter() - began)


def _whatever_others_commit(
    begin: Callable[[], IngestSession], run: Callable[[IngestSession], Manifest]
) -> tuple[Manifest, IngestChanges]:
    """What `run` commits and changes, begun again where another writer was faster."""
    changes = IngestChanges()

    def attempt() -> Manifest:
        nonlocal changes
        session = begin()
        session.changes = changes.copy()
        try:
            return run(session)
        finally:
            # What was committed counts, whatever became of the rest.
            changes = session.committed_changes or changes

    return again_if_superseded(attempt), changes


def _sorted_out(
    found: Sequence[FileRecord], manifest: Manifest | None
) -> tuple[list[FileRecord], list[FileRecord]]:
    """The files to read, and those that are hidden or of a kind that is not read.

    One that was named itself in an earlier ingest, and read, goes on being read.
    """
    read = {file.location for file in manifest.files if file.documents} if manifest else set()
    unsupported = [file for file in found if file.reason in _LEFT_OUT and file.location not in read]
    left_out = {file.location for file in unsupported}
    return [
        replace(file, reason="") if file.reason in _LEFT_OUT else file
        for file in found
        if file.location not in left_out
    ], unsupported


def _left_out(
    manifest: Manifest | None, unsupported: Sequence[FileRecord], places: Sequence[str]
) -> tuple[tuple[str, str, int], ...]:
    """What is not read, counted by root and kind: of these places as it is now, of others as it
    was."""
    counts = Counter(
        (file.root, "hidden" if file.reason == Reason.HIDDEN else unread_kind(file.path))
        for file in unsupported
    )
    for root, kind, count in manifest.left_out if manifest else ():
        if not any(f"{root}/".startswith(f"{place.rstrip('/')}/") for place in places):
            counts[root, kind] = count
    return tuple(sorted((root, kind, count) for (root, kind), count in counts.items()))


def _has_work(
    manifest: Manifest | None,
    found: Sequence[FileRecord],
    places: Sequence[str],
    source: Source,
    *,
    prune: bool,
    reread: bool,
) -> bool:
    if manifest is not None and outdated_indexes(manifest):
        return True
    registry = DocumentRegistry(manifest)
    if not all(registry.is_unchanged(file, source.retries, reread=reread) for file in found):
        return True
    return prune and bool(missing_files(registry.files, found, places))


def _committed(directory: Home) -> Manifest | None:
    """The archive's manifest; None where an archive can be made.

    Raises:
        ArchiveError: the place holds something else, or a damaged archive.
    """
    if not isinstance(directory, Path):
        return directory.committed()
    if any((directory / name).exists() for name in (MANIFEST, COPY, SHARDS)):
        return read_manifest(directory)
    if directory.is_dir():
        names = [path.name for path in directory.iterdir() if path.name != CHATS]
        if names and LOCK_FILE not in names:
            raise ArchiveError(
                f"'{directory}' is not empty and not an archive; name another with `archive=`"
            )
    elif directory.exists():
        raise ArchiveError(f"'{directory}' is a file; name another archive with `archive=`")
    return None


def _refuse_other_embedder(
    directory: Home, manifest: Manifest | None, asked: str | Embedder | None
) -> None:
    if manifest is None or asked is None:
        return
    name = asked if isinstance(asked, str) else asked.name
    if name != manifest.embedder:
        raise ArchiveError(
            f"archive '{directory}' was built with embedder {manifest.embedder!r}, but {name!r} "
            f"was asked for; pass `embedder={manifest.embedder!r}`, or ingest into another archive"
        )


def _update(
    directory: Home,
    embedder: str | Embedder | None,
    commit_passages: int,
    progress: Progress | None,
    engine: Engine | None,
    *,
    reread: bool,
) -> IngestSession:
    """What is needed to write the next generation. The lock is held: nobody else writes."""
    manifest = _committed(directory)
    _refuse_other_embedder(directory, manifest, embedder)
    discard_unnamed_parts(directory, manifest)
    named = embedder or (manifest.embedder if manifest else DEFAULT_EMBEDDER)
    load = _loader(named, directory)
    if manifest is None:
        made = load()
        manifest = Manifest(
            uuid.uuid4().hex,
            0,
            made.name,
            made.dimension,
            analyzer=ANALYZER_VERSION,
            embedder_version=version_of(made),
        )
    elif outdated_indexes(manifest):
        manifest = with_current_indexes(directory, manifest, progress=progress)

    analyzer = Analyzer()

    def open_writer(base: Manifest, embedded: Callable[[int], None]) -> PartsWriter:
        if engine is not None:
            return EngineWriter(engine, directory, base, embedded=embedded)
        return SnapshotWriter(directory, base, embedder=load, embedded=embedded, analyzer=analyzer)

    def make_current(base: Manifest) -> Manifest:
        return with_current_indexes(directory, base, embedder=load(), progress=progress)

    return IngestSession(
        directory,
        manifest,
        open_writer,
        make_current=make_current,
        commit_passages=commit_passages,
        progress=progress,
        reread=reread,
    )


def _source(
    archive_directory: Location,
    home: Home,
    embedder: str | Embedder | None,
    text_field: str | None,
    reading: ReadingSettings | None,
    engine: Engine | None,
) -> Source:
    if engine is None:
        return FilesSource(archive_directory, text_field=text_field, settings=reading)
    named = _named_embedder(embedder, _committed(home))
    return EngineSource(
        engine, archive_directory, embedder=named, text_field=text_field, settings=reading
    )


def _named_embedder(embedder: str | Embedder | None, manifest: Manifest | None) -> str:
    """What workers load.

    Raises:
        UsageError: it is none that can be found by a name.
    """
    if embedder is not None and not isinstance(embedder, str):
        raise UsageError("an engine finds its embedder by name; give `embedder=` as a name")
    return embedder or (manifest.embedder if manifest else DEFAULT_EMBEDDER)


def _loader(embedder: str | Embedder, directory: Home) -> Callable[[], Embedder]:
    @cache
    def load() -> Embedder:
        made = load_embedder(embedder) if isinstance(embedder, str) else embedder
        return cached(made, kept_here(directory))

    return load
