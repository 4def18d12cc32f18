"""Writes all documents anew, into one segment and one word index: nothing else is left behind."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from docpager.archive.generation import whole_words
from docpager.archive.lexical import LexicalWriter
from docpager.archive.manifest import (
    DocumentRecord,
    Manifest,
    SegmentRecord,
    commit_manifest,
    discard_unnamed_parts,
)
from docpager.archive.segment import Segment
from docpager.archive.segment_writer import SegmentWriter, text_to_embed
from docpager.archive.words import Analyzer
from docpager.core.passages import Passage
from docpager.documents.document import Document

if TYPE_CHECKING:
    from docpager.archive.embedding import Embedder, Vectors

__all__ = ["StoredDocument", "rewrite", "stored_document"]


@dataclass(frozen=True, slots=True)
class StoredDocument:
    """A document with everything that an archive keeps of it."""

    record: DocumentRecord
    document: Document
    passages: tuple[Passage, ...]
    vectors: Vectors | None = None
    """None: its passages must be embedded."""


def stored_document(
    segment: Segment, record: DocumentRecord, *, with_vectors: bool = True
) -> StoredDocument:
    """A live document as its segment holds it."""
    document = Document(
        path=record.paths[0][1],
        sha256=record.sha256,
        title=record.title,
        kind=record.kind,
        text=segment.text(record.first_row, record.passages),
        pdf_pages=segment.pdf_pages(record.id),
        sections=segment.sections(record.id),
    )
    passages = tuple(segment.passages(record.first_row, record.passages))
    vectors = segment.vectors.between(record.first_row, len(passages)) if with_vectors else None
    return StoredDocument(record, document, passages, vectors)


def rewrite(
    directory: Path,
    manifest: Manifest,
    documents: Iterable[StoredDocument],
    *,
    embedder: Callable[[], Embedder],
    **changes: Any,
) -> Manifest:
    """Commit `documents`, by id, as the only ones that are live; every other part is removed.

    The caller holds the writer's lock. `changes` are made to the manifest besides.
    """
    names = [f"{manifest.next_part + n:06d}" for n in range(2)]
    segment = SegmentWriter(directory / "segments" / names[0], dimension=manifest.dimension)
    lexical = LexicalWriter(directory / "lexical" / names[1], previous=None)
    try:
        records = list(_write(documents, segment, lexical, names[0], embedder))
    except BaseException:
        segment.abandon()
        raise
    segment.close()
    lexical.close()
    written = {record.id: record for record in records}
    departed = {
        record.id: replace(record, segment="", first_row=0) for record in manifest.documents
    }
    settled = {**departed, **written}
    successor = manifest.succeed(
        segments=(SegmentRecord(names[0], segment.rows),) if written else (),
        lexical=names[1] if written else "",
        deletions="",
        documents=tuple(settled[number] for number in sorted(settled)),
        next_part=manifest.next_part + len(names),
        **changes,
    )
    # Nobody needs the generation before: readers that open it turn to this one.
    successor = replace(successor, previous_parts=())
    commit_manifest(directory, successor)
    discard_unnamed_parts(directory, successor)
    return successor


def _write(
    documents: Iterable[StoredDocument],
    segment: SegmentWriter,
    lexical: LexicalWriter,
    name: str,
    embedder: Callable[[], Embedder],
) -> Iterator[DocumentRecord]:
    analyzer = Analyzer()
    for stored in documents:
        record, document, passages = stored.record, stored.document, stored.passages
        vectors = stored.vectors
        if vectors is None:
            texts = [text_to_embed(document, passage) for passage in passages]
            vectors = embedder().embed_passages(texts)
        yield replace(record, segment=name, first_row=segment.rows)
        segment.add_outline(record.id, document)
        for passage, text in zip(passages, whole_words(document, passages), strict=True):
            lexical.add(passage.id, analyzer.terms(text))
        segment.add(passages, vectors)
