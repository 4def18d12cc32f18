"""What a server says about a model's limits, and whether a run keeps within them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from docpager.core.errors import UsageError

if TYPE_CHECKING:
    from anthropic import AsyncAnthropic

__all__ = ["ModelLimits", "check_limits", "fetch_limits"]

_TIMEOUT_SECONDS = 10.0


@dataclass(frozen=True, slots=True)
class ModelLimits:
    """The most that a model takes and gives; None where its server does not say."""

    input_tokens: int | None = None
    output_tokens: int | None = None


async def fetch_limits(client: AsyncAnthropic, model: str) -> ModelLimits:
    """The limits from the models endpoint; unknown ones where the server has none to tell."""
    import anthropic
    import httpx2

    try:
        told = await client.models.retrieve(model, timeout=_TIMEOUT_SECONDS)
    except (anthropic.AnthropicError, httpx2.HTTPError, ValueError):
        # Whatever is the matter, the request itself will say it better.
        return ModelLimits()
    return ModelLimits(_tokens(told, "max_input_tokens"), _tokens(told, "max_tokens"))


def check_limits(limits: ModelLimits, *, model: str, window: int | None, max_output: int) -> None:
    """Refuse what the server would refuse.

    Raises:
        UsageError: the window or the reserved output is larger than the model's.
    """
    if limits.output_tokens is not None and max_output > limits.output_tokens:
        raise UsageError(
            f"{model} replies with at most {limits.output_tokens} tokens, not {max_output}; "
            f"pass `max_output={limits.output_tokens}` or less"
        )
    if limits.input_tokens is not None and window is not None and window > limits.input_tokens:
        raise UsageError(
            f"{model} takes at most {limits.input_tokens} tokens, not {window}; "
            f"pass `window={limits.input_tokens}` or less"
        )


def _tokens(told: object, name: str) -> int | None:
    value = getattr(told, name, None)
    return value if isinstance(value, int) and value > 0 else None
