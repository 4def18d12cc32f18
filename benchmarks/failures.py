"""What failed of a run, and why: told at its end, so that nobody takes it for a result."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.records import read_lines

__all__ = ["Failures", "failures_of"]

_REASONS = 3
_LONGEST = 200
"""Characters of a reason."""


@dataclass(frozen=True, slots=True)
class Failures:
    """Answers that failed, out of all that were asked for."""

    failed: int
    asked: int
    reasons: Sequence[str]
    """The first few different ones, each with how often it was met."""

    @property
    def everything(self) -> bool:
        """Whether there is no other answer."""
        return 0 < self.failed == self.asked

    def __str__(self) -> str:
        return f"{self.failed} of {self.asked} answers failed: {'; '.join(self.reasons)}"


def failures_of(folder: Path) -> Failures:
    """The failures among a run's lines; contestants that were not run do not count."""
    asked = [line.answer for line in read_lines(folder) if line.answer.status != "not run"]
    met = Counter(answer.error[:_LONGEST] for answer in asked if answer.status == "failed")
    reasons = [f"{reason} ({count} times)" for reason, count in list(met.items())[:_REASONS]]
    return Failures(met.total(), len(asked), reasons)
