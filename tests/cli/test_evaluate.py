"""`docpager evaluate`: a table for people, lines for programs, and what does not fit together."""

from __future__ import annotations

import json

import pytest
from click.testing import CliRunner

from benchmarks.fake_api import FakeApi
from docpager.cli import main

QUESTIONS = [
    {
        "id": "a",
        "question": "Who?",
        "answers": ["Brandvold"],
        "evidence": [{"document": "x.pdf", "pdf_page": 4}],
        "kind": "fact",
    },
    {"id": "b", "question": "How heavy?", "answers": ["26 grams"], "kind": "figure"},
    {"id": "c", "question": "Why?", "answers": [], "kind": "none"},
]
CITED = {"document": "r/x.pdf", "pdf_page": 4, "match": "exact"}
ANSWERS = [
    {"id": "c", "status": "abstained", "answer": "Not found."},
    {"id": "a", "status": "answered", "answer": "Ilse Brandvold", "citations": [CITED]},
    {"id": "b", "status": "answered", "answer": "26 kg"},
]


@pytest.fixture
def evaluate(tmp_path):
    """Runs the command on answers and questions; `answers` may be bytes."""

    def run(*arguments, answers=ANSWERS, questions=QUESTIONS):
        paths = []
        for name, lines in (("answers.jsonl", answers), ("questions.jsonl", questions)):
            path = tmp_path / name
            written = "".join(json.dumps(line) + "\n" for line in lines)
            path.write_bytes(lines if isinstance(lines, bytes) else written.encode())
            paths.append(str(path))
        return CliRunner().invoke(main, ["evaluate", *paths, *arguments])

    return run


def test_every_metric_comes_with_its_interval(evaluate):
    result = evaluate()

    assert result.exit_code == 0
    lines = result.stdout.splitlines()
    assert lines[0] == "3 questions: 1 abstained, 2 answered"
    assert lines[2].split()[:4] == ["accuracy", "0.667", "0.000-1.000", "3"]
    assert [line.split("  ")[0] for line in lines[2:]] == [
        "accuracy",
        "accuracy when answered",
        "abstained when unanswerable",
        "coverage",
        "exact match",
        "f1",
        "rouge l",
        "rouge l recall",
        "subspan",
        "numeric",
        "answer in quote",
        "evidence recall",
        "evidence precision",
        "citation validity",
    ]


def test_json_has_one_line_for_each_metric_and_group(evaluate):
    result = evaluate("--json", "--by", "kind")

    lines = [json.loads(line) for line in result.stdout.splitlines()]
    accuracy = [line for line in lines if line["metric"] == "accuracy"]
    assert [(line.get("value"), line["mean"], line["n"]) for line in accuracy] == [
        (None, pytest.approx(2 / 3), 3),
        ("fact", 1.0, 1),
        ("figure", 0.0, 1),
        ("none", 1.0, 1),
    ]
    assert all(line["low"] <= line["mean"] <= line["high"] for line in lines)


def test_a_table_splits_by_a_field(evaluate):
    assert "\nkind = figure: 1 question\n" in evaluate("--by", "kind").stdout

    refused = evaluate("--by", "sort")
    assert refused.exit_code == 2
    assert "the fields to split by are: kind" in refused.stderr


@pytest.mark.parametrize(
    ("answers", "message"),
    [
        (ANSWERS[:2], "1 question without an answer (--missing-as-failed counts them): 'b'"),
        ([*ANSWERS, ANSWERS[0]], "1 question answered twice: 'c'"),
        (
            [*ANSWERS, {"id": "z", "status": "failed"}],
            "1 question answered but not asked: 'z'",
        ),
        (
            json.dumps(ANSWERS[0]).encode() + b'\n{"id": "a", "sta',
            "is incomplete: its batch was interrupted",
        ),
        (b'{"id": "a"}\n[]\n', "line 1: 'status' must be one of"),
    ],
)
def test_what_does_not_belong_together_is_refused(evaluate, answers, message):
    result = evaluate(answers=answers)

    assert result.exit_code == 2
    assert result.stdout == ""
    assert message in result.stderr


def test_missing_answers_can_count_as_failures(evaluate):
    torn = json.dumps(ANSWERS[0]).encode() + b'\n{"id": "a", "sta'

    result = evaluate("--missing-as-failed", answers=torn)

    assert result.exit_code == 0
    assert "2 questions without an answer, counted as failed" in result.stderr
    assert "3 questions: 1 abstained, 2 failed" in result.stdout


def test_bad_questions_are_refused_or_left_out(evaluate):
    bad = [*QUESTIONS, {"id": "d"}]

    assert "line 4: no field 'question'" in evaluate(questions=bad).stderr
    result = evaluate("--skip-invalid", questions=bad)
    assert result.exit_code == 0
    assert "left out: line 4: no field 'question'" in result.stderr


def test_json_says_how_the_questions_ended(evaluate):
    lines = [json.loads(line) for line in evaluate("--json", "--by", "kind").stdout.splitlines()]

    whole = [line for line in lines if "by" not in line]
    assert whole and all(x["statuses"] == {"abstained": 1, "answered": 2} for x in whole)
    assert not any("statuses" in line for line in lines if "by" in line)


def test_what_is_no_number_is_null_in_json(evaluate):
    asked = [{**each, "score": float("nan")} for each in QUESTIONS]
    result = evaluate("--json", "--by", "score", questions=asked)

    assert "NaN" not in result.stdout
    assert json.loads(result.stdout.splitlines()[-1])["value"] is None


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--tolerance", "nan"), "--tolerance must be a finite share such as 0.01, not nan"),
        (("--tolerance", "inf"), "--tolerance must be a finite share such as 0.01, not inf"),
        (("--max-usd", "-1"), "--max-usd must be above 0 dollars, not -1"),
    ],
)
def test_senseless_numbers_are_refused(evaluate, options, message):
    result = evaluate(*options)

    assert result.exit_code == 2
    assert message in result.stderr


def test_swapped_files_are_recognised(evaluate):
    result = evaluate(answers=QUESTIONS, questions=ANSWERS)

    assert result.exit_code == 2
    assert "holds questions; are ANSWERS and QUESTIONS swapped?" in result.stderr


def test_a_judge_is_paid_once_and_its_errors_fail_the_command(evaluate, monkeypatch):
    monkeypatch.setenv("ANTHROPIC_API_KEY", "key-of-the-fake")
    with FakeApi(brain=["CORRECT", "who knows"]) as api:
        judge = ("--judge", "claude-haiku-4-5", "--base-url", api.url)
        first = evaluate("--json", *judge)
    with FakeApi(brain=["INCORRECT"]) as api:
        judge = ("--judge", "claude-haiku-4-5", "--base-url", api.url)
        second = evaluate("--json", *judge)
        third = evaluate("--json", *judge)

    assert first.exit_code == 1
    assert "no verdict on 1: they count as wrong" in first.stderr
    assert second.exit_code == third.exit_code == 0
    assert "1 answer judged now" in second.stderr
    assert "0 answers judged now (0 tokens, $0.0000), 2 verdicts kept" in third.stderr
    judged = [json.loads(line) for line in third.stdout.splitlines() if "judged" in line]
    assert (judged[0]["mean"], judged[0]["n"]) == (0.5, 2)
