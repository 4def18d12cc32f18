"""Marks of many questions: means, axes, and two systems side by side."""

from __future__ import annotations

import pytest

from docpager.core.errors import UsageError
from docpager.evaluation.scoring import Marks
from docpager.evaluation.summary import by_axis, compare, summarise


def marked(values, metric="accuracy", **axes):
    return [Marks(str(n), {metric: value}, axes) for n, value in enumerate(values)]


def test_a_mean_is_over_the_questions_that_were_asked():
    summary = summarise(marked([1.0, None, 0.0, None]))

    assert list(summary) == ["accuracy"]
    assert (summary["accuracy"].mean, summary["accuracy"].n) == (0.5, 2)


def test_axes_come_in_their_order():
    marks = [Marks(str(v), {}, {"size": v}) for v in (20, "x", 3, None)] + [Marks("m", {}, {})]

    groups = by_axis(marks, "size")
    assert [value for value, _ in groups] == [3, 20, "x", None]
    assert len(groups[-1][1]) == 2


def test_numbers_of_any_size_are_put_in_order():
    huge = 10**400
    marks = [Marks(str(n), {}, {"score": v}) for n, v in enumerate((huge, 0.5, -huge, True))]

    values = [value for value, _ in by_axis(marks, "score")]
    assert values == [True, -huge, 0.5, huge]


def test_truths_are_no_numbers_and_what_is_no_number_is_none():
    values = (1, True, float("nan"), 0, False, float("nan"), None, float("inf"), 1.0)
    groups = by_axis([Marks(str(n), {}, {"a": v}) for n, v in enumerate(values)], "a")

    sizes = [(repr(value), len(group)) for value, group in groups]
    assert sizes == [("False", 1), ("True", 1), ("0", 1), ("1", 2), ("None", 4)]


def test_an_axis_that_nobody_has_is_refused_with_those_there_are():
    with pytest.raises(UsageError, match=r"no question has the field 'knd'.*: kind, size"):
        by_axis(marked([1.0], kind="a", size=3), "knd")


def test_binary_marks_are_compared_by_mcnemar():
    found = compare(marked([1.0] * 8 + [0.0]), marked([0.0] * 8 + [1.0]), "accuracy")

    assert (found.first, found.second) == (pytest.approx(8 / 9), pytest.approx(1 / 9))
    assert found.difference.mean == pytest.approx(7 / 9)
    assert found.difference.low > 0
    assert found.test == "McNemar"
    assert found.p_value == pytest.approx(2 * (1 + 9) / 2**9)


def test_equal_answers_to_one_question_prove_next_to_nothing():
    found = compare(marked([1.0]), marked([1.0]), "accuracy").difference

    assert (found.mean, found.n) == (0.0, 1)
    assert found.low < -0.7 and found.high > 0.7


def test_eight_won_of_eight_may_be_less_than_all():
    found = compare(marked([1.0] * 8), marked([0.0] * 8), "accuracy").difference

    assert found.mean == found.high == pytest.approx(1.0)
    assert 0 < found.low < 0.4


def test_shares_are_compared_by_sign_flips():
    found = compare(marked([0.5, 0.9]), marked([0.5, 0.4]), "accuracy")

    assert found.test == "sign flip"
    assert found.p_value == 1.0


def test_only_questions_that_both_are_asked_are_paired():
    found = compare(marked([1.0, None, 1.0]), marked([1.0, 1.0, None]), "accuracy")

    assert found.difference.n == 1
    assert compare(marked([None]), marked([1.0]), "accuracy") is None


def test_systems_with_other_questions_are_not_compared():
    with pytest.raises(UsageError, match="the same questions"):
        compare(marked([1.0]), marked([1.0, 0.0]), "accuracy")
