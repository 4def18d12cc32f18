"""Earlier runs are listed from their journals, whatever became of them."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace

import pytest
from click.testing import CliRunner
from playing import long_library
from test_replay import SCRIPT, SETTINGS

from docpager.cli import main
from docpager.core.settings import RunLimits
from docpager.models.messages import Lost
from docpager.models.scripted import ScriptedModel
from docpager.run.journal import read_journal
from docpager.run.past_runs import past_runs
from docpager.run.redaction import redact_journals
from docpager.run.service import ask_archive


@pytest.fixture
def folder(tmp_path):
    """Journals of a run that answered, one that was killed, one that stopped at a limit, one that
    was torn at its start, and a file that is none."""
    library, runs = long_library(20), tmp_path / "runs"

    def ask(name, question, settings=SETTINGS):
        model = ScriptedModel(*SCRIPT)
        path = runs / f"{name}.jsonl"
        return asyncio.run(ask_archive(question, library, model, settings=settings, journal=path))

    ask("1", "What was paid?")
    ask("2", "What was paid for the Roof?")
    ask("3", "Who paid?", replace(SETTINGS, limits=RunLimits(max_steps=1)))
    killed = runs / "2.jsonl"
    killed.write_bytes(b"".join(killed.read_bytes().splitlines(keepends=True)[:-1]) + b"0123 {")
    (runs / "4.jsonl").write_bytes((runs / "1.jsonl").read_bytes()[:100])
    (runs / "5.jsonl").write_text('{"question": "not a journal"}\n')
    return runs


def by_name(folder, *words):
    return {run.journal.stem: run for run in past_runs(folder, words)}


def test_each_run_says_how_it_ended(folder):
    runs = by_name(folder)

    assert {name: run.status for name, run in runs.items()} == {
        "1": "answered", "2": "unfinished", "3": "stopped", "5": "unreadable"
    }  # fmt: skip
    assert runs["3"].limit == "max_steps"
    for name in ("1", "2", "3"):
        record = read_journal(folder / f"{name}.jsonl")
        assert runs[name].steps == sum(each.kind == "reply" for each in record.entries)
        assert runs[name].question == record.header.plan.question
    assert runs["1"].answer == read_journal(folder / "1.jsonl").outcome.text


def test_all_words_must_be_in_question_or_answer_in_any_case(folder):
    assert set(by_name(folder, "PAID")) == {"1", "2", "3"}
    assert set(by_name(folder, "roof", "paid")) == {"2"}
    assert by_name(folder, "roof", "who") == {}


def test_dollars_are_added_up_with_lost_attempts(folder):
    path = folder / "1.jsonl"
    header, *entries = path.read_bytes().splitlines()

    def with_costs(line):
        entry = json.loads(line.partition(b" ")[2])
        if entry["kind"] == "reply":
            entry["reply"]["cost_usd"] = 0.25
        return b"0123456789abcdef " + json.dumps(entry, separators=(",", ":")).encode()

    lost = {"kind": "lost", "step": 0, "lost": {"attempts": 1, "tokens": 9, "usd": 0.5}}
    assert Lost(**lost["lost"])
    opening = json.loads(header.partition(b" ")[2])
    opening["header"]["price"] = {"model": "m"}
    replies = by_name(folder)["1"].steps
    path.write_bytes(
        b"\n".join(
            [
                b"0123456789abcdef " + json.dumps(opening).encode(),
                b"0123456789abcdef " + json.dumps(lost, separators=(",", ":")).encode(),
                *map(with_costs, entries),
                b"",
            ]
        )
    )

    assert by_name(folder)["1"].cost_usd == 0.5 + 0.25 * replies
    assert by_name(folder)["3"].cost_usd is None


def test_a_redacted_run_shows_nothing_of_its_answer(folder):
    header = read_journal(folder / "1.jsonl").header
    answer = by_name(folder)["1"].answer
    redact_journals(folder, header.archive_id, [1])

    (run,) = [run for run in past_runs(folder) if run.journal.stem == "1"]
    assert (run.status, run.answer) == ("answered", None)
    assert run.error == "redacted: D1 was forgotten"
    assert not [run for run in past_runs(folder, answer.split()) if run.journal.stem == "1"]


def test_the_command_lists_searches_and_gives_json(folder):
    def listed(*arguments):
        result = CliRunner().invoke(main, ["runs", "--journals", str(folder), *arguments])
        assert result.exit_code == 0, result.output
        return result

    assert "What was paid?" in listed().stdout
    assert "2 of 4 runs" in listed("--limit", "2").stderr
    (line,) = listed("roof paid", "--json").stdout.splitlines()
    assert json.loads(line)["journal"] == str(folder / "2.jsonl")
    assert listed("nowhere").stderr == "no run has these words\n"


def test_a_folder_that_is_not_there_is_named(tmp_path):
    result = CliRunner().invoke(main, ["runs", "--archive", str(tmp_path / "none")])

    assert result.exit_code == 2
    assert "there are no journals in" in result.stderr


def test_control_characters_of_a_question_are_not_obeyed(folder):
    path = folder / "1.jsonl"
    path.write_bytes(path.read_bytes().replace(b"What was paid?", b"\\u001b[2J what?", 1))

    result = CliRunner().invoke(main, ["runs", "--journals", str(folder)])

    assert "\\x1b[2J what?" in result.stdout
    assert "\x1b" not in result.stdout
