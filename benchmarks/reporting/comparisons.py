"""One system against each other one, paired by question: one table for each window."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from statistics import median

from benchmarks.families import compared, holm, run_by_both
from benchmarks.reporting.blocks import Block, Paragraph, Table
from benchmarks.reporting.slices import at_window, lines_of, values_of, written_interval
from benchmarks.samples import Axis
from benchmarks.scoring import Scored, ScoredRun
from docpager.core.errors import UsageError
from docpager.evaluation.summary import Comparison

__all__ = ["comparisons"]


def comparisons(
    run: ScoredRun, *, first: str, by: str | None = None, metric: str | None = None
) -> list[Block]:
    """A system against each other one, at each window, or for each value of an axis.

    Raises:
        UsageError: the run has no such system, metric or axis.
    """
    chosen = metric or run.metrics[0]
    _check(run, first, by, chosen)
    windows = [None] if by == "window" else run.record.windows
    return [
        block
        for window in windows
        for block in _at(run, window, _pairs(run, window, first, by, chosen), first, chosen)
    ]


@dataclass(frozen=True, slots=True)
class _Pair:
    """Two systems on one part of the questions."""

    other: str
    part: str
    """Value of an axis, where the run is split."""
    found: Comparison
    pager: str
    """Which of the two pages; empty where neither does."""
    rebuilds: float
    refaults: float
    """Medians of its runs."""


def _check(run: ScoredRun, first: str, by: str | None, metric: str) -> None:
    if metric not in run.metrics or first not in run.record.systems:
        raise UsageError(
            f"{run.folder} has metrics {', '.join(run.metrics)} "
            f"and systems {', '.join(run.record.systems)}"
        )
    axes = sorted({name for each in run.lines for name in each.axes})
    if by is not None and by not in axes:
        raise UsageError(f"{run.folder} has no axis {by!r}; its axes are {', '.join(axes)}")


def _pairs(
    run: ScoredRun, window: Axis | None, first: str, by: str | None, metric: str
) -> Iterator[_Pair]:
    for other in run.record.systems:
        for value in values_of(run, by) if by else [None]:
            ours, theirs = (
                [e for e in lines_of(run, name, window) if by is None or e.axes.get(by) == value]
                for name in (first, other)
            )
            found = compared(ours, theirs, metric) if other != first else None
            if found is not None:
                part = "" if by is None else f"{by} {value}"
                yield _Pair(other, part, found, *_paging(*run_by_both(ours, theirs)))


def _paging(ours: Sequence[Scored], theirs: Sequence[Scored]) -> tuple[str, float, float]:
    """Who pages, and how often in the median."""
    for lines in (ours, theirs):
        if paging := [each.line.answer.paging for each in lines if each.line.answer.paging]:
            counts = (median(p.get(name, 0) for p in paging) for name in ("rebuilds", "refaults"))
            return (lines[0].line.system, *counts)  # type: ignore[return-value]
    return "", 0, 0


def _at(
    run: ScoredRun, window: Axis | None, pairs: Iterator[_Pair], first: str, metric: str
) -> Iterator[Block]:
    shown = list(pairs)
    corrected = holm([each.found.p_value for each in shown])
    header = [
        *(f"{first} against", first, "other", "difference", "p", "Holm", "test", "n"),
        *("rebuilds", "refaults"),
    ]
    title = (
        f"{metric}, paired by question{at_window(run, window)} (Holm: p corrected for the number "
        "of rows; n: questions; rebuilds, refaults: medians of who pages)"
    )
    yield Table(title, header, [_row(*each) for each in zip(shown, corrected, strict=True)])
    yield from _unproved(shown)


def _row(pair: _Pair, corrected: float) -> list[str]:
    found = pair.found
    return [
        f"{pair.other}, {pair.part}" if pair.part else pair.other,
        f"{found.first:.2f}",
        f"{found.second:.2f}",
        written_interval(found.difference, form="+.2f"),
        f"{found.p_value:.2g}",
        f"{corrected:.2g}",
        found.test,
        f"{found.difference.n}",
        *(f"{count:g}" if pair.pager else "" for count in (pair.rebuilds, pair.refaults)),
    ]


def _unproved(pairs: Sequence[_Pair]) -> Iterator[Block]:
    """That rows are no evidence for paging, where the median run of who pages had no rebuild."""
    for pager in dict.fromkeys(each.pager for each in pairs if each.pager):
        own = [each for each in pairs if each.pager == pager]
        without = [each for each in own if not each.rebuilds]
        parts = dict.fromkeys(each.part or f"questions of {each.other}" for each in without)
        where = "" if len(without) == len(own) else f" on {'; '.join(parts)}"
        if without:
            yield Paragraph(
                f"No evidence for paging: {pager}'s median run had no rebuild{where}.", loud=True
            )
