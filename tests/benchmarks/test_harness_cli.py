"""python -m benchmarks from the outside."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from click.testing import CliRunner

from benchmarks.cli import main
from benchmarks.profiles import PROFILES
from benchmarks.run_files import read_finished
from benchmarks.systems.registry import system_named
from benchmarks.tasks.registry import TASKS

DATASETS = Path(__file__).parents[2] / "datasets"


def test_list_names_every_task_contestant_and_profile() -> None:
    result = CliRunner().invoke(main, ["list"])

    assert result.exit_code == 0
    for name in (*TASKS, "docpager", "whole-text", "docpager:without=notes", *PROFILES):
        assert f"  {name} " in result.output


def test_every_wish_of_a_profile_exists() -> None:
    for wishes in PROFILES.values():
        for config in wishes.values():
            TASKS[config.task].wanted(config.axes, per_cell=config.per_cell)
            assert [system_named(name) for name in config.systems]


def test_any_file_of_questions_is_run_scored_and_compared(tmp_path: Path) -> None:
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs" / "a.txt").write_text("The bridge over the Tarn cost 61 ells of silver.\n")
    question = {
        "question": "What did the bridge over the Tarn cost?",
        "answers": ["61 ells"],
        "evidence": [{"document": "a.txt"}],
        "kind": "fact",
    }
    (tmp_path / "mine.jsonl").write_text(json.dumps(question) + "\n")
    run = [
        "run", str(tmp_path / "mine.jsonl"), "--docs", str(tmp_path / "docs"), "--workers", "1",
        "--out", str(tmp_path / "runs"), "--work", str(tmp_path / "work"),
    ]  # fmt: skip

    ran = CliRunner().invoke(main, run)
    scored = CliRunner().invoke(main, ["score", "--json", str(tmp_path / "runs" / "mine")])
    brief = CliRunner().invoke(main, ["score", "--brief", str(tmp_path / "runs" / "mine")])
    summary = CliRunner().invoke(main, ["score", "--summary", str(tmp_path / "runs" / "mine")])
    compared = CliRunner().invoke(main, ["compare", str(tmp_path / "runs" / "mine")])

    assert (ran.exit_code, scored.exit_code, compared.exit_code) == (0, 0, 0), ran.output
    lines = [json.loads(line) for line in scored.stdout.splitlines()]
    assert {line["system"]: line["marks"]["right"] for line in lines} == {
        "docpager": 1.0,
        "truncate-head": 1.0,
    }
    assert lines[0]["axes"] == {"kind": "fact", "window": 8000}
    assert "| truncate-head | 1.00 | 1.00 | +0.00 [-1.00, +1.00]" in compared.stdout
    one_right_answer = "1.00 [0.03, 1.00]"  # says little: the exact interval, not the bootstrap's
    assert f"| docpager | {one_right_answer} |" in brief.stdout
    assert "**No evidence for paging: docpager's median run had no rebuild.**" in brief.stdout
    assert f"| mine, 8000 | right | 1 | **{one_right_answer}** | **1.00** |" in summary.stdout


def test_all_questions_of_a_file_are_asked_whatever_separators_the_answers_hold(
    tmp_path: Path,
) -> None:
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs" / "a.txt").write_text("The bridge cost 61 ells\u2028of silver.\n", "utf-8")
    asked = [{"question": f"What did the bridge cost ({n})?"} for n in range(22)]
    (tmp_path / "mine.jsonl").write_text("".join(json.dumps(each) + "\n" for each in asked))
    run = [
        "run", str(tmp_path / "mine.jsonl"), "--docs", str(tmp_path / "docs"), "--workers", "1",
        "--out", str(tmp_path / "runs"), "--work", str(tmp_path / "work"),
        "--systems", "truncate-head",
    ]  # fmt: skip

    ran = CliRunner().invoke(main, run)

    assert ran.exit_code == 0, ran.output
    lines = read_finished(tmp_path / "runs" / "mine")
    assert len(lines) == 22
    quotes = [c.quote for line in lines for c in line.answer.citations]
    assert quotes and all("\u2028" in quote for quote in quotes)


TOO_LONG = "What did the bridge cost, " * 400 + "and why?"


def _own_run(folder: Path, *questions: str) -> list[str]:
    """The arguments of a run of these questions over one document."""
    (folder / "docs").mkdir()
    (folder / "docs" / "a.txt").write_text("The bridge over the Tarn cost 61 ells of silver.\n")
    lines = (json.dumps({"question": question}) + "\n" for question in questions)
    (folder / "mine.jsonl").write_text("".join(lines))
    return [
        "run", str(folder / "mine.jsonl"), "--docs", str(folder / "docs"), "--workers", "1",
        "--out", str(folder / "runs"), "--work", str(folder / "work"),
    ]  # fmt: skip


def test_answers_that_failed_are_counted_with_their_reason(tmp_path: Path) -> None:
    ran = CliRunner().invoke(main, _own_run(tmp_path, "What did the bridge cost?", TOO_LONG))

    assert ran.exit_code == 0
    assert "  2 of 4 answers failed: the question takes " in ran.stderr
    assert "(2 times)" in ran.stderr


def test_a_run_in_which_every_answer_failed_ends_with_1(tmp_path: Path) -> None:
    recorded = tmp_path / "recorded"
    recorded.mkdir()
    (recorded / "run.json").write_text('{"model": "claude-haiku-4-5"}')
    (recorded / "replies.jsonl").write_text("")
    run = _own_run(tmp_path, "What did the bridge cost?")

    ran = CliRunner().invoke(main, [*run, "--window", "32000", "--model", f"replay:{recorded}"])

    assert ran.exit_code == 1
    assert "  2 of 2 answers failed: the recorded run of claude-haiku-4-5 made no" in ran.stderr


def test_a_window_in_which_nobody_can_work_is_refused_with_the_smallest(tmp_path: Path) -> None:
    run = _own_run(tmp_path, "What did the bridge over the Tarn cost?", "What did the bridge cost?")

    refused = CliRunner().invoke(main, [*run, "--window", "700"])

    assert refused.exit_code == 2
    assert "--window 700 is too small for every question of 1 document sets" in refused.stderr
    assert not (tmp_path / "runs").exists()
    smallest = re.search(r"the smallest is --window (\d+)", refused.stderr)
    assert smallest
    below = CliRunner().invoke(main, [*run, "--window", str(int(smallest[1]) - 1)])
    enough = CliRunner().invoke(main, [*run, "--window", smallest[1]])
    assert (below.exit_code, enough.exit_code) == (2, 0)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--window", "8k"], "--window '8k' is neither a number of tokens nor `minimum`"),
        (["--per-cell", "0"], "--per-cell must be at least 1, not 0"),
        (["--axis", "pairs=abc"], "--axis pairs takes whole numbers such as"),
        (["--systems", "retrieve-once:tokens=docpager"], "add docpager to --systems"),
        (["--systems", "docpager:policy=foo"], "policy=foo cannot be; see `list`"),
    ],
)
def test_what_cannot_be_run_is_refused_at_once(
    tmp_path: Path, arguments: list[str], said: str
) -> None:
    places = ["--out", str(tmp_path / "runs"), "--work", str(tmp_path / "work")]

    ran = CliRunner().invoke(main, ["run", "nested_kv", *arguments, *places])

    assert ran.exit_code == 2
    assert said in ran.stderr
    assert not (tmp_path / "work").exists()


def test_documents_that_cannot_be_read_are_told(tmp_path: Path) -> None:
    run = _own_run(tmp_path, "What did the bridge cost?")
    (tmp_path / "docs" / "b.pdf").write_bytes(b"no PDF")

    ran = CliRunner().invoke(main, run)

    assert ran.exit_code == 0
    assert re.search(r"1 documents not readable: .*b\.pdf", ran.stderr)


def test_a_line_that_is_no_question_is_named(tmp_path: Path) -> None:
    (tmp_path / "docs").mkdir()
    (tmp_path / "mine.jsonl").write_text('{"question": "Why?"}\n{"question": \n')
    arguments = ["run", str(tmp_path / "mine.jsonl"), "--docs", str(tmp_path / "docs")]

    result = CliRunner().invoke(main, [*arguments, "--out", str(tmp_path / "runs")])

    assert result.exit_code == 2
    assert result.stderr.splitlines()[-1].startswith(f"benchmarks: line 2 of '{tmp_path}/mine")


def test_what_the_user_can_mend_is_one_sentence() -> None:
    for arguments in (["run"], ["run", "nothing"], ["score", "nowhere"], ["run", "x.jsonl"]):
        result = CliRunner().invoke(main, arguments)

        assert result.exit_code == 2
        assert result.stderr.splitlines()[-1].startswith("benchmarks: ")
        assert "Traceback" not in result.stderr
