"""FAISS: the passages nearest in meaning. The only module that imports faiss.

A segment's vectors are kept in half precision and stay on the disk, mapped. Up to `FLAT_ROWS` they
are compared one by one. Above, a second index proposes rows: every vector in four bits for two
dimensions, small enough for memory and scanned some twenty times as fast; the best of these are
ranked by the vectors themselves. `benchmarks/performance` has the measurements that chose this
over lists (IVF), which lose a tenth of the nearest passages at the same speed.

Several indexes are searched as one: their proposals are put in one order, and so many of all are
ranked as of one index. How passages are divided among indexes then decides neither what is found
nor how much is ranked.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cached_property
from mmap import mmap
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from docpager.archive.embedders.base import Vector, Vectors

__all__ = [
    "FLAT_ROWS",
    "PROPOSALS_FILE",
    "VECTORS_FILE",
    "VectorIndex",
    "VectorWriter",
    "nearest_of",
    "rounded",
]

VECTORS_FILE = "vectors.faiss"
PROPOSALS_FILE = "proposals.faiss"
"""Beside many vectors: the index that proposes rows."""

FLAT_ROWS = 50_000
_RANKED = 10
"""For each row that is wanted, so many proposals are ranked by their vectors at first."""
_ASKED = 50
"""So many are asked for at first, of all indexes together: most searches need no more."""
_ASKED_EACH = 5
"""And so many of each besides: shares of the nearest are uneven."""
_FEWEST = 0.5
"""A choice of a smaller share of the rows is compared row by row."""
_TRAINING_ROWS = 16_384
_BLOCK = 65_536


class VectorWriter:
    """Collects the vectors of a segment's rows, in row order."""

    def __init__(self, dimension: int, *, flat_rows: int = FLAT_ROWS) -> None:
        self._index = _half_precision(dimension)
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
    def codes(self) -> NDArray[np.uint8]:
        """The vectors as they are kept, by row; mapped, not copied."""
        import faiss

        library: Any = faiss
        size = self.rows * self._exact.code_size
        codes: NDArray[np.uint8] = library.rev_swig_ptr(self._exact.codes.data(), size)
        return codes.reshape(self.rows, -1)

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
        ((rows, similar),) = nearest_of([(self, among)], query, count=count)
        return rows, similar

    def compared(
        self, query: Vector, *, count: int, among: NDArray[np.bool_]
    ) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        """As `nearest`, with every row of `among` looked at."""
        import numpy as np

        available = int(np.count_nonzero(among))
        parameters = _selection(among) if available < self.rows else None
        return _first(self._exact, query, count, available, parameters)

    def proposes(self, among: NDArray[np.bool_]) -> bool:
        """Whether it has proposals, and enough of them would be in `among`."""
        import numpy as np

        enough = int(np.count_nonzero(among)) >= _FEWEST * self.rows
        return self._proposals is not None and enough

    def proposed(self, query: Vector, count: int) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        """The first rows by their approximate similarity, and that."""
        scores, rows = self._proposals.search(query[None, :], count)
        there = rows[0] >= 0
        return rows[0][there], scores[0][there]


def rounded(scores: NDArray[np.float32]) -> NDArray[np.float64]:
    """Similarities to six places: beyond them the order of additions in a SIMD loop shows, and
    results would depend on the processor."""
    import numpy as np

    return scores.astype(np.float64).round(6)


def nearest_of(
    parts: Sequence[tuple[VectorIndex, NDArray[np.bool_]]], query: Vector, *, count: int
) -> list[tuple[NDArray[np.int64], NDArray[np.float64]]]:
    """By index: the rows of its choice that are among the nearest of all, and their similarity,
    nearest first. Together they are `count`, and every further one that was found to be as near as
    the last."""
    nearest = _Nearest(count)
    with _one_thread():
        pools = []
        rows_of_all = sum(index.rows for index, _ in parts)
        for place, (index, among) in enumerate(parts):
            if index.proposes(among):
                asked = _ASKED * count * index.rows // rows_of_all + _ASKED_EACH * count
                pools.append(_Pool(place, index, among, query, asked))
            else:
                nearest.take(place, *index.compared(query, count=count, among=among))
        above, reach = float("inf"), _RANKED * count
        while pools:
            below = _score_of(pools, reach)
            found = _ranked_between(pools, query, count, below, above)
            # Their order is an approximation, so that one further down may be nearer. Twice as many
            # are looked at until the second half adds none.
            adds = [nearest.take(pool.place, *own) for pool, own in zip(pools, found, strict=True)]
            if not any(adds) or below == -float("inf"):
                break
            above, reach = below, 2 * sum(int((pool.scores >= below).sum()) for pool in pools)
    return [nearest.of(place) for place in range(len(parts))]


