"""StopSignal: a batch that is told to stop lets its runs end between two steps, resumable."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

from docpager.core.errors import AttemptFailed
from docpager.models.messages import ChatModel, ModelReply, ModelRequest
from docpager.models.metered_model import RequestHooks

__all__ = ["RunSuspended", "StopSignal", "StoppableRequests"]

Result = TypeVar("Result")


class RunSuspended(AttemptFailed):
    """The batch is stopping: this run is not asked further now."""

    def __init__(self, why: str, *, may_be_billed: bool = False) -> None:
        super().__init__(f"parked: {why}", retryable=False, may_be_billed=may_be_billed)


class StopSignal:
    """Whether the runs of a batch are to stop, and how soon.

    One `within` another stops with it, and can be stopped alone.
    """

    def __init__(self, *, within: StopSignal | None = None) -> None:
        self._within = within
        self._reason: str | None = None
        self._at_once: asyncio.Event = within._at_once if within else asyncio.Event()

    @property
    def reason(self) -> str | None:
        """Why no run makes another step; None while they do."""
        return self._reason or (self._within.reason if self._within else None)

    def ask(self, reason: str) -> None:
        """From now on no run makes another step; replies under way are still waited for."""
        self._reason = self._reason or reason

    def at_once(self) -> None:
        """Nobody waits for anything any more."""
        self.ask("stopping")
        self._at_once.set()

    async def unless_at_once(
        self, work: Coroutine[Any, Any, Result], *, may_be_billed: bool
    ) -> Result:
        """The result of `work`.

        Raises:
            RunSuspended: it did not come before everybody had to go.
        """
        task = asyncio.ensure_future(work)
        stop = asyncio.ensure_future(self._at_once.wait())
        try:
            await asyncio.wait({task, stop}, return_when=asyncio.FIRST_COMPLETED)
            if task.done():
                return task.result()
            raise RunSuspended(self.reason or "", may_be_billed=may_be_billed)
        finally:
            stop.cancel()
            if not task.done():
                task.cancel()
                await asyncio.wait({task})


class StoppableRequests(RequestHooks):
    """The requests of one run of a batch: they stop between steps when the batch does."""

    def __init__(
        self,
        model: ChatModel,
        stop_signal: StopSignal,
        *,
        send: Callable[[ModelRequest], Awaitable[ModelReply]],
        on_reply: Callable[[ModelReply], None],
    ) -> None:
        super().__init__(model)
        self.parked = False
        """Whether the run was let go in the middle."""
        self._stop_signal = stop_signal
        self._send = send
        self._on_reply = on_reply

    async def before_request(self) -> None:
        """Let the run go where the batch is stopping.

        Raises:
            RunSuspended: it is.
        """
        if self._stop_signal.reason is not None:
            self.parked = True
            raise RunSuspended(self._stop_signal.reason)

    async def count(self, request: ModelRequest) -> int | None:
        """The server's count, unless everybody has to go at once."""
        with self._noting():
            counting = super().count(request)
            return await self._stop_signal.unless_at_once(counting, may_be_billed=False)

    async def send(self, request: ModelRequest) -> ModelReply:
        """The reply, by the way that the batch goes."""
        with self._noting():
            return await self._send(request)

    def on_reply(self, reply: ModelReply) -> None:
        """Tell the batch."""
        self._on_reply(reply)

    @contextmanager
    def _noting(self) -> Iterator[None]:
        try:
            yield
        except RunSuspended:
            self.parked = True
            raise
