"""Servers that are not Anthropic's: sent only what they know, forgiven what they leave out."""

from __future__ import annotations

import asyncio

import httpx2
import pytest
from compatible_servers import SERVERS
from messages_api import NAME, Server, asked, message, model_at, refused, streamed, text

from docpager.core.errors import ModelError, UsageError
from docpager.models.claude import ANTHROPIC, COMPATIBLE, ClaudeModel
from docpager.models.claude.model import ModelLimits
from docpager.models.messages import AssistantTurn, BatchItem, CallResult, ToolCall, UserTurn

every_server = pytest.mark.parametrize("name", SERVERS)


def compatible(name):
    server = Server(SERVERS[name])
    return server, model_at(server, name="local-model", backend=None)


@every_server
def test_a_call_and_an_answer(name):
    server, model = compatible(name)
    first = asked("question")

    reply = asyncio.run(model.complete(first))
    results = tuple(CallResult(call.id, "revenue: 41") for call in reply.calls)
    turn = AssistantTurn(reply.text, reply.calls, reply.raw)
    answer = asyncio.run(model.complete(asked("question", turn, UserTurn(results=results))))

    assert {call.name for call in reply.calls} == {"search"}
    assert reply.calls[0].arguments == {"query": "revenue"}
    assert reply.stop_reason == "tool_use"
    assert (answer.text, answer.calls, answer.stop_reason) == ("41", (), "end_turn")
    echoed = server.bodies[1]["messages"][1]["content"]
    assert [block["id"] for block in echoed] == [call.id for call in reply.calls]


@every_server
def test_counts_of_other_servers_are_estimates(name):
    _, model = compatible(name)

    usage = asyncio.run(model.complete(asked())).usage

    assert usage is None or usage.source == "estimate"
    assert (usage is None) == (name == "lm-studio")


@every_server
def test_limits_and_counts_that_nobody_tells_are_unknown(name):
    server, model = compatible(name)

    assert asyncio.run(model.limits()) == ModelLimits()
    assert asyncio.run(model.count_tokens(asked())) is None
    assert len(server.requests) == 1


@every_server
def test_the_last_request_keeps_the_functions_and_forbids_calls(name):
    server, model = compatible(name)

    reply = asyncio.run(model.complete(asked(calls_allowed=False)))

    assert server.bodies[0]["tool_choice"] == {"type": "none"}
    assert server.bodies[0]["tools"]
    assert reply.calls  # no server of these heeds it, which a run must bear


@every_server
def test_batches_are_refused_before_anything_is_sent(name):
    server, model = compatible(name)

    with pytest.raises(ModelError, match="not known to take message batches"):
        asyncio.run(model.submit([BatchItem("a", asked())]))

    assert not server.requests


def test_a_model_that_the_server_does_not_serve_is_named():
    model = model_at(Server(SERVERS["vllm"]), name="other-model", backend=None)

    with pytest.raises(ModelError, match=r"`other-model` does not exist.*check `model=`"):
        asyncio.run(model.complete(asked()))


def test_the_address_decides_unless_the_user_does():
    assert ClaudeModel(NAME).backend == ANTHROPIC
    assert ClaudeModel(NAME, base_url="https://api.anthropic.com/").backend == ANTHROPIC
    assert ClaudeModel(NAME, base_url="http://localhost:4000").backend == COMPATIBLE
    assert ClaudeModel(NAME, base_url="https://api.anthropic.com.evil.org").backend == COMPATIBLE
    gateway = ClaudeModel(NAME, base_url="http://gate/anthropic", backend="anthropic")
    assert gateway.backend == ANTHROPIC
    with pytest.raises(UsageError, match="no backend 'other'"):
        ClaudeModel(NAME, backend="other")


def test_the_address_of_the_environment_counts(monkeypatch):
    monkeypatch.setenv("ANTHROPIC_BASE_URL", "http://localhost:11434")

    assert ClaudeModel(NAME).backend == COMPATIBLE
    assert ClaudeModel(NAME, base_url="https://api.anthropic.com").backend == ANTHROPIC


@pytest.mark.parametrize("url", ["localhost:11434", "ftp://host", "http://", "http://host/v1"])
def test_addresses_that_cannot_be_right_are_refused(url):
    with pytest.raises(UsageError, match="`base_url="):
        ClaudeModel(NAME, base_url=url)


def test_requests_go_below_the_path_of_the_address():
    server = Server(streamed(message(text("hi"))))

    asyncio.run(model_at(server, base_url="http://gate/anthropic/").complete(asked()))

    assert str(server.requests[0].url) == "http://gate/anthropic/v1/messages"


def test_limits_come_from_the_models_endpoint_once():
    told = {"id": NAME, "type": "model", "max_input_tokens": 1_000_000, "max_tokens": 128_000}
    server = Server(httpx2.Response(200, json=told))
    model = model_at(server)

    async def check_twice():
        await model.check(window=64_000, max_output=8_192)
        with pytest.raises(UsageError, match="at most 1000000 tokens, not 2000000"):
            await model.check(window=2_000_000, max_output=8_192)
        with pytest.raises(UsageError, match="`max_output=128000`"):
            await model.check(window=64_000, max_output=200_000)

    asyncio.run(check_twice())

    assert [request.url.path for request in server.requests] == [f"/v1/models/{NAME}"]


@pytest.mark.parametrize("status", [404, 429, 500])
def test_limits_that_cannot_be_had_limit_nothing(status):
    model = model_at(Server(refused(status, "api_error")))

    asyncio.run(model.check(window=10**9, max_output=10**9))


def test_tokens_are_counted_of_the_same_request():
    server = Server(httpx2.Response(200, json={"input_tokens": 321}))
    model = model_at(server)
    call = AssistantTurn("", (ToolCall("c", "search", {"query": "q"}),))
    request = asked("question", call, UserTurn(results=(CallResult("c", "found"),)))

    assert asyncio.run(model.count_tokens(request)) == 321

    assert server.requests[0].url.path == "/v1/messages/count_tokens"
    sent = model.body(request)
    del sent["max_tokens"]
    assert server.bodies == [sent]


@pytest.mark.parametrize("status", [400, 404, 429, 529])
def test_a_count_that_cannot_be_had_is_none(status):
    model = model_at(Server(refused(status, "api_error")))

    assert asyncio.run(model.count_tokens(asked())) is None
