"""`docpager ask` and what can be done with its journal, as a user meets them."""

from __future__ import annotations

import asyncio
import json
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from click.testing import CliRunner
from make_pdf import make_pdf

from docpager import DocpagerError, ask, ask_many
from docpager.cli import main

PAGES = [
    "The Harbour Trust was founded in 1911 by Ada Quill. " + "Its records are long. " * 40,
    "Maintenance. The north crane was repaired in March 1974 by Tomas Berg. " + "Rope. " * 60,
    "Finance. Total dredging expenses were 48,200 crowns in 1975. "
    + "Other costs were small. " * 40,
]


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs" / "trust.pdf").write_bytes(make_pdf(PAGES))
    return tmp_path


def docpager(*arguments):
    return CliRunner().invoke(main, [*map(str, arguments)])


def asked(*more):
    return docpager("ask", "How much were dredging expenses in 1975?", "docs", *more)


def journal_of(folder):
    (journal,) = (folder / ".docpager" / "runs").glob("*.jsonl")
    return journal


def test_an_answer_is_cited_with_its_page(folder):
    result = asked("--model", "extractive", "--window", 4500)

    assert result.exit_code == 0
    assert "48,200" in result.stdout
    assert "trust.pdf, page 3" in result.stdout
    assert "steps" in result.stderr
    assert re.search(r"^read [1-3] of 3 pages$", result.stderr, re.MULTILINE)


def test_json_is_one_answer_line(folder):
    line = json.loads(asked("--json").stdout)

    assert line["schema_version"] == 2
    assert line["status"] == "answered"
    assert line["citations"][0]["place"]["page"] == 3
    assert line["citations"][0]["match"] == "exact"
    assert line["paging"]["peak_worst_case"] <= line["paging"]["window"] == 32_000
    assert set(line["coverage"]) == {
        "searched", "read", "never_seen", "unreadable", "pages", "pages_read", "documents"
    }  # fmt: skip
    (met,) = line["coverage"]["documents"]
    assert (met["document_id"], met["document"]) == ("D1", "trust.pdf")
    assert "D1:p3" in met["read"][-1] or met["read"][-1].endswith("-3")
    assert Path(line["journal"]).exists()


@pytest.mark.parametrize("options", [(), ("--model", "extractive")])
def test_the_reader_is_never_taken_for_a_language_model(folder, options):
    first = asked(*options)
    footer = "(answered by the rule-based reader, not by a language model)"

    assert first.stderr.startswith("model: extractive, the rule-based reader: it is not a language")
    assert first.stdout.splitlines()[-1] == footer
    assert docpager("replay", journal_of(folder)).stdout == first.stdout
    assert footer in docpager("resume", journal_of(folder)).stdout


def test_the_library_does_not_choose_the_reader_for_anybody(folder, monkeypatch):
    for key in ("ANTHROPIC_API_KEY", "ANTHROPIC_AUTH_TOKEN"):
        monkeypatch.delenv(key, raising=False)
    question = "Who is the president of the Harbour Trust?"
    with pytest.raises(DocpagerError, match='pass model="claude-sonnet-5-5"'):
        ask(question, "docs")
    with pytest.raises(DocpagerError, match='or model="extractive"'):
        asyncio.run(ask_many([question], "docs"))
    assert not (folder / ".docpager").exists(), "nothing was read for it"


def test_the_whole_archive_is_asked_without_a_path(folder):
    asked()

    result = docpager("ask", "Who repaired the north crane?")

    assert result.exit_code == 0
    assert "Tomas Berg" in result.stdout


def test_only_documents_under_the_path_are_asked(folder):
    (folder / "other").mkdir()
    (folder / "other" / "zoo.txt").write_text("The zoo keeps seven otters named by Wilma Dorn.")
    asked()

    line = json.loads(docpager("ask", "Who named the otters?", "docs", "--json").stdout)
    other = json.loads(docpager("ask", "Who named the otters?", "other", "--json").stdout)

    assert "Wilma" not in (line["answer"] or "")
    assert "Wilma Dorn" in other["answer"]


def test_a_run_replays_and_traces(folder):
    first = asked("--window", 4500)
    journal = journal_of(folder)

    replayed = docpager("replay", journal)
    against = docpager("replay", journal, "--against", ".docpager")
    traced = docpager("trace", journal)

    assert replayed.exit_code == against.exit_code == traced.exit_code == 0
    assert replayed.stdout == against.stdout == first.stdout
    assert "every request is the same as in the journal" in replayed.stderr
    assert "executed again" not in replayed.stderr
    assert re.search(r"\d calls executed again on .docpager; their results are", against.stderr)
    assert "page_in" in traced.stdout
    assert "paged in D1:c" in traced.stdout
    assert all(
        "kind" not in json.loads(x)
        for x in docpager("trace", journal, "--json").stdout.splitlines()
    )


def test_replay_against_a_changed_archive_names_the_first_result_that_differs(folder):
    asked()
    (folder / "docs" / "trust.pdf").write_bytes(
        make_pdf([*PAGES[:2], "Dredging expenses 1975: nil."])
    )
    docpager("ingest", "docs")

    result = docpager("replay", journal_of(folder), "--against", ".docpager")

    assert result.exit_code == 1
    assert re.search(r"fails at step \d: search\(.*\) now gives another result", result.stderr)


