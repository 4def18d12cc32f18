"""What somebody meets who tries the commands for the first time, in a folder of their own."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from make_pdf import make_pdf

from docpager.cli import main


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def write(path: str, content: str | bytes) -> None:
    place = Path(path)
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_bytes(content.encode() if isinstance(content, str) else content)


def docpager(*arguments: object) -> Result:
    return CliRunner().invoke(main, [*map(str, arguments)])


def ingested(*arguments: object) -> Result:
    return docpager("ingest", "--embedder", "hashing", *arguments)


def rows(result: Result) -> list[dict[str, object]]:
    return [json.loads(line) for line in result.stdout.splitlines()]


OFFICE = b"PK\x03\x04\x14\x00\x06\x00\x08\x00"


def test_files_of_a_kind_that_is_not_read_are_counted_each_time(here):
    write("docs/a.txt", "Tin sales fell.")
    for name in ("x.docx", "sub/y.docx", "z.DOCX", "t.xlsx", "u.xlsx", "all.zip", "Makefile"):
        write(f"docs/{name}", OFFICE)
    write("docs/.hidden.docx", OFFICE)
    said = "not read: 3 .docx, 2 .xlsx, 1 without an ending, 1 .zip\n"

    for _ in range(2):
        result = ingested("docs")
        assert result.exit_code == 0
        assert said in result.stderr
    assert said in docpager("ask", "What fell?", "docs").stderr
    report = json.loads(ingested("docs", "--json").stdout)
    assert report["unsupported"] == [
        "Makefile", "all.zip", "sub/y.docx", "t.xlsx", "u.xlsx", "x.docx", "z.DOCX",
    ]  # fmt: skip
    assert report["files"] == 1
    assert "not read: sub/y.docx\n" in ingested("docs", "--verbose").stderr
    assert ingested("docs", "--strict").exit_code == 1
    assert "not read" not in ingested("docs", "--exclude", "[!a]*", "--exclude", "*.zip").stderr


def test_few_files_that_are_not_read_are_named(here):
    write("docs/a.txt", "Tin sales fell.")
    write("docs/deep/contract.docx", OFFICE)

    assert "not read: 1 .docx (deep/contract.docx)\n" in ingested("docs").stderr


def test_what_a_batch_wrote_is_not_named_as_unread(here):
    write("docs/a.txt", "Tin sales fell.")
    write("docs/q/questions.jsonl", '{"question": "What fell?"}\n')
    arguments = ("docs/q/questions.jsonl", "docs/a.txt", "-o", "docs/out/answers.parquet")
    assert docpager("batch", *arguments).exit_code == 0

    assert "not read" not in ingested("docs").stderr


@pytest.mark.parametrize("command", [("ingest",), ("ask", "What fell?")])
def test_a_file_of_a_kind_that_is_not_read_is_refused_by_name(here, command):
    write("a.txt", "Tin sales fell.")
    write("contract.docx", OFFICE)
    write("letter.rtf", r"{\rtf1 Dear Sir}")

    for name in ("contract.docx", "letter.rtf"):
        result = docpager(*command, "a.txt", name)
        assert result.exit_code == 2
        assert f"'{name}' is of the kind .{name[-4:].lstrip('.')}" in result.stderr
        assert not Path(".docpager").exists()


def test_a_file_that_was_named_itself_stays_when_its_folder_is_ingested(here):
    write("docs/a.txt", "Tin sales fell.")
    write("docs/notes.whatever", "Lead sales rose.")
    assert ingested("docs/notes.whatever").exit_code == 0

    result = ingested("docs", "--prune")

    assert "2 documents" in result.stdout
    assert "not read" not in result.stderr
