"""A server of one's own: `pytest --live --base-url http://127.0.0.1:8080 tests/models`.

What must hold whatever model answers; no key is needed, and none is sent.
"""

from __future__ import annotations

import asyncio

import pytest
from messages_api import SEARCH, asked

from docpager.core.errors import UsageError
from docpager.models.claude import ClaudeModel
from docpager.models.messages import AssistantTurn, CallResult, ChatModel, ToolCall, UserTurn
from docpager.models.openai import OpenAIModel
from docpager.models.servers import look_at

pytestmark = [pytest.mark.live, pytest.mark.local]

CALL = ToolCall("call_1", "search", {"query": "revenue"})


@pytest.fixture
def url(request):
    return request.config.getoption("--base-url")


@pytest.fixture(params=["anthropic", "openai"])
def make(request, url):
    """Makes a model of what the server serves, by either protocol."""
    facts = look_at(url)
    assert facts.reachable, facts.problem
    name = facts.models[0] if facts.models else "local-model"
    kind = OpenAIModel if request.param == "openai" else ClaudeModel
    return lambda: kind(name, base_url=url)


def with_model(make, story):
    async def told():
        model: ChatModel = make()
        try:
            return await story(model)
        finally:
            await model.close()

    return asyncio.run(told())


def test_it_replies_and_says_what_it_took(make):
    reply = with_model(make, lambda m: m.complete(asked(max_output_tokens=16)))

    assert reply.stop_reason
    assert reply.usage is None or reply.usage.prompt_tokens > 0


def test_a_result_is_taken_after_its_call(make):
    turns = ("What was revenue?", AssistantTurn("", (CALL,)))
    request = asked(*turns, UserTurn(results=(CallResult("call_1", "41"),)), max_output_tokens=16)

    assert with_model(make, lambda m: m.complete(request)).stop_reason


def test_ten_requests_in_a_row_all_get_a_reply(make):
    async def ten(model):
        return [await model.complete(asked(max_output_tokens=2)) for _ in range(10)]

    assert len(with_model(make, ten)) == 10


def test_a_window_above_its_context_is_refused(make, url):
    if look_at(url).context is None:
        pytest.skip("it does not say how large its context is")

    with pytest.raises(UsageError, match="less than the window"):
        with_model(make, lambda m: m.check(window=10**8, max_output=16))


def test_counts_that_are_used_agree_with_the_usage_of_replies(make):
    async def both(model):
        measured = await model.measure_tokens("Answer.", (SEARCH,))
        if measured is None:
            return None
        request = asked(max_output_tokens=2)
        return await model.count_tokens(request), (await model.complete(request)).usage

    found = with_model(make, both)

    if found is None or found[0] is None:
        pytest.skip("it counts no tokens beforehand, or its counts do not agree with themselves")
    counted, usage = found
    assert usage.prompt_tokens == counted


def test_the_next_request_reads_the_last_one_from_the_cache(url):
    async def twice(model):
        request = asked("What was revenue? " * 40, max_output_tokens=2)
        await model.complete(request)
        return (await model.complete(request)).usage

    usage = with_model(lambda: ClaudeModel(look_at(url).models[0], base_url=url), twice)

    if usage is None or not usage.cache_read_tokens:
        pytest.skip("it keeps no prompts, or does not say so")
    assert usage.input_tokens < 0.2 * usage.prompt_tokens
