"""What cannot be read is named, remembered, and tried again when that makes sense."""

from __future__ import annotations

import pytest
from make_pdf import encrypted_pdf, make_pdf

from docpager.archive.ingest_files import ReadingSettings


def reasons(report):
    return {file.path: file.reason for file in report.skipped}


def test_each_file_has_its_reason(workshop):
    for name, content in {
        "a.pdf": b"%PDF-1.4 nothing",
        "b.pdf": b"<html>",
        "c.pdf": encrypted_pdf("secret"),
        "d.pdf": make_pdf(["", ""]),
        "e.pdf": b"",
        "f.txt": b"",
        "g.txt": bytes(range(32)) * 9,
        "h.txt": b"words",
    }.items():
        (workshop.files / name).write_bytes(content)

    report = workshop.ingest()

    assert reasons(report) == {
        "a.pdf": "damaged",
        "b.pdf": "not a PDF",
        "c.pdf": "encrypted",
        "d.pdf": "no text layer",
        "e.pdf": "empty",
        "f.txt": "empty",
        "g.txt": "not text",
    }
    assert [(file.path, file.reason) for file in workshop.open().audit().files] == list(
        reasons(report).items()
    )


def test_each_page_has_its_reason(workshop):
    garbled = "\x01\x02\x03\x04\x05 \x06\x0e\x0f\x10\x11 ab"
    (workshop.files / "a.pdf").write_bytes(make_pdf(["words", "", garbled, "more", ""]))

    report = workshop.ingest()

    assert report.unreadable == {"a.pdf": {"no text layer": (2, 5), "garbled text": (3,)}}
    pages = [unread.page for unread in workshop.open().audit().pages]
    assert [page.number for page in pages] == [2, 3, 5]
    assert [page.characters > 0 for page in pages] == [False, True, False]
    assert pages[1].unmapped_share > 0.4
    assert workshop.ingest().unreadable == report.unreadable


def test_a_failed_file_is_read_again_when_asked(workshop):
    workshop.write(bad_pdf="no PDF", good_txt="words")
    workshop.ingest()

    workshop.ingest()
    assert workshop.read_paths == []

    report = workshop.ingest(reading=ReadingSettings(retry_failed=True))
    assert workshop.read_paths == ["bad.pdf"]
    assert reasons(report) == {"bad.pdf": "not a PDF"}


def test_a_failed_file_is_read_again_when_it_changed(workshop):
    workshop.write(bad_pdf="no PDF")
    workshop.ingest()
    (workshop.files / "bad.pdf").write_bytes(make_pdf(["mended"]))

    report = workshop.ingest()

    assert (report.new, report.skipped) == (1, [])


@pytest.mark.parametrize("name", ["deep/a.pdf", "a.pdf"])
def test_an_encrypted_file_is_read_again_when_its_password_comes(workshop, name):
    (workshop.files / "deep").mkdir()
    (workshop.files / "deep" / "a.pdf").write_bytes(encrypted_pdf("secret"))
    workshop.write(bad_pdf="no PDF")
    workshop.ingest()

    report = workshop.ingest(reading=ReadingSettings(passwords={name: "secret"}))

    assert workshop.read_paths == ["deep/a.pdf"]
    assert reasons(report) == {"bad.pdf": "not a PDF"}
    assert workshop.open().search("secret words").by_words == 1
    workshop.ingest()
    assert workshop.read_paths == []


def test_passwords_are_not_shown():
    assert "secret" not in repr(ReadingSettings(passwords={"a.pdf": "secret"}))
