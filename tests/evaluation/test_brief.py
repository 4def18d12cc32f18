"""Right answers by their words: none is found inside another word or beside the point."""

from __future__ import annotations

import pytest

from docpager.evaluation.scoring import right
from docpager.evaluation.texts import best_phrase, best_subspan, is_brief

UUID = "9f1c0e57-0000-4000-8000-5a0b3c9d1e2f"

RIGHT = [
    ("No", "No."),
    ("no", "The answer is no: it was sold."),
    ("Yes", "Yes, in 2015."),
    ("red", "It is red/green."),
    ("John", "John's."),
    ("2", "2"),
    ("2", "There were 2 of them."),
    ("5", "Table 2: 5 apples 7 pears"),
    ("3", "On page 3."),
    ("12", "As of January 31, 2015 there were 12 stores."),
    ("A", "A"),
    ("dark blue", "It's dark blue."),
    (UUID, f"It is {UUID}."),
    ("東京", "首都は東京です"),
    ("서울", "수도는 서울은"),
]
WRONG = [
    ("No", "Nobody knows another note."),
    ("No", "There is no lack of it."),
    ("Yes", "No, yesterday."),
    ("red", "He was hired."),
    ("red", "A red-haired man."),
    ("2", "Table 2: 5 apples 7 pears"),
    ("7", "Table 2: 5 apples 7 pears"),
    ("3", "On 3 May, 4 of them."),
    ("A", "A ship."),
    (UUID, f"{UUID}0"),
    ("dark blue", "darkblue, bluer"),
]


@pytest.mark.parametrize(("gold", "answer"), RIGHT)
def test_what_says_the_gold_answer_is_right(gold: str, answer: str) -> None:
    assert right(answer, [gold])


@pytest.mark.parametrize(("gold", "answer"), WRONG)
def test_what_happens_to_hold_the_gold_answer_is_wrong(gold: str, answer: str) -> None:
    assert not right(answer, [gold])


def test_only_verdicts_and_small_counts_are_brief() -> None:
    assert all(map(is_brief, ("Yes", "no.", "7", "about 12")))
    assert not any(map(is_brief, ("none", "no change", "100", "7%", "1.5", "$7", "", "x")))


def test_phrases_are_whole_words_where_the_papers_subspans_are_not() -> None:
    assert best_subspan("He was hired.", ["red"]) == 1.0
    assert best_phrase("He was hired.", ["red"]) == 0.0
    assert best_phrase("anything", ["", " "]) == best_phrase("", ["", "A"]) == 0.0
