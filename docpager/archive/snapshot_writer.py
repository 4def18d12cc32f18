"""Writes the next generation: new passages in, departed documents out, small segments merged.

`rewrite` writes all documents again into one segment and one word index, for compaction and repair.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from docpager.archive.analyzer import ANALYZER_VERSION, Analyzer
from docpager.archive.home import Home, new_part, part_name, part_path, sound_segment
from docpager.archive.lexical import LexicalWriter, join_indexes
from docpager.archive.manifest import (
    DocumentRecord,
    Manifest,
    SegmentRecord,
    commit_manifest,
    discard_unnamed_parts,
)
from docpager.archive.segment import Segment, SegmentWriter, merge_segments, text_to_embed
from docpager.core.passages import Passage
from docpager.documents.document import Document
from docpager.storage.atomic_files import sync_directory, write_bytes

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from docpager.archive.embedders.base import Embedder, Vectors

__all__ = [
    "LIVE_SEGMENTS",
    "SETTLED_SEGMENTS",
    "SnapshotWriter",
    "StoredDocument",
    "live_rows",
    "rewrite",
    "segments_to_merge",
    "stored_document",
]

LIVE_SEGMENTS = 8
SETTLED_SEGMENTS = 2
"""After an ingest of many commits, which leaves its segments for all searches to come."""
_TIER = 2
"""A segment joins a merge when it is at most this many times as large as what it joins."""
_EMBED_AT_ONCE = 1024
_EMBEDDED_IN_ONE_CALL = 256


class SnapshotWriter:
    """The parts of the generation after `manifest`; nothing of them counts before the commit."""

    def __init__(
        self,
        directory: Home,
        manifest: Manifest,
        *,
        embedder: Callable[[], Embedder],
        embedded: Callable[[int], None] = lambda passages: None,
        names: Callable[[Home, int], str] = part_name,
        analyzer: Analyzer | None = None,
    ) -> None:
        """`analyzer`: one that need not take apart again the words of the generations before."""
        self._directory = directory
        self._names = names
        self._taken: list[SegmentRecord] = []
        self._manifest = manifest
        self._embedder = embedder
        self._embedded = embedded
        self._next_part = manifest.next_part
        self._analyzer = analyzer or Analyzer()
        self._segment: SegmentWriter | None = None
        self._segment_name = ""
        self._lexical: LexicalWriter | None = None
        self._lexical_name = manifest.lexical
        self._waiting: list[tuple[Document, Passage]] = []

    def add(self, number: int, document: Document, passages: Sequence[Passage]) -> tuple[str, int]:
        """Append a document; the segment and the row where its passages begin."""
        segment = self._open_segment()
        first_row = segment.rows + len(self._waiting)
        segment.add_outline(number, document)
        lexical = self._open_lexical()
        for passage, text in zip(passages, whole_words(document, passages), strict=True):
            lexical.add(passage.id, self._analyzer.terms(text))
        self._waiting += [(document, passage) for passage in passages]
        # Embedding in blocks bounds memory: texts and vectors of 1,024 passages, about 2 MB.
        if len(self._waiting) >= _EMBED_AT_ONCE:
            self._flush()
        return self._segment_name, first_row

    def remove(self, documents: Iterable[int]) -> None:
        """Take documents out of the word index; their rows become deletions."""
        self._open_lexical().remove(documents)

    def take_over(self, segments: Sequence[SegmentRecord], indexes: Sequence[str]) -> None:
        """Make what others wrote, segments and word indexes, part of the generation. What was
        removed before was removed from the generation before."""
        self._taken += segments
        if self._lexical:
            self._lexical.close()
            self._lexical = None
        before = [self._lexical_name] if self._lexical_name else []
        home = self._directory
        places = [part_path(home, f"lexical/{name}") for name in (*before, *indexes)]
        self._lexical_name = self._take_part()
        joined = new_part(home, f"lexical/{self._lexical_name}")
        if join_indexes(places, joined) > LIVE_SEGMENTS:
            # Opened to be written, and closed: that merges its small segments, by their sizes.
            self._open_lexical()

    def close(
        self, documents: Mapping[int, DocumentRecord], *, most_segments: int = LIVE_SEGMENTS
    ) -> Manifest:
        """Put every part on the disk; the manifest to commit, `documents` settled in it."""
        segments = [*self._manifest.segments, *self._taken]
        if self._segment:
            self._flush()
            self._segment.close()
            segments.append(SegmentRecord(self._segment_name, self._segment.rows))
        if self._lexical:
            self._lexical.close()
        # After both parts are closed: a merge reads segments from the disk, the new one too.
        segments, settled = self._merge(segments, dict(documents), most_segments)
        return self._manifest.succeed(
            segments=tuple(segments),
            documents=tuple(settled[number] for number in sorted(settled)),
            lexical=self._lexical_name,
            deletions=self._write_deletions(segments, settled.values()),
            next_part=self._next_part,
        )

    def abandon(self) -> None:
        """Let go of everything unfinished."""
        if self._segment:
            self._segment.abandon()
        self._lexical = None

    def _flush(self) -> None:
        if not self._segment:
            return
        # A few at a time: an embedder behind an address takes seconds for each.
        for first in range(0, len(self._waiting), _EMBEDDED_IN_ONE_CALL):
            block = self._waiting[first : first + _EMBEDDED_IN_ONE_CALL]
            texts = [text_to_embed(document, passage) for document, passage in block]
            vectors = self._embedder().embed_passages(texts)
            self._segment.add([passage for _, passage in block], vectors)
            self._embedded(len(block))
        self._waiting = []

    def _merge(
        self, segments: list[SegmentRecord], documents: dict[int, DocumentRecord], most: int
    ) -> tuple[list[SegmentRecord], dict[int, DocumentRecord]]:
        documents, segments = dict(documents), _without_empty(segments, documents.values())
        chosen = segments_to_merge(segments, most=most)
        if not chosen:
            return segments, documents
        name = self._take_part()
        names = [record.name for record in chosen]
        readers = [sound_segment(self._directory, record) for record in chosen]
        moving = [record for record in documents.values() if record.segment in names]
        live = [(names.index(r.segment), r.id, r.first_row, r.passages) for r in moving]
        target = new_part(self._directory, f"segments/{name}")
        first_rows = merge_segments(readers, target, live=live, dimension=self._manifest.dimension)
        for number, first_row in first_rows.items():
            documents[number] = replace(documents[number], segment=name, first_row=first_row)
        rows = sum(documents[number].passages for number in first_rows)
        kept = [record for record in segments if record.name not in names]
        return [*kept, SegmentRecord(name, rows)], documents

    def _write_deletions(
        self, segments: Sequence[SegmentRecord], documents: Iterable[DocumentRecord]
    ) -> str:
        import numpy as np

        # Computed from the manifest's rows, not kept up to date: the bitmap can then be checked
        # against them.
        live = live_rows(segments, documents)
        if all(rows.all() for rows in live.values()):
            return ""
        name = f"{self._take_part()}.bitmap"
        bits = [np.packbits(~live[record.name], bitorder="little") for record in segments]
        place = new_part(self._directory, f"deletions/{name}")
        place.parent.mkdir(exist_ok=True)
        write_bytes(place, b"".join(part.tobytes() for part in bits))
        sync_directory(place.parent)
        return name

    def _open_segment(self) -> SegmentWriter:
        if self._segment is None:
            self._segment_name = self._take_part()
            self._segment = SegmentWriter(
                new_part(self._directory, f"segments/{self._segment_name}"),
                dimension=self._manifest.dimension,
            )
        return self._segment

    def _open_lexical(self) -> LexicalWriter:
        if self._lexical is None:
            home, before = self._directory, self._lexical_name
            previous = part_path(home, f"lexical/{before}") if before else None
            self._lexical_name = self._take_part()
            place = new_part(home, f"lexical/{self._lexical_name}")
            self._lexical = LexicalWriter(place, previous=previous)
        return self._lexical

    def _take_part(self) -> str:
        name = self._names(self._directory, self._next_part)
        self._next_part += 1
        return name


def segments_to_merge(
    segments: Sequence[SegmentRecord], *, most: int = LIVE_SEGMENTS
) -> list[SegmentRecord]:
    """The segments to write into one where more than `most` are live: the smallest, by tiers."""
    if len(segments) <= most:
        return []
    # Merging by size tiers keeps the total work at n log n: each passage is copied once per tier,
    # not once per ingest (as in Lucene's TieredMergePolicy).
    by_size = sorted(segments, key=lambda record: (record.rows, record.name))
    # Two at least, whatever their sizes, or the number of segments would not fall.
    chosen = by_size[:2]
    for record in by_size[2:]:
        if record.rows > _TIER * sum(member.rows for member in chosen):
            break
        chosen.append(record)
    return chosen


def live_rows(
    segments: Sequence[SegmentRecord], documents: Iterable[DocumentRecord]
) -> dict[str, NDArray[np.bool_]]:
    """By segment: which of its rows belong to a live document."""
    import numpy as np

    live = {record.name: np.zeros(record.rows, dtype=np.bool_) for record in segments}
    for document in documents:
        if document.is_live:
            rows = live[document.segment]
            rows[document.first_row : document.first_row + document.passages] = True
    return live


def whole_words(document: Document, passages: Sequence[Passage]) -> list[str]:
    """The passages' texts, each word that a border cuts in two given to both sides."""
    return [
        document.text[_word_start(document.text, p.start) : _word_end(document.text, p.end)]
        for p in passages
    ]


