"""Intervals and tests against scipy's, and against what can be counted by hand."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from docpager.evaluation.intervals import mcnemar, mean_interval, sign_flip

VALUES = st.lists(st.sampled_from([0.0, 0.25, 0.5, 1.0]), min_size=1, max_size=40)
DIFFERENCES = st.lists(st.sampled_from([-1.0, -0.5, 0.0, 0.25, 1.0]), min_size=2, max_size=9)


@given(VALUES)
def test_an_interval_holds_its_mean_within_the_values(values):
    interval = mean_interval(values, resamples=200)

    assert min(values) <= interval.low <= interval.high <= max(values)
    assert interval.mean == pytest.approx(sum(values) / len(values))
    assert interval.n == len(values)


def test_the_same_seed_gives_the_same_interval():
    values = [0.0, 1.0, 0.5, 1.0]

    assert mean_interval(values, seed=3) == mean_interval(values, seed=3)
    assert mean_interval([]) is None


def test_intervals_agree_with_scipys_percentile_bootstrap():
    stats = pytest.importorskip("scipy.stats", reason="scipy is not installed")
    import numpy as np

    values = np.random.default_rng(5).random(80)
    theirs = stats.bootstrap(
        (values,), np.mean, method="percentile", n_resamples=20_000, rng=1
    ).confidence_interval
    ours = mean_interval(list(values), resamples=20_000)

    assert (ours.low, ours.high) == pytest.approx((theirs.low, theirs.high), abs=0.004)


def test_many_questions_are_resampled_in_parts():
    interval = mean_interval([0.0, 1.0] * 100_000, resamples=100)

    assert interval.low == pytest.approx(0.5, abs=0.01)
    assert interval.low < 0.5 < interval.high


@given(DIFFERENCES)
def test_few_differences_agree_with_scipys_exact_permutations(differences):
    stats = pytest.importorskip("scipy.stats", reason="scipy is not installed")
    theirs = stats.permutation_test(
        (differences,),
        lambda x, axis: x.sum(axis=axis),
        permutation_type="samples",
        vectorized=True,
        n_resamples=float("inf"),
    )

    assert sign_flip(differences) == pytest.approx(theirs.pvalue)


def test_many_differences_agree_with_the_exact_answer_nearly():
    differences = [1.0] * 20 + [-1.0] * 8

    assert sign_flip(differences) == pytest.approx(mcnemar(differences), abs=0.01)
    assert sign_flip(differences, seed=1) == sign_flip(differences, seed=1)


@given(st.lists(st.sampled_from([-1.0, 0.0, 1.0]), max_size=300))
def test_mcnemar_agrees_with_scipys_binomial_test(differences):
    stats = pytest.importorskip("scipy.stats", reason="scipy is not installed")
    won, lost = differences.count(1.0), differences.count(-1.0)
    theirs = stats.binomtest(won, won + lost).pvalue if won + lost else 1.0

    assert mcnemar(differences) == pytest.approx(theirs)


def test_mcnemar_by_hand():
    assert mcnemar([1.0] * 5) == pytest.approx(2 / 32)
    assert mcnemar([]) == mcnemar([1.0, -1.0]) == sign_flip([0.0]) == 1.0
