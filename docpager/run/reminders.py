"""What a run tells a model beside results: that a limit is near, that a call was repeated, or that
its replies lead nowhere.

Arithmetic on limits and counts of calls, tested apart from the state machine that asks for them.
"""

from __future__ import annotations

from dataclasses import dataclass

from docpager.core.settings import RunLimits
from docpager.models.budget import Cost
from docpager.models.messages import ToolCall
from docpager.paging.epoch import canonical_json
from docpager.run.tool_results import Found, Loaded, PassedThrough, ToolResult, Viewed

__all__ = [
    "EMPTY",
    "FEW_REPLIES",
    "GO_ON",
    "TIME_WARNING_SHARE",
    "Account",
    "RepeatedCalls",
    "UselessReplies",
    "is_time_to_finish",
    "say_instead",
    "timer_lines",
]

TIME_WARNING_SHARE = 0.6
"""Share of the time after which the model is told of it."""

_FINISH_AT_TIME_SHARE = 0.8
"""Share of the time after which the model is asked to finish."""

GO_ON = "not accepted: there is more time now; look further, then answer"
"""What a model is told that gave up at a limit which was raised since."""

FEW_REPLIES = 3
"""Replies that can still be paid for when the model is told of it."""


def is_time_to_finish(limits: RunLimits, elapsed_seconds: float) -> bool:
    """Whether so much of the time is gone that the next reply should be the last."""
    timeout = limits.timeout_seconds
    return timeout is not None and elapsed_seconds >= _FINISH_AT_TIME_SHARE * timeout


@dataclass(frozen=True, slots=True)
class Account:
    """What a run has taken so far, and what it may take next; all of it from what was fed."""

    steps: int
    elapsed_seconds: float
    spent: Cost
    costliest: Cost
    """The most that one reply took."""
    next_call: Cost
    """The next call at its worst case."""
    kept: Cost
    """The finishing call at its worst case: it is always paid for."""


def timer_lines(limits: RunLimits, account: Account) -> list[str]:
    """What to tell the model beside the results of its newest step."""
    lines = []
    left = limits.max_steps - account.steps
    if left <= max(2, limits.max_steps // 10):
        lines.append(f"[timer] {left} replies are left: answer soon.")
    if not limits.timers:
        return lines
    timeout = limits.timeout_seconds
    if timeout is not None and account.elapsed_seconds >= TIME_WARNING_SHARE * timeout:
        seconds = timeout - account.elapsed_seconds
        lines.append(f"[timer] {seconds:.0f} of {timeout:.0f} seconds are left: answer soon.")
    payable = _payable_replies(limits, account)
    if payable is not None and payable <= FEW_REPLIES:
        replies = "1 more reply" if payable <= 1 else f"{payable} more replies"
        lines.append(f"[timer] about {replies} can be paid for: answer soon.")
    return lines


def _payable_replies(limits: RunLimits, account: Account) -> int | None:
    """About how many more replies the limits on money and tokens allow; None for any number."""
    counts = []
    spent, costliest, worst, kept = (
        account.spent,
        account.costliest,
        account.next_call,
        account.kept,
    )
    if limits.max_tokens is not None:
        left = limits.max_tokens - spent.tokens - kept.tokens
        counts.append(_replies(left, worst.tokens, costliest.tokens))
    if limits.max_usd is not None and None not in (spent.usd, worst.usd, kept.usd):
        usd = limits.max_usd - (spent.usd or 0.0) - (kept.usd or 0.0)
        counts.append(_replies(usd, worst.usd or 0.0, costliest.usd or 0.0))
    return min(counts, default=None)


def _replies(left: float, worst: float, costliest: float) -> int:
    """Calls that fit one after the other, each checked at its worst and paid at its real price."""
    # A call is made only if its worst case fits, though most cost less: hence the first at its
    # worst and the others at the dearest so far.
    if left < worst:
        return 0
    return 1 + int((left - worst) / costliest) if costliest > 0 else FEW_REPLIES + 1


MOST_EQUAL_CALLS = 2
"""Times that one call gets the same answer; then it is told what to do instead."""

_INSTEAD = {
    "search": "Use other words, or page_in one of its results.",
    "grep": "Use another pattern, or page_in one of its results.",
    "page_in": "Page in another range, or search.",
    "view_page": "Note what it shows, or view another page.",
    "contents": "Search, or page_in something that it lists.",
    "write_note": "Go on, or answer.",
}
"""By function: what leads further than the same call again."""


class RepeatedCalls:
    """Counts calls that are made again word for word and get the same answer.

    Counted anew in each epoch: after a rebuild the old answer is no longer in sight, and asking
    again is right.
    """

    def __init__(self) -> None:
        self._epoch = 0
        self._answers: dict[str, tuple[ToolResult, int]] = {}
        self._last = ""

    def is_worn_out(self, call: ToolCall, result: ToolResult, *, epoch: int) -> bool:
        """Whether this call got this answer too often before; counts it."""
        if epoch != self._epoch:
            self._epoch, self._answers = epoch, {}
        key, before = f"{call.name} {canonical_json(call.arguments)}", self._last
        self._last = key
        # Paging in has its own rule, and an answer is sent back with its own sentences.
        if call.name == "answer" or isinstance(result, Loaded | Viewed):
            return False
        old, times = self._answers.get(key, (result, 0))
        # What changes the run's own state has no result to compare: only in a row is it the same.
        is_same = old == result and (key == before or not isinstance(result, PassedThrough))
        times = times + 1 if is_same else 1
        self._answers[key] = (result, times)
        return times > MOST_EQUAL_CALLS


def say_instead(call: ToolCall, result: ToolResult) -> str:
    """What to tell the model that made a call too often."""
    instead = _INSTEAD.get(call.name, "Do something else, or answer from what you have.")
    if isinstance(result, Found) and result.page < result.pages:
        instead = f"See page={result.page + 1} of its results. {instead}"
    return (
        f"refused: you made this call {MOST_EQUAL_CALLS} times and its answer is still the same. "
        f"{instead}"
    )


MOST_USELESS_REPLIES = 3
"""Replies in a row that hold neither a call nor an answer, before the run fails."""

MOST_EMPTY_REPLIES = 2
"""Empty replies in a row, before the run fails: one is nudged."""

EMPTY = "held no call and no answer"


class UselessReplies:
    """Counts replies in a row that lead nowhere: too long, cut off, empty."""

    def __init__(self) -> None:
        self._number = self._empty = 0
        self._did: set[str] = set()

    def add(self, what: str, *, named: bool) -> str:
        """Count one more; why the run fails where it is one too many, else empty.

        `what` says what such replies did, and the reason says so where it is `named`.
        """
        self._number += 1
        self._empty += what == EMPTY
        self._did.add(what)
        if self._number < MOST_USELESS_REPLIES and self._empty < MOST_EMPTY_REPLIES:
            return ""
        return (
            f"{self._number} replies in a row {' or '.join(sorted(self._did)) if named else EMPTY}"
        )
