"""Text recognised in pictures: what an engine's words become, and how it is kept within limits."""

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pypdf
import pytest
from picture_pages import calls, draw, install_fake, picture_file, picture_pdf
from PIL import Image

from docpager.core.errors import DocumentError, UsageError
from docpager.documents.carried import Instructions, read_content
from docpager.documents.ocr.recognition import (
    GreyPicture,
    RecognisedPage,
    Recogniser,
    ScannedPage,
)
from docpager.documents.ocr.tesseract import find_tesseract, page_of
from docpager.documents.reader_pool import ReadingLimits, read_files
from docpager.documents.reader_process import ReadingJob
from docpager.documents.signatures import kind_of

pytestmark = pytest.mark.usefixtures("own_readers")

ROOT = Path(__file__).parents[2]
WHITE = GreyPicture(100, 100, bytes([250]) * 10_000)
has_tesseract = pytest.mark.skipif(
    shutil.which("tesseract") is None, reason="tesseract is not installed"
)
needs_linux = pytest.mark.skipif(sys.platform != "linux", reason="kept by the Linux kernel")


def needs_tesseract(test):
    """A test of the installed program; all others know a stand-in."""
    return pytest.mark.slow(has_tesseract(test))


class Kept(dict):
    """Keeps pages in memory."""

    def kept(self, page):
        return self.get(page)

    def keep(self, page, recognised):
        self[page] = recognised

    def tell(self, recognised, scanned):
        self.told = recognised, scanned


@pytest.fixture
def fake(tmp_path, monkeypatch):
    log = install_fake(tmp_path / "bin")
    monkeypatch.setenv("PATH", str(log.parent))
    return log


def listed(*words):
    """Tesseract's list: (block, paragraph, line, confidence, text)."""
    rows = [["level", *"abcdefghij", "text"]]
    rows += [["5", 1, b, p, line, 1, 0, 0, 9, 9, sure, text] for b, p, line, sure, text in words]
    return "\n".join("\t".join(map(str, row)) for row in rows)


def read(path, content, known=()):
    """The one document of a file, with what is known of its pages."""
    recogniser = Recogniser(dict(known))
    (document,) = read_content(content, path, Instructions(recogniser=recogniser)).documents
    return document, list(recogniser.wanted)


def pages_read(tmp_path, content, keeper, *, name="scan.pdf", **limits):
    (tmp_path / name).write_bytes(content)
    job = ReadingJob(tmp_path / name, name, ocr=find_tesseract("eng"))
    ((_, result),) = read_files([job], ReadingLimits(processes=2, **limits), keeper)
    return result


# What the engine's words become.


def test_words_become_lines_and_paragraphs_with_their_mean_confidence():
    words = (1, 1, 1, 90, "One"), (1, 1, 2, 80, "two"), (2, 1, 1, 50, "Three")

    page = page_of(listed(*words), WHITE)

    assert page.text == "One\ntwo\n\nThree"
    assert page.confidence == round((3 * 0.9 + 3 * 0.8 + 5 * 0.5) / 11, 3)


def test_unlikely_words_are_kept_beside_likely_ones():
    assert page_of(listed((1, 1, 1, 95, "Net"), (1, 1, 1, 3, "1,2B4")), WHITE).text == "Net 1,2B4"


@pytest.mark.parametrize("hyphen", "-‐¬")
def test_a_hyphen_at_a_line_end_is_left_to_be_settled(hyphen):
    divided = page_of(listed((1, 1, 1, 95, f"mainte{hyphen}"), (1, 1, 2, 95, "nance of")), WHITE)

    assert divided.text == "mainte\ufffenance of"


def test_a_word_divided_between_columns_is_left_to_be_settled():
    divided = page_of(listed((1, 1, 1, 95, "mainte-"), (2, 1, 1, 95, "nance of")), WHITE)

    assert divided.text == "mainte\ufffenance of"


def test_a_dash_between_columns_stays():
    apart = page_of(listed((1, 1, 1, 95, "Zone B-"), (2, 1, 1, 95, "Speed")), WHITE)

    assert apart.text == "Zone B-\n\nSpeed"


@pytest.mark.parametrize(
    "marks", [[], [(1, 1, 1, 12, "a")], [(1, 1, 1, 95, "|"), (1, 1, 2, 80, "~")]]
)
def test_marks_that_are_hardly_words_are_no_text(marks):
    assert page_of(listed(*marks), WHITE) == RecognisedPage(is_blank=True)


def test_a_picture_without_words_is_not_blank():
    dark = GreyPicture(100, 100, bytes([250]) * 9_000 + bytes([40]) * 1_000)

    assert page_of(listed(), dark) == RecognisedPage(is_blank=False)


