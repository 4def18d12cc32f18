"""Answers that are missing from a table, or count as wrong because their contestant failed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from benchmarks.reporting.blocks import Paragraph
from benchmarks.reporting.slices import lines_of
from benchmarks.scoring import Scored, ScoredRun

__all__ = ["left_out"]

_TITLES = {"not run": "Not run", "failed": "Failed", "stopped": "Stopped"}


def left_out(run: ScoredRun) -> Iterator[Paragraph]:
    """How many answers of whom were not run, failed or stopped, and the first reason of each."""
    for status, title in _TITLES.items():
        found = [
            _said(run, own, missing)
            for own in (lines_of(run, system) for system in run.record.systems)
            if (missing := [each for each in own if each.line.answer.status == status])
        ]
        if found:
            yield Paragraph(f"{title}: {'; '.join(found)}.", loud=status != "not run")


def _said(run: ScoredRun, own: Sequence[Scored], missing: Sequence[Scored]) -> str:
    first = missing[0].line
    windows = dict.fromkeys(f"{each.line.window}" for each in missing)
    at = f", at window {', '.join(windows)}" if len(run.record.windows) > 1 else ""
    reason = first.answer.error.rstrip(".") or "no reason was given"
    return f"{first.system} {len(missing)} of {len(own)} answers{at} ({reason})"
