"""OpenStep: what stands between a reply and the request that answers it."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

from docpager.core.passages import PassageId
from docpager.models.messages import AssistantTurn, CallResult, ToolCall, UserTurn
from docpager.paging.rebuild import StepText
from docpager.paging.sizes import NOTHING, Size

__all__ = ["NO_ROOM", "SKIPPED", "OpenStep", "Rebuild"]

NO_ROOM = "refused: no room"
"""The smallest result: what a call gets when nothing longer fits."""

SKIPPED = "skipped: at most 8 calls per reply"
"""What a call beyond the eighth gets."""


class Rebuild(StrEnum):
    """Why a new epoch starts, and so which pages stay."""

    RELEASED = "released"
    """Only released pages leave."""
    EVICT = "evict"
    """After an answered warning: the policy chooses who stays."""
    CROWDED = "crowded"
    """A reply made more calls than can be appended: pages stay while they fit."""


@dataclass(slots=True)
class OpenStep:
    """A reply, the results of its calls so far, and what was decided about them."""

    reply: AssistantTurn | None = None
    """None for a reply that cannot be kept in the conversation, such as an empty one."""
    reply_tokens: int = 0
    calls: tuple[ToolCall, ...] = ()
    """Those that are executed."""
    skipped: tuple[ToolCall, ...] = ()
    results: list[CallResult] = field(default_factory=list)
    results_size: Size = NOTHING
    """Of the texts of the results, without framing."""
    loaded: set[PassageId] = field(default_factory=set)
    """Passages whose text stands in the results."""
    kept: set[PassageId] = field(default_factory=set)
    """Passages that a result says are in main context: unless released, they stay."""
    argument_limit: int | None = None
    """Characters of a call's arguments that a rebuild shows; None for all."""
    log_tokens: int = 0
    """What the reading log may take in a rebuild."""
    rebuild: Rebuild | None = None
    """The rebuild that this step must end with, once a result was admitted because of it."""
    nudge: str = ""
    """A sentence that answers no call."""
    remark: str = ""
    """Lines of a timer or a user, for the newest result."""
    warn: bool = False
    """Whether something was refused for want of room."""

    def add(self, text: str, *, size: Size, is_error: bool) -> None:
        """Answer the next call."""
        self.results_size += size
        self.results.append(CallResult(self.calls[len(self.results)].id, text, is_error))

    @property
    def waiting(self) -> int:
        """Calls without a result."""
        return len(self.calls) - len(self.results)

    @property
    def skipped_remark(self) -> str:
        return f"[run] {len(self.skipped)} calls were {SKIPPED}." if self.skipped else ""

    def user_turn(self, warning: str = "") -> UserTurn:
        """The step's results; remarks stand in the newest one, or alone where there is none."""
        results = [*self.results, *(CallResult(c.id, SKIPPED, is_error=True) for c in self.skipped)]
        text = " ".join(filter(None, (self.nudge, self.remark, warning)))
        if not results:
            return UserTurn(text or "[run] Continue.")
        if text:
            last = results[-1]
            results[-1] = CallResult(last.call_id, f"{last.text}\n{text}", last.is_error)
        return UserTurn(results=tuple(results))

    def texts(self) -> tuple[StepText, ...]:
        """Each call with its result, for a rebuild."""
        pairs = zip(self.calls, self.results, strict=True)
        return tuple(StepText(call, r.text, self.argument_limit) for call, r in pairs)
