"""Verify and repair: checks each byte and count against the manifest, rebuilds what is damaged.

A damaged part is rebuilt from what is sound of it, else from the files that were read.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

from docpager.archive.document_registry import named_documents
from docpager.archive.embedders.base import Embedder, load_embedder, version_of
from docpager.archive.home import (
    Home,
    again_if_superseded,
    home_at,
    part_damage,
    part_path,
    writing,
)
from docpager.archive.ingest_files import FilesSource, ReadingSettings, Source
from docpager.archive.lexical import LexicalIndex, key_of
from docpager.archive.manifest import (
    COPY,
    MANIFEST,
    RECOGNISED_WITH,
    DocumentRecord,
    FileRecord,
    Manifest,
    SegmentRecord,
    copy_is_sound,
    mend_manifest,
    read_manifest,
)
from docpager.archive.segment import DOCUMENTS_FILE, PASSAGES_FILE, Segment
from docpager.archive.snapshot_writer import StoredDocument, live_rows, rewrite, stored_document
from docpager.archive.vectors import PROPOSALS_FILE, VECTORS_FILE
from docpager.core.errors import ArchiveError, StorageError
from docpager.core.locations import Location, StrLocation, as_location
from docpager.core.passages import PassageId
from docpager.documents.chunking import passages_of
from docpager.documents.document import READER_VERSION
from docpager.storage.atomic_files import checksums_of

__all__ = ["Damage", "Repaired", "Verified", "damages_of", "repair", "verify"]


@dataclass(frozen=True, slots=True)
class Damage:
    """Something that is not as it was committed."""

    part: str
    """Relative to the archive."""
    file: str
    """In the part; empty where the part as a whole is meant."""
    problem: str

    def __str__(self) -> str:
        return f"{self.part}{'/' if self.file else ''}{self.file}: {self.problem}"


@dataclass(frozen=True, slots=True)
class Verified:
    """What was checked, and what is wrong with it."""

    generation: int
    parts: int
    bytes: int
    documents: int
    passages: int
    damages: tuple[Damage, ...]


def verify(place: Location) -> Verified:
    """Check the committed generation; a newer one when a writer replaced it meanwhile.

    Of an archive in object storage every object is read, whatever is kept of it on this machine.

    Raises:
        ArchiveError: there is no archive, or its manifest is damaged.
        StorageError: object storage refuses, or does not answer.
    """
    directory = home_at(place)
    manifest = read_manifest(directory)
    while True:
        damages = damages_of(directory, manifest)
        # A writer may have removed parts while they were checked: damage counts only if the
        # generation is still the committed one.
        newer = read_manifest(directory) if damages else manifest
        if newer.generation == manifest.generation:
            break
        manifest = newer
    live = [record for record in manifest.documents if record.is_live]
    return Verified(
        generation=manifest.generation,
        parts=len(manifest.parts),
        bytes=(
            sum(_bytes(directory / part) for part in manifest.parts)
            if isinstance(directory, Path)
            else sum(file.bytes for file in manifest.stored)
        ),
        documents=len(live),
        passages=sum(record.passages for record in live),
        damages=tuple(damages),
    )


def damages_of(directory: Home, manifest: Manifest) -> list[Damage]:
    """Everything about one generation that is not as it should be."""
    damages = [Damage(MANIFEST, "", problem) for problem in _record_problems(manifest)]
    if not copy_is_sound(directory):
        damages.append(Damage(COPY, "", "its bytes have changed"))
    for part in manifest.parts:
        if part.startswith("deletions/"):
            continue
        found = part_damage(directory, part)
        damages += [Damage(part, name, problem) for name, problem in found.items()]
        # Deep checks open the part, and bytes that are not as written may crash the libraries that
        # map them.
        if not found and not damages:
            damages += [Damage(part, "", problem) for problem in _deep(directory, manifest, part)]
    # The bitmap is compared with rows that a damaged manifest would state wrongly.
    if manifest.deletions and not damages:
        damages += _deletion_damages(directory, manifest)
    return damages


def _deep(directory: Home, manifest: Manifest, part: str) -> list[str]:
    """What a part holds that is not what the manifest says, although its bytes are sound."""
    room, _, name = part.partition("/")
    try:
        if room == "lexical":
            return list(_lexical_problems(part_path(directory, part), manifest))
        (record,) = (record for record in manifest.segments if record.name == name)
        return list(_segment_problems(part_path(directory, part), record, manifest.documents))
    except (ArchiveError, OSError, StorageError) as error:
        return [str(error)]


def _record_problems(manifest: Manifest) -> Iterator[str]:
    """What the manifest says that cannot be true together."""
    ids = Counter(record.id for record in manifest.documents)
    yield from (f"document D{number} is in it twice" for number, n in ids.items() if n > 1)
    if ids and max(ids) >= manifest.next_document:
        yield f"the next document would be D{manifest.next_document}, but D{max(ids)} is taken"
    live = {record.id for record in manifest.documents if record.is_live}
    held = {number for file in manifest.files for number, _ in file.documents}
    yield from (f"no file is known to hold document D{number}" for number in sorted(live - held))
    yield from (f"a file holds D{number}, which is not there" for number in sorted(held - live))
    rows = {segment.name: segment.rows for segment in manifest.segments}
    ends: dict[str, int] = dict.fromkeys(rows, 0)
    for record in sorted(
        (record for record in manifest.documents if record.is_live),
        key=lambda record: (record.segment, record.first_row),
    ):
        last = record.first_row + record.passages
        if record.first_row < ends.get(record.segment, 0) or last > rows.get(record.segment, -1):
            yield f"document D{record.id} claims rows of others in segment {record.segment!r}"
        ends[record.segment] = last


def _segment_problems(
    place: Path, record: SegmentRecord, documents: Sequence[DocumentRecord]
) -> Iterator[str]:
    import pyarrow.compute as pc

    segment = Segment.open(place, record.rows)
    if segment.vectors.rows != record.rows:
        yield f"it has {segment.vectors.rows} vectors for {record.rows} passages"
    lengths = pc.utf8_length(segment.table.column("text")).to_numpy()
    tokens = segment.table.column("tokens").to_numpy()
    outlined = {row["document"] for row in segment.outlines()}
    for document in documents:
        if document.segment != record.name:
            continue
        rows = slice(document.first_row, document.first_row + document.passages)
        first = key_of(PassageId(document.id, 1))
        keys, starts = segment.keys[rows], segment.starts[rows]
        if keys.tolist() != list(range(first, first + document.passages)):
            yield f"the passages of D{document.id} are not where they should be"
        elif (starts[1:] - starts[:-1]).tolist() != lengths[rows][:-1].tolist():
            yield f"the passages of D{document.id} do not follow one another"
        elif int(tokens[rows].sum()) != document.tokens:
            yield f"the passages of D{document.id} have another size"
        if document.id not in outlined:
            yield f"the outline of D{document.id} is missing"


def _lexical_problems(place: Path, manifest: Manifest) -> Iterator[str]:
    expected = [
        key_of(PassageId(record.id, ordinal))
        for record in manifest.documents
        if record.is_live
        for ordinal in range(1, record.passages + 1)
    ]
    found = LexicalIndex(place).keys()
    if found != sorted(expected):
        yield f"it has {len(found)} entries, not those of the {len(expected)} live passages"


def _deletion_damages(directory: Home, manifest: Manifest) -> Iterator[Damage]:
    """The bitmap says the same as the manifest's rows, so it needs no checksum of its own."""
    import numpy as np

    part = f"deletions/{manifest.deletions}"
    live = live_rows(manifest.segments, manifest.documents)
    bits = [np.packbits(~live[record.name], bitorder="little") for record in manifest.segments]
    try:
        if isinstance(directory, Path):
            content = (directory / part).read_bytes()
        else:
            content = directory.read_bitmap(part)
    except FileNotFoundError:
        yield Damage(part, "", "it is missing")
        return
    if content != b"".join(row.tobytes() for row in bits):
        yield Damage(part, "", "its bytes have changed")


