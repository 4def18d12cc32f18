"""What the fake API refuses: each rule once broken and once kept, through the plain SDK."""

from __future__ import annotations

from typing import Any

import anthropic
import pytest
from talking import (
    HAIKU,
    HAIKU_4_5,
    OPUS_5,
    SONNET,
    TOOLS,
    body,
    client,
    marked,
    plain,
    refusal,
    result,
    send,
    use,
)

from benchmarks.fake_api import FakeApi

EPHEMERAL = {"type": "ephemeral"}
FORMAT = {"format": {"type": "json_schema", "schema": {"type": "object"}}}


@pytest.fixture(scope="module")
def api():
    with FakeApi("Fine.") as running:
        yield running


def pair(*results: Any) -> dict[str, Any]:
    """Two calls, and what is sent back."""
    return body("Why?", [use("toolu_1"), use("toolu_2")], list(results), tools=TOOLS)


def tool(**more: Any) -> dict[str, Any]:
    return {"name": "one", "input_schema": {"type": "object", "properties": {}}, **more}


STRICT = {"type": "object", "properties": {}, "additionalProperties": False}

ACCEPTED = {
    "a plain question": body(),
    "merged user turns": body(
        {"role": "user", "content": "One"}, {"role": "user", "content": "Two"}
    ),
    "paired results": pair(result("toolu_1"), result("toolu_2"), plain("Go on.")),
    "results in another order": pair(result("toolu_2"), result("toolu_1")),
    "an erroneous, empty result": pair(result("toolu_1", is_error=True), result("toolu_2", "")),
    "a result of blocks": pair(
        result("toolu_1", [plain("a")]),
        result(
            "toolu_2",
            [{"type": "search_result", "source": "D1", "title": "t", "content": [plain("b")]}],
        ),
    ),
    "echoed nulls": body(
        "Why?",
        [
            plain("Look.", citations=None),
            use("toolu_1") | {"caller": {"type": "direct"}, "toolset_name": None},
        ],
        [result("toolu_1")],
        tools=TOOLS,
    ),
    "four breakpoints": body([marked("a"), marked("b"), marked("c"), marked("d")]),
    "an hour before five minutes": body([marked("a", "1h"), marked("b", "5m"), marked("c")]),
    "an automatic breakpoint among three": body(
        [marked("a"), marked("b"), marked("c"), plain("d")], cache_control=EPHEMERAL
    ),
    "an automatic breakpoint where one stands": body(
        [marked("a"), marked("b"), marked("c"), marked("d")], cache_control=EPHEMERAL
    ),
    "a strict tool": body(tools=[tool(strict=True, input_schema=STRICT)]),
    "no calls this time": body(tools=TOOLS, tool_choice={"type": "none"}),
    "effort": body(output_config={"effort": "low"}),
    "a forced tool on haiku": body(
        model=HAIKU, tools=TOOLS, tool_choice={"type": "tool", "name": "search"}
    ),
    "thinking between tools": body(thinking={"type": "between_tools"}),
    "haiku without thinking": body(model=HAIKU, thinking={"type": "disabled"}),
    "a thinking budget on an old model": body(
        model=HAIKU_4_5, max_tokens=3_000, thinking={"type": "enabled", "budget_tokens": 1_024}
    ),
    "a prefill on an old model": body("Why?", "Because", model=HAIKU_4_5),
    "a system message after a user turn": body({"role": "user", "content": "Hi"}, "Hi")
    | {
        "messages": [
            {"role": "user", "content": "Hi"},
            {"role": "system", "content": "Be brief."},
        ]
    },
    "a structured answer": body(output_config=FORMAT),
    "a prewarming request": body(max_tokens=0),
}


@pytest.mark.parametrize("request_body", ACCEPTED.values(), ids=ACCEPTED)
def test_the_fake_accepts(api, request_body):
    assert send(api, request_body).type == "message"


def after(text: str) -> dict[str, Any]:
    return body("Why?", [plain("a"), use("toolu_1")], text, tools=TOOLS)


CITED = {"type": "search_result", "source": "s", "title": "t", "content": [plain("x")]}

