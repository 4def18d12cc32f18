"""Pictures of pages: the rectangles lie on the words that were asked for, however the page lies."""

from __future__ import annotations

import io
import shutil
import struct
import zlib

import numpy as np
import pytest
from make_pdf import make_pdf
from page_pdf import page_pdf, text_at, width

from docpager.core.errors import DocumentError
from docpager.core.pictures import PicturePrice
from docpager.documents.page_picture import PageWanted, Rectangle
from docpager.documents.pdf import read_pdf
from docpager.documents.pdf.marking import Mark, line_rectangles, marked_characters
from docpager.documents.pdf.pictures import png
from docpager.documents.reader_pool import Reader, ReadingJob, ReadingLimits
from docpager.documents.reasons import Reason

LIMITS = ReadingLimits(processes=1, timeout_seconds=30)


def drawn(tmp_path, content, quote, *, number=1, **wanted):
    """The page with the quote marked that the stored text of the PDF has."""
    path = tmp_path / "made.pdf"
    path.write_bytes(content)
    document = read_pdf(content, "made.pdf")
    page = document.pdf_pages[number - 1]
    text = document.text[page.start : page.end]
    start = text.index(quote)
    return picture_of(
        path, PageWanted(document.sha256, number, text, start, start + len(quote), **wanted)
    )


def picture_of(path, wanted):
    reader = Reader(LIMITS)
    try:
        found = reader.read(ReadingJob(path, path.name, picture=wanted))
    finally:
        reader.stop()
        reader.close()
    if isinstance(found, DocumentError):
        raise found
    return found


def pixels_of(content):
    """A PNG as this reads it: 8 bits, RGB, the filter Up in each row."""
    assert content[:8] == b"\x89PNG\r\n\x1a\n"
    at, chunks = 8, {}
    while at < len(content):
        length, name = struct.unpack(">I4s", content[at : at + 8])
        body = content[at + 8 : at + 8 + length]
        (checksum,) = struct.unpack(">I", content[at + 8 + length : at + 12 + length])
        assert checksum == zlib.crc32(name + body)
        chunks[name] = body
        at += 12 + length
    across, down, depth, colours = struct.unpack(">IIBB", chunks[b"IHDR"][:10])
    assert (depth, colours) == (8, 2)
    rows = np.frombuffer(zlib.decompress(chunks[b"IDAT"]), np.uint8).reshape(down, 1 + 3 * across)
    assert set(rows[:, 0]) == {2}
    return np.cumsum(rows[:, 1:], axis=0, dtype=np.uint8).reshape(down, across, 3)


def test_a_png_is_read_as_it_was_written():
    pixels = np.random.default_rng(1).integers(0, 256, (7, 5, 3), dtype=np.uint8)

    assert (pixels_of(png(pixels)) == pixels).all()


def test_png_is_what_pillow_reads():
    image = pytest.importorskip("PIL.Image")
    from io import BytesIO

    pixels = np.random.default_rng(2).integers(0, 256, (9, 4, 3), dtype=np.uint8)

    assert (np.asarray(image.open(BytesIO(png(pixels)))) == pixels).all()


def near(box, expected, *, by=4.0):
    return all(abs(one - other) <= by for one, other in zip(box, expected, strict=True))


LINE = "The boiler was mended in March by Edda Holm."
QUOTE = "mended in March"
BEFORE, WIDE = width("The boiler was "), width(QUOTE)


def test_the_rectangle_lies_on_the_words(tmp_path):
    content = page_pdf(text_at(72, 700, LINE) + text_at(72, 600, "Nothing else was mended."))

    picture = drawn(tmp_path, content, QUOTE)

    (box,) = picture.rectangles
    assert near(box, (72 + BEFORE, 792 - 709, 72 + BEFORE + WIDE, 792 - 697))
    assert (picture.width, picture.height, picture.share) == (612, 792, 1.0)
    pixels = pixels_of(picture.png)
    assert pixels.shape == (1584, 1224, 3)
    left, top, right, bottom = box.pixels(picture.scale)
    paper = (pixels[top:bottom, left:right] == (255, 232, 90)).all(axis=2)
    assert paper.mean() > 0.4, "yellow paper"
    outside = pixels.copy()
    outside[top:bottom, left:right] = 255
    assert (outside[..., 0] == outside[..., 2]).all(), "nothing is coloured beside it"


def test_words_of_a_table_on_a_page_turned_upside_down_are_marked(tmp_path):
    rows = "".join(
        text_at(60, 780 - 14 * row, f"Operating expenses of segment {row}")
        + text_at(360, 780 - 14 * row, f"{row},20{row}")
        + text_at(460, 780 - 14 * row, f"({row}0{row})")
        for row in range(24)
    )
    content = page_pdf(rows, pages=["/MediaBox [0 0 612 792] /Rotate 180"])

    picture = drawn(tmp_path, content, "expenses of segment 7 7,207 (707)")

    assert picture.share == 1.0
    assert {(round(box.top), round(box.bottom)) for box in picture.rectangles} == {(679, 693)}
    assert min(box.left for box in picture.rectangles) == pytest.approx(612 - 490, abs=8)


