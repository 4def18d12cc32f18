"""AdaptiveLimiter: how many requests may be under way at one server, slower after a rate limit.

How many requests may be under way at once is learned: one more after each success until a rate
limit is met (twice as many each time around), from then on one more after as many successes as
there are places, half as many after a rate limit.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from types import TracebackType

from anyio import CapacityLimiter

from docpager.core.retries import LONGEST_WAIT_SECONDS

__all__ = ["AdaptiveLimiter"]

_FIRST_PAUSE_SECONDS = 1.0
_LONGEST_PAUSE_SECONDS = 60.0
_SCARCE = 0.1
"""Share of a server's rate limit below which no place is added."""


class AdaptiveLimiter:
    """`async with gate:` around each request, for many runs on one event loop."""

    def __init__(
        self,
        *,
        places: int = 4,
        most: int = 64,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        # A float, because after a rate limit a success adds a fraction of a place.
        self._places = float(max(1, min(places, most)))
        self._most = most
        self._sleep = sleep
        self._clock = clock
        self._capacity = CapacityLimiter(self.places)
        self._opens_at = clock()
        self._limits_in_a_row = 0
        self._met_a_limit = False
        self._scarce = False

    @property
    def places(self) -> int:
        """Requests that may be under way at once."""
        return int(self._places)

    @property
    def under_way(self) -> int:
        return self._capacity.borrowed_tokens

    @property
    def paused_seconds(self) -> float:
        """How long nobody may pass."""
        return max(0.0, self._opens_at - self._clock())

    def slow_down(self, after_seconds: float | None = None) -> None:
        """A rate limit was met: everybody waits, then fewer may pass at once.

        Nobody waits longer than a retry would: whoever is told to come back tomorrow gives up.
        """
        self._met_a_limit = True
        if not self.paused_seconds:
            # Requests that left together meet the same limit together: it counts once.
            self._set_places(max(1.0, self._places / 2))
            self._limits_in_a_row += 1
        doubled = _FIRST_PAUSE_SECONDS * 2 ** (self._limits_in_a_row - 1)
        usual = min(doubled, _LONGEST_PAUSE_SECONDS)
        pause = usual if after_seconds is None else min(after_seconds, LONGEST_WAIT_SECONDS)
        self._opens_at = max(self._opens_at, self._clock() + pause)

    def succeeded(self) -> None:
        """A request was answered: more may pass, a little at a time."""
        # A success ends the row: the next limit starts again from the shortest pause.
        self._limits_in_a_row = 0
        if not self._scarce:
            # Additive increase, multiplicative decrease, as in TCP's congestion avoidance (Jacobson
            # 1988): shares of many clients at one server even out. Before the first limit, +1 for
            # each success is slow start.
            more = 1 / self._places if self._met_a_limit else 1.0
            self._set_places(min(float(self._most), self._places + more))

    def observe(self, *, left: float) -> None:
        """Take note of the share of the tightest rate limit that a server says is left."""
        self._scarce = left < _SCARCE

    async def __aenter__(self) -> AdaptiveLimiter:
        await self._capacity.acquire()
        try:
            # A place is held through the pause: whoever came first is first after it, and a
            # pause that grows while it is sat out is sat out to its new end.
            while pause := self.paused_seconds:
                await self._sleep(pause)
        except BaseException:  # cancelled: the place goes to the next in the queue
            self._capacity.release()
            raise
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        self._capacity.release()

    def _set_places(self, places: float) -> None:
        # Fewer places than are taken is no error: nobody new passes until enough are given back.
        self._places = places
        self._capacity.total_tokens = self.places
