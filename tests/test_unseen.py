"""The examination that was written without sight of the reader, and its scorer."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT))

from benchmarks.unseen.measure import SETS  # noqa: E402
from benchmarks.unseen.score import judge, print_scores  # noqa: E402


def questions(name):
    path = ROOT / "datasets" / SETS[name][1]
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()]


def line(question, answer, *, status="answered", evidence=()):
    citations = [{**place, "quote": answer, "match": "exact"} for place in evidence]
    text = {"question": question["question"], "status": status, "answer": answer}
    return {**text, "citations": citations}


def gold(question):
    if not question["answers"]:
        return line(question, "Not found.", status="abstained")
    parts = question.get("parts") or [question["answers"]]
    return line(question, "; ".join(part[0] for part in parts), evidence=question["evidence"])


def total(capsys, lines, asked):
    print_scores(lines, asked)
    (row,) = [row for row in capsys.readouterr().out.splitlines() if row.startswith("all ")]
    return row.split()[1:]


@pytest.mark.parametrize("name", SETS)
def test_gold_answers_score_in_full(name, capsys):
    asked = questions(name)
    answerable = sum(bool(question["answers"]) for question in asked)
    n = len(asked)

    assert total(capsys, [gold(q) for q in asked], asked) == [
        str(n), f"{n}/{n}", f"{answerable}/{answerable}", f"{n}/{n}", f"{n}/{n}",
    ]  # fmt: skip


def test_silence_scores_only_what_cannot_be_answered(capsys):
    asked = questions("unseen documents")
    silent = [line(question, "", status="abstained") for question in asked]

    assert total(capsys, silent, asked)[1:3] == ["4/30", "0/26"]


def test_a_number_inside_another_number_is_not_right():
    question = {"answers": ["38"], "evidence": [], "kind": "fact", "id": "x", "question": "?"}

    assert judge(question, line(question, "thirty-eight, 38 hours"))["right"]
    assert not judge(question, line(question, "1,384 hours and 38.5"))["right"]


def test_an_answer_to_no_question_is_an_error():
    asked = questions("unseen documents")

    with pytest.raises(ValueError, match="no question"):
        print_scores([line({"question": "What?"}, "x")], asked)


@pytest.mark.parametrize("name", SETS)
def test_the_evidence_is_there(name):
    documents = ROOT / "datasets" / SETS[name][0]
    folder = documents if documents.is_dir() else documents.parent
    for question in questions(name):
        for place in question["evidence"]:
            assert (folder / place["document"].partition("#")[0]).is_file(), place
