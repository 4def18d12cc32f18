"""Scores a finished run: apart from answering, for nothing, as often as one likes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.metrics import mark
from benchmarks.run_files import ResultLine, RunRecord, read_finished, read_record
from benchmarks.samples import Axis
from benchmarks.scorer_checks import check_scorer
from benchmarks.tasks.registry import task_of
from docpager.core.errors import UsageError

__all__ = ["Scored", "ScoredRun", "cells", "score_run"]

ALWAYS = ("evidence_seen",)
"""Metrics of every task that names evidence."""


@dataclass(frozen=True, slots=True)
class Scored:
    """A line with its marks."""

    line: ResultLine
    axes: Mapping[str, Axis]
    """What the question varies, and the window."""
    marks: Mapping[str, float | None]
    family: str
    """Lines of one family are one question, asked in several arrangements or windows."""

    @property
    def was_run(self) -> bool:
        return self.line.answer.status != "not run"


@dataclass(frozen=True, slots=True)
class ScoredRun:
    """A run with the marks of all its lines."""

    folder: Path
    record: RunRecord
    metrics: tuple[str, ...]
    """The one that counts first."""
    lines: tuple[Scored, ...]


def score_run(folder: Path, data: Path) -> ScoredRun:
    """Read a run's answers, ask its task for gold, and mark.

    Raises:
        UsageError: the run is not finished, its answers or the data have changed, or answers and
            questions do not belong together.
        ScorerError: a metric rewards a wrong answer, or does not reward a right one.
    """
    record = read_record(folder)
    task = task_of(record)
    lines = read_finished(folder)
    _check_data(record, task.checksums(data), data)
    wanted = task.wanted(record.axes, per_cell=record.per_cell, seed=record.seed)
    golds = task.golds(data, wanted)
    samples = {s.question.id: s for s in task.samples(data, wanted)[0]}
    _check_questions(record, lines, golds.keys())
    metrics = (*task.metrics, *(m for m in ALWAYS if m not in task.metrics))
    check_scorer(mark, metrics, golds.values())
    return ScoredRun(
        folder,
        record,
        metrics,
        tuple(
            Scored(
                line,
                {**samples[line.question_id].axes, "window": line.window},
                {m: mark(m, golds[line.question_id], line.answer) for m in metrics},
                samples[line.question_id].family,
            )
            for line in lines
        ),
    )


def cells(lines: Sequence[Scored], axes: Sequence[str]) -> dict[tuple[Axis, ...], list[Scored]]:
    """Lines by system and the values of axes, in the order in which they are met."""
    found: dict[tuple[Axis, ...], list[Scored]] = {}
    for each in lines:
        key = (each.line.system, *(each.axes.get(axis, "") for axis in axes))
        found.setdefault(key, []).append(each)
    return found


def _check_data(record: RunRecord, now: Mapping[str, str], data: Path) -> None:
    changed = sorted(
        name for name in {*record.data, *now} if record.data.get(name) != now.get(name)
    )
    if changed:
        where = "" if record.options else f" under {data}"  # the user's own are named by path
        raise UsageError(
            f"{', '.join(changed[:5])}{where} changed since this run: its answers cannot be "
            "scored by them; restore the data or run again"
        )


def _check_questions(record: RunRecord, lines: Sequence[ResultLine], asked: object) -> None:
    expected = {
        (question, system, str(window))
        for question in asked  # type: ignore[attr-defined]
        for system in record.systems
        for window in record.windows
    }
    given = [line.key for line in lines]
    if len(given) != len(set(given)):
        raise UsageError("a question was answered twice by the same system; run again")
    if strange := set(given) ^ expected:
        raise UsageError(
            f"answers and questions do not belong together ({len(strange)} differ, such as "
            f"{sorted(strange)[0]}); was the task changed? run again"
        )
