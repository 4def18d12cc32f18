"""Tokens of one request, split as they are billed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

__all__ = ["Usage"]


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens of one request or of many; the prompt is the sum of the first four fields."""

    input_tokens: int = 0
    """After the last breakpoint, or all of the prompt where nothing was cached."""
    cache_read_tokens: int = 0
    write_5m_tokens: int = 0
    write_1h_tokens: int = 0
    output_tokens: int = 0
    """Thinking included."""
    thinking_tokens: int = 0
    """The part of `output_tokens` that was thinking."""

    @property
    def cache_write_tokens(self) -> int:
        return self.write_5m_tokens + self.write_1h_tokens

    @property
    def prompt_tokens(self) -> int:
        return self.input_tokens + self.cache_read_tokens + self.cache_write_tokens

    def __add__(self, other: Usage) -> Usage:
        return Usage(
            self.input_tokens + other.input_tokens,
            self.cache_read_tokens + other.cache_read_tokens,
            self.write_5m_tokens + other.write_5m_tokens,
            self.write_1h_tokens + other.write_1h_tokens,
            self.output_tokens + other.output_tokens,
            self.thinking_tokens + other.thinking_tokens,
        )

    def on_the_wire(self, *, service_tier: str = "standard") -> dict[str, Any]:
        """As the API reports it."""
        return {
            "input_tokens": self.input_tokens,
            "cache_creation_input_tokens": self.cache_write_tokens,
            "cache_read_input_tokens": self.cache_read_tokens,
            "cache_creation": {
                "ephemeral_5m_input_tokens": self.write_5m_tokens,
                "ephemeral_1h_input_tokens": self.write_1h_tokens,
            },
            "output_tokens": self.output_tokens,
            "output_tokens_details": {"thinking_tokens": self.thinking_tokens},
            "service_tier": service_tier,
        }
