from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from docpager.paging.pressure import WindowBudget, smallest_window
from docpager.paging.token_sizes import Size

# Worked by hand. W = 10,000, F = 1,500, R = 500, E = 400:
#   by worst case 10,000 - 2 x 500 - 400 = 8,600; by pressure 7,000 - 500 - 1 = 6,499
BUDGET = WindowBudget(window=10_000, fixed=1_500, reserved_output=500)


def test_the_worked_example_comes_out_as_by_hand() -> None:
    assert BUDGET.limit_after_rebuild == 6_499
    assert BUDGET.room == 4_999
    assert BUDGET.survivors_limit == 2_000
    caps = (BUDGET.question_cap, BUDGET.map_cap, BUDGET.log_cap, BUDGET.notes_cap, BUDGET.pins_cap)
    assert caps == (999, 499, 499, 999, 749)


def test_the_worst_case_decides_where_output_is_large() -> None:
    assert (
        WindowBudget(window=10_000, fixed=1_500, reserved_output=2_000).limit_after_rebuild == 4_999
    )
    assert WindowBudget(window=10_000, fixed=0, reserved_output=2_700).limit_after_rebuild == 4_200


@pytest.mark.parametrize(
    ("prompt", "fits", "next_fits", "warns", "evicts"),
    [
        (6_499, True, True, False, False),
        (6_500, True, True, True, False),
        (8_499, True, True, True, False),
        (8_500, True, True, True, True),
        (8_601, True, False, True, True),
        (9_500, True, False, True, True),
        (9_501, False, False, True, True),
    ],
)
def test_the_marks_lie_where_the_example_says(
    prompt: int, fits: bool, next_fits: bool, warns: bool, evicts: bool
) -> None:
    assert BUDGET.fits(prompt) is fits
    assert BUDGET.next_step_fits(prompt) is next_fits
    assert BUDGET.must_warn(Size.exact(prompt)) is warns
    assert BUDGET.may_evict(Size.exact(prompt)) is evicts


@given(
    st.integers(1_000, 100_000),
    st.integers(0, 5_000),
    st.integers(1, 9_000),
    st.sampled_from([0.3, 0.5, 0.7, 0.9, 1.0]),
)
def test_just_after_a_rebuild_no_request_is_warned(
    window: int, fixed: int, reserved: int, warn_at: float
) -> None:
    budget = WindowBudget(window, fixed, reserved, warn_at=warn_at)
    limit = budget.limit_after_rebuild

    assert not budget.must_warn(Size.exact(limit))
    assert budget.must_warn(Size.exact(limit + 1))
    assert budget.room == max(0, limit - fixed)


@given(
    fixed=st.integers(0, 4_000),
    reserved=st.integers(1, 8_192),
    question=st.integers(1, 3_000),
    document_map=st.integers(0, 3_000),
    passage=st.integers(1, 2_000),
    warn_at=st.sampled_from([0.5, 0.7, 1.0]),
)
def test_the_smallest_window_holds_and_the_one_below_does_not(
    fixed: int, reserved: int, question: int, document_map: int, passage: int, warn_at: float
) -> None:
    smallest = smallest_window(
        fixed=fixed,
        reserved_output=reserved,
        question=question,
        document_map=document_map,
        passage=passage,
        warn_at=warn_at,
    )

    def holds(window: int) -> bool:
        return WindowBudget(window, fixed, reserved, warn_at=warn_at).holds(
            question=question, document_map=document_map, passage=passage
        )

    assert holds(smallest)
    assert not holds(smallest - 1)
    assert holds(2 * smallest)


def test_a_run_without_a_reading_log_needs_no_room_for_one() -> None:
    head = {"question": 50, "document_map": 100, "passage": 900}
    without = WindowBudget(window=10_000, fixed=1_500, reserved_output=500, reading_log=False)
    smallest, with_log = (
        smallest_window(fixed=1_500, reserved_output=500, **head, reading_log=has_log)
        for has_log in (False, True)
    )

    assert (without.room, without.log_cap) == (BUDGET.room, 0)
    assert smallest < with_log
    assert WindowBudget(smallest, 1_500, 500, reading_log=False).holds(**head)
    assert not WindowBudget(smallest, 1_500, 500).holds(**head)


def test_what_must_fit_is_taken_at_its_most_and_pressure_as_it_is_likely() -> None:
    assert not BUDGET.must_warn(Size(8_600, 6_499))
    assert BUDGET.must_warn(Size(8_601, 100))
    assert BUDGET.must_warn(Size(8_600, 6_500))
    assert BUDGET.may_evict(Size(8_601, 100))
    assert not BUDGET.may_evict(Size(8_600, 8_499))
    assert BUDGET.limits_after_rebuild == Size(8_600, 6_499)
