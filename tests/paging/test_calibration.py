from __future__ import annotations

from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from docpager.paging.token_calibration import Calibration

SCRIPTS = ("english", "german", "digits", "marks", "ideographs")
FACTOR = 2.25

WEIGHTS = st.dictionaries(st.sampled_from(SCRIPTS), st.integers(1, 200_000), min_size=1)


def mix(random: Random, scripts: tuple[str, ...] = SCRIPTS) -> dict[str, int]:
    """Weights of a text of 100 to 5,000 counted tokens, mostly of one script or two."""
    size = 100 * random.randint(100, 5_000)
    shares = {script: random.random() ** 4 + 0.01 for script in scripts}
    total = sum(shares.values())
    return {script: int(size * share / total) for script, share in shares.items()}


def charged(weights: dict[str, int], rates: dict[str, float]) -> int:
    return round(sum(rates[script] * weight for script, weight in weights.items()) / 100)


def test_before_anything_is_counted_the_factor_decides() -> None:
    calibration = Calibration(FACTOR)

    assert not calibration.begun
    assert calibration.tokens({"english": 40_000}) == 900


def test_what_was_seen_is_taken_at_its_ratio_and_what_was_not_at_the_factor() -> None:
    calibration = Calibration(FACTOR)
    calibration.observe({"english": 100_000}, 1_400)

    assert calibration.tokens({"english": 50_000}) == 700
    assert calibration.knows({"english": 50_000})
    assert calibration.tokens({"ideographs": 50_000}) == 1_125
    assert not calibration.knows({"english": 50_000, "ideographs": 5_000})
    assert calibration.tokens({"english": 45_000, "ideographs": 5_000}) == 1_125


def test_a_rare_unseen_script_is_added_at_the_factor() -> None:
    calibration = Calibration(2.0)
    calibration.observe({"english": 100_000}, 1_000)

    assert calibration.tokens({"english": 98_000, "rare": 2_000}) == 980 + 40


@given(st.integers(0, 10_000), st.floats(1, 2))
def test_a_server_with_one_rate_is_known_after_one_text(seed: int, rate: float) -> None:
    random, calibration = Random(seed), Calibration(FACTOR)
    rates = dict.fromkeys(SCRIPTS, rate)
    first = {script: weight + 5_000 for script, weight in mix(random).items()}
    calibration.observe(first, charged(first, rates))

    weights = mix(random)
    assert calibration.tokens(weights) == pytest.approx(charged(weights, rates), rel=0.01, abs=3)


@given(st.integers(0, 10_000))
def test_a_server_with_a_rate_for_each_script_is_learnt_from_mixed_texts(seed: int) -> None:
    random, calibration = Random(seed), Calibration(FACTOR)
    rates = {script: random.uniform(1, 2) for script in SCRIPTS}
    for _ in range(30):
        weights = mix(random)
        calibration.observe(weights, charged(weights, rates))

    weights = mix(random)
    assert calibration.tokens(weights) == pytest.approx(charged(weights, rates), rel=0.05, abs=5)


@given(st.lists(st.tuples(WEIGHTS, st.integers(1, 5_000)), max_size=12), WEIGHTS)
def test_whatever_a_server_says_an_estimate_is_no_more_than_the_bound(
    observed: list[tuple[dict[str, int], int]], weights: dict[str, int]
) -> None:
    calibration, ceiling = Calibration(FACTOR), FACTOR
    for text, tokens in observed:
        calibration.observe(text, tokens)
        assert calibration.ceiling >= ceiling
        ceiling = calibration.ceiling

    assert 0 <= calibration.tokens(weights) <= calibration.bound(sum(weights.values()))


@given(st.lists(st.tuples(WEIGHTS, st.integers(1, 5_000)), max_size=12), WEIGHTS)
def test_a_replay_learns_the_same(
    observed: list[tuple[dict[str, int], int]], weights: dict[str, int]
) -> None:
    one, other = Calibration(FACTOR), Calibration(FACTOR)
    for text, tokens in observed:
        one.observe(text, tokens)
        one.tokens(weights)
        other.observe(text, tokens)

    assert one.tokens(weights) == other.tokens(weights)


def test_a_server_that_charges_more_than_the_factor_raises_the_bound() -> None:
    calibration = Calibration(2.0)
    calibration.observe({"ideographs": 100_000}, 2_400)

    assert calibration.ceiling == pytest.approx(1.05 * 2.4)
    assert calibration.bound(100_000) == 2_520


def test_small_texts_teach_nothing() -> None:
    calibration = Calibration(2.0)

    assert not calibration.observe({"english": 3_000}, 300)
    assert not calibration.begun
    assert calibration.ceiling == 2.0
