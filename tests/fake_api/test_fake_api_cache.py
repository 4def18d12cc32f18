"""The prompt cache of the fake API: what is written, read and billed, rule by rule."""

from __future__ import annotations

import threading
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from talking import OPUS_4_8, SONNET, TOOLS, body, echoed, marked, plain, result, send, words

from benchmarks.fake_api import NO_OVERHEADS, CacheModel, FakeApi, RequestCounter, Usage

MINUTE = 60.0
COUNTER = RequestCounter(overheads=NO_OVERHEADS)


@pytest.fixture
def cache():
    return CacheModel(COUNTER)


def bill(cache: CacheModel, request: dict[str, Any], now: float = 0.0, **more: Any) -> Usage:
    return cache.bill(request["model"], request, now, **more)


def read(usage: Usage) -> tuple[int, int, int]:
    """Read, written, neither."""
    return usage.cache_read_tokens, usage.cache_write_tokens, usage.input_tokens


def test_a_prefix_is_written_once_and_read_afterwards(cache):
    request = body([marked(words(1_000)), plain(words(50))])

    assert read(bill(cache, request)) == (0, 1_000, 50)
    assert read(bill(cache, request)) == (1_000, 0, 50)


def test_without_a_breakpoint_nothing_is_cached(cache):
    request = body(words(5_000))

    assert [read(bill(cache, request)) for _ in range(2)] == [(0, 0, 5_000)] * 2


@pytest.mark.parametrize(("model", "minimum"), [(SONNET, 512), (OPUS_4_8, 1_024)])
def test_below_the_models_minimum_nothing_is_cached(cache, model, minimum):
    short = body([marked(words(minimum - 1))], model=model)
    enough = body([marked(words(minimum))], model=model)

    assert [read(bill(cache, short)) for _ in range(2)] == [(0, 0, minimum - 1)] * 2
    assert [bill(cache, enough).cache_read_tokens for _ in range(2)] == [0, minimum]


def test_only_breakpoints_write(cache):
    bill(cache, body([plain(words(1_000)), marked(words(10))]))

    shorter = body([marked(words(1_000)), plain(words(20))])
    assert bill(cache, shorter).cache_read_tokens == 0


def test_a_growing_conversation_reads_what_the_last_request_wrote(cache):
    first = body([marked(words(1_000))])
    second = body([plain(words(1_000))], "Yes.", [marked(words(100))])

    bill(cache, first)
    assert read(bill(cache, second)) == (1_000, 100 + COUNTER.count("Yes."), 0)


@pytest.mark.parametrize(("new_blocks", "hit"), [(19, 1_000), (20, 0)])
def test_a_read_looks_back_over_twenty_positions(cache, new_blocks, hit):
    bill(cache, body([marked(words(1_000))]))

    tail = [plain(f"block {n}") for n in range(new_blocks - 1)]
    longer = body([plain(words(1_000)), *tail, marked("the end")])
    assert bill(cache, longer).cache_read_tokens == hit


def test_a_second_breakpoint_reaches_where_the_first_does_not(cache):
    bill(cache, body([marked(words(1_000))]))

    tail = [plain(f"block {n}") for n in range(30)]
    longer = body([marked(words(1_000)), *tail, marked("the end")])
    assert bill(cache, longer).cache_read_tokens == 1_000


def test_entries_live_five_minutes_and_each_use_refreshes_them(cache):
    request = body([marked(words(1_000))])

    bill(cache, request, 0)
    assert bill(cache, request, 4.9 * MINUTE).cache_read_tokens == 1_000
    assert bill(cache, request, 9.8 * MINUTE).cache_read_tokens == 1_000
    assert bill(cache, request, 14.8 * MINUTE).cache_read_tokens == 0


def test_an_hour_is_an_hour_and_costs_extra(cache):
    request = body([marked(words(1_000), "1h"), marked(words(100)), plain(words(10))])

    first = bill(cache, request, 0)
    assert (first.write_1h_tokens, first.write_5m_tokens, first.input_tokens) == (1_000, 100, 10)
    later = bill(cache, request, 59 * MINUTE)
    assert read(later) == (1_000, 100, 10)
    assert later.write_1h_tokens == 0
    assert bill(cache, request, 120 * MINUTE).cache_read_tokens == 0


def test_the_life_of_an_entry_counts_from_the_start_of_the_request(cache):
    request = body([marked(words(1_000))])

    bill(cache, request, 0, begins_at=4 * MINUTE)
    assert bill(cache, request, 5.1 * MINUTE).cache_read_tokens == 0


def test_the_head_is_kept_alive_by_those_who_read_beyond_it(cache):
    head = marked(words(1_000))
    longer = body([head, marked(words(500))])

    for minute in (0, 4, 8):
        bill(cache, longer, minute * MINUTE)
    other_question = body([head, marked(words(700))])
    assert bill(cache, other_question, 12 * MINUTE).cache_read_tokens == 1_000


