"""Progress of a batch: what has become of its questions so far, what it cost, when it will end."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from docpager.models.messages import ModelReply, Usage
from docpager.run.answer_line import AnswerLine
from docpager.run.driver import StepNow
from docpager.run.outcome import UNSUPPORTED

__all__ = ["BatchProgress", "BatchReport"]

_NAMED_AT_MOST = 10
_MISSES = ("failed", "stopped", UNSUPPORTED)
"""How a question ends that `retry_failed` asks again."""


@dataclass(slots=True)
class BatchProgress:
    """Counts as questions end and replies come."""

    questions: int
    """All that the batch is about."""
    kept: int = 0
    """Answered before this session."""
    statuses: Counter[str] = field(default_factory=Counter)
    """How questions ended in this session."""
    steps: int = 0
    usage: Usage = field(default_factory=lambda: Usage(source="server"))
    faults: int = 0
    failures: list[tuple[str, str]] = field(default_factory=list)
    """The first of them: question and reason."""
    tells_replies: bool = True
    """Whether `replied` is called; else steps are counted when their question ends."""
    running: dict[str, StepNow] = field(default_factory=dict)
    """By question, in the order in which they began: what each run does that is under way."""
    _counted: bool = False
    """Whether replies tell their tokens."""

    def replied(self, reply: ModelReply) -> None:
        """A reply has come."""
        self.steps += 1
        if reply.usage is not None:
            self._counted = True
            self.usage += reply.usage

    def answered(self, line: AnswerLine) -> None:
        """A question has ended."""
        self.statuses[line.status] += 1
        if not self.tells_replies:
            self.steps += line.steps
        if not self._counted:
            self.usage += line.usage  # this model reports none with its replies
        self.faults += line.paging.get("faults", 0)
        if line.status in _MISSES and len(self.failures) < _NAMED_AT_MOST:
            self.failures.append((line.id, _why(line)))

    @property
    def ended(self) -> int:
        """Questions that ended in this session."""
        return self.statuses.total()

    @property
    def failed(self) -> int:
        return sum(self.statuses[status] for status in _MISSES)

    @property
    def left(self) -> int:
        """Questions without an answer line."""
        return self.questions - self.kept - self.ended

    @property
    def cache_share(self) -> float | None:
        """Share of the prompt tokens that were read from a cache; None before the first."""
        prompt = self.usage.prompt_tokens
        return self.usage.cache_read_tokens / prompt if prompt else None

    def seconds_left(self, elapsed_seconds: float) -> float | None:
        """About how long the rest takes at the pace so far; None before the first has ended."""
        return elapsed_seconds / self.ended * self.left if self.ended else None


@dataclass(frozen=True, slots=True)
class BatchReport:
    """How a session of a batch ended."""

    questions: int
    kept: int
    answered: int
    unsupported: int
    abstained: int
    stopped: int
    failed: int
    failed_before: int
    """Among the kept: questions that were missed in an earlier session and not tried again."""
    parked: int
    """Begun and not ended: gone on with when the batch is run again."""
    waiting: int
    """Not begun."""
    usage: Usage
    usd: float | None
    """Of this and earlier sessions; None where no price is known."""
    steps: int
    seconds: float
    failures: tuple[tuple[str, str], ...] = ()
    """The first few: question and reason."""
    why_stopped: str | None = None
    """Why there are questions left."""
    limit_reached: bool = False
    """Whether that is a limit on money or tokens, which must be raised to go on."""

    @property
    def complete(self) -> bool:
        """Whether every question has its answer line."""
        return not (self.parked or self.waiting)

    @property
    def succeeded(self) -> bool:
        """Whether every question was answered, or found to have no answer."""
        return self.complete and not (
            self.failed or self.stopped or self.unsupported or self.failed_before
        )


def _why(line: AnswerLine) -> str:
    if line.status == UNSUPPORTED:
        return "answered, but no quote that supports it stands on a page that was read"
    return line.error or "no reason given"
