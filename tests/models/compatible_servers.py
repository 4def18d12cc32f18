"""Servers that speak part of the Messages API, each leaving out what its model leaves out.

Written from what their documentation says; none of them is a copy of the server it is named after.
Every one replies to a first request with a call, and to results with an answer.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import httpx2
from messages_api import events, message, stream_of, text

__all__ = ["SERVERS"]

Body = dict[str, Any]

ONLY_ANTHROPIC = ("cache_control", "strict", "thinking", "output_config", "signature")
"""What none of them is sent."""


def ollama(request: httpx2.Request) -> httpx2.Response:
    """No cache fields, no signatures, ids of its own, no token counting; no key is checked."""
    if request.url.path != "/v1/messages":
        return httpx2.Response(404, text="404 page not found")
    if not _is_first(_body(request)):
        return stream_of(events(message(text("41"), id="msg_a1b2")))
    thought = {"type": "thinking", "thinking": "Let me look.", "signature": ""}
    call = _call("call_k3j2h1", query="revenue")
    told = events(message(thought, call, id="msg_a1b2", stop_reason="tool_use"))
    del told[1]["content_block"]["signature"]
    return stream_of([event for event in told if "signature" not in event.get("delta", {})])


def llama_cpp(request: httpx2.Request) -> httpx2.Response:
    """Errors in another shape, thinking with an empty signature, the same id for every call."""
    if request.url.path != "/v1/messages":
        error = {"code": 404, "message": "File Not Found", "type": "not_found_error"}
        return httpx2.Response(404, json={"error": error})
    if not _is_first(_body(request)):
        return stream_of(events(message(text("41"), id="chatcmpl-1")))
    thought = {"type": "thinking", "thinking": "Look.", "signature": ""}
    calls = (_call("", query="revenue"), _call("", query="sales"))
    return stream_of(events(message(thought, *calls, id="chatcmpl-1", stop_reason="tool_use")))


def vllm(request: httpx2.Request) -> httpx2.Response:
    """Checks the request against its own types; other models than its own are not found."""
    body = _body(request)
    if request.url.path != "/v1/messages":
        return httpx2.Response(404, json={"detail": "Not Found"})
    if body["model"] != "local-model":
        error = {"type": "NotFoundError", "message": f"The model `{body['model']}` does not exist."}
        return httpx2.Response(404, json={"type": "error", "error": error})
    strange = {block["type"] for block in _blocks(body)} - {"text", "tool_use", "tool_result"}
    if strange or body.get("tool_choice", {}).get("type") == "tool":
        error = {"type": "BadRequestError", "message": f"{strange}"}
        return httpx2.Response(400, json={"type": "error", "error": error})
    usage = {
        "input_tokens": 40,
        "output_tokens": 5,
        "cache_creation_input_tokens": None,
        "cache_read_input_tokens": None,
    }
    call = message(_call("chatcmpl-tool-9f", query="revenue"), stop_reason="tool_use")
    reply = call if _is_first(body) else message(text("41"))
    return stream_of(events(reply | {"id": "chatcmpl-7", "usage": usage}))


def lm_studio(request: httpx2.Request) -> httpx2.Response:
    """Counts nothing, numbers its calls, names its stop reasons as another protocol does."""
    if request.url.path != "/v1/messages":
        return httpx2.Response(200, json={"error": f"Unexpected endpoint {request.url.path}"})
    usage = {"input_tokens": 0, "output_tokens": 0}
    call = message(_call("493750120", query="revenue"), stop_reason="tool_calls", usage=usage)
    reply = call if _is_first(_body(request)) else message(text("41"), stop_reason="stop")
    return stream_of(events(reply | {"usage": usage}))


def litellm(request: httpx2.Request) -> httpx2.Response:
    """Begins every reply with an empty text, counts at the end, and heeds no tool choice."""
    if request.url.path == "/v1/messages/count_tokens":
        return httpx2.Response(200, json={"input_tokens": 33})
    if request.url.path != "/v1/messages":
        return httpx2.Response(500, json={"error": {"message": "No connected db."}})
    first = _is_first(_body(request))
    rest = _call("call_Zx", query="revenue") if first else text("41")
    told = events(message(text(""), rest, usage={"input_tokens": 0, "output_tokens": 0}))
    told[-2]["delta"]["stop_reason"] = "tool_use" if first else "end_turn"
    told[-2]["usage"] = {"input_tokens": 40, "output_tokens": 5}
    return stream_of([event for event in told if event["type"] != "ping"])


SERVERS: dict[str, Callable[[httpx2.Request], httpx2.Response]] = {
    "ollama": ollama,
    "llama.cpp": llama_cpp,
    "vllm": vllm,
    "lm-studio": lm_studio,
    "litellm": litellm,
}


def _body(request: httpx2.Request) -> Body:
    """What was sent, once it is seen to hold nothing that only Anthropic's server knows."""
    body: Body = json.loads(request.content) if request.content else {}
    found = [name for name in ONLY_ANTHROPIC if name in set(_keys(body))]
    assert not found, f"a server that does not know {found} was sent them"
    return body


def _keys(value: object) -> Iterator[str]:
    if isinstance(value, dict):
        yield from value
        for each in value.values():
            yield from _keys(each)
    if isinstance(value, list):
        for each in value:
            yield from _keys(each)


def _blocks(body: Body) -> Iterator[Body]:
    for each in body["messages"]:
        yield from each["content"]


def _is_first(body: Body) -> bool:
    return not any(block["type"] == "tool_result" for block in _blocks(body))


def _call(id: str, **arguments: Any) -> Body:
    return {"type": "tool_use", "id": id, "name": "search", "input": arguments}
