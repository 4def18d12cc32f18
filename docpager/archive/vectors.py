"""FAISS: the passages nearest in meaning. The only module that imports faiss.

A segment's vectors are kept in half precision and stay on the disk, mapped. Up to `FLAT_ROWS` they
are compared one by one. Above, a second index proposes rows: every vector in four bits for two
dimensions, small enough for memory and scanned some twenty times as fast; the best of these are
ranked by the vectors themselves. `benchmarks/performance` has the measurements that chose this
over lists (IVF), which lose a tenth of the nearest passages at the same speed.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property
from mmap import mmap
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from docpager.archive.embedders.base import Vector, Vectors

__all__ = ["FLAT_ROWS", "PROPOSALS_FILE", "VECTORS_FILE", "VectorIndex", "VectorWriter", "rounded"]

VECTORS_FILE = "vectors.faiss"
PROPOSALS_FILE = "proposals.faiss"
"""Beside many vectors: the index that proposes rows."""

FLAT_ROWS = 50_000
_PROPOSED = 4
"""For each row that is wanted, so many are ranked by their vectors."""
_FEWEST = 0.5
"""A choice of a smaller share of the rows is compared row by row."""
_TRAINING_ROWS = 16_384
_BLOCK = 65_536


class VectorWriter:
    """Collects the vectors of a segment's rows, in row order."""

    def __init__(self, dimension: int, *, flat_rows: int = FLAT_ROWS) -> None:
        import faiss

        self._index: Any = faiss.IndexScalarQuantizer(
            dimension, faiss.ScalarQuantizer.QT_fp16, faiss.METRIC_INNER_PRODUCT
        )
        # Two dimensions share a code, so there must be pairs of them.
        self._flat = dimension % 2 == 1
        self._flat_rows = flat_rows

    def add(self, vectors: Vectors) -> None:
        with _one_thread():
            self._index.add(vectors)

    def in_memory(self) -> VectorIndex:
        """What was added so far, to be searched as if it had been written."""
        return VectorIndex(self._index)

    def write(self, directory: Path) -> None:
        """Write the segment's index, or both where it has many rows."""
        import faiss

        faiss.write_index(self._index, str(directory / VECTORS_FILE))
        if self._index.ntotal > self._flat_rows and not self._flat:
            with _one_thread():
                faiss.write_index(_proposing(self._index), str(directory / PROPOSALS_FILE))


