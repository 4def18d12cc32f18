"""A run in one table for each window: what each contestant got, what it took, how it paged."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from statistics import median

from benchmarks.families import compared, mean_of
from benchmarks.reporting.blocks import Block, Heading, Paragraph, Table
from benchmarks.reporting.tables import (
    at_window,
    by_axis,
    headline,
    lines_of,
    shown_windows,
    written_interval,
)
from benchmarks.samples import Axis
from benchmarks.scoring import Scored, ScoredRun

__all__ = ["brief_blocks"]

FIRST = "docpager"


def brief_blocks(run: ScoredRun) -> Iterator[Block]:
    """What fits on a page: the tables that `benchmarks/README.md` shows."""
    yield Heading(run.folder.name, 3)
    yield Paragraph(headline(run))
    for window in shown_windows(run):
        yield _at_a_glance(run, window)
    if len(run.record.windows) > 2:
        yield by_axis(run, "window", None)


def _at_a_glance(run: ScoredRun, window: Axis) -> Table:
    header = ["", *run.metrics, "p", "n", "tokens in", "rebuilds", "refaults"]
    ours = lines_of(run, FIRST, window)
    rows = []
    for system in run.record.systems:
        own = lines_of(run, system, window)
        if any(each.was_run for each in own):
            rows.append([system, *_row(run, own, ours)])
    title = (
        f"{run.record.task}{at_window(run, window)} (means; p of a paired test against {FIRST} by "
        f"{run.metrics[0]}; n: questions; tokens in, rebuilds, refaults: medians)"
    )
    return Table(title, header, rows)


def _row(run: ScoredRun, own: Sequence[Scored], ours: Sequence[Scored]) -> list[str]:
    answers = [each.line.answer for each in own if each.was_run]
    paging = [answer.paging for answer in answers if answer.paging]
    first, *others = (mean_of(own, metric) for metric in run.metrics)
    return [
        "" if first is None else written_interval(first),
        *("" if each is None else f"{each.mean:.2f}" for each in others),
        _p_value(run, own, ours),
        f"{first.n}" if first else "",
        f"{median(answer.usage.prompt_tokens for answer in answers):,.0f}",
        *(
            f"{median(each[name] for each in paging):g}" if paging else ""
            for name in ("rebuilds", "refaults")
        ),
    ]


def _p_value(run: ScoredRun, own: Sequence[Scored], ours: Sequence[Scored]) -> str:
    if not ours or own[0].line.system == FIRST:
        return ""
    found = compared(ours, own, run.metrics[0])
    return "" if found is None else f"{found.p_value:.2g}"
