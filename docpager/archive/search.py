"""Hybrid search: ranks by words and by meaning, fused into one complete and stable list."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from functools import cache, partial
from typing import TYPE_CHECKING, Literal, Protocol, TypeVar

from docpager.archive.analyzer import Analyzer
from docpager.archive.lexical import Best, LexicalIndex, key_of, passage_of
from docpager.archive.snapshot import Snapshot
from docpager.archive.vectors import nearest_of, rounded
from docpager.core.errors import UsageError
from docpager.core.passages import Hit, PassageId

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from docpager.archive.embedders.base import Embedder, Vector
    from docpager.archive.manifest import DocumentRecord

__all__ = [
    "FEW_DOCUMENTS",
    "FEW_PASSAGES",
    "NEAREST",
    "RECIPROCAL_RANK_K",
    "WORDS_WEIGHT",
    "By",
    "Ranking",
    "SearchPage",
    "StartWork",
    "Threads",
    "at_once",
    "fuse",
    "page_bounds",
    "rank",
    "words_that_decide",
]

RECIPROCAL_RANK_K = 10
"""Cormack, Clarke and Buettcher (SIGIR 2009) have 60, for lists as good as each other. Where one
is much better, so large a k buries its first ranks under what both have at rank 50."""
WORDS_WEIGHT = 2.0
"""What a rank by words counts, a rank by meaning being 1. Both are from one sweep over the five
sets of `benchmarks/retrieval`, where anything from 5 to 20 and from 1.5 to 3 does about as well."""


def fuse(
    words: NDArray[np.int64],
    meaning: NDArray[np.int64],
    *,
    k: int = RECIPROCAL_RANK_K,
    words_weight: float = WORDS_WEIGHT,
) -> NDArray[np.int64]:
    """Weighted reciprocal rank fusion of passage keys; ties by key: document id, then ordinal.

    >>> import numpy as np
    >>> fuse(np.array([11, 12]), np.array([12])).tolist()
    [12, 11]
    """
    import numpy as np

    by_words = words_weight / (k + np.arange(1, len(words) + 1))
    by_meaning = 1 / (k + np.arange(1, len(meaning) + 1))
    keys, places = np.unique(np.concatenate([words, meaning]), return_inverse=True)
    gains = np.concatenate([by_words, by_meaning])
    scores = np.bincount(places, weights=gains, minlength=len(keys))
    # Ties are the rule here (two lists of reciprocal ranks), so the key decides them: the same
    # question gives the same list on every machine.
    fused: NDArray[np.int64] = keys[np.lexsort((keys, -scores))]
    return fused


def words_that_decide(
    first: int, *, most: int, k: int = RECIPROCAL_RANK_K, words_weight: float = WORDS_WEIGHT
) -> int:
    """How many ranks by words settle the `first` of a fused list; `most` if no fewer do.

    Each of the `first` by words gains at least w / (k + first). Whoever stands after rank n by
    words gains less than w / (k + n) there and at most 1 / (k + 1) by meaning. Where that is less
    together, it is not among the first, whatever its rank may be.

    >>> words_that_decide(10, most=1000), words_that_decide(20, most=1000)
    (210, 1000)
    """
    to_spare = words_weight / (k + first) - 1 / (k + 1)
    # No rank up to `most` is low enough, also where `to_spare` is negative: then meaning alone may
    # lift anything into the first.
    if to_spare * (k + most) <= words_weight:
        return most
    return max(first, math.ceil(words_weight / to_spare) - k)


_Result = TypeVar("_Result")


class StartWork(Protocol):
    """Begins a piece of work; what it returns waits for the result."""

    def __call__(self, work: Callable[[], _Result]) -> Callable[[], _Result]: ...


def at_once(work: Callable[[], _Result]) -> Callable[[], _Result]:
    """Do it here and now."""
    result = work()
    return lambda: result


class Threads:
    """Begins work in threads of its own; worth it where the work is done outside of Python."""

    def __init__(self, count: int) -> None:
        from concurrent.futures import ThreadPoolExecutor

        self._pool = ThreadPoolExecutor(count, thread_name_prefix="docpager")

    def __call__(self, work: Callable[[], _Result]) -> Callable[[], _Result]:
        return self._pool.submit(work).result

    def close(self) -> None:
        """End the threads when they are done with what was begun."""
        # Whoever leaves does not wait for a lookup that nobody reads any more.
        self._pool.shutdown(wait=False)


By = Literal["both", "words", "meaning"]

NEAREST = 200
"""V: how many passages meaning may contribute."""
FEW_PASSAGES = 20_000
"""So many of some documents are compared by themselves: that takes less than leaving out the rest
of a large archive."""
FEW_DOCUMENTS = 1_000
_FUSED_WORDS = 1000


@dataclass(frozen=True, slots=True)
class SearchPage:
    """One page of a search's results."""

    hits: tuple[Hit, ...]
    by_words: int
    """Passages that contain a query word."""
    by_meaning: int
    """Those among the nearest in meaning that contain none."""
    page: int
    pages: int

    @property
    def total(self) -> int:
        return self.by_words + self.by_meaning


