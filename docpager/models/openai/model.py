"""OpenAIModel: a ChatModel over Chat Completions, one attempt at a time."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from docpager.core.errors import AttemptFailed, ModelError, UsageError
from docpager.models.messages import (
    ChatModel,
    FunctionSchema,
    ModelReply,
    ModelRequest,
    ServedContext,
)
from docpager.models.openai.chat import CollectedReply, request_body
from docpager.models.openai.client import OpenAIClients, address, failure, is_official, require_sdk
from docpager.models.pricing import Price, price_of
from docpager.models.server_errors import header_count, refusal, told
from docpager.models.server_tokens import (
    PROOF,
    TOO_BUSY,
    UNCOUNTED_MARGIN,
    ServerCounts,
    ServerTokens,
    measure_server,
)
from docpager.models.servers import CHAT_COUNTS, ServerLook, is_paid_host, token_count

if TYPE_CHECKING:
    import httpx

__all__ = ["EFFORTS", "OpenAIModel"]

EFFORTS = ("none", "minimal", "low", "medium", "high", "xhigh", "max")
"""What `reasoning_effort` may be; which of them a model takes its server says."""

_KINDS = ("requests", "tokens")
_COUNTED_AT_ONCE = 3
_COUNT_SECONDS = 2.0
"""How long a server may take to count the tokens of a short text before a run."""
_PROOF_SECONDS = 60.0
"""How long it may take to reply with one token, and with one to each sample: with one slot it first
reads another prompt, and may still have to load its model."""
_NOT_COUNTED = ("max_tokens", "max_completion_tokens", "stream", "stream_options")
"""Parts of a request that are none of its prompt."""


class OpenAIModel(ChatModel):
    """A model of OpenAI's, or of another server that speaks Chat Completions.

    Does what is asked once: whoever calls it retries, waits and keeps the books.
    """

    def __init__(
        self,
        name: str,
        *,
        base_url: str | None = None,
        effort: str | None = None,
        api_key_env: str = "",
        price: Price | None = None,
        http_client: httpx.AsyncClient | None = None,
    ) -> None:
        """Prepare for one model; nothing is sent and no key is read.

        `api_key_env` names the variable that holds the key for a server that is not OpenAI's.

        Raises:
            UsageError: no such effort, an address that is none, or the SDK is not installed.
        """
        require_sdk()
        if effort is not None and effort not in EFFORTS:
            raise UsageError(f"no effort {effort!r}; choose one of: {', '.join(EFFORTS)}")
        self.name = name
        self.url = address(base_url)
        self._effort = effort
        self._official = is_official(self.url)
        self._price = price or price_of(name)
        self._clients = OpenAIClients(self.url, api_key_env=api_key_env, http_client=http_client)
        self._look = ServerLook(self.url, model=name, api_key_env=api_key_env)
        self._rate_limit_left: float | None = None
        self._replies = 0
        self._counts = ServerCounts()
        self._counted_at = ""
        """Where the server counts the tokens of a prompt; empty where nobody knows of such."""

    def body(self, request: ModelRequest) -> dict[str, Any]:
        """What `request` becomes on the wire."""
        return request_body(request, model=self.name, official=self._official, effort=self._effort)

    async def complete(self, request: ModelRequest) -> ModelReply:
        """Reply to `request`; tries once.

        Raises:
            AttemptFailed: this attempt failed; says whether another may succeed.
            ContextExceeded: the prompt is larger than the server's context.
            ModelError: the model cannot be used at all.
        """
        self._replies += 1
        with self._failures():
            collected = await self._stream(self.body(request), request.max_output_tokens)
        exact = self._official or bool(self._counts.proved)
        reply = collected.reply(exact_usage=exact, reply_id=f"reply-{self._replies}")
        await self._look.after_a_reply()
        if self._price is None or reply.usage is None:
            return reply
        return replace(reply, cost_usd=self._price.cost(reply.usage))

    async def check(self, *, window: int, max_output: int) -> None:
        """See that a run of this size can be asked at all, before its first request.

        Raises:
            UsageError: the window is larger than the server's context.
            ModelError: there is no key.
        """
        self._clients.get()
        if not is_paid_host(self.url):
            await self._look.check(window=window, told=self.notify)

    async def served_context(self) -> ServedContext | None:
        """The context of a server of one's own, where it certainly tells it.

        Raises:
            ModelError: there is no key.
        """
        self._clients.get()
        return None if is_paid_host(self.url) else await self._look.context(told=self.notify)

    async def count_tokens(self, request: ModelRequest) -> int | None:
        """Tokens of the prompt by the server's count; None where it does not count, or where its
        counts have not proved themselves."""
        return await self._counted(request) if self._counted_at else None

    @property
    def may_measure(self) -> bool:
        """Whether its server sells no tokens, and is not known to count wrongly."""
        free = self._price is None or self._price.free
        return free and not is_paid_host(self.url) and self._counts.proved is not False

    async def measure_tokens(
        self, instructions: str, functions: tuple[FunctionSchema, ...]
    ) -> ServerTokens | None:
        """How a server of one's own counts; None where it does not say, or where what it counts
        does not agree with itself."""
        if not self.may_measure:
            return None
        return await self._counts.measured(
            instructions, functions, lambda: self._measure(instructions, functions)
        )

    @property
    def rate_limit_left(self) -> float | None:
        """Share that is left of the tightest limit, by the newest answer."""
        return self._rate_limit_left

    async def parameters(self) -> int | None:
        """How many parameters the model has, as far as a server of one's own tells."""
        return None if is_paid_host(self.url) else await self._look.parameters()

    async def close(self) -> None:
        """Close the connections; the model can be used again all the same."""
        await self._clients.close()

    async def _measure(
        self, instructions: str, functions: tuple[FunctionSchema, ...]
    ) -> ServerTokens | None:
        """By the counts of the server where they agree with the usage of a reply, else by the usage
        of replies of one token to known texts: where that costs nothing."""
        async with self._in_time():
            said = await self._said(PROOF)
        if said is None:
            return None
        for path in CHAT_COUNTS:
            self._counted_at = path
            if await self._counted(PROOF, seconds=_COUNT_SECONDS) == said:
                return await measure_server(
                    lambda request: self._counted(request, seconds=_COUNT_SECONDS),
                    said, instructions, functions, at_once=_COUNTED_AT_ONCE,
                )  # fmt: skip
        self._counted_at = ""
        # A proxy of unknown price may lead to where tokens are sold.
        free = self._price is not None or await self._look.software()
        if not free:
            return None
        async with self._in_time():
            # The second time a cache may hold it: some servers count only what it did not hold.
            if await self._said(PROOF) != said:
                return None
            return await measure_server(
                self._said, said, instructions, functions, margin=UNCOUNTED_MARGIN
            )

    async def _counted(self, request: ModelRequest, *, seconds: float | None = None) -> int | None:
        """What the server counts where it does."""
        body = {k: v for k, v in self.body(request).items() if k not in _NOT_COUNTED}
        root = self.url.removesuffix("/v1")
        client = self._clients.get()
        if seconds is not None:
            client = client.with_options(timeout=seconds)
        try:
            with self._failures():
                told = await client.post(root + self._counted_at, body=body, cast_to=object)
        except ModelError:
            # Whatever is the matter, the request itself will say it better.
            return None
        return token_count(told)

    @asynccontextmanager
    async def _in_time(self) -> AsyncIterator[None]:
        """Let replies that only measure take so long and no longer.

        Raises:
            TimeoutError: they took longer.
        """
        try:
            async with asyncio.timeout(_PROOF_SECONDS):
                yield
        except TimeoutError:
            self.notify(TOO_BUSY.format(self.url))
            raise

    async def _said(self, request: ModelRequest) -> int | None:
        """Tokens of a prompt by the usage of a reply of one token."""
        try:
            with self._failures():
                collected = await self._stream(self.body(request), request.max_output_tokens)
            usage = collected.reply(exact_usage=True, reply_id="proof").usage
        except ModelError:
            return None
        return None if usage is None else usage.prompt_tokens

    async def _stream(self, body: dict[str, Any], max_output: int) -> CollectedReply:
        collected = CollectedReply(max_output)
        async with await self._clients.get().chat.completions.create(**body) as stream:
            headers = stream.response.headers
            self._observe(headers)
            kind = headers.get("content-type", "no content type")
            if kind.startswith("application/json"):
                message = self._unstreamed(await stream.response.aread())
                collected.given = bool(message)
                collected.add(message)
            else:
                async for chunk in stream:
                    collected.add(chunk.to_dict(mode="json", exclude_unset=False))
        if collected.begun:
            return collected
        raise AttemptFailed(
            f"{self.url} sent no reply ({kind} instead of a stream of events)",
            retryable=not kind.startswith("application/json") or not collected.given,
            may_be_billed=True,
        )

    def _unstreamed(self, content: bytes) -> Mapping[str, Any]:
        """One JSON message, which some servers send although a stream was asked for."""
        try:
            body = json.loads(content)
        except (ValueError, RecursionError):
            return {}
        if isinstance(body, dict) and "error" in body:
            raise refusal(told(body), status=200, headers={}, at=self.url, unusable={})
        return body if isinstance(body, dict) else {}

    def _observe(self, headers: Mapping[str, str]) -> None:
        if (left := _left(headers)) is not None:
            self._rate_limit_left = left

    @contextmanager
    def _failures(self) -> Iterator[None]:
        """Turns whatever the SDK raises into what callers know."""
        import httpx
        import openai

        try:
            yield
        except ModelError:
            raise
        except openai.APIStatusError as error:
            self._observe(error.response.headers)
            raise failure(error, at=self.url) from error
        except (openai.OpenAIError, httpx.HTTPError, *_UNCHECKED) as error:
            raise failure(error, at=self.url) from error


_UNCHECKED = (ValueError, TypeError, AttributeError, LookupError, RuntimeError)
"""How the SDK fails on replies that are no JSON, or lack or garble a field: it checks neither."""


def _left(headers: Mapping[str, str]) -> float | None:
    """The smallest share that is left of a rate limit; None where none is told."""
    shares = []
    for kind in _KINDS:
        limit = header_count(headers.get(f"x-ratelimit-limit-{kind}"))
        remaining = header_count(headers.get(f"x-ratelimit-remaining-{kind}"))
        if limit and remaining is not None:
            shares.append(min(1.0, remaining / limit))
    return min(shares, default=None)
