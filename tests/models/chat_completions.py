"""A small server of Chat Completions over a socket: it checks what it is sent and says a script."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from benchmarks.fake_api.http_types import HttpRequest, HttpResponse, json_response
from benchmarks.fake_api.server import Closes, Server

Body = dict[str, Any]


@dataclass
class ChatServer:
    """Says its replies in turn; a reply is a message, or an HttpResponse as it stands."""

    replies: list[Body | HttpResponse | Callable[[Body], HttpResponse]]
    url: str = ""
    bodies: list[Body] = field(default_factory=list)
    keys: list[str] = field(default_factory=list)
    paths: list[str] = field(default_factory=list)
    headers: dict[str, str] = field(default_factory=dict)
    tokens: Callable[[Body], int] | None = None
    """Tokens of a prompt, as usage says them; a reply of one token has a usage only with it."""
    answers: dict[str, Callable[[Body], Body]] = field(default_factory=dict)
    """What else is answered, by its path."""

    def handle(self, request: HttpRequest) -> HttpResponse:
        self.paths.append(request.path)
        self.keys.append(request.headers.get("authorization", ""))
        body = json.loads(request.body or b"{}")
        if answer := self.answers.get(request.path):
            return json_response(answer(body), {})
        if request.path != "/v1/chat/completions":
            return json_response({"error": {"message": "no such address"}}, {}, 404)
        if body.get("max_tokens") == 1:
            usage = self.tokens and {"prompt_tokens": self.tokens(body), "completion_tokens": 1}
            return streamed(said(".", finish="length", usage=usage), self.headers)
        if problem := wrong(body):
            error = {"message": problem, "type": "invalid_request_error"}
            return json_response({"error": error}, {}, 400)
        self.bodies.append(body)
        reply = self.replies.pop(0)
        if callable(reply):
            reply = reply(body)
        if self.tokens and not isinstance(reply, HttpResponse):
            reply["usage"] = {"prompt_tokens": self.tokens(body), "completion_tokens": 9}
        return reply if isinstance(reply, HttpResponse) else streamed(reply, self.headers)


def wrong(body: Body) -> str:
    """What the protocol forbids of a request; empty where it is right."""
    waiting: list[str] = []
    for message in body["messages"]:
        if message["role"] == "tool":
            if message["tool_call_id"] not in waiting:
                return f"no call {message['tool_call_id']!r} waits for a result"
            waiting.remove(message["tool_call_id"])
        elif waiting:
            return f"calls without a result: {waiting}"
        for call in message.get("tool_calls") or ():
            json.loads(call["function"]["arguments"])
            waiting.append(call["id"])
        if not message.get("content") and not message.get("tool_calls"):
            return "a message without content"
    return f"calls without a result: {waiting}" if waiting else ""


def said(text: str = "", *calls: Body, finish: str = "", **fields: Any) -> Body:
    """A whole reply; `usage` and other fields of the message may be given."""
    usage = fields.pop("usage", {"prompt_tokens": 40, "completion_tokens": 5, "total_tokens": 45})
    reason = finish or ("tool_calls" if calls else "stop")
    message = {"content": text or None, "tool_calls": list(calls), **fields}
    return {"message": message, "finish_reason": reason, "usage": usage}


def called(arguments: str, *, id: str = "call_1", name: str = "search") -> Body:
    return {"id": id, "type": "function", "function": {"name": name, "arguments": arguments}}


def chunks(reply: Body) -> Iterator[Body]:
    """The events of a stream: words and arguments in halves, then the reason, then the usage."""
    message = dict(reply["message"])
    calls = message.pop("tool_calls")
    for name, text in message.items():
        for part in (text[: len(text) // 2], text[len(text) // 2 :]) if text else ():
            yield chunk({name: part})
    for index, call in enumerate(calls):
        function = call["function"]
        half = len(function["arguments"]) // 2
        first = {**call, "index": index}
        first["function"] = {**function, "arguments": function["arguments"][:half]}
        yield chunk({"tool_calls": [first]})
        rest = {"index": index, "function": {"arguments": function["arguments"][half:]}}
        yield chunk({"tool_calls": [rest]})
    yield chunk({}, finish_reason=reply["finish_reason"])
    yield {"id": "chatcmpl-1", "object": "chat.completion.chunk", "choices": []} | {
        "usage": reply["usage"]
    }


def chunk(delta: Body, finish_reason: str | None = None) -> Body:
    choice = {"index": 0, "delta": delta, "finish_reason": finish_reason}
    return {"id": "chatcmpl-1", "object": "chat.completion.chunk", "choices": [choice]}


def events(told: list[Body], headers: dict[str, str] | None = None) -> HttpResponse:
    written = [f"data: {json.dumps(each)}\n\n".encode() for each in told]
    kind = {"content-type": "text/event-stream", **(headers or {})}
    return HttpResponse(200, kind, (*written, b"data: [DONE]\n\n"), streamed=True)


def streamed(reply: Body, headers: dict[str, str] | None = None) -> HttpResponse:
    return events(list(chunks(reply)), headers)


def whole(reply: Body) -> HttpResponse:
    """The reply as one JSON message."""
    choice = {"index": 0, "message": reply["message"], "finish_reason": reply["finish_reason"]}
    body = {"id": "chatcmpl-1", "object": "chat.completion", "choices": [choice]}
    return json_response({**body, "usage": reply["usage"]}, {})


@contextmanager
def serving(*replies: Any, closes: Closes = "", **headers: str) -> Iterator[ChatServer]:
    """A server that says `replies`, over a real socket."""
    fake = ChatServer(list(replies), headers={k.replace("_", "-"): v for k, v in headers.items()})
    server = Server(fake.handle, closes=closes)
    server.start()
    fake.url = f"http://127.0.0.1:{server.port}/v1"
    try:
        yield fake
    finally:
        server.stop()
    if server.failure is not None:
        raise server.failure
