"""OpenAIModel: a ChatModel over Chat Completions, one attempt at a time."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from docpager.core.errors import AttemptFailed, ModelError, UsageError
from docpager.models.messages import ChatModel, ModelReply, ModelRequest
from docpager.models.openai.chat import CollectedReply, request_body
from docpager.models.openai.client import OpenAIClients, address, failure, is_official, require_sdk
from docpager.models.pricing import Price, price_of
from docpager.models.server_errors import header_count, refusal, told
from docpager.models.servers import ServerLook, is_paid_host

if TYPE_CHECKING:
    import httpx

__all__ = ["EFFORTS", "OpenAIModel"]

EFFORTS = ("none", "minimal", "low", "medium", "high", "xhigh", "max")
"""What `reasoning_effort` may be; which of them a model takes its server says."""

_KINDS = ("requests", "tokens")


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
        reply = collected.reply(exact_usage=self._official, reply_id=f"reply-{self._replies}")
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
