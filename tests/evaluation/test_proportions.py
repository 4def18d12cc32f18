"""Intervals of shares against scipy's, published examples and exact coverage."""

from __future__ import annotations

from itertools import pairwise
from math import comb

import pytest

from docpager.evaluation.intervals import exact_interval, mcnemar, paired_interval


def marks(right, n):
    return [1.0] * right + [0.0] * (n - right)


def differences(won, lost, n):
    return [1.0] * won + [-1.0] * lost + [0.0] * (n - won - lost)


@pytest.mark.parametrize("n", [1, 2, 8, 55, 1000])
def test_exact_intervals_agree_with_scipys_beta(n):
    stats = pytest.importorskip("scipy.stats", reason="scipy is not installed")

    for right in {0, 1, n // 3, n - 1, n}:
        found = exact_interval(marks(right, n))
        low = stats.beta.ppf(0.025, right, n - right + 1) if right else 0.0
        high = stats.beta.ppf(0.975, right + 1, n - right) if right < n else 1.0
        assert (found.low, found.high) == pytest.approx((low, high), abs=1e-9)
        assert (found.mean, found.n) == (right / n, n)


def test_more_right_answers_never_give_a_lower_interval():
    found = [exact_interval(marks(right, 55)) for right in range(56)]

    assert all(a.low <= b.low and a.high <= b.high for a, b in pairwise(found))
    assert found[0].high == pytest.approx(1 - 0.025 ** (1 / 55))


@pytest.mark.parametrize(
    ("won", "lost", "n", "low", "high"),
    [
        # Children before and after transplantation (Fagerland, Lydersen and Laake 2014).
        (1, 7, 21, -0.517, -0.026),
        # Newcombe's (1998) example of 54 pairs that all agree.
        (0, 0, 54, -0.0664, 0.0664),
    ],
)
def test_paired_intervals_without_correction_are_the_published_ones(won, lost, n, low, high):
    found = paired_interval(differences(won, lost, n), continuity=0)

    assert (found.low, found.high) == pytest.approx((low, high), abs=0.0006)


@pytest.mark.parametrize("n", [1, 8, 30])
def test_paired_intervals_have_a_width_and_mirror_each_other(n):
    for won in range(n + 1):
        for lost in range(n + 1 - won):
            found = paired_interval(differences(won, lost, n))
            other = paired_interval(differences(lost, won, n))
            assert -1 <= found.low <= found.mean <= found.high <= 1
            assert found.high - found.low > 0.1
            assert (found.low, found.high) == pytest.approx((-other.high, -other.low), abs=1e-9)


@pytest.mark.parametrize("n", [10, 20, 50])
def test_paired_intervals_hold_the_true_difference_as_often_as_they_say(n):
    tables = [(won, lost) for won in range(n + 1) for lost in range(n + 1 - won)]
    ways = {(won, lost): comb(n, won) * comb(n - won, lost) for won, lost in tables}
    found = {table: paired_interval(differences(*table, n)) for table in tables}

    for p, q in ((0.02, 0.02), (0.1, 0.3), (0.3, 0.7), (0.5, 0.5), (0.02, 0.98), (0.7, 0.1)):
        held = sum(
            ways[won, lost] * p**won * q**lost * (1 - p - q) ** (n - won - lost)
            for won, lost in tables
            if found[won, lost].low - 1e-9 <= p - q <= found[won, lost].high + 1e-9
        )
        assert held >= 0.95


def test_paired_intervals_agree_with_the_exact_test_nearly():
    n, differ = 30, []
    for won in range(n + 1):
        for lost in range(n + 1 - won):
            each = differences(won, lost, n)
            found, p = paired_interval(each), mcnemar(each)
            if (p < 0.05) != (found.low > 1e-9 or found.high < -1e-9):
                differ.append(p)

    assert all(0.04 < p < 0.06 for p in differ) and len(differ) < 5
