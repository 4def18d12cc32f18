"""Families: what counts as one piece of evidence when means and tests are computed."""

from __future__ import annotations

import pytest

from benchmarks.families import compared, holm, mean_of
from benchmarks.run_files import ResultLine
from benchmarks.scoring import Scored
from benchmarks.systems.system import SystemAnswer


def scored(number: int, family: str, mark: float, *, system: str = "docpager") -> Scored:
    line = ResultLine(f"q{number}", "?", system, 8000, 8000, SystemAnswer("answered", "a"), 0.0, "")
    return Scored(line, {}, {"exact": mark}, family)


def test_one_question_in_ten_arrangements_is_one_question() -> None:
    mean = mean_of([scored(n, "same", 1.0) for n in range(10)], "exact")

    assert mean is not None and (mean.n, mean.mean) == (1, 1.0)
    assert mean.low < 0.05, "one right answer proves next to nothing"


def test_all_right_is_as_sure_as_there_are_questions() -> None:
    few, many = (mean_of([scored(n, f"{n}", 1.0) for n in range(k)], "exact") for k in (5, 50))

    assert few is not None and many is not None
    assert few.high == many.high == 1.0 and few.low < 0.5 < 0.9 < many.low < 1.0


def test_one_right_answer_more_never_lowers_an_interval() -> None:
    none, one = (
        mean_of([scored(n, f"{n}", float(n < right)) for n in range(55)], "exact")
        for right in (0, 1)
    )

    assert none is not None and one is not None
    assert none.high == pytest.approx(0.0649, abs=1e-4)
    assert one.low > 0 and one.high == pytest.approx(0.0972, abs=1e-4)


def test_families_with_shares_are_bootstrapped() -> None:
    lines = [scored(n, f"{n // 2}", float(n % 3 > 0)) for n in range(40)]

    found = mean_of(lines, "exact")

    assert found is not None and found.n == 20 and found.low < found.mean < found.high


def test_arrangements_of_one_question_do_not_make_a_difference_significant() -> None:
    ours = [scored(n, "same", 1.0) for n in range(20)]
    theirs = [scored(n, "same", 0.0, system="other") for n in range(20)]

    found = compared(ours, theirs, "exact")

    assert found is not None and found.difference.n == 1 and found.p_value == 1.0


def test_contestants_are_compared_where_both_were_run() -> None:
    ours = [scored(1, "a", 1.0), scored(2, "b", 0.0)]
    asked = scored(1, "a", 1.0, system="other")
    not_run = ResultLine("q2", "?", "other", 8000, 8000, SystemAnswer("not run", ""), 0.0, "")
    left_out = Scored(not_run, {}, {"exact": 0.0}, "b")

    found = compared(ours, [asked, left_out], "exact")

    assert found is not None and (found.first, found.second, found.difference.n) == (1.0, 1.0, 1)


def test_tests_made_together_are_corrected_as_holm_says() -> None:
    # Worked by hand: 4 x 0.005, 3 x 0.01, then 2 x 0.03, and 0.04 may not fall below that.
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([0.9, 0.8]) == [1.0, 1.0] and holm([]) == []
