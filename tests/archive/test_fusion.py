"""Reciprocal rank fusion."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from docpager.archive.fusion import fuse
from docpager.pages import PassageId

passages = st.builds(PassageId, st.integers(1, 3), st.integers(1, 9))
rankings = st.lists(passages, unique=True)


def test_what_both_rank_high_comes_first():
    a, b, c = (PassageId(1, n) for n in (1, 2, 3))

    assert fuse([a, b], [b, c])[0] == b


def test_equal_scores_stand_in_reading_order():
    early, late = PassageId(1, 9), PassageId(2, 1)

    assert fuse([late], [early]) == [early, late]


@given(rankings, rankings)
def test_everything_ranked_is_there_once(words, near):
    fused = fuse(words, near)

    assert sorted(fused) == sorted({*words, *near})


@given(rankings, rankings)
def test_the_order_of_the_rankings_does_not_matter(words, near):
    assert fuse(words, near) == fuse(near, words)
