"""Messages in the middle of a reply, replies that failed, and what is opened again."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from chatting import opened
from test_chat import prompt_of

import docpager
from docpager.core.errors import ModelError
from docpager.core.settings import RunLimits
from docpager.models.messages import ModelReply, ModelRequest
from docpager.models.scripted import ScriptedModel, call, reply
from docpager.run.service import open_replay
from docpager.storage.sealed_log import rewrite_log


def failing(request: ModelRequest) -> ModelReply:
    raise ModelError("the server is gone")


class Pondering(ScriptedModel):
    """Takes its time, as a server does."""

    async def complete(self, request: ModelRequest) -> ModelReply:
        said = await super().complete(request)
        await asyncio.sleep(0)
        return said


def test_a_message_in_the_middle_is_read_at_the_next_step_and_kept_as_a_turn(tmp_path):
    def interrupting(request: ModelRequest) -> ModelReply:
        assert chat.interrupt("In dollars, please. " + "And more. " * 60) == "T2"
        return reply(call("search", query="cost"))

    model = Pondering(interrupting, call("page_in", locator="T2"), "Not found: nothing.")
    with opened(tmp_path / "a", model=model) as chat:
        said = chat.say("What did it cost?")

        assert said.status == "abstained"
        assert "[user] T2: In dollars, please. And more." in prompt_of(model, 1)
        assert "(page_in T2 for all)" in prompt_of(model, 1)
        assert [(turn.id, turn.who) for turn in chat.turns()] == [
            (1, "user"), (2, "user"), (3, "assistant")]  # fmt: skip
        open_replay(tmp_path / "a/chats/sessions/main/T1.jsonl").finish()
    with opened(tmp_path / "a") as idle, pytest.raises(docpager.UsageError, match="under way"):
        idle.interrupt("Hello?")


def test_a_message_whose_model_failed_is_answered_later(tmp_path):
    with opened(tmp_path / "a", failing) as chat:
        said = chat.say("Hello")
        assert (said.status, said.resumable, said.text) == ("failed", True, None)
    with opened(tmp_path / "a", "Hello!") as chat:
        assert chat.unanswered == "T1"
        again = chat.resume()
        assert (again.status, again.text, again.turn) == ("replied", "Hello!", "T1")
        assert chat.resume() is None
        assert [turn.text for turn in chat.turns()] == ["Hello", "Hello!"]


def test_to_say_something_else_leaves_a_message_unanswered_and_at_hand(tmp_path):
    model = ScriptedModel(failing, "Still here.")
    with opened(tmp_path / "a", model=model) as chat:
        chat.say("Are you there?")
        assert chat.say("Hello?").status == "replied"
        assert chat.unanswered is None
        assert "  Are you there?" in prompt_of(model, 1).splitlines()


def test_a_message_that_another_model_began_is_answered_anew(tmp_path):
    class Other(ScriptedModel):
        name = "other"

    with opened(tmp_path / "a", call("search", query="x"), failing, window=16_000) as chat:
        chat.say("Hello")
    with opened(tmp_path / "a", model=Other("Hello!"), window=16_000) as chat:
        assert chat.resume().text == "Hello!"


def test_what_a_full_disk_kept_from_being_kept_is_kept_once_later(tmp_path):
    model = ScriptedModel(
        reply(
            call("archive_memory", text="fact one", sources=[]),
            call("archive_memory", text="fact two", sources=[]),
        ),
        "Noted.",
    )
    with opened(tmp_path / "a", model=model) as chat:
        store, appended = chat._session.home.store, []
        append = store.append

        def full(text: str, **more: object) -> object:
            if len(appended) == 2:
                raise docpager.MemoryStoreError("no space left")
            appended.append(text)
            return append(text, **more)

        store.append = full
        with pytest.raises(docpager.MemoryStoreError):
            chat.say("Remember both.")
        store.append = append
        assert chat.resume().status == "replied"
        assert [m.text for m in chat.recall("", page_size=99)][::-1] == [
            "Remember both.", "fact one", "fact two", "Noted."]  # fmt: skip


def test_limits_hold_for_each_message(tmp_path):
    script = [call("search", query=f"word{n}") for n in range(9)]
    with opened(tmp_path / "a", *script, limits=RunLimits(max_steps=3)) as chat:
        said = chat.say("Look for it.")

    assert (said.status, said.line.limit, said.reply) == ("stopped", "max_steps", None)


def test_turns_that_were_said_elsewhere_are_taken_in(tmp_path):
    model = ScriptedModel("I see.")
    with opened(tmp_path / "a", model=model) as chat:
        assert chat.record("I painted a sunrise.", who="Melanie") == "T1"
        assert chat.record("Lovely!", who="Caroline") == "T2"
        chat.say("Hello")

    shown = prompt_of(model, 0)
    assert "Melanie:\n  I painted a sunrise." in shown
    assert len(model.requests) == 1


def test_a_chat_can_be_awaited(tmp_path):
    async def talk() -> str | None:
        with opened(tmp_path / "a", "Hello.") as chat:
            with pytest.raises(docpager.UsageError, match=r"await docpager\.Chat\.say_async"):
                chat.say("Hi")
            return (await chat.say_async("Hi")).text

    assert asyncio.run(talk()) == "Hello."


def test_a_damaged_session_is_named(tmp_path):
    with opened(tmp_path / "a", "Hello.") as chat:
        chat.say("Hi")
    log = tmp_path / "a/chats/sessions/main/session.jsonl"
    log.write_bytes(log.read_bytes().replace(b'"message":1', b'"message":2'))

    with pytest.raises(docpager.ChatError, match=r"session\.jsonl is damaged: the checksum"):
        opened(tmp_path / "a")
    (listed,) = docpager.chat_sessions(tmp_path / "a")
    assert "damaged" in listed.error
    rewrite_log(log, [{"format": 99}])
    with pytest.raises(docpager.ChatError, match="this docpager can read"):
        opened(tmp_path / "a")


@pytest.mark.parametrize("name", ["", "../up", "a/b", ".hidden", "x" * 101])
def test_a_name_that_is_no_folder_is_refused(tmp_path: Path, name: str):
    with pytest.raises(docpager.UsageError, match="cannot be the name of a session"):
        opened(tmp_path / "a", session=name)


def test_documents_may_come_after_the_first_words(tmp_path):
    with opened(tmp_path / "a", "Hello.") as chat:
        chat.say("Hi")
    (tmp_path / "offer.txt").write_text("The line cost 41 million dollars.\n")
    model = ScriptedModel(
        call("search", query="line cost"),
        call("page_in", locator="D1"),
        call("answer", text="41 million dollars.", citations=[
            {"locator": "D1:c1", "quote": "cost 41 million dollars"}]),
    )  # fmt: skip
    archive = tmp_path / "a"
    docpager.ingest(tmp_path / "offer.txt", archive, embedder="hashing")
    with opened(archive, model=model) as chat:
        said = chat.say("What did the line cost?")
        assert said.status == "answered"
        assert said.citations[0].place.document == "offer.txt"
        assert chat.turns()[3].sources == ("D1:c1",)


def test_a_reply_that_was_cancelled_can_be_resumed(tmp_path):
    class Waiting(ScriptedModel):
        async def complete(self, request: ModelRequest) -> ModelReply:
            if not self.requests:
                self.requests.append(request)
                await asyncio.sleep(60)
            return await super().complete(request)

    async def cancel(chat: docpager.Chat) -> None:
        said = asyncio.ensure_future(chat.say_async("Hello"))
        while not model.requests:
            await asyncio.sleep(0.01)
        said.cancel()
        await asyncio.gather(said, return_exceptions=True)

    model = Waiting("Hello!")
    with opened(tmp_path / "a", model=model) as chat:
        asyncio.run(cancel(chat))
        assert chat.unanswered == "T1"
        assert chat.resume().text == "Hello!"
