"""How sure a mean or a share is: bootstrap and exact intervals, paired tests; seeded."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import product
from math import exp, fsum, lgamma, log, sqrt
from statistics import NormalDist
from typing import TYPE_CHECKING, Any

__all__ = [
    "CONFIDENCE",
    "RESAMPLES",
    "Interval",
    "exact_interval",
    "is_binary",
    "mcnemar",
    "mean_interval",
    "paired_interval",
    "sign_flip",
]

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Signs = NDArray[np.floating[Any]]


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


_HALVINGS = 60


def is_binary(values: Sequence[float]) -> bool:
    """Whether every mark is 0 or 1."""
    return all(value in (0.0, 1.0) for value in values)


def exact_interval(values: Sequence[float], *, confidence: float = CONFIDENCE) -> Interval:
    """The mean of marks that are 0 or 1, with the exact binomial interval (Clopper, Pearson 1934).

    >>> found = exact_interval([0.0] * 55)
    >>> round(found.low, 2), round(found.high, 2)
    (0.0, 0.06)
    """
    n, right = len(values), round(sum(values))
    tail = (1 - confidence) / 2
    low = _lowest(right, n, tail)
    high = 1 - _lowest(n - right, n, tail)
    return Interval(right / n, low, high, n)


def paired_interval(
    differences: Sequence[float], *, confidence: float = CONFIDENCE, continuity: float = 1.0
) -> Interval:
    """The mean of differences that are -1, 0 or 1, with Tango's score interval (1998).

    The score is corrected as McNemar's is (Edwards 1948; 0 for no correction): so it holds the
    true difference at least as often as `confidence` says, and agrees with the exact test nearly.
    """
    n = len(differences)
    won, lost = sum(each > 0 for each in differences), sum(each < 0 for each in differences)
    z = NormalDist().inv_cdf((1 + confidence) / 2)
    mean = (won - lost) / n

    def is_below(delta: float) -> bool:
        """Whether so small a true difference is rejected."""
        return won - lost - n * delta - continuity > z * _deviation(won, lost, n, delta)

    def is_not_above(delta: float) -> bool:
        """Whether so large a true difference is not rejected."""
        return n * delta - (won - lost) - continuity <= z * _deviation(won, lost, n, delta)

    return Interval(mean, _turn(is_below, -1.0, mean), _turn(is_not_above, mean, 1.0), n)


def _lowest(right: int, n: int, tail: float) -> float:
    """The share at which `right` or more of `n` are as rare as `tail`."""
    if not right:
        return 0.0
    ways = [lgamma(n + 1) - lgamma(k + 1) - lgamma(n - k + 1) for k in range(right, n + 1)]

    def is_rarer(p: float) -> bool:
        above = (exp(way + k * log(p) + (n - k) * log(1 - p)) for k, way in enumerate(ways, right))
        return fsum(above) < tail

    return _turn(is_rarer, 0.0, 1.0)


def _deviation(won: int, lost: int, n: int, delta: float) -> float:
    """Standard deviation of won minus lost where the true difference is `delta`."""
    linear = (2 * n - won + lost) * delta - won - lost
    root = sqrt(max(0.0, linear * linear + 8 * n * lost * delta * (1 - delta)))
    share_lost = (root - linear) / (4 * n)
    return sqrt(max(0.0, n * (2 * share_lost + delta * (1 - delta))))


def _turn(holds: Callable[[float], bool], low: float, high: float) -> float:
    """Where something that holds on the left ceases to hold."""
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        low, high = (middle, high) if holds(middle) else (low, middle)
    return (low + high) / 2
