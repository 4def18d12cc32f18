"""Every fault of the fake API, as the plain SDK meets it."""

from __future__ import annotations

import contextlib
import time
from typing import Any

import anthropic
import httpx2
import pytest
from talking import TOOLS, body, client, send

from benchmarks.fake_api import (
    FAULT_KINDS,
    FakeApi,
    Fault,
    FaultPlan,
    Reply,
    ScriptedBrain,
    call,
    text,
)

SAID = Reply((text("It was three million. " * 40), call("search", query="revenue " * 100)))


def struck(kind: str, **options: Any) -> FakeApi:
    """A server whose first request meets this fault."""
    return FakeApi(ScriptedBrain(SAID, "Done."), faults={1: Fault(kind, **options)})


def streamed(api: FakeApi) -> anthropic.types.Message:
    with client(api).messages.stream(**body(tools=TOOLS)) as stream:
        return stream.get_final_message()


def plain_answer(api: FakeApi) -> anthropic.types.Message:
    return send(api, body(tools=TOOLS))


WAYS = pytest.mark.parametrize("ask", [streamed, plain_answer])


@WAYS
@pytest.mark.parametrize(
    ("kind", "error", "status", "type_"),
    [
        ("rate_limited", anthropic.RateLimitError, 429, "rate_limit_error"),
        ("rate_limited_ms", anthropic.RateLimitError, 429, "rate_limit_error"),
        ("rate_limited_bare", anthropic.RateLimitError, 429, "rate_limit_error"),
        ("huge_retry_after", anthropic.RateLimitError, 429, "rate_limit_error"),
        ("spend_cap", anthropic.RateLimitError, 429, "rate_limit_error"),
        ("should_not_retry", anthropic.RateLimitError, 429, "rate_limit_error"),
        ("should_retry", anthropic.BadRequestError, 400, "invalid_request_error"),
        ("server_error", anthropic.InternalServerError, 500, "api_error"),
        ("bad_gateway_html", anthropic.InternalServerError, 502, None),
        ("gateway_timeout", anthropic.InternalServerError, 504, "timeout_error"),
        ("overloaded", anthropic.InternalServerError, 529, "overloaded_error"),
    ],
)
def test_refusals_arrive_with_status_and_type(ask, kind, error, status, type_):
    with struck(kind) as api:
        with pytest.raises(error) as caught:
            ask(api)

        assert (caught.value.status_code, caught.value.type) == (status, type_)
        assert len(api.bill) == 0
        assert [block.type for block in ask(api).content] == ["thinking", "text", "tool_use"]


@pytest.mark.parametrize(
    ("kind", "header", "value"),
    [
        ("rate_limited", "retry-after", "1"),
        ("rate_limited_ms", "retry-after-ms", "200"),
        ("huge_retry_after", "retry-after", "86400"),
        ("should_retry", "x-should-retry", "true"),
        ("should_not_retry", "x-should-retry", "false"),
        ("rate_limited_bare", "retry-after", None),
        ("spend_cap", "retry-after", None),
    ],
)
def test_refusals_say_when_to_come_back_or_do_not(kind, header, value):
    with struck(kind) as api, pytest.raises(anthropic.APIStatusError) as caught:
        send(api, body())

    assert caught.value.response.headers.get(header) == value


def test_the_spend_cap_has_its_own_class():
    with struck("spend_cap") as api, pytest.raises(anthropic.RateLimitError) as caught:
        send(api, body())

    assert caught.value.error_code == "enforced_spend_limit_reached"
    assert type(caught.value) is not anthropic.RateLimitError


@WAYS
def test_closing_without_an_answer_is_a_connection_error(ask):
    with struck("close_before_headers") as api:
        with pytest.raises(anthropic.APIConnectionError):
            ask(api)

        assert len(api.bill) == 0
        assert ask(api).stop_reason == "tool_use"


