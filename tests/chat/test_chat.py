"""A conversation from its first word: what is said, remembered, recalled and cited."""

from __future__ import annotations

import asyncio
import re
from datetime import UTC, datetime

import pytest
from anthropic import AsyncAnthropic
from chatting import days_from, opened

import docpager
from benchmarks.fake_api import FakeApi
from docpager.models.claude import ClaudeModel
from docpager.models.claude.client import Clients
from docpager.models.scripted import ScriptedModel, call, reply


def prompt_of(model: ScriptedModel, request: int) -> str:
    return "\n".join(
        part
        for turn in model.requests[request].turns
        for part in (turn.text, *(r.text for r in getattr(turn, "results", ())))
    )


def test_a_greeting_is_replied_to_and_nothing_is_claimed(tmp_path):
    with opened(tmp_path / "a", "Hello! What can I do?") as chat:
        said = chat.say("Hello")

    assert (said.status, said.text) == ("replied", "Hello! What can I do?")
    assert (said.turn, said.reply) == ("T1", "T2")


def test_what_was_said_is_recalled_in_another_session_and_cited(tmp_path):
    with opened(tmp_path / "a", "Noted.", session="one") as chat:
        chat.say("My flight to Graz is on 4 May.")
    model = ScriptedModel(
        call("recall", query="flight to Graz"),
        call("page_in", locator="T1"),
        call("answer", text="On 4 May.", citations=[
            {"locator": "T1", "quote": "flight to Graz is on 4 May"}]),
    )  # fmt: skip
    with opened(tmp_path / "a", model=model, session="two") as chat:
        said = chat.say("When do I fly to Graz?")

    assert said.status == "answered"
    (citation,) = said.citations
    assert citation.place.document_id == "T1"
    assert citation.place.turn == 1
    assert citation.match == "exact"
    assert "T1:c1 one " in prompt_of(model, 1)


def test_the_turns_at_hand_may_be_quoted_without_a_look(tmp_path):
    model = ScriptedModel(
        "Noted.",
        call("answer", text="Rex.", citations=[{"locator": "T1", "quote": "My dog is called Rex"}]),
    )
    with opened(tmp_path / "a", model=model) as chat:
        chat.say("My dog is called Rex.")
        said = chat.say("What is my dog called?")

    assert said.status == "answered"
    assert "T1 20" in prompt_of(model, 1)


def test_core_memory_is_before_the_model_from_the_next_turn_on(tmp_path):
    model = ScriptedModel(
        reply(call("core_append", block="human", text="Her name is Ada.", sources=["T1"])),
        "Noted.",
        "Hello Ada.",
    )
    with opened(tmp_path / "a", model=model, clock=days_from(2026, 5, 1)) as chat:
        first = chat.say("I am Ada.")
        chat.say("Hello")

    assert first.change.diff == ("+ human: Her name is Ada. [T1]",)
    assert "Her name is Ada" not in prompt_of(model, 0)
    assert "  - Her name is Ada. [T1]" in prompt_of(model, 2)


def test_a_new_session_begins_with_the_core_memory_of_the_last_one(tmp_path):
    script = call("core_append", block="human", text="Her name is Ada.", sources=["T1"])
    with opened(tmp_path / "a", script, "Noted.", session="one") as chat:
        chat.say("I am Ada.")
    with opened(tmp_path / "a", session="two") as chat:
        assert [line.text for line in chat.core[0].lines] == ["Her name is Ada."]


def test_an_archived_memory_is_found_and_replaced_by_a_newer_one(tmp_path):
    archived = call("archive_memory", text="Ada lives in Graz.", sources=["T1"])
    newer = call("archive_memory", text="Ada lives in Linz.", sources=["T4"], replaces=["M2"])
    recalled = call("recall", query="where Ada lives")
    model = ScriptedModel(
        archived, "Noted.", newer, "Noted.", recalled,
        call("answer", text="I cannot say.", citations=[], found=False),
    )  # fmt: skip
    with opened(tmp_path / "a", model=model, clock=days_from(2026, 5, 1)) as chat:
        chat.say("I live in Graz.")
        second = chat.say("I moved to Linz.")
        third = chat.say("Where do I live?")

    assert second.change.diff == ("+ M5: Ada lives in Linz. [T4]", "~ M2 is replaced by M5")
    assert third.status == "abstained"
    assert "replaced by M5 on 2026-05-01" in prompt_of(model, 5)


