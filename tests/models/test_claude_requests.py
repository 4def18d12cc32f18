"""What is sent: one request, block by block."""

from __future__ import annotations

import asyncio
import copy
import json
from dataclasses import replace
from itertools import pairwise

import pytest
from messages_api import NAME, SEARCH, Server, asked, message, model_at, streamed, text, tool_use

from docpager.core.errors import UsageError
from docpager.models.claude import ClaudeModel
from docpager.models.claude.requests import can_be_strict, strict_schema
from docpager.models.messages import AssistantTurn, CallResult, FunctionSchema, ToolCall, UserTurn
from docpager.run.functions import functions_for

THINKING = {"type": "thinking", "thinking": "", "signature": "c2lnbmVk"}
MARK = {"type": "ephemeral"}


def body(request, name=NAME, **settings):
    return ClaudeModel(name, base_url="http://x", backend="anthropic", **settings).body(request)


def step(number, calls=1):
    """A reply with calls, and their results."""
    ids = [f"toolu_{number}_{n}" for n in range(calls)]
    raw = (THINKING, *(tool_use(id, query="q") for id in ids))
    turn = AssistantTurn("", tuple(ToolCall(id, "search", {"query": "q"}) for id in ids), raw)
    return turn, UserTurn(results=tuple(CallResult(id, f"result {id}") for id in ids))


def marked(sent):
    """Positions of the breakpoints: `tools`, `system`, or (message, block)."""
    places = [name for name in ("tools", "system") if any(map(_has_mark, sent.get(name, ())))]
    return places + [
        (m, b)
        for m, each in enumerate(sent["messages"])
        for b, block in enumerate(each["content"])
        if _has_mark(block)
    ]


def _has_mark(block):
    return "cache_control" in block


def test_the_whole_body_of_a_first_request():
    server = Server(streamed(message(text("hello"))))

    asyncio.run(model_at(server).complete(asked("Map.\n\nQuestion?", max_output_tokens=9)))

    assert server.bodies == [
        {
            "model": NAME,
            "max_tokens": 9,
            "stream": True,
            "system": [
                {"type": "text", "text": "Answer from the documents.", "cache_control": MARK}
            ],
            "tools": [
                {
                    "name": "search",
                    "description": "Find passages.",
                    "input_schema": {
                        "type": "object",
                        "required": ["query"],
                        "properties": {"query": {"type": "string"}, "page": {"type": "integer"}},
                        "additionalProperties": False,
                    },
                    "strict": True,
                }
            ],
            "messages": [
                {
                    "role": "user",
                    "content": [
                        {"type": "text", "text": "Map.\n\nQuestion?", "cache_control": MARK}
                    ],
                }
            ],
        }
    ]


def test_one_attempt_is_one_request_with_the_key_as_bearer(monkeypatch):
    monkeypatch.setenv("ANTHROPIC_API_KEY", "sk-test")
    server = Server(streamed(message(text("hello"))))

    asyncio.run(model_at(server, base_url="https://api.anthropic.com").complete(asked()))

    (request,) = server.requests
    assert request.url.path == "/v1/messages"
    assert request.headers["authorization"] == "Bearer sk-test"


def test_the_map_stands_in_a_block_of_its_own_with_a_breakpoint():
    sent = body(asked(UserTurn("The map.\n\nThe question.", shared_length=10)))

    first, second = sent["messages"][0]["content"]
    assert (first["text"], second["text"]) == ("The map.\n\n", "The question.")
    assert marked(sent) == ["system", (0, 0), (0, 1)]


@pytest.mark.parametrize("shared_length", [0, 2, 100])
def test_no_block_is_left_empty_by_the_split(shared_length):
    sent = body(asked(UserTurn("  map and question", shared_length=shared_length)))

    assert [block["text"] for block in sent["messages"][0]["content"]] == ["  map and question"]


