"""Canaries: no honest gold stops a scoring, and no planted scorer passes."""

from __future__ import annotations

from string import ascii_lowercase

import pytest

from benchmarks.canaries import check_scorer, nonsense_for
from benchmarks.marking import OF_TEXT, mark
from benchmarks.samples import Gold


@pytest.mark.parametrize("metric", sorted(OF_TEXT.keys() - {"choice"}))
def test_golds_of_one_letter_can_be_scored(metric: str) -> None:
    golds = [Gold(((letter,),)) for letter in ascii_lowercase if letter != "a"]

    check_scorer(mark, (metric,), golds)


def test_articles_signs_and_verdicts_can_be_scored() -> None:
    golds = [Gold(((said,),)) for said in ("A", "+", "No", "7", "qzxv", "wkjh ptbfl", "\u6771")]

    check_scorer(mark, ("right", "subspan", "exact"), golds)


def test_nonsense_holds_no_word_of_a_gold_answer() -> None:
    first = nonsense_for([Gold((("x",),))])
    golds = [Gold((("x",), (word,))) for word in first.split()]

    assert len(first.split()) == 3
    assert not set(nonsense_for(golds).split()) & {"x", *first.split()}
    assert nonsense_for(golds) == nonsense_for(golds)
