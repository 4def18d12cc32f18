from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

import docpager


@pytest.fixture(scope="module")
def bridges(tmp_path_factory):
    folder = tmp_path_factory.mktemp("bridges")
    for n, town in enumerate(("Ulm", "Graz", "Bern"), 2):
        (folder / f"{town}.txt").write_text(f"The bridge of {town} cost {n * 7} million dollars.")
    return folder


ASKED = [
    "What did the bridge of Graz cost?",
    {"id": "ulm", "question": "What did the bridge of Ulm cost?", "documents": "Ulm.txt"},
]


def many(bridges, tmp_path, questions=ASKED, **how):
    archive = tmp_path / "archive"
    return docpager.ask_many(questions, bridges, model="extractive", archive=archive, **how)


def test_many_questions_are_answered_in_their_order(bridges, tmp_path):
    answers = many(bridges, tmp_path)

    assert [line.answer for line in answers.lines] == ["21 million dollars", "14 million dollars"]
    assert answers.lines[1].citations[0].place.document == "Ulm.txt"
    assert answers.report.succeeded


def test_with_an_output_asking_again_costs_nothing(bridges, tmp_path):
    output = tmp_path / "answers.jsonl"
    first = many(bridges, tmp_path, output=output)
    again = many(bridges, tmp_path, output=output)

    assert again.lines == first.lines
    assert (again.report.kept, again.report.steps) == (2, 0)


@pytest.mark.parametrize(
    ("questions", "message"),
    [
        ("What did it cost?", "questions must be a list of texts or objects, not one str"),
        ({"question": "Why?"}, "questions must be a list of texts or objects, not one dict"),
        ([5], "question 1: a question is text or an object with the field 'question', not 5"),
        (["Why?", None], "question 2: a question is text .*, not null"),
        ([b"Why?"], "question 1: a question is text .*, not a value of type bytes"),
        ([{"question": "Why?", "on": date(2026, 1, 1)}], "'on' holds a value of type date"),
        (
            [{"question": "Why?", "documents": "Rome.txt"}],
            r"^question 1: no document 'Rome.txt'; [^;]*; correct them$",
        ),
    ],
)
def test_what_is_no_question_is_named(bridges, tmp_path, questions, message):
    with pytest.raises(docpager.DocpagerError, match=message):
        many(bridges, tmp_path, questions=questions)


def test_documents_may_be_paths_and_tuples(bridges, tmp_path):
    asked = {"question": "What did the bridge cost?", "documents": (Path("Ulm.txt"),)}
    (line,) = many(bridges, tmp_path, questions=(asked,)).lines

    assert line.answer == "14 million dollars"


def test_two_questions_with_one_id_are_refused(bridges, tmp_path):
    with pytest.raises(docpager.DocpagerError, match="question 2 has the id of question 1"):
        many(bridges, tmp_path, questions=["why?", "why?"])
