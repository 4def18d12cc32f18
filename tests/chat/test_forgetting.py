"""What is forgotten is gone from every file, with what was made of it."""

from __future__ import annotations

from pathlib import Path

import pytest
from chatting import opened

import docpager
from docpager.models.scripted import ScriptedModel, call, reply

SECRET = "AT61 1904 3002 3457 3201"


def files_with(folder: Path, words: str) -> list[str]:
    return sorted(
        str(path.relative_to(folder))
        for path in folder.rglob("*")
        if path.is_file() and words.encode() in path.read_bytes()
    )


def told(archive: Path) -> docpager.Chat:
    """A chat that knows a secret, in every tier."""
    model = ScriptedModel(
        reply(
            call("core_append", block="human", text=f"IBAN {SECRET}", sources=["T1"]),
            call("archive_memory", text=f"Ada's IBAN is {SECRET}.", sources=["T1"]),
            call("write_note", text=f"IBAN {SECRET}", sources=["T1"]),
        ),
        "I keep that.",
        call("core_append", block="human", text="Likes tea.", sources=["T4"]),
        "Nice.",
        call("recall", query="IBAN"),
        call("answer", text=SECRET, citations=[{"locator": "T1", "quote": SECRET}]),
        "Good morning.",
    )
    chat = opened(archive, model=model)
    chat.say(f"My IBAN is {SECRET}.")
    chat.say("I like tea.")
    chat.say("Which IBAN did I give?")
    return chat


def test_a_preview_names_everything_and_changes_nothing(tmp_path):
    with told(tmp_path / "a") as chat:
        before = files_with(tmp_path, SECRET)
        found = chat.forget_preview("at61 1904")

        assert {(h.where, h.why) for h in found.holdings} >= {
            ("T1", "holds it"),
            ("T3", "answers T1"),
            ("M2", "holds it"),
            ("core memory of main", "holds it"),
            ("journal T1 of main", "holds it"),
        }
        assert any(h.where == "undo log of main" for h in found.holdings)
        assert files_with(tmp_path, SECRET) == before


def test_what_is_forgotten_is_in_no_file(tmp_path):
    with told(tmp_path / "a") as chat:
        assert len(files_with(tmp_path, SECRET)) >= 4
        chat.forget(SECRET)

        assert files_with(tmp_path, SECRET) == []
        assert [line.text for line in chat.core[0].lines] == ["Likes tea."]
        assert chat.log() == []
        with pytest.raises(docpager.UsageError, match="nothing to undo"):
            chat.undo()
        with pytest.raises(docpager.UsageError, match="T1 was forgotten"):
            chat.show("T1")
        # The conversation goes on, and its journal holds nothing of it either.
        assert chat.say("Good morning!").status == "replied"
    with opened(tmp_path / "a") as again:
        assert SECRET not in " ".join(turn.text for turn in again.turns())
    assert files_with(tmp_path, SECRET) == []


def test_other_sessions_forget_too(tmp_path):
    told(tmp_path / "a").close()
    model = ScriptedModel(
        call("recall", query="IBAN"),
        call("page_in", locator="T1"),
        call("answer", text=SECRET, citations=[{"locator": "T1", "quote": SECRET}]),
    )
    with opened(tmp_path / "a", model=model, session="other") as chat:
        chat.say("What is it?")
        assert any("sessions/other/T" in name for name in files_with(tmp_path, SECRET))
        chat.forget(SECRET)

    assert files_with(tmp_path, SECRET) == []
    with opened(tmp_path / "a") as chat:
        assert [line.text for line in chat.core[0].lines] == ["Likes tea."]


def test_nothing_is_forgotten_while_another_session_is_open(tmp_path):
    told(tmp_path / "a").close()
    with opened(tmp_path / "a"), opened(tmp_path / "a", session="other") as other:
        before = files_with(tmp_path, SECRET)
        with pytest.raises(docpager.SessionLocked):
            other.forget(SECRET)
        assert files_with(tmp_path, SECRET) == before


def test_a_turn_is_forgotten_by_its_locator(tmp_path):
    with told(tmp_path / "a") as chat:
        found = chat.forget("T4")

        assert ("T4", "is it") in {(h.where, h.why) for h in found.holdings}
        assert [line.text for line in chat.core[0].lines] == [f"IBAN {SECRET}"]
        assert chat.show("T1").text == f"My IBAN is {SECRET}."


def test_too_little_to_look_for_is_refused(tmp_path):
    with opened(tmp_path / "a") as chat, pytest.raises(docpager.UsageError, match="everywhere"):
        chat.forget_preview("a")


@pytest.mark.parametrize("again", [False, True], ids=["same process", "opened again"])
def test_a_conversation_goes_on_after_turns_at_hand_are_forgotten(tmp_path, again):
    """Nothing but the turns holds it: no memory, no summary, no core memory."""
    model = ScriptedModel(
        "Noted.",
        call("core_append", block="human", text="Likes tea.", sources=["T3"]),
        "Nice.",
        "Good day.",
        "Good day.",
    )
    chat = opened(tmp_path / "a", model=model)
    chat.say(f"My IBAN is {SECRET}.")
    chat.say("I like tea.")
    found = chat.forget(SECRET)
    if again:
        chat.close()
        chat = opened(tmp_path / "a", model=model)

    with chat:
        assert "undo log of main" in {holding.where for holding in found.holdings}
        assert chat.say("Hello").status == "replied"
        assert [turn.text for turn in chat.turns()][:2] == ["I like tea.", "Nice."]
        assert str(chat.core[0].lines[0].text) == "Likes tea."


def test_a_journal_is_not_gone_for_what_the_instructions_say_in_each(tmp_path):
    """They name T12 and M3 as examples, and speak of `the person`."""
    model = ScriptedModel("Good day.", "Noted.", "Good night.")
    with opened(tmp_path / "a", model=model) as chat:
        chat.say("Hello")
        chat.say("I am the person at the door.")
        chat.say("Bye")
        found = chat.forget_preview("the person")

    assert [each.where for each in found.holdings if each.why == "holds it"] == [
        "T3", "journal T3 of main", "journal T5 of main",
    ]  # fmt: skip
    assert "journal T1 of main" not in {holding.where for holding in found.holdings}
