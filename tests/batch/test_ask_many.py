from __future__ import annotations

import asyncio

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
    return asyncio.run(
        docpager.ask_many(questions, bridges, model="extractive", archive=archive, **how)
    )


def test_many_questions_are_answered_in_their_order(bridges, tmp_path):
    answers = many(bridges, tmp_path)

    assert [line.answer for line in answers.lines] == ["21 million dollars", "14 million dollars"]
    assert answers.lines[1].citations[0].document == "Ulm.txt"
    assert answers.report.succeeded


def test_with_an_output_asking_again_costs_nothing(bridges, tmp_path):
    output = tmp_path / "answers.jsonl"
    first = many(bridges, tmp_path, output=output)
    again = many(bridges, tmp_path, output=output)

    assert again.lines == first.lines
    assert (again.report.kept, again.report.steps) == (2, 0)


def test_two_questions_with_one_id_are_refused(bridges, tmp_path):
    with pytest.raises(docpager.DocpagerError, match="question 2 has the id of question 1"):
        many(bridges, tmp_path, questions=["why?", "why?"])
