"""A model that fails as it is told, in every way that an attempt can fail."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from docpager.core.errors import AttemptFailed, ModelError
from docpager.models.messages import ChatModel, ModelReply, ModelRequest, Usage
from docpager.models.pricing import Price, PriceBand, Rates
from docpager.models.scripted import Script, ScriptedModel

PRICE = Price(
    "failing",
    (PriceBand(Rates(input=2.0, output=10.0, write_5m=2.5, write_1h=4.0, read=0.1)),),
    as_of="2026-11-21",
    source="made up",
)
"""Dollars per million tokens of the models here."""

Fault = Callable[[], BaseException]


def attempt_failed(
    message: str = "overloaded",
    *,
    retryable: bool = True,
    billed: bool = False,
    after: float | None = None,
    slows: bool = False,
) -> Fault:
    return lambda: AttemptFailed(
        message, retryable=retryable, may_be_billed=billed, after_seconds=after, slows_all=slows
    )


OVERLOADED = attempt_failed("overloaded")
RATE_LIMIT = attempt_failed("rate limit", after=20, slows=True)
BARE_RATE_LIMIT = attempt_failed("rate limit", slows=True)
DAY_LONG_LIMIT = attempt_failed("rate limit", after=86_400, slows=True)
SPEND_LIMIT = attempt_failed("spend limit", retryable=False)
BROKEN_STREAM = attempt_failed("the stream broke", billed=True)
TIMED_OUT = attempt_failed("no reply in time", billed=True)
BROKEN_AT_ONCE = attempt_failed("the stream broke", billed=True, after=0)
OVERLOADED_AT_ONCE = attempt_failed("overloaded", after=0)
"""As those above, but the server asks for no wait: for runs by the real clock."""
BROKEN_FOR_GOOD = attempt_failed("the stream broke", retryable=False, billed=True)
NO_KEY: Fault = lambda: ModelError("no key")  # noqa: E731

FAULTS = (OVERLOADED, RATE_LIMIT, BARE_RATE_LIMIT, BROKEN_STREAM, TIMED_OUT)
"""Those after which another attempt may succeed."""


class FailingModel(ChatModel):
    """Raises the next fault, or plays the next part of its script; `None` in `plan` is success."""

    name = "failing"

    def __init__(
        self,
        *script: Script,
        plan: tuple[Fault | None, ...] = (),
        usage: Usage | None = None,
    ) -> None:
        self._script = ScriptedModel(*script)
        self._plan = list(plan)
        self.usage = usage or Usage(input_tokens=100, output_tokens=10, source="server")
        self.requests: list[ModelRequest] = []
        """Every attempt's."""

    async def complete(self, request: ModelRequest) -> ModelReply:
        self.requests.append(request)
        await asyncio.sleep(0)
        fault = self._plan.pop(0) if self._plan else None
        if fault is not None:
            raise fault()
        said = await self._script.complete(request)
        return ModelReply(said.text, said.calls, said.stop_reason, said.usage or self.usage)
