"""The adapter and a server that speaks the real protocol, over a real socket."""

from __future__ import annotations

import asyncio
import ssl
from itertools import pairwise

import pytest
from conversations import INSTRUCTIONS, STEPS, converse, model_for, script, talk
from messages_api import asked

from benchmarks.fake_api import FAULT_KINDS, FakeApi, FaultPlan, call
from docpager.core.errors import AttemptFailed, ModelError
from docpager.models.claude.families import family_of

FAMILIES = ["claude-sonnet-5-5", "claude-opus-5-5", "claude-fable-5-1", "claude-haiku-5-5"]
FAMILIES += ["claude-opus-5", "claude-sonnet-5", "claude-opus-4-8", "claude-sonnet-4-6"]
FAMILIES += ["claude-opus-4-5", "claude-haiku-4-5", "claude-haiku-4-5-20251001"]


@pytest.mark.parametrize("name", FAMILIES)
def test_a_whole_conversation_with_every_family(name):
    with FakeApi(brain=script()) as api:
        replies = talk(model_for(api, name=name))

        assert [len(reply.calls) for reply in replies] == [*STEPS, 0]
        assert replies[-1].text == "41 million"
        assert all(request.status == 200 for request in api.requests)
        assert sum(reply.cost_usd for reply in replies) == pytest.approx(api.bill.usd)
        thinks = [any(b["type"] == "thinking" for b in reply.raw) for reply in replies]
        assert all(thinks) == any(thinks) == family_of(name).thinks


@pytest.mark.parametrize("effort", ["low", "medium", "high", "xhigh", "max"])
def test_every_effort_is_accepted(effort):
    with FakeApi(brain=script()) as api:
        assert talk(model_for(api, effort=effort))[-1].text == "41 million"


def test_each_step_reads_what_the_one_before_it_sent():
    with FakeApi(brain=script()) as api:
        replies = talk(model_for(api), last_is_final=False)

    for before, after in pairwise(replies):
        assert after.usage.cache_read_tokens == before.usage.prompt_tokens
        assert after.usage.input_tokens == 0


def test_another_question_on_the_same_documents_reads_instructions_and_map():
    with FakeApi(brain=script() * 2) as api:
        first, *_ = talk(model_for(api))
        second, *_ = talk(model_for(api), question="And costs?")

    assert first.usage.cache_read_tokens == 0
    assert second.usage.cache_read_tokens > 0.9 * first.usage.prompt_tokens


def test_the_last_request_pays_for_nothing_it_will_not_use():
    with FakeApi(brain=script()) as api:
        last = talk(model_for(api))[-1]

    assert last.usage.cache_write_tokens == 0
    assert last.usage.cache_read_tokens > 500


def test_tokens_are_counted_as_the_server_will_count_them():
    request = asked("question", instructions=INSTRUCTIONS)
    with FakeApi(brain=["hello"]) as api:
        model = model_for(api)
        counted = asyncio.run(model.count_tokens(request))
        used = asyncio.run(model.complete(request)).usage.prompt_tokens

    assert counted == used


def test_limits_are_those_of_the_server():
    with FakeApi() as api:
        limits = asyncio.run(model_for(api).limits())
        unknown = asyncio.run(model_for(api, name="claude-unheard-of").limits())

    assert (limits.input_tokens, limits.output_tokens) == (1_000_000, 128_000)
    assert (unknown.input_tokens, unknown.output_tokens) == (None, None)


def test_a_model_that_there_is_not_is_named():
    with FakeApi() as api, pytest.raises(ModelError, match="404 not_found_error") as error:
        asyncio.run(model_for(api, name="claude-unheard-of").complete(asked()))

    assert not isinstance(error.value, AttemptFailed)


def test_a_wrong_key_is_named(monkeypatch):
    monkeypatch.setenv("ANTHROPIC_API_KEY", "wrong")
    with FakeApi(api_keys=["right"]) as api, pytest.raises(ModelError, match="key was refused"):
        asyncio.run(model_for(api).complete(asked()))


def test_rate_limits_of_the_headers():
    with FakeApi(brain=["hello"]) as api:
        model = model_for(api)
        asyncio.run(model.complete(asked()))

    assert 0.9 < model.rate_limits.tightest < 1


