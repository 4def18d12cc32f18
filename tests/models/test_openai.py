"""Chat Completions: the real SDK over a real socket."""

from __future__ import annotations

import asyncio
import json
from itertools import pairwise

import pytest
from chat_completions import called, chunk, chunks, events, said, serving, whole
from messages_api import SEARCH, asked

from benchmarks.fake_api.http_types import HttpResponse, json_response
from docpager.core.errors import AttemptFailed, ContextExceeded, ModelError, UsageError
from docpager.core.settings import PagingSettings
from docpager.models.messages import AssistantTurn, CallResult, ToolCall, UserTurn
from docpager.models.openai import OpenAIModel
from docpager.models.openai.client import address, is_official
from docpager.models.pricing import read_prices
from docpager.models.registry import ModelSource, model_named


def complete(url, *requests, **settings):
    """The replies to these requests, one after the other."""

    async def each():
        model = OpenAIModel("some-model", base_url=url, **settings)
        try:
            return [await model.complete(request) for request in requests or (asked(),)]
        finally:
            await model.close()

    return asyncio.run(each())


def failed(response):
    with serving(response) as server, pytest.raises(ModelError) as error:
        complete(server.url)
    assert len(server.bodies) == 1
    return error.value


def test_a_call_its_result_and_an_answer():
    with serving(said("", called('{"query": "revenue"}')), said("41 million")) as server:
        (reply,) = complete(server.url)
        turn = AssistantTurn(reply.text, reply.calls, reply.raw)
        results = UserTurn("Soon done.", results=(CallResult("call_1", "revenue: 41"),))
        (answer,) = complete(server.url, asked("question", turn, results))

    assert reply.calls == (ToolCall("call_1", "search", {"query": "revenue"}),)
    assert reply.stop_reason == "tool_use"
    assert (answer.text, answer.calls, answer.stop_reason) == ("41 million", (), "end_turn")
    assert answer.usage.prompt_tokens == 40
    first, second = server.bodies
    assert first["tools"][0]["function"]["parameters"] == SEARCH.parameters
    assert first["max_tokens"] == 1_000
    assert [message["role"] for message in second["messages"]] == [
        *("system", "user", "assistant", "tool", "user")
    ]


def test_arguments_are_echoed_letter_by_letter():
    written = '{"z": 1,  "a": [2],\n"query": "ü"}'
    with serving(said("Let me look.\n", called(written)), said("41")) as server:
        (reply,) = complete(server.url)
        turn = AssistantTurn(reply.text, reply.calls, reply.raw)
        complete(server.url, asked("q", turn, UserTurn(results=(CallResult("call_1", "x"),))))

    echoed = server.bodies[1]["messages"][2]
    assert echoed["tool_calls"][0]["function"]["arguments"] == written
    assert echoed["content"] == "Let me look."  # the chat template puts the newline there
    for before, after in pairwise(body["messages"] for body in server.bodies):
        assert after[: len(before) - 1] == before[:-1]


def test_the_last_request_keeps_the_functions_and_forbids_calls():
    with serving(said("41")) as server:
        complete(server.url, asked(calls_allowed=False))

    assert server.bodies[0]["tool_choice"] == "none"
    assert server.bodies[0]["tools"]


@pytest.mark.parametrize("name", ["reasoning_content", "reasoning"])
def test_reasoning_is_no_part_of_the_answer_and_goes_back_where_it_came_from(name):
    thought = {name: "Revenue must be in the report."}
    with serving(said("", called("{}"), **thought), said("41")) as server:
        (reply,) = complete(server.url)
        turn = AssistantTurn(reply.text, reply.calls, reply.raw)
        complete(server.url, asked("q", turn, UserTurn(results=(CallResult("call_1", "x"),))))

    assert reply.text == ""
    assert "thinking" in {block["type"] for block in reply.raw}
    assert server.bodies[1]["messages"][2][name] == thought[name]


def test_cached_tokens_are_told_apart():
    usage = {"prompt_tokens": 100, "completion_tokens": 7}
    usage["prompt_tokens_details"] = {"cached_tokens": 90}
    with serving(said("41", usage=usage)) as server:
        (reply,) = complete(server.url)

    assert (reply.usage.input_tokens, reply.usage.cache_read_tokens) == (10, 90)
    assert (reply.usage.output_tokens, reply.usage.source) == (7, "estimate")