REFUSED = {
    # what does not parse
    "sampling": (body(temperature=0.5), "temperature: Extra inputs are not permitted"),
    "top_p": (body(top_p=0.5), "top_p: Extra inputs are not permitted"),
    "beta fields": (
        body(context_management={"edits": []}),
        "context_management: Extra inputs are not permitted",
    ),
    "no max_tokens": (
        {"model": SONNET, "messages": [{"role": "user", "content": "x"}]},
        "max_tokens: Field required",
    ),
    "a number as text": (body(max_tokens="5"), "max_tokens: Input should be a valid integer"),
    "a wrong ttl": (
        body([plain("a", cache_control={"type": "ephemeral", "ttl": "2h"})]),
        "messages.0.content.0.text.cache_control.ttl: Input should be '5m' or '1h'",
    ),
    "an unknown key in a block": (
        body([plain("a", parsed_output=None)]),
        "messages.0.content.0.text.parsed_output: Extra inputs are not permitted",
    ),
    "an unknown key deep in a result": (
        pair(result("toolu_1", [plain("x", wrong=1)]), result("toolu_2")),
        "messages.2.content.0.tool_result.content.0.text.wrong: Extra inputs are not permitted",
    ),
    "a marker on thinking": (
        body(
            "Why?",
            [{"type": "thinking", "thinking": "", "signature": "s", "cache_control": EPHEMERAL}],
            "x",
        ),
        "messages.1.content.0.thinking.cache_control: Extra inputs are not permitted",
    ),
    "a result without its call's id": (
        body("Why?", "x", [{"type": "tool_result", "content": "x"}]),
        "messages.2.content.0.tool_result.tool_use_id: Field required",
    ),
    "an unknown block": (
        body([{"type": "future_block", "data": "x"}]),
        "messages.0.content.0: Input tag 'future_block' found does not match any",
    ),
    "an unknown role": (
        body({"role": "robot", "content": "x"}),
        "messages.0: Input tag 'robot' found does not match any",
    ),
    "a schema that is none": (
        body(tools=[{"name": "a", "input_schema": {"properties": {}}}]),
        "tools.0.custom.input_schema.type: Field required",
    ),
    "an unknown effort": (body(output_config={"effort": "huge"}), "output_config.effort: Input"),
    # roles and texts
    "no messages": (body() | {"messages": []}, "messages: at least one message is required"),
    "an assistant first": (
        body({"role": "assistant", "content": "x"}, {"role": "user", "content": "x"}),
        'messages: first message must use the "user" role',
    ),
    "a prefill": (
        body("Why?", "Because"),
        "This model does not support assistant message prefill. The conversation must end with a "
        "user message.",
    ),
    "a prefill with a space": (
        body("Why?", "Because ", model=HAIKU_4_5),
        "final assistant content cannot end with trailing whitespace",
    ),
    "an empty message": (
        body(""),
        "messages.0: all messages must have non-empty content except for the optional final",
    ),
    "an empty turn": (body("Why?", [], "x"), "messages.1: all messages must have non-empty"),
    "an empty text": (body([plain("")]), "messages: text content blocks must be non-empty"),
    "an empty text in a result": (
        pair(result("toolu_1", [plain("")]), result("toolu_2")),
        "messages: text content blocks must be non-empty",
    ),
    "white space": (body(" \n"), "messages: text content blocks must contain non-whitespace text"),
    "an empty system block": (body(system=[plain("")]), "system: text content blocks must be"),
    "a call by the user": (
        body([use("toolu_1")], tools=TOOLS),
        "messages.0: `tool_use` blocks can only be in `assistant` messages",
    ),
    "a document by the assistant": (
        body(
            "Why?",
            [
                {
                    "type": "document",
                    "source": {"type": "text", "media_type": "text/plain", "data": "x"},
                }
            ],
            "x",
        ),
        "messages.1: `document` blocks can only be in `user` messages",
    ),
    "citations by the user": (
        body(
            [
                plain(
                    "x",
                    citations=[
                        {
                            "type": "char_location",
                            "cited_text": "x",
                            "document_index": 0,
                            "document_title": None,
                            "start_char_index": 0,
                            "end_char_index": 1,
                        }
                    ],
                )
            ]
        ),
        "messages.0.content.0: `citations` on `text` blocks are only allowed in `assistant`",
    ),
    "a system message first": (
        body({"role": "system", "content": "x"}),
        'messages: first message must use the "user" role',
    ),
    "a system message after an assistant": (
        body("a", "b", {"role": "system", "content": "x"}),
        "messages.2: a system message must follow a user message",
    ),
    "a system message before a user": (
        body(
            {"role": "user", "content": "a"},
            {"role": "system", "content": "x"},
            {"role": "user", "content": "a"},
        ),
        "messages.1: a system message must follow a user message and be the last message",
    ),
    "a system message on sonnet 5": (
        body(
            {"role": "user", "content": "a"},
            {"role": "system", "content": "x"},
            model="claude-sonnet-5",
        ),
        "messages.1.role: system messages are not supported for this model.",
    ),
    # pairing
    "a call without a result": (
        after("Go on."),
        "messages.1: `tool_use` ids were found without `tool_result` blocks immediately after: "
        "toolu_1. Each `tool_use` block must have a corresponding `tool_result` block in the next "
        "message.",
    ),
    "one result of two": (
        pair(result("toolu_1")),
        "messages.1: `tool_use` ids were found without `tool_result` blocks immediately after: "
        "toolu_2.",
    ),
    "results in two messages": (
        body(
            "Why?",
            [use("toolu_1"), use("toolu_2")],
            {"role": "user", "content": [result("toolu_1")]},
            {"role": "user", "content": [result("toolu_2")]},
            tools=TOOLS,
        ),
        "without `tool_result` blocks immediately after: toolu_2.",
    ),
    "a text before a result": (
        pair(plain("First."), result("toolu_1"), result("toolu_2")),
        "without `tool_result` blocks immediately after: toolu_1, toolu_2.",
    ),
    "an orphan result": (
        body("Why?", "x", [result("toolu_9")], tools=TOOLS),
        "messages.2.content.0: unexpected `tool_use_id` found in `tool_result` blocks: toolu_9. "
        "Each `tool_result` block must have a corresponding `tool_use` block in the previous "
        "message.",
    ),
    "a result first of all": (
        body([result("toolu_9")], tools=TOOLS),
        "messages.0.content.0: unexpected `tool_use_id` found",
    ),
    "two results of one call": (
        pair(result("toolu_1"), result("toolu_1"), result("toolu_2")),
        "messages.2.content.1: each tool_use must have a single result. Found multiple",
    ),
    "the same id again": (
        body(
            "Why?",
            [use("toolu_1")],
            [result("toolu_1")],
            [use("toolu_1")],
            [result("toolu_1")],
            tools=TOOLS,
        ),
        "messages: `tool_use` ids must be unique",
    ),
    "an id of the wrong kind": (
        body("Why?", [use("call:1")], [result("call:1")], tools=TOOLS),
        "messages.1.content.0.tool_use.id: String should match pattern '^[a-zA-Z0-9_-]+$'",
    ),
    # breakpoints
    "five breakpoints": (
        body([marked(each) for each in "abcde"]),
        "A maximum of 4 blocks with cache_control may be provided. Found 5.",
    ),
    "four breakpoints and the automatic one": (
        body([*(marked(each) for each in "abcd"), plain("e")], cache_control=EPHEMERAL),
        "A maximum of 4 blocks with cache_control may be provided. Found 5.",
    ),
    "five minutes before an hour": (
        body([marked("a"), marked("b", "1h")]),
        "messages.0.content.1.cache_control.ttl: a ttl='1h' cache_control block must not come "
        "after a ttl='5m' cache_control block. Note that blocks are processed in the following "
        "order: `tools`, `system`, `messages`.",
    ),
    "an hour after a tool's five minutes": (
        body([marked("a", "1h")], tools=[tool(cache_control=EPHEMERAL)]),
        "messages.0.content.0.cache_control.ttl: a ttl='1h' cache_control block must not come",
    ),
    "an automatic breakpoint of another ttl": (
        body([marked("a", "1h")], cache_control=EPHEMERAL),
        "cache_control: the last block already has a cache_control with a different ttl",
    ),
    "a marker inside of a result": (
        pair(result("toolu_1", [marked("x")]), result("toolu_2")),
        "messages.2.content.0: cache_control cannot be set on nested blocks",
    ),
    # tools
    "a forced tool": (
        body(tools=TOOLS, tool_choice={"type": "any"}),
        'tool_choice: type "tool" and "any" are not supported for this model.',
    ),
    "a forced tool that is not there": (
        body(model=HAIKU, tools=TOOLS, tool_choice={"type": "tool", "name": "x"}),
        "tool_choice.tool.name: Tool 'x' not found in provided tools",
    ),
    "a choice without tools": (
        body(tool_choice={"type": "none"}),
        "tool_choice: tool_choice may only be specified while providing tools",
    ),
    "calls without tools": (
        body("Why?", [use("toolu_1")], [result("toolu_1")]),
        "Requests which include `tool_use` or `tool_result` blocks must define tools",
    ),
    "the same tool twice": (body(tools=[tool(), tool()]), "tools: Tool names must be unique."),
    "a tool's name": (
        body(tools=[tool(name="page in")]),
        "tools.0.custom.name: String should match pattern '^[a-zA-Z0-9_-]{1,128}$'",
    ),
    "a loose strict tool": (
        body(tools=[tool(strict=True)]),
        "tools.0.custom: For 'object' type, 'additionalProperties' must be explicitly set to false",
    ),
    "a strict tool with bounds": (
        body(
            tools=[
                tool(
                    strict=True,
                    input_schema=STRICT | {"properties": {"k": {"type": "integer", "minimum": 1}}},
                )
            ]
        ),
        "tools.0.custom: property 'minimum' is not supported",
    ),
    "too many strict tools": (
        body(tools=[tool(name=f"t{n}", strict=True, input_schema=STRICT) for n in range(21)]),
        "tools: at most 20 tools may be strict",
    ),
    "too many optional parameters": (
        body(
            tools=[
                tool(
                    strict=True,
                    input_schema=STRICT
                    | {"properties": {f"p{n}": {"type": "string"} for n in range(25)}},
                )
            ]
        ),
        "tools: Schema is too complex for compilation",
    ),
    # thinking, effort, output
    "thinking switched off": (
        body(thinking={"type": "disabled"}),
        '"thinking.type.disabled" is not supported for this model. Use "thinking.type.adaptive" '
        'and "output_config.effort" to control thinking behavior.',
    ),
    "a thinking budget": (
        body(max_tokens=3_000, thinking={"type": "enabled", "budget_tokens": 1_024}),
        '"thinking.type.enabled" is not supported for this model.',
    ),
    "between_tools elsewhere": (
        body(model=HAIKU, thinking={"type": "between_tools"}),
        '"thinking.type.between_tools" is not supported for this model.',
    ),
    "thinking switched off at high effort": (
        body(model=OPUS_5, thinking={"type": "disabled"}, output_config={"effort": "max"}),
        "\"thinking.type.disabled\" is not supported at effort 'max'.",
    ),
    "a small budget": (
        body(model=HAIKU_4_5, thinking={"type": "enabled", "budget_tokens": 500}),
        "thinking.enabled.budget_tokens: Input should be greater than or equal to 1024",
    ),
    "a budget beyond max_tokens": (
        body(model=HAIKU_4_5, thinking={"type": "enabled", "budget_tokens": 1_024}),
        "`max_tokens` must be greater than `thinking.budget_tokens`.",
    ),
    "a forced tool with a budget": (
        body(
            model=HAIKU_4_5,
            max_tokens=3_000,
            thinking={"type": "enabled", "budget_tokens": 1_024},
            tools=TOOLS,
            tool_choice={"type": "any"},
        ),
        "Thinking may not be enabled when tool_choice forces tool use.",
    ),
    "effort on a model without": (
        body(model=HAIKU_4_5, output_config={"effort": "low"}),
        "This model does not support the effort parameter.",
    ),
    "too much output": (
        body(model=OPUS_5, max_tokens=9_999_999),
        "max_tokens: 9999999 > 128000, which is the maximum allowed number of output tokens for "
        "claude-opus-5",
    ),
    "a blank stop sequence": (
        body(stop_sequences=[" "]),
        "stop_sequences: each stop sequence must contain non-whitespace",
    ),
    "a format with citations": (
        body([CITED | {"citations": {"enabled": True}}], output_config=FORMAT),
        "output_config.format: structured outputs are incompatible with citations",
    ),
    "citations on some blocks": (
        body([CITED | {"citations": {"enabled": True}}, CITED]),
        "messages: citations must be enabled on all or none of the citable blocks",
    ),
    "prewarming with a format": (
        body(max_tokens=0, output_config=FORMAT),
        "max_tokens: 0 is not supported together with `output_config.format`",
    ),
    "prewarming with a forced tool": (
        body(model=HAIKU, max_tokens=0, tools=TOOLS, tool_choice={"type": "any"}),
        "max_tokens: 0 is not supported together with `tool_choice`",
    ),
}


