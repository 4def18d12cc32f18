"""A clock that only sleeping moves: an hour of waiting passes at once."""

from __future__ import annotations

import asyncio
import heapq
from itertools import count


class VirtualTime:
    """`clock` and `sleep` for one event loop: when all tasks wait, the earliest one goes on."""

    def __init__(self) -> None:
        self.now = 0.0
        self.slept: list[float] = []
        self._sleeping: list[tuple[float, int, asyncio.Future[None]]] = []
        self._number = count()

    def clock(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        woken: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        entry = (self.now + max(0.0, seconds), next(self._number), woken)
        heapq.heappush(self._sleeping, entry)
        # Every task that can run gets its turns before time goes on.
        for _ in range(20):
            await asyncio.sleep(0)
        while not woken.done():
            at, _, first = heapq.heappop(self._sleeping)
            self.now = max(self.now, at)
            if not first.done():
                first.set_result(None)
            for _ in range(20):
                await asyncio.sleep(0)
