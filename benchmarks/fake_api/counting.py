"""How the tokens of a request are counted: a tokenizer, a factor, and overheads, all replaceable.

A request is counted block by block; its size is the sum over tools, system blocks and content
blocks. To make the server count as a client does, hand over the client's tokenizer, `NO_OVERHEADS`
and, where it writes blocks down differently, its own `text_of_block` and `text_of_tool`.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from benchmarks.fake_api.images import image_tokens
from benchmarks.fake_api.models import Model
from benchmarks.fake_api.tokenizer import FakeTokenizer, Tokenizer

__all__ = ["NO_OVERHEADS", "Overheads", "RequestCounter", "text_of_block", "text_of_tool"]

Block = Mapping[str, Any]

_MOST_REMEMBERED = 50_000


@dataclass(frozen=True, slots=True)
class Overheads:
    """Tokens beyond the texts themselves."""

    request: int = 3
    """Once a request, on its first position."""
    message: int = 4
    """On the first block of each turn."""
    block: int = 1
    """On every system and content block."""
    tool: int = 8
    """On every tool definition."""
    tool_prompt: int | None = None
    """Once where there are tools; None takes the model's own figure."""
    reply: int = 3
    """On the output of each reply; even an empty one has at least one token."""
    image: int = 1_500
    """For an image whose size cannot be seen, or for a PDF or a file as a whole."""


NO_OVERHEADS = Overheads(0, 0, 0, 0, 0, 0, 1_500)


def text_of_block(block: Block) -> str:
    """What of a content block is tokenized; thinking is counted from its signature instead."""
    kind = block["type"]
    if kind == "text":
        return str(block["text"])
    if kind == "tool_use":
        return f"{block['name']} {json.dumps(block['input'], ensure_ascii=False)}"
    if kind == "tool_result":
        content = block.get("content") or ""
        return content if isinstance(content, str) else "".join(map(text_of_block, content))
    if kind == "search_result":
        texts = "".join(each["text"] for each in block["content"])
        return f"{block['title']}\n{block['source']}\n{texts}"
    if kind == "document":
        return _text_of_document(block)
    return ""


def _text_of_document(block: Block) -> str:
    source = block["source"]
    head = "\n".join(filter(None, (block.get("title"), block.get("context"))))
    if source["type"] == "text":
        return f"{head}\n{source['data']}"
    if source["type"] == "content":
        content = source["content"]
        body = content if isinstance(content, str) else "".join(map(text_of_block, content))
        return f"{head}\n{body}"
    return head


def text_of_tool(tool: Mapping[str, Any]) -> str:
    """What of a tool definition is tokenized."""
    return json.dumps(
        {key: value for key, value in tool.items() if key != "cache_control"}, ensure_ascii=False
    )


class RequestCounter:
    """Counts the blocks of requests and replies; remembers what it counted."""

    def __init__(
        self,
        tokenizer: Tokenizer | None = None,
        *,
        factor: float = 1.0,
        overheads: Overheads | None = None,
        text_of_block: Callable[[Block], str] = text_of_block,
        text_of_tool: Callable[[Block], str] = text_of_tool,
    ) -> None:
        self._tokenizer = tokenizer or FakeTokenizer()
        self._factor = factor
        self._text_of_block = text_of_block
        self._text_of_tool = text_of_tool
        self._known: dict[bytes, int] = {}
        self.overheads = overheads or Overheads()

    def count(self, text: str) -> int:
        """Size of a text: the tokenizer's count times the factor, rounded up."""
        return math.ceil(self._tokenizer.count(text) * self._factor)

    def remembered(self, digest: bytes, count: Callable[[], int]) -> int:
        """A size that was counted before under the same digest, or is counted now."""
        known = self._known.get(digest)
        if known is None:
            if len(self._known) >= _MOST_REMEMBERED:
                self._known.clear()
            known = self._known[digest] = count()
        return known

    def block(self, block: Block, model: Model) -> int:
        """Size of a system or content block, with its overhead."""
        text = self.count(self._text_of_block(block))
        return text + self.overheads.block + self._media(block, model)

    def output(self, block: Block) -> int:
        """Size of a block that the model writes."""
        return self.count(self._text_of_block(block))

    def tool(self, tool: Mapping[str, Any]) -> int:
        """Size of a tool definition, with its overhead."""
        return self.count(self._text_of_tool(tool)) + self.overheads.tool

    def tool_prompt(self, model: Model) -> int:
        """What the provider adds to a request that has tools."""
        fixed = self.overheads.tool_prompt
        return model.tool_prompt if fixed is None else fixed

    def _media(self, block: Block, model: Model) -> int:
        source = block.get("source")
        nested = block.get("content")
        size = 0
        if isinstance(source, Mapping) and source["type"] not in ("text", "content"):
            tokens = image_tokens(source, model) if block["type"] == "image" else None
            size += self.overheads.image if tokens is None else tokens
        if block["type"] == "tool_result" and isinstance(nested, list):
            size += sum(self._media(each, model) for each in nested)
        return size