def test_a_picture_of_few_colours_is_small_and_what_pillow_reads(tmp_path):
    image = pytest.importorskip("PIL.Image")
    from io import BytesIO

    content = page_pdf(text_at(72, 700, LINE))
    whole = drawn(tmp_path, content, QUOTE)
    small = drawn(tmp_path, content, QUOTE, colours=64, most_pixels=300_000)

    opened = image.open(BytesIO(small.png))
    assert len(small.png) < len(whole.png) / 2
    assert opened.mode == "P" and opened.size[0] * opened.size[1] <= 301_000
    shown = np.asarray(opened.convert("RGB")).astype(int)
    assert (shown[5, 5] == 255).all(), "paper stays white"
    assert (abs(shown - (255, 238, 85)).sum(axis=2) == 0).any(), "and the mark yellow"
    assert small.rectangles == whole.rectangles


def test_a_page_is_drawn_without_marks_where_none_are_wanted(tmp_path):
    content = page_pdf(text_at(72, 700, LINE))

    picture = drawn(tmp_path, content, QUOTE, is_marked=False)

    pixels = pixels_of(picture.png)
    assert picture.rectangles
    assert (pixels[..., 0] == pixels[..., 2]).all()
    assert drawn(tmp_path, content, QUOTE, is_drawn=False).png == b""


@pytest.mark.parametrize(
    ("turned", "place"),
    [
        (90, (697, 72 + BEFORE, 709, 72 + BEFORE + WIDE)),
        (180, (612 - 72 - BEFORE - WIDE, 697, 612 - 72 - BEFORE, 709)),
        (270, (792 - 709, 612 - 72 - BEFORE - WIDE, 792 - 697, 612 - 72 - BEFORE)),
    ],
)
def test_a_turned_page_is_marked_where_it_shows_the_words(tmp_path, turned, place):
    content = page_pdf(text_at(72, 700, LINE), pages=[f"/MediaBox [0 0 612 792] /Rotate {turned}"])

    picture = drawn(tmp_path, content, QUOTE)

    (box,) = picture.rectangles
    assert near(box, place)
    sides = (picture.width, picture.height)
    assert sides == ((612, 792) if turned == 180 else (792, 612))


def test_a_cropped_page_is_marked_from_the_corner_that_is_shown(tmp_path):
    content = page_pdf(
        text_at(72, 700, LINE), pages=["/MediaBox [0 0 612 792] /CropBox [50 400 500 750]"]
    )

    picture = drawn(tmp_path, content, QUOTE)

    (box,) = picture.rectangles
    assert (picture.width, picture.height) == (450, 350)
    assert near(box, (22 + BEFORE, 750 - 709, 22 + BEFORE + WIDE, 750 - 697))


def test_a_page_that_does_not_begin_at_zero_is_marked(tmp_path):
    content = page_pdf(text_at(72, 700, LINE), pages=["/MediaBox [-100 300 512 792]"])

    (box,) = drawn(tmp_path, content, QUOTE).rectangles

    assert near(box, (172 + BEFORE, 792 - 709, 172 + BEFORE + WIDE, 792 - 697))


def test_a_quote_over_lines_and_columns_has_a_rectangle_for_each_line(tmp_path):
    left = ["The station counted all", "boats that came to the", "harbour, and wrote the"]
    right = ["number on a slate that", "hung beside the door of", "the pilot until 1962."]
    stream = "".join(text_at(60, 700 - 14 * n, line) for n, line in enumerate(left))
    stream += "".join(text_at(330, 700 - 14 * n, line) for n, line in enumerate(right))

    picture = drawn(tmp_path, page_pdf(stream), "harbour, and wrote the\nnumber on a slate")

    first, second = picture.rectangles
    assert near(first, (60, 792 - 681, 60 + width(left[2]), 792 - 669))
    assert near(second, (330, 792 - 709, 330 + width("number on a slate"), 792 - 697))


def test_words_that_come_again_are_marked_where_the_quote_stands(tmp_path):
    lines = [f"Row {n}: the total was 17 crowns" for n in range(40)]
    content = make_pdf(["\n".join(lines)])
    path = tmp_path / "made.pdf"
    path.write_bytes(content)
    document = read_pdf(content, "made.pdf")
    start = document.text.index("total was 17", document.text.index("Row 23"))
    wanted = PageWanted(document.sha256, 1, document.text, start, start + len("total was 17"))

    (box,) = picture_of(path, wanted).rectangles

    assert near((box.top, box.bottom), (792 - 760 + 23 * 11 - 8, 792 - 760 + 23 * 11 + 2))


