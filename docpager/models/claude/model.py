"""ClaudeModel: a ChatModel over the Messages API, one attempt at a time, within its limits."""

from __future__ import annotations

import asyncio
import json
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal

import docpager.models.claude.batches as batches
from docpager.core.errors import AttemptFailed, ModelError, UsageError
from docpager.models.claude.backends import Backend, address, backend_for
from docpager.models.claude.client import Clients, failure
from docpager.models.claude.families import check_effort, family_of
from docpager.models.claude.replies import is_count, is_whole_json, model_reply
from docpager.models.claude.requests import RequestEncoder
from docpager.models.messages import (
    BatchItem,
    BatchResult,
    BatchStatus,
    ChatModel,
    FunctionSchema,
    ModelReply,
    ModelRequest,
    ServedContext,
    SubmittedBatch,
)
from docpager.models.pricing import Price, price_of
from docpager.models.server_errors import header_count, refusal, told
from docpager.models.server_tokens import (
    PROOF,
    TOO_BUSY,
    ServerCounts,
    ServerTokens,
    measure_server,
)
from docpager.models.servers import ServerLook, is_paid_host

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
_COUNTED_AT_ONCE = 3
_COUNT_SECONDS = 2.0
"""How long a server may take to count the tokens of a short text before a run."""
_PROOF_SECONDS = 60.0
"""How long it may take to reply with one token: with one slot it first reads another prompt."""


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
        limit = header_count(headers.get(f"anthropic-ratelimit-{kind}-limit"))
        remaining = header_count(headers.get(f"anthropic-ratelimit-{kind}-remaining"))
        if limit and remaining is not None:
            left[kind] = min(1.0, remaining / limit)
    return RateLimits(left) if left else None


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
        api_key_env: str = "",
        price: Price | None = None,
        http_client: httpx2.AsyncClient | None = None,
    ) -> None:
        """Prepare for one model; nothing is sent and no credential is read.

        `backend` says which parts of the protocol the server has: `anthropic` all, `compatible`
        the least; by default as the address suggests. `api_key_env` names the variable that holds
        the key for a server which is not Anthropic's. `price` is the built-in one by default.

        Raises:
            UsageError: no such backend or effort, or an address that is none.
        """
        self.name = name
        self.sees = family_of(name).sees
        self.url = address(base_url)
        self.backend = backend if isinstance(backend, Backend) else backend_for(self.url, backend)
        check_effort(effort, model=name, thinking=self.backend.thinking)
        self.rate_limits: RateLimits | None = None
        """What the newest reply said is left."""
        self.batch_ttl = "1h"
        self._price = price or price_of(name)
        self._encoder = RequestEncoder(name, backend=self.backend, effort=effort)
        self._clients = Clients(
            self.url,
            keep_alive=self.backend.keep_alive,
            api_key_env=api_key_env,
            http_client=http_client,
        )
        self._limits: ModelLimits | None = None
        self._look = ServerLook(self.url, model=name, api_key_env=api_key_env)
        # Measuring takes a reply of one token: nothing that anybody is charged for unasked.
        self._may_measure = (
            backend is None
            and not self.backend.count_tokens
            and (self._price is None or self._price.free)
        )
        self._counts = ServerCounts()

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
            message, broken = await self._stream(body)
        reply = self._reply(
            message, batch=False, max_output=request.max_output_tokens, broken=broken
        )
        await self._look.after_a_reply()
        return reply

    async def count_tokens(self, request: ModelRequest) -> int | None:
        """Tokens of the prompt by the server's count; None where it does not count, or where its
        counts have not proved themselves."""
        if not self.backend.count_tokens and not self._counts.proved:
            return None
        return await self._counted(request)

    @property
    def may_measure(self) -> bool:
        """Whether its server is neither Anthropic's nor said not to be relied on."""
        return self._may_measure and not is_paid_host(self.url) and self._counts.proved is not False

    async def measure_tokens(
        self, instructions: str, functions: tuple[FunctionSchema, ...]
    ) -> ServerTokens | None:
        """How a server that is not Anthropic's counts; None where it does not, or where what it
        counts does not agree with itself."""
        if not self.may_measure:
            return None
        return await self._counts.measured(
            instructions, functions, lambda: self._measure(instructions, functions)
        )

    async def parameters(self) -> int | None:
        """How many parameters the model has, as far as a server of one's own tells."""
        if self.backend.count_tokens or is_paid_host(self.url):
            return None
        return await self._look.parameters()

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
        if not self.backend.count_tokens and not is_paid_host(self.url):
            self._clients.get()  # a key that is named and not set is told before anybody is asked
            await self._look.check(window=window, told=self.notify)
            return
        limits = await self.limits()
        check_limits(limits, model=self.name, window=window, max_output=max_output)

    async def served_context(self) -> ServedContext | None:
        """The context of a server of one's own, where it certainly tells it.

        Raises:
            ModelError: there is no key.
        """
        if self.backend.count_tokens or is_paid_host(self.url):
            return None
        self._clients.get()
        return await self._look.context(told=self.notify)

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

    async def _counted(self, request: ModelRequest, *, seconds: float | None = None) -> int | None:
        body = self.body(request)
        del body["max_tokens"]
        client = self._clients.get()
        if seconds is not None:
            client = client.with_options(timeout=seconds)
        try:
            with self._failures():
                counted = await client.messages.count_tokens(**body)
        except ModelError:
            # Whatever is the matter, the request itself will say it better.
            return None
        tokens = getattr(counted, "input_tokens", None)
        return tokens if is_count(tokens) and tokens > 0 else None

    async def _measure(
        self, instructions: str, functions: tuple[FunctionSchema, ...]
    ) -> ServerTokens | None:
        """Asks for counts of known texts, and for one token, whose usage must agree with them."""

        async def count(request: ModelRequest) -> int | None:
            return await self._counted(request, seconds=_COUNT_SECONDS)

        framing = await count(PROOF)
        if framing is None:
            return None
        measured = await measure_server(
            count, framing, instructions, functions, at_once=_COUNTED_AT_ONCE
        )
        return measured if measured and await self._agrees(PROOF, framing) else None

    async def _agrees(self, request: ModelRequest, counted: int) -> bool:
        """Whether the usage of a reply of one token says what was counted beforehand.

        Raises:
            TimeoutError: there was none in time.
        """
        try:
            async with asyncio.timeout(_PROOF_SECONDS):
                with self._failures():
                    message, _ = await self._stream(self.body(request))
                    usage = model_reply(message, exact_usage=True).usage
        except TimeoutError:
            self.notify(TOO_BUSY.format(self.url))
            raise
        except ModelError:
            return False
        return usage is not None and usage.prompt_tokens == counted

    async def _stream(self, body: dict[str, Any]) -> tuple[Message, bool]:
        """The whole message, and whether the arguments of a call in it broke off.

        Streamed, because long replies are refused otherwise.
        """
        begun = False
        written: defaultdict[int, str] = defaultdict(str)
        async with self._clients.get().messages.stream(**body) as stream:
            self.rate_limits = rate_limits(stream.response.headers) or self.rate_limits
            kind = stream.response.headers.get("content-type", "no content type")
            if kind.startswith("application/json"):
                return self._unstreamed(await stream.response.aread()), False
            async for event in stream:
                begun = begun or getattr(event, "type", None) == "message_start"
                delta = getattr(event, "delta", None)
                if getattr(delta, "type", None) == "input_json_delta":
                    written[getattr(event, "index", 0)] += getattr(delta, "partial_json", "")
            if begun:
                message = await stream.get_final_message()
                return message, not all(map(is_whole_json, written.values()))
        raise AttemptFailed(
            f"{self.url} sent no reply ({kind} instead of a stream of events)",
            retryable=True,
            may_be_billed=True,
        )

    def _unstreamed(self, content: bytes) -> Message:
        """One JSON message, which some servers send although a stream was asked for.

        Raises:
            ModelError: it is none; the next try would be no different.
        """
        from anthropic.types import Message

        try:
            body = json.loads(content)
        except (ValueError, RecursionError):
            body = None
        if isinstance(body, dict) and body.get("type") == "message":
            return Message.construct(**body)
        if isinstance(body, dict) and ("error" in body or body.get("type") == "error"):
            raise refusal(told(body), status=200, headers={}, at=self.url, unusable={})
        raise AttemptFailed(
            f"{self.url} sent no reply (application/json instead of a stream of events)",
            retryable=not body,  # nothing at all may pass, something else comes again
            may_be_billed=True,
        )

    def _reply(
        self, message: Message, *, batch: bool, max_output: int | None = None, broken: bool = False
    ) -> ModelReply:
        reply = model_reply(
            message,
            exact_usage=self.backend.exact_usage or bool(self._counts.proved),
            max_output=max_output,
            broken=broken,
        )
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
