"""Runs as their scores leave them, written down for tests of tables."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from benchmarks.run_files import ResultLine, RunRecord
from benchmarks.samples import Axis
from benchmarks.scoring import Scored, ScoredRun
from benchmarks.systems.system import SystemAnswer


def scored(
    number: int,
    system: str = "docpager",
    *,
    window: int = 8000,
    rebuilds: float | None = None,
    status: str = "answered",
    error: str = "",
    marks: Mapping[str, float | None] | None = None,
    **axes: Axis,
) -> Scored:
    """A line; `rebuilds` are those of one that pages."""
    paging = {} if rebuilds is None else dict.fromkeys(COUNTS, 0.0) | {"rebuilds": rebuilds}
    answer = SystemAnswer(status, "a", paging=paging, error=error)
    line = ResultLine(f"q{number}", "?", system, window, window, answer, 0.0, "")
    return Scored(line, {**axes, "window": window}, marks or {"right": 1.0}, f"q{number}")


COUNTS = (
    *("faults", "refaults", "evicted", "released", "rebuilds", "refused_page_ins"),
    "belady_faults",
)


def reported(lines: Sequence[Scored], *, folder: str = "a-run") -> ScoredRun:
    """A run of these lines."""
    systems = list(dict.fromkeys(each.line.system for each in lines))
    windows = list(dict.fromkeys(each.line.window for each in lines))
    questions = len({each.line.question_id for each in lines})
    record = RunRecord(
        "any_jsonl", {}, 20, 0, systems, windows, "extractive", 512, 400, questions, len(lines)
    )
    return ScoredRun(Path(folder), record, tuple(lines[0].marks), tuple(lines))