def test_every_cut_of_a_journal_can_be_resumed_to_the_same_answer(folder):
    first = asked("--window", 4500)
    journal = journal_of(folder)
    lines = journal.read_bytes().splitlines(keepends=True)

    for kept in range(1, len(lines)):
        cut = folder / f"cut-{kept}.jsonl"
        cut.write_bytes(b"".join(lines[:kept]) + lines[kept][: len(lines[kept]) // 2])
        result = docpager("resume", cut)
        assert result.exit_code == 0, result.stderr
        assert result.stdout == first.stdout


def test_a_resumed_run_tells_its_steps_where_it_is_asked_to(folder):
    asked("--window", 4500)
    lines = journal_of(folder).read_bytes().splitlines(keepends=True)
    cut = folder / "cut.jsonl"
    for options, told in (
        (["--verbose", "--log", "run.log"], True),
        (["--quiet"], False),
        ([], False),
    ):
        cut.write_bytes(b"".join(lines[:2]))
        result = docpager("resume", cut, *options)
        assert result.exit_code == 0, result.stderr
        assert ("step 1: search(" in result.stderr) == told
        assert ("step 2: " in result.stderr) == told
    assert re.search(r"\+\d{4} step 1: search\(", (folder / "run.log").read_text())


def test_a_damaged_journal_is_named_with_its_line(folder):
    asked()
    journal = journal_of(folder)
    content = journal.read_bytes()
    journal.write_bytes(content.replace(b"dredging", b"dredginh", 2))

    for command in ("replay", "trace", "resume"):
        result = docpager(command, journal)
        assert result.exit_code == 1
        assert "checksum does not match" in result.stderr


def test_ctrl_c_parks_a_run_that_can_be_resumed(folder):
    """The interrupt comes when the journal has its first lines: the run is alive then."""
    docpager("ingest", "docs")
    command = [
        sys.executable,
        "-m",
        "docpager",
        "ask",
        "Who repaired the crane?",
        "--window",
        "4500",
    ]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    deadline = time.monotonic() + 20
    while not list(folder.glob(".docpager/runs/*.jsonl")) and time.monotonic() < deadline:
        time.sleep(0.002)
    process.send_signal(signal.SIGINT)
    _, stderr = process.communicate(timeout=20)

    # A run this short may have ended before the signal came; then there is nothing to park.
    if process.returncode == 130:
        assert "docpager resume" in stderr
    else:
        assert process.returncode == 0, stderr
    result = docpager("resume", journal_of(folder))
    assert result.exit_code == 0
    assert "Tomas Berg" in result.stdout


@pytest.mark.parametrize(
    ("arguments", "code", "sentence"),
    [
        (["ask", "why?", "nowhere"], 2, "nowhere"),
        (["ask", "why?", "empty"], 1, "nothing readable in 'empty'"),
        (["ask", "  ", "docs"], 2, "question is empty"),
        (["ask", "why " * 9000, "docs"], 2, "shorten it or pass --window"),
        (["ask", "why?", "docs", "--window", "1000"], 2, "the smallest is --window"),
        (["ask", "why?", "docs", "--window", "0"], 2, "--window"),
        (["ask", "why?", "docs", "--max-steps", "0"], 2, "--max-steps must be at least 1"),
        (["ask", "why?", "docs", "--timeout", "-1"], 2, "--timeout must be above 0"),
        (["ask", "why?", "docs", "--model", "oracle"], 2, "no model 'oracle'"),
        (["ask", "why?", "docs", "--archive", "docs/trust.pdf"], 1, "docs/trust.pdf"),
        (["ask", "why?", "--archive", "empty"], 1, "empty"),
        (["ask", "why?", "docs", "--journal", "docs/trust.pdf/x"], 1, "cannot write the journal"),
        (["ask"], 2, "QUESTION"),
        (["ask", "why?", "docs", "--widnow", "3"], 2, "--window"),
        (["resume", "nothing.jsonl"], 1, "cannot read the journal nothing.jsonl"),
        (["replay", "docs/trust.pdf"], 1, "is not a docpager journal"),
        (["trace", "empty.txt"], 1, "is not a docpager journal"),
    ],
)
def test_bad_input_gets_a_sentence_and_leaves_nothing_half_written(
    folder, arguments, code, sentence
):
    (folder / "empty").mkdir()
    (folder / "empty.txt").touch()

    result = docpager(*arguments)

    assert result.exit_code == code, result.output
    assert sentence in result.stderr
    assert "Traceback" not in result.output
    assert not list(folder.rglob("runs/*.jsonl"))


def test_the_smallest_window_that_is_printed_works_and_one_less_does_not(folder):
    refused = asked("--window", 1000)
    smallest = int(re.search(r"smallest is --window (\d+)", refused.stderr)[1])

    assert asked("--window", smallest - 1).exit_code == 2
    result = asked("--window", smallest, "--json")
    assert result.exit_code == 0
    assert json.loads(result.stdout)["paging"]["peak_worst_case"] <= smallest


def test_a_run_that_its_step_limit_stops_does_not_say_that_the_documents_do_not(folder):
    result = asked("--max-steps", 1, "--json")
    line = json.loads(result.stdout)

    assert (result.exit_code, line["steps"]) == (1, 1)
    assert (line["status"], line["limit"], line["answer"]) == ("stopped", "max_steps", None)

    shown = asked("--max-steps", 1)
    assert (shown.exit_code, shown.stdout) == (1, "")
    assert "--max-steps stopped it" in shown.stderr