def _bytes(part: Path) -> int:
    try:
        if part.is_file():
            return part.stat().st_size
        return sum(entry["bytes"] for entry in checksums_of(part).values())
    except (OSError, ValueError, KeyError, TypeError):
        return 0


_TEXT_FILES = {PASSAGES_FILE, DOCUMENTS_FILE}


@dataclass(frozen=True, slots=True)
class Repaired:
    """What a repair did."""

    damages: tuple[Damage, ...]
    """What was found; empty where nothing had to be done."""
    read_again: tuple[tuple[int, str], ...] = ()
    """(id, path) of documents whose passages were read from their files again."""
    lost: tuple[tuple[int, str], ...] = ()
    """(id, path) of documents that could not be rebuilt: their files are gone or have changed."""


def repair(
    directory: StrLocation, *, embedder: Embedder | None = None, source: Source | None = None
) -> Repaired:
    """Rebuild whatever `verify` finds damaged; ids stay, sound parts are copied.

    Raises:
        ArchiveError: there is no archive, its manifest and the copy of it are both damaged, or it
            cannot be written.
        StorageError: object storage refuses, or does not answer.
        UsageError: `directory` is no path.
    """
    place = as_location(directory, "directory")
    home = home_at(place)
    # Without the lock: a folder that is no archive must not get a lock file.
    if not (isinstance(home, Path) and (home / COPY).is_file()):
        read_manifest(home)

    def attempt() -> Repaired:
        mended = [Damage(name, "", said) for name, said in mend_manifest(home).items()]
        manifest = read_manifest(home)
        damages = damages_of(home, manifest)
        if not damages:
            return Repaired(tuple(mended))
        done = _Rebuilding(home, place, manifest, damages, source).run(embedder)
        return replace(done, damages=(*mended, *done.damages))

    with writing(home):
        return again_if_superseded(attempt)


