"""The two ways to drive a batch: live, each question at its own pace, or in rounds together."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial

from docpager.batch.batch_desk import BatchDesk
from docpager.batch.driver import Common, Driving
from docpager.batch.ordering import Line
from docpager.batch.parking import Parking
from docpager.batch.plan import Task
from docpager.batch.rounds import Rounds, Send, ask_live
from docpager.core.errors import LimitReached
from docpager.models.limiter import Gate

__all__ = ["drive_in_rounds", "drive_live"]

FIRST_PLACES = 8
"""Requests under way at once before it is known what the server bears."""
UNLIMITED = 1_000_000


async def drive_live(
    common: Common,
    tasks: Sequence[Task],
    *,
    parking: Parking,
    places: int,
    leading: bool,
    desk: BatchDesk | None = None,
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    clock: Callable[[], float] = time.monotonic,
) -> LimitReached | None:
    """Ask question by question; replies that a `desk` still has for them are fetched from there.

    Returns why questions were left out, where money or tokens ran short.
    """
    gate = Gate(places=min(FIRST_PLACES, places), most=places, sleep=sleep, clock=clock)

    @contextmanager
    def seat(id: str) -> Iterator[Send]:
        yield partial(ask_live, common.model, id, parking=parking, desk=desk)

    driving = Driving(common, seats=seat, gate=gate, parking=parking)
    await driving.drive(_line(tasks, leading=leading), concurrency=places)
    return driving.short


async def drive_in_rounds(
    common: Common,
    tasks: Sequence[Task],
    desk: BatchDesk,
    *,
    parking: Parking,
    seats: int,
    close_after_seconds: float | None = None,
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
) -> LimitReached | None:
    """Ask in message batches until all have ended, or until it is time to finish otherwise."""
    closing = Parking(within=parking)
    rounds = Rounds(desk, closing, sleep=sleep)

    async def close_in_time(seconds: float) -> None:
        await sleep(seconds)
        closing.ask("the rest is finished live")
        await rounds.close("the rest is finished live")

    driving = Driving(
        common,
        seats=rounds.seat,
        gate=Gate(places=UNLIMITED, most=UNLIMITED),
        counting_gate=Gate(places=FIRST_PLACES, most=FIRST_PLACES, sleep=sleep),
        parking=closing,
        by_batch=close_after_seconds is None,  # else the dearer live price is set aside
    )
    async with asyncio.TaskGroup() as group:
        beside = [group.create_task(rounds.drive())]
        if close_after_seconds is not None:
            beside.append(group.create_task(close_in_time(close_after_seconds)))
        await driving.drive(_line(tasks), concurrency=seats)
        for each in beside:
            each.cancel()
    return driving.short


def _line(tasks: Sequence[Task], *, leading: bool = False) -> Line[Task]:
    # Begun ones first, whatever they are about: their money is spent or on its way.
    return Line(tasks, group=lambda task: (not task.begun, task.scope), leading=leading)