@pytest.mark.parametrize("lie", [None, -1, "many", 3.5, 10**12])
def test_what_nobody_can_have_counted_is_no_count(lie):
    with serving(said("41", usage={"prompt_tokens": lie, "completion_tokens": 1})) as server:
        assert complete(server.url)[0].usage is None


def test_prices_come_from_a_file(tmp_path):
    path = tmp_path / "prices.toml"
    path.write_text('[models."some-model"]\ninput = 10.0\noutput = 100.0\nread = 1.0\n')
    price = read_prices(path).of("some-model")
    with serving(said("41")) as server:
        (reply,) = complete(server.url, price=price)

    assert reply.cost_usd == pytest.approx((40 * 10 + 5 * 100) / 1e6)


@pytest.mark.parametrize("arguments", ['{"text": "26 grams", "citations": [', '{"query": "a'])
def test_a_cut_call_is_a_cut_reply_whatever_the_server_calls_it(arguments):
    with serving(said("", called(arguments), finish="tool_calls")) as server:
        (reply,) = complete(server.url)

    assert (reply.stop_reason, reply.calls) == ("max_tokens", ())


@pytest.mark.parametrize("finish", ["stop", "length"])
def test_text_that_reached_its_limit_is_cut(finish):
    usage = {"prompt_tokens": 40, "completion_tokens": 1_000}
    with serving(said("It weighed", finish=finish, usage=usage)) as server:
        assert complete(server.url)[0].stop_reason == "max_tokens"


def test_calls_without_ids_or_with_the_same_get_their_own():
    calls = [called("{}", id=""), called("{}", id="x"), called("{}", id="x")]
    with serving(said("", *calls)) as server:
        ids = [call.id for call in complete(server.url)[0].calls]

    assert len({*ids}) == 3
    assert all(ids)


def test_calls_that_come_whole_and_without_an_index_are_calls():
    function = {"name": "search", "arguments": {"query": "a"}}
    told = [chunk({"tool_calls": [{"id": "c1", "function": function}]}, "tool_calls")]
    with serving(events(told)) as server:
        (reply,) = complete(server.url)

    assert reply.calls == (ToolCall("c1", "search", {"query": "a"}),)


def test_one_json_message_instead_of_a_stream_is_a_reply():
    with serving(whole(said("", called('{"query": "a"}')))) as server:
        (reply,) = complete(server.url)

    assert reply.calls[0].arguments == {"query": "a"}
    assert reply.usage.prompt_tokens == 40


def test_json_that_is_no_reply_fails_at_once():
    error = failed(json_response({"hello": "there"}, {}))

    assert isinstance(error, AttemptFailed)
    assert not error.retryable


def test_a_stream_that_ends_before_its_reason_is_no_reply():
    assert failed(events(list(chunks(said("41 mil")))[:2])).retryable


@pytest.mark.parametrize("status", [408, 429, 500, 502, 503, 529])
def test_statuses_that_may_pass(status):
    error = failed(json_response({"error": {"message": "busy", "type": "t"}}, {}, status))

    assert error.retryable
    assert error.slows_all == (status == 429)
    assert f"said {status} t: busy" in str(error)


@pytest.mark.parametrize(("status", "way"), [(401, "api_key_env"), (404, "`model=`")])
def test_what_no_attempt_changes_says_what_to_do(status, way):
    error = failed(json_response({"error": "no"}, {}, status))

    assert not isinstance(error, AttemptFailed)
    assert way in str(error)


def test_an_error_inside_a_stream_is_judged_by_what_it_says():
    full = {
        "error": {"code": 500, "message": "Context size has been exceeded.", "type": "server_error"}
    }
    error = failed(events([chunk({"content": "4"}), full]))

    assert error.retryable
    assert error.slows_all
    assert "{" not in str(error)