@pytest.mark.parametrize(("request_body", "text"), REFUSED.values(), ids=REFUSED)
def test_the_fake_refuses(api, request_body, text):
    assert text in refusal(api, request_body)


def test_prewarming_is_refused_in_a_stream(api):
    with pytest.raises(anthropic.BadRequestError, match="max_tokens: 0"):
        client(api).messages.create(**body(max_tokens=0), stream=True)


def test_a_prompt_beyond_the_window_is_refused(api):
    long = body("word " * 200_001, model=HAIKU_4_5)

    assert "prompt is too long: 200" in refusal(api, long)
    assert "tokens > 200000 maximum" in refusal(api, long)


def test_output_that_would_pass_the_window_is_cut_there():
    with FakeApi("word " * 2_000) as api:
        message = send(api, body("word " * 199_900, model=HAIKU_4_5))

    assert message.stop_reason == "model_context_window_exceeded"
    assert message.usage.input_tokens + message.usage.output_tokens == 200_000


def test_an_unknown_model_is_not_found(api):
    with pytest.raises(anthropic.NotFoundError, match="model: claude-9"):
        send(api, body(model="claude-9"))


def test_a_request_without_a_key_is_refused():
    with FakeApi(api_keys=["right"]) as api:
        with pytest.raises(anthropic.AuthenticationError):
            send(api, body(), api_key="wrong")

        assert send(api, body(), api_key="right").role == "assistant"


