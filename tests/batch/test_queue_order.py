from __future__ import annotations

from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as st

from docpager.batch.dispatch import QuestionQueue


def names(*items: str) -> QuestionQueue[str]:
    return QuestionQueue(items, group=lambda item: item[0])


def taken(line: QuestionQueue[str]) -> list[str]:
    items = []
    while (item := line.take()) is not None:
        items.append(item)
    return items


def test_questions_on_the_same_documents_follow_each_other():
    assert taken(names("a1", "b1", "a2", "c1", "b2")) == ["a1", "a2", "b1", "b2", "c1"]


def test_a_leader_goes_ahead_and_others_are_served_meanwhile():
    line = QuestionQueue(["a1", "a2", "a3", "b1", "b2"], group=lambda item: item[0], leading=True)

    assert [line.take(), line.take(), line.take()] == ["a1", "b1", None]
    line.warmed("b1")
    assert [line.take(), line.take()] == ["b2", None]
    line.warmed("a1")
    assert taken(line) == ["a2", "a3"]


def test_a_question_that_could_not_start_is_the_next_one():
    line = QuestionQueue(["a1", "b1", "a2"], group=lambda item: item[0], leading=True)
    first = line.take()
    line.put_back(first)

    assert line.take() == first


@given(st.lists(st.sampled_from("abc"), max_size=12), st.booleans(), st.randoms())
def test_everybody_comes_once(groups: Sequence[str], leading: bool, random):
    items = [f"{group}{n}" for n, group in enumerate(groups)]
    line = QuestionQueue(items, group=lambda item: item[0], leading=leading)
    running, served = [], []
    while len(line) or running:
        item = line.take()
        if item is None or (running and random.random() < 0.3):
            if item is not None:
                line.put_back(item)
            done = running.pop(random.randrange(len(running)))
            line.warmed(done)
            served.append(done)
        else:
            running.append(item)

    assert sorted(served) == sorted(items)