def test_a_refused_connection_is_refused_for_a_while():
    with struck("refuse_connection", seconds=0.5) as api:
        with pytest.raises(anthropic.APIConnectionError):
            send(api, body())
        with pytest.raises(anthropic.APIConnectionError) as caught:
            send(api, body())
        assert isinstance(caught.value.__cause__, httpx2.ConnectError)
        time.sleep(0.6)

        assert send(api, body()).type == "message"
    assert len(api.requests) == 2


def test_connections_are_refused_as_long_as_a_test_likes():
    with FakeApi("Fine.") as api:
        with api.refusing(), pytest.raises(anthropic.APIConnectionError):
            send(api, body(), max_retries=0)

        assert send(api, body(), max_retries=0).type == "message"


def test_half_a_body_is_a_connection_error():
    for kind in ("truncated_body", "reset_mid_stream"):
        with struck(kind) as api, pytest.raises(anthropic.APIConnectionError):
            plain_answer(api)


def test_half_a_stream_breaks_in_the_clients_hands():
    with struck("reset_mid_stream") as api, pytest.raises(httpx2.ReadError):
        streamed(api)
    with struck("truncated_body") as api, pytest.raises(httpx2.RemoteProtocolError):
        streamed(api)


def test_an_error_event_ends_a_stream_under_status_200():
    with struck("sse_error") as api, pytest.raises(anthropic.APIStatusError) as caught:
        streamed(api)

    assert (caught.value.status_code, caught.value.type) == (200, "overloaded_error")


def test_a_stream_may_end_without_a_stop():
    with struck("no_message_stop") as api:
        message = streamed(api)

    assert message.stop_reason is None


@pytest.mark.parametrize("kind", ["slow_first_byte", "slow_chunks"])
@WAYS
def test_slow_answers_take_their_time_and_arrive(ask, kind):
    with struck(kind, seconds=0.3) as api:
        began = time.monotonic()
        message = ask(api)

    assert time.monotonic() - began >= 0.28
    assert message.stop_reason == "tool_use"


def test_a_slow_answer_meets_a_timeout():
    with struck("slow_first_byte", seconds=1.0) as api:
        with pytest.raises(anthropic.APITimeoutError):
            send(api, body(), timeout=0.2)

        assert len(api.bill) == 1


def test_a_reply_that_nobody_waited_for_is_told_again():
    with struck("slow_first_byte", seconds=0.5) as api:
        with pytest.raises(anthropic.APITimeoutError):
            send(api, body(tools=TOOLS), timeout=0.1)
        time.sleep(0.6)

        assert plain_answer(api).content[1].text == SAID.content[0]["text"]
        assert [line.delivered for line in api.bill] == [False, True]


def test_arguments_may_be_no_json():
    with struck("malformed_tool_json") as api, pytest.raises(ValueError, match="tool parameter"):
        streamed(api)
    with struck("malformed_tool_json") as api, pytest.raises(ValueError):
        plain_answer(api)


@WAYS
def test_blocks_and_stop_reasons_of_the_future_pass_through(ask):
    with struck("unknown_block") as api:
        assert ask(api).content[-1].type == "future_block"
    with struck("unknown_stop_reason") as api:
        assert ask(api).stop_reason == "future_reason"


@WAYS
def test_arguments_are_cut_by_max_tokens(ask):
    with struck("cut_tool_input") as api:
        message = ask(api)

    assert message.stop_reason == "max_tokens"
    assert message.content[-1].type == "tool_use"
    assert message.content[-1].input != SAID.content[-1]["input"]


@pytest.mark.parametrize("kind", ["malformed_tool_json", "cut_tool_input"])
def test_a_reply_without_a_call_passes_where_the_fault_needs_one(kind):
    with FakeApi(["Fine.", "Done."], faults={1: kind}) as api:
        said = [streamed(api).content[-1].text, plain_answer(api).content[-1].text]

        assert said == ["Fine.", "Done."]
        assert [line.delivered for line in api.bill] == [True, True]
        assert [request.fault for request in api.requests] == ["", ""]


