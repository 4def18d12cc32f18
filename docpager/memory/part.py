"""A part of a store's index: some memories in the order of their ids, their words and vectors.

A part on the disk never changes. Small parts are merged into larger ones as a log-structured merge
tree does (O'Neil and others, 1996), so that adding a memory costs about the same whatever is there.
"""

from __future__ import annotations

import json
from bisect import bisect_left
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from mmap import ACCESS_READ, mmap
from pathlib import Path
from typing import TYPE_CHECKING, Any

from docpager.archive.vectors import PROPOSALS_FILE, VECTORS_FILE, VectorIndex, VectorWriter
from docpager.memory.entries import Memory, MemoryFilter, microseconds
from docpager.storage.atomic_files import fresh_directory, sync_part
from docpager.storage.sealed_log import SealedLine

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from docpager.archive.embedders.base import Vectors

__all__ = ["MemoryPart", "merged", "open_part", "part_of", "write_part"]

_ROW = [
    ("id", "<i8"),
    ("when", "<i8"),  # microseconds since 1970, UTC
    ("kind", "<i4"),  # this and the next two: a place in the part's names
    ("who", "<i4"),
    ("session", "<i4"),
    ("start", "<i8"),  # where its line is in the log
    ("size", "<i4"),
    ("before", "<u8"),  # the seal of the line before, so that the line can be checked alone
    ("words", "<i4"),  # how many terms it has
]
_NAMED = ("kind", "who", "session")
_ARRAYS = ("rows", "starts", "postings", "counts")
_NAMES_FILE = "names.json"


@dataclass(frozen=True, slots=True)
class MemoryPart:
    """Memories as columns: everything but their texts, which stand in the log."""

    rows: NDArray[Any]
    """One for each memory, fields as in `_ROW`, ids ascending."""
    names: Mapping[str, Sequence[str]]
    """What the numbers of kinds, authors and sessions stand for."""
    terms: Sequence[str]
    """Sorted."""
    starts: NDArray[np.int64]
    """Where the postings of each term begin; the last is where all end."""
    postings: NDArray[np.int32]
    """Rows that contain a term, ascending."""
    counts: NDArray[np.int32]
    """How often."""
    vectors: VectorIndex

    def __len__(self) -> int:
        return len(self.rows)

    def chosen(self, wanted: MemoryFilter) -> NDArray[np.bool_]:
        """Which rows are wanted."""
        import numpy as np

        mask = np.ones(len(self.rows), dtype=bool)
        for name in _NAMED:
            value = getattr(wanted, name)
            if value is not None:
                names = self.names[name]
                number = names.index(value) if value in names else -1
                mask &= self.rows[name] == number
        if wanted.since is not None:
            mask &= self.rows["when"] >= microseconds(wanted.since)
        if wanted.until is not None:
            mask &= self.rows["when"] < microseconds(wanted.until)
        return mask

    def rows_with(self, term: str) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
        """The rows that contain a term, and how often each does."""
        at = bisect_left(self.terms, term)
        if at == len(self.terms) or self.terms[at] != term:
            return self.postings[:0], self.counts[:0]
        first, last = int(self.starts[at]), int(self.starts[at + 1])
        return self.postings[first:last], self.counts[first:last]

    def row_of(self, id: int) -> Any | None:
        """The row of a memory; None where it is not in this part."""
        at = int(self.rows["id"].searchsorted(id))
        return self.rows[at] if at < len(self.rows) and self.rows["id"][at] == id else None


def part_of(
    memories: Sequence[tuple[SealedLine, Memory]],
    words: Sequence[Counter[str]],
    vectors: Vectors,
) -> MemoryPart:
    """The part of these memories, whose terms and vectors are given in their order."""
    import numpy as np

    names: dict[str, list[str]] = {
        name: sorted({getattr(memory, name) for _, memory in memories}) for name in _NAMED
    }
    number = {name: {value: n for n, value in enumerate(names[name])} for name in _NAMED}
    rows = np.array(
        [
            (
                memory.id,
                microseconds(memory.when),
                *(number[name][getattr(memory, name)] for name in _NAMED),
                line.start,
                line.size,
                int(line.before, 16),
                counts.total(),
            )
            for (line, memory), counts in zip(memories, words, strict=True)
        ],
        dtype=_ROW,
    )
    terms = sorted({term for counts in words for term in counts})
    place = {term: n for n, term in enumerate(terms)}
    triples = [
        (place[term], row, count)
        for row, counts in enumerate(words)
        for term, count in counts.items()
    ]
    term_of, row_of, count_of = np.array(triples, dtype=np.int64).reshape(-1, 3).T
    starts, postings, counted = _grouped(term_of, row_of, count_of, len(terms))
    writer = VectorWriter(vectors.shape[1])
    writer.add(vectors)
    return MemoryPart(rows, names, terms, starts, postings, counted, writer.in_memory())


