"""Assertions on recorded requests: they pass on what is right and fail on what is wrong."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from talking import TOOLS, body, echoed, marked, plain, result, send

from benchmarks.fake_api import (
    FakeApi,
    assert_append_only,
    assert_echoed_verbatim,
    assert_stable_tools_and_system,
    by_conversation,
    by_epoch,
    call,
)


def conversation(api: FakeApi, question: str, steps: int) -> list[dict[str, Any]]:
    """Bodies of a well-behaved conversation, sent."""
    request = body([plain(question)], tools=TOOLS, system=[plain("Be brief.")])
    sent = []
    for n in range(steps):
        sent.append(copy.deepcopy(request))
        reply = send(api, request)
        identity = next(block.id for block in reply.content if block.type == "tool_use")
        request["messages"] += [
            {"role": "assistant", "content": echoed(reply)},
            {"role": "user", "content": [result(identity, f"{question} {n}")]},
        ]
    return sent


@pytest.fixture
def api():
    with FakeApi(lambda asked: call("search", query="x")) as running:
        yield running


def test_growing_conversations_are_append_only_even_when_mixed(api):
    one, two = conversation(api, "One?", 4), conversation(api, "Two?", 3)

    assert_append_only(api.requests)
    assert_append_only([one[0], two[0], one[1], one[2], two[1], one[1], two[2], one[3]])
    assert_echoed_verbatim(api.requests)
    assert_stable_tools_and_system(api.requests)


def test_markers_may_move_without_breaking_the_rule():
    first = body([marked("a")])
    second = body([plain("a")], "b", [marked("c")])

    assert_append_only([first, second])


def test_a_new_epoch_with_one_user_turn_is_no_break(api):
    conversation(api, "One?", 3)
    conversation(api, "One? Notes: something.", 2)

    assert_append_only(api.requests)
    assert [len(epoch) for epoch in by_epoch(api.requests)] == [3, 2]


@pytest.mark.parametrize("place", [0, 2, 4])
def test_an_edited_turn_is_found_and_named(api, place):
    sent = conversation(api, "One?", 4)
    sent[3]["messages"][place]["content"][0] |= (
        {"text": "edited"} if place == 0 else {"content": "edited"}
    )

    with pytest.raises(AssertionError, match=f"messages.{place}.content.0.*edited"):
        assert_append_only(sent)


def test_what_was_sent_after_a_reply_may_grow_but_not_change(api):
    sent = conversation(api, "One?", 3)
    nudged, edited = copy.deepcopy(sent[2]), copy.deepcopy(sent[2])
    nudged["messages"].append({"role": "user", "content": [plain("Go on.")]})
    edited["messages"][-1]["content"][0]["content"] = "edited"

    assert_append_only([*sent, sent[2], nudged])
    with pytest.raises(AssertionError, match="edited"):
        assert_append_only([*sent, edited])


def test_a_dropped_turn_and_a_changed_system_prompt_are_found(api):
    dropped, changed = (conversation(api, name, 4) for name in ("One?", "Two?"))
    del dropped[3]["messages"][1:3]
    changed[2]["system"] = [plain("Be long.")]

    for sent in (dropped, changed):
        with pytest.raises(AssertionError, match="goes on from no earlier request"):
            assert_append_only(sent)


def test_changed_tools_are_found_by_their_first_character():
    first, second = body(tools=TOOLS), body(tools=copy.deepcopy(TOOLS))
    assert_stable_tools_and_system([first, second])
    second["tools"][0]["description"] = "Found passages."

    with pytest.raises(AssertionError, match=r"tools changed at character .*inds"):
        assert_stable_tools_and_system([first, second])


def test_the_order_of_keys_in_tools_counts():
    shuffled = [dict(reversed(tool.items())) for tool in TOOLS]

    with pytest.raises(AssertionError, match="tools changed"):
        assert_stable_tools_and_system([body(tools=TOOLS), body(tools=shuffled)])


def test_a_moved_marker_on_the_system_prompt_does_not_count():
    assert_stable_tools_and_system([body(system=[marked("a")]), body(system=[plain("a")])])


def test_a_reply_that_was_not_repeated_word_for_word_is_found():
    with FakeApi(lambda asked: [plain("Look."), call("search", query="x")]) as api:
        request = body("Why?", tools=TOOLS)
        reply = send(api, request)
        without_text = [block for block in echoed(reply) if block["type"] != "text"]
        request["messages"] += [
            {"role": "assistant", "content": without_text},
            {"role": "user", "content": [result(reply.content[-1].id)]},
        ]
        send(api, request)

        with pytest.raises(AssertionError, match="does not repeat the reply"):
            assert_echoed_verbatim(api.requests)


def test_requests_are_grouped_by_conversation_and_epoch(api):
    conversation(api, "One?", 2)
    conversation(api, "Two?", 3)
    conversation(api, "One? Notes.", 1)

    groups = by_conversation(
        api.requests, lambda start: start["messages"][0]["content"][0]["text"].split("?")[0]
    )
    assert {name: [len(e) for e in epochs] for name, epochs in groups.items()} == {
        "One": [2, 1],
        "Two": [3],
    }


def test_bodies_need_not_be_kept():
    with FakeApi("Fine.", keep_bodies=False) as api:
        send(api, body())

    assert api.requests[0].raw == b""
    assert api.requests[0].usage.output_tokens > 0