def test_a_change_is_undone_by_itself(tmp_path):
    model = ScriptedModel(
        reply(
            call("core_append", block="human", text="Likes tea.", sources=["T1"]),
            call("archive_memory", text="Ada likes tea.", sources=["T1"]),
        ),
        "Noted.",
        call("core_append", block="human", text="Has a dog.", sources=["T4"]),
        "Noted.",
    )
    with opened(tmp_path / "a", model=model) as chat:
        chat.say("I like tea.")
        chat.say("I have a dog.")
        undone = chat.undo(1)

        assert undone.diff[0].startswith("- human: Likes tea.")
        assert [line.text for line in chat.core[0].lines] == ["Has a dog."]
        assert [m.text for m in chat.recall("tea") if m.kind == "memory"] == []
        with pytest.raises(docpager.UsageError, match="change 1 was undone already"):
            chat.undo(1)


def test_one_process_has_a_session(tmp_path):
    with opened(tmp_path / "a"):
        with pytest.raises(docpager.SessionLocked, match="'main' is open in process"):
            opened(tmp_path / "a")
        opened(tmp_path / "a", session="other").close()


def test_the_rule_based_reader_does_not_chat(tmp_path):
    with pytest.raises(docpager.UsageError, match="does not chat"):
        docpager.Chat.open(archive=tmp_path / "a", model="extractive")


def test_sessions_are_listed(tmp_path):
    with opened(tmp_path / "a", "Hello.", session="one") as chat:
        chat.say("Hi")

    (listed,) = docpager.chat_sessions(tmp_path / "a")
    assert (listed.name, listed.messages, listed.answering) == ("one", 1, False)


def test_what_was_said_right_before_and_after_comes_with_a_turn_that_is_found(tmp_path):
    model = ScriptedModel(call("recall", query="submarine hull depth"), "Hm.")
    with opened(tmp_path / "a", session="one") as chat:
        for n in range(40):
            chat.record(f"Nothing of the kind, {n} times.", who="user")
        for text in ("Good day.", "How deep can a submarine's hull go?", "Six hundred ells."):
            chat.record(text, who="user")
        chat.record("Thanks!", who="user")
    with opened(tmp_path / "a", model=model, session="two") as chat:
        chat.say("Tell me.")

    shown = prompt_of(model, 1)
    hit = next(line for line in shown.splitlines() if line.startswith("- T42:c1 one"))
    assert "(before it, T41 user: Good day.)" in hit
    assert "(after it, T43 user: Six hundred ells.)" in hit


def test_a_small_model_is_shown_what_a_search_in_everything_said_finds(tmp_path):
    with opened(tmp_path / "a", session="one") as chat:
        for n in range(40):
            chat.record(f"Nothing of the kind, {n} times.", who="user")
        chat.record("How deep can a submarine's hull go?", who="user")
        chat.record("Six hundred ells, said the builder.", who="assistant")
    model = ScriptedModel(
        'Answer: Six hundred ells.\n[T42:c1] "Six hundred ells, said the builder."'
    )
    paging = docpager.PagingSettings(8_000, 400, functions="plain")
    with opened(tmp_path / "a", model=model, session="two", paging=paging) as chat:
        said = chat.say("How deep did the submarine's hull go?")

    (request,) = model.requests
    assert request.functions == ()
    when = f"{datetime.now(UTC):%Y-%m-%d}"
    assert re.search(rf"\[T42:c1 {when} \d\d:\d\d assistant\]\nSix", prompt_of(model, 0))
    assert "Six hundred ells, said the builder." in prompt_of(model, 0)
    assert prompt_of(model, 0).rstrip().endswith('Answer: ...\n[T12:c1] "exact quote"')
    assert (said.status, said.text) == ("answered", "Six hundred ells.")
    assert said.citations[0].place.turn == 42


