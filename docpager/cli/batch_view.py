"""What a person sees of a batch: the plan, how it goes, and how it ended. All on stderr.

What a batch would take, and whether rounds pay: figures with their bands, for people.
"""

from __future__ import annotations

import asyncio
import sys
from collections import deque
from collections.abc import Callable, Collection, Coroutine, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from docpager.cli.live_view import EventLines, RunRow, clock, cut_line, event_lines
from docpager.cli.model_options import tell_free
from docpager.cli.progress import Machines
from docpager.cli.terminal import drawn_on, note, print_json, say
from docpager.core.passages import counted

if TYPE_CHECKING:
    from docpager.batch.batch_pricing import RoundsBill
    from docpager.batch.estimate import Band, Estimate
    from docpager.batch.progress import BatchReport
    from docpager.batch.session import Session
    from docpager.batch.settings import BatchSettings
    from docpager.run.driver import StepNow
    from docpager.run.preparation import PreparedModel

__all__ = [
    "BatchWatch",
    "batch_watch",
    "print_estimate",
    "progress_line",
    "tell_plan",
    "tell_report",
    "tell_rounds",
]

REFRESH_SECONDS = 0.5
LINE_SECONDS = 30.0
"""How often a line is printed where there is no terminal."""
MOST_ROWS = 5
"""Runs that are shown on a terminal, also on a tall one."""


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


class BatchWatch:
    """Shows how a batch goes while it is driven: the whole of it, and the runs under way."""

    def __init__(self, events: EventLines, *, quiet: bool, moving: bool) -> None:
        self._events = events
        self._quiet = quiet
        self._moving = moving
        self.machines = Machines(None)
        """Of the engine that answers questions, if one does."""
        self._rows: dict[str, RunRow] = {}
        self._places: list[str] = []

    def take(self, id: str, now: StepNow) -> None:
        """What the run of a question does now."""
        self._events.take(now, question=id)
        if self._moving:
            if id not in self._rows:
                self._rows[id] = RunRow(id)
            self._rows[id].take(now)

    @contextmanager
    def shown(self, session: Session) -> Iterator[None]:
        """Show it: kept up to date on a terminal, else a line now and then."""
        if self._quiet or not session.plan.tasks:
            yield
            return
        shown = self._drawn(session) if self._moving else _line_view(session, self.machines)
        with shown:
            yield

    def lines(self, session: Session, *, width: int, height: int) -> list[tuple[str, str]]:
        """What a terminal of this size shows, each line with its style."""
        running = session.progress.running
        for gone in self._rows.keys() - running.keys():
            del self._rows[gone]
        places = self._taken(running, min(MOST_ROWS, max(0, height - 4) // 2))
        told = batch_lines(session, there=self.machines.said())
        lines = list(zip(told, ("bold", "dim"), strict=True))
        for id in places:
            doing, *figures = self._rows[id].lines(width=width)
            lines += [(f"  {doing}", ""), *((f"  {line}", "dim") for line in figures)]
        if len(running) > len(places):
            lines.append((f"  and {len(running) - len(places):,} more under way", ""))
        return [(cut_line(line, width), style) for line, style in lines]

    def _taken(self, running: Collection[str], most: int) -> list[str]:
        """Whose rows are shown: each stays where it is until its run ends."""
        others = deque(id for id in running if id in self._rows and id not in self._places)
        places = [id if id in running else "" for id in self._places[:most]]
        places += [""] * (most - len(places))
        filled = [id or (others.popleft() if others else "") for id in places]
        self._places = list(filter(None, filled))
        return self._places

    @contextmanager
    def _drawn(self, session: Session) -> Iterator[None]:
        from rich.console import Console
        from rich.live import Live
        from rich.text import Text

        console = Console(stderr=True)

        def now() -> Text:
            lines = self.lines(session, width=console.width, height=console.height)
            shown = [Text(line, style=style) for line, style in lines]
            return Text("\n", no_wrap=True).join(shown)

        moving = Live(now(), console=console, auto_refresh=False, transient=True)
        with moving as live, drawn_on(console):

            async def tell() -> None:
                while True:
                    await asyncio.sleep(REFRESH_SECONDS)
                    live.update(now(), refresh=True)

            with _beside(tell()):
                yield


@contextmanager
def batch_watch(
    *, quiet: bool = False, verbose: bool = False, log: Path | None = None
) -> Iterator[BatchWatch]:
    """Shows the batch on a terminal; with `verbose` a line for each event instead, with `quiet`
    nothing. `log` takes a line for each.

    Raises:
        UsageError: the log cannot be written.
    """
    with event_lines(quiet=quiet, verbose=verbose, log=log) as events:
        moving = sys.stderr.isatty() and not quiet and not verbose
        yield BatchWatch(events, quiet=quiet, moving=moving)


def progress_line(session: Session, *, there: str = "") -> str:
    """How far the batch is, in one line."""
    lines = batch_lines(session, there=there)
    return f"{'; '.join(lines)}; {session.progress.faults:,} passages loaded"


def batch_lines(session: Session, *, there: str = "") -> list[str]:
    """How far the batch is, in two lines; `there` is what works on it."""
    progress, passed = session.progress, session.elapsed_seconds
    done = progress.kept + progress.ended - progress.failed
    left = progress.seconds_left(passed)
    cached = progress.cache_share if session.prepared.paid else None
    tokens = progress.usage.prompt_tokens + progress.usage.output_tokens
    first = [f"{done:,} of {progress.questions:,} done"]
    first += [f"{progress.failed:,} failed"] if progress.failed else []
    first += [clock(passed)] + ([] if left is None else [f"about {duration(left)} left"])
    second = [counted(progress.steps, "step")]
    second += [f"{tokens:,} tokens{f' ({cached:.0%} from cache)' if cached else ''}"]
    if session.prepared.paid:
        limit = session.settings.max_usd
        of = f" of {limit:g}" if limit is not None else ""
        second.append(f"${session.spending.usd.spent:.4f}{of}")
    second += [there] if there else []
    return [", ".join(first), ", ".join(second)]


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
def _line_view(session: Session, machines: Machines) -> Iterator[None]:
    async def tell() -> None:
        while True:
            await asyncio.sleep(LINE_SECONDS)
            note(progress_line(session, there=machines.said()))

    with _beside(tell()):
        yield


@contextmanager
def _beside(work: Coroutine[Any, Any, None]) -> Iterator[None]:
    task = asyncio.ensure_future(work)
    try:
        yield
    finally:
        task.cancel()


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