class _Rebuilding:
    """One repair at work."""

    def __init__(
        self,
        directory: Home,
        place: Location,
        manifest: Manifest,
        damages: list[Damage],
        source: Source | None,
    ) -> None:
        self._directory = directory
        self._place = place
        self._manifest = manifest
        self._damages = damages
        self._source = source
        self._live = [record for record in manifest.documents if record.is_live]
        self._sound, self._without_vectors = self._segments()
        self._keeps_vectors = True

    def run(self, embedder: Embedder | None) -> Repaired:
        @cache
        def load() -> Embedder:
            return embedder or load_embedder(self._manifest.embedder)

        wanted = [record for record in self._live if record.segment not in self._sound]
        again = self._read_again(wanted)
        manifest = self._manifest
        if again or self._without_vectors:
            # New vectors beside those of another version would not be comparable with them.
            version, dimension = version_of(load()), load().dimension
            manifest = replace(manifest, embedder_version=version, dimension=dimension)
        self._keeps_vectors = manifest == self._manifest
        lost = [record for record in wanted if record.id not in again]
        rewrite(
            self._directory,
            manifest,
            self._documents(again),
            embedder=load,
            files=self._files_without({record.id for record in lost}),
        )
        read_again = [record for record in wanted if record.id in again]
        return Repaired(
            tuple(self._damages),
            named_documents(self._manifest, read_again),
            named_documents(self._manifest, lost),
        )

    def _segments(self) -> tuple[dict[str, Segment], set[str]]:
        """Segments whose text is sound, and the names of those that need new vectors."""
        bad: dict[str, set[str]] = {}
        for damage in self._damages:
            bad.setdefault(damage.part, set()).add(damage.file)
        sound: dict[str, Segment] = {}
        without_vectors = set()
        for record in self._manifest.segments:
            files = bad.get(f"segments/{record.name}", set())
            if not files:
                place = part_path(self._directory, f"segments/{record.name}")
                sound[record.name] = Segment.open(place, record.rows)
            # The text is whole: embedding it again costs less than reading the files, which may be
            # gone.
            elif files <= {VECTORS_FILE, PROPOSALS_FILE} and isinstance(self._directory, Path):
                place = self._directory / "segments" / record.name
                sound[record.name] = Segment.open(place, record.rows, only=_TEXT_FILES)
                without_vectors.add(record.name)
        return sound, without_vectors

    def _documents(self, again: dict[int, StoredDocument]) -> Iterator[StoredDocument]:
        for record in sorted(self._live, key=lambda record: record.id):
            if record.id in again:
                yield again[record.id]
            elif record.segment in self._sound:
                keeps = self._keeps_vectors and record.segment not in self._without_vectors
                segment = self._sound[record.segment]
                yield stored_document(segment, record, with_vectors=keeps)

    def _read_again(self, wanted: list[DocumentRecord]) -> dict[int, StoredDocument]:
        """Those of the wanted documents that their files still hold, by id."""
        by_content = {(record.sha256, record.reader): record for record in wanted}
        numbers = {record.id for record in wanted}
        files = [f for f in self._manifest.files if any(n in numbers for n, _ in f.documents)]
        found = {}
        for reader in sorted({file.reader for file in files}):
            source = self._source or _source_for(self._place, reader)
            for reading in source.read([file for file in files if file.reader == reader]):
                for document, cuts in reading.documents:
                    record = by_content.get((document.sha256, reading.file.reader_of(document)))
                    if record is None or not cuts:
                        continue
                    passages = tuple(passages_of(document, cuts, record.id))
                    settled = replace(
                        record,
                        passages=len(passages),
                        tokens=sum(passage.tokens for passage in passages),
                        pdf_pages=len(document.pdf_pages),
                        unreadable=document.unreadable,
                        text_sha256=document.text_sha256,
                        reader_version=READER_VERSION,
                        doubtful=document.doubtful,
                    )
                    found[record.id] = StoredDocument(settled, document, passages)
        return found

    def _files_without(self, lost: set[int]) -> tuple[FileRecord, ...]:
        """Files as they are remembered; the next ingest reads those that held a lost document."""
        kept = []
        for file in self._manifest.files:
            documents = tuple(held for held in file.documents if held[0] not in lost)
            if documents == file.documents:
                kept.append(file)
            elif documents:
                # A size that no file has: the next ingest takes the file for changed and reads it
                # again.
                kept.append(replace(file, documents=documents, size=-1, sha256=""))
        return tuple(kept)


def _source_for(directory: Location, reader: str) -> Source:
    """Reads files as a `FileRecord.reader` says that they were read."""
    if reader.startswith(RECOGNISED_WITH):
        language = reader.removeprefix(RECOGNISED_WITH)
        settings = ReadingSettings(ocr=True, ocr_language=language)
        return FilesSource(directory, text_field=None, settings=settings)
    return FilesSource(directory, text_field=reader or None)
