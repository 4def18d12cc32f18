"""Ranks from words and from meaning, fused into one stable list."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

__all__ = ["RECIPROCAL_RANK_K", "WORDS_WEIGHT", "fuse", "words_that_decide"]

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
    if to_spare * (k + most) <= words_weight:
        return most
    return max(first, math.ceil(words_weight / to_spare) - k)
