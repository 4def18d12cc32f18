"""What can go wrong with one attempt, and what callers are told about it."""

from __future__ import annotations

import asyncio
import json
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import httpx2
import pytest
from messages_api import (
    Server,
    asked,
    events,
    message,
    model_at,
    refused,
    stream_of,
    streamed,
    text,
    tool_use,
    written,
)

from docpager.core.errors import AttemptFailed, ContextExceeded, ModelError
from docpager.models.claude import ClaudeModel


def failed(response, **settings):
    """The error of one attempt, which was one request."""
    server = Server(response)
    with pytest.raises(ModelError) as error:
        asyncio.run(model_at(server, **settings).complete(asked()))
    assert len(server.requests) == 1
    return error.value


def breaking_off(told, error):
    """A stream that ends in an exception of the network."""

    class Broken(httpx2.AsyncByteStream):
        async def __aiter__(self):
            yield written(told)
            raise error

    headers = {"content-type": "text/event-stream"}
    return httpx2.Response(200, headers=headers, stream=Broken())


def raising(error):
    def answer(request):
        raise error

    return answer


@pytest.mark.parametrize("status", [408, 409, 429, 500, 502, 503, 504, 529, 599])
def test_statuses_that_may_pass(status):
    error = failed(refused(status, "api_error"))

    assert error.retryable
    assert error.slows_all == (status == 429)
    assert error.may_be_billed == (status in (408, 502, 504))
    assert f"said {status} api_error: about api_error (req_1)" in str(error)


@pytest.mark.parametrize("status", [400, 413, 422])
def test_requests_that_will_never_pass_harm_only_themselves(status):
    error = failed(refused(status, "invalid_request_error"))

    assert isinstance(error, AttemptFailed)
    assert not error.retryable
    assert not error.may_be_billed


@pytest.mark.parametrize(
    ("status", "next_step"),
    [(401, "ANTHROPIC_API_KEY"), (402, "billing"), (403, "permissions"), (404, "`model=`")],
)
def test_a_model_that_cannot_be_used_is_no_matter_of_attempts(status, next_step):
    error = failed(refused(status, "authentication_error"))

    assert not isinstance(error, AttemptFailed)
    assert next_step in str(error)


@pytest.mark.parametrize("code", ["enforced_spend_limit_reached", "contract_spend_limit_reached"])
def test_a_spend_limit_is_no_rate_limit(code):
    error = failed(refused(429, "rate_limit_error", code=code))

    assert not isinstance(error, AttemptFailed)
    assert "spend limit" in str(error)


def test_limits_that_ramp_up_are_waited_for():
    assert failed(refused(429, "rate_limit_error", code="ramp_limit_exceeded")).retryable


def test_the_server_may_say_whether_to_try_again():
    assert failed(refused(400, "invalid_request_error", x_should_retry="true")).retryable
    assert failed(refused(404, "not_found_error", x_should_retry="true")).retryable
    assert not failed(refused(529, "overloaded_error", x_should_retry="false")).retryable


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, None),
        ({"retry_after": "7"}, 7),
        ({"retry_after": "86400.5"}, 86_400.5),
        ({"retry_after_ms": "250", "retry_after": "7"}, 0.25),
        ({"retry_after": "0"}, None),
        ({"retry_after": "-1"}, None),
        ({"retry_after": "nan"}, None),
        ({"retry_after": "soon"}, None),
    ],
)
def test_how_long_to_wait(headers, seconds):
    assert failed(refused(429, "rate_limit_error", **headers)).after_seconds == seconds


def test_how_long_to_wait_may_be_a_date():
    soon = format_datetime(datetime.now(UTC) + timedelta(seconds=30), usegmt=True)

    assert 25 < failed(refused(429, "rate_limit_error", retry_after=soon)).after_seconds <= 30


