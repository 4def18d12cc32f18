"""Conversations with the fake server: a run's requests without the run."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from messages_api import NAME, asked

from benchmarks.fake_api import FakeApi, call
from docpager.models.claude import ClaudeModel
from docpager.models.messages import AssistantTurn, CallResult, ModelReply, UserTurn

INSTRUCTIONS = "Answer from the documents, and only from them. " * 60
MAP = "D1 annual-report.pdf | 120 pdf pages, 400 passages\n" * 60
PAGE = "Revenue rose to 41 million from 38 million in the year before. " * 12

STEPS = (1, 2, 12, 1)
"""Calls of each step; twelve are more blocks than one breakpoint looks back over."""


def script(steps: Sequence[int] = STEPS) -> list[object]:
    """What the fake's brain says: the calls of each step, then an answer."""
    said: list[object] = [
        [call("search", query=f"q{n}", page=1) for n in range(count)] for count in steps
    ]
    return [*said, "41 million"]


def model_for(api: FakeApi, kind: type[ClaudeModel] = ClaudeModel, name: str = NAME, **settings):
    """A model that asks the fake server."""
    return kind(name, base_url=api.url, backend="anthropic", **settings)


async def converse(
    model: ClaudeModel, *, question: str = "What was revenue?", last_is_final: bool = True
) -> list[ModelReply]:
    """Ask, give results and go on until there is an answer, which is asked for without calls."""
    turns = [UserTurn(MAP + question, shared_length=len(MAP))]
    replies = []
    while not replies or replies[-1].calls:
        final = last_is_final and len(replies) == len(STEPS)
        request = asked(*turns, instructions=INSTRUCTIONS, calls_allowed=not final)
        reply = await model.complete(request)
        replies.append(reply)
        results = tuple(CallResult(each.id, f"{each.id}: {PAGE}") for each in reply.calls)
        turns += [
            AssistantTurn(reply.text, reply.calls, reply.raw),
            UserTurn("[memory] 60 % full" if len(replies) == 2 else "", results),
        ]
    return replies


def talk(model: ClaudeModel, **settings: object) -> list[ModelReply]:
    """`converse` on an event loop of its own."""

    async def whole() -> list[ModelReply]:
        try:
            return await converse(model, **settings)
        finally:
            await model.close()

    return asyncio.run(whole())
