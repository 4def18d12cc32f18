"""Names, texts and arguments that would harm a terminal, a journal or an archive."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from docpager.cli import main
from docpager.cli.terminal import visible
from docpager.core.errors import JournalError
from docpager.run.journal import Journal, read_journal

EVIL = "The lizard \x1b[2J\x1b]0;pwned\x07 sleeps \x9b31m under \u202estones.\n"


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs" / "evil.txt").write_text(EVIL * 3)
    return tmp_path


def docpager(*arguments):
    return CliRunner().invoke(main, [*map(str, arguments)])


@pytest.mark.parametrize(
    "arguments",
    [
        ["search", "lizard"],
        ["search", "lizard", "--json"],
        ["grep", "lizard"],
        ["show", "D1"],
        ["contents"],
        ["ask", "Where does the lizard sleep?"],
        ["ask", "Where does the lizard sleep?", "--json"],
    ],
)
def test_no_control_character_of_a_document_reaches_the_terminal(folder, arguments):
    docpager("ingest", "docs")

    output = docpager(*arguments).output

    assert output
    assert not set(output) & set("\x1b\x07\x9b\u202e")


def test_what_is_hidden_is_spelled_out():
    assert visible("a\x1b[2Jb\nc") == "a\\x1b[2Jb\\nc"
    assert visible("a\nb", lines=True) == "a\nb"
    assert visible("\udcff") == "\\udcff"


def test_json_stays_json_and_says_the_same(folder):
    docpager("ingest", "docs")

    first = docpager("show", "D1", "--json").stdout.splitlines()[0]

    assert "\x1b" in json.loads(first)["text"]


@pytest.mark.skipif(os.name != "posix", reason="file names are text elsewhere")
def test_a_file_name_that_is_no_text_costs_only_itself(folder):
    Path(os.fsdecode(b"docs/bad\xff.txt")).write_bytes(b"lizard")

    result = docpager("ingest", "docs")

    assert result.exit_code == 0
    assert "1 document, " in result.stdout
    assert "bad\\xff.txt" in result.stderr


def test_archives_below_a_folder_are_no_documents(folder):
    docpager("ingest", "docs", "--archive", "docs/other")

    result = docpager("ingest", "docs")

    assert "1 document, " in result.stdout


@pytest.mark.skipif(os.name != "posix", reason="arguments are text elsewhere")
def test_arguments_that_are_no_text_are_refused(folder):
    command = [sys.executable, "-m", "docpager", "ask", b"caf\xe9?"]
    result = subprocess.run(command, capture_output=True, check=False)

    assert result.returncode == 2
    assert b"not valid UTF-8" in result.stderr


def test_an_output_that_is_full_is_one_sentence(folder):
    if not Path("/dev/full").exists():
        pytest.skip("there is no /dev/full here")
    docpager("ingest", "docs")
    with Path("/dev/full").open("wb") as full:
        command = [sys.executable, "-m", "docpager", "show", "D1"]
        result = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, check=False)

    assert result.returncode == 1
    assert b"Traceback" not in result.stderr


def test_a_journal_is_never_written_over_a_file(folder):
    docpager("ingest", "docs")
    before = Path(".docpager/manifest.json").read_bytes()

    result = docpager("ask", "lizard?", "--journal", ".docpager/manifest.json")

    assert result.exit_code == 1
    assert "would be written over a file" in result.stderr
    assert Path(".docpager/manifest.json").read_bytes() == before


def test_a_journal_has_one_writer(folder):
    docpager("ingest", "docs")
    docpager("ask", "Where does the lizard sleep?", "--journal", "run.jsonl")
    record = read_journal(Path("run.jsonl"))

    with (
        Journal.resume(record),
        pytest.raises(JournalError, match="another process is continuing"),
    ):
        Journal.resume(record)


def test_the_version_is_told():
    assert "0." in docpager("--version").stdout
