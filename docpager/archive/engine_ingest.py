"""An ingest whose files are read, and whose parts are written, on an engine: here it is decided.

Documents get their ids in the order of paths, whatever the order in which their blocks are read, so
that the archive is the one that this machine alone would have made.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from docpager.archive.blocks import (
    BlockOfFiles,
    DocumentElsewhere,
    WrittenBlock,
    finish_generation,
    read_block,
    write_block,
)
from docpager.archive.home import Home
from docpager.archive.ingest_files import FilesSource, Reading, ReadingSettings
from docpager.archive.manifest import DocumentRecord, FileRecord, Manifest
from docpager.archive.snapshot_writer import LIVE_SEGMENTS
from docpager.core.errors import ArchiveError, UsageError
from docpager.core.locations import Location
from docpager.core.passages import Passage
from docpager.documents.document import Document
from docpager.engines.engine import Engine

__all__ = ["EngineSource", "EngineWriter"]

_MOST_BYTES = 16_000_000
_FEWEST_BYTES = 256_000
_MOST_FILES = 64
"""Of a block: what is read again where its worker is lost."""
_BLOCKS_EACH = 8
"""Of a few files, so many blocks for each worker, so that they end together."""


class EngineSource:
    """Files that an engine reads, cuts and embeds; they are found here."""

    def __init__(
        self,
        engine: Engine,
        archive: Location,
        *,
        embedder: str,
        text_field: str | None,
        settings: ReadingSettings | None = None,
    ) -> None:
        """`embedder`: its name.

        Raises:
            UsageError: passwords are given, which are not sent to other machines.
        """
        settings = settings or ReadingSettings()
        if settings.passwords:
            raise UsageError(
                "passwords are not sent to an engine; ingest encrypted files on this machine, "
                "without `engine=`"
            )
        self._here = FilesSource(archive, text_field=text_field, settings=settings)
        self._engine = engine
        # A worker has one core.
        self._block = BlockOfFiles(
            (), archive, embedder, text_field, replace(settings, processes=1)
        )

    def find(self, roots: Sequence[Location]) -> Sequence[FileRecord]:
        return self._here.find(roots)

    def retries(self, file: FileRecord) -> bool:
        return self._here.retries(file)

    def on_recognised(self, tell: Callable[[int, int], None]) -> None:
        self._here.on_recognised(tell)

    def read(self, files: Sequence[FileRecord]) -> Iterator[Reading]:
        """What is in each of the files, in the order given, without the texts."""
        workers = self._engine.workers
        blocks = iter(_in_blocks(files, workers))
        begun: deque[tuple[Any, Any]] = deque()
        try:
            while True:
                # As many again as are worked on, so that no worker waits for this process.
                for block in blocks:
                    job = replace(self._block, files=block)
                    told, kept = self._engine.begin(read_block, job, results=2)
                    begun.append((told, kept))
                    if len(begun) >= 2 * workers + 2:
                        break
                if not begun:
                    return
                told, kept = begun[0]
                readings = self._engine.result(told)
                begun.popleft()
                for reading in readings:
                    documents = tuple((replace(d, block=kept), c) for d, c in reading.documents)
                    yield replace(reading, documents=documents)
        finally:
            for told, _ in begun:
                self._engine.forget(told)


class EngineWriter:
    """The parts of the generation after `manifest`, written on an engine, as `SnapshotWriter`."""

    def __init__(
        self,
        engine: Engine,
        home: Home,
        manifest: Manifest,
        *,
        embedded: Callable[[int], None],
    ) -> None:
        self._location = home if isinstance(home, Path) else home.location
        self._home = home
        self._manifest = manifest
        self._engine = engine
        self._embedded = embedded
        self._block: Any = None
        self._ids: list[tuple[int, int]] = []
        self._begun: list[Any] = []
        self._removed: list[int] = []

    def add(self, number: int, document: Document, passages: Sequence[Passage]) -> tuple[str, int]:
        """Have a document written under its id; where, is settled by `close`."""
        assert isinstance(document, DocumentElsewhere), "a document that was not read on the engine"
        if document.block is not self._block:
            self._write()
            self._block = document.block
        self._ids.append((document.position, number))
        self._embedded(len(passages))
        return _UNSETTLED, 0

    def remove(self, documents: Iterable[int]) -> None:
        """Take documents out of the word index; their rows become deletions."""
        self._removed += documents

    def close(
        self, documents: Mapping[int, DocumentRecord], *, most_segments: int = LIVE_SEGMENTS
    ) -> Manifest:
        """Wait until every part is written; the manifest to commit.

        Raises:
            ArchiveError: a worker writes to another disk.
            DocpagerError: a part cannot be written.
        """
        self._write()
        blocks: list[WrittenBlock] = [self._engine.result(each) for each in self._begun]
        self._begun = []
        self._see_that_they_are_here(blocks)
        placed = {id: (b.segment.name, row) for b in blocks for id, row in b.first_rows.items()}
        settled = {
            number: _placed(record, *placed.get(number, ("", 0)))
            for number, record in documents.items()
        }
        begun = self._engine.begin(
            finish_generation,
            self._location,
            self._manifest,
            settled,
            self._removed,
            blocks,
            most_segments,
        )
        manifest, stored = self._engine.result(begun)
        if not isinstance(self._home, Path):
            self._home.know(stored)
        made: Manifest = manifest
        return made

    def abandon(self) -> None:
        """Have nothing more written."""
        for each in self._begun:
            self._engine.forget(each)
        self._begun = []

    def _write(self) -> None:
        if self._ids:
            dimension, ids = self._manifest.dimension, tuple(self._ids)
            begun = self._engine.begin(write_block, self._location, dimension, self._block, ids)
            self._begun.append(begun)
        self._ids, self._block = [], None

    def _see_that_they_are_here(self, blocks: Sequence[WrittenBlock]) -> None:
        if not isinstance(self._home, Path):
            return
        for block in blocks:
            if not (self._home / "segments" / block.segment.name).is_dir():
                raise ArchiveError(
                    f"a worker wrote to a folder '{self._home}' that is not this machine's; name "
                    "an archive in object storage, or a folder that all machines share"
                )


_UNSETTLED = "on the engine"


def _placed(record: DocumentRecord, segment: str, first_row: int) -> DocumentRecord:
    if record.segment != _UNSETTLED:
        return record
    return replace(record, segment=segment, first_row=first_row)


def _in_blocks(files: Sequence[FileRecord], workers: int) -> Iterator[tuple[FileRecord, ...]]:
    """The files in their order, cut where a block is large enough."""
    share = sum(file.size for file in files) // (_BLOCKS_EACH * workers)
    most = min(_MOST_BYTES, max(_FEWEST_BYTES, share))
    block: list[FileRecord] = []
    size = 0
    for file in files:
        if block and (size + file.size > most or len(block) == _MOST_FILES):
            yield tuple(block)
            block, size = [], 0
        block.append(file)
        size += file.size
    if block:
        yield tuple(block)
