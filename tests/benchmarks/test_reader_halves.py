"""The halves that the built-in reader is measured with, and the questions without an answer."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from benchmarks.reader.__main__ import table
from benchmarks.reader.halves import Asked, financebench, in_half
from benchmarks.reader.swapped import swapped
from benchmarks.retrieval.question_sets import RetrievalQuestion


def asked(text: str, *names: str) -> Asked:
    return Asked(RetrievalQuestion(text, frozenset(), frozenset({"a.pdf"})), "a", names=names)


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A folder of 40 filings, two questions about each."""
    home = tmp_path / "financebench"
    home.mkdir()
    lines = [
        {
            "question": f"What did Firm {n} earn in {year}?",
            "doc_name": f"FIRM{n}_10K",
            "company": f"Firm {n}",
            "answer": "$12.50",
            "evidence": [{"doc_name": f"FIRM{n}_10K", "evidence_page_num": 3}],
        }
        for n in range(40)
        for year in (2021, 2022)
    ]
    (home / "questions.jsonl").write_text("\n".join(map(json.dumps, lines)), "utf-8")
    return tmp_path


def test_every_document_is_in_one_half(data: Path) -> None:
    found = financebench(data, data).asked
    halves = {half: in_half(found, half, 100) for half in "ab"}
    documents = {
        half: {path for each in chosen for path in each.question.documents}
        for half, chosen in halves.items()
    }

    assert len(halves["a"]) + len(halves["b"]) == 80
    assert not documents["a"] & documents["b"]
    assert min(len(documents["a"]), len(documents["b"])) > 10


def test_a_sample_of_a_half_is_drawn_by_the_questions_alone(data: Path) -> None:
    found = financebench(data, data).asked

    assert in_half(found[::-1], "a", 7) == in_half(found, "a", 100)[:7]


def test_names_and_years_are_swapped_for_ones_that_occur_nowhere() -> None:
    real = [asked("What did 3M earn in 2018, and in FY2017?", "3M"), asked("Why did it rain?")]
    known = {"Lufthansa", "Caterpillar", "1950"}

    changed = list(swapped(real, known.__contains__, persons=False))

    assert len(changed) == 2
    assert "3M" not in changed[0] and "2018" in changed[0]
    assert "3M" in changed[1] and "2018" not in changed[1] and "2017" not in changed[1]
    assert not any(name in text for name in known for text in changed)


def test_the_table_counts_each_kind_of_question_apart() -> None:
    common = {"set": "Made", "half": "a"}
    real = {"kind": "answerable", "shown_once": False, "search_three": True, "right": None}
    rows = [
        {**common, **real, "hit": True, "status": "answered"},
        {**common, **real, "hit": False, "status": "abstained"},
        {**common, "kind": "swapped", "status": "abstained"},
    ]

    cells = [cell.strip().split(" ")[0] for cell in table(rows).splitlines()[-1].split("|")[1:-1]]

    assert cells == ["Made", "a", "2", "1/2", "0/2", "2/2", "-", "1/2", "1/1"]
