"""Preserved thinking: what may be done to a conversation, and what makes its thinking invalid."""

from __future__ import annotations

import copy
from typing import Any

import anthropic
import pytest
from talking import HAIKU_4_5, OPUS_4_8, TOOLS, body, client, echoed, refusal, result, send

from benchmarks.fake_api import NO_OVERHEADS, FakeApi, Reply, RequestCounter, call

BETA = {"anthropic-beta": "thinking-binding-controls-2026-08-01"}
BOUND = "Invalid `signature` in `thinking` block. The block is bound to a different conversation."


@pytest.fixture(scope="module")
def api():
    with FakeApi(lambda asked: call("search", query=str(len(asked.body["messages"])))) as running:
        yield running


def converse(api: FakeApi, steps: int, **more: Any) -> dict[str, Any]:
    """A request whose conversation has had `steps` replies."""
    request = body("Why?", tools=TOOLS, system="Be brief.", **more)
    for n in range(steps):
        reply = send(api, copy.deepcopy(request))
        identity = next(block.id for block in reply.content if block.type == "tool_use")
        request["messages"] += [
            {"role": "assistant", "content": echoed(reply)},
            {"role": "user", "content": [result(identity, f"passage {n}")]},
        ]
    return request


def without_thinking(request: dict[str, Any], *turns: int) -> dict[str, Any]:
    """The request without the thinking of these assistant turns, counted from 0."""
    made = copy.deepcopy(request)
    for turn in turns:
        message = made["messages"][1 + 2 * turn]
        message["content"] = [b for b in message["content"] if b["type"] != "thinking"]
    return made


def test_a_verbatim_conversation_goes_on(api):
    assert send(api, converse(api, 4)).stop_reason == "tool_use"


@pytest.mark.parametrize(
    "change",
    [
        {"output_config": {"effort": "low"}},
        {"max_tokens": 5_000},
        {"tool_choice": {"type": "none"}},
        {"metadata": {"user_id": "someone"}},
        {"cache_control": {"type": "ephemeral"}},
        {"stop_sequences": ["x"]},
    ],
    ids=lambda change: next(iter(change)),
)
def test_these_changes_leave_thinking_valid(api, change):
    assert send(api, converse(api, 3) | change).type == "message"


def test_markers_may_be_added_and_moved(api):
    request = converse(api, 3)
    request["messages"][2]["content"][0]["cache_control"] = {"type": "ephemeral"}

    assert send(api, request).type == "message"


@pytest.mark.parametrize("turns", [(0,), (0, 1), (2,), (1, 2), (0, 1, 2)])
def test_thinking_may_go_from_the_start_the_end_or_altogether(api, turns):
    assert send(api, without_thinking(converse(api, 3), *turns)).type == "message"


def test_thinking_may_not_go_from_the_middle(api):
    assert BOUND in refusal(api, without_thinking(converse(api, 3), 1))


@pytest.mark.parametrize("turns", [(0,), (0, 1), (1,)])
def test_removed_thinking_may_not_come_back(api, turns):
    whole = converse(api, 2)
    reply = send(api, without_thinking(whole, *turns))
    identity = next(block.id for block in reply.content if block.type == "tool_use")
    tail = [
        {"role": "assistant", "content": echoed(reply)},
        {"role": "user", "content": [result(identity)]},
    ]

    kept = without_thinking(whole, *turns)
    kept["messages"] = kept["messages"] + tail
    assert send(api, kept).type == "message"
    whole["messages"] = whole["messages"] + tail
    assert BOUND in refusal(api, whole)


def shorten_result(request):
    request["messages"][2]["content"][0]["content"] = "[cleared]"


def change_question(request):
    request["messages"][0]["content"] = "Why not?"


def change_arguments(request):
    request["messages"][1]["content"][1]["input"]["query"] = "other"


def change_system(request):
    request["system"] = "Be long."


def change_tools(request):
    request["tools"] = request["tools"][:1]


def drop_pair(request):
    del request["messages"][1:3]


def add_text(request):
    request["messages"][2]["content"].append({"type": "text", "text": "Hurry."})


@pytest.mark.parametrize(
    "edit",
    [
        shorten_result,
        change_question,
        change_arguments,
        change_system,
        change_tools,
        drop_pair,
        add_text,
    ],
)
def test_edits_before_a_thinking_block_are_refused(api, edit):
    request = converse(api, 3)
    edit(request)

    assert BOUND in refusal(api, request)
    counting = {key: request[key] for key in ("model", "messages", "tools", "system")}
    with pytest.raises(anthropic.BadRequestError, match="bound to a different"):
        client(api).messages.count_tokens(**counting)


@pytest.mark.parametrize("edit", [shorten_result, change_question, change_system])
def test_edits_are_free_once_all_thinking_is_gone(api, edit):
    request = without_thinking(converse(api, 3), 0, 1, 2)
    edit(request)

    assert send(api, request).type == "message"


def test_the_newest_result_may_say_anything(api):
    request = converse(api, 3)
    request["messages"][-1]["content"][0]["content"] = "something else"

    assert send(api, request).type == "message"


def test_a_request_that_starts_anew_has_nothing_to_verify(api):
    converse(api, 3)

    assert send(api, body("Why? Notes: passage 1.", tools=TOOLS)).type == "message"


def test_changed_thinking_is_refused_by_its_place(api):
    latest, earlier = converse(api, 2), converse(api, 2)
    latest["messages"][3]["content"][0]["thinking"] = "I thought otherwise."
    earlier["messages"][1]["content"][0]["thinking"] = "I thought otherwise."

    assert refusal(api, latest).startswith(
        "messages.3.content.0: `thinking` or `redacted_thinking` blocks in the latest assistant "
        "message cannot be modified"
    )
    assert refusal(api, earlier).startswith(
        "messages.1.content.0: Invalid `signature` in `thinking` block"
    )


