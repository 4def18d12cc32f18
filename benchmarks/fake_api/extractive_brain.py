"""docpager's extractive reader as the model behind the server."""

from __future__ import annotations

from collections.abc import Coroutine, Mapping, Sequence
from typing import Any

from benchmarks.fake_api.brain import Asked, Block, Reply, call, text
from docpager.models.messages import (
    AssistantTurn,
    CallResult,
    FunctionSchema,
    ModelReply,
    ModelRequest,
    ToolCall,
    Turn,
    UserTurn,
)

__all__ = ["ExtractiveBrain", "request_of"]


class ExtractiveBrain:
    """Answers as the reader does when it is given the same request without a server."""

    def __init__(self) -> None:
        from docpager.models.extractive import ExtractiveModel

        self._reader = ExtractiveModel()

    def reply(self, asked: Asked) -> Reply:
        """The reader's reply as content blocks."""
        said = _finished(self._reader.complete(request_of(asked.body)))
        blocks: list[Block] = [text(said.text)] if said.text else []
        blocks += [call(each.name, **each.arguments) for each in said.calls]
        stop = said.stop_reason if said.stop_reason not in ("tool_use", "end_turn") else None
        return Reply(tuple(blocks), stop)


def request_of(body: Mapping[str, Any]) -> ModelRequest:
    """A wire request as docpager's own type.

    Adjoining text blocks stand for one text that was cut, at a cache breakpoint perhaps.
    """
    choice = (body.get("tool_choice") or {}).get("type")
    functions = tuple(
        FunctionSchema(tool["name"], tool.get("description", ""), tool["input_schema"])
        for tool in body.get("tools") or ()
    )
    return ModelRequest(
        instructions=_text(body.get("system") or ""),
        functions=functions,
        turns=tuple(_turn(message) for message in body["messages"]),
        max_output_tokens=body["max_tokens"],
        calls_allowed=choice != "none" and bool(functions),
    )


def _turn(message: Mapping[str, Any]) -> Turn:
    content = message["content"]
    blocks = [text(content)] if isinstance(content, str) else content
    if message["role"] == "assistant":
        calls = tuple(
            ToolCall(block["id"], block["name"], block["input"])
            for block in blocks
            if block["type"] == "tool_use"
        )
        return AssistantTurn(_text(blocks), calls, tuple(blocks))
    results = tuple(
        CallResult(
            block["tool_use_id"], _text(block.get("content") or ""), bool(block.get("is_error"))
        )
        for block in blocks
        if block["type"] == "tool_result"
    )
    return UserTurn(_text(blocks), results)


def _text(content: str | Sequence[Block]) -> str:
    """The text of a string, or of the text and search_result blocks of a list."""
    if isinstance(content, str):
        return content
    parts = []
    for block in content:
        if block["type"] == "text":
            parts.append(block["text"])
        elif block["type"] == "search_result":
            parts.append("\n".join(each["text"] for each in block["content"]))
    return "".join(parts)


def _finished(coroutine: Coroutine[Any, Any, ModelReply]) -> ModelReply:
    """The result of a coroutine that waits for nothing."""
    try:
        coroutine.send(None)
    except StopIteration as end:
        reply: ModelReply = end.value
        return reply
    coroutine.close()
    raise RuntimeError("the extractive reader waited for something; it is expected not to")
