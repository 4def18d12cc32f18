"""What is said to a model and what it replies, independent of any provider."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

__all__ = [
    "AssistantTurn",
    "CallResult",
    "ChatModel",
    "FunctionSchema",
    "ModelReply",
    "ModelRequest",
    "ToolCall",
    "Turn",
    "Usage",
    "UserTurn",
]


@dataclass(frozen=True, slots=True)
class FunctionSchema:
    """One function as the model is told of it."""

    name: str
    description: str
    parameters: Mapping[str, Any]
    """JSON Schema of the arguments object."""


@dataclass(frozen=True, slots=True)
class ToolCall:
    """A function that the model wants called."""

    id: str
    name: str
    arguments: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class CallResult:
    """What a call gave, as the model reads it."""

    call_id: str
    text: str
    is_error: bool = False


@dataclass(frozen=True, slots=True)
class UserTurn:
    """Results of the calls before it, in their order, then text (never neither)."""

    text: str = ""
    results: tuple[CallResult, ...] = ()


@dataclass(frozen=True, slots=True)
class AssistantTurn:
    """A reply as it arrived."""

    text: str = ""
    calls: tuple[ToolCall, ...] = ()
    raw: tuple[Mapping[str, Any], ...] = ()
    """The provider's own content blocks, echoed verbatim; empty where there is no provider."""


Turn = UserTurn | AssistantTurn


@dataclass(frozen=True, slots=True)
class ModelRequest:
    """Everything the model sees for its next reply."""

    instructions: str
    functions: tuple[FunctionSchema, ...]
    turns: tuple[Turn, ...]
    max_output_tokens: int
    calls_allowed: bool = True
    """False on the last allowed step: the reply must be an answer in plain text."""


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens of one reply. Input is the sum of the three input fields."""

    input_tokens: int = 0
    cache_read_tokens: int = 0
    cache_write_tokens: int = 0
    output_tokens: int = 0
    source: str = "estimate"
    """`server` where the provider counted, else `estimate`."""

    @property
    def prompt_tokens(self) -> int:
        return self.input_tokens + self.cache_read_tokens + self.cache_write_tokens

    def __add__(self, other: Usage) -> Usage:
        source = "server" if self.source == other.source == "server" else "estimate"
        return Usage(
            self.input_tokens + other.input_tokens,
            self.cache_read_tokens + other.cache_read_tokens,
            self.cache_write_tokens + other.cache_write_tokens,
            self.output_tokens + other.output_tokens,
            source,
        )


@dataclass(frozen=True, slots=True)
class ModelReply:
    """What the model answered."""

    text: str = ""
    calls: tuple[ToolCall, ...] = ()
    stop_reason: str = "end_turn"
    """`tool_use`, `end_turn`, `max_tokens`, `refusal` or whatever else the provider said."""
    usage: Usage | None = None
    """None where the model reports none: the run estimates it."""
    raw: tuple[Mapping[str, Any], ...] = field(default=())
    elapsed_seconds: float = 0.0
    cost_usd: float | None = None
    """None where no price is known; 0.0 for models that cost nothing."""


class ChatModel(Protocol):
    """A model: one request in, one reply out."""

    name: str

    async def complete(self, request: ModelRequest) -> ModelReply:
        """Reply to `request`.

        Raises:
            ModelError: the model refused or failed after retries.
        """
        ...
