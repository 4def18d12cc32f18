"""One committed generation, opened: its manifest and the parts that it names."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from fnmatch import fnmatchcase
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from docpager.archive.analyzer import ANALYZER_VERSION
from docpager.archive.document_registry import told_apart
from docpager.archive.embedders.base import Embedder, version_of
from docpager.archive.home import Home, home_at, part_path, parts_brought
from docpager.archive.lexical import LexicalIndex
from docpager.archive.manifest import DocumentRecord, Manifest, read_manifest
from docpager.archive.segment import Segment
from docpager.core.errors import ArchiveError, UsageError
from docpager.core.locations import Location
from docpager.core.passages import DocumentEntry

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

__all__ = ["Snapshot", "UnknownLocator", "open_snapshot", "outdated_indexes", "vectors_differ"]


_NAMED_AT_MOST = 8
_FETCHED_AGAIN = 8


class UnknownLocator(UsageError, ArchiveError, LookupError):
    """A locator that names nothing in this archive; the message says what there is."""


class Snapshot:
    """The parts of one generation. They stay readable when a writer goes on."""

    def __init__(
        self, manifest: Manifest, segments: dict[str, Segment], lexical: LexicalIndex | None
    ) -> None:
        self.manifest = manifest
        self.segments = segments
        self.lexical = lexical
        """None where nothing was ever indexed."""
        self._records = {record.id: record for record in manifest.documents}

    def record(self, number: int) -> DocumentRecord:
        """A live document.

        Raises:
            UnknownLocator: there is none of this id; the message says what became of it.
        """
        record = self._records.get(number)
        if record is not None and record.is_live:
            return record
        raise UnknownLocator(self._why_not(number, record))

    @cached_property
    def live(self) -> tuple[DocumentRecord, ...]:
        """Live documents by id."""
        return tuple(record for record in self.manifest.documents if record.is_live)

    @cached_property
    def entries(self) -> dict[int, DocumentEntry]:
        """Live documents by id, as the rest of docpager sees them."""
        shown = told_apart(place for record in self.live for place in record.paths)
        return {record.id: record.entry(shown) for record in self.live}

    @property
    def versions(self) -> dict[str, str]:
        """Versions of the rules that read the documents and made the indexes, by what has them."""
        manifest = self.manifest
        readers = sorted({record.reader_version for record in self.live})
        return {
            "reader": ", ".join(map(str, readers)),
            "analyzer": str(manifest.analyzer),
            f"embedder {manifest.embedder}": str(manifest.embedder_version),
        }

    def named(self, name: str) -> Sequence[DocumentEntry]:
        """The documents that a name fits: `D3`, a path, a file name, or a glob of paths.

        Raises:
            UsageError: it fits no document, or is no glob and fits several (which ones are listed).
        """
        entries = self.entries.values()
        if whole := [each for each in entries if name == each.name or name in each.paths]:
            return whole
        ends = [
            self.entries[record.id]
            for record in self.live
            if any(_ends_with(root, path, name) for root, path in record.paths)
        ]
        if len(ends) > 1:
            listed = ", ".join(map(str, ends[:_NAMED_AT_MOST]))
            more = ", ..." if len(ends) > _NAMED_AT_MOST else ""
            raise UsageError(
                f"{name!r} is the name of {len(ends)} documents: {listed}{more}; give one of "
                "these ids or paths, or a glob"
            )
        if found := ends or [each for each in entries if _fits(each, name)]:
            return found
        raise UsageError(f"no document {name!r}; give D3, a path, or a glob such as *2018*")

    def restricted(self, documents: Collection[int] | None) -> Collection[int] | None:
        """These documents; None, which is all of them, where no live one is left out."""
        if documents is None or not self._live_ids.issubset(documents):
            return documents
        return None

    @cached_property
    def _live_ids(self) -> frozenset[int]:
        return frozenset(record.id for record in self.live)

    def rows(self, documents: Collection[int] | None) -> dict[str, NDArray[np.bool_]]:
        """By segment: the rows of live documents, or of these only."""
        from docpager.archive.snapshot_writer import live_rows

        if documents is None:
            return self._live_rows
        return live_rows(self.manifest.segments, self.live_among(documents))

    def live_among(self, documents: Collection[int]) -> list[DocumentRecord]:
        """Those of these documents that are live, by id."""
        return [self._records[number] for number in sorted(self._live_ids.intersection(documents))]

    @cached_property
    def _live_rows(self) -> dict[str, NDArray[np.bool_]]:
        from docpager.archive.snapshot_writer import live_rows

        return live_rows(self.manifest.segments, self.live)

    def _why_not(self, number: int, record: DocumentRecord | None) -> str:
        if record is None:
            return f"no document D{number}; {self._what_there_is()}"
        path = record.paths[0][1] if record.paths else record.title
        if record.replaced_by is None:
            return f"D{number} ({path}) was removed; {self._what_there_is()}"
        return f"D{number} ({path}) was replaced by D{record.replaced_by}"

    def _what_there_is(self) -> str:
        if not self.live:
            return "the archive has no documents"
        first, last = self.live[0].id, self.live[-1].id
        if first == last:
            return f"the archive has one document: D{first}"
        return f"the archive has {len(self.live)} documents, D{first} to D{last}"


def _ends_with(root: str, path: str, name: str) -> bool:
    """Whether a file is called `name`, or stands at a path that ends so."""
    location = f"{root.rstrip('/')}/{path}"
    return location == name or location.endswith(f"/{name}")


def _fits(entry: DocumentEntry, glob: str) -> bool:
    return any(fnmatchcase(path, glob) for path in entry.paths)


def open_snapshot(place: Location | Home) -> Snapshot:
    """The committed generation; a newer one when a writer replaced it meanwhile.

    Raises:
        ArchiveError: there is no archive, or it is damaged.
        StorageError: object storage cannot be read.
    """
    directory = home_at(place)
    manifest = read_manifest(directory)
    # Another program may make room among the parts that were just fetched.
    spare = 0 if isinstance(directory, Path) else _FETCHED_AGAIN
    while True:
        try:
            return _open_parts(directory, manifest)
        except (OSError, ArchiveError) as error:
            # A writer removes parts two generations after their own: then the newer one counts.
            # Not a loop without end: each turn needs a generation that was committed meanwhile, and
            # with the same one the parts are missing for good.
            newer = read_manifest(directory)
            if newer.generation == manifest.generation:
                if not spare:
                    raise _cannot_open(directory, error) from error
                spare -= 1
                _drop_damaged(directory, manifest)
            manifest = newer


def _drop_damaged(home: Home, manifest: Manifest) -> None:
    """Have what is damaged on this machine fetched again."""
    if not isinstance(home, Path):
        for part in manifest.parts:
            if not part.startswith("deletions/"):
                home.drop_damaged(part)


def _cannot_open(directory: Home, error: OSError | ArchiveError) -> ArchiveError:
    if isinstance(error, ArchiveError):
        return error
    if isinstance(error, FileNotFoundError):
        return ArchiveError(
            f"archive '{directory}' is damaged: '{error.filename or error}' is missing; "
            "`docpager.repair(...)` rebuilds it"
        )
    return ArchiveError(f"archive '{directory}' cannot be read: {error.strerror or error}")


def _open_parts(home: Home, manifest: Manifest) -> Snapshot:
    parts_brought(home, manifest)
    segments = {
        record.name: Segment.open(part_path(home, f"segments/{record.name}"), record.rows)
        for record in manifest.segments
    }
    name = manifest.lexical
    lexical = LexicalIndex(part_path(home, f"lexical/{name}")) if name else None
    return Snapshot(manifest, segments, lexical)


def outdated_indexes(manifest: Manifest, embedder: Embedder | None = None) -> str:
    """Which indexes other rules made than those of now, in a sentence; empty where none.

    Vectors are judged only where `embedder` is given: to know its version it must be loaded.
    """
    said = []
    if manifest.lexical and manifest.analyzer != ANALYZER_VERSION:
        said.append(
            f"its word index was made by analyzer {manifest.analyzer}, and this is analyzer "
            f"{ANALYZER_VERSION}"
        )
    if embedder is not None and manifest.segments and vectors_differ(manifest, embedder):
        said.append(
            f"its vectors were made by version {manifest.embedder_version} of embedder "
            f"{manifest.embedder!r}, and this is version {version_of(embedder)}"
        )
    return "; ".join(said)


def vectors_differ(manifest: Manifest, embedder: Embedder) -> bool:
    """Whether `embedder` makes other vectors than those that the archive holds."""
    made_by = (manifest.embedder_version, manifest.dimension)
    return made_by != (version_of(embedder), embedder.dimension)
