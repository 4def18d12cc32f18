"""The messages endpoint of the fake API, over a real socket, with the plain SDK."""

from __future__ import annotations

import asyncio

import anthropic
import pytest
from talking import HAIKU, SONNET, TOOLS, body, client, echoed, result, send

from benchmarks.fake_api import FakeApi, Reply, call, text


def test_a_message_comes_back_whole():
    with FakeApi(["The line cost 3 million."]) as api:
        message = client(api).messages.create(**body("What did it cost?"))

    assert [block.type for block in message.content] == ["thinking", "text"]
    assert message.content[1].text == "The line cost 3 million."
    assert message.stop_reason == "end_turn"
    assert message.model == SONNET
    assert message._request_id.startswith("req_")
    assert message.usage.output_tokens > message.usage.output_tokens_details.thinking_tokens > 0


@pytest.mark.parametrize("said", [["Plain."], [["Look.", call("search", query="é 漢" * 300)]]])
def test_a_stream_gives_the_same_message_as_a_plain_answer(said):
    with FakeApi(said) as one, FakeApi(said) as other:
        whole = client(one).messages.create(**body(tools=TOOLS))
        with client(other).messages.stream(**body(tools=TOOLS)) as stream:
            streamed = stream.get_final_message()

    assert [b.to_dict() for b in streamed.content] == [b.to_dict() for b in whole.content]
    assert streamed.stop_reason == whole.stop_reason
    assert streamed.id == whole.id
    assert streamed.usage.output_tokens == whole.usage.output_tokens
    assert streamed.usage.input_tokens == whole.usage.input_tokens


def test_a_conversation_with_calls_goes_on():
    with FakeApi([[call("search", query="a"), call("search", query="b")], "Done."]) as api:
        first = send(api, body("Why?", tools=TOOLS))
        ids = [block.id for block in first.content if block.type == "tool_use"]
        second = send(api, body("Why?", echoed(first), [result(each) for each in ids], tools=TOOLS))

    assert first.stop_reason == "tool_use"
    assert len(set(ids)) == 2
    assert all(each.startswith("toolu_") for each in ids)
    assert second.content[-1].text == "Done."


def test_what_a_stream_accumulates_may_be_sent_back():
    with FakeApi([[text("Look."), call("search", query="a")], "Done."]) as api:
        with client(api).messages.stream(**body("Why?", tools=TOOLS)) as stream:
            first = stream.get_final_message()
        again = body("Why?", echoed(first), [result(first.content[2].id)], tools=TOOLS)

        assert send(api, again).stop_reason == "end_turn"


def test_many_clients_are_served_on_kept_connections():
    async def ask(api, count):
        connection = anthropic.AsyncAnthropic(base_url=api.url, api_key="key", max_retries=0)
        asked = [connection.messages.create(**body(f"Number {n}")) for n in range(count)]
        return await asyncio.gather(*asked)

    with FakeApi(lambda asked: asked.body["messages"][0]["content"]) as api:
        replies = asyncio.run(ask(api, 40))

    assert {reply.content[-1].text for reply in replies} == {f"Number {n}" for n in range(40)}
    assert len({reply.id for reply in replies}) == 40


def test_max_tokens_cuts_a_text_and_says_so():
    with FakeApi([Reply((text("over and out four five"),), thinking_tokens=0)]) as api:
        message = send(api, body(max_tokens=6))

    assert message.stop_reason == "max_tokens"
    assert message.content[0].text == "over and out"
    assert message.usage.output_tokens == 6


def test_max_tokens_inside_a_call_leaves_its_input_empty():
    long_call = Reply((call("search", query="word " * 50),), thinking_tokens=0)
    with (
        FakeApi([long_call]) as api,
        client(api).messages.stream(**body(max_tokens=20, tools=TOOLS)) as stream,
    ):
        message = stream.get_final_message()

    assert message.stop_reason == "max_tokens"
    assert message.content[0].type == "tool_use"
    assert message.content[0].input != {"query": "word " * 50}


def test_thinking_counts_toward_max_tokens():
    with FakeApi([Reply((text("Never said."),), thinking_tokens=500)]) as api:
        message = send(api, body(max_tokens=400))

    assert message.stop_reason == "max_tokens"
    assert [block.type for block in message.content] == ["thinking"]
    assert message.usage.output_tokens == 400


