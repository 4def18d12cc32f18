"""Ranks from words and from meaning, fused into one stable list."""

from __future__ import annotations

from collections.abc import Sequence

from docpager.pages import PassageId

__all__ = ["RECIPROCAL_RANK_K", "fuse"]

RECIPROCAL_RANK_K = 60
"""From Cormack, Clarke and Buettcher (SIGIR 2009)."""


def fuse(*rankings: Sequence[PassageId], k: int = RECIPROCAL_RANK_K) -> list[PassageId]:
    """Reciprocal rank fusion; ties by document id, then ordinal.

    >>> fuse([PassageId(1, 1), PassageId(1, 2)], [PassageId(1, 2)])
    [PassageId(document=1, ordinal=2), PassageId(document=1, ordinal=1)]
    """
    scores: dict[PassageId, float] = {}
    for ranking in rankings:
        for rank, passage in enumerate(ranking, start=1):
            scores[passage] = scores.get(passage, 0.0) + 1 / (k + rank)
    return sorted(scores, key=lambda passage: (-scores[passage], passage))
