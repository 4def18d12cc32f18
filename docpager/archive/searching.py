"""Hybrid search: words and meaning, one complete and stable list."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from docpager.archive.fusion import fuse
from docpager.archive.generation_reader import Generation
from docpager.archive.lexical import passage_of
from docpager.archive.words import Analyzer
from docpager.errors import UsageError
from docpager.pages import Hit, PassageId

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
    with_words: frozenset[int]
    """Those of the head that contain a query word."""
    by_words: int
    rest: Callable[[], NDArray[np.int64]]
    """The remaining passages that contain a query word, by BM25."""

    @property
    def by_meaning(self) -> int:
        return len(self.near - self.with_words)

    @property
    def total(self) -> int:
        return self.by_words + self.by_meaning

    def slice(self, first: int, last: int) -> list[tuple[PassageId, str]]:
        """Results `first` to `last` (not included), counted from 0, and what found each."""
        found = self.head[first:last].tolist()
        if last > len(self.head) and self.total > len(self.head):
            rest = self.rest()
            found += rest[max(0, first - len(self.head)) : last - len(self.head)].tolist()
        return [(passage_of(key), self._found_by(key)) for key in found]

    def _found_by(self, key: int) -> str:
        if key not in self.near:
            return "words"
        return "both" if key in self.with_words else "meaning"


def rank(
    query: str,
    generation: Generation,
    *,
    analyzer: Analyzer,
    embedder: Callable[[], Embedder],
    documents: Collection[int] | None,
    by: By = "both",
) -> Ranking:
    """Rank every passage that contains a query word, and the nearest in meaning; or `by` one."""
    import numpy as np

    terms = analyzer.query_terms(query)
    if not query.strip():
        raise UsageError("there is nothing to search for; give some words")
    nearest = np.zeros(0, dtype=np.int64)
    if by != "words":
        nearest = _nearest(query, generation, embedder, documents)
    near = frozenset(nearest.tolist())
    lexical = generation.lexical
    if lexical is None or by == "meaning":
        return Ranking(frozenset(), nearest, near, frozenset(), 0, lambda: nearest)
    best = lexical.best(terms, count=_FUSED_WORDS, documents=documents)
    head = fuse(best, nearest)
    words = frozenset(best.tolist())
    # Where words found fewer than they may contribute, nothing beyond them contains one.
    complete = len(words) < _FUSED_WORDS
    further = set() if complete else lexical.containing(terms, near - words)

    def rest() -> NDArray[np.int64]:
        every = lexical.every(terms, documents=documents)
        return every[~np.isin(every, head)]

    return Ranking(
        terms=frozenset(terms),
        head=head,
        near=near,
        with_words=words | further,
        by_words=len(words) if complete else lexical.count(terms, documents=documents),
        rest=rest,
    )


def page_bounds(total: int, *, page: int, page_size: int) -> tuple[int, int, int]:
    """First and last (not included) result of a page, and how many pages there are."""
    if page < 1 or page_size < 1:
        raise UsageError(f"pages of results count from 1, not {page}, and hold at least one")
    return (page - 1) * page_size, page * page_size, -(-total // page_size)


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
