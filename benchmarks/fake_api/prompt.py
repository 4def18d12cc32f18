"""A request as a row of positions: tools, then system, then messages, block by block.

Counting, caching, bound thinking and the comparison of recorded requests all look at this row. A
position's content is its canonical JSON: without cache markers and empty fields, a plain string
written as the one text block that it stands for. What lies deeper keeps its bytes and its order.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from pydantic_core import to_json

from benchmarks.fake_api.counting import RequestCounter
from benchmarks.fake_api.models import Model
from benchmarks.fake_api.signatures import thinking_tokens_of

__all__ = ["Position", "Prompt", "canonical", "prompt_of", "walk"]

_THINKING = ("thinking", "redacted_thinking")
_UNSENT = ("cache_control", "caller")


@dataclass(frozen=True, slots=True)
class Position:
    """One tool, system block or content block."""

    path: str
    """Where it stands, as the API names it: `messages.3.content.1`."""
    section: str
    """`tools`, `system` or `messages`."""
    role: str
    block: Mapping[str, Any]
    digest: bytes
    tokens: int = 0

    @property
    def is_thinking(self) -> bool:
        return self.section == "messages" and self.block["type"] in _THINKING

    @property
    def ttl(self) -> str | None:
        """Of the explicit breakpoint here, if there is one."""
        marker = self.block.get("cache_control")
        return marker.get("ttl", "5m") if marker else None

    @property
    def cacheable(self) -> bool:
        """Whether a breakpoint may stand here."""
        return not self.is_thinking and self.block.get("text") != ""


@dataclass(frozen=True, slots=True)
class Prompt:
    """A request body, laid out."""

    model: Model
    body: Mapping[str, Any]
    positions: tuple[Position, ...]

    @property
    def tokens(self) -> int:
        return sum(each.tokens for each in self.positions)


def prompt_of(body: Mapping[str, Any], model: Model, counter: RequestCounter) -> Prompt:
    """Lay a valid request body out and count it."""
    counted: list[Position] = []
    overheads = counter.overheads
    previous = ("", "")
    for position in walk(body):
        # The same image is made smaller for some models than for others.
        known = position.digest + model.image_tokens.to_bytes(4, "big")
        tokens = counter.remembered(known, partial(_own_tokens, position, counter, model))
        if not counted:
            tokens += overheads.request
            tokens += counter.tool_prompt(model) if position.section == "tools" else 0
        turn = (position.section, position.role)
        if position.section == "messages" and turn != previous:
            tokens += overheads.message
        previous = turn
        counted.append(_with_tokens(position, tokens))
    return Prompt(model, body, tuple(counted))


def walk(body: Mapping[str, Any]) -> Iterator[Position]:
    """The positions of a request body, uncounted."""
    for n, tool in enumerate(body.get("tools") or ()):
        yield _position(f"tools.{n}", "tools", "", tool)
    system = body.get("system") or ()
    for n, block in enumerate(_blocks(system)):
        yield _position(f"system.{n}", "system", "", block)
    for m, message in enumerate(body["messages"]):
        for n, block in enumerate(_blocks(message["content"])):
            path = f"messages.{m}.content.{n}"
            yield _position(path, "messages", message["role"], block)


def canonical(block: Mapping[str, Any]) -> bytes:
    """A block's JSON without cache markers and empty fields; its own keys in alphabetical order."""
    kept = {
        key: block[key]
        for key in sorted(block)
        if key not in _UNSENT and block[key] is not None and (key, block[key]) != _NO_ERROR
    }
    return to_json(kept)


_NO_ERROR = ("is_error", False)


def _position(path: str, section: str, role: str, block: Mapping[str, Any]) -> Position:
    digest = hashlib.blake2b(f"{section}\0{role}\0".encode(), digest_size=16)
    digest.update(canonical(block))
    return Position(path, section, role, block, digest.digest())


def _with_tokens(position: Position, tokens: int) -> Position:
    return Position(
        position.path, position.section, position.role, position.block, position.digest, tokens
    )


def _own_tokens(position: Position, counter: RequestCounter, model: Model) -> int:
    if position.section == "tools":
        return counter.tool(position.block)
    if position.is_thinking:
        return thinking_tokens_of(position.block) + counter.overheads.block
    return counter.block(position.block, model)


def _blocks(content: Any) -> Any:
    return [{"type": "text", "text": content}] if isinstance(content, str) else content
