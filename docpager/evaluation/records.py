"""What is scored: what was asked for, and what came back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

__all__ = ["Cited", "Gold", "Place", "Response"]

Axis = str | int | float | bool | None


@dataclass(frozen=True, slots=True)
class Place:
    """Where an answer stands."""

    document: str
    """A path, or the end of one."""
    pdf_page: int | None = None
    """Counted from 1; None for anywhere in the document."""


@dataclass(frozen=True, slots=True)
class Gold:
    """What a question should give."""

    id: str
    answers: tuple[str, ...] | None = None
    """Each of them is right; empty where the documents have no answer; None where nobody said."""
    evidence: tuple[Place, ...] = ()
    axes: Mapping[str, Axis] = field(default_factory=dict)
    """What results can be split by."""

    @property
    def answerable(self) -> bool:
        """Whether an answer is known."""
        return bool(self.answers)

    @property
    def unanswerable(self) -> bool:
        """Whether it is known that there is none: abstaining is right."""
        return self.answers == ()


@dataclass(frozen=True, slots=True)
class Cited:
    """One citation of a response."""

    document: str
    pdf_page: int | None
    stands: bool = True
    """Whether the quote was found there."""


@dataclass(frozen=True, slots=True)
class Response:
    """What a system gave for a question."""

    id: str
    status: str
    """`answered`, `abstained`, `failed` or `stopped`."""
    answer: str = ""
    citations: tuple[Cited, ...] = ()

    @property
    def answered(self) -> bool:
        return self.status == "answered"

    @property
    def abstained(self) -> bool:
        return self.status == "abstained"
