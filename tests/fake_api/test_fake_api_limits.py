"""Rate limits and headers of the fake API."""

from __future__ import annotations

import anthropic
import pytest
from talking import body, client, marked, send, words

from benchmarks.fake_api import NO_OVERHEADS, FakeApi, RateLimits, RequestCounter

COUNTER = RequestCounter(overheads=NO_OVERHEADS)


def limited(**limits: int) -> FakeApi:
    return FakeApi("Fine.", counter=COUNTER, limits=RateLimits(**limits))


def test_requests_per_minute_run_out_and_come_back():
    with limited(requests=3) as api:
        for _ in range(3):
            send(api, body())
        with pytest.raises(anthropic.RateLimitError) as caught:
            send(api, body())
        wait = int(caught.value.response.headers["retry-after"])

        assert wait == 20
        api.clock.advance(wait)
        assert send(api, body()).type == "message"


def test_input_tokens_run_out_but_cached_ones_are_free():
    cached = body([marked(words(900))])
    with limited(input_tokens=1_000) as api:
        send(api, cached)
        for _ in range(5):
            send(api, cached)
        with pytest.raises(anthropic.RateLimitError, match="1000 input tokens"):
            send(api, body(words(200)))


def test_output_tokens_are_taken_when_they_are_written_whatever_was_asked():
    with limited(output_tokens=200) as api:
        send(api, body(max_tokens=10_000))
        send(api, body(max_tokens=10_000))
        with pytest.raises(anthropic.RateLimitError, match="200 output tokens"):
            send(api, body())


def test_accounts_and_models_have_their_own_limits():
    with limited(requests=1) as api:
        send(api, body())
        send(api, body(), api_key="other")
        send(api, body(model="claude-opus-5-5"))
        with pytest.raises(anthropic.RateLimitError):
            send(api, body())


def test_every_answer_tells_what_is_left():
    with limited(requests=10, input_tokens=20_000) as api:
        answer = client(api).messages.with_raw_response.create(**body(words(4_000)))

    headers = answer.headers
    assert headers["anthropic-ratelimit-requests-limit"] == "10"
    assert headers["anthropic-ratelimit-requests-remaining"] == "9"
    assert headers["anthropic-ratelimit-input-tokens-remaining"] == "16000"
    assert headers["anthropic-ratelimit-input-tokens-reset"] == "2026-11-21T12:00:12Z"
    assert headers["anthropic-ratelimit-output-tokens-limit"] == "400000"
    assert headers["anthropic-organization-id"]
    assert headers["request-id"].startswith("req_")


def test_without_limits_nothing_is_refused():
    with FakeApi("Fine.", counter=COUNTER) as api:
        for _ in range(3):
            send(api, body(words(900_000)))

        assert len(api.bill) == 3
