"""A model that misbehaves: what a runner has to survive."""

from __future__ import annotations

import random
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from benchmarks.fake_api.brain import Asked, Block, Brain, Reply, call, text

__all__ = ["MISCHIEF", "AdversarialBrain"]

MISCHIEF = (
    "wrong_arguments",
    "unknown_tool",
    "parallel_calls",
    "never_answers",
    "empty_end_turn",
    "cites_evicted",
)
_PARALLEL = 12
_REMEMBERED = 200
_WRONG: tuple[Any, ...] = (None, -1, 1e300, "", "D999:p0", [], {}, True, ["nested", {"deep": [1]}])


class AdversarialBrain:
    """Misbehaves in the given ways, seeded; the rest of the time another brain replies.

    `never_answers` calls anything but `answer`, and without tools says nothing of use.
    `cites_evicted` answers with quotes from results that are no longer in the request; until there
    are such results it leaves the reply to the other brain.
    """

    def __init__(
        self,
        *kinds: str,
        otherwise: Brain | None = None,
        share: float = 1.0,
        seed: int = 0,
        answer_tool: str = "answer",
    ) -> None:
        unknown = set(kinds) - set(MISCHIEF)
        if unknown:
            raise ValueError(f"no mischief {sorted(unknown)}; there is {', '.join(MISCHIEF)}")
        self._kinds = kinds or MISCHIEF
        self._otherwise = otherwise
        self._share = share
        self._chance = random.Random(seed)
        self._answer_tool = answer_tool
        self._results: deque[str] = deque(maxlen=_REMEMBERED)

    def reply(self, asked: Asked) -> Reply:
        """Something that a well-behaved model would not say."""
        here = set(_results(asked.body))
        evicted = [each for each in self._results if each not in here]
        self._results.extend(each for each in here if each not in self._results)
        if self._chance.random() >= self._share:
            return self._sensible(asked)
        kind = self._chance.choice(self._kinds)
        mischief: Callable[[Asked, list[str]], Reply] = getattr(self, f"do_{kind}")
        return mischief(asked, evicted)

    def do_wrong_arguments(self, asked: Asked, evicted: list[str]) -> Reply:
        """A tool that exists, with arguments that its schema does not allow."""
        tools = _tools(asked)
        if not tools:
            return self._sensible(asked)
        tool = self._chance.choice(tools)
        names = [*(tool["input_schema"].get("properties") or {}), "no_such_argument"]
        chosen = self._chance.sample(names, self._chance.randint(0, len(names)))
        arguments = {name: self._chance.choice(_WRONG) for name in chosen}
        return Reply(({"type": "tool_use", "name": tool["name"], "input": arguments},))

    def do_unknown_tool(self, asked: Asked, evicted: list[str]) -> Reply:
        """A tool that was not offered."""
        return Reply((call("delete_everything", path="/"),))

    def do_parallel_calls(self, asked: Asked, evicted: list[str]) -> Reply:
        """Twelve calls at once."""
        tools = [tool for tool in _tools(asked) if tool["name"] != self._answer_tool]
        if not tools:
            return self._sensible(asked)
        return Reply(tuple(self._call(self._chance.choice(tools)) for _ in range(_PARALLEL)))

    def do_never_answers(self, asked: Asked, evicted: list[str]) -> Reply:
        """One more call, for ever."""
        tools = [tool for tool in _tools(asked) if tool["name"] != self._answer_tool]
        if not tools:
            return Reply((text("I would like to look at some more passages first."),))
        return Reply((self._call(self._chance.choice(tools)),))

    def do_empty_end_turn(self, asked: Asked, evicted: list[str]) -> Reply:
        """Nothing."""
        return Reply()

    def do_cites_evicted(self, asked: Asked, evicted: list[str]) -> Reply:
        """An answer with quotes that are no longer in sight."""
        answer = [tool for tool in _tools(asked) if tool["name"] == self._answer_tool]
        if not answer or not evicted:
            return self._sensible(asked)
        quote = self._chance.choice(evicted)
        start = self._chance.randrange(max(1, len(quote) - 100))
        return Reply((self._call(answer[0], quote[start : start + 100]),))

    def _sensible(self, asked: Asked) -> Reply:
        return self._otherwise.reply(asked) if self._otherwise else Reply((text("So be it."),))

    def _call(self, tool: Mapping[str, Any], words: str = "revenue") -> Block:
        arguments = self._example(tool["input_schema"], words)
        return {"type": "tool_use", "name": tool["name"], "input": arguments}

    def _example(self, schema: Mapping[str, Any], words: str) -> Any:
        """A value that fits a JSON schema, with `words` for every free text."""
        if "enum" in schema:
            return self._chance.choice(schema["enum"])
        if "const" in schema:
            return schema["const"]
        for key in ("anyOf", "oneOf"):
            if key in schema:
                return self._example(schema[key][0], words)
        kind = schema.get("type", "string")
        kind = kind[0] if isinstance(kind, list) else kind
        if kind == "object":
            properties: Mapping[str, Any] = schema.get("properties") or {}
            return {name: self._example(each, words) for name, each in properties.items()}
        if kind == "array":
            return [self._example(schema.get("items") or {}, words)]
        numbers: dict[str, Any] = {"integer": 1, "number": 1.0, "boolean": True, "null": None}
        return numbers.get(kind, words)


def _tools(asked: Asked) -> list[Mapping[str, Any]]:
    return [
        tool
        for tool in asked.body.get("tools") or ()
        if tool.get("name") in asked.tool_names and "input_schema" in tool
    ]


def _results(body: Mapping[str, Any]) -> Iterator[str]:
    """The texts of all results in a request."""
    for message in body["messages"]:
        if isinstance(message["content"], str):
            continue
        for block in message["content"]:
            content = block.get("content")
            if block["type"] == "tool_result" and isinstance(content, str) and content:
                yield content
            elif block["type"] == "tool_result" and content:
                yield "".join(each.get("text", "") for each in content)