def test_a_version_is_needed_and_the_old_one_still_served(api):
    assert "anthropic-version" in refusal(api, body(), headers={"anthropic-version": "1999-01-01"})
    assert send(api, body(), headers={"anthropic-version": "2023-06-01"}).type == "message"


def test_broken_json_is_refused(api):
    for content in (b'{"model": ', b'{"model": NaN}', b'{"model": "\\ud800"}', b"[]"):
        answer = client(api)._client.post(
            f"{api.url}/v1/messages",
            content=content,
            headers={"authorization": "Bearer k", "anthropic-version": "2026-10-21"},
        )
        assert answer.status_code == 400, content
        assert answer.json()["error"]["type"] == "invalid_request_error"


def test_a_body_beyond_32_megabytes_is_refused(api):
    with pytest.raises(anthropic.APIStatusError) as caught:
        send(api, body("x" * (32 * 1024 * 1024)))

    assert caught.value.status_code == 413
    assert caught.value.type == "request_too_large"


def test_other_paths_and_methods_are_refused(api):
    with pytest.raises(anthropic.NotFoundError):
        client(api).get("/v1/complete", cast_to=object)
    with pytest.raises(anthropic.APIStatusError) as caught:
        client(api).get("/v1/messages", cast_to=object)

    assert caught.value.status_code == 405


