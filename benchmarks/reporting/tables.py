"""Tables in Markdown: results by axis, paging, comparisons."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from statistics import median

from benchmarks.models import READER
from benchmarks.samples import Axis
from benchmarks.scoring import Scored, ScoredRun, mean_of
from benchmarks.systems.registry import system_named
from docpager.errors import UsageError
from docpager.evaluation.intervals import Interval
from docpager.evaluation.scoring import Marks
from docpager.evaluation.summary import compare

__all__ = ["comparison_table", "markdown", "paging_table", "run_tables"]

MOST_COLUMNS = 12


def run_tables(run: ScoredRun) -> str:
    """Everything about one run."""
    parts = [f"## {run.folder.name}", _headline(run)]
    parts += [_by_axis(run, axis) for axis in _varied(run)] or [_overall(run)]
    parts += [_costs(run), paging_table(run), _not_run(run)]
    return "\n\n".join(filter(None, parts)) + "\n"


def markdown(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table; the first column is text, the others are figures."""
    lines = [header, ["---", *["---:"] * (len(header) - 1)], *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _headline(run: ScoredRun) -> str:
    record = run.record
    who = f"{record.model}, which is not a language model" if _is_reader(run) else record.model
    axes = ", ".join(f"{a} {'/'.join(map(str, v))}" for a, v in record.axes.items())
    return (
        f"Task {record.task} ({axes}): {record.questions} questions, "
        f"{record.per_cell} for each cell, seed {record.seed}; reader: {who}; "
        f"windows {', '.join(map(str, record.windows))}; metric: {run.metrics[0]}; "
        f"docpager {record.version}, commit {record.commit}."
    )


def _is_reader(run: ScoredRun) -> bool:
    return run.record.model == READER


def _varied(run: ScoredRun) -> list[str]:
    """Axes with more than one value."""
    names = dict.fromkeys(name for each in run.lines for name in each.axes)
    return [name for name in names if 1 < len(_values(run, name)) <= MOST_COLUMNS]


def _values(run: ScoredRun, axis: str) -> list[Axis]:
    found = {each.axes[axis] for each in run.lines if axis in each.axes}
    return sorted(found, key=lambda value: (isinstance(value, int), value))


def _by_axis(run: ScoredRun, axis: str) -> str:
    values = _values(run, axis)
    rows = []
    for system in run.record.systems:
        own = [each for each in run.lines if each.line.system == system]
        means = [
            mean_of([e for e in own if e.axes.get(axis) == value], run.metrics[0])
            for value in values
        ]
        rows.append([_named(system), *map(_short, means)])
    return f"### {run.metrics[0]} by {axis}\n\n" + markdown(["", *map(str, values)], rows)


def _overall(run: ScoredRun) -> str:
    rows = [
        [_named(system), *(_short(mean_of(_of(run, system), m)) for m in run.metrics)]
        for system in run.record.systems
    ]
    return markdown(["", *run.metrics], rows)


def _of(run: ScoredRun, system: str) -> list[Scored]:
    return [each for each in run.lines if each.line.system == system]


def _named(system: str) -> str:
    remark = system_named(system).remark
    return f"{system} ({remark})" if remark else system


def _short(interval: Interval | None) -> str:
    """A mean with its 95 % bootstrap interval and n."""
    if interval is None:
        return "not run"
    figures = f"{interval.mean:.2f} [{interval.low:.2f}, {interval.high:.2f}]"
    return f"{figures} n={interval.n}"


def _costs(run: ScoredRun) -> str:
    header = ["", *run.metrics, "requests", "tokens in", "peak", "seconds", "dollars"]
    rows = []
    for system in run.record.systems:
        own = [each for each in _of(run, system) if each.was_run]
        if not own:
            continue
        answers = [each.line.answer for each in own]
        costs = [a.cost_usd for a in answers if a.cost_usd is not None]
        marks = [mean_of(own, metric) for metric in run.metrics]
        rows.append(
            [
                system,
                *("" if m is None else f"{m.mean:.2f}" for m in marks),
                f"{median(a.requests for a in answers):g}",
                f"{median(a.usage.prompt_tokens for a in answers):,.0f}",
                f"{max(a.peak_tokens for a in answers):,}",
                f"{median(e.line.seconds for e in own):.2f}",
                f"{sum(costs):.2f}" if len(costs) == len(answers) else "unknown",
            ]
        )
    title = "### What it took (medians of a question; peak is the largest, dollars are all)"
    return f"{title}\n\n" + markdown(header, rows)


def paging_table(run: ScoredRun) -> str:
    """Faults, refaults and rebuilds of the contestants that page."""
    names = ("faults", "refaults", "evicted", "released", "rebuilds", "refused_page_ins")
    rows, remarks = [], []
    for system in run.record.systems:
        for window in run.record.windows:
            own = [
                each.line.answer.paging
                for each in _of(run, system)
                if each.line.window == window and each.line.answer.paging
            ]
            if not own:
                continue
            belady = sum(p["belady_faults"] for p in own)
            ratio = sum(p["faults"] for p in own) / belady if belady else 1.0
            figures = [f"{median(p[name] for p in own):g}" for name in names]
            rows.append([f"{system}, {window}", *figures, f"{ratio:.2f}"])
            if not median(p["rebuilds"] for p in own):
                remarks.append(f"{system} at {window}")
    if not rows:
        return ""
    title = "### Paging (medians of a run; the last column is faults over farthest-next-use)"
    table = markdown(["", *names, "of Belady's"], rows)
    if remarks:
        table += (
            "\n\n**No evidence for paging:** the median run had no rebuild with "
            f"{'; '.join(remarks)}."
        )
    return f"{title}\n\n{table}"


def _not_run(run: ScoredRun) -> str:
    reasons = dict.fromkeys(
        f"{e.line.system}: {e.line.answer.error}" for e in run.lines if not e.was_run
    )
    failed = dict.fromkeys(
        f"{e.line.system}: {e.line.answer.error}"
        for e in run.lines
        if e.line.answer.status == "failed"
    )
    said = [f"Not run: {'; '.join(list(reasons)[:8])}."] if reasons else []
    said += [f"Failed: {'; '.join(list(failed)[:8])}."] if failed else []
    return "\n\n".join(said)


def comparison_table(
    run: ScoredRun, *, first: str, by: str | None = None, metric: str | None = None
) -> str:
    """A contestant against each other one, paired by question and window."""
    chosen = metric or run.metrics[0]
    if chosen not in run.metrics or first not in run.record.systems:
        raise UsageError(
            f"{run.folder} has metrics {', '.join(run.metrics)} "
            f"and contestants {', '.join(run.record.systems)}"
        )
    rows = []
    for system in run.record.systems:
        for value in _values(run, by) if by else [None]:
            own, other = (
                [_marks(e) for e in _of(run, name) if by is None or e.axes.get(by) == value]
                for name in (first, system)
            )
            found = None if system == first else compare(own, other, chosen)
            if found is not None:
                difference = found.difference
                rows.append(
                    [
                        system if by is None else f"{system}, {by} {value}",
                        f"{found.first:.2f}",
                        f"{found.second:.2f}",
                        f"{difference.mean:+.2f} [{difference.low:+.2f}, {difference.high:+.2f}]",
                        f"{found.p_value:.4f}",
                        found.test,
                        f"{difference.n}",
                    ]
                )
    header = [f"{first} against", first, "other", "difference", "p", "test", "n"]
    return f"### {run.folder.name}: {chosen}, paired\n\n" + markdown(header, rows)


def _marks(each: Scored) -> Marks:
    values = each.marks if each.was_run else dict.fromkeys(each.marks)
    return Marks("/".join((each.line.key[0], each.line.key[2])), values, each.axes)
