from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest
from virtual_time import VirtualTime

from docpager.core.errors import AttemptFailed, LimitReached, ModelError
from docpager.core.retries import ATTEMPTS, TryAgain, with_retries, with_retries_async


def failed(*, retryable: bool = True, after: float | None = None) -> AttemptFailed:
    return AttemptFailed(
        "overloaded", retryable=retryable, may_be_billed=False, after_seconds=after
    )


class Attempts:
    """Fails as it is told, then succeeds."""

    def __init__(self, *failures: Exception) -> None:
        self._failures = list(failures)
        self.made = 0

    async def __call__(self) -> str:
        self.made += 1
        if self._failures:
            raise self._failures.pop(0)
        return "done"


def tried(
    failures: Sequence[Exception], *, seconds_left: float | None = None
) -> tuple[Attempts, VirtualTime, str]:
    attempts, time = Attempts(*failures), VirtualTime()
    try:
        said = asyncio.run(
            with_retries_async(
                attempts, seconds_left=seconds_left, sleep=time.sleep, clock=time.clock
            )
        )
    except ModelError as error:
        said = str(error)
    return attempts, time, said


def test_waits_grow_and_six_attempts_are_made() -> None:
    attempts, time, said = tried([failed()] * 99)

    assert attempts.made == ATTEMPTS == 6
    assert said == "overloaded (tried 6 times)"
    assert all(1 << n <= wait <= (1 << n) + 1 for n, wait in enumerate(time.slept))


def test_the_wait_that_the_server_asks_for_is_kept() -> None:
    attempts, time, said = tried([failed(after=17.5), failed(after=120)])

    assert (said, attempts.made) == ("done", 3)
    assert time.slept == [17.5, 120]


def test_a_wait_past_the_deadline_is_not_begun() -> None:
    attempts, time, said = tried([failed(after=20), failed(after=86_400)], seconds_left=60)

    assert (attempts.made, time.slept) == (2, [20])
    assert "the server asks to wait 86,400 s, and 40 s are left" in said


def test_without_a_deadline_nobody_waits_for_a_day() -> None:
    attempts, time, said = tried([failed(after=86_400)])

    assert (attempts.made, time.slept) == (1, [])
    assert said.startswith("overloaded (tried once; the server asks to wait 86,400 s")


def test_what_cannot_pass_is_not_tried_again() -> None:
    for error, message in (
        (failed(retryable=False), "overloaded"),
        (ModelError("no key"), "no key"),
        (LimitReached("nothing left"), "nothing left"),
    ):
        attempts, time, said = tried([error])
        assert (attempts.made, time.slept, said) == (1, [], message)


def test_each_wait_is_told_before_it_begins() -> None:
    time, told = VirtualTime(), []
    attempts = Attempts(failed(after=20), failed(after=7))
    asyncio.run(
        with_retries_async(
            attempts,
            before_wait=lambda what, seconds: told.append((what, seconds, time.now)),
            sleep=time.sleep,
            clock=time.clock,
        )
    )

    assert told == [("overloaded", 20, 0), ("overloaded", 7, 20)]


def test_a_limit_stays_a_limit() -> None:
    with pytest.raises(LimitReached):
        asyncio.run(with_retries_async(Attempts(failed(after=0), LimitReached("nothing left"))))


def test_plain_functions_wait_at_most_a_minute() -> None:
    slept: list[float] = []
    failures = [TryAgain("busy", after_seconds=900), TryAgain("busy")]

    def attempt() -> str:
        if failures:
            raise failures.pop(0)
        return "done"

    assert with_retries(attempt, sleep=slept.append) == "done"
    assert slept[0] == 60
    assert 2 <= slept[1] <= 3
