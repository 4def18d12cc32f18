"""All runs in one table: docpager beside the best of each kind of system.

A run in one table for each window: what each system got, what it took, how it paged.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from statistics import median

from benchmarks.families import compared, holm, mean_of
from benchmarks.reporting.blocks import Block, HeadingBlock, Paragraph, Table
from benchmarks.reporting.slices import (
    at_window,
    left_out,
    lines_of,
    shown_windows,
    written_interval,
    written_mean,
)
from benchmarks.reporting.tables import by_axis, headline
from benchmarks.samples import Axis
from benchmarks.scoring import Scored, ScoredRun
from docpager.evaluation.intervals import Interval

__all__ = ["brief_blocks", "summary_blocks"]

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
"""Systems by kind; the best of each is shown, which flatters those with several."""

_EXPLAINED = (
    "Means, the best of a row in bold; docpager with its 95 % interval, the others the best of "
    "their kind among those that were run on all of docpager's questions, whole text in its own "
    "window of 1,000,000 tokens; n: questions; rebuilds and refaults: medians of docpager's runs. "
    "Without a rebuild a row says nothing about paging."
)


def summary_blocks(runs: Sequence[ScoredRun]) -> Iterator[Block]:
    """One row for each run and window that docpager and another system took part in."""
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
    """The questions that a system was run on."""
    return {each.line.question_id for each in lines_of(run, name, window) if each.was_run}


def _mean(run: ScoredRun, name: str, window: Axis) -> Interval | None:
    own = [each for each in lines_of(run, name, window) if each.was_run]
    return mean_of(own, run.metrics[0]) if own else None


def _shown(written: str, mean: Interval, leading: float) -> str:
    return f"**{written}**" if round(mean.mean, 2) == round(leading, 2) else written


LEADER = "docpager"


def brief_blocks(run: ScoredRun) -> Iterator[Block]:
    """What fits on a page: the tables that `benchmarks/README.md` shows."""
    yield HeadingBlock(run.folder.name, 3)
    yield Paragraph(headline(run))
    yield from left_out(run)
    for window in shown_windows(run):
        yield _at_a_glance(run, window)
        yield from _unproved(run, window)
    if len(run.record.windows) > 2:
        yield by_axis(run, "window", None)


def _unproved(run: ScoredRun, window: Axis) -> Iterator[Block]:
    """That a table is no evidence for paging, where the median run of docpager had no rebuild."""
    paging = [each.line.answer.paging for each in lines_of(run, LEADER, window) if each.was_run]
    if paging and not median(each.get("rebuilds", 0) for each in paging):
        yield Paragraph("No evidence for paging: docpager's median run had no rebuild.", loud=True)


def _at_a_glance(run: ScoredRun, window: Axis) -> Table:
    header = ["", *run.metrics, "p", "Holm", "n", "tokens in", "rebuilds", "refaults"]
    lines = {system: lines_of(run, system, window) for system in run.record.systems}
    lines = {name: own for name, own in lines.items() if any(each.was_run for each in own)}
    tests = _p_values(run, lines)
    rows = [
        [system, *_brief_row(run, own, tests.get(system, ("", "")))]
        for system, own in lines.items()
    ]
    title = (
        f"{run.record.task}{at_window(run, window)} (means; p of a paired test against {LEADER} by "
        f"{run.metrics[0]}, alone and corrected for the number of systems; n: questions, also "
        "beside a mean over fewer; tokens in, rebuilds, refaults: medians)"
    )
    return Table(title, header, rows)


def _brief_row(run: ScoredRun, own: Sequence[Scored], tests: tuple[str, str]) -> list[str]:
    answers = [each.line.answer for each in own if each.was_run]
    paging = [answer.paging for answer in answers if answer.paging]
    first, *others = (mean_of(own, metric) for metric in run.metrics)
    return [
        "" if first is None else written_interval(first),
        *(written_mean(each, usual=first.n if first else None) for each in others),
        *tests,
        f"{first.n}" if first else "",
        f"{median(answer.usage.prompt_tokens for answer in answers):,.0f}",
        *(
            f"{median(each[name] for each in paging):g}" if paging else ""
            for name in ("rebuilds", "refaults")
        ),
    ]


def _p_values(
    run: ScoredRun, lines: Mapping[str, Sequence[Scored]]
) -> Mapping[str, tuple[str, str]]:
    """Of every other system against the first: as if alone, and corrected for them all."""
    ours = lines.get(LEADER)
    others = (name for name in lines if name != LEADER)
    found = {
        name: test.p_value
        for name in others
        if ours and (test := compared(ours, lines[name], run.metrics[0])) is not None
    }
    corrected = holm(list(found.values()))
    return {
        name: (f"{p:.2g}", f"{q:.2g}")
        for (name, p), q in zip(found.items(), corrected, strict=True)
    }
