"""What a batch would take, and whether rounds pay: figures with their bands, for people."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from typing import TYPE_CHECKING

from docpager.cli.batch_view import duration
from docpager.cli.terminal import note, print_json, say
from docpager.core.passages import counted

if TYPE_CHECKING:
    from docpager.batch.batch_pricing import RoundsBill
    from docpager.batch.estimate import Band, Estimate
    from docpager.batch.settings import BatchSettings
    from docpager.run.service import PreparedModel

__all__ = ["print_estimate", "tell_rounds"]


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
    band = f" ({bill.low:.2f} to {bill.high:.2f} by luck of the cache)" if bill.cached else ""
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
