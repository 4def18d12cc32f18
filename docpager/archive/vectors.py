"""FAISS: the passages nearest in meaning. The only module that imports faiss.

Up to `FLAT_ROWS` a segment's vectors are compared one by one. Above, they are divided into lists,
and only the likeliest lists are scanned, on 8 bits a number; the best of these are then ranked by
the vectors themselves, which stay on the disk as they are. `benchmarks/performance` has the
measurements that chose the sizes. Vectors are kept in half precision whatever the size, so that
results do not depend on how segments came to be merged.
"""

from __future__ import annotations

from mmap import mmap
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from docpager.archive.embedding import Vector, Vectors

__all__ = ["EXACT_FILE", "FLAT_ROWS", "VECTORS_FILE", "VectorIndex", "VectorWriter"]

VECTORS_FILE = "vectors.faiss"
EXACT_FILE = "vectors.f16"
"""Beside lists: every vector in half precision, row by row."""

FLAT_ROWS = 30_000
_PROBED = 1 / 16
"""Share of the lists that a search scans."""
_TRAINING_PER_LIST = 64
_CANDIDATES = 3
"""For each row that is wanted, so many are ranked by their vectors."""
_FEW_ROWS = 5_000
"""A choice of rows up to this size is compared row by row."""
_BLOCK = 65_536


class VectorWriter:
    """Collects the vectors of a segment's rows, in row order, in a file of its directory."""

    def __init__(self, directory: Path, dimension: int, *, flat_rows: int = FLAT_ROWS) -> None:
        self._directory = directory
        self._dimension = dimension
        self._flat_rows = flat_rows
        self._rows = 0
        self._file = (directory / EXACT_FILE).open("wb")

    def add(self, vectors: Vectors) -> None:
        import numpy as np

        self._file.write(vectors.astype(np.float16).tobytes())
        self._rows += len(vectors)

    def close(self) -> None:
        """Write the index of what was added."""
        import faiss

        self._file.close()
        exact = self._directory / EXACT_FILE
        vectors = _stored(exact, self._rows, self._dimension)
        if self._rows > self._flat_rows:
            index = _in_lists(vectors)
        else:
            index = faiss.IndexFlatIP(self._dimension)
            _add_all(index, vectors)
            exact.unlink()
        try:
            faiss.write_index(index, str(self._directory / VECTORS_FILE))
        except RuntimeError as error:  # the disk refused
            raise OSError(str(error)) from error

    def abandon(self) -> None:
        self._file.close()


