"""Epoch: an append-only stretch of conversation, and what it takes in main context."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from math import ceil

from docpager.core.pictures import Picture
from docpager.core.tokens import TokenCounter
from docpager.models.messages import (
    AssistantTurn,
    CallResult,
    FunctionSchema,
    ModelRequest,
    ToolCall,
    Turn,
    UserTurn,
)
from docpager.paging.token_sizes import Size

__all__ = ["BLOCK_TOKENS", "Epoch", "PromptSizer", "blocks_of", "canonical_json"]

BLOCK_TOKENS = 8
"""Framing of one block of a turn (a text, a call, a result): an allowance, not a measurement."""

LEAST_PLAUSIBLE = 0.25
"""Least share of the upper bound that a server's count of what was sent can be."""


_CANONICAL = json.JSONEncoder(ensure_ascii=False, sort_keys=True, separators=(",", ":"))
"""Made once: to make one for each value takes as long as to write a small one."""


def canonical_json(value: object) -> str:
    """JSON with one spelling: keys sorted, no spaces, letters as they are."""
    return _CANONICAL.encode(value)


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
        picture = self.picture(result.picture) if result.picture is not None else 0
        return self.text(result.text) + picture

    def picture(self, picture: Picture) -> int:
        """What a picture takes wherever it stands: its price, its label, two blocks' framing."""
        return picture.tokens + self.text(picture.label) + BLOCK_TOKENS

    def reply(self, text: str, calls: Sequence[ToolCall]) -> int:
        return (self.text(text) if text else 0) + sum(self.call(call) for call in calls)

    def turn(self, turn: Turn) -> int:
        if isinstance(turn, AssistantTurn):
            return self.reply(turn.text, turn.calls)
        return sum(map(self.text, blocks_of(turn))) + sum(map(self.picture, turn.all_pictures))


def blocks_of(turn: UserTurn) -> list[str]:
    """The texts that a user's turn is made of; what others share of it is a block of its own."""
    shared, own = turn.text[: turn.shared_length], turn.text[turn.shared_length :]
    return [*filter(None, [shared, own]), *(result.text for result in turn.results)]


class Epoch:
    """Turns that are only ever appended, and what a prompt made of them takes."""

    def __init__(
        self, head: UserTurn, *, number: int, size: Size, counted: int | None = None,
        uncounted: Sequence[str] = (),
    ) -> None:  # fmt: skip
        self.number = number
        self.turns: tuple[Turn, ...] = (head,)
        self.size = size
        """Instructions and functions included."""
        self.counted = counted
        """Tokens of what the server has counted, from the beginning; None where it counts not."""
        self.uncounted = tuple(uncounted)
        """Blocks of text that stand behind what the server has counted."""
        self._echoed = 0
        self._shows_more = bool(head.pictures)
        """Whether pictures stand behind what the server has counted."""

    @property
    def pictures(self) -> list[Picture]:
        """The pictures in its turns."""
        turns = (turn for turn in self.turns if isinstance(turn, UserTurn))
        return [picture for turn in turns for picture in turn.all_pictures]

    @property
    def tokens(self) -> int:
        """Tokens of the prompt at most."""
        return self.size.most

    def append(self, turn: UserTurn, *, size: Size) -> None:
        """Add results or what else answers a reply."""
        self.turns = (*self.turns, turn)
        self.size += size
        self.uncounted = (*self.uncounted, *blocks_of(turn))
        self._shows_more = self._shows_more or bool(turn.all_pictures)

    def append_reply(self, reply: AssistantTurn, *, tokens: int) -> None:
        """Add a reply, whose tokens its producer counted."""
        self.turns = (*self.turns, reply)
        self.size += Size.exact(tokens)
        self._echoed += tokens

    def settle(self, prompt_tokens: int) -> int | None:
        """Take the server's count of the prompt; returns what it counted for `uncounted`.

        None where that is not known, as where pictures stand among it. A count that leaves out what
        was sent (some servers report only what their cache did not hold) is ignored: within an
        epoch prompts only grow.
        """
        before = self.counted or 0
        # The reply's tokens are known (its producer counted them), so the server's count minus them
        # and minus what it had counted before is the count of the new text alone.
        behind = self.size.most - before - self._echoed
        # Factors are at most 2.25, so even where the estimator counts half too much the truth is
        # above a quarter of the bound; a smaller count is of something else.
        if prompt_tokens < before + LEAST_PLAUSIBLE * behind:
            return None
        # What a server other than Anthropic's takes for a picture is a guess: left in, it would be
        # learned as the cost of the text beside it.
        is_told = self.counted is not None and not self._shows_more
        found = prompt_tokens - before - self._echoed if is_told else None
        self.size, self.counted = Size.exact(prompt_tokens), prompt_tokens
        self.uncounted, self._echoed, self._shows_more = (), 0, False
        return found

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
