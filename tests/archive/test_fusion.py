"""Reciprocal rank fusion."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from docpager.archive.lexical import key_of
from docpager.archive.search import fuse, words_that_decide
from docpager.core.passages import PassageId

passages = st.builds(PassageId, st.integers(1, 3), st.integers(1, 9))
rankings = st.lists(passages, unique=True)


def fused(words: list[PassageId], meaning: list[PassageId]) -> list[int]:
    return fuse(keys(words), keys(meaning)).tolist()


def keys(ranking: list[PassageId]) -> np.ndarray:
    return np.array([key_of(passage) for passage in ranking], dtype=np.int64)


def test_what_both_rank_high_comes_first():
    a, b, c = (PassageId(1, n) for n in (1, 2, 3))

    assert fused([a, b], [b, c])[0] == key_of(b)


def test_equal_scores_stand_in_reading_order():
    early, late = PassageId(1, 9), PassageId(2, 1)

    assert fuse(keys([late]), keys([early]), words_weight=1).tolist() == [
        key_of(early),
        key_of(late),
    ]


def test_words_count_for_more_than_meaning():
    by_words, by_meaning = PassageId(2, 1), PassageId(1, 1)

    assert fused([by_words], [by_meaning]) == [key_of(by_words), key_of(by_meaning)]


@given(rankings, rankings)
def test_everything_ranked_is_there_once(words, near):
    assert sorted(fused(words, near)) == sorted({key_of(p) for p in [*words, *near]})


@given(rankings, rankings)
def test_what_only_words_found_keeps_its_order(words, near):
    alone = [key for key in fused(words, near) if key not in set(keys(near).tolist())]

    assert alone == [key for key in keys(words).tolist() if key in alone]


@given(st.integers(0, 10_000), st.integers(1, 10))
def test_ranks_that_do_not_decide_change_nothing(seed, first):
    random = np.random.default_rng(seed)
    words, near = random.permutation(400), random.permutation(400)[:200]
    enough = words_that_decide(first, most=1000)

    whole = fuse(words, near)[:first]
    assert fuse(words[:enough], near)[:first].tolist() == whole.tolist()


def test_one_rank_less_may_change_the_first_ten():
    enough = words_that_decide(10, most=1000)
    words, late = np.arange(1, enough + 1), np.array([enough])

    # The nearest in meaning, last by words: its rank by words would make it as good as the tenth.
    assert enough == 210
    assert enough not in fuse(words[:-1], late)[:10]
    assert fuse(words, late)[10] == enough
