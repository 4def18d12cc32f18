"""A folder of everything: each file is a document, a duplicate, or named, now and later."""

import json
from pathlib import Path

import pytest
from test_new_user import docpager, ingested, write

LETTER = b"From: a@b.c\nSubject: Lease\n\nThe rent is 900 euros.\n"


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write("docs/a.txt", "Tin sales fell.")
    write("docs/copy.txt", "Tin sales fell.")
    write("docs/README", "Lead sales rose.")
    write("docs/LETTER", LETTER)
    write("docs/core", b"\x7fELF" + bytes(range(256)) * 9)
    write("docs/blank.txt", " \n\n")
    write("docs/empty.md", b"")
    write("docs/gbk.txt", "本合同自双方签字盖章之日起生效，甲方应支付货款。".encode("gbk"))
    for name in ("x.zip", "y.7z", "z.tar.gz", "p.png", "q.JPG", "s.mp3"):
        write(f"docs/deep/{name}", b"PK\3\4 not opened")
    write("docs/.notes.txt", "hidden")
    write("docs/.git/config", "hidden")


def test_everything_that_is_not_read_is_named_each_time_by_kind_and_count(folder):
    for _ in range(2):
        said = ingested("docs").stderr
        assert "not read: 2 pictures, 1 " in said
        for kind in ("1 without an ending", "1 .gz", "1 .7z", "1 .zip", "1 sound"):
            assert kind in said
        assert "hidden, not read: 2 files or folders\n" in said
        assert "skipped: blank.txt: empty" in said
        assert "skipped: empty.md: empty" in said
        assert "gbk.txt: encoding guessed (docpager status --unreadable)\n" in said


def test_files_without_an_ending_are_looked_into(folder):
    ingested("docs")

    for words in ("Lead", "rent"):
        assert docpager("search", words).stdout.strip()


def test_status_adds_up_later_from_the_archive_alone(folder):
    ingested("docs")
    status = json.loads(docpager("status", "--json").stdout)

    names = ("picture", "hidden", ".7z", ".gz", ".zip", "sound", "without an ending")
    assert status["left_out"] == dict(zip(names, (2, 2, 1, 1, 1, 1, 1), strict=True))
    counts = [status[name] for name in ("files_read", "duplicate_files", "files_not_read")]
    assert counts == [4, 1, 2]
    assert status["files"] == 4 + 1 + 2 + 9
    assert "2 pictures" in docpager("status").stdout


def test_status_follows_the_folder(folder):
    write("other/b.txt", "Zinc.")
    write("other/b.zip", b"PK")
    ingested("docs", "other")
    Path("docs/deep/x.zip").unlink()
    ingested("docs")

    left_out = json.loads(docpager("status", "--json").stdout)["left_out"]

    assert left_out[".zip"] == 1


def test_status_names_guessed_encodings(folder):
    ingested("docs")

    said = docpager("status", "--unreadable").stdout
    rows = [json.loads(r) for r in docpager("status", "--unreadable", "--json").stdout.splitlines()]

    assert "gbk.txt" in said
    assert "may be wrong: encoding guessed" in said
    assert {"encoding guessed"} == {row["reason"] for row in rows if "place" in row}


def test_kinds_whose_reader_is_not_installed_say_how_to_read_them(monkeypatch):
    from docpager.documents import kinds

    needs = ("no_such_module",)
    waiting = kinds.Kind("word", "Word file", frozenset({".docx", ".pub"}), "x:y", needs=needs)
    monkeypatch.setattr(kinds, "KINDS", (*kinds.KINDS, waiting))

    assert kinds.counted_kinds({".docx": 12, ".zip": 3, "picture": 4, ".pub": 1}) == (
        "12 .docx, 1 .pub (pip install 'docpager[formats]' reads them), 4 pictures, 3 .zip"
    )
