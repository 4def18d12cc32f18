"""Epoch: an append-only stretch of conversation, and what it takes in main context."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from math import ceil

from docpager.llm.chat import (
    AssistantTurn,
    CallResult,
    FunctionSchema,
    ModelRequest,
    ToolCall,
    Turn,
    UserTurn,
)
from docpager.tokens import TokenCounter

__all__ = ["BLOCK_TOKENS", "Epoch", "PromptSizer", "canonical_json"]

BLOCK_TOKENS = 8
"""Framing of one block of a turn (a text, a call, a result): an allowance, not a measurement."""


def canonical_json(value: object) -> str:
    """JSON with one spelling: keys sorted, no spaces, letters as they are."""
    return json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":"))


class PromptSizer:
    """Counts the parts of a request. `count` is subadditive, so a sum bounds the whole."""

    def __init__(self, count: Callable[[str], int]) -> None:
        self.count = count

    @classmethod
    def of(cls, counter: TokenCounter, factor: float) -> PromptSizer:
        """Counts with `counter` and rounds `factor` times that up."""
        if factor == 1:
            return cls(counter.count)
        return cls(lambda text: ceil(counter.count(text) * factor))

    def fixed(self, instructions: str, functions: Sequence[FunctionSchema]) -> int:
        """Tokens of what stands before every conversation."""
        return self.text(instructions) + sum(self.function(each) for each in functions)

    def function(self, function: FunctionSchema) -> int:
        schema = canonical_json(function.parameters)
        return self.text(f"{function.name} {function.description} {schema}")

    def text(self, text: str) -> int:
        return self.count(text) + BLOCK_TOKENS

    def call(self, call: ToolCall) -> int:
        return self.text(f"{call.name} {canonical_json(call.arguments)}")

    def result(self, result: CallResult) -> int:
        return self.text(result.text)

    def reply(self, text: str, calls: Sequence[ToolCall]) -> int:
        return (self.text(text) if text else 0) + sum(self.call(call) for call in calls)

    def turn(self, turn: Turn) -> int:
        if isinstance(turn, AssistantTurn):
            return self.reply(turn.text, turn.calls)
        text = self.text(turn.text) if turn.text else 0
        return text + sum(self.result(result) for result in turn.results)


class Epoch:
    """Turns that are only ever appended, and the tokens of a prompt made of them."""

    def __init__(self, head: UserTurn, *, number: int, tokens: int) -> None:
        self.number = number
        self.turns: tuple[Turn, ...] = (head,)
        self.tokens = tokens
        """Instructions and functions included."""

    def append(self, turn: Turn, *, tokens: int) -> None:
        self.turns = (*self.turns, turn)
        self.tokens += tokens

    def render(
        self,
        *,
        instructions: str,
        functions: tuple[FunctionSchema, ...],
        max_output_tokens: int,
        calls_allowed: bool,
    ) -> ModelRequest:
        """The request that this epoch is."""
        return ModelRequest(instructions, functions, self.turns, max_output_tokens, calls_allowed)