RETRYABLE = {
    "rate_limited": False,
    "rate_limited_ms": False,
    "rate_limited_bare": False,
    "huge_retry_after": False,
    "server_error": False,
    "overloaded": False,
    "should_retry": False,
    "refuse_connection": True,  # seen as a connection that is lost
    "bad_gateway_html": True,
    "gateway_timeout": True,
    "close_before_headers": True,
    "truncated_body": True,
    "reset_mid_stream": True,
    "sse_error": True,
    "no_message_stop": True,
    "malformed_tool_json": True,
    "html_200": True,
    "empty_object": True,
}
"""Faults that another attempt may not meet, and whether this one may have been billed."""

FINAL = ("spend_cap", "should_not_retry")
REPLIES = {
    "slow_first_byte": "tool_use",
    "slow_chunks": "tool_use",
    "unknown_block": "tool_use",
    "unknown_stop_reason": None,
    "cut_tool_input": "max_tokens",
    "refusal": "refusal",
    "context_window_exceeded": "model_context_window_exceeded",
}
"""Faults that leave a reply, and why it stopped."""


def struck_by(fault):
    """What one attempt gives that meets a fault, and the server it met it at."""
    with FakeApi(brain=[call("search", query="q")], faults=FaultPlan(at={1: fault})) as api:
        model = model_for(api)
        try:
            return asyncio.run(model.complete(asked())), api
        except ModelError as error:
            return error, api


def test_every_fault_is_expected_somewhere():
    assert set(FAULT_KINDS) == {*RETRYABLE, *FINAL, *REPLIES}


@pytest.mark.parametrize(("fault", "billed"), RETRYABLE.items())
def test_faults_that_may_pass(fault, billed):
    error, _ = struck_by(fault)

    assert isinstance(error, AttemptFailed)
    assert error.retryable
    assert error.may_be_billed == billed
    assert error.slows_all == (fault.startswith("rate_limited") or fault == "huge_retry_after")
    assert (error.after_seconds or 0) > (3_600 if fault == "huge_retry_after" else -1)


@pytest.mark.parametrize("fault", FINAL)
def test_faults_that_will_not_pass(fault):
    error, _ = struck_by(fault)

    assert isinstance(error, ModelError)
    assert not getattr(error, "retryable", False)


@pytest.mark.parametrize(("fault", "reason"), REPLIES.items())
def test_faults_that_leave_a_reply(fault, reason):
    reply, api = struck_by(fault)

    assert reply.stop_reason == reason or reason is None
    cut_short = ("cut_tool_input", "refusal", "context_window_exceeded")
    assert bool(reply.calls) == (fault not in cut_short)
    assert reply.usage.output_tokens == api.bill.usage.output_tokens


@pytest.mark.parametrize("fault", sorted(RETRYABLE))
def test_whatever_was_billed_was_said_to_be_so(fault):
    error, api = struck_by(fault)

    assert error.may_be_billed or api.bill.usd == 0


def test_a_server_that_is_not_there_has_done_no_work():
    with FakeApi(brain=["hello"]) as api:
        model = model_for(api)
        with api.refusing(), pytest.raises(AttemptFailed, match="no connection to") as error:
            asyncio.run(model.complete(asked()))

    assert error.value.retryable
    assert not error.value.may_be_billed


def test_a_block_that_the_server_would_not_take_back_is_never_sent():
    with FakeApi(brain=script(), faults=FaultPlan(at={2: "unknown_block"})) as api:
        replies = talk(model_for(api))

        assert any(block["type"] == "future_block" for block in replies[1].raw)
        assert {request.status for request in api.requests} == {200}
        assert b"future_block" not in b"".join(request.raw for request in api.requests)


def test_many_conversations_at_once_on_one_model():
    async def eight(model):
        return await asyncio.gather(*(converse(model, question=f"q{n}") for n in range(8)))

    def brain(asked):
        """Says what its place in the conversation demands, whoever asks."""
        said = sum(each["role"] == "assistant" for each in asked.body["messages"])
        return script()[said]

    with FakeApi(brain=brain) as api:
        conversations = asyncio.run(eight(model_for(api)))

        assert [replies[-1].text for replies in conversations] == ["41 million"] * 8


def test_certificates_are_read_once_and_checked_by_every_client():
    from docpager.models.claude.connections import http_client

    one, other = (http_client(keep_alive=kept)._transport._pool._ssl_context for kept in (1, 0))
    assert one is other
    assert one.check_hostname and one.verify_mode is ssl.CERT_REQUIRED
