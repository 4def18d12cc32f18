"""The bill: requests as the adapter writes them, through the fake API's cache model."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from benchmarks.cost.sized import ESTIMATOR
from benchmarks.fake_api import CacheModel, RequestCounter, Usage
from benchmarks.fake_api.models import model_named
from benchmarks.fake_api.prompt import prompt_of
from docpager.models.claude import ClaudeModel
from docpager.models.messages import AssistantTurn, ModelRequest, Turn

__all__ = ["MODEL", "READ_PRICES", "Bill", "BillingServer", "cost", "input_cost"]

MODEL = "claude-sonnet-5-5"
READ_PRICES = (0.10, 0.05, 0.025)
"""Of a cached token, where an input token costs 1."""
WRITE_PRICE = 1.25
OUTPUT_PRICE = 5.0
SECONDS_PER_STEP = 15.0


def input_cost(usage: Usage, read_price: float) -> float:
    """The prompts' price in input tokens."""
    read = read_price * usage.cache_read_tokens
    return usage.input_tokens + read + WRITE_PRICE * usage.cache_write_tokens


def cost(usage: Usage, read_price: float | None) -> float:
    """Everything's price in input tokens; None for prompts that are not cached at all."""
    output = OUTPUT_PRICE * usage.output_tokens
    if read_price is None:
        return usage.prompt_tokens + output
    return input_cost(usage, read_price) + output


@dataclass
class Bill:
    """What each recorded step took, paging in again included."""

    name: str
    steps: list[Usage] = field(default_factory=list)
    """One for each recorded step, in order."""
    requests: int = 0
    refaults: int = 0
    """Passages paged in again."""
    extra_steps: int = 0
    """Replies that only paged in what was needed and had left."""
    unserved: int = 0
    """Steps whose pages could not all be made resident."""
    rebuilds: int = 0
    peak: int = 0

    def begin_step(self) -> None:
        self.steps.append(Usage())

    def add(self, usage: Usage) -> None:
        self.requests += 1
        self.peak = max(self.peak, usage.prompt_tokens)
        self.steps[-1] += usage

    def up_to(self, steps: int) -> Usage:
        """The first steps together."""
        return sum(self.steps[:steps], Usage())

    def running(self, read_price: float) -> Iterator[float]:
        """The cost so far, after each step."""
        total = 0.0
        for usage in self.steps:
            total += cost(usage, read_price)
            yield total


class BillingServer:
    """Counts and bills what one conversation sends; time passes with each request."""

    def __init__(self, ratio: float) -> None:
        model = model_named(MODEL)
        assert model is not None
        self._model = model
        self._counter = RequestCounter(ESTIMATOR, factor=ratio)
        self._cache = CacheModel(self._counter)
        self._adapter = ClaudeModel(MODEL, base_url="http://127.0.0.1:1", backend="anthropic")
        self._now = 0.0

    def body(self, request: ModelRequest) -> dict[str, Any]:
        """What the adapter would send."""
        return self._adapter.body(request)

    def bill(self, body: dict[str, Any], reply: AssistantTurn) -> Usage:
        """What a request costs, with this reply to it."""
        self._now += SECONDS_PER_STEP
        output = self.output_tokens(reply)
        return self._cache.bill(self._model, body, self._now, output_tokens=output)

    def output_tokens(self, reply: AssistantTurn) -> int:
        """Size of a reply."""
        blocks = [{"type": "text", "text": reply.text}] if reply.text else []
        blocks += [
            {"type": "tool_use", "name": call.name, "input": dict(call.arguments)}
            for call in reply.calls
        ]
        return sum(map(self._counter.output, blocks)) + self._counter.overheads.reply

    def prompt_tokens(self, request: ModelRequest) -> int:
        """Size of a whole request."""
        return prompt_of(self.body(request), self._model, self._counter).tokens

    def turn_tokens(self, request: ModelRequest, turns: Sequence[Turn]) -> int:
        """What these turns add to a request."""
        more = ModelRequest(
            request.instructions,
            request.functions,
            (*request.turns, *turns),
            request.max_output_tokens,
        )
        return self.prompt_tokens(more) - self.prompt_tokens(request)
