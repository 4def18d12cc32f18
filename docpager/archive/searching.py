"""Hybrid search: words and meaning, one complete and stable list."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Literal

from docpager.archive.fusion import fuse, words_that_decide
from docpager.archive.generation_reader import Generation
from docpager.archive.lexical import Best, LexicalIndex, key_of, passage_of
from docpager.archive.threads import Threads, at_once
from docpager.archive.words import Analyzer
from docpager.core.errors import UsageError
from docpager.core.passages import Hit, PassageId

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from docpager.archive.embedding import Embedder

__all__ = ["NEAREST", "By", "Ranking", "SearchPage", "page_bounds", "rank"]

By = Literal["both", "words", "meaning"]

NEAREST = 200
"""V: how many passages meaning may contribute."""
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
    generation: Generation,
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
    if not query.strip():
        raise UsageError("there is nothing to search for; give some words")
    lexical = generation.lexical if by != "meaning" else None
    depth = words_that_decide(first, most=_FUSED_WORDS)
    begin = threads or at_once
    best = begin(lambda: _best(lexical, terms, depth, documents))
    nearest = np.zeros(0, dtype=np.int64)
    if by != "words":
        nearest = _nearest(query, generation, embedder, documents)
    near = frozenset(nearest.tolist())
    if lexical is None:
        return Ranking(frozenset(), nearest, near, frozenset, 0, lambda: nearest)
    further: Callable[[], set[int]] = set
    # Where words found fewer than they may contribute, nothing beyond them contains one.
    if threads or len(best().keys) == depth:
        further = begin(lambda: lexical.containing(terms, near))
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


def _nearest(
    query: str,
    generation: Generation,
    embedder: Callable[[], Embedder],
    documents: Collection[int] | None,
) -> NDArray[np.int64]:
    import numpy as np

    rows = {name: live for name, live in generation.rows(documents).items() if live.any()}
    if not rows:
        return np.zeros(0, dtype=np.int64)
    vector = embedder().embed_query(query)
    keys, similarities = [], []
    for name, live in rows.items():
        segment = generation.segments[name]
        found, similar = segment.vectors.nearest(vector, count=NEAREST, among=live)
        keys.append(segment.keys[found])
        similarities.append(similar)
    every = np.concatenate(keys)
    order = np.lexsort((every, -np.concatenate(similarities)))
    return every[order[:NEAREST]]
