"""How a run ends: Answer, Abstention, Stopped or Failure."""

from __future__ import annotations

from dataclasses import dataclass

from docpager.core.passages import Note
from docpager.run.tool_results import QuoteCheck

__all__ = ["REPLIED", "UNSUPPORTED", "Abstention", "Answer", "Failure", "Outcome", "Stopped"]

UNSUPPORTED = "unsupported"
"""Status of an answer none of whose citations both stands and was seen by the model."""
REPLIED = "replied"
"""Status of a chat's reply that cites nothing and shows no sign of a claim about documents or the
past, as in "Hello": nothing of it was checked against anything. Whether it claims something all the
same no rule can tell; readers are shown the status."""


@dataclass(frozen=True, slots=True)
class Answer:
    """The model answered; each citation says how its quote was found."""

    text: str
    citations: tuple[QuoteCheck, ...]
    status: str = "answered"
    """`answered`, `unsupported`, or `replied`."""


@dataclass(frozen=True, slots=True)
class Abstention:
    """The model found that the documents do not say."""

    text: str
    citations: tuple[QuoteCheck, ...] = ()
    status: str = "abstained"


@dataclass(frozen=True, slots=True)
class Stopped:
    """A limit was reached before an answer; what had been noted is kept."""

    reason: str
    notes: tuple[Note, ...]
    status: str = "stopped"
    limit: str = ""
    """Which of `RunLimits`, as in `max_steps`; empty where none was named."""


@dataclass(frozen=True, slots=True)
class Failure:
    """The model could not go on."""

    reason: str
    status: str = "failed"
    parked: bool = False
    """Whether `resume` may go on with it: nothing but the model's next reply is missing."""


Outcome = Answer | Abstention | Stopped | Failure
