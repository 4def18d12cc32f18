"""One immutable directory of passages, their vectors, and their documents' outlines."""

from __future__ import annotations

import json
from bisect import bisect_right
from collections.abc import Collection, Iterator
from functools import cached_property
from itertools import accumulate
from mmap import ACCESS_READ, mmap
from pathlib import Path
from typing import TYPE_CHECKING, Any

from docpager.archive.vectors import PROPOSALS_FILE, VECTORS_FILE, VectorIndex
from docpager.core.passages import Passage
from docpager.documents.document import PdfPage, Section
from docpager.storage.atomic_files import damaged_part, sizes_of

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

__all__ = ["DOCUMENTS_FILE", "PASSAGES_FILE", "Segment"]

PASSAGES_FILE = "passages.arrow"
DOCUMENTS_FILE = "documents.arrow"


class Segment:
    """A reader of one segment. Its files are mapped at once and read when they are needed."""

    def __init__(self, directory: Path, rows: int, files: dict[str, mmap]) -> None:
        self.directory = directory
        self.name = directory.name
        self.rows = rows
        self._files = files

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
        return [_passage(row) for row in part.slice(start, count).to_pylist()]

    def text(self, first_row: int, count: int) -> str:
        """The text of `count` rows, joined."""
        return "".join(self.table.column("text").slice(first_row, count).to_pylist())

    def sections(self, document: int) -> tuple[Section, ...]:
        stored = json.loads(self._outline(document)["sections"])
        return tuple(Section(tuple(path), *rest) for path, *rest in stored)

    def pdf_pages(self, document: int) -> tuple[PdfPage, ...]:
        return tuple(
            PdfPage(*stored) for stored in json.loads(self._outline(document)["pdf_pages"])
        )

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
        row: dict[str, Any] = self._outlines.slice(self._outline_rows[document], 1).to_pylist()[0]
        return row

    def _arrow(self, name: str) -> Any:
        import pyarrow as pa

        try:
            return pa.ipc.open_file(pa.BufferReader(pa.py_buffer(self._files[name]))).read_all()
        except (pa.ArrowInvalid, OSError, KeyError) as error:
            raise damaged_part(self.directory) from error


def _map(path: Path, size: int) -> mmap:
    with path.open("rb") as file:
        content = mmap(file.fileno(), 0, access=ACCESS_READ)
    if len(content) != size:
        raise ValueError(f"{path.name} has {len(content)} bytes, not {size}")
    return content


def _passage(row: dict[str, Any]) -> Passage:
    return Passage(
        document=row["document"],
        ordinal=row["ordinal"],
        text=row["text"],
        tokens=row["tokens"],
        start=row["start"],
        first_pdf_page=row["first_pdf_page"],
        page_starts=tuple(zip(row["break_offsets"], row["break_pages"], strict=True)),
    )