class _Nearest:
    """The nearest rows that were found so far in several indexes."""

    def __init__(self, count: int) -> None:
        import numpy as np

        self._count = count
        self._places = self._rows = np.zeros(0, dtype=np.int64)
        self._similar = np.zeros(0)

    def take(self, place: int, rows: NDArray[np.int64], similar: NDArray[np.float64]) -> bool:
        """Whether any of these rows of an index is among the nearest."""
        import numpy as np

        self._places = np.concatenate([self._places, np.full(len(rows), place)])
        self._rows = np.concatenate([self._rows, rows])
        self._similar = np.concatenate([self._similar, similar])
        if len(self._similar) > self._count:
            last = np.partition(self._similar, -self._count)[-self._count]
            kept = self._similar >= last
            added = bool(kept[len(kept) - len(rows) :].any())
            self._places, self._rows = self._places[kept], self._rows[kept]
            self._similar = self._similar[kept]
            return added
        return len(rows) > 0

    def of(self, place: int) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        """Those of one index, nearest first."""
        import numpy as np

        own = self._places == place
        rows, similar = self._rows[own], self._similar[own]
        order = np.lexsort((rows, -similar))
        return rows[order], similar[order]


class _Pool:
    """What an index proposes of a choice of its rows, best first, as far as it was asked."""

    def __init__(
        self, place: int, index: VectorIndex, among: NDArray[np.bool_], query: Vector, asked: int
    ) -> None:
        import numpy as np

        self.place = place
        self.index = index
        self._among = among
        self._query = query
        # The index knows nothing of the choice, so that more must be asked for where it is small.
        self._asked = asked * index.rows // int(np.count_nonzero(among))
        self._ask()

    def ask_further(self) -> None:
        self._asked *= 2
        self._ask()

    def _ask(self) -> None:
        rows, scores = self.index.proposed(self._query, min(self._asked, self.index.rows))
        all_asked = self._asked >= self.index.rows
        self.lowest = -float("inf") if all_asked else float(scores[-1])
        """No row that was not asked for has a higher score."""
        chosen = self._among[rows]
        self.rows, self.scores = rows[chosen], scores[chosen]


def _score_of(pools: Sequence[_Pool], reach: int) -> float:
    """The score of the proposal that is at place `reach` of all; minus infinity where there are no
    more. Every proposal down to it has been asked for then."""
    import numpy as np

    while True:
        scores = np.concatenate([pool.scores for pool in pools])
        enough = len(scores) > reach
        score = float(np.partition(scores, -reach)[-reach]) if enough else -float("inf")
        short = [pool for pool in pools if pool.lowest >= score and pool.lowest > -float("inf")]
        if not short:
            return score
        for pool in short:
            pool.ask_further()


def _ranked_between(
    pools: Sequence[_Pool], query: Vector, count: int, below: float, above: float
) -> list[tuple[NDArray[np.int64], NDArray[np.float64]]]:
    """By pool: its proposals from score `below` up to `above` (not included) that are among the
    nearest of these, with their similarity."""
    import numpy as np

    blocks = [np.sort(pool.rows[(pool.scores >= below) & (pool.scores < above)]) for pool in pools]
    # Copied into an index of their own: looking through all rows for the chosen ones, or making
    # single precision of them in numpy, takes longer.
    copied = _half_precision(len(query))
    copied.add_sa_codes(
        np.concatenate(
            [pool.index.codes.take(rows, axis=0) for pool, rows in zip(pools, blocks, strict=True)]
        )
    )
    found, similar = _first(copied, query, count, int(copied.ntotal))
    ends = np.cumsum([len(rows) for rows in blocks])
    starts = ends - [len(rows) for rows in blocks]
    own = [(found >= start) & (found < end) for start, end in zip(starts, ends, strict=True)]
    return [
        (rows[found[mine] - start], similar[mine])
        for rows, mine, start in zip(blocks, own, starts, strict=True)
    ]


def _first(
    index: Any, query: Vector, count: int, available: int, parameters: Any = None
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """The `count` nearest rows of an index that compares all, and every further one that is as near
    as the last; `available` are to be had."""
    import numpy as np

    # One more than asked for shows whether the last has equals; equals are cut by key later, not
    # by the order in which faiss met them.
    wanted = min(count + 1, available)
    while wanted:
        scores, found = index.search(query[np.newaxis, :], wanted, params=parameters)
        similar = rounded(scores[0])
        order = np.lexsort((found[0], -similar))
        rows, similar = found[0][order], similar[order]
        last = similar[min(count, len(rows)) - 1]
        # The list ends below the last wanted similarity, so no further row can equal it.
        if len(rows) == available or similar[-1] < last:
            kept = similar >= last
            return rows[kept], similar[kept]
        # Doubling: a thousand copies of one page are found in a few rounds.
        wanted = min(wanted * 2, available)
    return np.zeros(0, dtype=np.int64), np.zeros(0)


def _half_precision(dimension: int) -> Any:
    import faiss

    return faiss.IndexScalarQuantizer(
        dimension, faiss.ScalarQuantizer.QT_fp16, faiss.METRIC_INNER_PRODUCT
    )


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