def test_counting_obeys_the_same_rules(api):
    counted = client(api).messages.count_tokens(
        model=SONNET, messages=[{"role": "user", "content": "Hello"}], tools=TOOLS
    )
    billed = send(api, body("Hello", tools=TOOLS)).usage

    assert counted.input_tokens == billed.input_tokens
    with pytest.raises(anthropic.BadRequestError, match="not supported for this model"):
        client(api).messages.count_tokens(
            model=SONNET,
            messages=[{"role": "user", "content": "Hello"}],
            tools=TOOLS,
            tool_choice={"type": "any"},
        )
    with pytest.raises(anthropic.BadRequestError, match="all or none of the citable blocks"):
        client(api).messages.count_tokens(
            model=SONNET,
            messages=body([CITED | {"citations": {"enabled": True}}, CITED])["messages"],
        )
    with pytest.raises(anthropic.BadRequestError, match="max_tokens: Extra inputs"):
        client(api).post("/v1/messages/count_tokens", body=body(), cast_to=object)


def test_the_models_endpoint_tells_limits_and_kinds_of_thinking(api):
    models = client(api).models
    sonnet = models.retrieve(SONNET)

    assert (sonnet.max_input_tokens, sonnet.max_tokens) == (1_000_000, 128_000)
    assert sonnet.capabilities.thinking.types.between_tools.supported
    assert not sonnet.capabilities.thinking.types.disabled.supported
    assert models.retrieve("claude-sonnet-4-5").lifecycle == "deprecated"
    assert len({model.id for model in models.list(limit=5)}) == 21
    with pytest.raises(anthropic.NotFoundError):
        models.retrieve("claude-9")
