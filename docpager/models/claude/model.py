"""ClaudeModel: a ChatModel over the Messages API, one attempt at a time, within its limits."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal

import docpager.models.claude.batches as batches
from docpager.core.errors import AttemptFailed, ModelError, UsageError
from docpager.models.claude.backends import Backend, address, backend_for
from docpager.models.claude.client import Clients
from docpager.models.claude.errors import failure
from docpager.models.claude.families import check_effort
from docpager.models.claude.replies import is_count, model_reply
from docpager.models.claude.requests import RequestEncoder
from docpager.models.messages import (
    BatchItem,
    BatchResult,
    BatchStatus,
    ChatModel,
    ModelReply,
    ModelRequest,
    SubmittedBatch,
)
from docpager.models.pricing import Price, price_of

if TYPE_CHECKING:
    import httpx2
    from anthropic import AsyncAnthropic
    from anthropic.types import Message

__all__ = [
    "ClaudeModel",
    "ModelLimits",
    "RateLimits",
    "check_limits",
    "fetch_limits",
    "rate_limits",
]

_TIMEOUT_SECONDS = 10.0


@dataclass(frozen=True, slots=True)
class ModelLimits:
    """The most that a model takes and gives; None where its server does not say."""

    input_tokens: int | None = None
    output_tokens: int | None = None


async def fetch_limits(client: AsyncAnthropic, model: str) -> ModelLimits:
    """The limits from the models endpoint; unknown ones where the server has none to tell."""
    import anthropic
    import httpx2

    try:
        told = await client.models.retrieve(model, timeout=_TIMEOUT_SECONDS)
    except (anthropic.AnthropicError, httpx2.HTTPError, ValueError):
        # Whatever is the matter, the request itself will say it better.
        return ModelLimits()
    return ModelLimits(_tokens(told, "max_input_tokens"), _tokens(told, "max_tokens"))


def check_limits(limits: ModelLimits, *, model: str, window: int | None, max_output: int) -> None:
    """Refuse what the server would refuse.

    Raises:
        UsageError: the window or the reserved output is larger than the model's.
    """
    if limits.output_tokens is not None and max_output > limits.output_tokens:
        raise UsageError(
            f"{model} replies with at most {limits.output_tokens} tokens, not {max_output}; "
            f"pass `max_output={limits.output_tokens}` or less"
        )
    if limits.input_tokens is not None and window is not None and window > limits.input_tokens:
        raise UsageError(
            f"{model} takes at most {limits.input_tokens} tokens, not {window}; "
            f"pass `window={limits.input_tokens}` or less"
        )


def _tokens(told: object, name: str) -> int | None:
    value = getattr(told, name, None)
    return value if isinstance(value, int) and value > 0 else None


_MOST_DIGITS = 18
_KINDS = ("requests", "tokens", "input-tokens", "output-tokens")


@dataclass(frozen=True, slots=True)
class RateLimits:
    """What is left of each limit, as a share of it."""

    left: Mapping[str, float]
    """By kind: `requests`, `input-tokens`, ..."""

    @property
    def tightest(self) -> float:
        """The smallest share that is left."""
        return min(self.left.values(), default=1.0)


def rate_limits(headers: Mapping[str, str]) -> RateLimits | None:
    """The limits that a reply's headers tell; None where they tell none."""
    left = {}
    for kind in _KINDS:
        limit = _number(headers.get(f"anthropic-ratelimit-{kind}-limit"))
        remaining = _number(headers.get(f"anthropic-ratelimit-{kind}-remaining"))
        if limit and remaining is not None:
            left[kind] = min(1.0, remaining / limit)
    return RateLimits(left) if left else None


def _number(text: str | None) -> int | None:
    return int(text) if text and len(text) <= _MOST_DIGITS and text.isdecimal() else None