def test_thinking_alone_may_use_up_max_tokens():
    with FakeApi([Reply(thinking_tokens=500), Reply(thinking_tokens=10)]) as api:
        cut, whole = (send(api, body(max_tokens=400)) for _ in range(2))

    assert (cut.stop_reason, cut.usage.output_tokens) == ("max_tokens", 400)
    assert (whole.stop_reason, whole.usage.output_tokens_details.thinking_tokens) == (
        "end_turn",
        10,
    )


def test_a_stop_sequence_ends_the_text():
    with FakeApi([["one END two", call("search", query="x")]]) as api:
        message = send(api, body(stop_sequences=["END"], tools=TOOLS))

    assert message.content[-1].text == "one "
    assert (message.stop_reason, message.stop_sequence) == ("stop_sequence", "END")


def test_max_tokens_zero_warms_the_cache_and_says_nothing():
    with FakeApi(["never asked"]) as api:
        message = send(api, body(max_tokens=0))

    assert (message.content, message.stop_reason) == ([], "max_tokens")
    assert message.usage.output_tokens == 0


def test_calls_are_left_out_where_the_choice_forbids_them():
    said = ["Words.", call("search", query="a"), call("search", query="b")]
    with FakeApi([said, said, said]) as api:
        none = send(api, body(tools=TOOLS, tool_choice={"type": "none"}))
        single = send(
            api,
            body(tools=TOOLS, tool_choice={"type": "auto", "disable_parallel_tool_use": True}),
        )
        without = send(api, body())

    assert [block.type for block in none.content] == ["thinking", "text"]
    assert none.stop_reason == "end_turn"
    assert [block.type for block in single.content] == ["thinking", "text", "tool_use"]
    assert [block.type for block in without.content] == ["thinking", "text"]


def test_a_script_that_is_used_up_ends_the_turn_without_a_word():
    with FakeApi([]) as api:
        message = send(api, body(model=HAIKU, thinking={"type": "disabled"}))

    assert (message.content, message.stop_reason) == ([], "end_turn")
    assert message.usage.output_tokens > 0


def test_a_brain_that_fails_fails_the_test():
    def broken(asked):
        raise LookupError("no such thing")

    with (
        pytest.raises(LookupError, match="no such thing"),
        FakeApi(broken) as api,
        pytest.raises(anthropic.APIConnectionError),
    ):
        send(api, body())


def test_every_request_is_kept_with_headers_time_and_reply():
    with FakeApi(["Yes."]) as api:
        api.clock.advance(60)
        send(api, body("Really?"))
        (request,) = api.requests

    assert request.body["messages"] == [{"role": "user", "content": "Really?"}]
    assert request.headers["authorization"] == "Bearer key"
    assert request.headers["anthropic-version"] == "2026-10-21"
    assert request.at == api.clock.now()
    assert request.status == 200
    assert request.message["content"][-1]["text"] == "Yes."


def test_the_bill_lists_every_request_in_dollars():
    with FakeApi(["Yes.", "No."]) as api:
        replies = [send(api, body("Really?")) for _ in range(2)]

    usage = [reply.usage for reply in replies]
    expected = sum(each.input_tokens * 2 + each.output_tokens * 10 for each in usage) / 1e6
    assert api.bill.usd == pytest.approx(expected)
    assert [line.usage.input_tokens for line in api.bill] == [u.input_tokens for u in usage]


def test_a_model_without_a_known_price_costs_nobody_knows_what():
    with FakeApi(["Yes."]) as api:
        send(api, body(model="claude-fable-5-2"))

    assert api.bill.usd is None
    assert api.bill.usage.output_tokens > 0


def test_haiku_costs_five_times_as_much_beyond_100k_tokens():
    with FakeApi(["Yes.", "Yes."]) as api:
        for size in (90_000, 110_000):
            send(api, body("word " * size, model=HAIKU))
    below, above = api.bill

    assert below.usd == pytest.approx(
        (below.usage.input_tokens * 0.1 + below.usage.output_tokens * 0.5) / 1e6
    )
    assert above.usd == pytest.approx(
        (above.usage.input_tokens * 0.5 + above.usage.output_tokens * 2.5) / 1e6
    )
