"""A folder with very much that is not read is told of in a few lines, and wholly on request."""

from __future__ import annotations

import re
from email.message import EmailMessage

import pytest
from make_pdf import make_pdf
from test_new_user import docpager, write

MANY = 300


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A letter with 300 attachments that are not read, 30 damaged files, 30 scans, 30 twins."""
    monkeypatch.chdir(tmp_path)
    letter = EmailMessage()
    letter["Subject"] = "The lease"
    letter.set_content("The rent is 900 euros.")
    for number in range(MANY):
        ending = "png" if number % 3 else "bin"
        letter.add_attachment(
            b"\x89PNG\r\n\x1a\n \0\1\2" * 9,
            maintype="application",
            subtype="octet-stream",
            filename=f"file-{number}.{ending}",
        )
    write("docs/letter.eml", bytes(letter))
    for number in range(30):
        write(f"docs/z-bad-{number:02}.pdf", b"%PDF-1.4 \n not one " + str(number).encode())
        write(f"docs/scan-{number:02}.pdf", make_pdf([f"Page one of {number}. " * 20, ""]))
        write(f"docs/twin-{number:02}.txt", "Tin sales fell.")


def ingested(*options):
    result = docpager("ingest", "docs", *options)
    assert result.exit_code == 0, result.stderr
    return result.stderr.splitlines()


def test_a_few_of_each_are_named_and_the_rest_is_counted_by_kind(folder):
    said = ingested()

    assert len(said) < 45
    skipped = [line for line in said if line.startswith("skipped: ")]
    assert len(skipped) == 10
    assert sum("letter.eml" in line for line in skipped) == 1  # it hides no other file
    (rest,) = [line for line in said if "attached file" in line and line.startswith("and ")]
    assert re.fullmatch(
        r"and 320 more: 299 attached files \(200 pictures, 99 \.bin\), 21 damaged "
        r"\(docpager status --unreadable lists all\)",
        rest,
    )
    assert "and 20 more pages: 20 no text layer (docpager status --unreadable lists all)" in said
    assert "and 19 more equal to others (--verbose names each)" in said


def test_the_whole_list_is_where_it_is_said_to_be(folder):
    ingested()

    listed = docpager("status", "--unreadable").stdout

    assert all(f"file-{number}." in listed for number in range(MANY))
    assert all(f"z-bad-{number:02}.pdf" in listed for number in range(30))
    assert listed.count("no text layer") == 30


def test_with_verbose_each_is_named(folder):
    said = ingested("--verbose")

    assert sum(line.startswith("skipped: ") for line in said) == MANY + 30
    assert sum(line.startswith("equal to ") for line in said) == 29
    assert not [line for line in said if line.startswith("and ")]


def test_a_question_says_less_each_time(folder):
    ingested()

    said = docpager("ask", "What is the rent?", "docs", "--model", "extractive").stderr

    assert said.count("skipped: ") == 3
    assert "and 327 more: 299 attached files (200 pictures, 99 .bin), 28 damaged" in said
