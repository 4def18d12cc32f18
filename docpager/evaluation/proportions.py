"""How sure a share is: intervals for marks that are 0 or 1, alone and paired."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import exp, fsum, lgamma, log, sqrt
from statistics import NormalDist

from docpager.evaluation.intervals import CONFIDENCE, Interval

__all__ = ["exact_interval", "is_binary", "paired_interval"]

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
