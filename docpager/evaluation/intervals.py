"""How sure a mean is: bootstrap intervals and paired tests, seeded."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import product
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Signs = NDArray[np.floating[Any]]

__all__ = ["CONFIDENCE", "RESAMPLES", "Interval", "mcnemar", "mean_interval", "sign_flip"]

RESAMPLES = 5_000
CONFIDENCE = 0.95
_FLIPS = 10_000
_EXACT_UP_TO = 12
"""Differences up to which every pattern of signs is tried: 4,096 of them."""
_CELLS = 4_000_000
"""Numbers drawn at once, so that memory stays small however many questions there are."""


@dataclass(frozen=True, slots=True)
class Interval:
    """A mean, and where a bootstrap says that it lies."""

    mean: float
    low: float
    high: float
    n: int
    """Questions it is the mean of. Where all of them are equal the interval has no width."""


def mean_interval(
    values: Sequence[float],
    *,
    confidence: float = CONFIDENCE,
    resamples: int = RESAMPLES,
    seed: int = 0,
) -> Interval | None:
    """The mean with its percentile bootstrap interval (Efron 1979); None where there is nothing."""
    import numpy as np

    if not values:
        return None
    given = np.asarray(values, dtype=np.float64)
    generator = np.random.default_rng(seed)
    means = np.concatenate(
        [
            given[generator.integers(given.size, size=(rows, given.size))].mean(axis=1)
            for rows in _batches(resamples, given.size)
        ]
    )
    tail = (1 - confidence) / 2
    low, high = np.quantile(means, [tail, 1 - tail])
    return Interval(float(given.mean()), float(low), float(high), given.size)


def sign_flip(differences: Sequence[float], *, flips: int = _FLIPS, seed: int = 0) -> float:
    """Two-sided p-value that paired differences are centred on zero (Fisher's randomisation test).

    Exact up to twelve differences that are not zero, else from `flips` random patterns of signs.
    """
    import numpy as np

    given = np.asarray([each for each in differences if each], dtype=np.float64)
    if not given.size:
        return 1.0
    # A sum that differs from the observed one by rounding only is as extreme as it.
    observed = abs(given.sum()) * (1 - 1e-12)
    if given.size <= _EXACT_UP_TO:
        signs = np.asarray(list(product((-1.0, 1.0), repeat=given.size)))
        return float((np.abs(signs @ given) >= observed).mean())
    generator = np.random.default_rng(seed)
    extreme = sum(
        int((np.abs(_random_signs(generator, rows, given.size) @ given) >= observed).sum())
        for rows in _batches(flips, given.size)
    )
    return (extreme + 1) / (flips + 1)


def mcnemar(differences: Sequence[float]) -> float:
    """Two-sided exact p-value for paired marks that are 0 or 1 (McNemar 1947, binomial form)."""
    won, lost = sum(each > 0 for each in differences), sum(each < 0 for each in differences)
    decided, ways, tail = won + lost, 1, 0
    for k in range(min(won, lost) + 1):
        tail += ways  # `ways` is the binomial coefficient: decided over k
        ways = ways * (decided - k) // (k + 1)
    return min(1.0, 2 * tail / (1 << decided))


def _random_signs(generator: np.random.Generator, rows: int, columns: int) -> Signs:
    return generator.integers(2, size=(rows, columns)) * 2.0 - 1.0


def _batches(rows: int, columns: int) -> Iterator[int]:
    """`rows` in parts of at most `_CELLS` numbers each."""
    most = max(1, _CELLS // columns)
    for start in range(0, rows, most):
        yield min(most, rows - start)