def test_the_last_two_turns_of_the_user_carry_breakpoints_and_never_more_than_four():
    turns = (UserTurn("map question", shared_length=4), *step(1), *step(2), *step(3, calls=12))

    sent = body(asked(*turns))

    assert marked(sent) == ["system", (0, 0), (4, 0), (6, 11)]


def test_an_hour_is_asked_for_in_batches():
    model = ClaudeModel(NAME)

    sent = model.body(asked("map question"), ttl="1h")

    assert sent["system"][0]["cache_control"] == {"type": "ephemeral", "ttl": "1h"}


def test_only_what_stands_before_the_conversation_is_marked_when_calls_are_over():
    sent = body(asked("question", *step(1), calls_allowed=False))

    assert sent["tool_choice"] == {"type": "none"}
    assert [tool["name"] for tool in sent["tools"]] == ["search"]
    assert marked(sent) == ["system"]


def test_a_reply_is_echoed_as_it_came_and_results_come_before_text():
    raw = (THINKING, text("I look."), tool_use(query="a") | {"caller": {"type": "direct"}})
    result = UserTurn("[memory] almost full", results=(CallResult("toolu_1", "", is_error=True),))

    sent = body(asked("question", AssistantTurn("I look.", (), raw), result))

    assert sent["messages"][1] == {"role": "assistant", "content": list(raw)}
    assert sent["messages"][2]["content"] == [
        {"type": "tool_result", "tool_use_id": "toolu_1", "content": "", "is_error": True},
        {"type": "text", "text": "[memory] almost full", "cache_control": MARK},
    ]


def test_results_stand_alone_where_there_is_no_text():
    sent = body(asked("question", *step(1, calls=2)))

    assert [block["type"] for block in sent["messages"][2]["content"]] == ["tool_result"] * 2
    assert "is_error" not in sent["messages"][2]["content"][0]


def test_a_reply_without_a_word_is_not_echoed():
    silent = AssistantTurn("", (), (THINKING, text("  ")))

    sent = body(asked("question", silent, "[run] call a function"))

    assert [each["role"] for each in sent["messages"]] == ["user", "user"]


def test_a_reply_of_another_model_is_written_in_blocks():
    turn = AssistantTurn("I look.", (ToolCall("c1", "search", {"query": "a"}),))

    sent = body(asked("question", turn, UserTurn(results=(CallResult("c1", "found"),))))

    assert sent["messages"][1]["content"] == [
        {"type": "text", "text": "I look."},
        {"type": "tool_use", "id": "c1", "name": "search", "input": {"query": "a"}},
    ]


def test_requests_of_an_epoch_only_grow_at_the_end():
    turns = [UserTurn("map question", shared_length=4)]
    model = ClaudeModel(NAME)
    written = []
    for number in range(1, 4):
        written.append(_without_marks(model.body(asked(*turns))))
        turns += step(number, calls=number)

    for before, after in pairwise(written):
        assert after["messages"][: len(before["messages"])] == before["messages"]
        assert json.dumps(after["tools"]) == json.dumps(before["tools"])
        assert after["system"] == before["system"]


def test_writing_a_request_changes_nothing_of_it():
    raw = (THINKING, tool_use(query="a"))
    request = asked("question", AssistantTurn("", (), raw), *step(1))
    before = copy.deepcopy(request)

    body(request)
    body(request)

    assert request == before


@pytest.mark.parametrize("lacking", [{"signature": None}, {"signature": ""}, {"thinking": None}])
def test_thinking_that_no_server_could_verify_is_not_sent_back(lacking):
    turn, results = step(1)
    turn = replace(turn, raw=({**THINKING, **lacking}, *turn.raw))

    sent = body(asked("q", turn, results))

    assert sent["messages"][1]["content"] == [*turn.raw[1:]]


@pytest.mark.parametrize(
    ("name", "thinking"),
    [
        ("claude-sonnet-5-5", None),
        ("claude-fable-5-2", None),
        ("claude-opus-4-8", {"type": "adaptive"}),
        ("claude-sonnet-4-6", {"type": "adaptive"}),
        ("claude-haiku-4-5-20251001", None),
        ("claude-sonnet-4-5", None),
    ],
)
def test_thinking_is_turned_on_where_it_would_be_off(name, thinking):
    sent = body(asked(), name=name)

    assert sent.get("thinking") == thinking
    assert not sent.keys() & {"temperature", "top_p", "top_k", "tool_choice", "output_config"}