def test_lines_that_are_no_list_are_passed_over():
    assert page_of("5\t1\n\n\tx\n5\t1\t1\t1\t1\t1\t0\t0\t9\t9\tnan?\tx", WHITE).text == ""


# Pages of PDFs.


def test_scanned_pages_are_asked_for_and_others_are_not():
    content = picture_pdf([draw("one"), draw("two")])

    document, wanted = read("scan.pdf", content)

    assert wanted == [ScannedPage(document.sha256, 1), ScannedPage(document.sha256, 2)]
    assert document.unreadable == ((1, "no text layer"), (2, "no text layer"))


def test_recognised_text_stands_in_its_page_and_says_what_it_is():
    content = picture_pdf([draw("one"), draw("two")])
    _, (first, second) = read("scan.pdf", content)
    known = {
        first: RecognisedPage("mainte\ufffenance", 0.874),
        second: RecognisedPage("of all", 1.0),
    }

    document, wanted = read("scan.pdf", content, known)

    assert (document.text, wanted) == ("mainte-nance\nof all\n", [])
    assert not document.unreadable
    assert document.doubtful == (
        (1, "recognised from a picture, confidence .87"),
        (2, "recognised from a picture, confidence 1.00"),
    )
    assert [page.reader for page in document.pdf_pages] == ["tesseract", "tesseract"]


def test_few_recognised_words_are_text_too():
    content = picture_pdf([draw("7")])
    _, (page,) = read("scan.pdf", content)

    document, _ = read("scan.pdf", content, {page: RecognisedPage("page 7", 0.9)})

    assert (document.text, document.unreadable) == ("page 7\n", ())


@pytest.mark.parametrize(
    ("found", "unreadable"),
    [
        (RecognisedPage(is_blank=True), ()),
        (RecognisedPage(), ((1, "no words recognised"),)),
        (RecognisedPage(problem="timed out"), ((1, "timed out"),)),
    ],
)
def test_a_page_without_words_is_blank_or_named(found, unreadable):
    content = picture_pdf([draw("one"), draw("two")])
    _, (first, second) = read("scan.pdf", content)

    document, _ = read("scan.pdf", content, {first: found, second: RecognisedPage("two", 0.9)})

    assert document.unreadable == unreadable
    assert document.text.strip() == "two"


# Picture files.


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "TIFF", "WEBP", "BMP", "GIF"])
def test_a_picture_is_known_by_how_it_begins(kind):
    assert kind_of("letter", picture_file([draw("x")], kind)).name == "picture" or kind == "BMP"


def test_without_recognition_a_picture_is_named_with_what_to_do():
    with pytest.raises(DocumentError, match=r"is a picture; .*`ReadingSettings.ocr=True`"):
        read_content(picture_file([draw("x")], "PNG"), "a.png", Instructions())


def test_each_picture_of_a_tiff_is_a_page():
    content = picture_file([draw("one"), draw("two"), draw("three")], "TIFF")
    _, wanted = read("fax.tif", content)

    document, _ = read("fax.tif", content, {page: RecognisedPage("x", 0.5) for page in wanted[:2]})

    assert [page.number for page in wanted] == [1, 2, 3]
    assert document.text == "x\nx\n"
    assert document.unreadable == ((3, "no words recognised"),)


def seen(content, number=1, path="a.png"):
    """What an engine is given of a picture."""
    shown = []

    def recognise(picture):
        shown.append(picture)
        return RecognisedPage("x", 1.0)

    sha256 = read(path, content)[1][0].sha256
    recogniser = Recogniser({}, only=ScannedPage(sha256, number), recognise=recognise)
    read_content(content, path, Instructions(recogniser=recogniser))
    return shown[0]


def test_what_is_transparent_is_white():
    clear = Image.new("RGBA", (2_000, 900), (0, 0, 0, 0))

    assert set(seen(picture_file([clear], "PNG")).pixels) == {255}


def test_a_camera_s_note_of_how_it_was_held_is_obeyed(tmp_path):
    wide = draw("x", size=(2_000, 900))
    exif = wide.getexif()
    exif[0x0112] = 6
    wide.save(tmp_path / "a.jpg", exif=exif)

    assert (seen((tmp_path / "a.jpg").read_bytes()).width) == 900


def test_levels_beyond_256_are_brought_into_them():
    deep = Image.new("I;16", (2_000, 900), 60_000)
    deep.putpixel((0, 0), 0)

    pixels = seen(picture_file([deep], "PNG")).pixels

    assert (pixels[0], pixels[1]) == (0, 255)


def test_small_pictures_are_enlarged_and_fine_ones_made_smaller(tmp_path):
    draw("x", size=(3_000, 3_000)).save(tmp_path / "fine.png", dpi=(600, 600))

    assert seen(picture_file([draw("x", size=(800, 600))], "PNG")).width == 1_600
    assert seen((tmp_path / "fine.png").read_bytes()).width == 1_500