class VectorIndex:
    """The vectors of one segment, by row."""

    def __init__(self, exact: Any, proposals: Any = None, *, mapped: object = None) -> None:
        self._exact = exact
        self._proposals = proposals
        self._mapped = mapped  # what the exact vectors are read from must outlive them

    @classmethod
    def load(cls, content: mmap, proposals: mmap | None = None) -> VectorIndex:
        """Read an index from mapped files; the vectors stay there.

        Raises:
            ValueError: the content is no index.
        """
        import faiss
        import numpy as np

        library: Any = faiss  # its stubs know the C++ signatures only
        mapped = np.frombuffer(content, dtype=np.uint8)
        try:
            reader = library.ZeroCopyIOReader(faiss.swig_ptr(mapped), mapped.size)
            exact = library.read_index(reader)
            if proposals is None:
                return cls(exact, mapped=mapped)
            copied = faiss.deserialize_index(np.frombuffer(proposals, dtype=np.uint8))
        except RuntimeError as error:
            raise ValueError(str(error)) from error
        return cls(exact, copied, mapped=mapped)

    @property
    def rows(self) -> int:
        return int(self._exact.ntotal)

    @cached_property
    def _halves(self) -> NDArray[np.float16]:
        """The mapped vectors themselves: faster than asking for one row after the other."""
        import faiss

        library: Any = faiss
        codes = library.rev_swig_ptr(self._exact.codes.data(), self.rows * self._exact.code_size)
        halves: NDArray[np.float16] = codes.view("<f2").reshape(self.rows, -1)
        return halves

    def between(self, first: int, count: int) -> Vectors:
        """The vectors of `count` rows."""
        with _one_thread():
            vectors: Vectors = self._exact.reconstruct_n(first, count)
        return vectors

    def nearest(
        self, query: Vector, *, count: int, among: NDArray[np.bool_]
    ) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        """The rows of `among` nearest to `query`, and their similarity: `count` of them, and every
        further one that was found to be as near as the last."""
        import numpy as np

        available = int(np.count_nonzero(among))
        # One more than asked for shows whether the last has equals; equals are cut by key later,
        # not by the order in which faiss met them.
        wanted = min(count + 1, available)
        while wanted:
            with _one_thread():
                rows, similar = self._found(query, wanted, among, available)
            last = similar[min(count, len(rows)) - 1]
            # The list ends below the last wanted similarity, so no further row can equal it.
            if len(rows) == available or similar[-1] < last:
                kept = similar >= last
                return rows[kept], similar[kept]
            # Doubling: a thousand copies of one page are found in a few rounds.
            wanted = min(wanted * 2, available)
        return np.zeros(0, dtype=np.int64), np.zeros(0)

    def _found(
        self, query: Vector, wanted: int, among: NDArray[np.bool_], available: int
    ) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        """At least `wanted` rows with their rounded similarities, nearest first."""
        import numpy as np

        share = available / self.rows
        if self._proposals is not None and share >= _FEWEST:
            # Divided by the share: the proposing index knows nothing of `among`, so that many more
            # must be proposed for enough to be left.
            proposed = min(self.rows, round(wanted * _PROPOSED / share))
            _, found = self._proposals.search(query[np.newaxis, :], proposed)
            rows = found[0][found[0] >= 0]
            rows = rows[among[rows]]
            if len(rows) >= wanted:
                return _ranked(rows, self._halves[rows].astype(np.float32) @ query)
        parameters = _selection(among) if available < self.rows else None
        scores, found = self._exact.search(query[np.newaxis, :], wanted, params=parameters)
        return _ranked(found[0], scores[0])


def rounded(scores: NDArray[np.float32]) -> NDArray[np.float64]:
    """Similarities to six places: beyond them the order of additions in a SIMD loop shows, and
    results would depend on the processor."""
    import numpy as np

    return scores.astype(np.float64).round(6)


def _ranked(
    rows: NDArray[np.int64], scores: NDArray[np.float32]
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    import numpy as np

    similar = rounded(scores)
    order = np.lexsort((rows, -similar))
    return rows[order], similar[order]


def _proposing(exact: Any) -> Any:
    """An index that finds candidates; made the same from the same vectors every time."""
    import faiss
    import numpy as np

    index: Any = faiss.IndexPQFastScan(exact.d, exact.d // 2, 4, faiss.METRIC_INNER_PRODUCT)
    rows = int(exact.ntotal)
    # Evenly spread and not drawn by chance: the same vectors train the same index, and every
    # document takes part.
    step = max(1, rows // _TRAINING_ROWS)
    index.train(exact.reconstruct_batch(np.arange(0, rows, step)))
    for first in range(0, rows, _BLOCK):
        index.add(exact.reconstruct_n(first, min(_BLOCK, rows - first)))
    return index


@contextmanager
def _one_thread() -> Iterator[None]:
    """Neither a query nor the training nor a few hundred vectors more are work for several threads:
    they wait for each other, and on a busy machine that takes twenty times as long."""
    import faiss

    threads = faiss.omp_get_max_threads()
    faiss.omp_set_num_threads(1)
    try:
        yield
    finally:
        faiss.omp_set_num_threads(threads)


def _selection(among: NDArray[np.bool_]) -> Any:
    import faiss
    import numpy as np

    library: Any = faiss
    bits = np.packbits(among, bitorder="little")
    return library.SearchParameters(sel=library.IDSelectorBitmap(bits))
