"""FAISS: the passages nearest in meaning. The only module that imports faiss."""

from __future__ import annotations

from mmap import mmap
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from docpager.archive.embedding import Vector, Vectors

__all__ = ["VectorIndex", "VectorWriter"]


class VectorWriter:
    """Collects the vectors of a segment's rows, in row order."""

    def __init__(self, dimension: int) -> None:
        import faiss

        self._index = faiss.IndexFlatIP(dimension)

    def add(self, vectors: Vectors) -> None:
        self._index.add(vectors)

    def write(self, path: Path) -> None:
        import faiss

        faiss.write_index(self._index, str(path))


class VectorIndex:
    """The vectors of one segment, by row."""

    def __init__(self, index: Any) -> None:
        self._index = index

    @classmethod
    def load(cls, content: mmap) -> VectorIndex:
        """Read an index from a mapped file.

        Raises:
            ValueError: the content is no index.
        """
        import faiss
        import numpy as np

        try:
            return cls(faiss.deserialize_index(np.frombuffer(content, dtype=np.uint8)))
        except RuntimeError as error:
            raise ValueError(str(error)) from error

    @property
    def rows(self) -> int:
        return int(self._index.ntotal)

    def all(self) -> Vectors:
        """Every vector, in row order."""
        vectors: Vectors = self._index.reconstruct_n(0, self.rows)
        return vectors

    def between(self, first: int, count: int) -> Vectors:
        """The vectors of `count` rows."""
        vectors: Vectors = self._index.reconstruct_n(first, count)
        return vectors

    def nearest(
        self, query: Vector, *, count: int, among: NDArray[np.bool_]
    ) -> list[tuple[int, float]]:
        """The rows of `among` nearest to `query`, with their similarity: `count` of them,
        and every further one that is as near as the last."""
        import numpy as np

        selector = _selector(among)
        available = int(among.sum())
        wanted = min(count + 1, available)
        while wanted:
            scores, rows = self._index.search(query[np.newaxis, :], wanted, params=selector)
            similar = np.round(scores[0].astype(np.float64), 6)
            if wanted == available or similar[-1] < similar[count - 1]:
                kept = similar >= similar[min(count, wanted) - 1]
                return list(zip(rows[0][kept].tolist(), similar[kept].tolist(), strict=True))
            wanted = min(wanted * 2, available)
        return []


def _selector(among: NDArray[np.bool_]) -> Any:
    import faiss
    import numpy as np

    library: Any = faiss  # its stubs know the C++ signatures only
    bits = np.packbits(among, bitorder="little")
    return library.SearchParameters(sel=library.IDSelectorBitmap(bits))
