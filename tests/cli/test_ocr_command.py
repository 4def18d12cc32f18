"""`--ocr` at the command line: asked for where it helps, and told of in answers."""

import pytest
from click.testing import CliRunner
from picture_pages import calls, draw, install_fake, picture_file, picture_pdf

from docpager.cli import main


@pytest.fixture
def home(tmp_path, monkeypatch):
    log = install_fake(tmp_path / "bin")
    monkeypatch.setenv("PATH", str(log.parent))
    monkeypatch.chdir(tmp_path)
    (tmp_path / "scan.pdf").write_bytes(picture_pdf([draw("a")]))
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "photo.png").write_bytes(picture_file([draw("b")], "PNG"))
    (tmp_path / "photos" / "words.txt").write_text("A guillemot weighs more.")
    return tmp_path


def run(*arguments):
    return CliRunner().invoke(main, arguments, catch_exceptions=False)


def test_what_ocr_would_read_is_named_with_the_option(home):
    folder = run("ingest", "photos", "--embedder", "hashing")
    scan = run("ingest", "scan.pdf", "--embedder", "hashing")
    picture = run("ingest", "photos/photo.png")

    assert "1 picture file may be read with --ocr" in folder.stderr
    assert "recognise its text with --ocr)" in scan.stderr
    assert picture.exit_code == 2
    assert "is a picture; its text is read only where it is to be recognised (--ocr)" in (
        picture.stderr
    )


def test_an_answer_from_a_recognised_page_says_so(home):
    question = "How many grams did the storm petrel weigh?"

    asked = run("ask", "--model", "extractive", "--ocr", question, "scan.pdf")

    assert "recognised from a picture, confidence .87" in asked.stdout
    listed = run("status", "--unreadable").stdout
    assert "may be wrong: recognised from a picture, confidence .87" in listed


def test_a_batch_reads_scans_too(home):
    (home / "q.jsonl").write_text('{"question": "How many grams did the storm petrel weigh?"}\n')

    run("batch", "--model", "extractive", "q.jsonl", "photos", "-o", "a.jsonl", "--ocr")

    assert len(calls(home / "bin" / "calls")) == 1
    assert "26" in (home / "a.jsonl").read_text()


def test_a_missing_language_is_wrong_usage(home):
    refused = run("ingest", "scan.pdf", "--ocr", "--ocr-language", "fra")

    assert refused.exit_code == 2
    assert "apt-get install tesseract-ocr-fra" in refused.stderr
    assert "choose among what is installed (--ocr-language): deu, eng" in refused.stderr