def merged(
    parts: Sequence[MemoryPart],
    kept: Sequence[NDArray[np.bool_]],
    dimension: int,
    moved: Sequence[NDArray[Any]] | None = None,
) -> MemoryPart:
    """The `kept` rows of several parts as one; nothing of the others is left in it.

    `moved` are their rows with new places in the log, where it was written anew.
    """
    import numpy as np

    old_rows = [part.rows for part in parts] if moved is None else moved
    rows = np.concatenate([old[mask] for old, mask in zip(old_rows, kept, strict=True)])
    names = {
        name: sorted(
            {
                part.names[name][n]
                for part, mask in zip(parts, kept, strict=True)
                for n in np.unique(part.rows[name][mask]).tolist()
            }
        )
        for name in _NAMED
    }
    writer = VectorWriter(dimension)
    triples: list[tuple[NDArray[Any], NDArray[Any], NDArray[Any]]] = []
    place: dict[str, int] = {}
    base = 0
    for part, mask in zip(parts, kept, strict=True):
        size = int(mask.sum())
        for name in _NAMED:
            known = {value: n for n, value in enumerate(names[name])}
            numbers = np.array([known.get(value, -1) for value in part.names[name]], np.int32)
            rows[name][base : base + size] = numbers[part.rows[name][mask]]
        new_row = base + np.cumsum(mask) - 1
        live = mask[part.postings]
        table = np.array([place.setdefault(term, len(place)) for term in part.terms], np.int64)
        term_of = np.repeat(table, np.diff(part.starts))[live]
        triples.append((term_of, new_row[part.postings[live]], part.counts[live]))
        if len(part):
            writer.add(part.vectors.between(0, len(part))[mask])
        base += size
    # A term that only removed memories had is a word of theirs, and goes with them.
    met, term_of = np.unique(np.concatenate([t for t, _, _ in triples]), return_inverse=True)
    every = list(place)
    order = sorted(range(len(met)), key=lambda n: every[met[n]])
    terms = [every[met[n]] for n in order]
    renumbered = np.empty(len(met), dtype=np.int64)
    renumbered[order] = np.arange(len(met))
    starts, postings, counts = _grouped(
        renumbered[term_of],
        np.concatenate([r for _, r, _ in triples]),
        np.concatenate([c for _, _, c in triples]),
        len(terms),
    )
    return MemoryPart(rows, names, terms, starts, postings, counts, writer.in_memory())


def write_part(directory: Path, part: MemoryPart, dimension: int) -> None:
    """Put a part on the disk, to be there for good when this returns."""
    import numpy as np

    fresh_directory(directory)
    for name in _ARRAYS:
        np.save(directory / f"{name}.npy", getattr(part, name))
    names = {"terms": part.terms, **part.names}
    (directory / _NAMES_FILE).write_text(json.dumps(names, ensure_ascii=False), encoding="utf-8")
    writer = VectorWriter(dimension)
    writer.add(part.vectors.between(0, len(part)))
    writer.write(directory)
    sync_part(directory)


def open_part(directory: Path) -> MemoryPart:
    """Read a part; its arrays and vectors stay on the disk, mapped.

    Raises:
        OSError: the part is gone, or half of it is.
        ValueError: its files are damaged.
    """
    import numpy as np

    arrays = {name: np.load(directory / f"{name}.npy", mmap_mode="r") for name in _ARRAYS}
    names = json.loads((directory / _NAMES_FILE).read_text(encoding="utf-8"))
    proposals = directory / PROPOSALS_FILE
    vectors = VectorIndex.load(
        _map(directory / VECTORS_FILE), _map(proposals) if proposals.exists() else None
    )
    part = MemoryPart(names=names, terms=names.pop("terms"), vectors=vectors, **arrays)
    sound = vectors.rows == len(part.rows) and len(part.starts) == len(part.terms) + 1
    if not sound or not (np.diff(part.rows["id"]) > 0).all():
        raise ValueError(f"the parts of {directory} do not belong together")
    return part


def _map(path: Path) -> mmap:
    with path.open("rb") as file:
        return mmap(file.fileno(), 0, access=ACCESS_READ)


def _grouped(
    term_of: NDArray[np.int64], row_of: NDArray[np.int64], count_of: NDArray[np.int64], terms: int
) -> tuple[NDArray[np.int64], NDArray[np.int32], NDArray[np.int32]]:
    """Where each term's postings begin, and the postings, by term and then by row."""
    import numpy as np

    order = np.lexsort((row_of, term_of))
    starts = np.zeros(terms + 1, dtype=np.int64)
    np.cumsum(np.bincount(term_of, minlength=terms), out=starts[1:])
    return starts, row_of[order].astype(np.int32), count_of[order].astype(np.int32)
