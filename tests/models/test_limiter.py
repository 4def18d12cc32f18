from __future__ import annotations

import asyncio

from virtual_time import VirtualTime

from docpager.models.limiter import AdaptiveLimiter


def limiter_of(time: VirtualTime, *, places: int = 4, most: int = 64) -> AdaptiveLimiter:
    return AdaptiveLimiter(places=places, most=most, sleep=time.sleep, clock=time.clock)


def test_after_a_rate_limit_nobody_passes_until_the_server_said() -> None:
    time = VirtualTime()
    limiter, passed = limiter_of(time, places=8), []

    async def ask(n: int) -> None:
        async with limiter:
            if n == 0:
                limiter.slow_down(30)
            passed.append((n, time.now))

    async def all_of_them() -> None:
        await ask(0)
        await asyncio.gather(*(ask(n) for n in range(1, 6)))

    asyncio.run(all_of_them())

    assert passed[0] == (0, 0.0)
    assert sorted(n for n, _ in passed) == list(range(6))
    assert all(at >= 30 for _, at in passed[1:])


def test_limits_met_together_count_once_and_those_in_a_row_wait_longer() -> None:
    time = VirtualTime()
    limiter = limiter_of(time, places=16)
    for _ in range(5):
        limiter.slow_down()
    assert (limiter.places, limiter.paused_seconds) == (8, 1)

    time.now = 2
    limiter.slow_down()
    assert (limiter.places, limiter.paused_seconds) == (4, 2)

    time.now = 5
    limiter.succeeded()
    limiter.slow_down()
    assert limiter.paused_seconds == 1


def test_a_server_that_says_to_come_back_tomorrow_stops_others_for_minutes_only() -> None:
    limiter = limiter_of(VirtualTime())
    limiter.slow_down(86_400)

    assert limiter.paused_seconds == 600


def test_places_double_each_time_around_until_a_limit_is_met() -> None:
    limiter = limiter_of(VirtualTime(), places=4, most=11)
    for _ in range(4):
        limiter.succeeded()
    assert limiter.places == 8

    for _ in range(8):
        limiter.succeeded()
    assert limiter.places == 11


def test_after_a_limit_one_place_is_added_after_as_many_successes_as_there_are() -> None:
    limiter = limiter_of(VirtualTime(), places=8, most=10)
    limiter.slow_down()
    assert limiter.places == 4
    grown = []
    for _ in range(30):
        limiter.succeeded()
        grown.append(limiter.places)

    assert grown[3:5] == [4, 5]
    assert grown[-1] == 8


def test_nothing_grows_while_the_server_says_that_little_is_left() -> None:
    limiter = limiter_of(VirtualTime(), places=2)
    limiter.observe(left=0.05)
    for _ in range(9):
        limiter.succeeded()
    assert limiter.places == 2

    limiter.observe(left=0.5)
    for _ in range(9):
        limiter.succeeded()
    assert limiter.places > 2


def test_no_more_pass_at_once_than_there_are_places() -> None:
    time, most = VirtualTime(), []
    limiter = limiter_of(time, places=3)

    async def ask() -> None:
        async with limiter:
            most.append(limiter.under_way)
            await asyncio.sleep(0)

    async def all_of_them() -> None:
        await asyncio.gather(*(ask() for _ in range(40)))

    asyncio.run(all_of_them())

    assert len(most) == 40
    assert max(most) == 3
    assert limiter.under_way == 0


def test_a_waiter_that_is_cancelled_passes_its_place_on() -> None:
    async def story() -> None:
        limiter = limiter_of(VirtualTime(), places=1)
        holding, passed = asyncio.Event(), []

        async def hold() -> None:
            async with limiter:
                await holding.wait()

        async def follow(n: int) -> None:
            async with limiter:
                passed.append(n)

        holder = asyncio.create_task(hold())
        followers = [asyncio.create_task(follow(n)) for n in range(2)]
        for _ in range(5):
            await asyncio.sleep(0)
        holding.set()
        await holder
        followers[0].cancel()
        await asyncio.wait_for(followers[1], 1)
        assert passed[-1] == 1
        assert limiter.under_way == 0

    asyncio.run(story())


def test_a_waiter_that_is_cancelled_in_a_pause_passes_its_place_on() -> None:
    limiter = AdaptiveLimiter(places=1)
    passed: list[str] = []

    async def ask(name: str) -> None:
        async with limiter:
            passed.append(name)

    async def first() -> None:
        async with limiter:
            await asyncio.sleep(0)
            limiter.slow_down(0.02)

    async def race() -> None:
        asker = asyncio.create_task(first())
        second, third = asyncio.create_task(ask("second")), asyncio.create_task(ask("third"))
        await asker
        await asyncio.sleep(0.005)  # the second has been woken, and sits out the pause
        second.cancel()
        await asyncio.wait_for(third, 1)

    asyncio.run(race())

    assert passed == ["third"]
    assert limiter.under_way == 0
