"""What a model is told when its steps, its time or its money run short.

It stands alone: arithmetic on limits, tested apart from the state machine that asks for it.
"""

from __future__ import annotations

from dataclasses import dataclass

from docpager.core.settings import RunLimits
from docpager.models.budget import Cost

__all__ = ["FEW_REPLIES", "TIME_WARNING_SHARE", "Account", "timer_lines"]


TIME_WARNING_SHARE = 0.6
"""Share of the time after which the model is told of it."""


FEW_REPLIES = 3
"""Replies that can still be paid for when the model is told of it."""


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
