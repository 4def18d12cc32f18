"""One immutable directory of passages, vectors and outlines: read by map, written as a stream."""

from __future__ import annotations

import json
from bisect import bisect_right
from collections.abc import Collection, Iterator, Sequence
from dataclasses import astuple, replace
from functools import cached_property
from itertools import accumulate
from mmap import ACCESS_READ, mmap
from pathlib import Path
from typing import TYPE_CHECKING, Any

from docpager.archive.vectors import PROPOSALS_FILE, VECTORS_FILE, VectorIndex, VectorWriter
from docpager.core.passages import Passage
from docpager.documents.document import Document, PdfPage, Section
from docpager.storage.atomic_files import (
    announce,
    damaged_part,
    fresh_directory,
    sizes_of,
    sync_part,
)

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from docpager.archive.embedders.base import Vectors

__all__ = [
    "DOCUMENTS_FILE",
    "PASSAGES_FILE",
    "Segment",
    "SegmentWriter",
    "merge_segments",
    "text_to_embed",
]

PASSAGES_FILE = "passages.arrow"
DOCUMENTS_FILE = "documents.arrow"


class Segment:
    """A reader of one segment. Its files are mapped at once and read when they are needed."""

    def __init__(self, directory: Path, rows: int, files: dict[str, mmap]) -> None:
        self.directory = directory
        self.name = directory.name
        self.rows = rows
        self.numbered_after = 0
        """What is added to the numbers of its documents: other than 0 in an archive of shards."""
        self._files = files
        self._columns: dict[int, dict[str, Any]] = {}
        """By batch: its columns, of those that single rows were read from."""

    @classmethod
    def open(cls, directory: Path, rows: int, *, only: Collection[str] = ()) -> Segment:
        """Map the files of a segment, or `only` these.

        Raises:
            FileNotFoundError: the segment is gone.
            ArchiveError: a file of it does not have its size.
        """
        try:
            sizes = sizes_of(directory)
            names = sorted(only or sizes)
            files = {name: _map(directory / name, sizes[name]) for name in names}
        except (ValueError, KeyError, TypeError) as error:
            raise damaged_part(directory) from error
        return cls(directory, rows, files)

    @cached_property
    def table(self) -> Any:
        """The passages as an Arrow table over the mapped file."""
        table = self._arrow(PASSAGES_FILE)
        if table.num_rows != self.rows:
            raise damaged_part(self.directory)
        return table

    @cached_property
    def _batches(self) -> list[Any]:
        batches: list[Any] = self.table.to_batches()
        return batches

    @cached_property
    def _batch_starts(self) -> list[int]:
        return list(accumulate(map(len, self._batches[:-1]), initial=0))

    @cached_property
    def vectors(self) -> VectorIndex:
        try:
            return VectorIndex.load(self._files[VECTORS_FILE], self._files.get(PROPOSALS_FILE))
        except (ValueError, KeyError) as error:
            raise damaged_part(self.directory) from error

    @cached_property
    def starts(self) -> NDArray[np.int64]:
        """By row: the passage's offset in its document's text."""
        starts: NDArray[np.int64] = self.table.column("start").to_numpy()
        return starts

    @cached_property
    def keys(self) -> NDArray[np.int64]:
        """By row: document id and ordinal in one number, see `lexical.key_of`."""
        import numpy as np

        documents = self.table.column("document").to_numpy().astype(np.int64)
        documents += self.numbered_after
        ordinals = self.table.column("ordinal").to_numpy().astype(np.int64)
        keys: NDArray[np.int64] = (documents << 32) | ordinals
        return keys

    def passages(self, first_row: int, count: int) -> list[Passage]:
        """The passages of `count` rows, in row order."""
        part, start = self.table, first_row
        place = bisect_right(self._batch_starts, first_row) - 1
        begins = self._batch_starts[place]
        # A table of many batches takes long to find a row; most ranges lie within one of them.
        if first_row - begins + count <= len(self._batches[place]):
            part, start = self._batches[place], first_row - begins
            if count == 1:
                return [self._passage_at(place, start)]
        rows = part.slice(start, count).to_pylist()
        return [_passage(row, row["document"] + self.numbered_after) for row in rows]

    def _passage_at(self, place: int, row: int) -> Passage:
        """One row of a batch: what a search reads ten of."""
        columns = self._columns.get(place)
        if columns is None:
            batch = self._batches[place]
            columns = self._columns[place] = dict(
                zip(batch.schema.names, batch.columns, strict=True)
            )
        # Value by value: a slice of all columns takes three times as long.
        values = {name: column[row].as_py() for name, column in columns.items()}
        return _passage(values, values["document"] + self.numbered_after)

    def text(self, first_row: int, count: int) -> str:
        """The text of `count` rows, joined."""
        return "".join(self.table.column("text").slice(first_row, count).to_pylist())

    def sections(self, document: int) -> tuple[Section, ...]:
        stored = json.loads(self._outline(document)["sections"])
        return tuple(Section(tuple(path), *rest) for path, *rest in stored)

    def pdf_pages(self, document: int) -> tuple[PdfPage, ...]:
        return tuple(map(_page, json.loads(self._outline(document)["pdf_pages"])))

    def outlines(self) -> Iterator[dict[str, Any]]:
        """The rows of the document table, for a merge."""
        yield from self._outlines.to_pylist()

    @cached_property
    def _outlines(self) -> Any:
        return self._arrow(DOCUMENTS_FILE)

    @cached_property
    def _outline_rows(self) -> dict[int, int]:
        return {n: row for row, n in enumerate(self._outlines.column("document").to_pylist())}

    def _outline(self, document: int) -> dict[str, Any]:
        place = self._outline_rows[document - self.numbered_after]
        row: dict[str, Any] = self._outlines.slice(place, 1).to_pylist()[0]
        return row

    def _arrow(self, name: str) -> Any:
        import pyarrow as pa

        try:
            return pa.ipc.open_file(pa.BufferReader(pa.py_buffer(self._files[name]))).read_all()
        except (pa.ArrowInvalid, OSError, KeyError) as error:
            raise damaged_part(self.directory) from error


