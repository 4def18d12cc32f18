"""Marks of single answers: what must count, and what must not."""

from __future__ import annotations

import pytest

from benchmarks.marking import mark
from benchmarks.samples import Gold
from benchmarks.systems.system import Answer


@pytest.mark.parametrize("metric", ("exact", "subspan", "right", "parts", "all_parts"))
@pytest.mark.parametrize(
    ("gold", "answer"),
    [("No", "Nobody knows another note."), ("red", "He was hired."), ("ell", "well-known shells")],
)
def test_no_gold_is_found_inside_another_word(metric: str, gold: str, answer: str) -> None:
    assert mark(metric, Gold(((gold,),)), Answer("answered", answer)) == 0
    assert mark(metric, Gold(((gold,),)), Answer("answered", gold)) == 1


@pytest.mark.parametrize("metric", ("exact", "f1"))
def test_silence_is_no_answer_even_where_the_gold_is_an_article(metric: str) -> None:
    assert mark(metric, Gold((("A",),)), Answer("answered", "")) == 0
    assert mark(metric, Gold((("A",),)), Answer("answered", "A")) == 1


def test_counts_may_stand_in_any_order_where_several_are_asked_for() -> None:
    gold = Gold((("2",), ("7",), ("no",)))

    assert mark("right", gold, Answer("answered", "7, 2 and no")) == 1
    assert mark("right", gold, Answer("answered", "27, 2 and no")) == 0
