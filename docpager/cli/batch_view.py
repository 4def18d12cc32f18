"""What a person sees of a batch: the plan, how it goes, and how it ended. All on stderr.

What a batch would take, and whether rounds pay: figures with their bands, for people.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable, Coroutine, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from docpager.cli.model_options import tell_free
from docpager.cli.terminal import drawn_on, note, print_json, say, visible
from docpager.core.passages import counted

if TYPE_CHECKING:
    from rich.table import Table
    from rich.text import Text

    from docpager.batch.batch_pricing import RoundsBill
    from docpager.batch.estimate import Band, Estimate
    from docpager.batch.progress import BatchReport
    from docpager.batch.session import Session
    from docpager.batch.settings import BatchSettings
    from docpager.run.preparation import PreparedModel

__all__ = [
    "live_view",
    "print_estimate",
    "progress_line",
    "shown_at",
    "tell_plan",
    "tell_report",
    "tell_rounds",
]

REFRESH_SECONDS = 0.5
LINE_SECONDS = 30.0
"""How often a line is printed where there is no terminal."""
_PADDING = 2
_LEFT_OUT_FIRST = "passages loaded"
"""Page faults, in the words of the trace."""
_SINGULAR = {"steps": "step", "tokens": "token", _LEFT_OUT_FIRST: "passage loaded"}


def tell_plan(session: Session) -> None:
    """Say what is to be done, with which model and within which limits."""
    plan, prepared, settings = session.plan, session.prepared, session.settings
    parts = [f"{counted(len(plan.tasks), 'question')} to ask"]
    if plan.begun:
        parts.append(
            f"{plan.begun:,} of them {'was' if plan.begun == 1 else 'were'} started before"
        )
    if plan.kept:
        parts.append(f"{counted(plan.kept, 'answer')} kept")
    if plan.failed_before:
        parts.append(f"{plan.failed_before:,} of these failed (--retry-failed asks them again)")
    note("; ".join(parts))
    name = prepared.model.name
    if prepared.paid:
        limit = f"stops at ${settings.max_usd:g} (--max-usd)" if settings.max_usd else "no limit"
        spent = (
            f", ${session.spending.usd.spent:.4f} of it spent" if session.spending.usd.spent else ""
        )
        note(f"model: {name}; {limit}{spent}; a call costs at most ${prepared.worst_call_usd:.4f}")
    elif prepared.price is None:
        note(f"model: {name}; its price is not known: dollars are neither counted nor limited")
    else:
        tell_free(name)


@contextmanager
def live_view(session: Session) -> Iterator[None]:
    """Show how far the batch is: kept up to date on a terminal, else a line now and then."""
    if not session.plan.tasks:
        yield
        return
    show = _fresh_view if sys.stderr.isatty() else _line_view
    with show(session):
        yield


def progress_line(session: Session) -> str:
    """How far the batch is, in one line."""
    return _in_line(_figures(session))


def shown_at(width: int, session: Session) -> Table | Text:
    """How far the batch is, as a table if it is not wider than `width`, else as a line."""
    from rich.text import Text

    figures = _figures(session)
    fewer = [each for each in figures if each[0] != _LEFT_OUT_FIRST]
    for some in (figures, fewer):
        if sum(max(map(len, each)) + 2 * _PADDING for each in some) <= width:
            return _table(some)
    return Text(_in_line(fewer))


def tell_report(report: BatchReport) -> None:
    """Say how the session ended, what failed and why, and how to go on."""
    counts = {
        "answered": report.answered,
        "unsupported": report.unsupported,
        "abstained": report.abstained,
        "stopped": report.stopped,
        "failed": report.failed,
        "kept from before": report.kept,
        "interrupted": report.parked,
        "not started": report.waiting,
    }
    shown = ", ".join(f"{count:,} {name}" for name, count in counts.items() if count)
    usd = "" if not report.usd else f"; ${report.usd:.4f} in all"
    steps = counted(report.steps, "step")
    note(f"{shown or 'nothing to do'}; {steps} in {report.seconds:,.0f} s{usd}")
    for id, reason in report.failures:
        note(f"  {id}: {reason}")
    missed = report.failed + report.stopped + report.unsupported
    more = missed - len(report.failures)
    if more > 0:
        note(f"  and {more:,} more")
    if report.why_stopped:
        how = " with a higher limit" if report.limit_reached else ""
        note(f"not finished: {report.why_stopped}; run the same command again{how} to continue")
    elif missed:
        note("run the same command with --retry-failed to ask what failed again")


@contextmanager
def _line_view(session: Session) -> Iterator[None]:
    async def tell() -> None:
        while True:
            await asyncio.sleep(LINE_SECONDS)
            note(progress_line(session))

    with _beside(tell()):
        yield


@contextmanager
def _fresh_view(session: Session) -> Iterator[None]:
    from rich.console import Console
    from rich.live import Live

    console = Console(stderr=True)
    first = shown_at(console.width, session)
    moving = Live(first, console=console, auto_refresh=False, transient=True)
    with moving as live, drawn_on(console):

        async def tell() -> None:
            while True:
                await asyncio.sleep(REFRESH_SECONDS)
                live.update(shown_at(console.width, session), refresh=True)

        with _beside(tell()):
            yield


@contextmanager
def _beside(work: Coroutine[Any, Any, None]) -> Iterator[None]:
    task = asyncio.ensure_future(work)
    try:
        yield
    finally:
        task.cancel()


def _table(figures: Sequence[tuple[str, str]]) -> Table:
    from rich.table import Table

    table = Table(box=None, padding=(0, _PADDING), show_header=True)
    for name, _ in figures:
        table.add_column(name, justify="right")
    table.add_row(*(visible(value) for _, value in figures))
    return table


def _in_line(figures: Sequence[tuple[str, str]]) -> str:
    return " · ".join(
        f"{value} {_SINGULAR.get(name, name) if value == '1' else name}" for name, value in figures
    )


def _figures(session: Session) -> list[tuple[str, str]]:
    progress = session.progress
    figures = [
        ("done", f"{progress.kept + progress.ended - progress.failed:,} of {progress.questions:,}"),
        ("failed", f"{progress.failed:,}"),
        ("steps", f"{progress.steps:,}"),
        ("tokens", f"{progress.usage.prompt_tokens + progress.usage.output_tokens:,}"),
    ]
    if session.prepared.paid:
        limit = session.settings.max_usd
        of = f" of {limit:g}" if limit is not None else ""
        figures.append(("spent", f"${session.spending.usd.spent:.4f}{of}"))
        share = progress.cache_share
        figures.append(("from cache", "-" if share is None else f"{share:.0%}"))
    figures.append((_LEFT_OUT_FIRST, f"{progress.faults:,}"))
    left = progress.seconds_left(session.elapsed_seconds)
    figures.append(("left", "-" if left is None else duration(left)))
    return figures


def duration(seconds: float) -> str:
    """`45 s`, `12 min` or `3.5 h`."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"


