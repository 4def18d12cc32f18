"""ingest, search, grep, contents, show, status on the command line."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from make_pdf import encrypted_pdf, make_pdf

from docpager.archive.manifest import commit_manifest, read_manifest
from docpager.cli import COMMANDS, main

ROOT = Path(__file__).parent.parent.parent


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of two files, ingested."""
    home = tmp_path_factory.mktemp("home")
    folder = home / "reports"
    folder.mkdir()
    pdf = make_pdf(
        ["Copper sales rose to 1,577.", ""], labels=["i", "ii"], outline=[(0, "Sales", 1)]
    )
    (folder / "a.pdf").write_bytes(pdf)
    (folder / "b.txt").write_text("Tin sales fell.")
    (folder / "bad.pdf").write_text("%PDF-1.4 nothing")
    result = run(home, "ingest", str(folder), "--embedder", "hashing")
    assert result.exit_code == 0, result.output
    assert "2 documents, 2 passages -> " in result.stdout
    assert "skipped: bad.pdf: damaged (" in result.stderr
    assert "a.pdf: 1 page (2): no text layer" in result.stderr
    return home


def run(home: Path, *arguments: str) -> Result:
    return CliRunner().invoke(main, arguments, env={"DOCPAGER_ARCHIVE": str(home / "archive")})


def rows(result: Result) -> list[dict[str, object]]:
    return [json.loads(line) for line in result.stdout.splitlines()]


def test_every_command_has_help():
    for name in COMMANDS:
        result = CliRunner().invoke(main, [name, "--help"])
        assert result.exit_code == 0
        assert "--help" in result.stdout


def test_help_imports_nothing_heavy():
    script = (
        "import sys; from docpager.cli import main\n"
        "try: main(['--help'])\n"
        "except SystemExit: pass\n"
        "print(sorted({'numpy', 'pyarrow', 'rich', 'anthropic', 'tantivy'} & set(sys.modules)))"
    )

    began = time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True
    )

    assert done.stdout.splitlines()[-1] == "[]"
    assert time.perf_counter() - began < 5


def test_an_unchanged_folder_is_ingested_again(home):
    result = run(home, "ingest", str(home / "reports"), "--json")

    report = json.loads(result.stdout)
    assert (report["unchanged"], report["new"], report["generation"]) == (3, 0, 1)


def test_strict_fails_on_what_was_skipped(home):
    assert run(home, "ingest", str(home / "reports"), "--strict").exit_code == 1


def test_nothing_readable_fails(tmp_path):
    (tmp_path / "empty").mkdir()

    result = run(tmp_path, "ingest", str(tmp_path / "empty"))

    assert result.exit_code == 1
    assert "there is no file that can be read" in result.stderr


def test_search_names_document_page_and_label(home):
    result = run(home, "search", "copper sales")

    assert result.exit_code == 0
    assert result.stdout.splitlines()[:2] == [
        "D1:c1  a.pdf, page 1 (printed i)  [both]",
        "    Copper sales rose to 1,577.",
    ]
    assert "2 passages by words, 0 more by meaning" in result.stderr


def test_search_gives_json_lines(home):
    hits = rows(run(home, "search", "copper", "--json", "--in", "*.pdf"))

    assert hits == [
        {
            "locator": "D1:c1",
            "place": {
                "kind": "page",
                "document": "a.pdf",
                "page": 1,
                "label": "i",
                "document_id": "D1",
            },
            "snippet": "Copper sales rose to 1,577.",
            "by": "both",
        },
        {"by_words": 1, "by_meaning": 0, "page": 1, "pages": 1},
    ]


def test_a_search_that_finds_nothing_is_done(home):
    result = run(home, "search", "copper", "--in", "D2")

    assert result.exit_code == 0
    assert "0 passages by words" in result.stderr


def test_grep_finds_a_pattern(home):
    result = run(home, "grep", "-i", r"tin s\w+", "--in", str(home / "reports" / "b.txt"))

    assert result.stdout.splitlines() == ["D2:c1  b.txt  [pattern]", "    Tin sales fell."]


def test_contents_lists_documents_and_sections(home):
    assert run(home, "contents").stdout.splitlines() == [
        "D1 a.pdf  (2 PDF pages, 1 passage, 1 PDF page without text)",
        "D2 b.txt  (1 passage)",
    ]
    assert "D1:s1  Sales  (PDF page 1 (printed i))" in run(home, "contents", "D1").stdout
    assert rows(run(home, "contents", "D1:s1", "--json"))[0]["title"] == "Sales"
    assert run(home, "contents", "D1:p1").exit_code == 2


def test_show_prints_the_text(home):
    assert run(home, "show", "D1:p1").stdout.startswith(
        "[p1 (printed i)] Copper sales rose to 1,577."
    )
    assert rows(run(home, "show", "D1", "--json"))[0]["page_labels"] == ["i", "i"]
    assert rows(run(home, "show", "D2", "--json"))[0]["text"] == "Tin sales fell."


