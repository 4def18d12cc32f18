"""Gold: what a question should give; answers are scored against it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from docpager.core.places import Place

__all__ = ["Axis", "Gold"]

Axis = str | int | float | bool | None


@dataclass(frozen=True, slots=True)
class Gold:
    """What a question should give."""

    id: str
    answers: tuple[str, ...] | None = None
    """Each of them is right; empty where the documents have none; None where none are given."""
    evidence: tuple[Place, ...] = ()
    """Where the answer stands; a document may be named by the end of its path."""
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