def test_errors_inside_a_stream_are_judged_by_their_type():
    begun = events(message(text("hi")))[:3]

    def inside(kind):
        error = {"type": "error", "error": {"type": kind, "message": "m"}}
        return failed(stream_of([*begun, error]))

    overloaded = inside("overloaded_error")
    assert overloaded.retryable
    assert overloaded.may_be_billed
    assert "in its stream overloaded_error: m" in str(overloaded)
    assert inside("rate_limit_error").slows_all
    assert not inside("invalid_request_error").retryable


@pytest.mark.parametrize(
    ("error", "billed"),
    [
        (httpx2.ConnectError("refused"), False),
        (httpx2.ConnectTimeout("slow"), False),
        (httpx2.PoolTimeout("full"), False),
        (httpx2.ReadTimeout("slow"), True),
        (httpx2.ReadError("reset"), True),
        (httpx2.RemoteProtocolError("gone"), True),
        (httpx2.WriteError("reset"), True),
    ],
)
def test_connections_that_fail_before_a_reply(error, billed):
    failure = failed(raising(error))

    assert failure.retryable
    assert failure.may_be_billed == billed


@pytest.mark.parametrize(
    "error", [httpx2.ReadError("reset"), httpx2.RemoteProtocolError("gone"), httpx2.ReadTimeout("")]
)
def test_connections_that_fail_inside_a_reply(error):
    failure = failed(breaking_off(events(message(text("hi")))[:3], error))

    assert failure.retryable
    assert failure.may_be_billed


def test_malformed_arguments_are_a_failed_attempt():
    told = events(message(tool_use(query="a"), stop_reason="tool_use"))
    told[3]["delta"]["partial_json"] = '{"query": nonsense}'

    assert failed(stream_of(told)).retryable


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (b"<html>Bad gateway</html>", "text/html"),
        (b"", "text/event-stream"),
        (b"{}", "application/json"),
        (b"event: message_start\ndata: {not json\n\n", "text/event-stream"),
        (b'event: message_start\ndata: {"type": "message_start"}\n\n', "text/event-stream"),
        (b"event: message_start\ndata: \xff\xfe\n\n", "text/event-stream"),
        (b"event: message_start\ndata: [1]\n\n", "text/event-stream"),
    ],
)
def test_what_is_no_reply_is_a_failed_attempt(content, kind):
    error = failed(httpx2.Response(200, headers={"content-type": kind}, content=content))

    assert isinstance(error, AttemptFailed)
    assert error.retryable


@pytest.mark.parametrize("missing", ["usage", "delta"])
def test_an_event_that_lacks_a_field_is_a_failed_attempt(missing):
    told = events(message(text("hi")))
    del told[-2][missing]

    assert failed(stream_of(told)).retryable


def test_a_block_that_was_never_begun_is_a_failed_attempt():
    told = events(message(text("hi")))
    del told[1]

    assert failed(stream_of(told)).retryable


def test_without_a_key_nothing_is_sent():
    model = ClaudeModel("claude-sonnet-5-5")

    with pytest.raises(ModelError, match="set ANTHROPIC_API_KEY") as error:
        asyncio.run(model.complete(asked()))

    assert not isinstance(error.value, AttemptFailed)


def test_another_server_needs_no_key():
    server = Server(streamed(message(text("hi"))))

    asyncio.run(model_at(server, backend=None).complete(asked()))

    assert server.requests[0].headers["authorization"] == "Bearer none"


def test_two_loops_in_turn_can_use_one_model():
    model = model_at(Server(streamed(message(text("hi")))))

    for _ in range(2):
        assert asyncio.run(model.complete(asked())).text == "hi"


def test_rate_limits_are_offered_after_a_refusal_too():
    headers = {
        "anthropic_ratelimit_requests_limit": "10",
        "anthropic_ratelimit_requests_remaining": "0",
    }
    model = model_at(Server(refused(429, "rate_limit_error", **headers)))

    with pytest.raises(AttemptFailed):
        asyncio.run(model.complete(asked()))

    assert model.rate_limits.tightest == 0


