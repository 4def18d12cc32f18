"""What plays the model: scripts, the extractive reader, and one that misbehaves."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from talking import HAIKU, TOOLS, body, echoed, plain, result, send

from benchmarks.fake_api import (
    MISCHIEF,
    AdversarialBrain,
    ExtractiveBrain,
    FakeApi,
    Reply,
    ScriptedBrain,
    call,
    text,
)
from benchmarks.fake_api.extractive_brain import request_of
from docpager.models.extractive import ExtractiveModel
from docpager.models.messages import FunctionSchema, ModelRequest, UserTurn

QUIET = {"type": "disabled"}


def test_a_script_may_hold_texts_blocks_lists_replies_and_functions():
    script = [
        "One",
        call("search", query="two"),
        ["Three", call("search", query="four")],
        Reply((text("Five"),), stop_reason="pause_turn"),
        lambda asked: f"Six {asked.number}",
    ]
    with FakeApi(script) as api:
        said = [send(api, body(model=HAIKU, thinking=QUIET, tools=TOOLS)) for _ in range(6)]

    assert [[block.type for block in each.content] for each in said] == [
        ["text"],
        ["tool_use"],
        ["text", "tool_use"],
        ["text"],
        ["text"],
        [],
    ]
    assert [each.stop_reason for each in said] == [
        "end_turn",
        "tool_use",
        "tool_use",
        "pause_turn",
        "end_turn",
        "end_turn",
    ]
    assert said[4].content[0].text == "Six 5"


def test_a_scripted_brain_keeps_what_it_was_asked():
    brain = ScriptedBrain("Yes.", again=True)
    with FakeApi(brain) as api:
        for _ in range(3):
            assert send(api, body(tools=TOOLS)).content[-1].text == "Yes."

    assert [asked.number for asked in brain.asked] == [1, 2, 3]
    assert brain.asked[0].tool_names == ("search", "answer")


def test_a_wire_request_becomes_docpagers_own():
    request = body(
        [plain("The map. "), plain("The question.", cache_control={"type": "ephemeral"})],
        [
            {"type": "thinking", "thinking": "", "signature": "s"},
            plain("Look."),
            {"type": "tool_use", "id": "toolu_1", "name": "search", "input": {"query": "x"}},
        ],
        [result("toolu_1", [plain("found "), plain("this")], is_error=True), plain("Hurry.")],
        tools=TOOLS,
        tool_choice={"type": "none"},
        system=[plain("Be "), plain("brief.")],
    )
    made = request_of(request)

    assert made.instructions == "Be brief."
    assert made.functions[0] == FunctionSchema(
        "search", "Finds passages.", TOOLS[0]["input_schema"]
    )
    first, reply, second = made.turns
    assert (first.text, first.results) == ("The map. The question.", ())
    assert (reply.text, reply.calls[0].arguments) == ("Look.", {"query": "x"})
    assert reply.raw == tuple(request["messages"][1]["content"])
    assert (second.text, second.results[0].text) == ("Hurry.", "found this")
    assert second.results[0].is_error
    assert (made.max_output_tokens, made.calls_allowed) == (1_000, False)
    assert request_of(body(tools=TOOLS)).calls_allowed


def test_the_extractive_brain_says_what_the_reader_says():
    schema = TOOLS[0]["input_schema"]
    request = ModelRequest(
        "Answer.",
        (FunctionSchema("search", "Finds passages.", schema),),
        (UserTurn("Question: What did the line cost?"),),
        1_000,
    )
    wanted = asyncio.run(ExtractiveModel().complete(request))
    with FakeApi(ExtractiveBrain()) as api:
        said = send(
            api, body("Question: What did the line cost?", system="Answer.", tools=TOOLS[:1])
        )

    calls = [(block.name, block.input) for block in said.content if block.type == "tool_use"]
    texts = [block.text for block in said.content if block.type == "text"]
    assert calls == [(each.name, dict(each.arguments)) for each in wanted.calls]
    assert "".join(texts) == wanted.text
    assert calls or texts


def misbehave(kind: str, requests: int = 8, **more: Any) -> list[Any]:
    with FakeApi(AdversarialBrain(kind, **more)) as api:
        return [send(api, body(f"Question {n}", tools=TOOLS)) for n in range(requests)]


def calls_of(message: Any) -> list[Any]:
    return [block for block in message.content if block.type == "tool_use"]


def test_the_adversary_calls_twelve_times_at_once():
    assert {len(calls_of(each)) for each in misbehave("parallel_calls")} == {12}
    assert {c.name for each in misbehave("parallel_calls") for c in calls_of(each)} == {"search"}


def test_the_adversary_calls_what_does_not_exist():
    assert {calls_of(each)[0].name for each in misbehave("unknown_tool")} == {"delete_everything"}


def test_the_adversary_gets_arguments_wrong():
    arguments = [calls_of(each)[0].input for each in misbehave("wrong_arguments", 20)]

    assert any("no_such_argument" in each for each in arguments)
    assert any(each == {} or not isinstance(each.get("query", ""), str) for each in arguments)


def test_the_adversary_never_answers():
    assert all(calls_of(each)[0].name == "search" for each in misbehave("never_answers"))


def test_the_adversary_ends_its_turn_without_a_word():
    assert all(not calls_of(each) for each in misbehave("empty_end_turn"))
    assert {block.type for each in misbehave("empty_end_turn") for block in each.content} == {
        "thinking"
    }


def test_the_adversary_cites_what_has_left():
    brain = AdversarialBrain("cites_evicted", otherwise=ScriptedBrain(call("search"), again=True))
    with FakeApi(brain) as api:
        first = send(api, body("Why?", tools=TOOLS))
        found = [result(calls_of(first)[0].id, "The secret figure is 42.")]
        second = send(api, body("Why?", echoed(first), found, tools=TOOLS))
        rebuilt = send(api, body("Why? Notes.", tools=TOOLS))

    assert calls_of(first)[0].name == calls_of(second)[0].name == "search"
    (cited,) = calls_of(rebuilt)
    assert cited.name == "answer"
    assert cited.input["text"] in "The secret figure is 42."


def test_the_adversary_behaves_part_of_the_time():
    sensible = ScriptedBrain("Sensible.", again=True)
    said = misbehave("unknown_tool", 60, otherwise=sensible, share=0.5, seed=3)
    good = [each for each in said if not calls_of(each)]

    assert 15 < len(good) < 45
    assert {each.content[-1].text for each in good} == {"Sensible."}


def test_unknown_mischief_is_named():
    with pytest.raises(ValueError, match="no mischief"):
        AdversarialBrain("arson")


def test_all_mischief_is_valid_on_the_wire():
    with FakeApi(AdversarialBrain(seed=1)) as api:
        for n in range(6 * len(MISCHIEF)):
            send(api, body(f"Question {n}", tools=TOOLS))
            send(api, body(f"Question {n}", tools=TOOLS, tool_choice={"type": "none"}))
