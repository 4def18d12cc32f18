"""A watched run against a server that counts by itself, as no counter of ours does."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from math import ceil
from random import Random
from zlib import crc32

from watched_run import WatchedRun, is_warned

from docpager.core.pictures import Picture
from docpager.core.tokens import TokenCounter
from docpager.models.messages import (
    AssistantTurn,
    FunctionSchema,
    ModelReply,
    ModelRequest,
    ToolCall,
    Usage,
)

FACTOR = 2.0
"""The most that a server here charges for a counted token."""


def kind_of(character: str) -> str:
    """A character's class, cut otherwise than docpager cuts scripts."""
    if character.isascii():
        return "letter" if character.isalpha() else "digit" if character.isdigit() else "mark"
    return "ideograph" if "一" <= character <= "鿿" else "other"


@dataclass(frozen=True)
class Server:
    """Counts every kind of character at its own rate, and adds what it likes to each prompt."""

    counter: TokenCounter
    rates: Mapping[str, float]
    """Tokens for each token of the counter, from 1 to 2."""
    framing: int
    own: int
    """Tokens that it adds to each prompt."""
    moody: bool = False
    """Whether every third line costs twice as much as the others promised."""
    reports: str = "everything"
    """`everything`, `uncached` (only what its cache did not hold) or `nothing`."""

    @classmethod
    def random(cls, random: Random, counter: TokenCounter) -> Server:
        kinds = ("letter", "digit", "mark", "ideograph", "other")
        return cls(
            counter,
            {kind: random.choice((1.0, 1.3, 2.0, random.uniform(1, 2))) for kind in kinds},
            framing=random.randint(0, 8),
            own=random.choice((0, 286, 675)),
            moody=random.random() < 0.4,
            reports=random.choices(("everything", "uncached", "nothing"), weights=(8, 1, 1))[0],
        )

    def text(self, text: str) -> int:
        if not text:
            return 0
        # By lines, so that a text in a longer one costs what it cost alone, as in any tokenizer.
        lines = [(self.counter.count(line), line) for line in text.splitlines() if line]
        total = sum(tokens for tokens, _ in lines)
        charged = sum(tokens * self._rate(line) for tokens, line in lines)
        return ceil(self.counter.count(text) * (charged / total if total else 2.0))

    def _rate(self, line: str) -> float:
        if self.moody:
            return 2.0 if crc32(line.encode("utf-8", "surrogatepass")) % 3 == 0 else 1.0
        return sum(self.rates[kind_of(character)] for character in line) / len(line)

    def block(self, text: str) -> int:
        return self.text(text) + self.framing

    def reply(self, text: str, calls: tuple[ToolCall, ...], thinking: int) -> int:
        blocks = [*filter(None, [text]), *(written(call) for call in calls)]
        return thinking + sum(map(self.block, blocks))

    def picture(self, picture: Picture) -> int:
        """Patches of 28 by 28 pixels, as the Messages API counts, and framing."""
        return ceil(picture.width / 28) * ceil(picture.height / 28) + self.framing

    def prompt(self, request: ModelRequest) -> int:
        """The whole request, thinking that is echoed included."""
        blocks = [request.instructions, *(written_function(f) for f in request.functions)]
        total = self.own + sum(map(self.block, blocks))
        for turn in request.turns:
            if isinstance(turn, AssistantTurn):
                thought = sum(block.get("tokens", 0) for block in turn.raw)
                total += self.reply(turn.text, turn.calls, thought)
            else:
                shown = [*filter(None, [turn.text]), *(r.text for r in turn.results)]
                total += sum(map(self.block, shown))
                total += sum(self.block(f"Picture of {each.id}:") for each in turn.pictures)
                total += sum(self.picture(each) for each in turn.all_pictures)
        return total


@dataclass
class ServedRun(WatchedRun):
    """Gives replies the usage that a server reports; checks sizes by the server's count."""

    server: Server = field(kw_only=True)
    estimates: list[tuple[int, int]] = field(default_factory=list)
    """(estimate, server's count) of every prompt."""

    def count(self, text: str) -> int:
        return self.server.text(text)

    def tokens(self, request: ModelRequest) -> int:
        return self.server.prompt(request)

    def served(self, reply: ModelReply, *, thinking: int) -> ModelReply:
        """The reply with its thinking, as far as its output allows, and what the server says."""
        said = self.server.reply(reply.text, reply.calls, 0)
        thinking = max(0, min(thinking, self.plan.paging.max_output - said))
        raw = ({"type": "thinking", "tokens": thinking}, *reply.raw)
        output = self.server.reply(reply.text, reply.calls, thinking)
        return replace(reply, raw=raw, usage=self._usage(output))

    def _usage(self, output: int) -> Usage | None:
        if self.server.reports == "nothing":
            return None
        prompt = self.server.prompt(self.requests[-1])
        if self.server.reports == "uncached" and len(self.requests[-1].turns) > 1:
            prompt //= 20
        return Usage(input_tokens=prompt, output_tokens=output, source="server")

    def _check_size(self, request: ModelRequest) -> None:
        tokens, window = self.tokens(request), self.plan.paging.window
        worst = tokens + request.max_output_tokens
        assert worst <= window, f"{worst} tokens in a window of {window}"
        size = self.run.context.epoch.size
        assert tokens <= size.most
        assert worst <= self.run.context.statistics.peak_worst_case <= window
        self.estimates.append((size.likely, tokens))
        if not is_warned(request):
            reserve = self.plan.paging.max_output + ceil(400 * self.plan.factor)
            assert worst + reserve <= window
        self.happened["warning"] += is_warned(request)


def written(call: ToolCall) -> str:
    return f"{call.name} {_json(call.arguments)}"


def written_function(function: FunctionSchema) -> str:
    return f"{function.name} {function.description} {_json(function.parameters)}"


def _json(value: Mapping[str, object]) -> str:
    return json.dumps(dict(value), ensure_ascii=False, separators=(",", ":"))
