"""A ModelRequest as the body of a Messages request: turns, cache breakpoints, strict schemas."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Any, Literal

from docpager.core.pictures import Picture
from docpager.models.claude.backends import Backend
from docpager.models.claude.families import family_of
from docpager.models.messages import (
    AssistantTurn,
    CallResult,
    FunctionSchema,
    ModelRequest,
    Turn,
    UserTurn,
)

__all__ = ["RequestEncoder", "can_be_strict", "place_breakpoints", "strict_schema"]


def place_breakpoints(body: dict[str, Any], *, shared: bool, ttl: Literal["5m", "1h"]) -> None:
    """Mark what later requests will begin with too.

    1. Functions and instructions: the same for every question.
    2. The end of the document map, where one stands first: the same for every question on these
       documents.
    3. The end of the conversation, for the next step.
    4. Its end one step ago. A read looks back 20 blocks from a mark and a step may add more.
    """
    mark = {"type": "ephemeral"} | ({"ttl": ttl} if ttl != "5m" else {})
    for block in (body.get("system") or body.get("tools") or [])[-1:]:
        block["cache_control"] = mark
    if "tool_choice" in body:
        # Another tool choice reads no conversation from the cache, and nothing follows this
        # request that would read what it writes.
        return
    turns = [each["content"] for each in body["messages"] if each["role"] == "user"]
    if shared:
        turns[0][0]["cache_control"] = mark
    for content in turns[-2:]:
        content[-1]["cache_control"] = mark


_MOST_FUNCTIONS = 20
_MOST_OPTIONAL = 24
_MOST_UNIONS = 16
"""Limits of one request (Anthropic's page on structured outputs, August 2026)."""

_KEPT = frozenset({"type", "description", "enum", "const", "required", "format", "default"})
_OF_SCHEMAS = ("anyOf", "allOf")


def strict_schema(schema: Mapping[str, Any]) -> dict[str, Any]:
    """`schema` without what strict mode does not know; objects take no further properties.

    What is dropped (lengths, bounds, patterns) is checked by the executor all the same.
    """
    kept: dict[str, Any] = {key: value for key, value in schema.items() if key in _KEPT}
    if "properties" in schema:
        kept["properties"] = {
            name: strict_schema(part) for name, part in schema["properties"].items()
        }
    if "items" in schema:
        kept["items"] = strict_schema(schema["items"])
    for key in _OF_SCHEMAS:
        if key in schema:
            kept[key] = [strict_schema(part) for part in schema[key]]
    if schema.get("type") == "object":
        kept["additionalProperties"] = False
    return kept


def can_be_strict(functions: Sequence[FunctionSchema]) -> bool:
    """Whether the functions of a request keep within the limits of strict mode."""
    schemas = [function.parameters for function in functions]
    return (
        len(schemas) <= _MOST_FUNCTIONS
        and sum(map(_optional, schemas)) <= _MOST_OPTIONAL
        and sum(map(_unions, schemas)) <= _MOST_UNIONS
        and not any(map(_refers, schemas))
    )


def _optional(schema: Mapping[str, Any]) -> int:
    own = len(schema.get("properties", {}).keys() - set(schema.get("required", ())))
    return own + sum(map(_optional, _parts(schema)))


def _unions(schema: Mapping[str, Any]) -> int:
    own = int("anyOf" in schema or isinstance(schema.get("type"), list))
    return own + sum(map(_unions, _parts(schema)))


def _refers(schema: Mapping[str, Any]) -> bool:
    """Whether a part is named elsewhere: it may name itself, which strict mode forbids."""
    return "$ref" in schema or any(map(_refers, _parts(schema)))


def _parts(schema: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    parts = list(schema.get("properties", {}).values())
    parts += [schema["items"]] if "items" in schema else []
    return parts + [part for key in _OF_SCHEMAS for part in schema.get(key, ())]


Block = dict[str, Any]

_THINKING = frozenset({"thinking", "redacted_thinking"})
_ECHOED = _THINKING | {"text", "tool_use"}
"""Blocks that a server takes back. Others only server-side tools make, or servers newer than this:
whether they may be sent is not known, and leaving one out from the start changes no prefix."""


class RequestEncoder:
    """Writes requests to one model on one backend. What it writes depends on the request alone."""

    def __init__(self, model: str, *, backend: Backend, effort: str | None = None) -> None:
        self._model = model
        self._backend = backend
        self._fixed: dict[str, Any] = {}
        if backend.thinking and (thinking := family_of(model).thinking):
            self._fixed["thinking"] = dict(thinking)
        if effort is not None:
            self._fixed["output_config"] = {"effort": effort}
        self._functions: tuple[FunctionSchema, ...] = ()
        self._tools: tuple[Block, ...] = ()

    def body(
        self, request: ModelRequest, *, ttl: Literal["5m", "1h"] | None = "5m"
    ) -> dict[str, Any]:
        """Everything that is sent but `stream`; `ttl` is how long cached parts are kept, None not
        at all."""
        body = {
            "model": self._model,
            "max_tokens": request.max_output_tokens,
            **self._fixed,
            "messages": [*self._messages(request.turns, request.picture_files)],
        }
        if request.instructions:
            body["system"] = [{"type": "text", "text": request.instructions}]
        if request.functions:
            body["tools"] = self._tools_of(request.functions)
            if not request.calls_allowed:
                body["tool_choice"] = {"type": "none"}
        if self._backend.caching and ttl is not None:
            place_breakpoints(body, shared=_shares(request), ttl=ttl)
        return body

    def _tools_of(self, functions: tuple[FunctionSchema, ...]) -> list[Block]:
        """The functions of a run never change, and many runs share them: they are written once."""
        if functions != self._functions:
            strict = self._backend.strict and can_be_strict(functions)
            self._functions = functions
            self._tools = tuple(_tool(function, strict=strict) for function in functions)
        return [dict(tool) for tool in self._tools]

    def _messages(
        self, turns: tuple[Turn, ...], files: Mapping[str, bytes]
    ) -> Iterator[dict[str, Any]]:
        for turn in turns:
            if isinstance(turn, UserTurn):
                yield {"role": "user", "content": _user_blocks(turn, files)}
            elif content := self._assistant_blocks(turn):
                yield {"role": "assistant", "content": content}

    def _assistant_blocks(self, turn: AssistantTurn) -> list[Block]:
        """The reply as it came; nothing if it said nothing, as the server would refuse that."""
        blocks = [dict(block) for block in turn.raw if _can_be_echoed(block)]
        blocks = [block for block in blocks or _own_blocks(turn) if not _is_empty_text(block)]
        spoken = [block for block in blocks if block.get("type") not in _THINKING]
        if not self._backend.thinking:
            return _as_rendered(spoken)
        if not spoken:
            return spoken
        return blocks


def _as_rendered(blocks: list[Block]) -> list[Block]:
    """Text before a call without its last newline: chat templates put one there themselves, and
    with two of them the prompt would no longer begin as the last one ended."""
    for block, following in pairwise(blocks):
        if block.get("type") == "text" and following.get("type") == "tool_use":
            block["text"] = block["text"].removesuffix("\n")
    return [block for block in blocks if not _is_empty_text(block)]


def _can_be_echoed(block: Mapping[str, Any]) -> bool:
    """Whether a server takes the block back; thinking without a signature it cannot verify."""
    if block.get("type") == "thinking":
        return bool(block.get("signature")) and isinstance(block.get("thinking"), str)
    return block.get("type") in _ECHOED


def _tool(function: FunctionSchema, *, strict: bool) -> Block:
    schema = strict_schema(function.parameters) if strict else dict(function.parameters)
    tool = {
        "name": function.name,
        "description": function.description,
        "input_schema": schema,
    }
    return {**tool, "strict": True} if strict else tool


def _user_blocks(turn: UserTurn, files: Mapping[str, bytes]) -> list[Block]:
    """Results before text, as the protocol wants them; shared text in a block of its own; pictures
    last, each behind its label."""
    results = [
        {
            "type": "tool_result",
            "tool_use_id": result.call_id,
            "content": _result_content(result, files),
            **({"is_error": True} if result.is_error else {}),
        }
        for result in turn.results
    ]
    parts = (turn.text[: turn.shared_length], turn.text[turn.shared_length :])
    if not all(part.strip() for part in parts):
        parts = (turn.text, "")
    blocks = [*results, *(_text(part) for part in parts if part.strip())]
    for picture in turn.pictures:
        blocks += [_text(picture.label), _image(picture, files)]
    return blocks


def _result_content(result: CallResult, files: Mapping[str, bytes]) -> str | list[Block]:
    if result.picture is None:
        return result.text
    return [_text(result.text), _image(result.picture, files)]


def _text(text: str) -> Block:
    return {"type": "text", "text": text}


def _image(picture: Picture, files: Mapping[str, bytes]) -> Block:
    data = b64encode(files[picture.sha256]).decode("ascii")
    source = {"type": "base64", "media_type": "image/png", "data": data}
    return {"type": "image", "source": source}


def _shares(request: ModelRequest) -> bool:
    """Whether the conversation begins with text that other questions begin with too."""
    first = request.turns[0]
    return isinstance(first, UserTurn) and bool(first.text[: first.shared_length].strip())


def _own_blocks(turn: AssistantTurn) -> list[Block]:
    """A reply that did not come from a server of this protocol."""
    said: list[Block] = [{"type": "text", "text": turn.text}]
    calls = [
        {"type": "tool_use", "id": call.id, "name": call.name, "input": dict(call.arguments)}
        for call in turn.calls
    ]
    return said + calls


def _is_empty_text(block: Mapping[str, Any]) -> bool:
    return block.get("type") == "text" and not (block.get("text") or "").strip()
