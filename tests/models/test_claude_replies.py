"""What a reply becomes: text, calls, usage, and blocks that can be echoed."""

from __future__ import annotations

import asyncio
import json

import httpx2
import pytest
from messages_api import (
    Server,
    asked,
    events,
    message,
    model_at,
    stream_of,
    streamed,
    text,
    tool_use,
)

from docpager.core.errors import AttemptFailed
from docpager.models.messages import (
    AssistantTurn,
    CallResult,
    ModelReply,
    ToolCall,
    Usage,
    UserTurn,
)
from docpager.run.serialization import from_json, to_json

THINKING = {"type": "thinking", "thinking": "hm", "signature": "c2lnbmVk"}
REDACTED = {"type": "redacted_thinking", "data": "ZGF0YQ=="}


def reply_to(response, **settings):
    return asyncio.run(model_at(Server(response), **settings).complete(asked()))


def test_text_calls_usage_and_cost():
    usage = {
        "input_tokens": 100,
        "cache_read_input_tokens": 1_000,
        "cache_creation_input_tokens": 300,
        "cache_creation": {"ephemeral_5m_input_tokens": 200, "ephemeral_1h_input_tokens": 100},
        "output_tokens": 50,
        "output_tokens_details": {"thinking_tokens": 20},
    }
    said = message(
        text("I look."), tool_use(query="é", page=2), stop_reason="tool_use", usage=usage
    )

    reply = reply_to(streamed(said))

    assert reply.text == "I look."
    assert reply.calls == (ToolCall("toolu_1", "search", {"query": "é", "page": 2}),)
    assert reply.stop_reason == "tool_use"
    assert reply.usage == Usage(100, 1_000, 300, 50, "server", cache_write_1h_tokens=100)
    dollars = (100 * 2 + 1_000 * 0.10 + 200 * 2.5 + 100 * 4 + 50 * 10) / 1_000_000
    assert reply.cost_usd == pytest.approx(dollars)


def test_blocks_go_back_as_they_came_through_a_journal_but_for_unknown_ones():
    unknown = {"type": "future_block", "data": {"a": [1, None]}}
    metered_model = tool_use(query="b", page=1) | {
        "caller": {"type": "direct"},
        "toolset_name": None,
    }
    said = (THINKING, REDACTED, text("Well."), unknown, metered_model)

    reply = reply_to(streamed(message(*said, stop_reason="tool_use")))
    kept = from_json(json.loads(json.dumps(to_json(reply, ModelReply))), ModelReply)

    turn = AssistantTurn(kept.text, kept.calls, kept.raw)
    results = UserTurn(results=(CallResult("toolu_1", "found"),))
    body = model_at(Server(streamed(message()))).body(asked("question", turn, results))
    assert reply.text == "Well."
    assert [call.id for call in reply.calls] == ["toolu_1"]
    echoed = [block for block in said if block != unknown]
    assert [*reply.raw] == list(said)
    assert body["messages"][1]["content"] == echoed
    assert json.dumps(body["messages"][1]["content"]) == json.dumps(
        [block for block in reply.raw if block["type"] != "future_block"]
    )


def test_arguments_keep_the_order_in_which_they_came():
    reply = reply_to(streamed(message(tool_use(query="z", page=1, documents=["D2", "D1"]))))

    assert list(reply.raw[0]["input"]) == ["query", "page", "documents"]


@pytest.mark.parametrize(
    ("told", "meant"),
    [
        ("end_turn", "end_turn"),
        ("END_TURN", "end_turn"),
        ("stop", "end_turn"),
        ("length", "max_tokens"),
        ("refusal", "refusal"),
        ("model_context_window_exceeded", "model_context_window_exceeded"),
        ("pause_turn", "pause_turn"),
        ("something_new", "something_new"),
    ],
)
def test_every_stop_reason_arrives(told, meant):
    assert reply_to(streamed(message(text("said"), stop_reason=told))).stop_reason == meant


def test_calls_are_calls_whatever_the_stop_reason_says():
    assert reply_to(streamed(message(tool_use(query="a")))).stop_reason == "tool_use"


@pytest.mark.parametrize("reason", ["max_tokens", "model_context_window_exceeded"])
def test_a_call_that_was_cut_off_is_neither_made_nor_echoed(reason):
    said = message(
        text("I look."), tool_use("t1", query="a"), tool_use("t2", que="b"), stop_reason=reason
    )

    reply = reply_to(streamed(said))

    assert [call.id for call in reply.calls] == ["t1"]
    assert [block["type"] for block in reply.raw] == ["text", "tool_use"]
    assert reply.stop_reason == reason


def test_a_refusal_gives_its_category():
    details = {"type": "refusal", "category": "bio", "explanation": "not that"}

    reply = reply_to(streamed(message(stop_reason="refusal", stop_details=details)))

    assert (reply.stop_reason, reply.stop_detail) == ("refusal", "bio: not that")


