"""Replies of real language models, fed once more into the real state machine."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest

from benchmarks.local_models.__main__ import REPLIES
from benchmarks.local_models.prompt_reuse import script
from benchmarks.local_models.questions import HALVES, NESTED, SETS, documents_of, draw
from benchmarks.local_models.recording import Recording, RepeatingModel
from benchmarks.local_models.scores import marks_of
from benchmarks.local_models.systems import (
    Docpager,
    OneLook,
    contestant_named,
    named_in,
    parse_structured,
)
from docpager import Archive, ingest
from docpager.core.errors import JournalError
from docpager.core.locators import parse_locator
from docpager.run.answer_line import citations_of
from docpager.run.service import ask_archive, open_replay

QUESTIONS = {question.id: question for half in (*HALVES, NESTED) for question in draw(half)}


def recorded() -> list[tuple[str, dict]]:
    """Every recorded run of today's docpager: its contestant and its line."""
    runs = []
    for path in sorted(REPLIES.glob("*-docpager*.jsonl")):
        contestant = "docpager" + path.stem.partition("-docpager")[2]
        lines = path.read_text("utf-8").splitlines()
        runs += [(contestant, json.loads(line)) for line in lines]
    return runs


@pytest.fixture(scope="module")
def archives(tmp_path_factory):
    folder = tmp_path_factory.mktemp("archives")
    for name in (*SETS, NESTED):
        ingest([documents_of(name, folder)], folder / name, text_field="text")
    opened = {name: Archive.open(folder / name) for name in (*SETS, NESTED)}
    yield opened
    for archive in opened.values():
        archive.close()


def play(contestant: str, run: dict, archives, journal: Path):
    way = contestant_named(contestant)
    assert isinstance(way, Docpager)
    question = QUESTIONS[run["question"]]
    said = {name: run[name] for name in ("replies", "counts", "counter", "fixed")}
    model = RepeatingModel(Recording.from_json(said))
    archive = archives[question.document_set]
    line = asyncio.run(
        ask_archive(question.text, archive, model, settings=way.settings, journal=journal)
    )
    return model, line


def test_there_are_recorded_runs_of_both_models():
    assert len(recorded()) >= 24
    assert len({path.name.split("-docpager")[0] for path in REPLIES.glob("*-docpager*")}) >= 2


@pytest.mark.parametrize(
    ("contestant", "run"),
    [
        pytest.param(*each, id=f"{n}-{each[0]}-{each[1]['question']}")
        for n, each in enumerate(recorded())
    ],
)
def test_recorded_replies_lead_where_they_led(contestant, run, archives, tmp_path):
    model, line = play(contestant, run, archives, tmp_path / "run.jsonl")

    assert len(model.requests) == len(run["replies"])
    assert (line.status, line.answer, line.steps) == (
        run["line"]["status"], run["line"]["answer"], run["line"]["steps"],
    )  # fmt: skip
    again = json.loads(json.dumps([each.as_json() for each in line.citations]))
    assert again == run["line"]["citations"]
    standing = [each for each in line.citations if each.stands and each.seen]
    assert bool(standing) if line.answered else line.status != "answered"


@pytest.mark.parametrize("contestant", sorted({each[0] for each in recorded()}))
def test_their_journals_replay_byte_for_byte(contestant, archives, tmp_path):
    for number, (_, run) in enumerate(each for each in recorded() if each[0] == contestant):
        journal = tmp_path / f"{number}.jsonl"
        _, line = play(contestant, run, archives, journal)

        replayed = open_replay(journal).finish()

        assert replayed.outcome.status == line.status
        assert getattr(replayed.outcome, "citations", ()) == () or citations_of(
            replayed.outcome.citations
        ) == tuple(line.citations)


def test_a_changed_sign_of_a_reply_is_noticed(archives, tmp_path):
    contestant, run = next(each for each in recorded() if len(each[1]["replies"]) > 1)
    journal = tmp_path / "run.jsonl"
    play(contestant, run, archives, journal)
    word = json.dumps(run["replies"][0]["text"][:12], ensure_ascii=False)[1:-1].encode()
    written = journal.read_bytes()
    assert word in written
    journal.write_bytes(written.replace(word, word[:-1] + b"#", 1))

    with pytest.raises(JournalError):
        open_replay(journal).finish()


def test_both_halves_hold_unanswerable_questions_and_share_none():
    tuning, reporting = ({question.id for question in draw(half)} for half in HALVES)

    assert not tuning & reporting
    for half in HALVES:
        assert sum(not question.gold["answers"] for question in draw(half)) == 2
        assert len(draw(half)) == 12


def test_marks_tell_an_answer_from_a_quote_and_from_words():
    question = QUESTIONS["S14"]
    quote = {"match": "exact", "seen": True, "quote": "grazed from about 1420",
             "place": {"kind": "document", "document": "x"}}  # fmt: skip
    line = {"status": "answered", "answer": "in 1420", "citations": [quote]}
    assert marks_of(question, line).counts["right"]
    assert marks_of(question, line).counts["quoted"]

    unsupported = {**line, "status": "unsupported", "citations": [{**quote, "match": "failed"}]}
    marked = marks_of(question, unsupported).counts
    assert (marked["right"], marked["said"], marked["quoted"]) == (False, True, False)

    bare = marks_of(question, {**line, "citations": []}).counts
    assert bare["no standing quote"]


def test_a_reply_held_to_a_schema_is_read_and_a_cut_one_is_not():
    way = contestant_named("one-search:k=4+schema")
    assert isinstance(way, OneLook)
    assert (way.most, way.structured) == (4, True)

    said = parse_structured('{"quote": "grazed from 1420", "locator": "D1:c2", "answer": "1420"}')
    assert said == {
        "text": "1420",
        "citations": [{"locator": "D1:c2", "quote": "grazed from 1420"}],
        "found": True,
    }
    assert parse_structured('{"quote": "grazed from') is None
    assert parse_structured("[1]") is None


def test_no_passage_is_looked_at_twice(archives):
    for half in HALVES:
        for question in draw(half):
            replies = script(question, archives[question.document_set], visits=30)
            calls = [call for reply in replies for call in reply.calls if call.name == "page_in"]
            places = [parse_locator(call.arguments["locator"]) for call in calls]
            looked = [(p.number, n) for p in places for n in range(p.first, p.last + 1)]
            assert len(looked) > 14
            assert len(set(looked)) == len(looked)


def test_names_of_recorded_replies_can_be_written_on_every_file_system():
    for path in REPLIES.glob("*.jsonl"):
        assert not set('<>:"|?*\\') & set(path.name)
        half = "reporting" if "-reporting-" in path.stem else "tuning"
        written = path.stem.partition(f"-{half}-")[2]
        if written and not written.startswith("earlier"):
            assert contestant_named(named_in(written)).name == named_in(written)
