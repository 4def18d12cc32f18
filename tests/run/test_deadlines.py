from __future__ import annotations

from dataclasses import replace

from docpager.core.settings import RunLimits
from docpager.models.budget import Cost
from docpager.run.reminders import Account, timer_lines

ACCOUNT = Account(
    steps=5,
    elapsed_seconds=10.0,
    spent=Cost(50_000, 0.20),
    costliest=Cost(20_000, 0.05),
    next_call=Cost(25_000, 0.10),
    kept=Cost(64_000, 0.22),
)


def test_nothing_is_said_while_everything_is_plenty() -> None:
    limits = RunLimits(timeout_seconds=100, max_usd=5.0, max_tokens=5_000_000)

    assert timer_lines(limits, ACCOUNT) == []


def test_the_last_steps_are_counted() -> None:
    late = replace(ACCOUNT, steps=55)

    assert timer_lines(RunLimits(), late) == ["[timer] 5 replies are left: answer soon."]


def test_time_that_runs_short_is_told() -> None:
    late = replace(ACCOUNT, elapsed_seconds=61.0)

    assert timer_lines(RunLimits(timeout_seconds=100), late) == [
        "[timer] 39 of 100 seconds are left: answer soon."
    ]


def test_money_that_runs_short_is_told_with_the_finishing_call_kept_apart() -> None:
    """0.58 less 0.20 spent less 0.22 kept leaves 0.16: one call, and after it another."""
    assert timer_lines(RunLimits(max_usd=0.58), ACCOUNT) == [
        "[timer] about 2 more replies can be paid for: answer soon."
    ]
    assert timer_lines(RunLimits(max_usd=0.45), ACCOUNT) == [
        "[timer] about 1 more reply can be paid for: answer soon."
    ]


def test_of_tokens_and_money_the_scarcer_counts() -> None:
    limits = RunLimits(max_usd=50.0, max_tokens=160_000)

    assert timer_lines(limits, ACCOUNT) == [
        "[timer] about 2 more replies can be paid for: answer soon."
    ]


def test_dollars_that_nobody_knows_are_no_reason_to_hurry() -> None:
    unknown = replace(ACCOUNT, spent=Cost(50_000, None), next_call=Cost(25_000, None))

    assert timer_lines(RunLimits(max_usd=0.01), unknown) == []


def test_lines_on_time_and_money_can_be_turned_off_but_steps_are_counted() -> None:
    late = replace(ACCOUNT, steps=58, elapsed_seconds=99.0)
    limits = RunLimits(timeout_seconds=100, max_usd=0.45, timers=False)

    assert timer_lines(limits, late) == ["[timer] 2 replies are left: answer soon."]