def test_ids_that_are_missing_or_shared_are_replaced_in_call_and_echo():
    said = message(tool_use("", query="a"), tool_use("x", query="b"), tool_use("x", query="c"))

    reply = reply_to(streamed(said))

    ids = [call.id for call in reply.calls]
    assert len(set(ids)) == 3
    assert all(ids)
    assert ids == [block["id"] for block in reply.raw]


def test_a_reply_without_counts_has_no_usage():
    reply = reply_to(streamed(message(text("hi"), usage={"input_tokens": 0, "output_tokens": 0})))

    assert reply.usage is None
    assert reply.cost_usd is None


@pytest.mark.parametrize("name", ["input_tokens", "cache_read_input_tokens", "output_tokens"])
@pytest.mark.parametrize("lie", [-5, 10**10, 10**400, 3.5, [1]])
def test_what_nobody_can_have_counted_is_no_count(name, lie):
    usage = {"input_tokens": 100, "output_tokens": 5, name: lie}

    reply = reply_to(streamed(message(text("hi"), usage=usage)))

    assert (reply.text, reply.usage, reply.cost_usd) == ("hi", None, None)


@pytest.mark.parametrize("lie", [-5, 10**400, "12"])
def test_a_prompt_count_that_nobody_can_have_made_is_none(lie):
    server = Server(httpx2.Response(200, json={"input_tokens": lie}))

    assert asyncio.run(model_at(server).count_tokens(asked())) is None


@pytest.mark.parametrize("id", [7, ["a"], None, {}])
def test_ids_that_are_no_text_are_replaced(id):
    said = message({**tool_use(query="a"), "id": id}, stop_reason="tool_use")

    reply = reply_to(streamed(said))

    assert reply.calls == (ToolCall("msg_1-call-1", "search", {"query": "a"}),)
    assert from_json(to_json(reply, ModelReply), ModelReply) == reply


def test_text_and_reasons_that_are_no_text_are_not_said():
    begun = {"type": "text", "text": ["no"], "citations": None}
    told = events(message(text("hi")))
    told[1:4] = [
        {"type": "content_block_start", "index": 0, "content_block": begun},
        {"type": "content_block_stop", "index": 0},
    ]
    assert reply_to(stream_of(told)).text == ""

    details = {"type": "refusal", "category": ["bio"], "explanation": 5}
    refusal = message(stop_reason="refusal", stop_details=details)
    assert reply_to(streamed(refusal)).stop_detail == "['bio']: 5"


def test_a_model_without_a_price_has_no_cost():
    reply = reply_to(streamed(message(text("hi"))), name="claude-fable-5-2")

    assert reply.usage is not None
    assert reply.cost_usd is None


def test_pings_and_unknown_events_are_passed_over():
    told = events(message(text("hi")))
    told[1:1] = [{"type": "ping"}, {"type": "future_event", "x": 1}]

    assert reply_to(stream_of([{"type": "ping"}, *told])).text == "hi"


def test_a_stream_that_ends_too_early_is_a_failed_attempt():
    told = events(message(text("half a sen")))[:3]

    with pytest.raises(AttemptFailed, match="broke off") as failed:
        reply_to(stream_of(told))

    assert failed.value.retryable
    assert failed.value.may_be_billed


def test_rate_limits_are_offered():
    limits = {
        "anthropic_ratelimit_requests_limit": "1000",
        "anthropic_ratelimit_requests_remaining": "900",
        "anthropic_ratelimit_input_tokens_limit": "2000000",
        "anthropic_ratelimit_input_tokens_remaining": "500000",
    }
    model = model_at(Server(streamed(message(text("hi")), **limits)))
    assert model.rate_limits is None

    asyncio.run(model.complete(asked()))

    assert model.rate_limits.left == {"requests": 0.9, "input-tokens": 0.25}
    assert model.rate_limits.tightest == 0.25


@pytest.mark.parametrize("length", [60, 114])
def test_a_call_whose_arguments_break_off_is_cut_whatever_the_server_calls_it(length):
    arguments = {"text": "26 grams" * 10, "citations": [{"locator": "D5:c22", "quote": "weighed"}]}
    told = events(message(tool_use(name="answer", **arguments), stop_reason="tool_use"))
    deltas = [event for event in told if event["type"] == "content_block_delta"]
    deltas[0]["delta"]["partial_json"] = json.dumps(arguments)[:length]
    told.remove(deltas[1])

    reply = asyncio.run(model_at(Server(stream_of(told))).complete(asked()))

    assert (reply.stop_reason, reply.calls) == ("max_tokens", ())


@pytest.mark.parametrize(("output", "reason"), [(999, "end_turn"), (1_000, "max_tokens")])
def test_text_that_is_as_long_as_it_may_be_is_cut(output, reason):
    usage = {"input_tokens": 10, "output_tokens": output}
    server = Server(streamed(message(text("It weighed"), usage=usage)))

    assert asyncio.run(model_at(server).complete(asked())).stop_reason == reason


def test_a_whole_call_is_whole_however_long_it_is():
    usage = {"input_tokens": 10, "output_tokens": 1_000}
    reply = message(tool_use(query="a"), stop_reason="tool_use", usage=usage)

    assert asyncio.run(model_at(Server(streamed(reply))).complete(asked())).calls