def test_a_small_model_may_greet(tmp_path):
    paging = docpager.PagingSettings(8_000, 400, functions="plain")
    with opened(tmp_path / "a", "Hello!", paging=paging) as chat:
        said = chat.say("Good morning")
    assert (said.status, said.text) == ("replied", "Hello!")


def test_a_greeting_that_is_quoted_back_is_no_failed_citation(tmp_path):
    greeting = 'Answer: Hello!\n[T12:c1] "Hello!"'
    paging = docpager.PagingSettings(8_000, 400, functions="plain")
    with opened(tmp_path / "a", greeting, paging=paging) as chat:
        said = chat.say("Hello!")
    assert (said.status, said.text, said.citations) == ("replied", "Hello!", ())


def test_words_of_the_message_are_no_source_for_a_figure(tmp_path):
    made_up = 'Answer: 62 euros\n[T12:c1] "a plot cost"'
    paging = docpager.PagingSettings(8_000, 400, functions="plain")
    with opened(tmp_path / "a", made_up, made_up, paging=paging) as chat:
        said = chat.say("What does a plot cost?")
    assert (said.status, said.text) == ("unsupported", "62 euros")


def test_the_connections_of_a_chat_are_opened_once_and_closed_with_it(tmp_path, monkeypatch):
    monkeypatch.setenv("ANTHROPIC_API_KEY", "a key")
    closed = []

    async def close(model: ClaudeModel) -> None:
        closed.append(asyncio.get_running_loop())
        await close_really(model)

    close_really = ClaudeModel.close
    monkeypatch.setattr(ClaudeModel, "close", close)
    loops = []
    with FakeApi(brain=["Hello!", "Bye!"]) as api:
        chat = docpager.Chat.open(
            archive=tmp_path / "a", model="claude-sonnet-5-5", base_url=api.url,
            embedder="hashing", paging=docpager.PagingSettings(functions="full"),
        )  # fmt: skip
        with chat:
            chat.tell(on_step=lambda _: loops.append(asyncio.get_running_loop()))
            assert [chat.say("Hello").text, chat.say("Bye").text] == ["Hello!", "Bye!"]
            assert not closed
        chat.close()

    assert len(set(loops)) == 1
    assert closed == loops[:1] and loops[0].is_closed()


def test_an_async_program_closes_the_connections_too(tmp_path, monkeypatch):
    monkeypatch.setenv("ANTHROPIC_API_KEY", "a key")
    clients = []
    made = Clients._made

    def _made(self: Clients) -> AsyncAnthropic:
        clients.append(made(self))
        return clients[-1]

    monkeypatch.setattr(Clients, "_made", _made)

    async def conversation(api: FakeApi) -> None:
        async with docpager.Chat.open(
            archive=tmp_path / "a", model="claude-sonnet-5-5", base_url=api.url, embedder="hashing"
        ) as chat:
            await chat.say_async("Hello")
            assert not clients[0].is_closed()

    with FakeApi(brain=["Hello!"]) as api:
        asyncio.run(conversation(api))

    assert [client.is_closed() for client in clients] == [True]


def test_without_a_key_nobody_is_sent_to_the_reader_that_does_not_chat(tmp_path, monkeypatch):
    for name in ("ANTHROPIC_API_KEY", "ANTHROPIC_AUTH_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    for model, kind in (("claude-sonnet-5-5", docpager.ModelError), (None, docpager.UsageError)):
        with (
            docpager.Chat.open(archive=tmp_path / "a", model=model, embedder="hashing") as chat,
            pytest.raises(kind, match="ANTHROPIC_API_KEY") as refused,
        ):
            chat.say("Hello")
        assert "extractive" not in str(refused.value)