@WAYS
def test_a_refusal_comes_with_its_details(ask):
    with struck("refusal") as api:
        message = ask(api)

    assert (message.stop_reason, message.content) == ("refusal", [])
    assert message.stop_details.type == "refusal"


@WAYS
def test_the_window_may_be_exceeded(ask):
    with struck("context_window_exceeded") as api:
        message = ask(api)

    assert message.stop_reason == "model_context_window_exceeded"
    assert 0 < len(message.content[1].text) < len(SAID.content[0]["text"])


def test_an_html_page_with_200_becomes_a_string():
    with struck("html_200") as api:
        answer: Any = client(api).messages.create(**body())

    assert isinstance(answer, str)
    assert "<html>" in answer


def test_an_empty_object_with_200_becomes_a_message_without_anything():
    with struck("empty_object") as api:
        answer = client(api).messages.create(**body())

    assert not hasattr(answer, "content") or answer.content is None


@pytest.mark.parametrize(
    "kind", ["truncated_body", "reset_mid_stream", "sse_error", "no_message_stop", "html_200"]
)
def test_what_did_not_arrive_is_billed_and_said_again(kind):
    with struck(kind) as api:
        with contextlib.suppress(anthropic.APIError, httpx2.TransportError, AssertionError):
            streamed(api)
        again = streamed(api)

    assert again.content[1].text == SAID.content[0]["text"]
    assert [line.delivered for line in api.bill] == [False, True]
    assert api.bill.delivered_usd < api.bill.usd


def test_a_plan_strikes_exact_requests():
    with FakeApi("Fine.", faults={2: "overloaded", 3: "rate_limited"}) as api:
        statuses = []
        for _ in range(4):
            try:
                send(api, body())
                statuses.append(200)
            except anthropic.APIStatusError as error:
                statuses.append(error.status_code)

    assert statuses == [200, 529, 429, 200]
    assert [request.fault for request in api.requests] == ["", "overloaded", "rate_limited", ""]


def test_chance_strikes_a_share_of_requests_and_the_same_ones_again():
    plan = FaultPlan(share=0.3, seed=7)
    kinds = [plan(number) for number in range(1, 2_001)]

    assert kinds == [FaultPlan(share=0.3, seed=7)(number) for number in range(1, 2_001)]
    assert 0.27 < sum(kind is not None for kind in kinds) / 2_000 < 0.33
    assert {kind.kind for kind in kinds if kind} == set(FAULT_KINDS)
    assert kinds != [FaultPlan(share=0.3, seed=8)(number) for number in range(1, 2_001)]


def test_unknown_faults_are_named():
    with pytest.raises(ValueError, match="no fault 'earthquake'"):
        Fault("earthquake")
    with pytest.raises(ValueError, match="no fault 'flood'"):
        FaultPlan(kinds=("flood",))


def test_other_endpoints_fail_by_their_own_plan():
    plans = {"count_tokens": {1: "overloaded"}, "models": {1: "server_error"}}
    with FakeApi("Fine.", faults_elsewhere=plans) as api:
        with pytest.raises(anthropic.InternalServerError):
            client(api).messages.count_tokens(model="claude-opus-5", messages=body()["messages"])
        with pytest.raises(anthropic.InternalServerError):
            client(api).models.retrieve("claude-opus-5")

        assert client(api).models.retrieve("claude-opus-5").id == "claude-opus-5"
        assert send(api, body()).type == "message"


def test_the_server_survives_every_fault_in_a_row():
    plan = FaultPlan(dict(enumerate(FAULT_KINDS, 1)), seconds=0.02)
    with FakeApi(lambda asked: SAID, faults=plan) as api:
        for _ in FAULT_KINDS:
            try:
                streamed(api)
            except (anthropic.APIError, httpx2.TransportError, ValueError, AssertionError):
                time.sleep(0.05)

        assert streamed(api).stop_reason == "tool_use"
        assert {request.fault for request in api.requests} == {*FAULT_KINDS, ""}