def print_estimate(
    estimate: Estimate, prepared: PreparedModel, settings: BatchSettings, *, as_json: bool
) -> None:
    """Print what is still to be taken."""
    if as_json:
        print_json({"model": prepared.model.name, **asdict(estimate)})
        return
    if not estimate.questions:
        say("0 questions to ask: each has its answer line")
        return
    way = "in rounds" if settings.by_batches else f"live, {settings.live_places} at once"
    say(f"{counted(estimate.questions, 'question')}, {prepared.model.name}, {way} (estimated)")
    say(f"  steps   {_written(estimate.steps, _count)}")
    say(f"  prompt  {_written(estimate.prompt_tokens, _count)} tokens")
    say(f"  output  {_written(estimate.output_tokens, _count)} tokens")
    if estimate.usd is None:
        say("  dollars unknown: no price for this model (--prices FILE)")
    else:
        say(f"  dollars {_written(estimate.usd, _usd)}")
    say(f"  time    {_written(estimate.seconds, duration)}")
    say(f"from {estimate.source}")
    limit = settings.max_usd
    if estimate.usd is not None and limit is not None and estimate.usd.likely > limit:
        say(f"--max-usd {limit:g} stops it before the end")
    if estimate.rounds is not None and settings.by_batches:
        tell_rounds(estimate.rounds)


def tell_rounds(bill: RoundsBill) -> None:
    """Say what rounds cost beside live runs, and why."""
    caching = (
        f"cached for an hour, {bill.hit_rate:.0%} expected to hit" if bill.cached else "not cached"
    )
    band = f" ({bill.low:.2f} to {bill.high:.2f} depending on cache hits)" if bill.cached else ""
    note(
        f"rounds: about {bill.ratio:.2f} of the live bill{band}, at {bill.steps:.1f} steps a "
        f"question, {caching}"
    )
    if bill.dearer:
        note("live is expected to be cheaper: its steps read the cache that rounds cannot rely on")


def _written(band: Band, shown: Callable[[float], str]) -> str:
    return f"{shown(band.likely)} ({shown(band.low)} to {shown(band.high)})"


def _count(figure: float) -> str:
    return f"{figure:,.0f}"


def _usd(figure: float) -> str:
    return f"${figure:,.2f}"
