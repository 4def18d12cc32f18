"""Maintenance: memories joined, contradictions resolved, all of it readable and undone."""

from __future__ import annotations

import shutil
from functools import partial
from pathlib import Path

import pytest
from chatting import days_from, opened
from test_chat_kills import in_a_process_that_dies

import docpager
from docpager.core.settings import ChatSettings
from docpager.models.messages import AssistantTurn, ModelReply, ModelRequest, ToolCall
from docpager.models.scripted import ScriptedModel, call, reply


def remembering(text: str, turn: str) -> tuple:
    return (call("archive_memory", text=text, sources=[turn]), "Noted.")


def test_memories_are_joined_and_the_old_ones_kept_with_their_date(tmp_path):
    model = ScriptedModel(
        *remembering("Ada lives in Graz.", "T1"),
        *remembering("Ada lives in Linz.", "T4"),
        reply(
            call("archive_memory", text="Ada lives in Linz (since May 2026, before in Graz).",
                 sources=["M2", "M5"], replaces=["M2", "M5"]),
        ),
        "Done.",
    )  # fmt: skip
    with opened(tmp_path / "a", model=model, clock=days_from(2026, 5, 1)) as chat:
        chat.say("I live in Graz.")
        chat.say("I moved to Linz.")
        (change,) = chat.maintenance()

        assert change.cause == "maintenance"
        assert change.diff == (
            "+ M7: Ada lives in Linz (since May 2026, before in Graz). [M2, M5]",
            "~ M2 is replaced by M7",
            "~ M5 is replaced by M7",
        )
        shown = "\n".join(turn.text for turn in model.requests[4].turns)
        assert "M2 2026-05-01" in shown
        assert "I live in Graz" not in shown
        assert {m.text for m in chat.recall("Ada lives") if m.kind == "memory"} >= {
            "Ada lives in Graz."
        }
        undone = chat.undo()
        assert undone.cause == "undo"
        assert undone.diff[1:] == ("~ M2 counts again", "~ M5 counts again")


def test_maintenance_sees_each_memory_once(tmp_path):
    model = ScriptedModel(*remembering("Ada lives in Graz.", "T1"), "Done.")
    with opened(tmp_path / "a", model=model) as chat:
        chat.say("I live in Graz.")
        assert chat.maintenance() == []
        asked = len(model.requests)
        assert chat.maintenance() == []
        assert len(model.requests) == asked


def test_maintenance_is_due_after_so_many_messages(tmp_path):
    settings = ChatSettings(maintain_after=2)
    with opened(tmp_path / "a", "One.", "Two.", settings=settings) as chat:
        chat.say("Hello")
        assert not chat.maintenance_due
        chat.say("Hello again")
        assert chat.maintenance_due


def test_maintenance_waits_for_a_message_that_has_no_reply(tmp_path):
    from docpager.core.errors import ModelError

    def fail(request):
        raise ModelError("the server is gone")

    with opened(tmp_path / "a", fail) as chat:
        said = chat.say("Hello")
        assert (said.status, said.resumable, chat.unanswered) == ("failed", True, "T1")
        with pytest.raises(docpager.UsageError, match="T1 has no reply yet"):
            chat.maintenance()


def joining(request: ModelRequest) -> ModelReply:
    """Joins two memories where they are listed, once in a run."""
    begun = any(isinstance(turn, AssistantTurn) for turn in request.turns)
    if begun or "M2 20" not in request.turns[0].text:
        return ModelReply("Done.", cost_usd=0.0)
    text, replaces = "Ada moved from Graz to Linz.", ["M2", "M5"]
    arguments = {"text": text, "sources": [], "replaces": replaces}
    joined = ToolCall("c1", "archive_memory", arguments)
    return ModelReply("", (joined,), "tool_use", cost_usd=0.0)


def test_maintenance_that_was_killed_is_finished_once(tmp_path):
    told = tmp_path / "told"
    script = (*remembering("Ada lives in Graz.", "T1"), *remembering("Ada lives in Linz.", "T4"))
    with opened(told, *script) as chat:
        chat.say("I live in Graz.")
        chat.say("I moved to Linz.")

    def maintain(archive: Path) -> None:
        with opened(archive, model=ScriptedModel(*[joining] * 9)) as chat:
            chat.maintenance()

    died = 0
    for count in range(1, 40, 3):
        archive = tmp_path / f"a{count}"
        shutil.copytree(told, archive)
        died += in_a_process_that_dies(count, partial(maintain, archive))
        maintain(archive)
        with opened(archive) as chat:
            memories = [m.text for m in chat.recall("Ada", page_size=99) if m.kind == "memory"]
            assert memories.count("Ada moved from Graz to Linz.") == 1, count
            (change,) = (c for c in chat.log() if c.cause == "maintenance")
            assert change.diff[1:] == ("~ M2 is replaced by M7", "~ M5 is replaced by M7")
    assert died >= 5
