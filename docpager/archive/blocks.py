"""Blocks of files that are read and written elsewhere: what a worker does for an ingest.

An ingest on an engine is in three kinds of work, each a function here. A block of files is read,
cut and embedded; which ids its documents get is known once all files before it were read, and then
its segment and its word index are written where the archive is; at last the parts of a generation
are put together. What is left to whoever began it is to decide, and to commit.

Work is repeated when its machine is lost, so that it may be done twice at once: parts have names
that no other attempt gives, and what is not named by a manifest is removed as ever.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from docpager.archive.analyzer import Analyzer
from docpager.archive.embedders.base import Embedder, load_embedder
from docpager.archive.home import Home, home_at, new_part, writing_parts
from docpager.archive.ingest_files import FilesSource, Reading, ReadingSettings
from docpager.archive.lexical import LexicalWriter
from docpager.archive.manifest import (
    DocumentRecord,
    FileRecord,
    Manifest,
    SegmentRecord,
    StoredFile,
)
from docpager.archive.segment import SegmentWriter, text_to_embed
from docpager.archive.snapshot_writer import SnapshotWriter, whole_words
from docpager.core.locations import Location
from docpager.documents.chunking import passages_of
from docpager.documents.document import Cut, Document
from docpager.documents.reader_pool import KeptReaders

if TYPE_CHECKING:
    from docpager.archive.embedders.base import Vectors

__all__ = [
    "BlockOfFiles",
    "DocumentElsewhere",
    "EmbeddedDocument",
    "WrittenBlock",
    "finish_generation",
    "read_block",
    "write_block",
]

_EMBEDDED_IN_ONE_CALL = 256


@dataclass(frozen=True, slots=True)
class BlockOfFiles:
    """Files that one piece of work reads."""

    files: tuple[FileRecord, ...]
    archive: Location
    embedder: str
    """Its name: its key, where it needs one, is where the worker is."""
    text_field: str | None
    settings: ReadingSettings


@dataclass(frozen=True, slots=True)
class DocumentElsewhere(Document):
    """A document without its text, which a worker keeps."""

    hash_of_text: str = ""
    position: int = 0
    """Among the documents of its block."""
    block: Any = None
    """What the engine has for the block's documents."""

    @property
    def text_sha256(self) -> str:
        return self.hash_of_text


@dataclass(frozen=True, slots=True)
class EmbeddedDocument:
    """A document that was read, cut and embedded."""

    document: Document
    cuts: tuple[Cut, ...]
    vectors: Vectors


@dataclass(frozen=True, slots=True)
class WrittenBlock:
    """A segment and a word index that no manifest names yet."""

    segment: SegmentRecord
    lexical: str
    first_rows: Mapping[int, int]
    """By document id."""
    stored: tuple[StoredFile, ...]
    """In object storage: its objects."""


def read_block(block: BlockOfFiles) -> tuple[tuple[Reading, ...], tuple[EmbeddedDocument, ...]]:
    """What is in the files of a block: without texts, for whoever decides; and all of it."""
    source = FilesSource(
        block.archive, text_field=block.text_field, settings=block.settings, readers=_readers()
    )
    told: list[Reading] = []
    kept: list[EmbeddedDocument] = []
    for reading in source.read(block.files):
        named = []
        for document, cuts in reading.documents:
            named.append((_without_text(document, len(kept)), cuts))
            kept.append(EmbeddedDocument(document, cuts, _vectors(block.embedder, document, cuts)))
        told.append(replace(reading, documents=tuple(named)))
    return tuple(told), tuple(kept)


def write_block(
    archive: Location,
    dimension: int,
    documents: Sequence[EmbeddedDocument],
    ids: Sequence[tuple[int, int]],
) -> WrittenBlock:
    """Write some documents of a block, each (position, id), as a segment and a word index."""
    home = home_at(archive)
    name = unique_name(home, ids[0][1])
    analyzer = _analyzer()
    first_rows: dict[int, int] = {}
    with writing_parts(home):
        place = new_part(home, f"segments/{name}")
        segment = SegmentWriter(place, dimension=dimension)
        lexical = LexicalWriter(new_part(home, f"lexical/{name}"), previous=None)
        for position, number in ids:
            document = documents[position].document
            passages = passages_of(document, documents[position].cuts, number)
            first_rows[number] = segment.rows
            segment.add_outline(number, document)
            segment.add(passages, documents[position].vectors)
            for passage, text in zip(passages, whole_words(document, passages), strict=True):
                lexical.add(passage.id, analyzer.terms(text))
        segment.close()
        lexical.close()
        record = SegmentRecord(name, segment.rows)
        named = Manifest("", 0, "", dimension, segments=(record,), lexical=name)
        stored = () if isinstance(home, Path) else home.upload(named)
    return WrittenBlock(record, name, first_rows, stored)


def finish_generation(
    archive: Location,
    base: Manifest,
    documents: Mapping[int, DocumentRecord],
    removed: Sequence[int],
    blocks: Sequence[WrittenBlock],
    most_segments: int,
) -> tuple[Manifest, tuple[StoredFile, ...]]:
    """Put the parts of the generation after `base` together: its manifest, to be committed, and in
    object storage the objects of its parts."""
    home = home_at(archive)
    uploaded = tuple(file for block in blocks for file in block.stored)
    if not isinstance(home, Path):
        home.know([*base.stored, *uploaded])
    with writing_parts(home):
        writer = SnapshotWriter(home, base, embedder=_no_embedder, names=unique_name)
        if removed:
            writer.remove(removed)
        if blocks:
            writer.take_over([b.segment for b in blocks], [b.lexical for b in blocks])
        manifest = writer.close(documents, most_segments=most_segments)
        manifest = replace(manifest, stored=(*base.stored, *uploaded))
        stored = () if isinstance(home, Path) else home.upload(manifest)
    return manifest, stored


def unique_name(home: Home, number: int) -> str:
    """The name of a part that no other attempt at it gives."""
    return f"{number:06d}-{uuid.uuid4().hex[:8]}"


@cache
def _readers() -> KeptReaders:
    """One process that reads, for all blocks that a worker gets."""
    return KeptReaders()


@cache
def _analyzer() -> Analyzer:
    """It remembers words, which is most of what makes it fast: most words of a block were met."""
    return Analyzer()


@cache
def _embedder(name: str) -> Embedder:
    """Loaded once in each process."""
    return load_embedder(name)


def _no_embedder() -> Embedder:
    raise RuntimeError("nothing is embedded where a generation is put together")


def _vectors(name: str, document: Document, cuts: tuple[Cut, ...]) -> Vectors:
    import numpy as np

    texts = [text_to_embed(document, passage) for passage in passages_of(document, cuts, 0)]
    embed = _embedder(name).embed_passages
    starts = range(0, len(texts), _EMBEDDED_IN_ONE_CALL)
    parts = [embed(texts[first : first + _EMBEDDED_IN_ONE_CALL]) for first in starts]
    return np.concatenate(parts) if parts else np.zeros((0, 0), dtype=np.float32)


def _without_text(document: Document, position: int) -> DocumentElsewhere:
    return DocumentElsewhere(
        path=document.path,
        sha256=document.sha256,
        title=document.title,
        kind=document.kind,
        text="",
        pdf_pages=document.pdf_pages,
        doubt=document.doubt,
        hash_of_text=document.text_sha256,
        position=position,
    )