def test_effort_is_said_where_it_is_heeded():
    assert body(asked(), effort="low")["output_config"] == {"effort": "low"}
    with pytest.raises(UsageError, match="no effort 'huge'"):
        ClaudeModel(NAME, effort="huge")
    with pytest.raises(UsageError, match="takes no effort"):
        ClaudeModel("claude-haiku-4-5", effort="low")
    with pytest.raises(UsageError, match="would be ignored"):
        ClaudeModel("qwen3", base_url="http://localhost:11434", effort="low")


def test_our_functions_can_be_strict_whatever_is_left_out():
    for functions in (functions_for(), functions_for(notes=False, pins=False)):
        assert can_be_strict(functions)
        assert all(tool["strict"] for tool in body(asked(functions=functions))["tools"])


def test_too_many_optional_parameters_are_not_strict():
    properties = {f"p{n}": {"type": "string", "maxLength": 3} for n in range(25)}
    loose = FunctionSchema("f", "F.", {"type": "object", "properties": properties})

    (tool,) = body(asked(functions=(loose,)))["tools"]

    assert "strict" not in tool
    assert tool["input_schema"] == loose.parameters


def test_strict_schemas_keep_only_what_strict_mode_knows():
    schema = {
        "type": "object",
        "properties": {
            "items": {"type": "array", "minItems": 1, "items": {"type": "object", "title": "T"}},
            "kind": {"anyOf": [{"type": "string", "pattern": "a"}, {"type": "null"}]},
        },
    }

    assert strict_schema(schema) == {
        "type": "object",
        "additionalProperties": False,
        "properties": {
            "items": {"type": "array", "items": {"type": "object", "additionalProperties": False}},
            "kind": {"anyOf": [{"type": "string"}, {"type": "null"}]},
        },
    }


def test_functions_of_a_new_run_are_written_anew():
    model = ClaudeModel(NAME)
    other = FunctionSchema("answer", "End.", {"type": "object", "properties": {}})

    first = model.body(asked(functions=(SEARCH,)))["tools"]
    second = model.body(asked(functions=(other,)))["tools"]

    assert [tool["name"] for tool in (*first, *second)] == ["search", "answer"]


def _without_marks(sent):
    sent = copy.deepcopy(sent)
    for block in [*sent["system"], *(b for each in sent["messages"] for b in each["content"])]:
        block.pop("cache_control", None)
    return sent


@pytest.mark.parametrize(
    ("said", "echoed"), [("Look.\n", "Look."), ("Look.\n\n", "Look.\n"), ("\n", None)]
)
def test_the_newline_before_a_call_is_left_to_the_servers_chat_template(said, echoed):
    raw = ({"type": "text", "text": said}, tool_use(z=1, a=2, query="q"))
    turn = AssistantTurn(said, (ToolCall("toolu_1", "search", {}),), raw)
    results = UserTurn(results=(CallResult("toolu_1", "found"),))

    def blocks(backend):
        model = model_at(Server(streamed(message())), backend=backend)
        return model.body(asked("q", turn, results))["messages"][1]["content"]

    compatible = blocks("compatible")
    assert [b["text"] for b in compatible if b["type"] == "text"] == ([echoed] if echoed else [])
    assert list(compatible[-1]["input"]) == ["z", "a", "query"]
    assert blocks("anthropic")[-1] == raw[-1]


def test_the_last_newline_of_an_answer_stays():
    turn = AssistantTurn("41\n", raw=({"type": "text", "text": "41\n"},))
    model = model_at(Server(streamed(message())), backend="compatible")

    assert model.body(asked("q", turn, "more"))["messages"][1]["content"][0]["text"] == "41\n"