def test_text_that_stands_on_its_side_has_a_high_rectangle(tmp_path):
    words = "Catch by month and boat"
    stream = f"BT /F1 11 Tf 0 1 -1 0 40 200 Tm ({words}) Tj ET\n"
    content = page_pdf(stream + text_at(100, 700, LINE))

    (box,) = drawn(tmp_path, content, words).rectangles

    assert near(box, (31, 792 - 200 - width(words), 43, 592))


def test_a_page_larger_than_any_picture_is_an_error_with_its_size(tmp_path):
    content = page_pdf(text_at(72, 700, LINE), pages=["/MediaBox [0 0 14400 14400]"])
    far_too_large = page_pdf(text_at(72, 700, LINE), pages=["/MediaBox [0 0 90000 90000]"])

    picture = drawn(tmp_path, content, QUOTE)
    with pytest.raises(DocumentError, match=r"1,250 by 1,250 inches, too large") as refused:
        drawn(tmp_path, far_too_large, QUOTE)

    assert picture.scale < 0.5
    assert refused.value.reason == Reason.TOO_LARGE


def test_a_file_that_changed_is_not_drawn(tmp_path):
    path = tmp_path / "made.pdf"
    path.write_bytes(page_pdf(text_at(72, 700, LINE)))

    with pytest.raises(DocumentError, match="is not the file that was read"):
        picture_of(path, PageWanted("0" * 64, 1))


def test_a_page_that_is_not_there_is_an_error(tmp_path):
    content = page_pdf(text_at(72, 700, LINE))
    path = tmp_path / "made.pdf"
    path.write_bytes(content)

    with pytest.raises(DocumentError, match="page 7 cannot be drawn"):
        picture_of(path, PageWanted(read_pdf(content, "made.pdf").sha256, 7))


def test_a_file_that_hangs_is_given_up(tmp_path, monkeypatch):
    """The limits of the reader process hold for pictures as well."""
    path = tmp_path / "made.pdf"
    content = page_pdf("0 0 m 600 700 l S\n" * 4_000_000)
    path.write_bytes(content)
    reader = Reader(ReadingLimits(processes=1, timeout_seconds=0.4))
    try:
        found = reader.read(
            ReadingJob(path, "made.pdf", picture=PageWanted(read_hash(content), 1, dpi=300))
        )
    finally:
        reader.stop()
        reader.close()

    assert isinstance(found, DocumentError)
    assert found.reason == Reason.TIMED_OUT


def read_hash(content):
    import hashlib

    return hashlib.sha256(content).hexdigest()


@pytest.mark.parametrize(
    ("raw", "text", "quote", "expected"),
    [
        ("plain words here", "plain words here", "words", "words"),
        ("a long inter-\r\nnational treaty", "a long international treaty", "international", None),
        (
            "Gebu\u0308hren und Geb\u00a8uhr",
            "Gebühren und Gebühr",
            "und Gebühr",
            "und Geb\u00a8uhr",
        ),
        ("costs\u00b9 rose", "costs [1] rose", "costs [1] rose", "costs\u00b9 rose"),
        ("the e\x0ecient use", "the efficient use", "the efficient use", "the e\x0ecient use"),
        ("ﬁve oﬃces", "five offices", "offices", "oﬃces"),
        ("TOTAL Assets", "Total assets", "Total assets", "TOTAL Assets"),
    ],
)
def test_letters_are_found_whatever_typesetting_made_of_them(raw, text, quote, expected):
    start = text.index(quote)

    marked = marked_characters(raw, text, start, start + len(quote))

    first, last = min(marked.offsets), max(marked.offsets)
    assert raw[first : last + 1] == (expected or "inter-\r\nnational")


def test_lines_in_another_order_are_found_line_by_line():
    raw = "second line about boats\r\nthird one on the weather\r\nfirst line on harbours"
    text = "first line on harbours\nsecond line about boats\nthird one on the weather"
    quote = "line on harbours\nsecond line about"
    start = text.index(quote)

    marked = marked_characters(raw, text, start, start + len(quote))

    assert marked.share == 1.0
    assert "".join(raw[at] for at in marked.offsets) == "lineonharbourssecondlineabout"


def test_words_that_are_not_on_the_page_are_not_marked():
    marked = marked_characters("nothing of that kind", "zebra crossings", 0, 15)

    assert (marked.offsets, marked.share) == ((), 0.0)


def test_a_wide_gap_divides_a_rectangle():
    boxes = [Rectangle(10, 10, 15, 20), Rectangle(16, 10, 21, 20), Rectangle(200, 10, 205, 20)]

    assert line_rectangles(Mark(box, is_upright=True) for box in boxes) == [
        Rectangle(10, 10, 21, 20),
        Rectangle(200, 10, 205, 20),
    ]