def test_a_bomb_of_pixels_is_named_before_it_is_decoded():
    # A megabyte of zeros says 40,000 by 40,000 pixels, all black.
    bomb = picture_file([Image.new("1", (40_000, 40_000))], "PNG")
    assert len(bomb) < 1_000_000

    with pytest.raises(DocumentError) as refused:
        read("a.png", bomb)

    assert refused.value.reason == "not safe to read"


@pytest.mark.parametrize("kind", ["PNG", "TIFF", "JPEG"])
def test_a_damaged_picture_is_named(kind):
    whole = picture_file([draw("one")], kind)

    with pytest.raises(DocumentError) as refused:
        seen(whole[: len(whole) // 3])

    assert refused.value.reason == "damaged"


# Finding the program.


def test_a_missing_program_is_named_with_its_packages(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))

    with pytest.raises(UsageError, match="apt-get install tesseract-ocr tesseract-ocr-eng "):
        find_tesseract("eng")


def test_a_missing_language_is_named_with_its_package(fake):
    with pytest.raises(UsageError) as refused:
        find_tesseract("eng+chi_sim")

    assert "no data for 'chi_sim'" in str(refused.value)
    assert "apt-get install tesseract-ocr-chi-sim," in str(refused.value)
    assert str(refused.value).endswith("deu, eng")


def test_data_for_turned_pages_are_needed_too(fake, monkeypatch):
    monkeypatch.setenv("FAKE_DATA", "eng")

    with pytest.raises(UsageError, match="apt-get install tesseract-ocr-osd"):
        find_tesseract("eng")


@pytest.mark.parametrize("language", ["", "eng deu", "-x", "eng+", "../eng", "eng;rm"])
def test_what_names_no_language_never_reaches_the_program(fake, language):
    with pytest.raises(UsageError, match="names no languages"):
        find_tesseract(language)


# Keeping it within limits.


def test_pages_are_recognised_by_themselves_and_kept(tmp_path, fake):
    keeper = Kept()

    result = pages_read(tmp_path, picture_pdf([draw("a"), draw("b"), draw("c")]), keeper)

    (piece,) = result.documents
    assert piece.document.text == "the storm petrel weighed 26 grams\n" * 3
    assert piece.cuts
    assert sorted(page.number for page in keeper) == [1, 2, 3]
    assert keeper.told == (3, 3)
    assert len(calls(fake)) == 3


def test_kept_pages_are_not_recognised_again(tmp_path, fake):
    keeper, content = Kept(), picture_pdf([draw("a"), draw("b"), draw("c")])
    pages_read(tmp_path, content, keeper)
    del keeper[next(page for page in keeper if page.number == 2)]
    fake.unlink()

    result = pages_read(tmp_path, content, keeper)

    assert len(calls(fake)) == 1
    assert result.documents[0].document.text.count("petrel") == 3


def test_no_name_of_a_document_reaches_the_program(tmp_path, fake):
    pages_read(tmp_path, picture_pdf([draw("a")]), Kept(), name="--version; x.pdf")

    ((_, *arguments),) = calls(fake)
    assert arguments == ["stdin", "stdout", "-l", "eng", "--psm", "1", "--dpi", "300", "tsv"]


@pytest.mark.parametrize(
    ("how", "said"), [("fail", "Image too large"), ("endless", "it wrote without end")]
)
def test_a_page_on_which_the_program_fails_is_named(tmp_path, fake, monkeypatch, how, said):
    content = picture_pdf([draw("a"), draw("b")])
    keeper = Kept()
    pages_read(tmp_path, content, keeper)
    del keeper[next(page for page in keeper if page.number == 2)]
    monkeypatch.setenv("FAKE_TESSERACT", how)

    result = pages_read(tmp_path, content, keeper)

    assert result.documents[0].document.unreadable == ((2, "not read"),)
    assert result.problems == (
        f"'scan.pdf': page 2 could not be recognised: tesseract failed ({said})",
    )
    assert [page.number for page in keeper] == [1]


def test_garbage_is_no_text(tmp_path, fake, monkeypatch):
    monkeypatch.setenv("FAKE_TESSERACT", "garbage")

    content = picture_pdf([draw("Words that the program lists as rubbish")])

    result = pages_read(tmp_path, content, Kept())

    assert isinstance(result, DocumentError)
    assert result.reason == "no words recognised"


def test_a_page_that_takes_too_long_is_given_up_alone(tmp_path, fake, monkeypatch):
    monkeypatch.setenv("FAKE_TESSERACT", "hang")

    result = pages_read(tmp_path, picture_pdf([draw("a")]), Kept(), timeout_seconds=4.0)

    assert isinstance(result, DocumentError)
    assert result.reason == "timed out"
    assert not is_alive(*pids(fake))


def test_carried_scans_are_recognised(tmp_path, fake):
    writer = pypdf.PdfWriter()
    writer.add_blank_page(200, 200)
    writer.add_attachment("inner.pdf", picture_pdf([draw("a"), draw("b")]))
    writer.write(tmp_path / "outer.pdf")

    result = pages_read(tmp_path, (tmp_path / "outer.pdf").read_bytes(), Kept(), name="outer.pdf")

    inner = [d.document for d in result.documents if d.document.path == "outer.pdf#inner.pdf"]
    assert inner[0].text == "the storm petrel weighed 26 grams\n" * 2


def pids(log):
    return [int(call[0]) for call in calls(log)]


def is_alive(*processes):
    deadline = time.monotonic() + 5
    while any(Path(f"/proc/{pid}").exists() for pid in processes):
        if time.monotonic() > deadline:
            return True
        time.sleep(0.05)
    return False


SCRIPT = """
import sys
from pathlib import Path
from docpager.documents.ocr.tesseract import find_tesseract
from docpager.documents.reader_pool import ReadingLimits, read_files
from docpager.documents.reader_process import ReadingJob

class Nothing:
    def kept(self, page): return None
    def keep(self, page, found): pass
    def tell(self, recognised, scanned): pass

job = ReadingJob(Path(sys.argv[1]), "a.pdf", ocr=find_tesseract("eng"))
list(read_files([job], ReadingLimits(processes=2), Nothing()))
"""


@needs_linux
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_the_program_dies_with_whoever_started_it(tmp_path, fake, monkeypatch, number):
    monkeypatch.setenv("FAKE_TESSERACT", "hang")
    (tmp_path / "a.pdf").write_bytes(picture_pdf([draw("a"), draw("b")]))
    script = subprocess.Popen(
        [sys.executable, "-P", "-c", SCRIPT, str(tmp_path / "a.pdf")],
        stderr=subprocess.DEVNULL,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
    )
    while len(calls(fake)) < 2:
        assert script.poll() is None
        time.sleep(0.05)

    script.send_signal(number)
    script.wait(timeout=30)

    assert not is_alive(*pids(fake))


@needs_linux
def test_the_program_dies_with_a_reader_that_is_killed(tmp_path, fake, monkeypatch):
    monkeypatch.setenv("FAKE_TESSERACT", "hang")
    (tmp_path / "a.pdf").write_bytes(picture_pdf([draw("a")]))
    script = subprocess.Popen(
        [sys.executable, "-P", "-c", SCRIPT, str(tmp_path / "a.pdf")],
        stderr=subprocess.DEVNULL,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
    )
    try:
        while not calls(fake):
            time.sleep(0.05)
        (pid,) = pids(fake)
        reader = int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])

        os.kill(reader, signal.SIGKILL)

        assert not is_alive(pid)
    finally:
        script.kill()
        script.wait()