@pytest.mark.parametrize(
    ("message", "prompt", "context"),
    [
        (
            "request (2072 tokens) exceeds the available context size (2048 tokens), try "
            "increasing it",
            2_072,
            2_048,
        ),
        (
            "This model's maximum context length is 2048 tokens. However, you requested 2100 "
            "tokens (2000 in the messages, 100 in the completion).",
            2_100,
            2_048,
        ),
        ("The prompt is too long for the model's maximum context length", None, None),
    ],
)
def test_a_prompt_larger_than_the_context_is_named_with_its_numbers(message, prompt, context):
    error = failed(json_response({"error": {"message": message}}, {}, 400))

    assert isinstance(error, ContextExceeded)
    assert (error.prompt_tokens, error.context) == (prompt, context)


def test_a_server_that_loads_says_so():
    error = failed(json_response({"error": {"message": "Loading model", "code": 503}}, {}, 503))

    assert error.loading
    assert "still loading its model" in str(error)


def test_connections_are_not_used_again_at_other_servers():
    with serving(said("1"), said("2"), said("3"), closes="reused") as server:
        replies = complete(server.url, asked(), asked(), asked())

    assert [reply.text for reply in replies] == ["1", "2", "3"]


def test_openais_key_goes_to_openai_alone(monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", "sk-secret")
    monkeypatch.setenv("LOCAL_KEY", "local")
    with serving(said("1"), said("2")) as server:
        complete(server.url)
        complete(server.url, api_key_env="LOCAL_KEY")

    assert server.keys == ["Bearer none", "Bearer local"]


def test_without_a_key_nothing_is_sent_to_openai(monkeypatch):
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)

    with pytest.raises(ModelError, match="set OPENAI_API_KEY"):
        complete(None)


def test_what_is_left_of_rate_limits_is_told():
    headers = {"x_ratelimit_limit_tokens": "100", "x_ratelimit_remaining_tokens": "0"}

    async def once(url):
        model = OpenAIModel("m", base_url=url)
        await model.complete(asked())
        await model.close()
        return model.rate_limit_left

    with serving(said("41"), **headers) as server:
        assert asyncio.run(once(server.url)) == 0.0


def test_addresses():
    assert address("http://127.0.0.1:11434") == "http://127.0.0.1:11434/v1"
    assert address("http://gate/openai/v1/") == "http://gate/openai/v1"
    assert is_official(address(None))
    assert not is_official("http://api.openai.com/v1")
    assert not is_official("https://api.openai.com.evil.org/v1")
    with pytest.raises(UsageError, match="is no http address"):
        address("localhost:11434")


def test_it_is_chosen_by_protocol():
    model, defaults = model_named("m", base_url="http://127.0.0.1:1", api="openai")

    assert isinstance(model, OpenAIModel)
    assert defaults.factor == 2.25
    assert model_named("gpt-x", api="openai").defaults.factor == 1.15
    with pytest.raises(UsageError, match="no protocol `api=grpc`"):
        model_named("m", api="grpc")
    with pytest.raises(UsageError, match="is about the Messages API"):
        model_named("m", api="openai", backend="compatible")
    with pytest.raises(UsageError, match="no effort 'huge'"):
        model_named("m", api="openai", effort="huge")


def test_a_whole_run_and_its_replay(tmp_path):
    from docpager.api.ask import ask_prepared
    from docpager.run.preparation import prepare
    from docpager.run.service import open_replay

    (tmp_path / "docs").mkdir()
    (tmp_path / "docs" / "a.txt").write_text("The petrel weighed 26 grams. " * 20)
    first = said("", called('{"query": "petrel"}'))
    with serving(first, said("26 grams"), said("26 grams")) as server:
        prepared = prepare(
            "m",
            source=ModelSource(base_url=server.url, api="openai"),
            paging=PagingSettings(window=20_000, max_output=256),
            environment={},
        )
        journal = tmp_path / "run.jsonl"
        line = asyncio.run(
            ask_prepared(
                "How heavy?",
                tmp_path / "docs",
                prepared=prepared,
                archive=tmp_path / "archive",
                journal=journal,
            )
        )

    assert line.answer == "26 grams"
    open_replay(journal).finish()
    assert json.loads(server.bodies[1]["messages"][2]["tool_calls"][0]["function"]["arguments"])


def test_html_is_no_reply():
    page = HttpResponse(200, {"content-type": "text/html"}, (b"<html>Bad gateway</html>",))

    assert failed(page).retryable
