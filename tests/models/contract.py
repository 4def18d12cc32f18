"""Requests whose outcome is the same at the real API and at the fake one."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from anthropic import APIStatusError, AsyncAnthropic
from messages_api import SEARCH

CHEAP = "claude-haiku-4-5"
CURRENT = "claude-sonnet-5-5"

Body = dict[str, Any]

TOOL = {"name": SEARCH.name, "description": SEARCH.description, "input_schema": SEARCH.parameters}
MARK = {"type": "ephemeral"}
HOUR = {"type": "ephemeral", "ttl": "1h"}


@dataclass(frozen=True)
class Outcome:
    """What of a response a client can branch on."""

    status: int
    error: str | None = None
    stop_reason: str | None = None
    usage: tuple[str, ...] = ()
    """Names of the counts that are there."""


Case = Callable[[AsyncAnthropic], Awaitable[Outcome]]
CASES: dict[str, Case] = {}


async def sent(client: AsyncAnthropic, body: Body) -> Outcome:
    """What a request comes to."""
    try:
        reply = await client.messages.create(**body)
    except APIStatusError as error:
        return Outcome(error.status_code, error.type)
    return Outcome(200, None, reply.stop_reason, counts(reply.usage))


def counts(usage: Any) -> tuple[str, ...]:
    read = ("input_tokens", "output_tokens", "cache_creation_input_tokens")
    found = [name for name in (*read, "cache_read_input_tokens") if _is_count(usage, name)]
    split = getattr(usage, "cache_creation", None)
    parts = ("ephemeral_5m_input_tokens", "ephemeral_1h_input_tokens")
    return (*found, *(name for name in parts if _is_count(split, name)))


def _is_count(usage: Any, name: str) -> bool:
    return isinstance(getattr(usage, name, None), int)


def question(*more: Body, model: str = CHEAP, **fields: Any) -> Body:
    """A request that is right; `more` are messages after the first."""
    ask = {"role": "user", "content": "Call search with the query 'revenue'."}
    return {"model": model, "max_tokens": 2_000, "messages": [ask, *more], "tools": [TOOL]} | fields


def called(id: str = "toolu_01") -> Body:
    use = {"type": "tool_use", "id": id, "name": "search", "input": {"query": "revenue"}}
    return {"role": "assistant", "content": [use]}


def result(id: str = "toolu_01", *more: Body) -> Body:
    found = {"type": "tool_result", "tool_use_id": id, "content": "Revenue was 41 million."}
    return {"role": "user", "content": [*more, found]}


def body(name: str, **fields: Any) -> None:
    """A case that is one request."""

    async def case(client: AsyncAnthropic) -> Outcome:
        return await sent(client, fields)

    CASES[name] = case


def words(text: str, **fields: Any) -> Body:
    return {"type": "text", "text": text, **fields}


body("a call", **question())
body("an answer", **question(called(), result(), tool_choice={"type": "none"}))
body("cut short", **question(max_tokens=1))
body("a call without result", **question(called(), {"role": "user", "content": "And?"}))
body("a result without call", **question({"role": "assistant", "content": "Hm."}, result()))
body("text before results", **question(called(), result("toolu_01", words("Here."))))
body("an empty text", **question(messages=[{"role": "user", "content": [words("")]}]))
body(
    "five breakpoints",
    **question(
        messages=[
            {"role": "user", "content": [words(f"{n}", cache_control=MARK) for n in range(5)]}
        ]
    ),
)
body(
    "an hour after 5 minutes",
    **question(
        messages=[
            {
                "role": "user",
                "content": [words("a", cache_control=MARK), words("b", cache_control=HOUR)],
            }
        ]
    ),
)
body("sampling parameters", **question(extra_body={"temperature": 0.5}))
body("a prefill", **question({"role": "assistant", "content": "I"}, model=CURRENT))
body("a forced call", **question(model=CURRENT, tool_choice={"type": "any"}))
body("thinking off", **question(model=CURRENT, thinking={"type": "disabled"}))
body("too many tokens", **question(max_tokens=10_000_000, timeout=60))
body("a model that there is not", **question(model="claude-unheard-of"))


async def an_edited_question(client: AsyncAnthropic) -> Outcome:
    """Thinking is bound to everything before it."""
    first = question(model=CURRENT)
    reply = await client.messages.create(**first)
    calls = [block.id for block in reply.content if block.type == "tool_use"]
    echo = {"role": "assistant", "content": [block.to_dict() for block in reply.content]}
    then = question(echo, *(result(id) for id in calls[:1]), model=CURRENT)
    then["messages"][0] = {"role": "user", "content": "Call search with the query 'costs'."}
    return await sent(client, then)


async def a_wrong_key(client: AsyncAnthropic) -> Outcome:
    return await sent(client.with_options(api_key="sk-ant-wrong"), question())


CASES["an edited question"] = an_edited_question
CASES["a wrong key"] = a_wrong_key

EXPECTED = {
    "a call": (200, None, "tool_use"),
    "an answer": (200, None, "end_turn"),
    "cut short": (200, None, "max_tokens"),
    "a model that there is not": (404, "not_found_error", None),
    "a wrong key": (401, "authentication_error", None),
}
"""Status, type of error and stop reason by case; every other case is an invalid request."""
