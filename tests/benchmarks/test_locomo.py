"""Conversations are read, shown and marked as their authors meant."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from pathlib import Path

import pytest

from benchmarks.locomo.__main__ import ANSWERS, DEEP, lines_of
from benchmarks.locomo.chat_way import ChatWay, Recaller, shown_turns
from benchmarks.locomo.conversations import (
    LocomoQuestion,
    deep_questions,
    read_conversations,
    sample,
)
from benchmarks.locomo.replay import WINDOW, exchanges, joined, replay
from benchmarks.locomo.scores import kind_table, marked, said_not_told
from benchmarks.locomo.ways import FullHistory, PromptRoom, RecursiveSummary, newest
from docpager.core.tokens import BuiltInEstimator
from docpager.models.scripted import ScriptedModel

SESSIONS = 12
ROOM = PromptRoom(1_200, 100, BuiltInEstimator(), 1.0)


def write_conversation(folder: Path) -> Path:
    talk: dict[str, object] = {"speaker_a": "Ada", "speaker_b": "Ben"}
    for number in range(1, SESSIONS + 1):
        talk[f"session_{number}_date_time"] = f"{number}:05 pm on {number} May, 2023"
        talk[f"session_{number}"] = [
            {"speaker": who, "dia_id": f"D{number}:{turn}", "text": f"I saw bird {number}-{turn}."}
            for turn, who in enumerate(("Ada", "Ben") * 4, start=1)
        ]
    talk["session_3"][0]["blip_caption"] = "a heron on a post"  # type: ignore[index]
    talk["qa"] = [
        {"question": "Which?", "answer": 7, "evidence": ["D1:1", "D12:8"], "category": 4},
        {"question": "When?", "answer": "2 May", "evidence": ["D2:1; D2:2", "D99:1"],
         "category": 2},
        {"question": "Who?", "adversarial_answer": "Ben", "evidence": [], "category": 5},
    ]  # fmt: skip
    folder.mkdir(exist_ok=True)
    (folder / "7.json").write_text(json.dumps(talk))
    return folder


def test_a_conversation_is_read_in_the_order_of_its_sessions(tmp_path):
    [talk] = read_conversations(write_conversation(tmp_path / "data"))
    assert [turn.session for turn in talk.turns] == [n for n in range(1, 13) for _ in range(8)]
    assert list(talk.sessions) == list(range(1, 13))
    assert talk.turns[16].text == "I saw bird 3-1. [sends a picture: a heron on a post]"
    assert str(talk.turns[16].when) == "2023-05-03 15:05:00+00:00"


def test_evidence_names_turns_that_exist_and_adversarial_questions_have_no_answer(tmp_path):
    [talk] = read_conversations(write_conversation(tmp_path / "data"))
    known, dated, trap = talk.questions
    assert (known.answers, known.evidence) == (("7",), ("D1:1", "D12:8"))
    assert dated.evidence == ("D2:1", "D2:2")
    assert (trap.kind, trap.answers) == ("adversarial", ())
    assert [each.kind for each in sample([talk], 1)] == ["time", "single hop", "adversarial"]


def test_deep_retrieval_asks_one_question_for_each_session_but_the_last(tmp_path):
    [talk] = read_conversations(write_conversation(tmp_path / "data"))

    def asked(number: int, *evidence: str, kind: str = "single hop") -> LocomoQuestion:
        answers = () if kind == "adversarial" else ("a bird",)
        return LocomoQuestion(f"7-{number}", kind, "What?", answers, evidence)

    questions = [
        asked(1, "D5:1", "D5:3"),
        asked(2, "D2:1"),
        asked(3, "D2:4"),
        asked(4, "D3:1", "D4:1"),  # of two sessions
        asked(5, "D6:1", kind="time"),
        asked(6, "D7:1", kind="adversarial"),
        asked(7, "D12:1"),  # of the last session
        asked(8),  # names no evidence
    ]
    forwards = deep_questions(replace(talk, questions=questions))
    backwards = deep_questions(replace(talk, questions=questions[::-1]))
    assert forwards == backwards
    assert [each.evidence[0].split(":")[0] for each in forwards] == ["D2", "D5"]


def test_a_folder_without_conversations_is_named(tmp_path):
    with pytest.raises(ValueError, match="holds no conversation"):
        read_conversations(tmp_path)


def test_full_history_keeps_the_newest_turns_within_its_window(tmp_path):
    [talk] = read_conversations(write_conversation(tmp_path / "data"))
    way, model = FullHistory(), ScriptedModel("7")
    told = asyncio.run(remember_and_ask(way, talk, model))
    ids = [turn.id for turn in talk.turns]
    assert told.shown == tuple(ids[-len(told.shown) :])
    assert 8 < len(told.shown) < len(ids)
    assert told.prompt_estimate + ROOM.max_output <= ROOM.window
    one_more = ROOM.lines(talk.turns[-len(told.shown) - 1 :])
    assert one_more > ROOM.for_turns(talk.questions[0].text)
    assert marked(talk.questions[0], told.text, told.shown).evidence == 0.5


def test_a_summary_reads_every_turn_that_the_prompt_no_longer_holds(tmp_path):
    [talk] = read_conversations(write_conversation(tmp_path / "data"))
    way, said = RecursiveSummary(), [f"summary {number}" for number in range(30)]
    model = ScriptedModel(*said)
    told = asyncio.run(remember_and_ask(way, talk, model))
    asked = [request.turns[-1].text for request in model.requests]
    read = "\n".join(asked)
    assert all(turn.line in read for turn in talk.turns)
    assert f"summary {len(asked) - 2}" in asked[-1]
    assert told.prompt_estimate + ROOM.max_output <= ROOM.window


async def remember_and_ask(way, talk, model):
    await way.remember(talk, ROOM, model)
    return await way.ask(talk.questions[0], ROOM, model)


def test_the_newest_turns_are_none_where_nothing_fits(tmp_path):
    [talk] = read_conversations(write_conversation(tmp_path / "data"))
    assert newest(talk.turns, 5, ROOM) == []
    assert newest(talk.turns, 10**6, ROOM) == list(talk.turns)


def question(kind: str, *answers: str) -> LocomoQuestion:
    return LocomoQuestion("7-1", kind, "What?", answers, ())


@pytest.mark.parametrize(
    ("asked", "answer", "f1"),
    [
        (question("single hop", "a blue kite"), "blue kite", 1.0),
        (question("single hop", "blue kite"), "kite", 2 / 3),
        (question("several hops", "kites, boats"), "boats, kites", 1.0),
        (question("several hops", "kites, boats"), "boats", 0.5),
        (question("open", "Yes; she likes them"), "yes", 1.0),
        (question("adversarial"), "That is not mentioned.", 1.0),
        (question("adversarial"), "Self-care is important", 0.0),
        (question("adversarial"), "", 1.0),
    ],
)
def test_f1_follows_the_kind_of_question(asked, answer, f1):
    assert marked(asked, answer, ()).f1 == pytest.approx(f1)


@pytest.mark.parametrize(
    ("asked", "answer", "recall"),
    [
        (question("single hop", "a blue kite"), "It was a kite, a blue kite, I think", 1.0),
        (question("single hop", "blue kite"), "a kite that is blue", 0.5),
        (question("time", "2 May"), "not mentioned", 0.0),
        (question("adversarial"), "not mentioned", None),
    ],
)
def test_recall_forgives_what_is_said_beside_the_gold_answer(asked, answer, recall):
    assert marked(asked, answer, ()).recall == recall


@pytest.mark.parametrize(
    "text", ["Not mentioned", "The conversation does not say that.", "No information available."]
)
def test_saying_that_it_was_not_told(text):
    assert said_not_told(text)


@pytest.mark.parametrize(
    "text",
    ["She did not like the rain.", "Don't be scared to say it.", "Nothing but birds", "7 May"],
)
def test_a_plain_no_is_an_answer(text):
    assert not said_not_told(text)


def test_means_are_by_kind_and_leave_out_what_has_no_mark():
    marks = [
        marked(question("time", "2 May"), "2 May", ()),
        marked(question("time", "2 May"), "June", ()),
        marked(question("adversarial"), "June", ()),
    ]
    table = dict(kind_table(marks, what="f1"))
    assert table["time"] is not None and table["time"].mean == 0.5
    assert table["adversarial"] is not None and table["adversarial"].mean == 0.0
    assert table["all but adversarial"] is not None and table["all but adversarial"].n == 2
    assert dict(kind_table(marks, what="evidence"))["time"] is None


@pytest.mark.parametrize("folder", [ANSWERS, DEEP], ids=["drawn", "deep"])
def test_recorded_answers_are_of_the_same_questions_once_each(folder):
    files = sorted(folder.glob("*.jsonl"))
    asked = [[line.question for line in lines_of(path)] for path in files]
    assert len(files) > 3
    assert all(len(set(each)) == len(each) for each in asked)
    assert len({frozenset(each) for each in asked}) == 1


def test_a_session_is_held_as_messages_and_replies(tmp_path):
    [talk] = read_conversations(write_conversation(tmp_path / "data"))
    first = talk.sessions[1]
    pairs = exchanges(first)
    assert pairs[0] == ("I saw bird 1-1.", "I saw bird 1-2.")
    assert len(pairs) == 4
    assert exchanges(first[1:])[0] == ("Hello.", "I saw bird 1-2.")
    assert exchanges(first[:3])[-1] == ("I saw bird 1-3.", "I see.")


def test_a_conversation_is_held_within_its_window_and_found_again(tmp_path):
    [talk] = read_conversations(write_conversation(tmp_path / "data"))
    held = replay(joined([talk], 6), tmp_path / "held")
    assert (held.sessions, held.messages, held.turns, held.not_found) == (6, 24, 48, [])
    assert 0 < held.largest <= WINDOW
    assert len(list(held.report())) == 6


def test_a_turn_was_shown_where_its_words_were_and_not_where_its_name_was_an_example(tmp_path):
    [talk] = read_conversations(write_conversation(tmp_path / "data"))
    prompt = """[T1:c1 2023-05-01 13:05 Ada]