def test_parallel_first_requests_all_miss(cache):
    request = body([marked(words(1_000))])

    usages = [bill(cache, request, now, begins_at=10.0) for now in (0.0, 0.1, 9.9)]
    assert [read(usage) for usage in usages] == [(0, 1_000, 0)] * 3
    assert bill(cache, request, 10.0).cache_read_tokens == 1_000


def test_workspaces_do_not_share(cache):
    request = body([marked(words(1_000))])

    bill(cache, request, key="one")
    assert bill(cache, request, key="two").cache_read_tokens == 0
    assert bill(cache, request, key="one").cache_read_tokens == 1_000


def test_models_do_not_share(cache):
    bill(cache, body([marked(words(1_000))]))

    other = body([marked(words(1_000))], model="claude-fable-5-1")
    assert bill(cache, other).cache_read_tokens == 0


def test_the_automatic_breakpoint_marks_the_last_block(cache):
    control = {"type": "ephemeral"}
    request = body([plain(words(1_000)), plain(words(200))], cache_control=control)

    assert read(bill(cache, request)) == (0, 1_200, 0)
    assert read(bill(cache, request)) == (1_200, 0, 0)


def test_a_breakpoint_within_what_was_read_writes_nothing(cache):
    bill(cache, body([plain(words(700)), marked(words(600))]))
    bill(cache, body([marked(words(700)), marked(words(600))]))

    assert bill(cache, body([marked(words(700)), plain("Else?")])).cache_read_tokens == 0


def test_moved_markers_change_nothing(cache):
    bill(cache, body([marked(words(1_000)), plain(words(600))]))

    moved = body([plain(words(1_000)), marked(words(600))])
    assert read(bill(cache, moved)) == (1_000, 600, 0)


def test_one_changed_character_is_a_miss(cache):
    bill(cache, body([marked(words(1_000))]))

    assert bill(cache, body([marked(words(999) + " work")])).cache_read_tokens == 0


def test_the_order_of_keys_in_a_calls_arguments_matters(cache):
    def request(arguments: dict[str, int]) -> dict[str, Any]:
        called = {"type": "tool_use", "id": "toolu_1", "name": "search", "input": arguments}
        answered = result("toolu_1", words(1_000), cache_control={"type": "ephemeral"})
        return body("Why?", [called], [answered], tools=TOOLS)

    bill(cache, request({"a": 1, "b": 2}))
    assert bill(cache, request({"b": 2, "a": 1})).cache_read_tokens == 0
    assert bill(cache, request({"a": 1, "b": 2})).cache_read_tokens > 1_000


BIG_TOOL = [
    {
        "name": "search",
        "description": words(600),
        "input_schema": {"type": "object"},
        "cache_control": {"type": "ephemeral"},
    }
]
LAYERED = body(
    [marked(words(700))],
    tools=BIG_TOOL,
    system=[marked(words(650))],
    output_config={"effort": "high"},
    thinking={"type": "adaptive"},
)
CITED = {
    "type": "search_result",
    "source": "s",
    "title": "t",
    "content": [plain("x")],
    "citations": {"enabled": True},
}
IMAGE = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "aaaa"}}


@pytest.mark.parametrize(
    ("change", "survives"),
    [
        ({}, "messages"),
        ({"metadata": {"user_id": "u"}, "max_tokens": 9, "stop_sequences": ["x"]}, "messages"),
        ({"tool_choice": {"type": "auto"}}, "messages"),
        ({"tool_choice": {"type": "none"}}, "system"),
        ({"output_config": {"effort": "low"}}, "system"),
        ({"thinking": {"type": "between_tools"}}, "system"),
        ({"messages": [{"role": "user", "content": [marked(words(700)), IMAGE]}]}, "system"),
        ({"messages": [{"role": "user", "content": [marked(words(700)), CITED]}]}, "tools"),
        ({"speed": "fast"}, "tools"),
        ({"system": [marked(words(651))]}, "tools"),
        ({"tools": [BIG_TOOL[0] | {"description": words(601)}]}, "nothing"),
    ],
    ids=lambda value: next(iter(value), "same") if isinstance(value, dict) else value,
)
def test_what_a_change_invalidates(cache, change, survives):
    tools = COUNTER.tool(BIG_TOOL[0])
    sizes = {"nothing": 0, "tools": tools, "system": tools + 650, "messages": tools + 1_350}

    bill(cache, LAYERED)
    assert bill(cache, LAYERED | change).cache_read_tokens == sizes[survives]


def test_unsaid_defaults_are_no_change(cache):
    said = body(
        [marked(words(700))], output_config={"effort": "high"}, thinking={"type": "adaptive"}
    )
    bill(cache, said)

    assert bill(cache, body([marked(words(700))])).cache_read_tokens == 700


def test_an_unknown_model_cannot_be_billed(cache):
    with pytest.raises(KeyError, match="claude-9"):
        cache.bill("claude-9", body(), 0.0)


