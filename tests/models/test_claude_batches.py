"""Message batches: sent with an hour of caching, read back in any order."""

from __future__ import annotations

import asyncio
import json

import httpx2
import pytest
from messages_api import Server, asked, message, model_at, refused, text, tool_use

from docpager.core.errors import AttemptFailed, ModelError
from docpager.models.messages import BatchItem, BatchStatus

ID = "msgbatch_1"
URL = f"http://127.0.0.1:1/v1/messages/batches/{ID}/results"


def batch(status="in_progress", processing=2, results_url=None):
    counts = dict.fromkeys(("succeeded", "errored", "canceled", "expired"), 0)
    return {
        "id": ID,
        "type": "message_batch",
        "processing_status": status,
        "request_counts": {"processing": processing, **counts},
        "created_at": "2026-11-21T00:00:00Z",
        "expires_at": "2026-11-22T00:00:00Z",
        "results_url": results_url,
    }


def told(value):
    return Server(httpx2.Response(200, json=value))


def ended(*lines):
    """A server with an ended batch whose results are these lines."""
    written = "".join(f"{line if isinstance(line, str) else json.dumps(line)}\n" for line in lines)

    def answer(request):
        if request.url.path.endswith("/results"):
            return httpx2.Response(
                200, headers={"content-type": "application/binary"}, content=written.encode()
            )
        return httpx2.Response(200, json=batch("ended", 0, URL))

    return Server(answer)


def line(custom_id, kind, **fields):
    return {"custom_id": custom_id, "result": {"type": kind, **fields}}


def results_of(server, **settings):
    found = asyncio.run(model_at(server, **settings).results(ID))
    return {each.custom_id: each for each in found}


def test_items_are_sent_as_they_would_be_one_by_one_but_for_the_time_they_are_kept():
    server = told(batch())
    model = model_at(server)
    items = [BatchItem("a-1", asked("one")), BatchItem("b-1", asked("two", max_output_tokens=7))]

    assert asyncio.run(model.submit(items)) == ID

    (sent,) = server.bodies
    assert [item["custom_id"] for item in sent["requests"]] == ["a-1", "b-1"]
    assert sent["requests"][1]["params"] == model.body(items[1].request, ttl="1h")
    assert "stream" not in sent["requests"][0]["params"]


def test_how_far_a_batch_is():
    assert asyncio.run(model_at(told(batch())).status(ID)) == BatchStatus(False, 2)
    assert asyncio.run(model_at(told(batch("canceling", 1))).status(ID)) == BatchStatus(False, 1)
    assert asyncio.run(model_at(told(batch("ended", 0))).status(ID)) == BatchStatus(True, 0)


def test_replies_of_a_batch_cost_half():
    said = message(tool_use(query="a"), stop_reason="tool_use", usage=_usage(1_000, 100))

    found = results_of(ended(line("a", "succeeded", message=said)))["a"]

    assert found.reply.calls[0].arguments == {"query": "a"}
    assert found.reply.raw == (tool_use(query="a"),)
    assert found.reply.cost_usd == pytest.approx((1_000 * 2 + 100 * 10) / 2_000_000)
    assert not found.again


def test_what_became_of_the_others():
    def errored(kind):
        error = {"type": "error", "error": {"type": kind, "message": "m"}}
        return line(kind, "errored", error=error)

    found = results_of(
        ended(
            errored("invalid_request_error"),
            errored("overloaded_error"),
            errored("api_error"),
            line("late", "expired"),
            line("stopped", "canceled"),
            line("cut", "succeeded", message=message(text("x"), stop_reason=None)),
            line("empty", "succeeded"),
        )
    )

    assert all(each.reply is None for each in found.values())
    assert found["invalid_request_error"].error == "invalid_request_error: m"
    again = {name for name, each in found.items() if each.again}
    assert again == {"overloaded_error", "api_error", "late", "stopped", "cut", "empty"}


def test_lines_that_come_twice_or_name_nothing():
    one = line("a", "succeeded", message=message(text("x"), usage=_usage(1, 1)))

    found = asyncio.run(model_at(ended(one, {"result": {"type": "expired"}}, one)).results(ID))

    assert [each.custom_id for each in found] == ["a", "a"]


def test_a_garbled_line_harms_only_itself():
    good = line("good", "succeeded", message=message(text("fine")))
    garbled = [
        line("contents", "succeeded", message={**message(), "content": 5}),
        line("blocks", "succeeded", message={**message(), "content": ["x", 3]}),
        line("error", "errored", error={"error": {"type": ["x"], "message": 5}}),
        line("kind", ["succeeded"]),
        line(["id"], "succeeded", message=message(text("lost"))),
        {"custom_id": "result", "result": 7},
    ]

    found = results_of(ended(*garbled, good))

    assert found["good"].reply.text == "fine"
    assert found.keys() == {"good", "contents", "blocks", "error", "kind", "result"}
    assert not found["error"].again
    assert found["blocks"].reply.text == found["contents"].reply.text == ""


def test_results_that_are_not_there_yet_are_a_failed_attempt():
    with pytest.raises(AttemptFailed):
        results_of(told(batch()))


def test_results_that_are_torn_are_a_failed_attempt():
    with pytest.raises(AttemptFailed) as failed:
        results_of(ended(line("a", "expired"), '{"custom_id": "b", "resu'))

    assert failed.value.retryable


def test_cancelling_asks_the_server():
    server = told(batch("canceling"))

    asyncio.run(model_at(server).cancel(ID))

    assert server.requests[0].url.path == f"/v1/messages/batches/{ID}/cancel"


def test_failures_are_those_of_any_request():
    with pytest.raises(AttemptFailed) as limited:
        asyncio.run(model_at(Server(refused(429, "rate_limit_error"))).submit([]))
    with pytest.raises(ModelError, match="ANTHROPIC_API_KEY"):
        asyncio.run(model_at(Server(refused(401, "authentication_error"))).status(ID))

    assert limited.value.slows_all


def test_a_model_without_a_price_costs_nobody_knows_what():
    said = message(text("x"), usage=_usage(1, 1))

    found = results_of(ended(line("a", "succeeded", message=said)), name="claude-fable-5-2")

    assert found["a"].reply.cost_usd is None


def _usage(input_tokens, output_tokens):
    return {"input_tokens": input_tokens, "output_tokens": output_tokens}
