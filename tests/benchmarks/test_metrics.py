"""Marks of single answers: what must count, and what must not."""

from __future__ import annotations

import pytest

from benchmarks.metrics import mark
from benchmarks.samples import TaskGold
from benchmarks.systems.system import Stretch, SystemAnswer
from docpager.core.places import Place
from docpager.run.answer_line import Citation


@pytest.mark.parametrize("metric", ("exact", "subspan", "right", "parts", "all_parts"))
@pytest.mark.parametrize(
    ("gold", "answer"),
    [("No", "Nobody knows another note."), ("red", "He was hired."), ("ell", "well-known shells")],
)
def test_no_gold_is_found_inside_another_word(metric: str, gold: str, answer: str) -> None:
    assert mark(metric, TaskGold(((gold,),)), SystemAnswer("answered", answer)) == 0
    assert mark(metric, TaskGold(((gold,),)), SystemAnswer("answered", gold)) == 1


@pytest.mark.parametrize("metric", ("exact", "f1"))
def test_silence_is_no_answer_even_where_the_gold_is_an_article(metric: str) -> None:
    assert mark(metric, TaskGold((("A",),)), SystemAnswer("answered", "")) == 0
    assert mark(metric, TaskGold((("A",),)), SystemAnswer("answered", "A")) == 1


def test_counts_may_stand_in_any_order_where_several_are_asked_for() -> None:
    gold = TaskGold((("2",), ("7",), ("no",)))

    assert mark("right", gold, SystemAnswer("answered", "7, 2 and no")) == 1
    assert mark("right", gold, SystemAnswer("answered", "27, 2 and no")) == 0


@pytest.mark.parametrize("status", ("failed", "stopped", "not run", "abstained"))
def test_what_was_not_answered_cites_nothing_though_it_was_seen(status: str) -> None:
    gold = TaskGold((("amber heron",),), evidence=(Place("a.pdf", 3),))
    cited, shown = (Citation(Place("a.pdf", 3), "heron"),), (Stretch("a.pdf", 0, 9, (3, 3)),)
    answered = SystemAnswer("answered", "amber heron", citations=cited, shown=shown)
    not_answered = SystemAnswer(status, "amber heron", citations=cited, shown=shown)

    for metric in ("evidence_cited", "evidence_hit"):
        assert mark(metric, gold, answered) == 1
        assert mark(metric, gold, not_answered) == 0
    assert mark("evidence_seen", gold, not_answered) == 1
