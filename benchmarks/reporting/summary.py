"""All runs in one table: docpager beside the best of each kind of contestant."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from statistics import median

from benchmarks.families import mean_of
from benchmarks.reporting.blocks import Block, Paragraph, Table
from benchmarks.reporting.cells import written_interval
from benchmarks.reporting.slices import lines_of
from benchmarks.samples import Axis
from benchmarks.scoring import ScoredRun
from docpager.evaluation.intervals import Interval

__all__ = ["summary_blocks"]

FIRST = "docpager"
KINDS = {
    "truncated": ("truncate-head", "truncate-tail", "truncate-both"),
    "equal share": ("equal-share", "equal-share-characters"),
    "retrieved once": ("retrieve-once",),
    "retrieved once, equal tokens": ("retrieve-once:tokens=docpager",),
    "read window by window": ("sliding-notes", "map-reduce", "refine"),
    "files with grep": ("files-grep",),
    "whole text": ("whole-text",),
}
"""Contestants by kind; the best of each is shown, which flatters those with several."""

_EXPLAINED = (
    "Means, the best of a row in bold; docpager with its 95 % interval, the others the best of "
    "their kind among those that were run on all of docpager's questions, whole text in its own "
    "window of 1,000,000 tokens; n: questions; rebuilds and refaults: medians of docpager's runs. "
    "Without a rebuild a row says nothing about paging."
)


def summary_blocks(runs: Sequence[ScoredRun]) -> Iterator[Block]:
    """One row for each run and window that docpager and another contestant took part in."""
    rows = [row for run in runs for window in run.record.windows if (row := _row(run, window))]
    header = ["", "metric", "n", FIRST, *KINDS, "rebuilds", "refaults"]
    yield Paragraph(_EXPLAINED)
    yield Table("Summary", header, rows)


def _row(run: ScoredRun, window: Axis) -> list[str] | None:
    ours = _mean(run, FIRST, window)
    best = {kind: _best(run, names, window) for kind, names in KINDS.items()}
    if ours is None or not any(best.values()):
        return None
    paging = [each.line.answer.paging for each in lines_of(run, FIRST, window)]
    counts = (median(p.get(name, 0) for p in paging) for name in ("rebuilds", "refaults"))
    leading = max(each.mean for each in (ours, *best.values()) if each is not None)
    return [
        f"{run.folder.name}, {window}",
        run.metrics[0],
        f"{ours.n}",
        _shown(written_interval(ours), ours, leading),
        *("" if b is None else _shown(f"{b.mean:.2f}", b, leading) for b in best.values()),
        *(f"{count:g}" for count in counts),
    ]


def _best(run: ScoredRun, names: Iterable[str], window: Axis) -> Interval | None:
    whole = (name for name in names if _asked(run, FIRST, window) <= _asked(run, name, window))
    found = [mean for name in whole if (mean := _mean(run, name, window)) is not None]
    return max(found, key=lambda each: each.mean, default=None)


def _asked(run: ScoredRun, name: str, window: Axis) -> set[str]:
    """The questions that a contestant was run on."""
    return {each.line.question_id for each in lines_of(run, name, window) if each.was_run}


def _mean(run: ScoredRun, name: str, window: Axis) -> Interval | None:
    own = [each for each in lines_of(run, name, window) if each.was_run]
    return mean_of(own, run.metrics[0]) if own else None


def _shown(written: str, mean: Interval, leading: float) -> str:
    return f"**{written}**" if round(mean.mean, 2) == round(leading, 2) else written
