"""What is forgotten is gone from every file, with what was made of it."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

import pytest
from chatting import opened, summing_up
from click.testing import CliRunner
from test_chat_kills import in_a_process_that_dies

import docpager
from docpager.cli import main
from docpager.models.messages import ModelReply
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
        (log,) = (h.why for h in found.holdings if h.where == "log of main")
        assert log == "names what goes; 2 changes can no longer be undone"
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


def test_the_conversation_goes_on_without_a_turn_that_nothing_was_made_of(tmp_path):
    model = ScriptedModel("Good.", "Fine.", "Yes.", "Well.")
    with opened(tmp_path / "a", model=model, session="other") as chat:
        chat.say("This is a secret word.")
        chat.say("Hello")
    with opened(tmp_path / "a", model=model) as chat:
        chat.forget("secret word")
    with opened(tmp_path / "a", model=model, session="other") as chat:
        assert chat.say("Hello again").status == "replied"
        assert [turn.id for turn in chat.turns()] == [3, 4, 5, 6]
    assert files_with(tmp_path, "secret word") == []


def test_too_little_to_look_for_is_refused(tmp_path):
    with opened(tmp_path / "a") as chat, pytest.raises(docpager.UsageError, match="everywhere"):
        chat.forget_preview("a")


def test_a_turn_that_stood_beside_one_that_was_found_is_forgotten_too(tmp_path):
    model = ScriptedModel(call("recall", query="deposit box key"), "Hm.", "Hm.")
    settings = docpager.ChatSettings(summary="none")
    with opened(tmp_path / "a", model=model, settings=settings) as chat:
        for n in range(40):
            chat.record(f"Nothing of the kind, {n} times.", who="user")
        chat.record("What opens the deposit box? The key does not.", who="user")
        chat.record(f"Try {SECRET}.", who="user")
        for n in range(40):
            chat.record(f"Other things {n}.", who="user")
        chat.say("Look for the deposit box key.")
        assert f"after it, T42 user: Try {SECRET}." in str(model.requests[1])
        chat.forget(SECRET)
        assert files_with(tmp_path, SECRET) == []


def test_whoever_is_killed_while_forgetting_forgets_the_rest_later(tmp_path):
    told(tmp_path / "told").close()
    died = 0
    for count in range(1, 40, 2):
        archive = tmp_path / f"a{count}"
        shutil.copytree(tmp_path / "told", archive)
        died += in_a_process_that_dies(count, lambda archive=archive: forget_in(archive))
        forget_in(archive)
        assert files_with(archive, SECRET) == [], count
        with opened(archive) as chat:
            assert [line.text for line in chat.core[0].lines] == ["Likes tea."]
            assert chat.show("T4").text == "I like tea."
    assert died >= 5


def forget_in(archive: Path) -> None:
    with opened(archive) as chat:
        chat.forget(SECRET)


def test_a_forgotten_document_leaves_journals_and_memories_of_chats(tmp_path):
    docs, archive = tmp_path / "docs", tmp_path / "a"
    docs.mkdir()
    (docs / "bank.txt").write_text(f"The account is {SECRET}.\n")
    (docs / "other.txt").write_text("Tea is grown in Assam.\n")
    docpager.ingest(docs, archive, embedder="hashing")
    model = ScriptedModel(
        call("page_in", locator="D1"),
        call("archive_memory", text=f"The account is {SECRET}.", sources=["D1:c1"]),
        call("answer", text=f"It is {SECRET}.", citations=[{"locator": "D1", "quote": SECRET}]),
    )
    with opened(archive, model=model) as chat:
        assert chat.say("Which account?").status == "answered"
    (docs / "bank.txt").unlink()
    done = CliRunner().invoke(main, ["forget", "D1", "--archive", str(archive)])
    assert "sessions/main/T1.jsonl" in done.output
    assert f"conversations still hold: M2 (came from D1): The account is {SECRET}." in done.output
    assert f"conversations still hold: T3 (came from D1): It is {SECRET}." in done.output
    assert "docpager chat forget D1 lists and removes it" in done.output
    assert CliRunner().invoke(main, ["compact", "--archive", str(archive)]).exit_code == 0

    assert files_with(archive / "chats/sessions", SECRET) == []
    with opened(archive) as chat:
        found = chat.forget("D1")
        assert {(h.where, h.why) for h in found.holdings} >= {
            ("M2", "came from D1"), ("T3", "came from D1")}  # fmt: skip
    assert files_with(archive, SECRET) == []


def test_a_forgotten_document_that_no_conversation_met_is_silent_of_them(tmp_path):
    docs, archive = tmp_path / "docs", tmp_path / "a"
    docs.mkdir()
    for name in ("a", "b"):
        (docs / f"{name}.txt").write_text(f"The account {name}.\n")
    docpager.ingest(docs, archive, embedder="hashing")
    forgotten = CliRunner().invoke(main, ["forget", "D1", "--archive", str(archive)])
    with opened(archive, "Hello!") as chat:
        chat.say("Hello")
        before = files_and_times(archive / "chats")
        again = CliRunner().invoke(main, ["forget", "D2", "--archive", str(archive), "--json"])
        assert files_and_times(archive / "chats") == before

    assert "conversation" not in forgotten.output + again.output
    assert json.loads(again.stdout)["chats"] == []


def files_and_times(folder: Path) -> dict[str, int]:
    return {str(path): path.stat().st_mtime_ns for path in folder.rglob("*") if path.is_file()}


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


def test_a_summary_that_goes_is_made_anew_from_the_turns_that_are_left(tmp_path):
    model = ScriptedModel(*[summing_up(f"Ada has {SECRET}.", lambda _: ModelReply("Yes."))] * 99)
    with opened(tmp_path / "a", model=model) as chat:
        chat.say(f"My IBAN is {SECRET}.")
        chat.say("My dog is called Waldi.")
        for n in range(14):
            chat.say(f"Message {n}: " + " ".join(f"word{n}x{k}" for k in range(60)))
        assert chat.summary == f"Ada has {SECRET}."
        assert {"T1", "T3"}.isdisjoint(shown_turns(model))

    after = ScriptedModel(*[summing_up("Ada has a dog, Waldi.", lambda _: ModelReply("Yes."))] * 9)
    archive = str(tmp_path / "a")
    preview = CliRunner().invoke(
        main, ["sessions", "forget", SECRET, "--archive", archive, "--yes"]
    )
    assert "the next message there that needs one has it made anew" in preview.output
    assert "to be summed up anew: main" in preview.output
    with opened(tmp_path / "a", model=after) as chat:
        assert chat.summary is None
        chat.say("Which dog have I?")
        assert chat.summary == "Ada has a dog, Waldi."
    asked = [str(r.turns[0]) for r in after.requests if "summary of a long" in r.instructions]
    assert "My dog is called Waldi." in asked[0] and "# Summary so far" not in asked[0]
    assert "## Summary of what left (T3" in str(after.requests[-1])
    assert files_with(tmp_path, SECRET) == []


def test_a_summary_that_nothing_is_left_of_goes_without_a_new_one(tmp_path):
    model = ScriptedModel(*[summing_up("All of it.", lambda _: ModelReply("Yes."))] * 99)
    with opened(tmp_path / "a", model=model) as chat:
        for n in range(14):
            chat.say(f"Secret {n}: " + " ".join(f"word{n}x{k}" for k in range(60)))
        assert chat.summary
        found = chat.forget("Secret")

        assert "summary of main" in {holding.where for holding in found.holdings}
        assert found.summaries_anew == ()
        assert chat.summary is None


def shown_turns(model: ScriptedModel) -> set[str]:
    """The turns in the newest prompt, as it heads them."""
    return set(
        re.findall(r"(T\d+) \d{4}-\d\d-\d\d \d\d:\d\d (?:user|assistant)", str(model.requests[-1]))
    )
