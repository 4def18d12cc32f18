"""Chat Completions: a ModelRequest as the body of a request, a streamed answer as a ModelReply."""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from docpager.core.errors import AttemptFailed
from docpager.models.messages import (
    AssistantTurn,
    FunctionSchema,
    ModelReply,
    ModelRequest,
    ToolCall,
    Turn,
    Usage,
    UserTurn,
)

__all__ = ["CollectedReply", "request_body"]

Message = dict[str, Any]

_STOP_REASONS = {
    "stop": "end_turn",
    "length": "max_tokens",
    "tool_calls": "tool_use",
    "function_call": "tool_use",
    "content_filter": "refusal",
}
_MESSAGE = "chat_message"
"""Type of the block that holds a reply as it is echoed."""
_REASONING = ("reasoning_content", "reasoning")
"""What servers call the text of a model's thinking: DeepSeek, llama.cpp and vLLM; OpenRouter."""
_MOST_TOKENS = 10**9
"""More than any model takes or gives: a count above it is no count."""


def request_body(
    request: ModelRequest, *, model: str, official: bool, effort: str | None = None
) -> dict[str, Any]:
    """Everything that is sent. What it says depends on the request alone, so that within an epoch
    each body begins as the last one did."""
    messages: list[Message] = []
    if request.instructions:
        messages.append({"role": "system", "content": request.instructions})
    for turn in request.turns:
        messages.extend(_messages(turn, request.picture_files, reasoning=not official))
    limit = "max_completion_tokens" if official else "max_tokens"
    body: dict[str, Any] = {
        "model": model,
        limit: request.max_output_tokens,
        "messages": messages,
        "stream": True,
        "stream_options": {"include_usage": True},
    }
    if effort is not None:
        body["reasoning_effort"] = effort
    if request.functions:
        body["tools"] = [_tool(function) for function in request.functions]
        if not request.calls_allowed:
            body["tool_choice"] = "none"
    return body


def _tool(function: FunctionSchema) -> dict[str, Any]:
    return {
        "type": "function",
        "function": {
            "name": function.name,
            "description": function.description,
            "parameters": dict(function.parameters),
        },
    }


def _messages(turn: Turn, files: Mapping[str, bytes], *, reasoning: bool) -> Iterator[Message]:
    """A turn as messages: results have one each, before the text beside them; pictures stand with
    that text, as results may hold none."""
    if isinstance(turn, AssistantTurn):
        message = _echoed(turn, reasoning=reasoning)
        if message.get("content") or message.get("tool_calls"):
            yield message
        return
    for result in turn.results:
        # The protocol has no flag for errors: their text says that they are.
        yield {"role": "tool", "tool_call_id": result.call_id, "content": result.text}
    if turn.all_pictures:
        yield {"role": "user", "content": list(_parts(turn, files))}
    elif turn.text.strip():
        yield {"role": "user", "content": turn.text}