class ClaudeModel(ChatModel):
    """A model of Anthropic's, or of another server that speaks the Messages API.

    Does what is asked once: whoever calls it retries, waits and accounts for the cost.
    """

    def __init__(
        self,
        name: str,
        *,
        base_url: str | None = None,
        backend: str | Backend | None = None,
        effort: str | None = None,
        price: Price | None = None,
        http_client: httpx2.AsyncClient | None = None,
    ) -> None:
        """Prepare for one model; nothing is sent and no credential is read.

        `backend` says which parts of the protocol the server has: `anthropic` all, `compatible`
        the least; by default as the address suggests. `price` is the built-in one by default.

        Raises:
            UsageError: no such backend or effort, or an address that is none.
        """
        self.name = name
        self.url = address(base_url)
        self.backend = backend if isinstance(backend, Backend) else backend_for(self.url, backend)
        check_effort(effort, model=name, thinking=self.backend.thinking)
        self.rate_limits: RateLimits | None = None
        """What the newest reply said is left."""
        self.batch_ttl = "1h"
        self._price = price or price_of(name)
        self._encoder = RequestEncoder(name, backend=self.backend, effort=effort)
        self._clients = Clients(self.url, http_client=http_client)
        self._limits: ModelLimits | None = None

    def body(
        self, request: ModelRequest, *, ttl: Literal["5m", "1h"] | None = "5m"
    ) -> dict[str, Any]:
        """What `request` becomes on the wire, but for `stream`."""
        return self._encoder.body(request, ttl=ttl)

    async def complete(self, request: ModelRequest) -> ModelReply:
        """Reply to `request`; tries once.

        Raises:
            AttemptFailed: this attempt failed; says whether another may succeed.
            ModelError: the model cannot be used at all.
        """
        body = self.body(request)
        with self._failures():
            message = await self._stream(body)
        return self._reply(message, batch=False)

    async def count_tokens(self, request: ModelRequest) -> int | None:
        """Tokens of the prompt by the server's count; None where it does not count."""
        if not self.backend.count_tokens:
            return None
        body = self.body(request)
        del body["max_tokens"]
        client = self._clients.get()
        try:
            with self._failures():
                counted = await client.messages.count_tokens(**body)
        except ModelError:
            # Whatever is the matter, the request itself will say it better.
            return None
        tokens = getattr(counted, "input_tokens", None)
        return tokens if is_count(tokens) and tokens > 0 else None

    @property
    def rate_limit_left(self) -> float | None:
        """Share that is left of the tightest limit, by the newest reply."""
        return None if self.rate_limits is None else self.rate_limits.tightest

    async def limits(self) -> ModelLimits:
        """The model's limits, asked of its server once."""
        if self._limits is None:
            self._limits = await fetch_limits(self._clients.get(), self.name)
        return self._limits

    async def check(self, *, window: int, max_output: int) -> None:
        """See that a run of this size can be asked at all, before its first request.

        Raises:
            UsageError: the window or the reserved output is larger than the model's.
            ModelError: there are no credentials.
        """
        limits = await self.limits()
        check_limits(limits, model=self.name, window=window, max_output=max_output)

    async def submit(self, items: Sequence[BatchItem]) -> str:
        """Send a batch; returns its id.

        Raises:
            ModelError: as `complete`; or the server takes no batches.
        """
        self._require_batches()
        requests = [(item.custom_id, self.body(item.request, ttl=self.batch_ttl)) for item in items]
        with self._failures():
            return await batches.submit(self._clients.get(), requests)

    async def status(self, batch_id: str) -> BatchStatus:
        """How far the batch is."""
        with self._failures():
            return await batches.status(self._clients.get(), batch_id)

    async def results(self, batch_id: str) -> Sequence[BatchResult]:
        """The results of an ended batch, in no order; an item may be missing or come twice."""
        with self._failures():
            lines = await batches.lines(self._clients.get(), batch_id)
        return batches.results(lines, reply=lambda message: self._reply(message, batch=True))

    async def cancel(self, batch_id: str) -> None:
        """Ask the server to stop; what was done already is billed."""
        with self._failures():
            await batches.cancel(self._clients.get(), batch_id)

    async def recent(self, since: float) -> Sequence[SubmittedBatch]:
        """Batches that the server got at or after `since` (seconds since 1970), oldest first."""
        with self._failures():
            return await batches.recent(self._clients.get(), since)

    async def close(self) -> None:
        """Close the connections; the model can be used again all the same."""
        await self._clients.close()

    async def _stream(self, body: dict[str, Any]) -> Message:
        """The whole message. Streamed, because long replies are refused if not."""
        begun = False
        async with self._clients.get().messages.stream(**body) as stream:
            self.rate_limits = rate_limits(stream.response.headers) or self.rate_limits
            async for event in stream:
                begun = begun or getattr(event, "type", None) == "message_start"
            if begun:
                return await stream.get_final_message()
        kind = stream.response.headers.get("content-type", "no content type")
        raise AttemptFailed(
            f"{self.url} sent no reply ({kind} instead of a stream of events)",
            retryable=True,
            may_be_billed=True,
        )

    def _reply(self, message: Message, *, batch: bool) -> ModelReply:
        reply = model_reply(message, exact_usage=self.backend.exact_usage)
        reply = replace(reply, by_batch=batch)
        if self._price is None or reply.usage is None:
            return reply
        return replace(reply, cost_usd=self._price.cost(reply.usage, batch=batch))

    @property
    def why_no_batches(self) -> str:
        """Why its server is not to be asked for batches; empty where it is."""
        if self.backend.batches:
            return ""
        return (
            f"{self.url} is not known to take message batches; ask one by one, or say "
            '`backend="anthropic"` if it does'
        )

    def _require_batches(self) -> None:
        if why := self.why_no_batches:
            raise ModelError(why)

    @contextmanager
    def _failures(self) -> Iterator[None]:
        """Turns whatever the SDK raises into what callers know."""
        import anthropic
        import httpx2

        try:
            yield
        except anthropic.APIStatusError as error:
            self.rate_limits = rate_limits(error.response.headers) or self.rate_limits
            raise failure(error, at=self.url) from error
        except (anthropic.AnthropicError, httpx2.HTTPError, *_UNCHECKED) as error:
            raise failure(error, at=self.url) from error


_UNCHECKED = (ValueError, TypeError, AttributeError, LookupError, AssertionError, RuntimeError)
"""How the SDK fails on replies that are no JSON, or lack or garble a field: it checks neither."""
