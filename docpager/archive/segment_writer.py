"""Writes a segment as a stream: what is in memory is one batch of text, and the index."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import astuple
from pathlib import Path
from typing import TYPE_CHECKING, Any

from docpager.archive.segment import DOCUMENTS_FILE, PASSAGES_FILE, Segment
from docpager.archive.vectors import VECTORS_FILE, VectorWriter
from docpager.core.passages import Passage
from docpager.documents.document import Document, PdfPage, Section
from docpager.storage.atomic_files import announce, fresh_directory, sync_part

if TYPE_CHECKING:
    from docpager.archive.embedding import Vectors

__all__ = ["SegmentWriter", "merge_segments", "text_to_embed"]

_BATCH = 1024
"""Rows per Arrow record batch."""
_COPIED_AT_ONCE = 16_384


class SegmentWriter:
    """A segment in the making."""

    def __init__(self, directory: Path, *, dimension: int) -> None:
        self.rows = 0
        """Passages added so far: the row of the next one."""
        self._directory = fresh_directory(directory)
        self._passages = _ArrowFile(directory / PASSAGES_FILE, _passage_schema())
        self._documents = _ArrowFile(directory / DOCUMENTS_FILE, _document_schema())
        self._vectors = VectorWriter(dimension)

    def add_outline(self, number: int, document: Document) -> None:
        """Note a document's sections and PDF pages."""
        sections, pages = _sections_json(document.sections), _pages_json(document.pdf_pages)
        self.copy_outline({"document": number, "sections": sections, "pdf_pages": pages})

    def copy_outline(self, row: dict[str, Any]) -> None:
        self._documents.add([row])

    def add(self, passages: Sequence[Passage], vectors: Vectors) -> None:
        """Append passages and their vectors; a document's stand together, in reading order."""
        self._passages.add([_row(passage) for passage in passages])
        self._vectors.add(vectors)
        self.rows += len(passages)

    def copy_rows(self, segment: Segment, first: int, count: int) -> None:
        """Append rows of another segment as they are."""
        for start in range(first, first + count, _COPIED_AT_ONCE):
            rows = min(_COPIED_AT_ONCE, first + count - start)
            self._passages.add_table(segment.table.slice(start, rows))
            self._vectors.add(segment.vectors.between(start, rows))
        self.rows += count

    def close(self) -> None:
        """Put the finished segment on the disk."""
        self._passages.close()
        self._documents.close()
        announce("write", self._directory / VECTORS_FILE)
        self._vectors.write(self._directory)
        sync_part(self._directory)

    def abandon(self) -> None:
        """Let go of the files; the directory is removed by the next writer."""
        self._passages.abandon()
        self._documents.abandon()


class _ArrowFile:
    """Rows on their way into an Arrow IPC file, a record batch at a time."""

    def __init__(self, path: Path, schema: Any) -> None:
        import pyarrow as pa

        self._schema = schema
        self._path = path
        self._file = pa.OSFile(str(path), "wb")
        self._writer = pa.ipc.new_file(self._file, schema)
        self._waiting: list[dict[str, Any]] = []

    def add(self, rows: Sequence[dict[str, Any]]) -> None:
        self._waiting.extend(rows)
        while len(self._waiting) >= _BATCH:
            self._write(self._waiting[:_BATCH])
            del self._waiting[:_BATCH]

    def add_table(self, table: Any) -> None:
        """Append rows that are in Arrow already."""
        self._write_waiting()
        announce("write", self._path)
        self._writer.write_table(table, max_chunksize=_BATCH)

    def close(self) -> None:
        self._write_waiting()
        self._writer.close()
        self._file.close()

    def abandon(self) -> None:
        """Let go of the file as it is; closed or not."""
        self._file.close()

    def _write_waiting(self) -> None:
        if self._waiting:
            self._write(self._waiting)
            self._waiting = []

    def _write(self, rows: list[dict[str, Any]]) -> None:
        import pyarrow as pa

        announce("write", self._path)
        self._writer.write_batch(pa.RecordBatch.from_pylist(rows, schema=self._schema))


def merge_segments(
    segments: Sequence[Segment],
    directory: Path,
    *,
    live: Sequence[tuple[int, int, int, int]],
    dimension: int,
) -> dict[int, int]:
    """Write what lives in `segments` into one; the first row of each document in it.

    `live` holds (index into `segments`, document id, first row, passages).
    """
    writer = SegmentWriter(directory, dimension=dimension)
    outlines = [{row["document"]: row for row in segment.outlines()} for segment in segments]
    first_rows, row = {}, 0
    by_document = sorted(live, key=lambda entry: entry[1])
    for index, document, _, count in by_document:
        first_rows[document] = row
        row += count
        writer.copy_outline(outlines[index][document])
    for index, first, count in _stretches(by_document):
        writer.copy_rows(segments[index], first, count)
    writer.close()
    return first_rows


def _stretches(live: Sequence[tuple[int, int, int, int]]) -> Iterator[tuple[int, int, int]]:
    """Rows that stand together in one segment, over documents: (index, first row, rows)."""
    begun: tuple[int, int, int] | None = None
    for index, _, first, count in live:
        if begun and (index, first) == (begun[0], begun[1] + begun[2]):
            begun = (index, begun[1], begun[2] + count)
            continue
        if begun:
            yield begun
        begun = (index, first, count)
    if begun:
        yield begun


def text_to_embed(document: Document, passage: Passage) -> str:
    """What an embedder sees of a passage: title, section path, text."""
    titles = [
        section.title
        for section in document.sections
        if section.start <= passage.start < section.end
    ]
    return "\n".join([document.title, " > ".join(titles), passage.text])


def _row(passage: Passage) -> dict[str, Any]:
    return {
        "document": passage.document,
        "ordinal": passage.ordinal,
        "text": passage.text,
        "tokens": passage.tokens,
        "start": passage.start,
        "first_pdf_page": passage.first_pdf_page,
        "break_offsets": [offset for offset, _ in passage.page_starts],
        "break_pages": [page for _, page in passage.page_starts],
    }


def _sections_json(sections: Sequence[Section]) -> str:
    return json.dumps([[s.path, s.title, s.start, s.end, s.pdf_page] for s in sections])


def _pages_json(pages: Sequence[PdfPage]) -> str:
    return json.dumps([astuple(page) for page in pages])


def _passage_schema() -> Any:
    import pyarrow as pa

    fields = {"document": pa.uint32(), "ordinal": pa.uint32(), "text": pa.string()}
    fields |= {"tokens": pa.uint32(), "start": pa.int64(), "first_pdf_page": pa.int32()}
    fields |= {"break_offsets": pa.list_(pa.uint32()), "break_pages": pa.list_(pa.uint32())}
    return pa.schema(list(fields.items()))


def _document_schema() -> Any:
    import pyarrow as pa

    columns = {"document": pa.uint32(), "sections": pa.string(), "pdf_pages": pa.string()}
    return pa.schema(list(columns.items()))