def _parts(turn: UserTurn, files: Mapping[str, bytes]) -> Iterator[Message]:
    if turn.text.strip():
        yield {"type": "text", "text": turn.text}
    for picture in turn.all_pictures:
        yield {"type": "text", "text": picture.label}
        data = b64encode(files[picture.sha256]).decode("ascii")
        yield {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{data}"}}


def _echoed(turn: AssistantTurn, *, reasoning: bool) -> Message:
    """A reply as it came, its arguments letter by letter; else as it would have come."""
    for block in turn.raw:
        if block.get("type") == _MESSAGE:
            message = dict(block["message"])
            if not reasoning:
                for name in _REASONING:
                    message.pop(name, None)
            return message
    calls = [
        _written_call(call.id, call.name, json.dumps(dict(call.arguments), ensure_ascii=False))
        for call in turn.calls
    ]
    return _spoken(turn.text, calls)


def _spoken(text: str, calls: list[Message]) -> Message:
    # Chat templates put a newline between text and calls themselves; with two of them the prompt
    # would no longer begin as the last one ended.
    said = text.removesuffix("\n") if calls else text
    message: Message = {"role": "assistant", "content": said or None}
    return {**message, "tool_calls": calls} if calls else message


def _written_call(id: str, name: str, arguments: str) -> Message:
    return {"id": id, "type": "function", "function": {"name": name, "arguments": arguments}}


@dataclass(slots=True)
class _Call:
    id: str = ""
    name: str = ""
    arguments: str = ""


@dataclass(slots=True)
class CollectedReply:
    """A reply, put together from the pieces of a stream or from one JSON message."""

    max_output: int
    text: str = ""
    refusal: str = ""
    stop_reason: str = ""
    usage: Mapping[str, Any] | None = None
    begun: bool = False
    given: bool = False
    """Whether one JSON message came that says something."""
    _reasoning: dict[str, str] = field(default_factory=dict)
    _calls: dict[int, _Call] = field(default_factory=dict)

    def add(self, chunk: Mapping[str, Any]) -> None:
        """Take in one event of the stream, or a whole `chat.completion`."""
        usage = chunk.get("usage")
        if isinstance(usage, dict):
            self.usage = usage
        choices = chunk.get("choices")
        if not isinstance(choices, list) or not choices or not isinstance(choices[0], dict):
            return
        choice = choices[0]
        self.begun = True
        if isinstance(reason := choice.get("finish_reason"), str) and reason:
            self.stop_reason = reason
        said = choice.get("delta") or choice.get("message")
        if isinstance(said, dict):
            self._add_words(said)

    def reply(self, *, exact_usage: bool, reply_id: str) -> ModelReply:
        """The whole reply.

        Raises:
            AttemptFailed: it does not say why it stopped, so it is not whole.
        """
        if not self.stop_reason:
            raise AttemptFailed(
                "the reply broke off before its end", retryable=True, may_be_billed=True
            )
        parsed = [_arguments(call.arguments) for call in self._calls.values()]
        usage = self._usage(exact=exact_usage)
        reason = _STOP_REASONS.get(self.stop_reason, self.stop_reason)
        if None in parsed or self._reaches_limit(reason):
            reason = "max_tokens"
        if reason == "max_tokens":
            parsed = parsed[:-1]  # its arguments may be incomplete even where they are JSON
        pairs = list(zip(self._numbered(reply_id), parsed, strict=False))
        calls = tuple(ToolCall(c.id, c.name, found) for c, found in pairs if found is not None)
        return ModelReply(
            text=self.text,
            calls=calls,
            stop_reason="tool_use" if calls and reason == "end_turn" else reason,
            usage=usage,
            raw=tuple(self._raw([call for call, _ in pairs])),
            stop_detail=self.refusal,
        )

    def _add_words(self, said: Mapping[str, Any]) -> None:
        self.text += _text(said.get("content"))
        self.refusal += _text(said.get("refusal"))
        for name in _REASONING:
            if thought := _text(said.get(name)):
                self._reasoning[name] = self._reasoning.get(name, "") + thought
        calls = said.get("tool_calls")
        for place, given in enumerate(calls if isinstance(calls, list) else ()):
            if isinstance(given, dict):
                self._add_call(given, place)

    def _add_call(self, given: Mapping[str, Any], place: int) -> None:
        index = given.get("index")
        if type(index) is not int:
            # Without an index a call comes whole, as one more than there were.
            index = len(self._calls) if given.get("id") or not self._calls else place
        call = self._calls.setdefault(index, _Call())
        function = given.get("function")
        function = function if isinstance(function, dict) else {}
        call.id = call.id or _text(given.get("id"))
        call.name = call.name or _text(function.get("name"))
        arguments = function.get("arguments")
        if isinstance(arguments, dict):
            arguments = json.dumps(arguments, ensure_ascii=False)
        call.arguments += _text(arguments)

    def _numbered(self, reply_id: str) -> list[_Call]:
        """The calls, where those that share an id, or have none, get one of their own."""
        seen: set[str] = set()
        for number, call in enumerate(self._calls.values(), 1):
            if not call.id or call.id in seen:
                call.id = f"{reply_id}-call-{number}"
            seen.add(call.id)
        return list(self._calls.values())

    def _raw(self, calls: list[_Call]) -> Iterator[Mapping[str, Any]]:
        written = [_written_call(c.id, c.name, c.arguments or "{}") for c in calls]
        yield {"type": _MESSAGE, "message": {**_spoken(self.text, written), **self._reasoning}}
        for thought in self._reasoning.values():
            yield {"type": "thinking", "thinking": thought}

    def _reaches_limit(self, reason: str) -> bool:
        """Whether text that is said to be whole is as long as it may be."""
        output = (self.usage or {}).get("completion_tokens")
        return reason == "end_turn" and not self._calls and _is_count(output) >= self.max_output

    def _usage(self, *, exact: bool) -> Usage | None:
        """What the server counted; None where it counted nothing, or what nobody can."""
        told = self.usage or {}
        prompt, output = (
            _is_count(told.get("prompt_tokens")),
            _is_count(told.get("completion_tokens")),
        )
        details = told.get("prompt_tokens_details")
        cached = _is_count(details.get("cached_tokens")) if isinstance(details, dict) else 0
        if prompt <= 0 or output < 0:
            return None
        read = min(max(0, cached), prompt)
        source = "server" if exact else "estimate"
        return Usage(prompt - read, cache_read_tokens=read, output_tokens=output, source=source)


def _arguments(written: str) -> dict[str, Any] | None:
    """The arguments of a call; empty where they are no object, None where they are no JSON."""
    try:
        found = json.loads(written or "{}")
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else {}


def _text(value: object) -> str:
    """Text as it stands; servers that send parts send them as a list."""
    if isinstance(value, list):
        return "".join(_text(part.get("text")) for part in value if isinstance(part, dict))
    return value if isinstance(value, str) else ""


def _is_count(value: object) -> int:
    """A count as it stands; -1 for what nobody can have counted."""
    return value if type(value) is int and 0 <= value <= _MOST_TOKENS else -1
