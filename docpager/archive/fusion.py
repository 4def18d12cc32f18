"""Ranks from words and from meaning, fused into one stable list."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

__all__ = ["RECIPROCAL_RANK_K", "fuse"]

RECIPROCAL_RANK_K = 60
"""From Cormack, Clarke and Buettcher (SIGIR 2009)."""


def fuse(*rankings: NDArray[np.int64], k: int = RECIPROCAL_RANK_K) -> NDArray[np.int64]:
    """Reciprocal rank fusion of passage keys; ties by key: document id, then ordinal.

    >>> import numpy as np
    >>> fuse(np.array([11, 12]), np.array([12])).tolist()
    [12, 11]
    """
    import numpy as np

    gains = [1 / (k + np.arange(1, len(ranking) + 1)) for ranking in rankings]
    keys, places = np.unique(np.concatenate(rankings), return_inverse=True)
    scores = np.bincount(places, weights=np.concatenate(gains), minlength=len(keys))
    fused: NDArray[np.int64] = keys[np.lexsort((keys, -scores))]
    return fused
