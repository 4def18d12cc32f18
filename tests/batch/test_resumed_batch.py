"""A batch that is run again: finished questions stay, begun ones go on, nothing is mixed up."""

from __future__ import annotations

import csv
import json
import os
from dataclasses import replace

import pytest
from batch_worlds import CountedReader, World, town_questions

from docpager.batch.parquet import read_parquet
from docpager.batch.questions import Question
from docpager.batch.settings import BatchSettings
from docpager.core.errors import ModelError, UsageError
from docpager.core.settings import PagingSettings
from docpager.run.preparation import AskSettings


@pytest.fixture
def undisturbed(tmp_path):
    world = World(tmp_path / "undisturbed")
    world.drive()
    return world


class Gone(Exception):
    """Stands for a process that dies: nothing in docpager catches it."""


def dying_at(request: int):
    def before(number: int) -> None:
        if number == request:
            raise Gone

    return CountedReader(before=before)


@pytest.mark.parametrize("request_number", [1, 2, 9, 17, 23])
def test_a_batch_that_died_goes_on_in_the_middle(tmp_path, undisturbed, request_number):
    world = World(tmp_path / "died", model=dying_at(request_number))
    with pytest.raises(Gone):
        world.drive()
    asked = len(world.model.requests)
    world.model = CountedReader()

    assert world.drive().succeeded
    assert world.answers() == undisturbed.answers()
    # What was under way when it died is asked again, and nothing else.
    again = asked + len(world.model.requests) - len(undisturbed.model.requests)
    assert 0 <= again <= BatchSettings().live_places


def test_running_it_again_asks_nothing(undisturbed):
    lines = undisturbed.output.read_bytes()
    asked = len(undisturbed.model.requests)
    report = undisturbed.drive()

    assert (report.kept, report.steps, report.succeeded) == (8, 0, True)
    assert undisturbed.output.read_bytes() == lines
    assert len(undisturbed.model.requests) == asked


def test_a_torn_last_line_is_written_again_without_asking(undisturbed):
    answers, asked = undisturbed.answers(), len(undisturbed.model.requests)
    whole = undisturbed.output.read_bytes()
    undisturbed.output.write_bytes(whole[:-40])

    assert undisturbed.drive().answered == 1
    assert undisturbed.answers() == answers
    assert len(undisturbed.model.requests) == asked


def test_a_journal_torn_at_its_start_is_begun_anew(undisturbed):
    lines = undisturbed.lines()
    os.truncate(lines["q3"]["journal"], 20)
    kept = [json.dumps(line) for id, line in lines.items() if id != "q3"]
    undisturbed.output.write_text("\n".join(kept) + "\n", "utf-8")

    assert undisturbed.drive().answered == 1
    assert undisturbed.lines()["q3"]["answer"] == lines["q3"]["answer"]


def test_changed_settings_are_refused_with_the_difference(undisturbed):
    undisturbed.settings = AskSettings(paging=PagingSettings(window=20_000))

    with pytest.raises(UsageError, match="window was 32000 and is 20000"):
        undisturbed.drive()


def test_changed_questions_are_refused_and_new_ones_are_not(undisturbed):
    questions = undisturbed.questions
    undisturbed.questions = [replace(questions[0], question="Why?"), *questions[1:]]
    with pytest.raises(UsageError, match="1 question is changed: 'q1'"):
        undisturbed.drive()

    undisturbed.questions = [*questions, Question("new", "What did the bridge of Bern cost?")]
    report = undisturbed.drive()
    assert (report.kept, report.answered) == (8, 1)


class RefusingReader(CountedReader):
    """Cannot be reached for one question, as long as it is told so."""

    def __init__(self, word: str) -> None:
        super().__init__()
        self.word = word

    async def complete(self, request):
        if self.word and self.word in str(request.turns[0]):
            raise ModelError("the server refuses this one")
        return await super().complete(request)


def test_one_failed_question_stops_no_other_and_can_be_retried(tmp_path, undisturbed):
    world = World(tmp_path / "failing", model=RefusingReader("of Metz cost?"))
    report = world.drive()
    assert (report.failed, report.answered, report.succeeded) == (1, 7, False)
    assert report.failures == (("q4", "the server refuses this one"),)

    again = world.drive()
    assert (again.kept, again.failed_before, again.succeeded) == (8, 1, False)

    world.model.word = ""
    assert world.drive(retry_failed=True).succeeded
    assert world.answers() == undisturbed.answers()


def test_a_question_about_documents_that_are_not_there_is_named_before_anything_is_asked(tmp_path):
    world = World(tmp_path)
    world.questions = [
        *town_questions(2),
        Question("x", "Why?", documents=("Paris.txt",), line=3),
    ]
    with pytest.raises(UsageError, match=r"line 3: no document 'Paris.txt'"):
        world.drive()
    assert not world.model.requests

    assert world.drive(skip_invalid=True).answered == 2


def test_a_question_that_is_too_long_harms_only_itself(tmp_path):
    world = World(tmp_path)
    world.questions = [*town_questions(2), Question("long", "why " * 20_000, line=3)]
    report = world.drive()

    assert (report.answered, report.failed) == (2, 1)
    assert "shorten it" in report.failures[0][1]


def test_a_window_too_small_for_any_question_is_refused_before_anything_is_asked(tmp_path):
    world = World(tmp_path, settings=AskSettings(paging=PagingSettings(window=2_000)))

    with pytest.raises(UsageError, match="smallest is `window="):
        world.drive()
    assert not world.output.exists()


def test_lines_come_in_the_order_of_the_questions_if_asked_for(tmp_path):
    world = World(tmp_path)
    world.questions = world.questions[::-1]
    world.drive(in_order=True, settings=BatchSettings(concurrency=3))

    assert list(world.lines()) == [each.id for each in world.questions]


def csv_rows(path):
    with path.open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))


@pytest.mark.parametrize("name", ["answers.parquet", "answers.csv"])
def test_a_table_is_written_by_the_ending(name, tmp_path):
    class Table(World):
        @property
        def output(self):
            return self.folder / name

    world = Table(tmp_path)
    world.drive()
    rows = list(read_parquet(world.output) if "parquet" in name else csv_rows(world.output))

    assert {row["id"] for row in rows} == {each.id for each in world.questions}
    assert world.drive().kept == 8


def test_questions_look_only_in_their_documents(tmp_path):
    world = World(tmp_path)
    world.questions = [Question("q", "What did the bridge of Ulm cost?", documents=("Graz.txt",))]
    world.drive()
    (line,) = world.lines().values()

    assert {each["place"]["document"] for each in line["citations"]} <= {"Graz.txt"}
    assert "14" not in (line["answer"] or "")