_LONGEST_WORD = 80


def _word_start(text: str, offset: int) -> int:
    lowest = max(0, offset - _LONGEST_WORD)
    start = offset
    while lowest < start < len(text) and _joins(text[start - 1]) and _joins(text[offset]):
        start -= 1
    # A "word" longer than 80 characters is no word (base64, a table's rule): it is left cut.
    return start if start > lowest or lowest == 0 else offset


def _word_end(text: str, offset: int) -> int:
    highest = min(len(text), offset + _LONGEST_WORD)
    end = offset
    while 0 < end < highest and _joins(text[end]) and _joins(text[offset - 1]):
        end += 1
    return end if end < highest or highest == len(text) else offset


def _joins(character: str) -> bool:
    return character.isalnum() or character in "-_'’.,"


def _without_empty(
    segments: Sequence[SegmentRecord], documents: Iterable[DocumentRecord]
) -> list[SegmentRecord]:
    used = {document.segment for document in documents}
    return [record for record in segments if record.name in used]


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
    directory: Home,
    manifest: Manifest,
    documents: Iterable[StoredDocument],
    *,
    embedder: Callable[[], Embedder],
    **changes: Any,
) -> Manifest:
    """Commit `documents`, by id, as the only ones that are live; every other part is removed.

    The caller holds the writer's lock. `changes` are made to the manifest besides.
    """
    names = [part_name(directory, manifest.next_part + n) for n in range(2)]
    place = new_part(directory, f"segments/{names[0]}")
    segment = SegmentWriter(place, dimension=manifest.dimension)
    lexical = LexicalWriter(new_part(directory, f"lexical/{names[1]}"), previous=None)
    try:
        records = list(_write(documents, segment, lexical, names[0], embedder))
    # Ctrl-C too: the files must be closed before the folder is discarded, on Windows above all.
    except BaseException:
        segment.abandon()
        raise
    segment.close()
    lexical.close()
    written = {record.id: record for record in records}
    # Records of documents that are gone stay, so that a citation of D3 can be told what became of
    # it.
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
        analyzer=ANALYZER_VERSION,
        **changes,
    )
    # Nobody needs the generation before: readers that open it turn to this one.
    successor = commit_manifest(directory, replace(successor, previous_parts=()))
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
        sha256 = document.text_sha256
        yield replace(record, segment=name, first_row=segment.rows, text_sha256=sha256)
        segment.add_outline(record.id, document)
        for passage, text in zip(passages, whole_words(document, passages), strict=True):
            lexical.add(passage.id, analyzer.terms(text))
        segment.add(passages, vectors)
