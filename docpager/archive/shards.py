"""Archives of shards: a place that names other archives, which are searched as one.

Each shard is an archive of its own (a year, a customer), is written on its own, and can be read on
its own. A document's number is that of its shard, times a million, plus its number there: shards
that are added later change none. What is found, and its order, is what one archive of all documents
finds that was made shard by shard: words are weighed by how often they stand in all shards
together, and equals are ordered by their numbers.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from docpager.archive.home import Home, home_at, part_path
from docpager.archive.lexical import open_joined
from docpager.archive.manifest import (
    MANIFEST,
    SHARDS,
    DocumentRecord,
    FileRecord,
    Manifest,
    SegmentRecord,
    StoredFile,
)
from docpager.archive.segment import Segment
from docpager.archive.snapshot import Snapshot, open_snapshot
from docpager.core.errors import ArchiveError, UsageError
from docpager.core.locations import Location, as_location
from docpager.storage.atomic_files import checksums_of
from docpager.storage.whole_files import read_whole, size_of, write_whole

__all__ = ["NUMBERS_EACH", "name_shards", "open_place", "shards_at"]

NUMBERS_EACH = 1_000_000
"""Numbers of documents that a shard may give."""
_MOST_SHARDS = 2_000


def name_shards(place: Location, shards: Sequence[Location]) -> None:
    """Make `place` an archive of these shards, in this order; those it has keep their position.

    Raises:
        UsageError: there are none, or too many, one is named twice, one that it had is left out
            or stands elsewhere, `place` is an archive itself.
        ArchiveError: one is no archive, or was made with another embedder.
    """
    named = [str(s.resolve() if isinstance(s, Path) else s) for s in shards]
    if not 0 < len(named) <= _MOST_SHARDS or len(set(named)) < len(named):
        raise UsageError(f"name from one to {_MOST_SHARDS:,} shards, each once")
    if size_of(place / MANIFEST) is not None:
        raise UsageError(f"'{place}' is an archive itself; name another place for its shards")
    had = [str(each) for each in shards_at(place) or ()]
    if named[: len(had)] != had:
        raise UsageError(
            f"'{place}' has shards already, and documents are numbered by their position; name "
            f"these first: {' '.join(had)}"
        )
    _as_one([open_snapshot(shard) for shard in shards], named)
    if isinstance(place, Path):
        place.mkdir(parents=True, exist_ok=True)
    content = json.dumps({"format": 1, "shards": named}, indent=1) + "\n"
    write_whole(place / SHARDS, content.encode())


def shards_at(place: Location) -> list[Location] | None:
    """The shards that a place names; None where it names none.

    Raises:
        ArchiveError: what names them is damaged.
        StorageError: object storage cannot be read.
    """
    try:
        content = read_whole(place / SHARDS)
    except (FileNotFoundError, NotADirectoryError):
        return None
    try:
        said = json.loads(content)
        if said["format"] != 1:
            raise ValueError("another format")
        return [as_location(str(each), "shard") for each in said["shards"]]
    except (ValueError, KeyError, TypeError) as error:
        raise ArchiveError(
            f"'{place / SHARDS}' is damaged: {error}; name the shards again"
        ) from None


def open_place(place: Location) -> Snapshot:
    """The committed generation of an archive, or those of its shards as one.

    Raises:
        ArchiveError: there is no archive, it is damaged, or its shards do not fit together.
        StorageError: object storage cannot be read.
    """
    try:
        # First: it is what most places hold, and looking for shards there is a request more.
        return open_snapshot(place)
    except ArchiveError:
        shards = shards_at(place)
        if shards is None:
            raise
    return _as_one([open_snapshot(shard) for shard in shards], [str(each) for each in shards])


def _as_one(snapshots: Sequence[Snapshot], places: Sequence[str]) -> Snapshot:
    manifests = [snapshot.manifest for snapshot in snapshots]
    first = manifests[0]
    documents: list[DocumentRecord] = []
    files: list[FileRecord] = []
    segments: dict[str, Segment] = {}
    indexes: list[tuple[Path, int]] = []
    stored: list[StoredFile] = []
    for number, (snapshot, place) in enumerate(zip(snapshots, places, strict=True), start=1):
        manifest = snapshot.manifest
        _refuse_misfit(first, manifest, place)
        after = number * NUMBERS_EACH
        documents += [_numbered(record, number, after) for record in manifest.documents]
        files += [
            replace(file, documents=tuple((id + after, line) for id, line in file.documents))
            for file in manifest.files
        ]
        for name, segment in snapshot.segments.items():
            segment.numbered_after = after
            segments[f"{number}/{name}"] = segment
        home = home_at(as_location(place, "shard"))
        if not isinstance(home, Path):
            home.know(manifest.stored)
        if manifest.lexical:
            indexes.append((part_path(home, f"lexical/{manifest.lexical}"), after))
        stored += manifest.stored or _files_on_disk(home, manifest)
    ids = "\n".join(manifest.archive_id for manifest in manifests)
    one = Manifest(
        hashlib.sha256(ids.encode()).hexdigest()[:32],
        sum(manifest.generation for manifest in manifests),
        first.embedder,
        first.dimension,
        segments=tuple(
            SegmentRecord(f"{number}/{record.name}", record.rows)
            for number, manifest in enumerate(manifests, start=1)
            for record in manifest.segments
        ),
        documents=tuple(documents),
        files=tuple(files),
        forgotten=tuple(
            id + number * NUMBERS_EACH
            for number, manifest in enumerate(manifests, start=1)
            for id in manifest.forgotten
        ),
        left_out=tuple(each for manifest in manifests for each in manifest.left_out),
        analyzer=first.analyzer,
        embedder_version=first.embedder_version,
        lexical="of all shards" if indexes else "",
        stored=tuple(stored),
    )
    return Snapshot(one, segments, open_joined(indexes) if indexes else None)


def _files_on_disk(home: Home, manifest: Manifest) -> Iterator[StoredFile]:
    for part in manifest.parts:
        place = part_path(home, part)
        if place.is_dir():
            for name, checksum in checksums_of(place).items():
                yield StoredFile(part, name, checksum["bytes"], checksum["sha256"], "")


def _numbered(record: DocumentRecord, shard: int, after: int) -> DocumentRecord:
    heir = record.replaced_by
    return replace(
        record,
        id=record.id + after,
        segment=f"{shard}/{record.segment}" if record.segment else "",
        replaced_by=None if heir is None else heir + after,
    )


def _refuse_misfit(first: Manifest, manifest: Manifest, place: str) -> None:
    if manifest.next_document > NUMBERS_EACH:
        raise ArchiveError(f"shard '{place}' has too many documents; divide it")
    made = [(m.embedder, m.embedder_version, m.analyzer) for m in (first, manifest)]
    if made[0] != made[1]:
        raise ArchiveError(
            f"shard '{place}' was made with embedder {made[1][0]!r} (version {made[1][1]}) and "
            f"analyzer {made[1][2]}, the first with {made[0][0]!r} ({made[0][1]}) and "
            f"{made[0][2]}; search each by itself once, or ingest it again"
        )
