"""A trial: one request so small that it costs next to nothing, to see whether a model answers."""

from __future__ import annotations

from docpager.models.messages import ChatModel, ModelRequest, UserTurn
from docpager.models.pricing import price_of

__all__ = ["MOST_OUTPUT_TOKENS", "ask_something", "worst_case_usd"]

MOST_OUTPUT_TOKENS = 64
_MOST_PROMPT_TOKENS = 100
_REQUEST = ModelRequest(
    instructions="",
    functions=(),
    turns=(UserTurn("Reply with the single word: ready"),),
    max_output_tokens=MOST_OUTPUT_TOKENS,
)


def worst_case_usd(model_name: str) -> float | None:
    """The most that the trial can cost; None where no price is known."""
    price = price_of(model_name)
    if price is None:
        return None
    return price.worst_case(prompt_tokens=_MOST_PROMPT_TOKENS, output_tokens=MOST_OUTPUT_TOKENS)


async def ask_something(model: ChatModel) -> str:
    """What came back, and what it took, in one line.

    Raises:
        ModelError: the model does not answer.
    """
    reply = await model.complete(_REQUEST)
    said = f"replied {reply.text!r}" if reply.text else f"replied ({reply.stop_reason})"
    if reply.usage is None:
        return f"{said}; it counts no tokens"
    tokens = f"{reply.usage.prompt_tokens} tokens in, {reply.usage.output_tokens} out"
    cost = "" if reply.cost_usd is None else f", {reply.cost_usd:.6f} USD"
    return f"{said}; {tokens}{cost}"
