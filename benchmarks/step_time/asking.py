"""The same request asked twice: through docpager's adapter, and through the bare SDK.

Both speak to a transport in this process, which answers at once and counts for neither more than
for the other; over a socket both would take longer, by the same.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping
from typing import Any

import httpx2
from anthropic import AsyncAnthropic

from docpager.models.claude import ClaudeModel
from docpager.models.messages import ModelReply, ModelRequest

MODEL = "claude-sonnet-5-5"
URL = "http://127.0.0.1:1"

Block = dict[str, Any]


class TwoWays:
    """Asks one server in both ways and says what each took of the processor, in milliseconds."""

    def __init__(self) -> None:
        self._runner = asyncio.Runner()
        self._answer = b""
        client = httpx2.AsyncClient(transport=httpx2.MockTransport(self._respond))
        self._adapter = ClaudeModel(MODEL, base_url=URL, backend="anthropic", http_client=client)
        self._sdk = AsyncAnthropic(base_url=URL, api_key="none", max_retries=0, http_client=client)

    def ask(self, request: ModelRequest, reply: ModelReply) -> tuple[float, float]:
        """The adapter's time, then the bare SDK's; the server says `reply`."""
        self._answer = streamed(reply)
        body = self._adapter.body(request)
        bare = self._timed(lambda: self._ask_bare(body))
        return self._timed(lambda: self._adapter.complete(request)), bare

    def close(self) -> None:
        self._runner.close()

    async def _ask_bare(self, body: Mapping[str, Any]) -> object:
        async with self._sdk.messages.stream(**body) as stream:
            return await stream.get_final_message()

    def _timed(self, ask: Callable[[], Awaitable[object]]) -> float:
        async def timed() -> float:
            started = time.process_time_ns()
            await ask()
            return (time.process_time_ns() - started) / 1e6

        return self._runner.run(timed())

    def _respond(self, request: httpx2.Request) -> httpx2.Response:
        headers = {"content-type": "text/event-stream"}
        return httpx2.Response(200, headers=headers, content=self._answer)


def streamed(reply: ModelReply) -> bytes:
    """A reply as a server streams it."""
    return b"".join(
        f"event: {event['type']}\ndata: {json.dumps(event)}\n\n".encode()
        for event in _events(reply)
    )


def _events(reply: ModelReply) -> Iterator[Block]:
    usage = {"input_tokens": 60_000, "output_tokens": 60}
    message = {
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "model": MODEL,
        "content": [],
        "stop_reason": None,
        "usage": usage,
    }
    yield {"type": "message_start", "message": message}
    for index, (block, delta) in enumerate(_blocks(reply)):
        yield {"type": "content_block_start", "index": index, "content_block": block}
        yield {"type": "content_block_delta", "index": index, "delta": delta}
        yield {"type": "content_block_stop", "index": index}
    yield {"type": "message_delta", "delta": {"stop_reason": reply.stop_reason}, "usage": usage}
    yield {"type": "message_stop"}


def _blocks(reply: ModelReply) -> Iterator[tuple[Block, Block]]:
    """Each block as it begins, and the rest of it."""
    if reply.text:
        yield {"type": "text", "text": ""}, {"type": "text_delta", "text": reply.text}
    for call in reply.calls:
        block = {"type": "tool_use", "id": call.id, "name": call.name, "input": {}}
        written = json.dumps(dict(call.arguments))
        yield block, {"type": "input_json_delta", "partial_json": written}
