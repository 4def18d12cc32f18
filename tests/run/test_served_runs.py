"""The promises of a run hold by a server's own count, whatever its tokenizer charges for."""

from __future__ import annotations

from collections import Counter
from random import Random

import pytest
from random_replies import HABITS, RandomModel, seeds
from run_worlds import COUNTERS, QUESTION, WORLDS, smallest, world
from served_run import FACTOR, ServedRun, Server

from docpager.core.pictures import PicturePrice
from docpager.core.settings import PagingSettings, RunLimits
from docpager.run.plan import plan_run


def served(random: Random, *, pictures: bool = False) -> ServedRun:
    """One random run against one random server, checked at every step and replayed."""
    name, counter = random.choice(WORLDS), random.choice(COUNTERS)
    name, price = ("scans", PicturePrice(1_568, 1_568)) if pictures else (name, None)
    max_output = random.choice((200, 512, 1_024, 4_096, 8_192))
    least = smallest(name, counter, FACTOR, max_output)
    window = least + random.choice((0, 1, random.randint(0, 2_000), random.randint(0, 20_000)))
    window += random.choice((9_000, 30_000)) if pictures else 0
    plan = plan_run(
        QUESTION,
        world(name).documents(),
        counter=counter,
        factor=FACTOR,
        paging=PagingSettings(window=window, max_output=max_output),
        limits=RunLimits(max_steps=random.randint(2, 40)),
        pictures=price,
    )
    watch = ServedRun(plan, world(name), counter, server=Server.random(random, counter))
    model = RandomModel(
        random, world(name), ends=random.choice((0.0, 0.1)), habit=random.choice(tuple(HABITS))
    )
    while watch.run.outcome is None:
        watch.request()
        thinking = random.choice((0, random.randint(0, max_output // 3)))
        watch.answer(watch.served(model.reply(watch.run), thinking=thinking))
    watch.check_replay()
    return watch


@pytest.mark.parametrize("seeds", seeds(80, always=20))
def test_no_request_exceeds_the_window_by_the_servers_own_count(seeds: range) -> None:
    happened: Counter[str] = Counter()
    for seed in seeds:
        watch = served(Random(seed))  # asserts every promise on the way
        happened.update(key for key, times in watch.happened.items() if times)
    print({name: f"{count / len(seeds):.0%}" for name, count in sorted(happened.items())})
    assert happened["rebuild"] > 0.2 * len(seeds)
    assert happened["unreleased page evicted"] > 0.05 * len(seeds)


@pytest.mark.parametrize("seeds", seeds(40, always=15))
def test_no_request_with_pictures_exceeds_the_window_by_the_servers_own_count(seeds: range) -> None:
    happened: Counter[str] = Counter()
    for seed in seeds:
        watch = served(Random(seed), pictures=True)
        happened.update(key for key, times in watch.happened.items() if times)
    print({name: f"{count / len(seeds):.0%}" for name, count in sorted(happened.items())})
    assert happened["picture shown"] > 0.4 * len(seeds)
    assert happened["picture in a head"] > 0.1 * len(seeds)
    assert happened["picture evicted"] > 0.02 * len(seeds)
