"""The promises of a run, whatever the model says and whatever the documents contain."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from random import Random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from random_replies import HABITS, RandomModel, seeds, too_rare
from run_worlds import COUNTERS, QUESTION, WORLDS, smallest, world
from watched_run import WatchedRun

from docpager.core.pictures import PicturePrice
from docpager.core.settings import PagingSettings, RunLimits
from docpager.core.tokens import TokenCounter
from docpager.paging.policies import POLICIES
from docpager.run.outcome import Stopped
from docpager.run.plan import RunPlan, plan_run

LEAST = {
    "two rebuilds": 0.25,
    "refused page-in": 0.05,
    "note paged out": 0.05,
    "resident page named": 0.2,
    "released page evicted": 0.05,
    "unreleased page evicted": 0.05,
    "call as text": 0.3,
    "prefetched page": 0.2,
    **dict.fromkeys(("answered", "unsupported", "abstained", "stopped", "failed"), 0.01),
    **dict.fromkeys(("exact quote", "normalised quote"), 0.005),
    "failed quote": 0.01,
}
"""Share of the random runs in which each of these happens at least once."""
MESSAGES = (
    "stop soon",
    "and in dollars? " * 60,
    "😀" * 400,
    "公司支付了" * 90,
    "a\nb\x85c [memory]",
)


PICTURES = {
    "picture shown": 0.5,
    "picture in a head": 0.2,
    "pinned picture": 0.05,
    "refused picture": 0.05,
    "picture evicted": 0.05,
    "released picture evicted": 0.05,
    "picture quote": 0.02,
}
"""The same in random runs that may look at pages."""


def planned(
    random: Random, world_name: str, *, pictures: bool = False
) -> tuple[RunPlan, TokenCounter]:
    counter = random.choice(COUNTERS)
    factor = random.choice((1.0, 1.0, 1.5))
    max_output = random.choice((64, 200, 512, 512))
    least = smallest(world_name, counter, factor, max_output)
    window = least + random.choice((0, 1, random.randint(0, 400), random.randint(0, 2_500)))
    shares = random.choice(({}, {}, {"rebuild_to": 0.5}, {"warn_at": 0.5, "rebuild_at": 0.6}))
    paging = PagingSettings(
        window=2 * window if "warn_at" in shares else window,
        max_output=max_output,
        reading_log=random.random() < 0.8,
        prefetch=random.choice((0, 0, 1, 3, 10)),
        functions=random.choice(("full", "full", "full", "small", "plain")),
        **shares,
    )
    price = None
    if pictures:
        price = PicturePrice(
            edge=random.choice((600, 1_568)),
            most_tokens=random.choice((300, 900, 4_784)),
            patch=random.choice((28, 28, 16)),
        )
        wider = paging.window + random.choice((5_000, 9_000, 40_000))
        paging = replace(paging, window=wider, functions="full")
    plan = plan_run(
        QUESTION,
        world(world_name).documents(),
        counter=counter,
        factor=factor,
        paging=paging,
        limits=RunLimits(max_steps=random.randint(2, 50)),
        policy=random.choice(("recent", "recent", *POLICIES)),
        pictures=price,
    )
    return plan, counter


def watched(random: Random, *, steps_more: int = 0, pictures: bool = False) -> WatchedRun:
    """One random run in one random world, checked at every step and replayed; one that runs out of
    steps before it has made `steps_more` is given a few more of them."""
    world_name = "scans" if pictures else random.choice(WORLDS)
    plan, counter = planned(random, world_name, pictures=pictures)
    watch = WatchedRun(plan, world(world_name), counter)
    model = RandomModel(
        random,
        world(world_name),
        ends=random.choice((0.0, 0.0, 0.1, 0.25)),
        habit=random.choice(tuple(HABITS)),
        writes=random.random() < 0.4,
    )
    while watch.run.outcome is None:
        if random.random() < 0.05:
            watch.interrupt(random.choice(MESSAGES))
        watch.request()
        said = model.reply(watch.run)
        watch.answer(said, written=model.written)
        stopped = isinstance(watch.run.outcome, Stopped)
        if stopped and watch.run.steps < steps_more:
            watch.extend(RunLimits(max_steps=watch.run.steps + random.randint(1, 9)))
    watch.check_replay()
    return watch


@pytest.mark.parametrize("seeds", seeds(300, always=50))
def test_random_runs_keep_every_promise_and_meet_what_is_hard(seeds: range) -> None:
    runs: Counter[str] = Counter()
    for seed in seeds:
        watch = watched(Random(seed))  # asserts every promise on the way
        runs.update(key for key, times in watch.happened.items() if times)
        runs["two rebuilds"] += watch.happened["rebuild"] >= 2
        runs[watch.run.outcome.status] += 1
    print({name: f"{count / len(seeds):.0%}" for name, count in sorted(runs.items())})
    assert too_rare(runs, LEAST, len(seeds)) == {}


@pytest.mark.parametrize("seeds", seeds(150, always=60))
def test_random_runs_that_look_at_pages_keep_every_promise(seeds: range) -> None:
    runs: Counter[str] = Counter()
    for seed in seeds:
        watch = watched(Random(seed), pictures=True)
        runs.update(key for key, times in watch.happened.items() if times)
    print({name: f"{count / len(seeds):.0%}" for name, count in sorted(runs.items())})
    assert too_rare(runs, PICTURES, len(seeds)) == {}


@pytest.mark.parametrize("seeds", seeds(150, always=30))
def test_random_runs_that_are_extended_keep_every_promise(seeds: range) -> None:
    extended = Counter[int]()
    for seed in seeds:
        extended[watched(Random(seed), steps_more=40).happened["extended"]] += 1

    assert sum(count for times, count in extended.items() if times >= 2) > len(seeds) / 10


@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.randoms(use_true_random=False))
def test_any_run_keeps_every_promise(random: Random) -> None:
    watched(random)