@given(
    st.lists(
        st.tuples(st.integers(0, 3), st.integers(1, 400), st.booleans(), st.floats(0, 400)),
        max_size=12,
    )
)
def test_nothing_is_lost_or_billed_twice(steps):
    """Read, written and plain tokens always make up the prompt, whatever is asked in what order."""
    cache = CacheModel(COUNTER)
    conversations = {n: [marked(words(600 + n))] for n in range(4)}
    now = 0.0
    for which, size, mark, pause in steps:
        now += pause
        blocks = conversations[which]
        last = marked(words(size)) if mark and len(blocks) < 4 else plain(words(size))
        blocks.append(last)
        request = body(blocks)
        usage = bill(cache, request, now)
        assert usage.prompt_tokens == sum(len(block["text"].split()) for block in blocks)
        assert min(read(usage)) >= 0


def test_the_server_reports_what_the_cache_model_bills():
    request = body([marked(words(1_000), "1h"), marked(words(200)), plain(words(50))])
    with FakeApi("Fine.", counter=COUNTER) as api:
        first = send(api, request).usage
        second = send(api, request).usage

    assert first.cache_creation.ephemeral_1h_input_tokens == 1_000
    assert first.cache_creation.ephemeral_5m_input_tokens == 200
    assert (first.cache_creation_input_tokens, first.input_tokens) == (1_200, 50)
    assert (second.cache_read_input_tokens, second.cache_creation_input_tokens) == (1_200, 0)


def test_the_fake_clock_lets_entries_of_the_server_die():
    request = body([marked(words(1_000))])
    with FakeApi("Fine.", counter=COUNTER) as api:
        reads = []
        for seconds in (0, 299, 300):
            api.clock.advance(seconds)
            reads.append(send(api, request).usage.cache_read_input_tokens)

    assert reads == [0, 1_000, 0]


def test_requests_in_parallel_miss_while_the_first_response_has_not_begun():
    request = body([marked(words(1_000))])
    reads: list[int] = []
    with FakeApi("Fine.", counter=COUNTER, latency_seconds=0.3) as api:

        def ask() -> None:
            reads.append(send(api, request, api_key="key").usage.cache_read_input_tokens)

        threads = [threading.Thread(target=ask) for _ in range(3)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        ask()

    assert reads == [0, 0, 0, 1_000]


def test_prewarming_writes_the_cache():
    request = body([marked(words(1_000))])
    with FakeApi("Fine.", counter=COUNTER) as api:
        send(api, request | {"max_tokens": 0})

        assert send(api, request).usage.cache_read_input_tokens == 1_000


def test_echoed_thinking_is_billed_as_input_and_cached():
    with FakeApi("Fine.", counter=COUNTER) as api:
        first = send(api, body(words(1_000)))
        spent = first.usage.output_tokens_details.thinking_tokens
        second = send(api, body(words(1_000), echoed(first), "More."))

    said = COUNTER.count("Fine.") + COUNTER.count("More.")
    assert second.usage.input_tokens == 1_000 + spent + said


def test_dropped_thinking_misses_from_there_on():
    beta = {"anthropic-beta": "thinking-binding-controls-2026-08-01"}
    drop = {"type": "adaptive", "block_binding": {"prefix_mismatch_behavior": "drop_block"}}
    with FakeApi("Fine.", counter=COUNTER) as api:
        request = body(words(600), thinking=drop, cache_control={"type": "ephemeral"})
        first = send(api, request, headers=beta)
        request["messages"] += body("", echoed(first), words(700))["messages"][1:]
        whole = send(api, request, headers=beta).usage
        request["messages"][0]["content"] = words(601)
        edited = send(api, request, headers=beta).usage

    thought = first.usage.output_tokens_details.thinking_tokens
    said = COUNTER.count("Fine.")
    assert whole.cache_read_input_tokens == 600
    assert whole.cache_creation_input_tokens == thought + said + 700
    assert edited.cache_read_input_tokens == 0
    assert edited.cache_creation_input_tokens == 601 + said + 700


def test_diagnostics_name_what_changed():
    request = body([marked(words(1_000))], system=[plain("Be brief.")], tools=TOOLS)
    with FakeApi("Fine.", counter=COUNTER) as api:
        first = send(api, request | {"diagnostics": {"previous_message_id": None}})
        asked = {"diagnostics": {"previous_message_id": first.id}}
        same = send(api, request | asked)
        changed = send(api, request | {"system": [plain("Be long.")]} | asked)
        other = send(api, request | {"messages": body("Else?")["messages"]} | asked)
        unknown = send(api, request | {"diagnostics": {"previous_message_id": "msg_0"}})

    assert first.diagnostics.cache_miss_reason is None
    assert same.diagnostics.cache_miss_reason is None
    assert changed.diagnostics.cache_miss_reason.type == "system_changed"
    assert changed.diagnostics.cache_miss_reason.cache_missed_input_tokens >= 1_000
    assert other.diagnostics.cache_miss_reason.type == "messages_changed"
    assert unknown.diagnostics.cache_miss_reason.type == "previous_message_not_found"