def test_recognised_words_are_marked_where_they_were_seen(tmp_path):
    """The words come from the engine, in pixels; each letter has its share of its word."""
    import pypdfium2

    from docpager.documents.ocr.recognition import GreyPicture
    from docpager.documents.page_picture import PageDrawer, WordBox
    from docpager.documents.pdf.pictures import draw_page

    document = pypdfium2.PdfDocument(page_pdf("50 50 99 99 re f\n"))
    words = [WordBox("Rope", 300, 600, 200, 50), WordBox("was", 520, 600, 120, 50)]
    words += [WordBox("bought.", 300, 700, 350, 50)]
    wanted = PageWanted("", 1, "Rope was bought.", 5, 15, is_recognised=True)

    picture = draw_page(
        document[0],
        PageDrawer(wanted, lambda picture: words),
        GreyPicture(2550, 3300, b"", dpi=300),
    )

    assert picture.share == 1.0
    assert near(picture.rectangles[0], (124.8, 144, 153.6, 156), by=1.5)
    assert near(picture.rectangles[1], (72, 168, 144, 180), by=1.5)


@pytest.mark.slow
@pytest.mark.skipif(not shutil.which("tesseract"), reason="tesseract is not installed")
def test_a_scanned_page_is_marked_where_it_shows_the_words(tmp_path):
    image = pytest.importorskip("PIL.Image")
    import pypdfium2

    from docpager import Archive, ReadingSettings, ingest
    from docpager.archive.sources import draw_pages
    from docpager.run.cited_places import cited_place, page_parts

    lines = [f"In the year {1900 + n} the harbour had {n + 3} cranes." for n in range(12)]
    stream = "".join(text_at(72, 700 - 30 * n, line, size=14) for n, line in enumerate(lines))
    drawn_page = pypdfium2.PdfDocument(page_pdf(stream))[0].render(scale=200 / 72, grayscale=True)
    (tmp_path / "docs").mkdir()
    scan = image.fromarray(drawn_page.to_numpy().squeeze())
    scan.save(tmp_path / "docs" / "scan.pdf", resolution=200)
    ingest([tmp_path / "docs"], tmp_path / "archive", reading=ReadingSettings(ocr=True))

    with Archive.open(tmp_path / "archive") as archive:
        cited = cited_place(archive, "scan.pdf:p1", "1907 the harbour had 10 cranes")
        (picture,) = draw_pages(archive, cited.entry.id, page_parts(archive, cited))

    (box,) = picture.rectangles
    left = 72 + width("In the year ", 14)
    right = left + width("1907 the harbour had 10 cranes", 14)
    assert near(box, (left, 792 - 490 - 11, right, 792 - 490 + 4), by=5)


GREY, COLOURED = 0, 2
"""Colour types of PNG."""
FOR_A_MODEL = {"within": PicturePrice(edge=2_576, most_tokens=4_784), "dpi": 200}


def scanned(colours, *, noise):
    """A letter page that is one picture at 200 dots an inch, as a scanner sees paper."""
    import numpy as np
    from PIL import Image

    random = np.random.default_rng(1)
    paper = np.full((2_200, 1_700, 3), colours, np.int16)
    paper += random.integers(-noise, noise + 1, (2_200, 1_700, 1), np.int16)
    content = io.BytesIO()
    Image.fromarray(paper.clip(0, 255).astype(np.uint8)).save(content, "PDF", resolution=200)
    return content.getvalue()


@pytest.mark.parametrize(
    ("colours", "noise", "kind", "is_smaller"),
    [
        ((200, 200, 200), 0, GREY, False),
        ((200, 120, 40), 0, COLOURED, False),
        ((128, 128, 128), 120, GREY, True),
    ],
)
def test_a_scan_for_a_model_is_grey_where_it_can_be_and_never_too_many_bytes(
    tmp_path, colours, noise, kind, is_smaller
):
    pytest.importorskip("PIL")
    content = scanned(colours, noise=noise)
    path = tmp_path / "made.pdf"
    path.write_bytes(content)

    found = picture_of(path, PageWanted(read_hash(content), 1, **FOR_A_MODEL))

    width, height = (int.from_bytes(found.png[at : at + 4], "big") for at in (16, 20))
    assert found.png[25] == kind
    assert len(found.png) <= 3_500_000
    patches = FOR_A_MODEL["within"].tokens(width, height)
    assert patches <= 4_784
    assert (patches < 4_000) == is_smaller
    assert found.renderer.startswith("pdfium ")
    from PIL import Image

    with Image.open(io.BytesIO(found.png)) as image:
        assert image.size == (width, height)
        mean = image.convert("RGB").resize((1, 1)).getpixel((0, 0))
    assert mean == pytest.approx(colours, abs=12)
