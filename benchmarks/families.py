"""Families: a question asked in several arrangements or windows is one piece of evidence."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from benchmarks.scoring import Scored
from docpager.evaluation.intervals import Interval, exact_interval, is_binary, mean_interval
from docpager.evaluation.scoring import Marks
from docpager.evaluation.summary import Comparison, compare

__all__ = ["compared", "holm", "mean_of", "run_by_both"]


def mean_of(lines: Sequence[Scored], metric: str) -> Interval | None:
    """The mean of a metric over families with its interval; None where nobody was asked.

    Where all marks are 0 or 1 the interval is the exact binomial one (Clopper and Pearson 1934):
    a bootstrap knows no width where all are equal, and next to it none that fits.
    """
    marks = [mark for mark in _families(lines, metric).values() if mark is not None]
    return exact_interval(marks) if marks and is_binary(marks) else mean_interval(marks)


def compared(ours: Sequence[Scored], theirs: Sequence[Scored], metric: str) -> Comparison | None:
    """Two systems where both were run, paired by family; None where that is nowhere."""
    first, second = (_marks(lines, metric) for lines in run_by_both(ours, theirs))
    return compare(first, second, metric) if first else None


def run_by_both(
    ours: Sequence[Scored], theirs: Sequence[Scored]
) -> tuple[list[Scored], list[Scored]]:
    """The lines of two systems whose question and window were run by both."""
    common = {e.line.key[::2] for e in ours if e.was_run} & {
        e.line.key[::2] for e in theirs if e.was_run
    }
    return (
        [each for each in ours if each.line.key[::2] in common],
        [each for each in theirs if each.line.key[::2] in common],
    )


def holm(p_values: Sequence[float]) -> list[float]:
    """p values of tests made together, each as if it had been the only one (Holm 1979).

    >>> [round(p, 3) for p in holm([0.01, 0.04, 0.03])]
    [0.03, 0.06, 0.06]
    """
    adjusted, largest = [0.0] * len(p_values), 0.0
    for rank, index in enumerate(sorted(range(len(p_values)), key=lambda n: p_values[n])):
        largest = max(largest, min(1.0, (len(p_values) - rank) * p_values[index]))
        adjusted[index] = largest
    return adjusted


def _families(lines: Iterable[Scored], metric: str) -> dict[str, float | None]:
    """The mean of a metric over the lines of each family; None where it asks nothing."""
    marks: dict[str, list[float]] = {}
    for each in lines:
        found = marks.setdefault(each.family, [])
        if each.was_run and (mark := each.marks[metric]) is not None:
            found.append(mark)
    return {name: sum(found) / len(found) if found else None for name, found in marks.items()}


def _marks(lines: Iterable[Scored], metric: str) -> list[Marks]:
    return [Marks(name, {metric: mark}, {}) for name, mark in _families(lines, metric).items()]
