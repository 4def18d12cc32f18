"""A folder that somebody filled with files made to harm: the good ones are read all the same."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from documents.hostile_files import LAUGHS, carried_by_pdf, epub, mail, xlsx
from documents.office_files import docx, zipped
from test_new_user import docpager

from docpager.core.visible import CONTROLS

NAMES = ("a\x1b[2J\x1b]0;x\x07.txt", "b\x9b31m.zip", "\u202etxt.exe", "c\rd.csv", "../../e.txt")


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "docs").mkdir()
    return tmp_path / "docs"


def test_names_inside_files_cannot_speak_to_the_terminal(folder):
    letter = mail(*((name, b"The lizard sleeps.") for name in NAMES))
    (folder / "letter.eml").write_bytes(
        letter.replace(b"Subject: Files", b"Subject: \x1b[2Jlizard")
    )
    (folder / "paper.pdf").write_bytes(carried_by_pdf(NAMES[0], b"The lizard sleeps."))
    book = xlsx('<row r="1"><c t="str"><v>lizard</v></c></row>')
    book["xl/workbook.xml"] = book["xl/workbook.xml"].replace('"S1"', '"&#x9b;31m&#x202e;S1"')
    (folder / "book.xlsx").write_bytes(zipped(book))
    (folder / "page.html").write_text("<title>&#27;[2Jlizard</title><h1>\x1b[2Ja</h1>lizard")

    for command in (
        ("ingest", "docs", "--verbose"),
        ("status",),
        ("status", "--unreadable"),
        ("contents",),
        ("contents", "D1"),
        ("search", "lizard"),
        ("search", "lizard", "--json"),
        ("show", "D1"),
        ("ask", "Where does the lizard sleep?"),
    ):
        output = docpager(*command).output
        assert output, command
        assert not CONTROLS.search(output), (command, output)
        assert "\r" not in output


def hostile_files() -> list[tuple[str, bytes]]:
    """Ten kinds; those that are made once are given fifty names."""
    return [
        ("ratio.docx", zipped(docx(" " * 5_000_000))),
        ("entries.docx", zipped({str(n): "" for n in range(20_001)})),
        ("entities.docx", zipped({"word/document.xml": f"{LAUGHS}<a>&b9;</a>".encode("utf-16")})),
        ("deep.docx", zipped(docx("<w:x>" * 5_000 + "</w:x>" * 5_000))),
        ("deep.html", b"<html>" + b"<div>" * 50_000 + b"x"),
        ("deep.rtf", b"{\\rtf1 " + b"{" * 50_000 + b"x"),
        ("paths.epub", epub("x", href="../../../../etc/hostname")),
        ("junk.pdf", b"%PDF-1.7 nothing"),
        ("binary.txt", bytes(5_000)),
        ("cut.xlsx", zipped(xlsx(""))[:700]),
    ]


@pytest.mark.slow
def test_ten_good_files_among_five_hundred_hostile_ones_are_read(folder):
    for name, content in hostile_files():
        for number in range(50):
            # A comment at the end makes each another file.
            (folder / f"{number:02}-{name}").write_bytes(content + b" " * number)
    for number in range(10):
        (folder / f"good-{number}.txt").write_text(f"Answer {number} is {number * 7 + 1000}.")
    before = sorted(path for path in folder.rglob("*"))

    result = docpager("ingest", "docs")

    assert result.exit_code == 0, result.output
    status = json.loads(docpager("status", "--json").stdout)
    assert (status["files_read"], status["files_not_read"]) == (10, 500)
    assert "good-7.txt" in docpager("search", "Answer 7").stdout
    assert sorted(path for path in folder.rglob("*")) == before


@pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")
def test_an_interrupt_while_a_bomb_is_read_leaves_no_process_behind(folder):
    # The first takes seconds; the second is refused at once.
    (folder / "bomb.txt").write_bytes(b"a " * 8_000_000)
    (folder / "bomb.docx").write_bytes(zipped(docx(" " * 5_000_000)))
    command = [sys.executable, "-P", "-m", "docpager", "ingest", "docs"]
    session = subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=os.environ | {"PYTHONPATH": str(Path(__file__).parents[2])},
        start_new_session=True,
    )
    deadline = time.monotonic() + 60
    while not readers(session.pid) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert readers(session.pid)
    time.sleep(0.5)

    os.killpg(session.pid, signal.SIGINT)
    session.communicate(timeout=30)

    assert session.returncode != 0
    assert readers(session.pid) == []


def readers(session: int) -> list[str]:
    """The reader processes of a session that have not ended."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            fields = (folder / "stat").read_text().rpartition(")")[2].split()
            if int(fields[3]) == session and b"reader_process" in (folder / "cmdline").read_bytes():
                found.append(folder.name)
        except OSError:
            continue
    return found
