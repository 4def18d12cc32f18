"""The arithmetic of main context: what fits, when to warn, when to rebuild.

All sizes are tokens of the run's counter. With W the window, F instructions and functions,
R the reserved output and E the smallest results of one step with its warning:

    a request may be sent        prompt + R <= W
    it needs no warning          prompt + 2R + E <= W  and  (prompt + R) / W < warn_at
    room                         what is left beside F just after a rebuild, so that both hold

What must fit is taken at its most, pressure as it is likely: see `token_sizes`.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil

from docpager.paging.token_sizes import Size

__all__ = ["MAP_SHARE", "SMALLEST_STEP", "WindowBudget", "smallest_window"]

SMALLEST_STEP = 400
"""Tokens of the smallest results of one step and of the lines added to it, before any factor."""

# The caps of log, notes and pins sum to 0.45, with question and map to 0.75: a quarter of `room` is
# left for the newest step even when all five are full.
QUESTION_SHARE = 0.20
MAP_SHARE = 0.10
LOG_SHARE = 0.10
NOTES_SHARE = 0.20
PINS_SHARE = 0.15
"""Most of `room` that a part of the head may take; a cap is no reservation."""


@dataclass(frozen=True, slots=True)
class WindowBudget:
    """How one window is divided. All sizes are tokens; shares are of the window or of `room`."""

    window: int
    fixed: int
    """Tokens of instructions and functions."""
    reserved_output: int
    step_reserve: int = SMALLEST_STEP
    warn_at: float = 0.7
    rebuild_at: float = 0.9
    rebuild_to: float = 0.2
    reading_log: bool = True
    """False leaves its share to everything else."""
    at_hand: int = 0
    """Tokens of the conversation at hand, which stands in every prompt as instructions do."""

    @property
    def limits_after_rebuild(self) -> Size:
        """The largest prompt that a rebuild may make, at its most and as it is likely."""
        # 2R: the reply to the first request may take R, and the request that carries its results
        # must reserve R again.
        by_worst_case = self.window - 2 * self.reserved_output - self.step_reserve
        # Solves (prompt + R) / W < warn_at for the prompt. The inequality is strict, so a prompt
        # that meets the mark exactly is one token too large.
        by_pressure = ceil(self.warn_at * self.window) - self.reserved_output - 1
        return Size(by_worst_case, by_pressure)

    @property
    def limit_after_rebuild(self) -> int:
        """The largest prompt of known size that a rebuild may make: it is sent unwarned."""
        return min(self.limits_after_rebuild.most, self.limits_after_rebuild.likely)

    @property
    def room(self) -> int:
        """Tokens for the head and the newest step just after a rebuild."""
        return max(0, self.limit_after_rebuild - self.fixed - self.at_hand)

    @property
    def survivors_limit(self) -> int:
        """The prompt up to which unreleased pages stay in a rebuild."""
        return int(self.rebuild_to * self.window)

    @property
    def question_cap(self) -> int:
        return int(QUESTION_SHARE * self.room)

    @property
    def map_cap(self) -> int:
        return int(MAP_SHARE * self.room)

    @property
    def log_cap(self) -> int:
        return int(LOG_SHARE * self.room) if self.reading_log else 0

    @property
    def notes_cap(self) -> int:
        return int(NOTES_SHARE * self.room)

    @property
    def pins_cap(self) -> int:
        return int(PINS_SHARE * self.room)

    def worst_case(self, prompt: int) -> int:
        """Tokens that prompt and reply may use together."""
        return prompt + self.reserved_output

    def pressure(self, prompt: int) -> float:
        """(prompt + R) / W: the worst case as a share of the window; above 1 it cannot fit."""
        return self.worst_case(prompt) / self.window

    def fits(self, prompt: int) -> bool:
        """Whether a request with this prompt may be sent at all."""
        return self.worst_case(prompt) <= self.window

    def next_step_fits(self, prompt: int) -> bool:
        """Whether the reply and the smallest results can be appended and sent again."""
        return prompt + 2 * self.reserved_output + self.step_reserve <= self.window

    def must_warn(self, prompt: Size) -> bool:
        """Whether the model must be told of memory pressure with this request."""
        return not self.next_step_fits(prompt.most) or self.pressure(prompt.likely) >= self.warn_at

    def may_evict(self, prompt: Size) -> bool:
        """Whether an answered warning is now followed by a rebuild that evicts."""
        # Eviction loses pages, so a warning alone is not enough: the window must be nearly full by
        # what is likely, or the next step in danger at its worst.
        pressed = self.pressure(prompt.likely) >= self.rebuild_at
        return pressed or not self.next_step_fits(prompt.most)

    def holds(self, *, question: int, document_map: int, passage: int) -> bool:
        """Whether a run can always page in one passage of that many tokens."""
        log_share = LOG_SHARE if self.reading_log else 0.0
        # + 1: shares are floats, and their sum times the room may come out a token below what the
        # three caps allow together.
        others = int((log_share + NOTES_SHARE + PINS_SHARE) * self.room) + 1
        left = self.room - question - min(document_map, self.map_cap) - others
        return question <= self.question_cap and left >= passage


def smallest_window(
    *, fixed: int, reserved_output: int, question: int, document_map: int, passage: int,
    step_reserve: int = SMALLEST_STEP, warn_at: float = 0.7, reading_log: bool = True,
) -> int:  # fmt: skip
    """The smallest window in which a run with this head can page in its largest passage.

    `document_map` is the whole map's size, `passage` the largest rendered passage with the call
    that asks for it; all in tokens. Found by doubling and bisection: about 2 log2(W) looks.
    """

    def holds(window: int) -> bool:
        budget = WindowBudget(
            window, fixed, reserved_output, step_reserve, warn_at, reading_log=reading_log
        )
        return budget.holds(question=question, document_map=document_map, passage=passage)

    low, high = 1, 1
    # `holds` grows with the window, so doubling and then halving finds its first True.
    while not holds(high):
        low, high = high + 1, high * 2
    while low < high:
        middle = (low + high) // 2
        if holds(middle):
            high = middle
        else:
            low = middle + 1
    return low
