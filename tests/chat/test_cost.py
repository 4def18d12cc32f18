"""What a turn costs does not grow with what was said before it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from time import process_time

import pytest
from chatting import opened
from test_chat import prompt_of

from docpager.core.settings import ChatSettings
from docpager.core.tokens import BuiltInEstimator
from docpager.models.scripted import ScriptedModel, call
from docpager.paging.epoch import PromptSizer


def talked(archive, sessions: int, turns: int) -> None:
    """Sessions as they were had elsewhere, each on a day of its own."""
    start = datetime(2026, 1, 1, tzinfo=UTC)
    for number in range(sessions):
        with opened(archive, session=f"s{number}", settings=ChatSettings(summary="none")) as chat:
            for turn in range(turns):
                chat.record(
                    f"In session {number} Ada said {_word(number, turn)} of the garden.",
                    who="Ada",
                    when=start + timedelta(days=number, minutes=turn),
                )


def _word(number: int, turn: int) -> str:
    """A word that stands in one turn alone."""
    return "z" + "".join(
        chr(97 + digit) for digit in (number // 26, number % 26, turn % 26, turn // 26)
    )


def asked(archive, session: str) -> tuple[list[str], float]:
    """The prompts of one message that is looked up, and the processor's seconds of it."""
    model = ScriptedModel(
        call("recall", query="zaada garden"),
        call("page_in", locator="T4"),
        call("answer", text="Yes.", citations=[{"locator": "T4", "quote": "said zaada of the"}]),
    )
    with opened(archive, model=model, session=session) as chat:
        began = process_time()
        assert chat.say("What did Ada say of the garden?").status == "answered"
        seconds = process_time() - began
    return [prompt_of(model, n) for n in range(len(model.requests))], seconds


def test_the_prompts_of_a_turn_are_as_long_after_thirty_sessions_as_after_three(tmp_path):
    talked(tmp_path / "few", 3, 12)
    talked(tmp_path / "many", 30, 12)
    few, _ = asked(tmp_path / "few", "new")
    many, _ = asked(tmp_path / "many", "new")

    count = PromptSizer.of(BuiltInEstimator(), 1.0).count
    assert count(many[0]) == count(few[0])
    assert count(many[-1]) <= count(few[-1]) + 60


@pytest.mark.slow
def test_a_turn_takes_as_long_after_many_turns_as_after_few(tmp_path):
    talked(tmp_path / "few", 2, 20)
    talked(tmp_path / "many", 40, 60)
    asked(tmp_path / "few", "warm")
    few = min(asked(tmp_path / "few", f"n{n}")[1] for n in range(4))
    many = min(asked(tmp_path / "many", f"n{n}")[1] for n in range(4))
    print(f"{few:.3f} s after 40 turns, {many:.3f} s after 2,400")

    assert many < 3 * few + 0.05


def test_every_turn_is_found_by_its_words(tmp_path):
    talked(tmp_path / "a", 6, 15)
    with opened(tmp_path / "a", session="s0") as chat:
        for turn in chat.recall("", page_size=1_000):
            word = turn.text.split()[5]
            assert chat.recall(word)[0].id == turn.id


def test_turns_are_found_by_their_day(tmp_path):
    talked(tmp_path / "a", 4, 3)
    model = ScriptedModel(
        call("recall", query="garden", since="2026-01-02", until="2026-01-02"),
        call("recall", since="never"),
        "Not found: no.",
    )
    with opened(tmp_path / "a", model=model, session="s0") as chat:
        chat.say("What about the second day?")

    found = prompt_of(model, 1)
    assert 'recall "garden": 3 passages' in found
    assert "2026-01-02 00:00 Ada" in found
    assert "'never' is no day" in prompt_of(model, 2)