def _map(path: Path, size: int) -> mmap:
    with path.open("rb") as file:
        # Mapped while the name is there: a writer may remove the file afterwards, and this
        # generation stays readable to its end.
        content = mmap(file.fileno(), 0, access=ACCESS_READ)
    # A file cut short would end the process with SIGBUS at the first access beyond its end; its
    # size shows it now.
    if len(content) != size:
        raise ValueError(f"{path.name} has {len(content)} bytes, not {size}")
    return content


def _passage(row: dict[str, Any], document: int) -> Passage:
    return Passage(
        document=document,
        ordinal=row["ordinal"],
        text=row["text"],
        tokens=row["tokens"],
        start=row["start"],
        first_pdf_page=row["first_pdf_page"],
        page_starts=tuple(zip(row["break_offsets"], row["break_pages"], strict=True)),
    )


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
        # Rows in hand come first: the order of rows is the order in which they were given.
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
    # By id, so that what a merge writes does not depend on which segments it met first.
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


def _page(stored: Sequence[Any]) -> PdfPage:
    """A page from its fields in order; archives of older builds have fewer of them."""
    page = PdfPage(*stored)
    return replace(page, notes=tuple(page.notes))


def _passage_schema() -> Any:
    import pyarrow as pa

    columns = {"document": pa.uint32(), "ordinal": pa.uint32(), "text": pa.string()}
    columns |= {"tokens": pa.uint32(), "start": pa.int64(), "first_pdf_page": pa.int32()}
    columns |= {"break_offsets": pa.list_(pa.uint32()), "break_pages": pa.list_(pa.uint32())}
    return pa.schema(list(columns.items()))


def _document_schema() -> Any:
    import pyarrow as pa

    columns = {"document": pa.uint32(), "sections": pa.string(), "pdf_pages": pa.string()}
    return pa.schema(list(columns.items()))
