"""The batch client: sends message batches, waits for them, and finds those of earlier processes.

Nothing is sent twice: what the round book says may be on its way is looked up first.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import TypeVar

from docpager.batch.submission_log import Round, SubmissionLog
from docpager.core.errors import AttemptFailed, ModelError
from docpager.core.retries import with_retries_async
from docpager.models.messages import BatchItem, BatchResult, ChatModel, ModelRequest
from docpager.run.journal import JournalRecord

__all__ = ["BatchClient", "Results"]

FIRST_POLL_SECONDS = 2.0
LONGEST_POLL_SECONDS = 60.0
PATIENCE = 30
"""Attempts to ask after a batch that was paid for already."""
CLOCK_SKEW_SECONDS = 600.0
"""How far the server's clock may be from ours when a batch is looked up by its time."""

Answer = TypeVar("Answer")
Results = Mapping[str, BatchResult]
"""What became of each item of a round, by custom id."""


class BatchClient:
    """One server's message batches, and the book of what was sent to it."""

    def __init__(
        self,
        model: ChatModel,
        book: SubmissionLog,
        *,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        clock: Callable[[], float] = time.monotonic,
        on_message: Callable[[str], None] = lambda _: None,
    ) -> None:
        self._model = model
        self._book = book
        self._sleep = sleep
        self._clock = clock
        self._on_message = on_message
        self._held = book.holding()
        self._earlier: dict[int, asyncio.Task[Results | None]] = {}
        self._under_way: set[str] = set()
        self._cancelling = False

    async def earlier(self, question_id: str, sha256: str) -> BatchResult | None:
        """What an earlier process may have paid for already; None where there is no such thing."""
        round_ = self._held.pop((question_id, sha256), None)
        if round_ is None:
            return None
        if round_.number not in self._earlier:
            self._earlier[round_.number] = asyncio.ensure_future(self._recover(round_))
        results = await asyncio.shield(self._earlier[round_.number])
        if results is None:
            return None
        (custom_id,) = [
            item.custom_id
            for item in round_.items
            if (item.question_id, item.request_sha256) == (question_id, sha256)
        ]
        result = results.get(custom_id) or _missing(custom_id)
        # What cost nothing then is sent again: what was refused may be retried on purpose.
        return result if result.reply is not None or result.may_be_billed else None

    async def send(
        self, requests: Sequence[tuple[str, str, ModelRequest]]
    ) -> Sequence[BatchResult]:
        """Send one round, each request with its question and hash; the results in their order.

        Raises:
            ModelError: the server is out of reach, or refused the batch as a whole.
        """
        round_ = self._book.intend((question, sha256) for question, sha256, _ in requests)
        items = [
            BatchItem(item.custom_id, request)
            for item, (_, _, request) in zip(round_.items, requests, strict=True)
        ]
        batch_id = await self._submit(round_, items)
        self._on_message(f"round {round_.number}: {len(items)} requests in {batch_id}")
        results = await self._own_results(batch_id)
        return [results.get(item.custom_id) or _missing(item.custom_id) for item in items]

    def unanswered_is_lost(self, run: JournalRecord) -> bool:
        """Whether a run's request that was under way when the process ended may have been billed
        without its reply being here."""
        request = next(each for each in reversed(run.entries) if each.kind == "request")
        held = (run.header.question_id, request.request_sha256) in self._held
        return not held and not self._book.only_rounds

    def close(self) -> None:
        """Stop waiting for what earlier processes sent."""
        for task in self._earlier.values():
            task.cancel()
        self._book.close()

    async def cancel(self) -> None:
        """Ask the server to leave undone what it has not done yet."""
        self._cancelling = True
        for batch_id in sorted(self._under_way):
            await self._cancel(batch_id)

    async def _submit(self, round_: Round, items: Sequence[BatchItem]) -> str:
        """Send a round once, whatever the connection does."""

        async def attempt() -> str:
            try:
                return await self._model.submit(items)
            except AttemptFailed as error:
                if error.may_be_billed and (found := await self._find(round_)) is not None:
                    return found
                raise

        try:
            batch_id = await self._patiently(attempt)
        except ModelError:
            if await self._find(round_) is None:
                self._book.void(round_)
            raise
        self._book.sent(round_, batch_id)
        return batch_id

    async def _recover(self, round_: Round) -> Results | None:
        """The results of an earlier process's round; None where the server never got it."""
        if round_.batch_id is None:
            found = await self._find(round_)
            if found is None:
                self._book.void(round_)
                return None
            self._book.sent(round_, found)
        assert round_.batch_id is not None
        self._on_message(f"round {round_.number} was sent before: waiting for {round_.batch_id}")
        return await self._own_results(round_.batch_id)

    async def _find(self, round_: Round) -> str | None:
        """The batch that holds this round, if the server got it: its answer may have been lost."""
        own = {item.custom_id for item in round_.items}
        since = round_.begun - CLOCK_SKEW_SECONDS
        for batch in await self._patiently(lambda: self._model.recent(since)):
            fits = batch.items == len(own) and batch.id not in self._book.batch_ids
            if fits and own & (await self._results(batch.id)).keys():
                return batch.id
        return None

    async def _own_results(self, batch_id: str) -> Results:
        self._under_way.add(batch_id)
        try:
            if self._cancelling:
                await self._cancel(batch_id)
            return await self._results(batch_id)
        finally:
            self._under_way.discard(batch_id)

    async def _results(self, batch_id: str) -> Results:
        """The results of a batch, however long it takes; of two for one item the first."""
        pause = FIRST_POLL_SECONDS
        while not (await self._patiently(lambda: self._model.status(batch_id))).ended:
            await self._sleep(pause)
            pause = min(pause * 1.5, LONGEST_POLL_SECONDS)
        by_id: dict[str, BatchResult] = {}
        for result in await self._patiently(lambda: self._model.results(batch_id)):
            by_id.setdefault(result.custom_id, result)
        return by_id

    async def _cancel(self, batch_id: str) -> None:
        await self._patiently(lambda: self._model.cancel(batch_id))

    async def _patiently(self, attempt: Callable[[], Awaitable[Answer]]) -> Answer:
        return await with_retries_async(
            attempt, attempts=PATIENCE, sleep=self._sleep, clock=self._clock
        )


def _missing(custom_id: str) -> BatchResult:
    return BatchResult(
        custom_id, error="the batch has no result for it", again=True, may_be_billed=True
    )
