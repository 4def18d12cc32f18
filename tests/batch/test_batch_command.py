from __future__ import annotations

import json

import pytest
from batch_worlds import TOWNS
from click.testing import CliRunner

from docpager.api.ask_many import bounded
from docpager.cli import main
from docpager.core.settings import DEFAULT_BATCH_USD


@pytest.fixture
def place(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "docs").mkdir()
    questions = []
    for n, town in enumerate(TOWNS, 2):
        (tmp_path / "docs" / f"{town}.txt").write_text(f"The bridge of {town} cost {n} crowns.")
        questions.append({"id": town, "question": f"What did the bridge of {town} cost?"})
    lines = [json.dumps(each) for each in questions]
    (tmp_path / "questions.jsonl").write_text("\n".join(lines), "utf-8")
    return tmp_path


def batch(*options: str):
    arguments = ["batch", "questions.jsonl", "-o", "answers.jsonl", "docs", "--model", "extractive"]
    return CliRunner().invoke(main, [*arguments, *options])


def test_help_says_what_a_whole_batch_may_cost():
    said = " ".join(CliRunner().invoke(main, ["batch", "--help"]).stdout.split())

    assert f"in the whole batch. Default: {DEFAULT_BATCH_USD:g} for a model" in said
    assert bounded(None, paid=True).max_usd == DEFAULT_BATCH_USD


def test_the_batchs_own_files_are_no_documents(place):
    (place / "questions.jsonl").rename(place / "docs" / "questions.jsonl")
    gold = {"question": "What is the ferryman called?", "answers": ["Bellerophon"]}
    with (place / "docs" / "questions.jsonl").open("a") as file:
        file.write("\n" + json.dumps(gold))
    arguments = ["batch", "docs/questions.jsonl", "docs", "-o", "docs/a.jsonl"]
    options = ["--model", "extractive", "--journals", "docs/runs"]

    for _ in range(2):  # the second time there are answers and journals in the folder, too
        result = CliRunner().invoke(main, [*arguments, *options])
        assert result.exit_code == 0, result.stderr
    listed = CliRunner().invoke(main, ["contents", "--json"]).stdout

    assert listed.count('"document"') == len(TOWNS) and "questions.jsonl" not in listed
    assert "Bellerophon" not in (place / "docs" / "a.jsonl").read_text("utf-8")


def test_a_server_without_batches_is_refused_before_anything_is_asked(place, monkeypatch):
    monkeypatch.setenv("ANTHROPIC_API_KEY", "x")
    options = [
        "--via",
        "batches",
        "--base-url",
        "http://127.0.0.1:9",
        "--model",
        "claude-haiku-4-5",
    ]
    result = CliRunner().invoke(
        main, ["batch", "questions.jsonl", "docs", "-o", "a.jsonl", *options]
    )

    assert result.exit_code == 2
    assert "is not known to take message batches" in result.stderr
    assert not (place / "a.jsonl").read_text()


def test_a_file_of_questions_is_answered(place):
    result = batch("--in-order", "--json")
    report = json.loads(result.stdout)
    lines = [json.loads(line) for line in (place / "answers.jsonl").read_text().splitlines()]

    assert result.exit_code == 0
    assert [line["id"] for line in lines] == list(TOWNS)
    assert [line["answer"] for line in lines] == [f"{n} crowns" for n in range(2, len(TOWNS) + 2)]
    assert (report["answered"], report["kept"]) == (len(TOWNS), 0)
    assert "8 questions to ask" in result.stderr
    assert "8 answered" in result.stderr

    again = batch()
    assert again.exit_code == 0
    assert "8 answers kept" in again.stderr


def test_one_of_a_thing_is_not_spoken_of_in_the_plural(place):
    first = (place / "questions.jsonl").read_text("utf-8").splitlines()[0]
    (place / "questions.jsonl").write_text(first, "utf-8")

    assert batch("--estimate").stdout.startswith("1 question, extractive")
    assert batch().stderr.count("1 question to ask\n") == 1
    assert "1 answer kept\n" in batch().stderr


def test_an_estimate_writes_nothing(place):
    result = batch("--estimate")

    assert result.exit_code == 0
    assert result.stdout.startswith("8 questions, extractive, live")
    assert "from 8 runs" in result.stdout or "built-in reader" in result.stdout
    assert not (place / "answers.jsonl").exists()
    assert not list((place / ".docpager" / "runs").glob("*"))


def test_an_estimate_knows_what_the_output_was_begun_with(place):
    batch()
    done, other = batch("--estimate"), batch("--estimate", "--window", "16000")

    assert done.stdout == "0 questions to ask: each has its answer line\n"
    assert other.exit_code == 2
    assert "was started with other settings: " in other.stderr
    assert "window was 32000 and is 16000" in other.stderr


def test_an_estimate_can_be_read_by_programs(place):
    estimate = json.loads(batch("--estimate", "--json").stdout)

    assert estimate["questions"] == 8
    assert estimate["steps"]["low"] <= estimate["steps"]["likely"] <= estimate["steps"]["high"]


def test_bad_lines_are_named_before_anything_is_asked(place):
    with (place / "questions.jsonl").open("a") as file:
        file.write('\n{"id": "x"}\nnothing\n')
    refused = batch()
    assert refused.exit_code == 2
    assert "line 9: no field 'question'; line 10: not JSON" in refused.stderr
    assert not (place / "answers.jsonl").exists()

    skipping = batch("--skip-invalid")
    assert skipping.exit_code == 0
    assert "skipped: line 9" in skipping.stderr


@pytest.mark.parametrize("name", ["x" * 300, "a\0b"])
def test_a_name_that_no_path_can_have_is_a_bad_line(place, name):
    with (place / "questions.jsonl").open("a") as file:
        file.write("\n" + json.dumps({"question": "Why?", "documents": name}))

    refused, skipping = batch(), batch("--skip-invalid", "--json")

    assert refused.exit_code == 2
    assert f"line 9: no document {name!r}" in refused.stderr
    assert json.loads(skipping.stdout)["answered"] == 8


def test_rounds_need_a_model_that_takes_them(place):
    result = batch("--via", "batches")

    assert result.exit_code == 2
    assert "'extractive' does not take message batches" in result.stderr


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--finish-live-after", "2h"], "--finish-live-after is for --via batches"),
        (["--via", "batches", "--finish-live-after", "soon"], "not a length of time"),
        (["--max-usd", "0"], "--max-usd must be above 0"),
    ],
)
def test_wrong_options_are_explained(place, options, message):
    result = batch(*options)

    assert result.exit_code == 2
    assert message in result.stderr
