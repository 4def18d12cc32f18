"""Rounds: all runs of a batch make one step with each message batch, at its price and pace.

To a run, a round is a reply that takes long. Once every run that takes part waits,
their requests leave together; what expired or failed on the server's side goes with the next round.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial

from docpager.batch.batch_client import BatchClient
from docpager.batch.stop_signal import RunSuspended, StopSignal
from docpager.core.errors import AttemptFailed, ModelError
from docpager.models.messages import BatchResult, ChatModel, ModelReply, ModelRequest
from docpager.run.request_hashes import request_hash

__all__ = ["Rounds", "Send", "ask_live"]

Send = Callable[[ModelRequest], Awaitable[ModelReply]]
"""One attempt at a reply, by the way that a batch goes."""

GATHER_SECONDS = 0.5
"""How long to see whether another run joins, once all wait."""
MOST_ITEMS = 10_000
MOST_CHARACTERS = 40_000_000
"""Keep a batch below what a server takes: 100,000 requests or 256 MB."""


async def ask_live(
    model: ChatModel,
    question_id: str,
    request: ModelRequest,
    *,
    stop_signal: StopSignal,
    batch_client: BatchClient | None,
) -> ModelReply:
    """A live reply, paid for once: one that an earlier process has paid for in a round is fetched
    from `batch_client`. Nobody waits longer than the batch may.

    Raises:
        RunSuspended: everybody had to go at once.
        ModelError: as the model.
    """
    if batch_client is not None:
        earlier = await stop_signal.unless_at_once(
            batch_client.earlier(question_id, request_hash(request)), may_be_billed=False
        )
        if earlier is not None:
            return _reply_of(earlier)
    return await stop_signal.unless_at_once(model.complete(request), may_be_billed=True)


@dataclass(eq=False, slots=True)
class _Waiting:
    """One request and whoever waits for its reply."""

    question_id: str
    request: ModelRequest
    sha256: str
    reply: asyncio.Future[ModelReply]


class Rounds:
    """Gathers what all runs ask and sends it together. `drive` it beside the runs."""

    def __init__(
        self,
        batch_client: BatchClient,
        stop_signal: StopSignal,
        *,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        most_items: int = MOST_ITEMS,
    ) -> None:
        self._batch_client = batch_client
        self._stop_signal = stop_signal
        self._sleep = sleep
        self._most_items = most_items
        self._seats = 0
        self._waiting = 0
        self._unsent: list[_Waiting] = []
        self._changed = asyncio.Event()
        self._closed: str | None = None

    @contextmanager
    def seat(self, question_id: str) -> Iterator[Send]:
        """Take part: no round leaves while somebody who takes part is not waiting."""
        self._seats += 1
        try:
            yield partial(self.ask, question_id)
        finally:
            self._seats -= 1
            self._changed.set()

    async def ask(self, question_id: str, request: ModelRequest) -> ModelReply:
        """The reply to one request, from the round that holds it already or the next one.

        Raises:
            RunSuspended: the rounds were closed.
            AttemptFailed: there was no reply in its round; it may go with another.
            ModelError: the server refused this request.
        """
        if self._closed is not None:
            raise RunSuspended(self._closed)
        self._waiting += 1
        self._changed.set()
        try:
            return await self._stop_signal.unless_at_once(
                self._reply(question_id, request), may_be_billed=False
            )
        finally:
            self._waiting -= 1
            self._changed.set()

    async def drive(self) -> None:
        """Send a round each time that all runs wait; ends only when it is cancelled."""
        async with asyncio.TaskGroup() as flights:
            while True:
                await self._changed.wait()
                self._changed.clear()
                if not self._is_complete:
                    continue
                # A run that has just got its reply may be about to ask again: leaving without it
                # would cost it a whole round.
                await self._sleep(GATHER_SECONDS)
                if self._is_complete:
                    # Swapped without an await between: whoever asks from here on belongs to the
                    # next round.
                    self._unsent, leaving = [], self._unsent
                    for portion in _portions(leaving, self._most_items):
                        flights.create_task(self._fly(portion))

    async def close(self, reason: str) -> None:
        """No more rounds: what the server has not done is cancelled and its runs are interrupted;
        what it has done still reaches them."""
        self._closed = reason
        self._unsent, unsent = [], self._unsent
        for each in unsent:
            _settle(each, RunSuspended(reason))
        await self._batch_client.cancel()

    @property
    def _is_complete(self) -> bool:
        return bool(self._unsent) and self._waiting >= self._seats

    async def _reply(self, question_id: str, request: ModelRequest) -> ModelReply:
        sha256 = request_hash(request)
        earlier = await self._batch_client.earlier(question_id, sha256)
        if earlier is not None:
            return _reply_of(earlier, closed=self._closed)
        return await self._join(question_id, request, sha256)

    async def _join(self, question_id: str, request: ModelRequest, sha256: str) -> ModelReply:
        if self._closed is not None:
            raise RunSuspended(self._closed)
        reply: asyncio.Future[ModelReply] = asyncio.get_running_loop().create_future()
        waiting = _Waiting(question_id, request, sha256, reply)
        self._unsent.append(waiting)
        self._changed.set()
        try:
            return await reply
        finally:
            if waiting in self._unsent:
                self._unsent.remove(waiting)

    async def _fly(self, waiting: Sequence[_Waiting]) -> None:
        """One message batch, from the intent to the last result."""
        try:
            results = await self._batch_client.send(
                [(each.question_id, each.sha256, each.request) for each in waiting]
            )
        except ModelError as error:
            for each in waiting:
                _settle(each, ModelError(str(error)))  # one exception must not serve many tasks
            return
        for each, result in zip(waiting, results, strict=True):
            try:
                _settle(each, _reply_of(result, closed=self._closed))
            except ModelError as error:
                _settle(each, error)


def _settle(waiting: _Waiting, what: ModelReply | ModelError) -> None:
    # Its run was cancelled while the batch was away: nobody reads the reply any more, and the
    # round's log still has it.
    if waiting.reply.done():
        return
    if isinstance(what, ModelReply):
        waiting.reply.set_result(what)
    else:
        waiting.reply.set_exception(what)


def _reply_of(result: BatchResult, *, closed: str | None = None) -> ModelReply:
    """The reply, or why there is none."""
    if result.reply is not None:
        return result.reply
    if not result.again:
        raise ModelError(result.error)
    # A result that may be billed must reach its run as a failed attempt, or the books would miss
    # it; only what costs nothing is parked.
    if closed is not None and not result.may_be_billed:
        raise RunSuspended(closed)
    raise AttemptFailed(
        f"no reply in this round: {result.error}",
        retryable=True,
        may_be_billed=result.may_be_billed,
        after_seconds=0.0,
    )


def _portions(waiting: Sequence[_Waiting], most_items: int) -> Iterator[Sequence[_Waiting]]:
    """As many at once as a server takes."""
    portion: list[_Waiting] = []
    characters = 0
    for each in waiting:
        size = _characters(each.request)
        if portion and (len(portion) == most_items or characters + size > MOST_CHARACTERS):
            yield portion
            portion, characters = [], 0
        portion.append(each)
        characters += size
    if portion:
        yield portion


def _characters(request: ModelRequest) -> int:
    """About how long a request is on the wire, its functions included."""
    turns = sum(len(str(turn)) for turn in request.turns)
    pictures = sum(picture.size_bytes * 4 // 3 for picture in request.pictures)  # as base64
    return len(request.instructions) + turns + pictures + 8_000
