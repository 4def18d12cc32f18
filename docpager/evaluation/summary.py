"""Marks of many questions as figures: by metric, by axis, and one system beside another."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from docpager.core.errors import UsageError
from docpager.evaluation.intervals import (
    CONFIDENCE,
    RESAMPLES,
    Interval,
    is_binary,
    mcnemar,
    mean_interval,
    paired_interval,
    sign_flip,
)
from docpager.evaluation.records import Axis
from docpager.evaluation.scoring import METRICS, Marks

__all__ = ["Comparison", "by_axis", "compare", "summarise"]


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two systems on the same questions."""

    metric: str
    first: float
    second: float
    difference: Interval
    """First minus second, over the questions that the metric asks of both; of no width where all
    differences of marks that are not 0 or 1 are equal, and so nothing is known of it."""
    p_value: float
    test: str
    """`McNemar` where every mark is 0 or 1, else `sign flip`."""


def summarise(
    marks: Iterable[Marks],
    *,
    confidence: float = CONFIDENCE,
    resamples: int = RESAMPLES,
    seed: int = 0,
) -> dict[str, Interval]:
    """The mean of every metric that was asked, in the order of `METRICS`."""
    given = list(marks)
    summary = {}
    for metric in METRICS:
        values = [v for each in given if (v := each.values.get(metric)) is not None]
        interval = mean_interval(values, confidence=confidence, resamples=resamples, seed=seed)
        if interval is not None:
            summary[metric] = interval
    return summary


def by_axis(marks: Iterable[Marks], axis: str) -> list[tuple[Axis, list[Marks]]]:
    """Marks split by an axis, its values in order: truths, numbers, words, then none.

    What is no finite number counts as none.

    Raises:
        UsageError: no question has this axis.
    """
    given = list(marks)
    known = sorted({name for each in given for name in each.axes})
    if axis not in known:
        names = ", ".join(known) or "none"
        raise UsageError(f"no question has the field {axis!r}; the fields to split by are: {names}")
    groups: dict[tuple[int, Axis], list[Marks]] = {}
    for each in given:
        value = _finite(each.axes.get(axis))
        groups.setdefault((_kind(value), value), []).append(each)
    return [(value, groups[kind, value]) for kind, value in sorted(groups, key=_rank)]


def compare(
    first: Sequence[Marks],
    second: Sequence[Marks],
    metric: str,
    *,
    confidence: float = CONFIDENCE,
    resamples: int = RESAMPLES,
    seed: int = 0,
) -> Comparison | None:
    """How two systems differ by one metric, paired by question; None where it asks nothing of both.

    Raises:
        UsageError: the two were not asked the same questions.
    """
    pairs = _pairs(first, second, metric)
    if not pairs:
        return None
    differences = [a - b for a, b in pairs]
    binary = all(map(is_binary, pairs))
    interval = (
        paired_interval(differences, confidence=confidence)
        if binary
        else mean_interval(differences, confidence=confidence, resamples=resamples, seed=seed)
    )
    assert interval is not None, "there are differences"
    return Comparison(
        metric,
        first=sum(a for a, _ in pairs) / len(pairs),
        second=sum(b for _, b in pairs) / len(pairs),
        difference=interval,
        p_value=mcnemar(differences) if binary else sign_flip(differences, seed=seed),
        test="McNemar" if binary else "sign flip",
    )


def _pairs(
    first: Sequence[Marks], second: Sequence[Marks], metric: str
) -> list[tuple[float, float]]:
    others: Mapping[str, Marks] = {each.id: each for each in second}
    if {each.id for each in first} != others.keys():
        raise UsageError("the two systems were not asked the same questions; score both on one set")
    found = []
    for each in first:
        a, b = each.values.get(metric), others[each.id].values.get(metric)
        if a is not None and b is not None:
            found.append((a, b))
    return found


def _finite(value: Axis) -> Axis:
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _kind(value: Axis) -> int:
    """Truths are no numbers, though they equal 0 and 1."""
    if isinstance(value, bool):
        return 0
    if isinstance(value, int | float):
        return 1
    return 2 if isinstance(value, str) else 3


def _rank(group: tuple[int, Axis]) -> tuple[int, float, str]:
    kind, value = group
    if isinstance(value, str):
        return (kind, 0, value)
    return (kind, value or 0, "")