@pytest.mark.parametrize("status", [200, 429])
def test_rate_limits_too_long_to_be_numbers_are_passed_over(status):
    headers = {
        "anthropic_ratelimit_requests_limit": "9" * 5_000,
        "anthropic_ratelimit_requests_remaining": "1",
    }
    if status == 429:
        assert failed(refused(429, "rate_limit_error", **headers)).retryable
    else:
        model = model_at(Server(streamed(message(text("hi")), **headers)))
        assert asyncio.run(model.complete(asked())).text == "hi"
        assert model.rate_limits is None


@pytest.mark.parametrize(
    "error",
    [
        {"type": ["x"], "message": {"a": 1}, "details": {"error_code": ["y"]}},
        {"type": "x" * 5_000, "message": "y" * 50_000},
        ["x"],
        None,
    ],
)
def test_errors_in_no_known_form_are_told_in_one_line(error):
    refusal = httpx2.Response(400, json={"type": "error", "error": error})

    told = failed(refusal)

    assert isinstance(told, AttemptFailed)
    assert "said 400" in str(told)
    assert len(str(told)) < 1_000


def test_messages_show_no_key(monkeypatch):
    monkeypatch.setenv("ANTHROPIC_API_KEY", "sk-secret")

    assert "sk-secret" not in str(failed(refused(401, "authentication_error")))
    assert "sk-secret" not in json.dumps(repr(failed(raising(httpx2.ConnectError("no")))))


def test_a_flat_error_in_a_stream_may_pass_and_slows_everybody():
    full = {"code": 500, "message": "Context size has been exceeded.", "type": "server_error"}
    content = f"event: error\ndata: {json.dumps(full)}\n\n".encode()
    headers = {"content-type": "text/event-stream"}

    error = failed(httpx2.Response(200, headers=headers, content=content))

    assert error.retryable
    assert error.slows_all
    assert "in its stream server_error: Context size has been exceeded." in str(error)
    assert "{" not in str(error)


def test_a_server_that_loads_its_model_says_so():
    told = {"error": {"message": "Loading model", "type": "unavailable_error", "code": 503}}

    error = failed(httpx2.Response(503, json=told))

    assert error.loading
    assert str(error) == "http://127.0.0.1:1 is still loading its model"


def test_a_prompt_above_the_context_is_named_with_the_servers_numbers():
    message = "request (2072 tokens) exceeds the available context size (2048 tokens)"
    kind = "exceed_context_size_error"
    told = {"code": 400, "message": message, "type": kind, "n_prompt_tokens": 2072, "n_ctx": 2048}

    error = failed(httpx2.Response(400, json={"error": told}))

    assert isinstance(error, ContextExceeded)
    assert (error.prompt_tokens, error.context) == (2_072, 2_048)


@pytest.mark.parametrize(
    "message",
    [
        'litellm.APIError: it broke.\nTraceback (most recent call last):\n  File "a.py", line 3',
        "it broke. No fallback model group found for original model_group=x. Fallbacks=[{}]",
        "it broke.\n    at handle (/app/router.js:12:3)\n    at next (/app/router.js:40:1)",
        "it broke. Received Model Group=x\nAvailable Model Group Fallbacks=None",
    ],
)
def test_what_proxies_say_of_themselves_is_left_out(message):
    told = {"type": "error", "error": {"type": "api_error", "message": message}}

    assert str(failed(httpx2.Response(500, json=told))).endswith("it broke.")


def test_one_json_message_instead_of_a_stream_is_a_reply():
    reply = message(text("26 grams"))
    server = Server(httpx2.Response(200, json=reply))

    assert asyncio.run(model_at(server).complete(asked())).text == "26 grams"


@pytest.mark.parametrize("body", [[1], {"hello": "there"}, {"error": {"message": "no"}}])
def test_json_that_is_no_message_is_not_asked_for_again(body):
    assert not failed(httpx2.Response(200, json=body)).retryable
