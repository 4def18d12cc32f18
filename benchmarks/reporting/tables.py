"""Tables of one run: results by axis, what they took, paging, arithmetic, comparisons."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from statistics import median

from benchmarks.families import compared, mean_of
from benchmarks.models import READER
from benchmarks.reporting.blocks import Block, Heading, Paragraph, Table
from benchmarks.samples import Axis
from benchmarks.scoring import Scored, ScoredRun
from benchmarks.systems.registry import system_named
from docpager.errors import UsageError
from docpager.evaluation.intervals import Interval

__all__ = [
    "at_window",
    "by_axis",
    "comparison",
    "headline",
    "lines_of",
    "run_blocks",
    "shown_axes",
    "shown_windows",
    "values_of",
    "varied_axes",
    "written_interval",
]

MOST_COLUMNS = 12
_USUAL_WINDOW = 8_000
_TAKEN = "What it took (medians; the largest prompt with its reply; dollars are all together)"
_CUTTING = ("truncate", "equal-share")
"""Contestants of whom arithmetic tells what they can know."""
_COUNTS = ("faults", "refaults", "evicted", "released", "rebuilds", "refused_page_ins")


def run_blocks(run: ScoredRun) -> Iterator[Block]:
    """Everything about one run, in words and figures."""
    yield Heading(run.folder.name)
    yield Paragraph(headline(run))
    for axis, window in shown_axes(run):
        yield by_axis(run, axis, window)
    for window in shown_windows(run):
        yield _costs(run, window)
    yield from _paging(run)
    if run.record.task == "nested_kv":
        yield _arithmetic(run)
    if "docpager" in run.record.systems:
        yield comparison(run, first="docpager")
    yield from _left_out(run)


def lines_of(run: ScoredRun, system: str, window: Axis | None = None) -> list[Scored]:
    """The lines of one contestant, of all windows or of one."""
    own = (each for each in run.lines if each.line.system == system)
    return [each for each in own if window is None or each.line.window == window]


def shown_windows(run: ScoredRun) -> list[int | str]:
    """Windows of which details are shown: all of two, else 8,000 or the one in the middle."""
    windows = list(run.record.windows)
    if len(windows) <= 2:
        return windows
    return [_USUAL_WINDOW if _USUAL_WINDOW in windows else windows[len(windows) // 2]]


def shown_axes(run: ScoredRun) -> Iterator[tuple[str, Axis | None]]:
    """Each axis that is varied, once for each window that is shown: windows are not averaged."""
    for axis in varied_axes(run):
        for window in [None] if axis == "window" else shown_windows(run):
            yield axis, window


def at_window(run: ScoredRun, window: Axis | None) -> str:
    """What a title says of the window, where there are several."""
    return "" if window is None or len(run.record.windows) == 1 else f", window {window}"


def varied_axes(run: ScoredRun) -> list[str]:
    """Axes with more than one value, each split once; where data come from is no axis."""
    names = dict.fromkeys(n for each in run.lines for n in each.axes if n != "source")
    varied = [name for name in names if 1 < len(values_of(run, name)) <= MOST_COLUMNS]
    return [name for n, name in enumerate(varied) if not _same_split(run, name, varied[n + 1 :])]


def _same_split(run: ScoredRun, axis: str, later: Sequence[str]) -> bool:
    """Whether a later axis splits the questions as this one does."""
    values = len(values_of(run, axis))
    for other in later:
        pairs = {(each.axes.get(axis), each.axes.get(other)) for each in run.lines}
        if len(pairs) == values == len(values_of(run, other)):
            return True
    return False


def values_of(run: ScoredRun, axis: str) -> list[Axis]:
    """Its values, words before numbers."""
    found = {each.axes[axis] for each in run.lines if axis in each.axes}
    return sorted(found, key=lambda value: (isinstance(value, int), value))


def comparison(
    run: ScoredRun, *, first: str, by: str | None = None, metric: str | None = None
) -> Table:
    """A contestant against each other one, paired by question.

    Raises:
        UsageError: the run has no such contestant or metric.
    """
    chosen = metric or run.metrics[0]
    if chosen not in run.metrics or first not in run.record.systems:
        raise UsageError(
            f"{run.folder} has metrics {', '.join(run.metrics)} "
            f"and contestants {', '.join(run.record.systems)}"
        )
    rows = [
        row
        for system in run.record.systems
        for value in (values_of(run, by) if by else [None])
        if system != first and (row := _compared(run, first, system, chosen, by, value))
    ]
    header = [f"{first} against", first, "other", "difference", "p", "test", "n"]
    return Table(f"{chosen}, paired by question", header, rows)


def _compared(
    run: ScoredRun, first: str, other: str, metric: str, by: str | None, value: Axis | None
) -> list[str] | None:
    ours, theirs = (
        [e for e in lines_of(run, name) if by is None or e.axes.get(by) == value]
        for name in (first, other)
    )
    found = compared(ours, theirs, metric)
    if found is None:
        return None
    interval = found.difference
    return [
        other if by is None else f"{other}, {by} {value}",
        f"{found.first:.2f}",
        f"{found.second:.2f}",
        written_interval(interval, form="+.2f"),
        f"{found.p_value:.2g}",
        found.test,
        f"{interval.n}",
    ]


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
        "where all are equal."
    )


def by_axis(run: ScoredRun, axis: str, window: Axis | None) -> Table:
    """The first metric of every contestant, split by an axis."""
    values, metric, rows = values_of(run, axis), run.metrics[0], []
    for system in run.record.systems:
        own = lines_of(run, system, window)
        split = ([e for e in own if e.axes.get(axis) == value] for value in values)
        rows.append([_named(system), *(written_interval(mean_of(part, metric)) for part in split)])
    sizes = _sizes(lines_of(run, run.record.systems[0], window), axis, values)
    title = f"{metric} by {axis}{at_window(run, window)}"
    return Table(title, ["", *map(str, values)], [sizes, *rows])


def _sizes(own: Sequence[Scored], axis: str, values: Sequence[Axis]) -> list[str]:
    counts = [sum(each.axes.get(axis) == value for each in own) for value in values]
    return ["questions", *map(str, counts)]


def _named(system: str) -> str:
    remark = system_named(system).remark
    return f"{system} ({remark})" if remark else system


def written_interval(interval: Interval | None, *, form: str = ".2f") -> str:
    """A mean with its interval, as tables show it; alone where nothing is known of its width."""
    if interval is None:
        return "not run"
    if interval.low == interval.high:
        return f"{interval.mean:{form}}"
    return f"{interval.mean:{form}} [{interval.low:{form}}, {interval.high:{form}}]"


def _costs(run: ScoredRun, window: Axis) -> Table:
    header = ["", *run.metrics, "requests", "tokens in", "prompt + reply", "seconds", "dollars"]
    rows = []
    for system in run.record.systems:
        own = [each for each in lines_of(run, system, window) if each.was_run]
        if own:
            marks = [mean_of(own, metric) for metric in run.metrics]
            means = ["" if m is None else f"{m.mean:.2f}" for m in marks]
            rows.append([system, *means, *_taken(own)])
    return Table(_TAKEN, header, rows)


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


def _left_out(run: ScoredRun) -> Iterator[Block]:
    for status, title in (("not run", "Not run"), ("failed", "Failed")):
        found = {
            (each.line.system, each.line.answer.error): None
            for each in run.lines
            if each.line.answer.status == status
        }
        if found:
            reasons = "; ".join(f"{system}: {why}" for system, why in list(found)[:8])
            yield Paragraph(f"{title}: {reasons}.")
