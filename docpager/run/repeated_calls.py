"""Notices a model that makes the same call again and again.

It stands alone because it is a rule about the model, not about any result.
"""

from __future__ import annotations

from docpager.models.messages import ToolCall
from docpager.paging.epoch import canonical_json
from docpager.run.tool_results import Found, Loaded, PassedThrough, ToolResult

__all__ = ["RepeatedCalls", "say_instead"]

MOST_EQUAL_CALLS = 2
"""Times that one call gets the same answer; then it is told what to do instead."""

_INSTEAD = {
    "search": "Use other words, or page_in one of its results.",
    "grep": "Use another pattern, or page_in one of its results.",
    "page_in": "Page in another range, or search.",
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
        if call.name == "answer" or isinstance(result, Loaded):
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
