"""Runs that met a document which was forgotten since: nothing of it is exported."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from click.testing import CliRunner

import docpager
from docpager.cli import main

SECRET = "zeppelin"


@pytest.fixture(params=["in the archive", "elsewhere"])
def world(request, tmp_path):
    """An answers file whose run met a forgotten document; its journal is redacted where it is in
    the archive, and as it was where it was kept elsewhere."""
    (tmp_path / "files").mkdir()
    (tmp_path / "files" / "a.txt").write_text(f"The {SECRET} cost nine million dollars.")
    (tmp_path / "files" / "b.txt").write_text("The bridge cost two million dollars.")
    line = docpager.ask(
        f"What did the {SECRET} cost?",
        tmp_path / "files",
        model="extractive",
        archive=tmp_path / "archive",
    )
    assert line.answered and SECRET in line.citations[0].quote
    value = {**line.as_json(), "question": "What did it cost?"}
    if request.param == "elsewhere":
        value["journal"] = str(shutil.copy(line.journal, tmp_path / "kept.jsonl"))
    (tmp_path / "answers.jsonl").write_text(json.dumps(value) + "\n")
    forget = ["forget", "a.txt", "--archive", str(tmp_path / "archive")]
    done = CliRunner().invoke(main, forget)
    assert done.exit_code == 0, done.output
    return tmp_path


def export(world: Path, *arguments: str):
    return CliRunner().invoke(main, ["export", str(world / "answers.jsonl"), *arguments])


@pytest.mark.parametrize("by", ["step", "page-event"])
def test_no_table_is_made_of_it(world, by):
    output = world / "x.csv"
    done = export(world, "-o", str(output), "--by", by)

    assert done.exit_code != 0 and "was forgotten" in done.output
    assert not output.exists()


def test_a_log_names_it_without_answer_and_steps(world):
    log = pytest.importorskip("inspect_ai.log", reason="inspect_ai is not installed")
    output = world / "log.eval"
    done = export(world, "-o", str(output))

    assert done.exit_code == 0 and "was forgotten" in done.output
    read = log.read_eval_log(str(output), resolve_attachments=True)
    (sample,) = read.samples
    assert SECRET not in read.model_dump_json() and not sample.events
    assert sample.output.completion == "[redacted]"


def test_a_bibliography_does_not_name_it(world):
    done = export(world, "-o", str(world / "x.bib"), "--archive", str(world / "archive"))

    assert "left out: a.txt: it is not in the archive" in done.output
    assert "a.txt" not in (world / "x.bib").read_text("utf-8")
