"""What wire tests need: replies in the words of the Messages API, and who says them."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from typing import Any

import httpx2

from docpager.models.claude import ClaudeModel
from docpager.models.messages import FunctionSchema, ModelRequest, Turn, UserTurn

NAME = "claude-sonnet-5-5"
SEARCH = FunctionSchema(
    "search",
    "Find passages.",
    {
        "type": "object",
        "properties": {
            "query": {"type": "string", "minLength": 1},
            "page": {"type": "integer", "minimum": 1},
        },
        "required": ["query"],
    },
)


def asked(*turns: Turn | str, **fields: Any) -> ModelRequest:
    """A request of these turns; a text is a user's turn."""
    given = tuple(UserTurn(turn) if isinstance(turn, str) else turn for turn in turns)
    values = {
        "instructions": "Answer from the documents.",
        "functions": (SEARCH,),
        "turns": given or (UserTurn("What was revenue?"),),
        "max_output_tokens": 1_000,
        **fields,
    }
    return ModelRequest(**values)


def text(said: str) -> dict[str, Any]:
    return {"type": "text", "text": said, "citations": None}


def tool_use(id: str = "toolu_1", name: str = "search", **arguments: Any) -> dict[str, Any]:
    return {"type": "tool_use", "id": id, "name": name, "input": arguments}


def message(*blocks: dict[str, Any], **fields: Any) -> dict[str, Any]:
    """A reply as JSON; `usage` and the like may be given."""
    return {
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "model": NAME,
        "content": list(blocks),
        "stop_reason": "end_turn",
        "stop_sequence": None,
        "usage": {"input_tokens": 10, "output_tokens": 5},
        **fields,
    }


def events(reply: dict[str, Any]) -> list[dict[str, Any]]:
    """The events that a server streams for a reply."""
    begun = {**reply, "content": [], "stop_reason": None}
    told: list[dict[str, Any]] = [{"type": "message_start", "message": begun}]
    for index, block in enumerate(reply["content"]):
        start, deltas = _parts(block)
        told.append({"type": "content_block_start", "index": index, "content_block": start})
        told += [
            {"type": "content_block_delta", "index": index, "delta": delta} for delta in deltas
        ]
        told.append({"type": "content_block_stop", "index": index})
    delta = {key: reply.get(key) for key in ("stop_reason", "stop_sequence", "stop_details")}
    output = {"output_tokens": reply["usage"].get("output_tokens", 0)}
    told.append({"type": "message_delta", "delta": delta, "usage": output})
    return [*told, {"type": "message_stop"}]


def _parts(block: dict[str, Any]) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    if block["type"] == "text":
        said = block["text"]
        return {**block, "text": ""}, [{"type": "text_delta", "text": said}]
    if block["type"] == "tool_use":
        written = json.dumps(block["input"])
        halves = (written[:3], written[3:])
        deltas = [{"type": "input_json_delta", "partial_json": half} for half in halves]
        return {**block, "input": {}}, deltas
    if block["type"] == "thinking":
        deltas = [
            {"type": "thinking_delta", "thinking": block["thinking"]},
            {"type": "signature_delta", "signature": block["signature"]},
        ]
        return {**block, "thinking": "", "signature": ""}, deltas
    return block, []


def written(told: Iterable[dict[str, Any]]) -> bytes:
    """Events as a stream of bytes."""
    return b"".join(
        f"event: {event['type']}\ndata: {json.dumps(event)}\n\n".encode() for event in told
    )


def streamed(reply: dict[str, Any], **headers: str) -> httpx2.Response:
    """The answer of a server that streams `reply`."""
    return stream_of(events(reply), **headers)


def stream_of(told: Iterable[dict[str, Any]], **headers: str) -> httpx2.Response:
    """The answer of a server that streams these events."""
    shown = {"content-type": "text/event-stream", **_named(headers)}
    return httpx2.Response(200, headers=shown, content=written(told))


def _named(headers: dict[str, str]) -> dict[str, str]:
    return {name.replace("_", "-"): value for name, value in headers.items()}


def refused(status: int, kind: str, *, code: str | None = None, **headers: str) -> httpx2.Response:
    """The answer of a server that does not reply."""
    error = {"type": kind, "message": f"about {kind}"}
    if code:
        error["details"] = {"error_code": code}
    shown = {"request-id": "req_1", **_named(headers)}
    return httpx2.Response(status, headers=shown, json={"type": "error", "error": error})


class Server:
    """Answers every request in the same way, and keeps what it was sent."""

    def __init__(self, answer: Callable[[httpx2.Request], httpx2.Response] | httpx2.Response):
        self._answer = answer
        self.requests: list[httpx2.Request] = []

    @property
    def bodies(self) -> list[dict[str, Any]]:
        return [json.loads(request.content) for request in self.requests if request.content]

    def client(self) -> httpx2.AsyncClient:
        return httpx2.AsyncClient(transport=httpx2.MockTransport(self._receive))

    def _receive(self, request: httpx2.Request) -> httpx2.Response:
        self.requests.append(request)
        return self._answer(request) if callable(self._answer) else self._answer


def model_at(server: Server, name: str = NAME, **settings: Any) -> ClaudeModel:
    """A model whose requests all go to `server`."""
    settings.setdefault("backend", "anthropic")
    settings.setdefault("base_url", "http://127.0.0.1:1")
    return ClaudeModel(name, http_client=server.client(), **settings)
