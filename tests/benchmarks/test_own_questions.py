"""One's own questions: what is read, what is refused, and what must not change after a run."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from benchmarks.cli import main
from benchmarks.metrics import mark
from benchmarks.running import Places, RunConfig, start_run
from benchmarks.samples import TaskGold
from benchmarks.scoring import score_run
from benchmarks.systems.system import SystemAnswer
from benchmarks.tasks.own_questions import any_jsonl_task, read_own_questions
from docpager.core.errors import UsageError
from docpager.core.places import Place

ASKED = {"question": "What did the bridge cost?", "answers": ["61 ells"]}


@pytest.fixture
def own(tmp_path: Path) -> dict[str, str]:
    """Questions and documents, as a run names them."""
    (tmp_path / "docs" / "old").mkdir(parents=True)
    (tmp_path / "docs" / "a.txt").write_text("The bridge over the Tarn cost 61 ells of silver.\n")
    (tmp_path / "docs" / "old" / "b.txt").write_text("The mill cost 7 ells.\n")
    (tmp_path / "mine.jsonl").write_text(json.dumps(ASKED) + "\n")
    return {"questions": str(tmp_path / "mine.jsonl"), "docs": str(tmp_path / "docs")}


def gold_of(folder: Path, **fields: Any) -> TaskGold:
    path = folder / "one.jsonl"
    path.write_text(json.dumps({"question": "Why?", **fields}) + "\n")
    (asked,) = read_own_questions(path)
    return asked.gold


@pytest.mark.parametrize(
    ("fields", "parts"),
    [
        ({"answers": ["61 ells", 61]}, (("61 ells", "61"),)),
        ({"answers": "61 ells"}, (("61 ells",),)),
        ({"answer": 0}, (("0",),)),
        ({"answer": ["red", "crimson"]}, (("red", "crimson"),)),
        ({"parts": [["red", "crimson"], [7]]}, (("red", "crimson"), ("7",))),
        ({"answers": []}, ()),
    ],
)
def test_answers_are_texts_and_numbers_alone_or_in_lists(
    fields: dict[str, Any], parts: tuple[tuple[str, ...], ...], tmp_path: Path
) -> None:
    assert gold_of(tmp_path, **fields) == TaskGold(parts)


def test_evidence_is_a_place_or_a_document(tmp_path: Path) -> None:
    evidence = [{"document": "a.pdf", "pdf_page": 3}, "b.pdf"]

    found = gold_of(tmp_path, answer="x", evidence=evidence, rivals=["y"])

    assert found == TaskGold((("x",),), ("y",), (Place("a.pdf", 3), Place("b.pdf")))


@pytest.mark.parametrize("fields", ({}, {"answers": None}, {"answer": None}))
def test_a_question_without_gold_is_neither_unanswerable_nor_marked(
    fields: dict[str, Any], tmp_path: Path
) -> None:
    unknown = gold_of(tmp_path, **fields)

    assert mark("right", unknown, SystemAnswer("abstained", "Not found.")) is None
    assert mark("right", unknown, SystemAnswer("answered", "61 ells")) is None
    assert mark("right", gold_of(tmp_path, answers=[]), SystemAnswer("abstained", "")) == 1


@pytest.mark.parametrize(
    ("fields", "problem"),
    [
        ({"answers": [True]}, "'answers' must be text, not true"),
        ({"answers": {"a": 1}}, "'answers' must be text, not {\"a\": 1}"),
        ({"answer": [["red"]]}, "'answer' must be text, not [\"red\"]"),
        ({"answer": " "}, "'answer' is blank"),
        ({"answer": "a", "answers": ["b"]}, "both 'answers' and 'answer'; keep one of them"),
        ({"parts": ["red"]}, "'parts' must be a list of lists: the wordings of each thing asked"),
        ({"parts": []}, "'parts' is empty; write \"answers\": [] where there is no answer"),
        ({"rivals": [{}]}, "'rivals' must be text, not {}"),
        ({"evidence": "a.pdf"}, "'evidence' must be a list of places, not \"a.pdf\""),
        ({"evidence": [{"pdf_page": 3}]}, "no field 'document'"),
        ({"evidence": [{"document": "a", "pdf_page": "3"}]},
         "'pdf_page' must be a number from 1, not \"3\""),
        ({"question": 7}, "'question' must be text, not 7"),
    ],
)  # fmt: skip
def test_a_field_of_the_wrong_type_is_named_with_its_line(
    fields: dict[str, Any], problem: str, own: dict[str, str], tmp_path: Path
) -> None:
    path = Path(own["questions"])
    path.write_text(json.dumps(ASKED) + "\n\n" + json.dumps({**ASKED_ONLY, **fields}) + "\n")
    run = ["run", str(path), "--docs", own["docs"], "--out", str(tmp_path / "runs")]

    result = CliRunner().invoke(main, run)

    assert result.exit_code == 2
    assert result.stderr.splitlines()[-1] == f"benchmarks: line 3 of {str(path)!r}: {problem}"


ASKED_ONLY = {"question": "Why?"}


def test_gold_and_documents_that_changed_after_the_run_are_refused(
    own: dict[str, str], tmp_path: Path
) -> None:
    places = Places(tmp_path / "data", tmp_path / "work", tmp_path / "out", workers=1)
    config = RunConfig("any_jsonl", ("truncate-head",), options=own)
    assert start_run(config, places, lambda said: None)
    questions, document = Path(own["questions"]), Path(own["docs"]) / "a.txt"
    before = {path: path.read_text() for path in (questions, document)}

    for path in before:
        os.utime(path, (1, 1))
    assert score_run(tmp_path / "out", tmp_path / "data").lines
    for path, text in before.items():
        path.write_text(text.replace("61", "62"))
        with pytest.raises(UsageError) as refused:
            score_run(tmp_path / "out", tmp_path / "data")
        assert str(refused.value).startswith(f"{path} changed since this run: its answers cannot")
        path.write_text(text)
    assert score_run(tmp_path / "out", tmp_path / "data").lines


@pytest.mark.parametrize("name", ("mine.jsonl", "copy.txt"))
def test_questions_among_the_documents_are_refused(name: str, own: dict[str, str]) -> None:
    inside = Path(own["docs"]) / "old" / name
    inside.write_text(Path(own["questions"]).read_text())

    for questions in (own["questions"], str(inside)):
        with pytest.raises(UsageError, match=f"{inside} holds the questions .* move it out of"):
            any_jsonl_task({**own, "questions": questions})


def test_the_documents_are_copied_with_their_folders(own: dict[str, str], tmp_path: Path) -> None:
    task = any_jsonl_task(own)
    (documents,) = task.samples(tmp_path, task.wanted({}, per_cell=9))[1].values()

    documents.write(tmp_path / "copied")

    copied = sorted(p.relative_to(tmp_path / "copied").as_posix()
                    for p in (tmp_path / "copied").rglob("*.txt"))  # fmt: skip
    assert copied == ["a.txt", "old/b.txt"]