def test_an_invented_signature_is_refused(api):
    request = converse(api, 2)
    request["messages"][1]["content"][0]["signature"] = "c2lnbmF0dXJl"

    assert "Invalid `signature`" in refusal(api, request)


def test_thinking_of_another_model_is_refused(api):
    request = converse(api, 2) | {"model": "claude-opus-5-5"}

    assert "bound to a different model" in refusal(api, request)


def test_thinking_of_another_account_is_refused(api):
    assert "bound to a different organization" in refusal(api, converse(api, 2), api_key="other")


def test_misfits_are_left_out_where_the_request_asks_for_it(api):
    request = converse(api, 3)
    shorten_result(request)
    request["thinking"] = {
        "type": "adaptive",
        "block_binding": {"prefix_mismatch_behavior": "drop_block"},
    }

    assert "block_binding: Extra inputs are not permitted" in refusal(api, request)
    reply = send(api, request, headers=BETA).to_dict()
    assert reply["input_transformations"] == [
        {
            "type": "thinking_dropped",
            "path": f"messages.{n}.content.0",
            "reason": "prefix_binding_mismatch",
        }
        for n in (3, 5)
    ]


def test_dropping_is_not_for_quiet_thinking(api):
    request = body(thinking={"type": "between_tools", "block_binding": {}})

    assert "block_binding: Extra inputs" in refusal(api, request, headers=BETA)


def test_older_models_do_not_bind_thinking(api):
    request = converse(api, 3, model=OPUS_4_8, thinking={"type": "adaptive"})
    shorten_result(request)

    assert send(api, request).type == "message"


def test_accounts_that_are_not_held_to_it_may_edit():
    said = lambda asked: call("search", query=str(len(asked.body["messages"])))  # noqa: E731
    with FakeApi(said, enforce_prefix=False) as api:
        request = converse(api, 3)
        shorten_result(request)

        assert send(api, request).type == "message"


def test_old_models_want_their_thinking_back_in_a_loop():
    with FakeApi(lambda asked: call("search", query="x")) as api:
        budget = {"type": "enabled", "budget_tokens": 1_024}
        request = converse(api, 2, model=HAIKU_4_5, thinking=budget, max_tokens=3_000)

        assert send(api, request).type == "message"
        assert "Expected `thinking` or `redacted_thinking`, but found `tool_use`" in refusal(
            api, without_thinking(request, 1)
        )


def test_old_models_forget_thinking_with_the_next_question():
    quiet = RequestCounter(overheads=NO_OVERHEADS)
    counted = {}
    for model, thinking in ((HAIKU_4_5, "enabled"), (OPUS_4_8, "adaptive")):
        config = {"type": thinking} | ({"budget_tokens": 1_024} if thinking == "enabled" else {})
        with FakeApi("Fine.", counter=quiet) as api:
            asked = body("Why?", model=model, thinking=config, max_tokens=3_000)
            first = send(api, asked)
            asked["messages"] += [
                {"role": "assistant", "content": echoed(first)},
                {"role": "user", "content": "And?"},
            ]
            thought = first.usage.output_tokens_details.thinking_tokens
            counted[model] = send(api, asked).usage.input_tokens
    said = sum(quiet.count(text) for text in ("Why?", "Fine.", "And?"))

    assert counted == {HAIKU_4_5: said, OPUS_4_8: said + thought}


def test_thinking_shows_where_it_is_asked_for():
    shown = {"type": "adaptive", "display": "summarized"}
    with FakeApi(lambda asked: Reply(thinking="Hm.", content=())) as api:
        hidden = send(api, body()).content[0]
        summary = send(api, body(thinking=shown)).content[0]
        old = {"type": "enabled", "budget_tokens": 1_024}
        budget = send(api, body(model=HAIKU_4_5, max_tokens=2_000, thinking=old)).content[0]

    assert (hidden.thinking, summary.thinking, budget.thinking) == ("", "Hm.", "Hm.")
    assert len(hidden.signature) > 100


def test_models_think_unless_they_are_told_not_to():
    quiet = {"type": "disabled"}
    between = {"type": "between_tools"}
    with FakeApi(lambda asked: call("search", query="x")) as api:
        kinds = {
            name: send(api, request).content[0].type
            for name, request in {
                "haiku": body(model="claude-haiku-5-5", tools=TOOLS),
                "haiku quiet": body(model="claude-haiku-5-5", thinking=quiet, tools=TOOLS),
                "opus 4.8": body(model=OPUS_4_8, tools=TOOLS),
                "sonnet between, first": body(thinking=between, tools=TOOLS),
                "sonnet between, after results": converse(api, 1, thinking=between),
            }.items()
        }

    assert kinds == {
        "haiku": "thinking",
        "haiku quiet": "tool_use",
        "opus 4.8": "tool_use",
        "sonnet between, first": "tool_use",
        "sonnet between, after results": "thinking",
    }


def test_redacted_thinking_is_bound_all_the_same():
    with FakeApi(lambda asked: Reply((call("search", query="x"),), redacted=True)) as api:
        request = converse(api, 2)
        assert request["messages"][1]["content"][0]["type"] == "redacted_thinking"
        assert send(api, copy.deepcopy(request)).type == "message"
        shorten_result(request)

        assert BOUND in refusal(api, request)


def test_signatures_outlive_the_server():
    with FakeApi(lambda asked: call("search", query="x")) as first:
        request = converse(first, 2)
    with FakeApi("Done.") as second:
        assert send(second, request).stop_reason == "end_turn"
