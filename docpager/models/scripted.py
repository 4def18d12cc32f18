"""ScriptedModel: replies from a list, for tests. Keeps every request it was sent."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from docpager.models.messages import ChatModel, ModelReply, ModelRequest, ToolCall

__all__ = ["ScriptedModel", "call", "reply"]

Script = ModelReply | ToolCall | str | Callable[[ModelRequest], ModelReply]


def call(name: str, /, **arguments: Any) -> ToolCall:
    """A call with an id that is unique once the model replies with it."""
    return ToolCall("", name, arguments)


def reply(*parts: ToolCall | str) -> ModelReply:
    """A reply of texts and calls."""
    text = "\n".join(part for part in parts if isinstance(part, str))
    calls = tuple(part for part in parts if isinstance(part, ToolCall))
    return ModelReply(text, calls, "tool_use" if calls else "end_turn", cost_usd=0.0)


class ScriptedModel(ChatModel):
    """Says what it was told to say; after the last reply it says nothing."""

    name = "scripted"

    def __init__(self, *script: Script) -> None:
        self._script: Iterable[Script] = iter(script)
        self.requests: list[ModelRequest] = []

    async def complete(self, request: ModelRequest) -> ModelReply:
        """The next reply of the script."""
        self.requests.append(request)
        said = next(iter(self._script), ModelReply())
        if callable(said):
            said = said(request)
        if isinstance(said, (ToolCall, str)):
            said = reply(said)
        return _numbered(said, len(self.requests))


def _numbered(said: ModelReply, request: int) -> ModelReply:
    calls = tuple(
        ToolCall(each.id or f"call-{request}-{n}", each.name, each.arguments)
        for n, each in enumerate(said.calls, 1)
    )
    return ModelReply(
        said.text,
        calls,
        said.stop_reason,
        said.usage,
        said.raw,
        said.elapsed_seconds,
        said.cost_usd,
    )
