"""The fake API and the real one agree. With `--live` and a key this costs about a cent."""

from __future__ import annotations

import asyncio

import pytest
from anthropic import AsyncAnthropic
from contract import CASES, EXPECTED, Outcome

from benchmarks.fake_api import FakeApi, call


def brain(asked):
    """Calls the function it is asked to call, unless it may not."""
    answered = len(asked.body["messages"]) > 1
    return "It was 41 million." if answered else call("search", query="revenue")


def at_the_fake(case) -> Outcome:
    async def whole(url: str) -> Outcome:
        async with AsyncAnthropic(base_url=url, api_key="right", max_retries=0) as client:
            return await case(client)

    with FakeApi(brain=brain, api_keys=["right"]) as api:
        return asyncio.run(whole(api.url))


@pytest.mark.parametrize("name", CASES)
def test_the_fake_does_what_the_notes_say(name):
    outcome = at_the_fake(CASES[name])

    expected = EXPECTED.get(name, (400, "invalid_request_error", None))
    assert (outcome.status, outcome.error, outcome.stop_reason) == expected
    assert len(outcome.usage) == (6 if outcome.status == 200 else 0)


@pytest.mark.live
@pytest.mark.parametrize("name", CASES)
def test_the_real_api_does_what_the_fake_does(name):
    async def at_the_real_one() -> Outcome:
        async with AsyncAnthropic(max_retries=3) as client:
            return await CASES[name](client)

    assert asyncio.run(at_the_real_one()) == at_the_fake(CASES[name])
