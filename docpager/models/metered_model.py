"""MeteredModel: asks a model on behalf of one run, within its limits, until there is a reply."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import replace

from docpager.core.errors import AttemptFailed, ModelError
from docpager.core.retries import with_retries_async
from docpager.models.budget import Budget, Cost, HeldBudget
from docpager.models.limiter import AdaptiveLimiter
from docpager.models.messages import ChatModel, Lost, ModelReply, ModelRequest
from docpager.models.pricing import Price

__all__ = ["MeteredModel", "RequestHooks"]


class RequestHooks:
    """What happens around the requests of one run; a batch overrides it."""

    def __init__(self, model: ChatModel) -> None:
        self._model = model

    async def before_request(self) -> None:
        """Awaited before each count and each attempt at a reply.

        Raises:
            ModelError: the model is not to be asked now.
        """
        return

    async def count(self, request: ModelRequest) -> int | None:
        """Tokens of the prompt by the server's count; None where it does not count."""
        return await self._model.count_tokens(request)

    async def send(self, request: ModelRequest) -> ModelReply:
        """One attempt at a reply.

        Raises:
            ModelError: as `ChatModel.complete`.
        """
        return await self._model.complete(request)

    def on_reply(self, reply: ModelReply) -> None:
        """Told of each reply, once it is in the books."""
        return


