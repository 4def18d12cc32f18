"""What goes on while somebody types: replies, messages in their middle, interruptions, the end."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from docpager.api.chat import Chat
from docpager.cli.chat_desk import ChatDesk, ChatTalk
from docpager.cli.live_view import EventLines
from docpager.core.settings import ChatSettings
from docpager.models.messages import ChatModel, ModelReply, ModelRequest
from docpager.models.scripted import ScriptedModel, call


class Gated(ChatModel):
    """Says what a script says, each reply once it is let go."""

    name = "gated"

    def __init__(self, *script: object) -> None:
        self._scripted = ScriptedModel(*script)
        self.may_reply = threading.Semaphore(0)

    @property
    def requests(self) -> list[ModelRequest]:
        return self._scripted.requests

    async def complete(self, request: ModelRequest) -> ModelReply:
        reply = await self._scripted.complete(request)
        while not self.may_reply.acquire(blocking=False):
            await asyncio.sleep(0.01)
        return reply


@contextmanager
def desk_of(folder: Path, model: ChatModel, *, session: str = "main") -> Iterator[ChatDesk]:
    with Chat.open(
        session=session, model=model, archive=folder / "archive", embedder="hashing"
    ) as chat:
        talk = ChatTalk(chat, folder / "archive")
        desk = ChatDesk(talk, EventLines(printed=False, log=None), quiet=False)
        try:
            yield desk
        finally:
            desk.close()


def until(true: Callable[[], bool]) -> None:
    end = time.monotonic() + 20
    while not true():
        assert time.monotonic() < end, "it never came"
        time.sleep(0.01)


def never() -> None:
    raise AssertionError("it ended in an error")


def take(desk: ChatDesk, line: str) -> bool:
    return desk.take(line, on_end=never)


def test_while_a_reply_is_made_the_line_says_so_and_the_view_stands_below(tmp_path, capsys):
    model = Gated("Hello!")
    with desk_of(tmp_path, model) as desk:
        assert (desk.prompt(), desk.below(80)) == ("> ", [])
        assert take(desk, "Hi")
        until(lambda: len(model.requests) == 1)
        assert desk.prompt() == "+ "
        until(lambda: len(desk.below(80)) == 3)
        assert desk.below(80)[0].startswith("step 1 of at most 60, 0:0")
        assert all(len(line) < 40 for line in desk.below(40))
        model.may_reply.release()
        until(lambda: not desk.busy)
        assert (desk.prompt(), desk.below(80)) == ("> ", [])

    assert "Hello!" in capsys.readouterr().out


def remember(text: str) -> object:
    return call("core_append", block="human", text=text, sources=[])


def test_a_message_in_the_middle_reaches_the_model_in_the_same_reply(tmp_path, capsys):
    model = Gated(remember("Asks of metals."), remember("Of zinc."), "Zinc it is.")
    with desk_of(tmp_path, model) as desk:
        take(desk, "What of tin?")
        take(desk, "No, zinc!")  # before there is a run to tell it
        until(lambda: len(model.requests) == 1)
        take(desk, "And lead.")
        model.may_reply.release(3)
        until(lambda: not desk.busy)
        said = [turn.text for turn in desk.talk.chat.turns()]

    assert "No, zinc!" in str(model.requests[2]) and "And lead." in str(model.requests[2])
    assert said == ["What of tin?", "No, zinc!", "And lead.", "Zinc it is."]
    assert "(T2 is told to the model: No, zinc!)" in capsys.readouterr().err


def test_what_was_told_and_not_read_before_the_reply_is_said_again(tmp_path, capsys):
    model = Gated(remember("Asks of metals."), "Tin is soft.", "Zinc it is.")
    with desk_of(tmp_path, model) as desk:
        take(desk, "What of tin?")
        take(desk, "No, zinc!")
        model.may_reply.release(3)
        until(lambda: not desk.busy)
        last = desk.talk.chat.turns(2)

    assert "No, zinc!" not in str(model.requests[1])
    told = capsys.readouterr().err
    assert "(the reply came before the model had read it, so it is said again)\n> No, zinc!" in told
    assert [turn.text for turn in last] == ["No, zinc!", "Zinc it is."]


@pytest.mark.parametrize(
    "last", ["First.", call("answer", text="First.", citations=[])], ids=["text", "answer"]
)
def test_what_comes_too_late_is_the_next_message(tmp_path, capsys, last):
    """Told while the last reply is on its way, it would stand in the session and never be read."""
    model = Gated(last, "Second.")
    with desk_of(tmp_path, model) as desk:
        take(desk, "Hi")
        until(lambda: len(model.requests) == 1)
        take(desk, "One more thing.")
        model.may_reply.release(2)
        until(lambda: not desk.busy)
        said = [turn.text for turn in desk.talk.chat.turns()]

    assert said == ["Hi", "First.", "One more thing.", "Second."]
    told = capsys.readouterr().err
    assert "(the model is told at its next step; if its reply comes first, it is the next" in told
    assert "(the reply came first, so this is the next message)\n> One more thing." in told


def test_after_an_interruption_what_was_typed_is_said(tmp_path, capsys):
    model = Gated("Never said.", "Zinc it is.")
    with desk_of(tmp_path, model) as desk:
        take(desk, "What of tin?")
        until(lambda: len(model.requests) == 1)
        take(desk, "No, zinc!")
        desk.interrupt()
        model.may_reply.release()
        until(lambda: not desk.busy)
        said = [turn.text for turn in desk.talk.chat.turns()]

    assert said == ["What of tin?", "No, zinc!", "Zinc it is."]
    told = capsys.readouterr().err
    assert "(typed before the reply was interrupted, so it is the next message)\n> No, z" in told


def test_a_line_that_comes_while_the_last_reply_ends_is_answered(tmp_path, monkeypatch):
    """Neither told nor said, it would lie there until something else is said."""
    model = Gated("First.", "Second.")
    model.may_reply.release(2)
    with desk_of(tmp_path, model) as desk:
        ends, next_of = threading.Event(), desk._next

        def slowly(why: str) -> str | None:
            said = next_of(why)
            if said is None and not ends.is_set():
                ends.set()
                time.sleep(0.2)
            return said

        monkeypatch.setattr(desk, "_next", slowly)
        take(desk, "Hi")
        assert ends.wait(20)
        take(desk, "One more thing.")
        until(lambda: not desk.busy)
        said = [turn.text for turn in desk.talk.chat.turns()]

    assert said == ["Hi", "First.", "One more thing.", "Second."]


def test_what_was_typed_before_an_error_that_nobody_expects_is_named(tmp_path, capsys):
    class Broken(Gated):
        async def complete(self, request: ModelRequest) -> ModelReply:
            await super().complete(request)
            raise ZeroDivisionError("a bug")

    model, ended = Broken("Hm."), threading.Event()
    with pytest.raises(ZeroDivisionError), desk_of(tmp_path, model) as desk:
        desk.take("Hi", on_end=ended.set)
        until(lambda: len(model.requests) == 1)
        desk.take("And lead.", on_end=ended.set)
        model.may_reply.release()
        assert ended.wait(20)

    assert "not said: And lead." in capsys.readouterr().err


def test_what_was_typed_and_not_said_when_somebody_leaves_is_named(tmp_path, capsys):
    model = Gated("Never said.")
    with desk_of(tmp_path, model) as desk:
        take(desk, "What of tin?")
        until(lambda: len(model.requests) == 1)
        take(desk, "No, zinc!")

    assert "not said: No, zinc!" in capsys.readouterr().err


def test_ctrl_c_interrupts_the_reply_and_not_the_session(tmp_path, capsys):
    model = Gated("Never said.", "Hello again!")
    with desk_of(tmp_path, model) as desk:
        take(desk, "Hi")
        until(lambda: len(model.requests) == 1)
        assert desk.interrupt()
        until(lambda: not desk.busy)
        model.may_reply.release()
        take(desk, "/resume")
        until(lambda: not desk.busy and "Hello again!" in capsys.readouterr().out)
        assert [turn.text for turn in desk.talk.chat.turns()] == ["Hi", "Hello again!"]


def test_the_second_ctrl_c_leaves_and_a_message_between_takes_it_back(tmp_path, capsys):
    model = Gated("Hello!")
    model.may_reply.release()
    with desk_of(tmp_path, model) as desk:
        assert desk.interrupt()
        take(desk, "Hi")
        until(lambda: not desk.busy)
        assert desk.interrupt()
        assert not desk.interrupt()

    assert capsys.readouterr().err.count("Ctrl-C again or Ctrl-D leaves") == 2


def test_leaving_in_the_middle_keeps_the_message_for_next_time(tmp_path, capsys):
    model = Gated("Never said.")
    with desk_of(tmp_path, model) as desk:
        take(desk, "Hi")
        until(lambda: len(model.requests) == 1)
        assert not take(desk, "/quit")

    with desk_of(tmp_path, ScriptedModel("Here I am.")) as desk:
        assert desk.talk.chat.unanswered == "T1"
        take(desk, "/resume")
        until(lambda: not desk.busy)
    assert "Here I am." in capsys.readouterr().out


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ("/help", "Alt-Enter begins a new line"),
        ("/memory", "human\n  (empty)"),
        ("/log", "nothing was changed in memory yet"),
        ("/undo", "docpager: "),
        ("/undo x", "'x' is no number of a change"),
        ("/nix", "there is no /nix; /help lists what there is"),
    ],
)
def test_commands_are_done_at_once_and_ask_no_model(tmp_path, capsys, typed, said):
    model = ScriptedModel()
    with desk_of(tmp_path, model) as desk:
        assert take(desk, typed)
        assert not desk.busy

    assert said in capsys.readouterr().err
    assert not model.requests


def test_a_space_before_a_slash_says_it(tmp_path):
    model = ScriptedModel("A path.")
    with desk_of(tmp_path, model) as desk:
        take(desk, " /etc/motd is what?")
        until(lambda: not desk.busy)

    assert "/etc/motd is what?" in str(model.requests[0])


def test_an_error_that_nobody_expects_ends_the_chat_and_is_not_hidden(tmp_path):
    class Broken(ScriptedModel):
        async def complete(self, request: ModelRequest) -> ModelReply:
            raise ZeroDivisionError("a bug")

    ended = threading.Event()
    with pytest.raises(ZeroDivisionError), desk_of(tmp_path, Broken()) as desk:
        desk.take("Hi", on_end=ended.set)
        assert ended.wait(20)


def test_what_is_remembered_is_tidied_when_that_is_due_and_shown(tmp_path, capsys):
    def archive(text: str, *, replaces: tuple[str, ...] = ()) -> object:
        return call("archive_memory", text=text, sources=["T1"], replaces=list(replaces))

    model = ScriptedModel(
        archive("Lives in Graz."), "Noted.",
        archive("Lives in Graz, Styria.", replaces=("M2",)), "Done.",
        "Hello!",
    )  # fmt: skip
    settings = ChatSettings(maintain_after=1)
    with Chat.open(
        model=model, archive=tmp_path / "archive", embedder="hashing", settings=settings
    ) as chat:
        talk = ChatTalk(chat, tmp_path / "archive", maintain_after=1)
        asyncio.run(talk.answer("I live in Graz."))
        said = capsys.readouterr().err
        asyncio.run(talk.answer("Hello"))

    assert "tidying what is remembered (--maintain-after)" in said
    assert "+ M4: Lives in Graz, Styria. [T1]" in said or "~ M2 is replaced by M4" in said


def test_what_holds_some_words_is_shown_and_then_removed(tmp_path, capsys):
    with desk_of(tmp_path, ScriptedModel("Noted.")) as desk:
        take(desk, "My door code is swordfish.")
        until(lambda: not desk.busy)
        take(desk, "/forget --yes")
        assert "name what is to be forgotten first" in capsys.readouterr().err
        take(desk, "/forget swordfish")
        assert "T1 (holds it): My door code is swordfish." in capsys.readouterr().err
        assert len(desk.talk.chat.turns()) == 2
        take(desk, "/forget --yes")
        assert "removed; nothing brings it back" in capsys.readouterr().err

    files = [path for path in (tmp_path / "archive").rglob("*") if path.is_file()]
    assert not [path for path in files if b"swordfish" in path.read_bytes()]
