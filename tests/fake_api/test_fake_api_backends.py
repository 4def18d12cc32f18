"""Servers that leave parts of the API out, as the plain SDK meets them."""

from __future__ import annotations

import anthropic
import pytest
from talking import TOOLS, body, client, marked, refusal, result, send

from benchmarks.fake_api import BACKENDS, FakeApi, call

LOCAL = [name for name in BACKENDS if name != "anthropic"]


def served(name: str, script=("Fine.",)) -> FakeApi:
    return FakeApi(list(script), backend=BACKENDS[name])


def asked(name: str, *messages, **more):
    model = "served-model" if name == "vllm" else "qwen3:8b"
    return body(*messages, **more) | {"model": model}


@pytest.mark.parametrize("name", LOCAL)
def test_local_servers_answer_with_less(name):
    script = [call("search", query="x"), "Done."]
    with served(name, script) as api:
        first = send(api, asked(name, "Why?", tools=TOOLS), api_key="anything")
        identity = first.content[0].id
        second = send(
            api,
            asked(
                name,
                "Why?",
                [block.to_dict() for block in first.content],
                [result(identity)],
                tools=TOOLS,
            ),
        )

    assert not first.id.startswith("msg_")
    assert identity.startswith("call_")
    assert second.content[0].text == "Done."
    assert first.usage.cache_read_input_tokens is None
    assert first._request_id is None


@pytest.mark.parametrize("name", LOCAL)
def test_local_servers_stream_as_well(name):
    script = [["Look.", call("search", query="x")]]
    with (
        served(name, script) as api,
        client(api).messages.stream(**asked(name, tools=TOOLS)) as stream,
    ):
        message = stream.get_final_message()

    assert [block.type for block in message.content] == ["text", "tool_use"]
    assert message.content[1].input == {"query": "x"}
    assert message.stop_reason == "tool_use"


@pytest.mark.parametrize("name", LOCAL)
def test_local_servers_have_no_batches(name):
    with served(name) as api, pytest.raises(anthropic.NotFoundError):
        client(api).messages.batches.create(requests=[{"custom_id": "a", "params": asked(name)}])


@pytest.mark.parametrize("name", LOCAL)
def test_counting_is_there_or_it_is_not(name):
    request = {key: asked(name)[key] for key in ("model", "messages")}
    with served(name) as api:
        if name in ("llama.cpp", "litellm"):
            assert client(api).messages.count_tokens(**request).input_tokens > 0
        else:
            with pytest.raises(anthropic.NotFoundError):
                client(api).messages.count_tokens(**request)


@pytest.mark.parametrize("name", LOCAL)
def test_models_are_named_without_their_limits(name):
    with served(name) as api:
        model = client(api).models.retrieve("qwen3:8b")

    assert model.id == "qwen3:8b"
    assert getattr(model, "max_input_tokens", None) is None


@pytest.mark.parametrize(
    ("field", "request_body"),
    [
        ("cache_control", body([marked("a")])),
        ("strict", body(tools=[TOOLS[0] | {"strict": True}])),
        ("output_config", body(output_config={"effort": "low"})),
        ("thinking", body(thinking={"type": "adaptive"})),
    ],
)
def test_fields_of_anthropics_own_are_refused(field, request_body):
    with served("lm-studio") as api:
        assert f"{field}: unknown field" in refusal(api, request_body | {"model": "local"})


def test_ollama_thinks():
    with served("ollama") as api:
        message = send(api, asked("ollama", thinking={"type": "adaptive"}))

    assert [block.type for block in message.content] == ["thinking", "text"]


def test_vllm_serves_its_own_model_only():
    with served("vllm") as api, pytest.raises(anthropic.NotFoundError):
        send(api, body(model="claude-sonnet-5-5"))


def test_some_servers_call_tools_whatever_the_choice():
    request = {"tools": TOOLS, "tool_choice": {"type": "none"}}
    with served("llama.cpp", [call("search")]) as api:
        assert send(api, asked("llama.cpp", **request)).stop_reason == "tool_use"
    with served("ollama", [call("search")]) as api:
        assert send(api, asked("ollama", **request)).stop_reason == "end_turn"


def test_old_habits_are_welcome_locally():
    with served("ollama") as api:
        prefilled = send(api, asked("ollama", "Why?", "Because"))

    assert prefilled.content[0].text == "Fine."
