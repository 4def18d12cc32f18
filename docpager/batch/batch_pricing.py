"""What runs cost, live and in rounds: prices, caching, and how often the cache hits."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from docpager.batch.run_profiles import RunProfile, Step
from docpager.models.messages import Usage
from docpager.models.pricing import Price

__all__ = ["RoundsBill", "compare", "live_usd", "rounds_usd", "step_usd"]

USUAL_HIT_RATE = 0.5
"""Share of batched requests that find their prefix cached. Anthropic names 30 to 98 %."""


def live_usd(profile: RunProfile, price: Price, *, following: float = 1.0) -> float:
    """One run asked step by step: what it cost if it was, else as if every step read what the one
    before wrote.

    `following` is the share of runs whose head another question has written already.
    """
    if profile.live_usd is not None:
        return profile.live_usd
    return sum(
        step_usd(step, price, cached=following if number == 0 else 1.0)
        for number, step in enumerate(profile.steps)
    )


def step_usd(step: Step, price: Price, *, cached: float = 1.0) -> float:
    """One step asked live; `cached` is the share of its repeated tokens that the cache holds."""
    read = round(step.repeated * cached)
    return price.cost(Usage(0, read, step.prompt - read, step.output))


def rounds_usd(profile: RunProfile, price: Price, *, hit_rate: float | None) -> float:
    """One run in rounds; `hit_rate` None for requests that are not cached at all.

    A step that misses writes its whole prompt anew, to be kept for an hour.
    """
    return sum(_round_usd(step, price, hit_rate) for step in profile.steps)


@dataclass(frozen=True, slots=True)
class RoundsBill:
    """What rounds cost beside the same runs live."""

    cached: bool
    """Whether caching for an hour is expected to pay."""
    ratio: float
    """Rounds to live, at the expected hit rate."""
    low: float
    """At the best hit rate, 0.98, if cached."""
    high: float
    """At the worst, 0.3, if cached."""
    hit_rate: float
    steps: float
    """Mean steps of a run."""

    @property
    def dearer(self) -> bool:
        """Whether live is expected to be cheaper."""
        return self.ratio > 1.0


def compare(
    profiles: Sequence[RunProfile],
    price: Price,
    *,
    following: float = 1.0,
    hit_rate: float = USUAL_HIT_RATE,
) -> RoundsBill:
    """The bill of rounds to that of live runs, with caching or without, whichever is cheaper."""
    live = sum(live_usd(profile, price, following=following) for profile in profiles)

    def ratio(rate: float | None) -> float:
        rounds = sum(rounds_usd(profile, price, hit_rate=rate) for profile in profiles)
        return rounds / live if live else 1.0

    steps = sum(len(profile.steps) for profile in profiles) / max(1, len(profiles))
    plain = ratio(None)
    if ratio(hit_rate) < plain:
        return RoundsBill(True, ratio(hit_rate), ratio(0.98), ratio(0.3), hit_rate, steps)
    return RoundsBill(False, plain, plain, plain, hit_rate, steps)


def _round_usd(step: Step, price: Price, hit_rate: float | None) -> float:
    if hit_rate is None:
        return price.cost(Usage(step.prompt, 0, 0, step.output), batch=True)
    fresh = step.prompt - step.repeated
    hit = Usage(0, step.repeated, fresh, step.output, "estimate", fresh)
    miss = Usage(0, 0, step.prompt, step.output, "estimate", step.prompt)
    return hit_rate * price.cost(hit, batch=True) + (1 - hit_rate) * price.cost(miss, batch=True)
