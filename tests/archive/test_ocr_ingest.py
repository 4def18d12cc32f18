"""Scans in an archive: recognised once, kept, read again only where there is something to gain."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from make_pdf import make_pdf
from picture_pages import calls, draw, install_fake, picture_file, picture_pdf

from docpager.archive.archive import Archive
from docpager.archive.ingest import ingest
from docpager.archive.ingest_files import ReadingSettings
from docpager.archive.integrity import repair, verify
from docpager.archive.maintenance import compact, forget
from docpager.archive.segment import _page
from docpager.core.errors import UsageError
from docpager.testing import HashingEmbedder

ROOT = Path(__file__).parents[2]
OCR = ReadingSettings(ocr=True)
PETREL = "the storm petrel weighed 26 grams\n"


@pytest.fixture
def fake(tmp_path, monkeypatch):
    log = install_fake(tmp_path / "bin")
    monkeypatch.setenv("PATH", str(log.parent))
    return log


class Folder:
    """A folder of files and an archive beside it, read by the real readers."""

    def __init__(self, home):
        self.files, self.directory = home / "files", home / "archive"
        self.files.mkdir()

    def write(self, name, content):
        (self.files / name).write_bytes(content)

    def ingest(self, reading=None, **options):
        return ingest(
            [self.files],
            self.directory,
            embedder=HashingEmbedder(),
            reading=reading,
            **options,
        )

    def open(self):
        return Archive.open(self.directory, embedder=HashingEmbedder())

    def texts(self):
        with self.open() as archive:
            return {
                entry.path: "".join(p.text for p in archive.load(entry.name))
                for entry in archive.documents()
            }


@pytest.fixture
def folder(tmp_path):
    return Folder(tmp_path)


def test_without_recognition_scans_are_named_and_pictures_counted(folder):
    folder.write("scan.pdf", picture_pdf([draw("a")]))
    folder.write("photo.png", picture_file([draw("a")], "PNG"))
    folder.write("b.txt", b"words")

    report = folder.ingest()

    assert [(file.path, file.reason) for file in report.skipped] == [("scan.pdf", "no text layer")]
    assert "`ReadingSettings.ocr=True`" in report.skipped[0].message
    assert report.unsupported == ["photo.png"]


def test_only_files_with_scanned_pages_are_read_again(folder, fake):
    folder.write("typed.pdf", make_pdf(["Words that are text"]))
    folder.write("scan.pdf", picture_pdf([draw("a")]))
    folder.write("photo.png", picture_file([draw("a")], "PNG"))
    folder.ingest()

    report = folder.ingest(OCR)

    assert (report.new, report.unchanged, report.skipped) == (2, 1, [])
    assert folder.texts() == {
        "photo.png": PETREL,
        "scan.pdf": PETREL,
        "typed.pdf": "Words that are text\n",
    }
    assert len(calls(fake)) == 2


@pytest.mark.parametrize("again", [OCR, None])
def test_what_was_recognised_stays(folder, fake, again):
    folder.write("scan.pdf", picture_pdf([draw("a")]))
    folder.write("photo.png", picture_file([draw("a")], "PNG"))
    folder.ingest(OCR)

    report = folder.ingest(again)

    assert (report.unchanged, report.skipped, report.unsupported) == (2, [], [])
    assert set(folder.texts().values()) == {PETREL}


def test_a_moved_scan_keeps_its_text_without_being_recognised(folder, fake):
    folder.write("scan.pdf", picture_pdf([draw("a")]))
    folder.ingest(OCR)
    (folder.files / "scan.pdf").rename(folder.files / "letter.pdf")

    folder.ingest()

    assert folder.texts() == {"letter.pdf": PETREL}


def test_another_language_is_another_reading(folder, fake):
    folder.write("typed.pdf", make_pdf(["Words that are text"]))
    folder.write("scan.pdf", picture_pdf([draw("a")]))
    folder.ingest(OCR)

    report = folder.ingest(ReadingSettings(ocr=True, ocr_language="deu+eng"))

    assert (report.changed, report.unchanged) == (1, 1)
    assert calls(fake)[-1][3:5] == ["-l", "deu+eng"]


def test_a_page_that_shows_nothing_is_looked_at_once(folder, fake, monkeypatch):
    monkeypatch.setenv("FAKE_TESSERACT", "nothing")
    drawing = draw("A word that is not recognised")
    folder.write("mixed.pdf", picture_pdf([drawing, drawing]))
    folder.write("photo.png", picture_file([drawing], "PNG"))
    folder.ingest(OCR)

    report = folder.ingest(OCR)

    assert report.unchanged == 2
    assert {file.reason for file in report.skipped} == {"no words recognised"}
    assert len(calls(fake)) == 3


def test_a_document_keeps_its_id_where_nothing_was_recognised(folder, fake, monkeypatch):
    monkeypatch.setenv("FAKE_TESSERACT", "nothing")
    folder.write("mixed.pdf", make_pdf(["Words that are text", ""]))
    folder.ingest()
    before = folder.open().documents()[0]
    assert before.unreadable_pdf_pages == (2,)

    report = folder.ingest(OCR)

    assert folder.open().documents()[0].id == before.id
    assert report.changed == 0
    assert "no words recognised" in report.unreadable["mixed.pdf"]


def test_failed_pages_are_tried_again_when_asked_for(folder, fake, monkeypatch):
    monkeypatch.setenv("FAKE_TESSERACT", "fail")
    folder.write("scan.pdf", picture_pdf([draw("a")]))
    folder.ingest(OCR)
    monkeypatch.setenv("FAKE_TESSERACT", "words")

    assert folder.ingest(OCR).skipped[0].reason == "not read"
    report = folder.ingest(ReadingSettings(ocr=True, retry_failed=True))

    assert (report.new, report.skipped) == (1, [])


def test_pages_of_archives_of_before_have_no_confidence():
    assert _page([1, "1", 0, 9]).confidence is None
    assert _page([1, "1", 0, 9, None, 5, 0.0, None, "pypdf", None, ["x"]]).notes == ("x",)
    assert _page([1, "1", 0, 9, None, 5, 0.0, None, "pypdf", None, []]).notes == ()


def test_recognised_text_is_forgotten_with_its_document(folder, fake):
    folder.write("scan.pdf", picture_pdf([draw("a")]))
    folder.write("other.pdf", picture_pdf([draw("b")]))
    folder.ingest(OCR)
    kept = folder.directory / "cache" / "recognised"
    assert len(list(kept.iterdir())) == 2

    forget(folder.directory, [1])
    assert len(list(kept.iterdir())) == 1
    compact(folder.directory)

    assert not kept.exists()


def test_a_lost_scan_is_read_again_as_it_was(folder, fake):
    folder.write("scan.pdf", picture_pdf([draw("a")]))
    folder.ingest(OCR)
    (passages,) = folder.directory.glob("segments/*/passages.arrow")
    passages.write_bytes(passages.read_bytes()[:-40] + b"x" * 40)

    repair(folder.directory, embedder=HashingEmbedder())

    assert folder.texts() == {"scan.pdf": PETREL}
    assert not verify(folder.directory).damages
    assert len(calls(fake)) == 1


def test_a_torn_line_of_the_kept_pages_costs_one_page(folder, fake):
    folder.write("scan.pdf", picture_pdf([draw("a"), draw("b"), draw("c")]))
    folder.ingest(OCR)
    (kept,) = (folder.directory / "cache" / "recognised").iterdir()
    kept.write_bytes(kept.read_bytes()[:-20])
    forget_files_only(folder)

    folder.ingest(OCR)

    assert len(calls(fake)) == 4
    assert folder.texts() == {"scan.pdf": PETREL * 3}
    assert kept.read_bytes().count(b"\n") == 3


def forget_files_only(folder):
    """Remove everything of an archive but what was recognised."""
    for path in folder.directory.iterdir():
        if path.name != "cache" and path.is_file() and "lock" not in path.name:
            path.unlink()


def test_progress_tells_of_pages(folder, fake):
    folder.write("scan.pdf", picture_pdf([draw("a"), draw("b")]))
    told = []

    folder.ingest(OCR, progress=lambda reached: told.append((reached.recognised, reached.scanned)))

    assert told[-1] == (2, 2)


def test_without_the_program_nothing_is_begun(folder, tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    folder.write("scan.pdf", picture_pdf([draw("a")]))

    with pytest.raises(UsageError, match="apt-get install tesseract-ocr"):
        folder.ingest(OCR)

    assert not folder.directory.exists()


SCRIPT = """
import sys
from pathlib import Path
from docpager.archive.ingest import ingest
from docpager.archive.ingest_files import ReadingSettings
from docpager.testing import HashingEmbedder
ingest([Path(sys.argv[1])], Path(sys.argv[2]), embedder=HashingEmbedder(),
       reading=ReadingSettings(ocr=True))
"""


@pytest.mark.skipif(sys.platform != "linux", reason="no such signal elsewhere")
def test_a_killed_ingest_goes_on_with_the_page_where_it_was(folder, fake):
    pages = 12
    folder.write("scan.pdf", picture_pdf([draw(str(n)) for n in range(pages)]))
    script = subprocess.Popen(
        [sys.executable, "-P", "-c", SCRIPT, str(folder.files), str(folder.directory)],
        env=os.environ | {"PYTHONPATH": str(ROOT)},
    )
    kept = folder.directory / "cache" / "recognised"
    while not (kept.is_dir() and sum(f.read_bytes().count(b"\n") for f in kept.iterdir()) >= 3):
        assert script.poll() is None
        time.sleep(0.01)
    script.send_signal(signal.SIGKILL)
    script.wait()
    (path,) = kept.iterdir()
    before = path.read_bytes().splitlines(keepends=True)
    assert len(before) < pages

    folder.ingest(OCR)

    after = path.read_bytes().splitlines(keepends=True)
    assert after[: len(before)] == before
    assert sorted(json.loads(line)["page"] for line in after) == list(range(1, pages + 1))
    assert folder.texts() == {"scan.pdf": PETREL * pages}