class VectorIndex:
    """The vectors of one segment, by row."""

    def __init__(self, index: Any, exact: NDArray[np.float16] | None = None) -> None:
        self._index = index
        self._exact = exact

    @classmethod
    def load(cls, content: mmap, exact: mmap | None = None) -> VectorIndex:
        """Read an index from a mapped file; `exact` holds its vectors where it has lists.

        Raises:
            ValueError: the content is no index.
        """
        import faiss
        import numpy as np

        try:
            index = faiss.deserialize_index(np.frombuffer(content, dtype=np.uint8))
        except RuntimeError as error:
            raise ValueError(str(error)) from error
        if exact is None:
            return cls(index)
        vectors = np.frombuffer(exact, dtype=np.float16)
        return cls(index, vectors.reshape(int(index.ntotal), int(index.d)))

    @property
    def rows(self) -> int:
        return int(self._index.ntotal)

    @property
    def lists(self) -> int:
        """How many lists the rows are divided into; 0 where they are compared one by one."""
        return 0 if self._exact is None else int(self._index.nlist)

    def between(self, first: int, count: int) -> Vectors:
        """The vectors of `count` rows."""
        import numpy as np

        if self._exact is not None:
            return self._exact[first : first + count].astype(np.float32)
        vectors: Vectors = self._index.reconstruct_n(first, count)
        return vectors

    def nearest(
        self, query: Vector, *, count: int, among: NDArray[np.bool_]
    ) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        """The rows of `among` nearest to `query`, and their similarity: `count` of them, and every
        further one that was found to be as near as the last."""
        import numpy as np

        available = int(np.count_nonzero(among))
        wanted = min(count + 1, available)
        while wanted:
            rows, similar = self._found(query, wanted, among, available)
            last = similar[min(count, len(rows)) - 1]
            if len(rows) == available or self._exact is not None or similar[-1] < last:
                kept = similar >= last
                return rows[kept], similar[kept]
            wanted = min(wanted * 2, available)
        return np.zeros(0, dtype=np.int64), np.zeros(0)

    def _found(
        self, query: Vector, wanted: int, among: NDArray[np.bool_], available: int
    ) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        """Rows and rounded similarities, nearest first."""
        import numpy as np

        if self._exact is None:
            parameters = _selection(among) if available < self.rows else None
            scores, rows = self._index.search(query[np.newaxis, :], wanted, params=parameters)
            return rows[0], np.round(scores[0].astype(np.float64), 6)
        if available <= max(_FEW_ROWS, wanted):
            rows = np.flatnonzero(among)
        else:
            rows = self._candidates(query, wanted * _CANDIDATES, among, available)
        similar = np.round((self._exact[rows].astype(np.float32) @ query).astype(np.float64), 6)
        order = np.lexsort((rows, -similar))
        return rows[order], similar[order]

    def _candidates(
        self, query: Vector, wanted: int, among: NDArray[np.bool_], available: int
    ) -> NDArray[np.int64]:
        import faiss
        import numpy as np

        library: Any = faiss  # its stubs know the C++ signatures only
        selector = _selector(among) if available < self.rows else None
        # The fewer of its rows may be found, the more lists it takes to find as many.
        probed = min(self.lists, int(self._index.nprobe) * self.rows // available)
        while True:
            parameters = library.SearchParametersIVF(nprobe=probed, sel=selector)
            _, found = self._index.search(query[np.newaxis, :], wanted, params=parameters)
            rows: NDArray[np.int64] = found[0][found[0] >= 0]
            if len(rows) >= min(wanted, available) or probed == self.lists:
                return rows
            probed = min(self.lists, probed * 4)


def _in_lists(vectors: NDArray[np.float16]) -> Any:
    """An index of lists, made the same from the same vectors every time."""
    import faiss
    import numpy as np

    rows, dimension = vectors.shape
    lists = 1 << round(np.log2(2 * np.sqrt(rows)))
    quantizer = faiss.IndexFlatIP(dimension)
    index: Any = faiss.IndexIVFScalarQuantizer(
        quantizer, dimension, lists, faiss.ScalarQuantizer.QT_8bit, faiss.METRIC_INNER_PRODUCT
    )
    index.cp.seed = 1
    index.cp.niter = 10
    index.cp.spherical = True
    index.cp.max_points_per_centroid = _TRAINING_PER_LIST
    step = max(1, rows // (lists * _TRAINING_PER_LIST))
    index.train(vectors[::step].astype(np.float32))
    _add_all(index, vectors)
    index.nprobe = max(1, round(lists * _PROBED))
    return index


def _add_all(index: Any, vectors: NDArray[np.float16]) -> None:
    import numpy as np

    for first in range(0, len(vectors), _BLOCK):
        index.add(vectors[first : first + _BLOCK].astype(np.float32))


def _stored(path: Path, rows: int, dimension: int) -> NDArray[np.float16]:
    import numpy as np

    if not rows:
        return np.zeros((0, dimension), dtype=np.float16)
    return np.memmap(path, dtype=np.float16, mode="r", shape=(rows, dimension))


def _selection(among: NDArray[np.bool_]) -> Any:
    import faiss

    library: Any = faiss
    return library.SearchParameters(sel=_selector(among))


def _selector(among: NDArray[np.bool_]) -> Any:
    import faiss
    import numpy as np

    library: Any = faiss
    return library.IDSelectorBitmap(np.packbits(among, bitorder="little"))
