"""Logs for Inspect: its own reader loads them, its viewer's functions list them."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner
from exported_runs import ANSWER, QUESTION, QUOTE, answers_file, paging_run

from docpager.cli import main

log_module = pytest.importorskip("inspect_ai.log", reason="inspect_ai is not installed")


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("logs")


@pytest.fixture(scope="module")
def line(folder):
    return paging_run(folder, journal=folder / "runs" / "q1.jsonl")


def export(*arguments: object):
    return CliRunner().invoke(main, ["export", *map(str, arguments)])


@pytest.fixture(scope="module")
def done(folder, line):
    """A run, an answer that failed, one whose journal is gone; gold for two of them."""
    failed = replace(line, id="q2", status="failed", answer=None, citations=(), journal=None,
                     error="the model said nothing \x1b[31m \ud800")  # fmt: skip
    gone = replace(line, id="q3", journal=str(folder / "gone.jsonl"))
    gold = [
        {"id": "q1", "question": QUESTION, "answers": ["lantern"], "kind": "place"},
        {"id": "q2", "question": QUESTION, "answers": []},
        {"id": "q9", "question": "never asked", "answers": ["x"]},
    ]
    questions = folder / "questions.jsonl"
    questions.write_text("".join(json.dumps(each) + "\n" for each in gold), "utf-8")
    answers = answers_file(folder, line, failed, gone)
    return export(answers, "-o", folder / "log.eval", "--questions", questions)


@pytest.fixture(scope="module")
def log(folder, done):
    assert done.exit_code == 0, done.output
    return log_module.read_eval_log(str(folder / "log.eval"), resolve_attachments=True)


@pytest.fixture(scope="module")
def sample(log):
    return next(sample for sample in log.samples if sample.id == "q1")


def test_questions_are_samples_with_targets_and_scores(log, sample):
    by_id = {sample.id: sample for sample in log.samples}

    assert log.status == "success" and log.eval.task == "docpager"
    assert list(by_id) == ["q1", "q2", "q3"] and log.eval.dataset.samples == 3
    assert sample.input == QUESTION and sample.target == ["lantern"]
    assert sample.output.completion == ANSWER
    assert sample.scores["status"].value == "answered" and sample.scores["accuracy"].value == 1.0
    assert by_id["q2"].target == "(the documents do not say)"
    assert by_id["q2"].scores["accuracy"].value == 0.0
    assert set(by_id["q3"].scores) == {"status"}  # no gold
    metrics = {score.name: score.metrics for score in log.results.scores}
    assert metrics["accuracy"]["mean"].value == 0.5
    assert metrics["status"]["answered"].value == pytest.approx(2 / 3)
    assert sample.metadata["question"] == {"kind": "place"}
    (cited,) = sample.metadata["citations"]
    assert cited["quote"] == QUOTE and cited["place"].startswith("quay.pdf, page 1")


def test_messages_are_every_turn_of_every_epoch(sample, line):
    roles = [message.role for message in sample.messages]
    said = [message for message in sample.messages if message.role == "assistant"]

    assert roles[:3] == ["system", "user", "assistant"]
    # One head for each epoch, and there were two rebuilds.
    heads = [m for m in sample.messages if m.role == "user" and "# Question" in m.text]
    assert len(heads) == 3 == line.paging["rebuilds"] + 1
    calls = [call.function for message in said for call in message.tool_calls or ()]
    # A rebuild writes the newest step into its head as text: it is no message of its own.
    assert len(calls) == line.steps + 1 - 2
    assert calls[0] == "search" and calls[-1] == "answer" and "page_out" in calls
    refused = [m for m in sample.messages if m.role == "tool" and m.error]
    assert len(refused) == 1 and "D9" in refused[0].error.message
    assert [m.function for m in sample.messages if m.role == "tool"][:2] == ["search", "page_in"]
    known = {call.id for message in said for call in message.tool_calls or ()}
    assert all(m.tool_call_id in known for m in sample.messages if m.role == "tool")
    assert len({message.id for message in sample.messages}) == len(sample.messages)


def test_events_are_the_calls_of_the_model_and_of_functions(sample, line):
    models = [event for event in sample.events if event.event == "model"]
    tools = [event for event in sample.events if event.event == "tool"]

    assert len(models) == line.steps and len(tools) == line.steps + 1
    assert [event.metadata["main_context_rebuilt"] for event in models].count(True) == 2
    assert all(event.input[0].role == "system" for event in models)
    assert models[1].input[-1].role == "tool" and QUOTE in str(models[2].input[-1].content)
    assert tools[-1].function == "answer" and tools[0].arguments == {"query": "crane lantern"}
    times = [event.timestamp for event in models]
    assert times == sorted(times)
    assert sample.model_usage.keys() == {"scripted"}


def test_what_has_no_journal_is_named_and_has_question_and_answer(done, log):
    by_id = {sample.id: sample for sample in log.samples}

    assert "q3: its journal was not found" in done.output
    assert [message.role for message in by_id["q3"].messages] == ["user", "assistant"]
    assert "\\x1b[31m \\ud800" in by_id["q2"].error.message


def test_the_viewer_lists_it(folder, log):
    (listed,) = log_module.list_eval_logs(str(folder))
    header = log_module.read_eval_log(listed, header_only=True)
    summaries = log_module.read_eval_log_sample_summaries(listed)

    assert header.eval.task == "docpager" and header.results.total_samples == 3
    assert [summary.id for summary in summaries] == ["q1", "q2", "q3"]
    assert summaries[0].scores["status"].value == "answered"


def test_a_question_asked_again_is_another_epoch_of_its_sample(folder, line, tmp_path):
    journals = [Path(line.journal), Path(line.journal)]
    assert export(*journals, "-o", tmp_path / "log.eval").exit_code == 0

    log = log_module.read_eval_log(str(tmp_path / "log.eval"))
    assert [(sample.id, sample.epoch) for sample in log.samples] == [("q1", 1), ("q1", 2)]
    assert log.eval.config.epochs == 2


def test_options_of_tables_and_logs_are_told_apart(folder, line, tmp_path):
    by = export(line.journal, "-o", tmp_path / "log.eval", "--by", "step")
    gold = export(line.journal, "-o", tmp_path / "x.csv", "--by", "step", "--questions", "q.jsonl")

    assert by.exit_code != 0 and "--by is for tables" in by.output
    assert gold.exit_code != 0 and "--questions is for a log" in gold.output
    assert not list(tmp_path.iterdir())