@dataclass(frozen=True, slots=True)
class Ranking:
    """The head of the result list, fused, and how to go on. Passages are keys here."""

    terms: frozenset[str]
    head: NDArray[np.int64]
    near: frozenset[int]
    """Found by meaning."""
    with_words: Callable[[], frozenset[int]]
    """Those of the head that contain a query word."""
    by_words: int
    """How many passages contain one."""
    rest: Callable[[], NDArray[np.int64]]
    """The remaining passages that contain a query word, by BM25."""

    @property
    def by_meaning(self) -> int:
        return len(self.near - self.with_words())

    @property
    def total(self) -> int:
        return self.by_words + self.by_meaning

    def slice(self, first: int, last: int) -> list[PassageId]:
        """Results `first` to `last` (not included), counted from 0."""
        found = self.head[first:last].tolist()
        if last > len(self.head) and self.total > len(self.head):
            rest = self.rest()
            found += rest[max(0, first - len(self.head)) : last - len(self.head)].tolist()
        return [passage_of(key) for key in found]

    def found_by(self, passage: PassageId) -> str:
        """What found one of the results: "words", "meaning" or "both"."""
        key = key_of(passage)
        if key not in self.near:
            return "words"
        return "both" if key in self.with_words() else "meaning"


def rank(
    query: str,
    generation: Snapshot,
    *,
    analyzer: Analyzer,
    embedder: Callable[[], Embedder],
    documents: Collection[int] | None,
    first: int,
    by: By = "both",
    threads: Threads | None = None,
) -> Ranking:
    """Rank every passage that contains a query word, and the nearest in meaning; or `by` one.

    Where only the `first` results are wanted, no more than decides them is looked at: they are
    the same as those of the whole list. With `threads`, words and meaning are looked up together.
    """
    import numpy as np

    terms = analyzer.query_terms(query)
    few = _few(generation, documents)
    threads = None if few else threads  # over before one would have begun
    if not query.strip():
        raise UsageError("there is nothing to search for; give some words")
    lexical = generation.lexical if by != "meaning" else None
    depth = words_that_decide(first, most=_FUSED_WORDS)
    begin = threads or at_once
    best = begin(lambda: _best(lexical, terms, depth, documents))
    nearest = np.zeros(0, dtype=np.int64)
    if by != "words":
        vector = cache(lambda: embedder().embed_query(query))
        if few is None:
            nearest = _nearest(vector, generation, documents)
        else:
            nearest = _nearest_of_few(few, vector, generation)
    near = frozenset(nearest.tolist())
    if lexical is None:
        return Ranking(frozenset(), nearest, near, frozenset, 0, lambda: nearest)
    further: Callable[[], set[int]] = set
    # Where words found fewer than they may contribute, nothing beyond them contains one.
    # With threads it is begun in any case: waiting for the words to see which are known to contain
    # one would cost more than it does.
    if threads:
        further = begin(lambda: lexical.containing(terms, near))
    elif len(best().keys) == depth:
        further = partial(lexical.containing, terms, near.difference(best().keys.tolist()))
    words = best()
    head = fuse(words.keys, nearest)

    def rest() -> NDArray[np.int64]:
        every = lexical.every(terms, documents=documents)
        return every[~np.isin(every, head)]

    return Ranking(
        terms=frozenset(terms),
        head=head,
        near=near,
        with_words=cache(lambda: frozenset(words.keys.tolist()) | further()),
        by_words=words.total,
        rest=rest,
    )


def page_bounds(*, page: int, page_size: int) -> tuple[int, int]:
    """First and last (not included) result of a page, counted from 0."""
    if page < 1 or page_size < 1:
        raise UsageError(f"pages of results count from 1, not {page}, and hold at least one")
    return (page - 1) * page_size, page * page_size


def _best(
    lexical: LexicalIndex | None,
    terms: Sequence[str],
    count: int,
    documents: Collection[int] | None,
) -> Best:
    import numpy as np

    if lexical is None:
        return Best(np.zeros(0, dtype=np.int64), 0)
    return lexical.best(terms, count=count, documents=documents)


def _few(
    generation: Snapshot, documents: Collection[int] | None
) -> Sequence[DocumentRecord] | None:
    """The documents that are searched, where they are few and short enough."""
    if documents is None or len(documents) > FEW_DOCUMENTS:
        return None
    records = generation.live_among(documents)
    return records if sum(record.passages for record in records) <= FEW_PASSAGES else None


def _nearest_of_few(
    records: Sequence[DocumentRecord], vector: Callable[[], Vector], generation: Snapshot
) -> NDArray[np.int64]:
    """The nearest passages of a few documents."""
    import numpy as np

    if not records:
        return np.zeros(0, dtype=np.int64)
    rows = [
        generation.segments[record.segment].vectors.between(record.first_row, record.passages)
        for record in records
    ]
    similar = rounded(np.concatenate(rows) @ vector())
    keys = np.concatenate(
        [key_of(PassageId(record.id, 1)) + np.arange(record.passages) for record in records]
    )
    order = np.lexsort((keys, -similar))
    return keys[order[:NEAREST]]


def _nearest(
    vector: Callable[[], Vector], generation: Snapshot, documents: Collection[int] | None
) -> NDArray[np.int64]:
    import numpy as np

    rows = {name: live for name, live in generation.rows(documents).items() if live.any()}
    if not rows:
        return np.zeros(0, dtype=np.int64)
    segments = [generation.segments[name] for name in rows]
    parts = [(each.vectors, live) for each, live in zip(segments, rows.values(), strict=True)]
    found = nearest_of(parts, vector(), count=NEAREST)
    every = np.concatenate([each.keys[own] for each, (own, _) in zip(segments, found, strict=True)])
    # Similarities were rounded by the index, so equal passages tie here and are ordered by key,
    # whatever segment they are in.
    order = np.lexsort((every, -np.concatenate([similar for _, similar in found])))
    return every[order[:NEAREST]]
