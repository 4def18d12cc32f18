"""Checks an archive: every byte against its checksum, every count and id against the manifest."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from docpager.archive.generation import live_rows
from docpager.archive.lexical import LexicalIndex, key_of
from docpager.archive.manifest import (
    COPY,
    MANIFEST,
    DocumentRecord,
    Manifest,
    SegmentRecord,
    copy_is_sound,
    read_manifest,
)
from docpager.archive.segment import Segment
from docpager.core.errors import ArchiveError
from docpager.core.passages import PassageId
from docpager.storage.atomic_files import checksums_of, damage_of

__all__ = ["Damage", "Verified", "damages_of", "verify"]


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


def verify(directory: Path) -> Verified:
    """Check the committed generation; a newer one when a writer replaced it meanwhile.

    Raises:
        ArchiveError: there is no archive, or its manifest is damaged.
    """
    manifest = read_manifest(directory)
    while True:
        damages = damages_of(directory, manifest)
        newer = read_manifest(directory) if damages else manifest
        if newer.generation == manifest.generation:
            break
        manifest = newer
    live = [record for record in manifest.documents if record.is_live]
    return Verified(
        generation=manifest.generation,
        parts=len(manifest.parts),
        bytes=sum(_bytes(directory / part) for part in manifest.parts),
        documents=len(live),
        passages=sum(record.passages for record in live),
        damages=tuple(damages),
    )


def damages_of(directory: Path, manifest: Manifest) -> list[Damage]:
    """Everything about one generation that is not as it should be."""
    damages = [Damage(MANIFEST, "", problem) for problem in _record_problems(manifest)]
    if not copy_is_sound(directory):
        damages.append(Damage(COPY, "", "its bytes have changed"))
    for part in manifest.parts:
        if part.startswith("deletions/"):
            continue
        found = damage_of(directory / part)
        damages += [Damage(part, name, problem) for name, problem in found.items()]
        if not found and not damages:
            damages += [Damage(part, "", problem) for problem in _deep(directory, manifest, part)]
    if manifest.deletions and not damages:
        damages += _deletion_damages(directory, manifest)
    return damages


def _deep(directory: Path, manifest: Manifest, part: str) -> list[str]:
    """What a part holds that is not what the manifest says, although its bytes are sound."""
    room, _, name = part.partition("/")
    try:
        if room == "lexical":
            return list(_lexical_problems(directory / part, manifest))
        (record,) = (record for record in manifest.segments if record.name == name)
        return list(_segment_problems(directory / part, record, manifest.documents))
    except (ArchiveError, OSError) as error:
        return [str(error)]


def _record_problems(manifest: Manifest) -> Iterator[str]:
    """What the manifest says that cannot be true together."""
    ids = Counter(record.id for record in manifest.documents)
    yield from (f"document D{number} stands in it twice" for number, n in ids.items() if n > 1)
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
            yield f"document D{record.id} has rows in segment {record.segment!r} that are not its"
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


def _deletion_damages(directory: Path, manifest: Manifest) -> Iterator[Damage]:
    """The bitmap says the same as the manifest's rows, so it needs no checksum of its own."""
    import numpy as np

    part = f"deletions/{manifest.deletions}"
    live = live_rows(manifest.segments, manifest.documents)
    bits = [np.packbits(~live[record.name], bitorder="little") for record in manifest.segments]
    try:
        content = (directory / part).read_bytes()
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