def test_status_counts(home):
    assert rows(run(home, "status", "--json"))[0]["documents"] == 2
    assert "documents             2" in run(home, "status").stdout


def test_documents_read_by_older_rules_are_named_with_the_way_to_read_them_again(tmp_path):
    (tmp_path / "a.txt").write_text("Tin sales fell.")
    (tmp_path / "b.txt").write_text("Copper sales rose.")
    folder, archive = str(tmp_path), tmp_path / "archive"
    run(tmp_path, "ingest", folder, "--embedder", "hashing")
    manifest = read_manifest(archive)
    older = tuple(replace(record, reader_version=0) for record in manifest.documents)
    commit_manifest(archive, replace(manifest, documents=older))
    said = "2 documents were read by older rules; `docpager ingest --reread PATH` reads the files"

    status, ingested = run(tmp_path, "status"), run(tmp_path, "ingest", folder)
    again = run(tmp_path, "ingest", "--reread", folder)

    assert said in status.stderr
    assert said in ingested.stderr
    assert "2 unchanged" in ingested.stdout
    assert "2 read again" in again.stdout
    assert again.stderr == ""


def test_status_lists_what_could_not_be_read(home):
    result = run(home, "status", "--unreadable")

    first, page, bad = result.stdout.splitlines()
    assert first == "D1 a.pdf"
    assert page == "  p2 (printed ii)  no text layer  (0 characters, images on 0% of the page)"
    assert bad.startswith("bad.pdf: damaged ('bad.pdf' is damaged and cannot be read")
    assert rows(run(home, "status", "--unreadable", "--json"))[0] == {
        "place": {
            "kind": "page",
            "document": "a.pdf",
            "page": 2,
            "label": "ii",
            "document_id": "D1",
        },
        "reason": "no text layer",
        "characters": 0,
        "unmapped_share": 0.0,
        "image_area": 0.0,
        "readable": False,
        "reader": "pdfium",
        "confidence": None,
    }


def test_a_password_file_opens_what_it_names_and_is_never_shown_or_stored(tmp_path):
    (tmp_path / "a.pdf").write_bytes(encrypted_pdf("hidden-w0rd"))
    (tmp_path / "words.json").write_text('{"a.pdf": "hidden-w0rd"}')
    ingest = ("ingest", str(tmp_path / "a.pdf"), "--embedder", "hashing")

    without = run(tmp_path, *ingest)
    opened = run(tmp_path, *ingest, "--password-file", str(tmp_path / "words.json"))

    assert (without.exit_code, opened.exit_code) == (1, 0)
    assert "skipped: a.pdf: encrypted (" in without.stderr
    assert "1 document, 1 passage" in opened.stdout
    assert "hidden-w0rd" not in opened.output
    stored = [path for path in (tmp_path / "archive").rglob("*") if path.is_file()]
    assert stored
    assert not any(b"hidden-w0rd" in path.read_bytes() for path in stored)


def test_a_password_file_that_is_none_is_refused_without_showing_it(tmp_path):
    (tmp_path / "a.pdf").write_bytes(make_pdf(["words"]))
    (tmp_path / "words.json").write_text("hidden-w0rd")

    result = run(
        tmp_path,
        *("ingest", str(tmp_path / "a.pdf"), "--password-file", str(tmp_path / "words.json")),
    )

    assert result.exit_code == 2
    assert "is not a JSON object of passwords" in result.stderr
    assert "hidden-w0rd" not in result.output


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (("show", "D9"), 2, "docpager: no document D9; the archive has 2 documents, D1 to D2\n"),
        (("show", "page 3"), 2, "docpager: 'page 3' is not a locator"),
        (("grep", "("), 2, "docpager: '(' is not a valid RE2 pattern"),
        (("search", "x", "--in", "nothing"), 2, "docpager: no document 'nothing'"),
        (("search", "x", "--in", "n" * 300), 2, "docpager: no document 'nnn"),
        (("search", "x", "--archive", "nowhere"), 1, "docpager: no archive 'nowhere'; make one"),
        (("ingest", "nowhere"), 2, "docpager: there is no file or folder 'nowhere'"),
        (("search",), 2, "Missing argument 'QUERY'"),
        (("unknown",), 2, "No such command 'unknown'"),
    ],
)
def test_what_went_wrong_is_one_sentence_and_an_exit_code(home, arguments, code, said):
    result = run(home, *arguments)

    assert result.exit_code == code
    assert said in result.stderr
    assert result.stdout == ""


def test_a_reader_that_leaves_early_is_no_error(home):
    reading, writing = os.pipe()
    os.close(reading)

    done = subprocess.run(
        [sys.executable, "-m", "docpager", "show", "D1", "--archive", str(home / "archive")],
        cwd=ROOT,
        stdout=writing,
        stderr=subprocess.PIPE,
        check=False,
    )

    os.close(writing)
    assert (done.returncode, done.stderr) == (0, b"")