class MeteredModel:
    """One run's way to its model: sets the worst case aside, waits for the limiter, tries, settles.

    An attempt that failed but may have been billed is charged at its worst case. After `keep` a
    run's finishing call is always paid for, whatever its other calls cost. What the server counts
    waits at `counting_gate` instead, if one is given.
    """

    def __init__(
        self,
        model: ChatModel,
        *,
        price: Price | None = None,
        spending: Budget | None = None,
        limiter: AdaptiveLimiter | None = None,
        by_batch: bool = False,
        hooks: RequestHooks | None = None,
        counting_gate: AdaptiveLimiter | None = None,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._model = model
        self._price = price
        self._spending = spending or Budget()
        self._limiter = limiter or AdaptiveLimiter()
        self._by_batch = by_batch
        self._hooks = hooks or RequestHooks(model)
        self._counting_gate = counting_gate or self._limiter
        self._sleep = sleep
        self._clock = clock
        self._kept: HeldBudget | None = None
        self._first: HeldBudget | None = None
        self._lost = Lost()

    @property
    def name(self) -> str:
        return self._model.name

    @property
    def _is_free(self) -> bool:
        return self._price is not None and self._price.free

    def worst_case(self, *, prompt_tokens: int, output_tokens: int) -> Cost:
        """The most that a call of this size can take."""
        tokens = prompt_tokens + output_tokens
        if self._price is None:
            return Cost(tokens, None)
        usd = self._price.worst_case(
            prompt_tokens=prompt_tokens,
            output_tokens=output_tokens,
            batch=self._by_batch,
            hour=self._by_batch,
        )
        return Cost(tokens, usd)

    def keep(self, *, prompt_tokens: int, output_tokens: int) -> None:
        """Set the largest finishing call aside, until it is made or `release` gives it back.

        Raises:
            LimitReached: there is not enough left for it.
        """
        worst = self.worst_case(prompt_tokens=prompt_tokens, output_tokens=output_tokens)
        # The largest prompt that the run can ever send, since nobody knows yet how full the window
        # will be at its end.
        self._kept = self._spending.reserve(worst)

    def keep_first(self, *, prompt_tokens: int, output_tokens: int) -> None:
        """Set the first call aside too, until it is made.

        Raises:
            LimitReached: there is not enough left for both.
        """
        worst = self.worst_case(prompt_tokens=prompt_tokens, output_tokens=output_tokens)
        self._first = self._spending.reserve(worst)

    @property
    def keeps(self) -> bool:
        """Whether a finishing call is set aside."""
        return self._kept is not None

    def release(self) -> None:
        """Give back what was kept for the finishing call, and for a first one."""
        self._release_first()
        if self._kept is not None:
            self._spending.free(self._kept)
            self._kept = None

    def _release_first(self) -> None:
        if self._first is not None:
            self._spending.free(self._first)
            self._first = None

    def take_lost(self) -> Lost:
        """What failed attempts may have cost since the last reply."""
        lost, self._lost = self._lost, Lost()
        return lost

    async def count_tokens(self, request: ModelRequest) -> int | None:
        """Tokens of the prompt by the server's count; None where it does not count."""
        async with self._counting_gate:
            await self._hooks.before_request()
            return await self._hooks.count(request)

    async def complete(
        self,
        request: ModelRequest,
        *,
        prompt_tokens: int,
        seconds_left: float | None = None,
        before_wait: Callable[[str, float], None] | None = None,
    ) -> ModelReply:
        """The model's reply, whose `lost` says what attempts before it may have cost.

        `before_wait` is told of each failed attempt that another will follow, and how many seconds
        are waited; what it takes by `take_lost` is not told again.

        Raises:
            LimitReached: the worst case of the call, or of another attempt at it, is more than is
                left beside the finishing call.
            ModelError: the model cannot be used, or no attempt succeeded.
        """
        worst = self.worst_case(
            prompt_tokens=prompt_tokens, output_tokens=request.max_output_tokens
        )
        reply = await with_retries_async(
            lambda: self._attempt(request, worst),
            seconds_left=seconds_left,
            before_wait=before_wait,
            sleep=self._sleep,
            clock=self._clock,
        )
        return replace(reply, lost=self.take_lost())

    async def _attempt(self, request: ModelRequest, worst: Cost) -> ModelReply:
        async with self._limiter:
            await self._hooks.before_request()
            if not request.calls_allowed:
                self.release()  # this is the call that was paid for: nothing comes between
            # Freed and reserved again without an await between, so nobody else can take it.
            self._release_first()
            try:
                reply = await self._send(request, worst)
            except AttemptFailed as error:
                if not error.unread:
                    raise
                # The server had closed the idle connection: once more, at once, on a new one.
                reply = await self._send(request, worst)
            if (left := self._model.rate_limit_left) is not None:
                self._limiter.observe(left=left)
            self._limiter.succeeded()
            self._hooks.on_reply(reply)
            return reply

    async def _send(self, request: ModelRequest, worst: Cost) -> ModelReply:
        """One request, in the books whatever becomes of it."""
        # At the worst case and before sending: limits hold because what is not reserved is not
        # sent, whatever the bill turns out to be.
        held = self._spending.reserve(worst)
        # Whatever ends this attempt otherwise (time, Ctrl-C) may leave a bill behind.
        bill, lost = worst, True
        try:
            reply = await self._hooks.send(request)
            bill, lost = self._bill(reply, worst), False
        except ModelError as error:
            # Only errors that are known to come before any work (a refusal, no connection) are
            # free.
            if not (isinstance(error, AttemptFailed) and self._may_cost(error)):
                bill, lost = Cost(), False
            if isinstance(error, AttemptFailed) and error.slows_all:
                self._limiter.slow_down(error.after_seconds)
            raise
        finally:
            # In `finally`: also a cancelled attempt must give its reservation back, as a bill at
            # its worst.
            self._spending.settle(held, bill)
            if lost and not self._is_free:
                self._lost += Lost(1, bill.tokens, bill.usd)
        return replace(reply, cost_usd=bill.usd)

    def _may_cost(self, failed: AttemptFailed) -> bool:
        """Whether a failed attempt is charged at its worst case.

        No byte on a reused connection does not prove that nobody worked on the request: where
        tokens have a price it stays charged.
        """
        return failed.may_be_billed and not (failed.unread and self._price is None)

    def _bill(self, reply: ModelReply, worst: Cost) -> Cost:
        """What a reply took: as the server counted, else at its worst case."""
        usage = reply.usage
        if usage is None:
            return Cost(worst.tokens, reply.cost_usd if self._price is None else worst.usd)
        usd = (
            reply.cost_usd if self._price is None else self._price.cost(usage, batch=reply.by_batch)
        )
        return Cost(usage.prompt_tokens + usage.output_tokens, usd)
