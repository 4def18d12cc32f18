"""Maintenance: memories joined, contradictions resolved, all of it readable and undone."""

from __future__ import annotations

import pytest
from chatting import days_from, opened

import docpager
from docpager.core.settings import ChatSettings
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
