"""Ranks memories by words and by meaning, over all parts of a store as if they were one.

The archive's lexical index keeps its statistics by itself and cannot score the newest memories,
which are in no index yet, on the same scale; chat asks about what was said a moment ago. So BM25 is
computed here, from counts over all parts: the order does not depend on which part holds what.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from docpager.archive.search import NEAREST, fuse
from docpager.memory.part import MemoryPart

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from docpager.archive.embedders.base import Vector

__all__ = ["RankedMemories", "newest_memories", "rank_memories"]

_K1 = 1.2
_B = 0.75
"""Both as in the archive's index (Robertson and Zaragoza, 2009, give the formula)."""
_SCORE_DIGITS = 4
"""As in the archive's index: equal memories may differ in the last bit of a sum."""


@dataclass(frozen=True, slots=True)
class RankedMemories:
    """Everything that was found, best first or newest first; memories are ids here."""

    ids: NDArray[np.int64]
    with_words: frozenset[int]
    near: frozenset[int]

    def found_by(self, id: int) -> str:
        """`words`, `meaning` or `both`; `time` where nothing was looked for."""
        if id not in self.near:
            return "words" if id in self.with_words else "time"
        return "both" if id in self.with_words else "meaning"


def rank_memories(
    parts: Sequence[MemoryPart],
    masks: Sequence[NDArray[np.bool_]],
    terms: Sequence[str],
    vector: Vector | None,
) -> RankedMemories:
    """All memories of `masks` that contain a term, and up to 200 near to `vector`, fused."""
    words = _by_words(parts, masks, terms)
    near = _by_meaning(parts, masks, vector)
    return RankedMemories(fuse(words, near), frozenset(words.tolist()), frozenset(near.tolist()))


def newest_memories(
    parts: Sequence[MemoryPart], masks: Sequence[NDArray[np.bool_]]
) -> RankedMemories:
    """All memories of `masks`, the newest first; of one time, that which was added last."""
    chosen = [part.rows[mask] for part, mask in zip(parts, masks, strict=True)]
    ids = _in_order([(-rows["id"], rows["when"].astype(float)) for rows in chosen])
    return RankedMemories(-ids, frozenset(), frozenset())


def _by_words(
    parts: Sequence[MemoryPart], masks: Sequence[NDArray[np.bool_]], terms: Sequence[str]
) -> NDArray[np.int64]:
    """Ids of the memories that contain a term, by BM25; ties by id."""
    import numpy as np

    entries = sum(len(part) for part in parts)
    average = sum(int(part.rows["words"].sum()) for part in parts) / max(1, entries) or 1.0
    scores = [np.zeros(len(part)) for part in parts]
    for term in terms:
        found = [part.rows_with(term) for part in parts]
        having = sum(len(rows) for rows, _ in found)
        rarity = math.log(1 + (entries - having + 0.5) / (having + 0.5))
        for part, score, (rows, counts) in zip(parts, scores, found, strict=True):
            lengths = part.rows["words"][rows] / average
            score[rows] += rarity * counts * (_K1 + 1) / (counts + _K1 * (1 - _B + _B * lengths))
    return _in_order(
        [
            (part.rows["id"][chosen], score[chosen].round(_SCORE_DIGITS))
            for part, score, mask in zip(parts, scores, masks, strict=True)
            for chosen in [mask & (score > 0)]
        ]
    )


def _by_meaning(
    parts: Sequence[MemoryPart], masks: Sequence[NDArray[np.bool_]], vector: Vector | None
) -> NDArray[np.int64]:
    """Ids of the memories nearest in meaning; ties by id."""
    found = []
    for part, mask in zip(parts, masks, strict=True):
        if vector is not None and mask.any():
            # Each gives as many as are wanted in all: they may all stand in one.
            rows, similar = part.vectors.nearest(vector, count=NEAREST, among=mask)
            found.append((part.rows["id"][rows], similar))
    return _in_order(found)[:NEAREST]


def _in_order(
    found: Sequence[tuple[NDArray[np.int64], NDArray[np.float64]]],
) -> NDArray[np.int64]:
    import numpy as np

    if not found:
        return np.zeros(0, dtype=np.int64)
    ids = np.concatenate([ids for ids, _ in found])
    scores = np.concatenate([scores for _, scores in found])
    ordered: NDArray[np.int64] = ids[np.lexsort((ids, -scores))]
    return ordered