# The real program.


@needs_tesseract
def test_a_page_is_read(tmp_path):
    sheet = draw("The storm petrel that was ringed in 1986\nweighed 26 grams when caught again.")

    result = pages_read(tmp_path, picture_pdf([sheet]), Kept())

    (piece,) = result.documents
    assert piece.document.text == (
        "The storm petrel that was ringed in 1986\nweighed 26 grams when caught again.\n"
    )
    assert piece.document.pdf_pages[0].confidence > 0.8


@needs_tesseract
@pytest.mark.parametrize("degrees", [90, 180, 270])
def test_a_turned_page_is_read(tmp_path, degrees):
    lines = "\n".join(f"Line {n} of a page that somebody put in turned" for n in range(18))
    sheet = draw(lines).rotate(degrees, expand=True)

    result = pages_read(tmp_path, picture_pdf([sheet]), Kept())

    assert result.documents[0].document.text.count("of a page that somebody put in turned") >= 16


@needs_tesseract
def test_a_blank_page_is_blank(tmp_path):
    result = pages_read(tmp_path, picture_pdf([draw("Some words"), draw("")]), Kept())

    assert not result.documents[0].document.unreadable


A4 = (2_480, 3_508)
"""In dots, 300 to the inch."""


@pytest.mark.parametrize("mode", ["L", "1"])
def test_a_scan_of_bare_paper_is_blank_without_being_recognised(mode):
    bare, numbered = (
        sheet if mode == "L" else sheet.point(lambda level: 255 * (level > 128)).convert("1")
        for sheet in (draw("", size=A4), draw("12", size=A4))
    )

    document, wanted = read("scan.pdf", picture_pdf([bare, numbered]))

    assert [page.problem for page in document.pdf_pages] == [None, "no text layer"]
    assert [page.number for page in wanted] == [2]
