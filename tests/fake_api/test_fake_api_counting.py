"""How the fake API counts, and how a test makes it count as a client does."""

from __future__ import annotations

import json

from hypothesis import given
from hypothesis import strategies as st
from talking import SONNET, TOOLS, body, client, echoed, plain, send, words

from benchmarks.fake_api import (
    NO_OVERHEADS,
    FakeApi,
    FakeTokenizer,
    Overheads,
    RequestCounter,
    call,
)
from docpager.core.tokens import BuiltInEstimator


def prompt_tokens(request, **options) -> int:
    with FakeApi("Fine.", **options) as api:
        return send(api, request).usage.input_tokens


def test_words_cost_what_they_look_like():
    count = FakeTokenizer().count

    assert count("") == 0
    assert count("word " * 10) == 11
    assert count("internationally") == 4
    assert count("1234567") == 3
    assert count("漢字漢字") == 4


@given(st.text())
def test_no_text_has_more_tokens_than_bytes(text):
    assert 0 <= FakeTokenizer().count(text) <= len(text.encode("utf-8", "surrogatepass"))


def test_overheads_add_up_block_by_block():
    counter = RequestCounter(
        overheads=Overheads(request=1_000_000, message=10_000, block=100, tool=0, tool_prompt=0)
    )
    request = body([plain("a b"), plain("c")], model="claude-haiku-5-5", system=[plain("d")])

    assert counter.count("a b") == 2
    with FakeApi("Fine.", counter=counter) as api:
        counted = client(api).messages.count_tokens(
            **{key: request[key] for key in ("model", "messages", "system")}
        )
    assert counted.input_tokens == 1_000_000 + 10_000 + 300 + 4


def test_tools_add_the_models_own_prompt():
    free = RequestCounter(overheads=Overheads(0, 0, 0, 0, None))
    alone = prompt_tokens(body("x"), counter=free)
    with_tools = prompt_tokens(body("x", tools=TOOLS), counter=free)
    older = prompt_tokens(body("x", tools=TOOLS, model="claude-sonnet-5"), counter=free)

    tools = sum(free.count(json.dumps(tool)) for tool in TOOLS)
    assert with_tools - alone == 286 + tools
    assert older - alone == 354 + tools


def test_a_factor_scales_every_text():
    def counted(factor: float) -> int:
        return prompt_tokens(
            body(words(1_000)), counter=RequestCounter(factor=factor, overheads=NO_OVERHEADS)
        )

    assert (counted(1.0), counted(1.5), counted(2.0)) == (1_000, 1_500, 2_000)


def test_the_server_can_count_with_a_clients_own_counter():
    estimator = BuiltInEstimator()
    counter = RequestCounter(estimator, overheads=NO_OVERHEADS)
    request = body("What did the line cost in 2018?", system="Answer with citations.")

    assert prompt_tokens(request, counter=counter) == sum(
        estimator.count(text) for text in (request["system"], request["messages"][0]["content"])
    )


def test_the_server_can_write_tools_down_as_a_client_does():
    counter = RequestCounter(
        overheads=NO_OVERHEADS,
        text_of_tool=lambda tool: str(tool["name"]),
        text_of_block=lambda block: "one" if block["type"] == "text" else "",
    )

    assert prompt_tokens(body("many words here", tools=TOOLS), counter=counter) == 1 + 2 + 2


def test_output_is_counted_by_the_same_tokenizer():
    counter = RequestCounter(factor=3, overheads=NO_OVERHEADS)
    with FakeApi(words(7), counter=counter) as api:
        usage = send(api, body(model="claude-haiku-5-5", thinking={"type": "disabled"})).usage

    assert usage.output_tokens == 21


def test_calls_and_results_are_counted():
    counter = RequestCounter(overheads=NO_OVERHEADS)
    with FakeApi([call("search", query="the year"), "Done."], counter=counter) as api:
        first = send(api, body("Why?", tools=TOOLS))
        found = {"type": "tool_result", "tool_use_id": first.content[1].id}
        grown = body("Why?", echoed(first), [found | {"content": words(500)}], tools=TOOLS)
        second = send(api, grown)

    thinking = first.usage.output_tokens_details.thinking_tokens
    called = counter.count('search {"query": "the year"}')
    assert second.usage.input_tokens == first.usage.input_tokens + thinking + called + 500
    assert first.usage.output_tokens == thinking + called


def test_counting_does_not_read_the_cache_or_the_bill():
    with FakeApi("Fine.") as api:
        client(api).messages.count_tokens(model=SONNET, messages=body("x")["messages"])

        assert len(api.bill) == 0
        assert api.requests == []