Ada: I saw bird 1-1.
- T10:c1 before 2023-05-02 14:05 Ben: … bird 2-2. (before it, T9 Ada: Ada: I saw bird 2-1.)
T96 2023-05-12 00:05 Ben:
  Ben: I saw bird 12-8.
as in [T12:c1] "exact quote"; -> recall shows T31:c1; T999 is none
## Summary of what left (T3-90)
  T4 they saw birds"""
    assert shown_turns(talk.turns, prompt) == ("D1:1", "D2:1", "D2:2", "D12:8")


def test_a_chat_asked_in_one_session_has_its_newest_turns_and_the_summary_of_the_others(tmp_path):
    [talk] = read_conversations(write_conversation(tmp_path / "data"))
    room = PromptRoom(4_000, 200, BuiltInEstimator(), 1.0)
    asked = {}
    for kept in ("recursive", "none"):
        way = ChatWay(
            tmp_path / "work", functions="plain", one_session=True, summary=kept, prefetch=2
        )
        model = ScriptedModel(*["They saw many birds."] * 30)
        told = asyncio.run(ask_with(way, talk, talk.questions[0], room, model))
        asked[kept] = model.requests[-1].turns[-1].text
        assert "D12:8" in told.shown
    assert "## Summary of what left (T1" in asked["recursive"]
    assert "They saw many birds." in asked["recursive"]
    assert "Summary" not in asked["none"]
    assert all("## Newest turns" in each for each in asked.values())


def test_a_chat_shows_what_one_recall_finds(tmp_path):
    [talk] = read_conversations(write_conversation(tmp_path / "data"))
    way, room = ChatWay(tmp_path / "work"), PromptRoom(8_000, 200, BuiltInEstimator(), 1.0)
    asked = replace(talk.questions[1], text="Who saw bird 2-1?")
    told = asyncio.run(ask_with(way, talk, asked, room))
    assert "D2:1" in told.shown
    assert said_not_told(told.text)


async def ask_with(way, talk, asked, room, model=None):
    model = model or Recaller()
    await way.remember(talk, room, model)
    return await way.ask(asked, room, model)
