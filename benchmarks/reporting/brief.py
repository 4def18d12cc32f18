"""A run in one table for each window: what each contestant got, what it took, how it paged."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from statistics import median

from benchmarks.families import compared, holm, mean_of
from benchmarks.reporting.blocks import Block, Heading, Paragraph, Table
from benchmarks.reporting.cells import written_interval, written_mean
from benchmarks.reporting.left_out import left_out
from benchmarks.reporting.slices import at_window, lines_of, shown_windows
from benchmarks.reporting.tables import by_axis, headline
from benchmarks.samples import Axis
from benchmarks.scoring import Scored, ScoredRun

__all__ = ["brief_blocks"]

LEADER = "docpager"


def brief_blocks(run: ScoredRun) -> Iterator[Block]:
    """What fits on a page: the tables that `benchmarks/README.md` shows."""
    yield Heading(run.folder.name, 3)
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
        f"{run.metrics[0]}, alone and corrected for the number of contestants; n: questions, also "
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
    """Of every other contestant against the first: as if alone, and corrected for them all."""
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
