"""Tables of one run: results by axis, what they took, paging, arithmetic, comparisons."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from statistics import median

from benchmarks.families import mean_of
from benchmarks.models import READER
from benchmarks.reporting.blocks import Block, HeadingBlock, Paragraph, Table
from benchmarks.reporting.comparisons import comparisons
from benchmarks.reporting.slices import (
    at_window,
    left_out,
    lines_of,
    shown_axes,
    shown_windows,
    values_of,
    written_interval,
    written_mean,
)
from benchmarks.samples import Axis
from benchmarks.scoring import Scored, ScoredRun
from benchmarks.systems.registry import system_named

__all__ = ["by_axis", "headline", "run_blocks"]

_TAKEN = "medians; the largest prompt with its reply; dollars are all together"
_CUTTING = ("truncate", "equal-share")
"""Systems of whom arithmetic tells what they can know."""
_COUNTS = ("faults", "refaults", "evicted", "released", "rebuilds", "refused_page_ins")


def run_blocks(run: ScoredRun) -> Iterator[Block]:
    """Everything about one run, in words and figures."""
    yield HeadingBlock(run.folder.name)
    yield Paragraph(headline(run))
    for axis, window in shown_axes(run):
        yield by_axis(run, axis, window)
    for window in shown_windows(run):
        yield _costs(run, window)
    yield from _paging(run)
    if run.record.task == "nested_kv":
        yield _arithmetic(run)
    if "docpager" in run.record.systems:
        yield from comparisons(run, first="docpager")
    yield from left_out(run)


def headline(run: ScoredRun) -> str:
    """What was asked of whom, with what, in a sentence."""
    record = run.record
    is_reader = record.model == READER
    who = f"{record.model}, which is not a language model" if is_reader else record.model
    axes = ", ".join(f"{a} {'/'.join(map(str, v))}" for a, v in record.axes.items())
    return (
        f"Task {record.task}{f' ({axes})' if axes else ''}: {record.questions} questions, at most "
        f"{record.per_cell} for each cell, seed {record.seed}; reader: {who}; "
        f"windows {', '.join(map(str, record.windows))}; docpager {record.version}, "
        f"commit {record.commit}, {record.started[:10]}. Intervals are 95 %: "
        "exact binomial where all marks are 0 or 1 (Clopper and Pearson), of differences between "
        "such marks by Tango's score, corrected as McNemar's; else bootstrapped, and not shown "
        "where all are equal. Questions about the same document are treated as independent."
    )


def by_axis(run: ScoredRun, axis: str, window: Axis | None) -> Table:
    """The first metric of every system, split by an axis."""
    values, metric, rows = values_of(run, axis), run.metrics[0], []
    sizes = _sizes(run, axis, window)
    for system in run.record.systems:
        own = lines_of(run, system, window)
        means = (mean_of([e for e in own if e.axes.get(axis) == v], metric) for v in values)
        cells = (written_interval(m, usual=n) for m, n in zip(means, sizes, strict=True))
        rows.append([_named(system), *cells])
    title = f"{metric} by {axis}{at_window(run, window)}"
    return Table(title, ["", *map(str, values)], [["questions", *map(str, sizes)], *rows])


def _sizes(run: ScoredRun, axis: str, window: Axis | None) -> list[int]:
    """Questions at each value of an axis; those of one family are one."""
    own = lines_of(run, run.record.systems[0], window)
    return [
        len({each.family for each in own if each.axes.get(axis) == value})
        for value in values_of(run, axis)
    ]


def _named(system: str) -> str:
    remark = system_named(system).remark
    return f"{system} ({remark})" if remark else system


def _costs(run: ScoredRun, window: Axis) -> Table:
    taken = ("requests", "tokens in", "prompt + reply", "seconds", "dollars")
    header = ["", *run.metrics, "n", *taken]
    rows = []
    for system in run.record.systems:
        own = [each for each in lines_of(run, system, window) if each.was_run]
        if own:
            means = [mean_of(own, metric) for metric in run.metrics]
            n = means[0].n if means[0] else 0
            rows.append([system, *(written_mean(m, usual=n) for m in means), f"{n}", *_taken(own)])
    return Table(f"What it took{at_window(run, window)} ({_TAKEN})", header, rows)


def _taken(own: Sequence[Scored]) -> list[str]:
    answers = [each.line.answer for each in own]
    costs = [answer.cost_usd for answer in answers]
    return [
        f"{median(answer.requests for answer in answers):g}",
        f"{median(answer.usage.prompt_tokens for answer in answers):,.0f}",
        f"{max(answer.peak_tokens for answer in answers):,}",
        f"{median(each.line.seconds for each in own):.2f}",
        "unknown" if None in costs else f"{sum(filter(None, costs)):.2f}",
    ]


def _paging(run: ScoredRun) -> Iterator[Block]:
    rows, unproved = [], []
    for system in run.record.systems:
        for window in run.record.windows:
            own = [
                each.line.answer.paging
                for each in lines_of(run, system)
                if each.line.window == window and each.line.answer.paging
            ]
            if own:
                name = f"{system}, {window}"
                rows.append([name, *_paged(own)])
                unproved += [] if median(p["rebuilds"] for p in own) else [name]
    if rows:
        header = ["", *_COUNTS, "of farthest-next-use"]
        yield Table("Paging (medians of a run; the last column is a ratio of faults)", header, rows)
    if unproved:
        yield Paragraph(
            f"No evidence for paging: the median run had no rebuild with {'; '.join(unproved)}.",
            loud=True,
        )


def _paged(own: Sequence[Mapping[str, float]]) -> list[str]:
    best = sum(paging["belady_faults"] for paging in own)
    ratio = sum(paging["faults"] for paging in own) / best if best else 1.0
    return [*(f"{median(p[name] for p in own):g}" for name in _COUNTS), f"{ratio:.2f}"]


def _arithmetic(run: ScoredRun) -> Table:
    """What the share of the text that was kept lets one expect of a chain of links."""
    rows = []
    for system in run.record.systems:
        own = [each for each in lines_of(run, system) if each.was_run]
        if own and system.startswith(_CUTTING):
            expected = sum(map(_expected, own)) / len(own)
            whole = sum(each.marks["evidence_seen"] == 1.0 for each in own) / len(own)
            exact = sum(each.marks["exact"] or 0.0 for each in own) / len(own)
            rows.append([system, f"{expected:.2f}", f"{whole:.2f}", f"{exact:.2f}"])
    header = ["", "share kept ^ links", "all links kept", "exact"]
    return Table("What arithmetic predicts, means over all questions and windows", header, rows)


def _expected(each: Scored) -> float:
    kept = sum(shown.end - shown.start for shown in each.line.answer.shown)
    share = min(1.0, kept / (80 * int(each.axes["pairs"])))
    return float(share ** (int(each.axes["nesting"]) + 1))
