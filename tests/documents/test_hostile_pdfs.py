"""Files made to hang, fill the memory or crash cost their own bad pages and nothing else."""

from __future__ import annotations

import time
import zlib

import pytest
from make_pdf import encrypted_pdf, make_pdf, make_pdf_of_streams

from docpager.core.errors import DocumentError
from docpager.documents.reader_pool import ReadingJob, ReadingLimits, read_files

pytestmark = pytest.mark.usefixtures("own_readers")

FINE = b"BT /F1 9 Tf 50 700 Td (Readable words.) Tj ET"
LINE = b"(some words of a page without end) Tj 0 -10 Td\n"
LIMITS = ReadingLimits(processes=1, timeout_seconds=60, memory_bytes=400_000_000)


def read(tmp_path, content, *, limits=LIMITS, password=None):
    """One file, with an innocent one after it that must always be read."""
    (tmp_path / "bad.pdf").write_bytes(content)
    (tmp_path / "fine.txt").write_text("innocent")
    jobs = [
        ReadingJob(tmp_path / "bad.pdf", "bad.pdf", password=password),
        ReadingJob(tmp_path / "fine.txt", "fine.txt"),
    ]
    (_, result), (_, innocent) = read_files(jobs, limits)
    assert innocent.documents[0].document.text == "innocent"
    return result


def problems(result):
    (read,) = result.documents
    return [page.problem for page in read.document.pdf_pages]


def bomb(unit: bytes, size: int) -> bytes:
    """So many bytes, packed by zlib: a block that refers to none before it, again and again."""
    block = unit * (1_000_000 // len(unit))
    times = size // len(block)
    packing = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS)
    packed = packing.compress(block) + packing.flush(zlib.Z_FULL_FLUSH)
    checksum = 1
    for _ in range(times):
        checksum = zlib.adler32(block, checksum)
    return b"\x78\xda" + packed * times + packing.flush() + checksum.to_bytes(4, "big")


@pytest.mark.parametrize("unit", [b" ", b"BT /F1 9 Tf 50 700 Td (ab) Tj ET ", b"q "])
def test_a_decompression_bomb_costs_its_page(tmp_path, unit):
    pages = [zlib.compress(FINE), bomb(unit, 500_000_000), zlib.compress(FINE)]
    content = make_pdf_of_streams(pages, compressed=True)
    assert len(content) < 2_000_000

    result = read(tmp_path, content)

    assert problems(result) == [None, "too large", None]
    assert result.documents[0].document.text == "Readable words.\n" * 2


def test_a_page_of_50_megabytes_costs_itself(tmp_path):
    large = b"BT /F1 9 Tf 50 700 Td " + LINE * (50_000_000 // len(LINE)) + b"ET"

    result = read(tmp_path, make_pdf_of_streams([FINE, large, FINE]))

    assert problems(result) == [None, "too large", None]


def test_a_page_that_takes_too_long_costs_itself(tmp_path):
    pages = [zlib.compress(FINE), bomb(b"q Q ", 400_000_000), zlib.compress(FINE)]
    content = make_pdf_of_streams(pages, compressed=True)
    limits = ReadingLimits(processes=1, timeout_seconds=4)
    began = time.perf_counter()

    result = read(tmp_path, content, limits=limits)

    assert problems(result) == [None, "timed out", None]
    assert time.perf_counter() - began < 20


def test_no_page_is_begun_when_the_time_is_nearly_over(tmp_path):
    content = make_pdf(["words"] * 3)
    (tmp_path / "a.pdf").write_bytes(content)
    job = ReadingJob(tmp_path / "a.pdf", "a.pdf", leave_out_from=(2, "timed out"))

    ((_, result),) = read_files([job])

    assert problems(result) == [None, "timed out", "timed out"]


def form(drawn: str, names: str) -> str:
    return (
        f"<< /Type /XObject /Subtype /Form /BBox [0 0 612 792] /Resources << /XObject << {names} >>"
        f" >> /Length {len(drawn)} >>\nstream\n{drawn}\nendstream"
    )


def test_a_form_that_draws_itself_is_no_endless_loop(tmp_path):
    content = make_pdf_of_streams(
        [FINE + b" /X4 Do", FINE], resources=[form("/X4 Do", "/X4 4 0 R")]
    )

    assert problems(read(tmp_path, content)) == [None, None]


def test_forms_that_draw_each_other_a_billion_times_cost_their_page(tmp_path):
    forms = [form(f"/X{n + 1} Do " * 10, f"/X{n + 1} {n + 1} 0 R") for n in range(4, 13)]
    deepest = form("BT /F1 9 Tf (lol) Tj ET", "")
    content = make_pdf_of_streams([FINE, b"/X4 Do", FINE], resources=[*forms, deepest])
    limits = ReadingLimits(processes=1, timeout_seconds=12, memory_bytes=400_000_000)

    (first, second, third) = problems(read(tmp_path, content, limits=limits))

    assert (first, third) == (None, None)
    assert second in ("too large", "timed out", "no text layer")


def test_a_page_tree_that_holds_itself_ends_in_a_refusal(tmp_path):
    content = make_pdf(["words"]).replace(b"/Kids [4 0 R] /Count 1", b"/Kids [2 0 R] /Count 1")

    result = read(tmp_path, content)

    assert isinstance(result, DocumentError)
    assert result.reason == "damaged"


def test_an_outline_of_ten_thousand_entries_is_read_quickly(tmp_path):
    outline = [
        entry
        for part in range(100)
        for entry in [(0, f"Part {part}", 1), *((1, f"Item {part}.{n}", 1) for n in range(99))]
    ]
    content = make_pdf(["words"], outline=outline)
    began = time.perf_counter()

    (document,) = read(tmp_path, content).documents

    assert len(document.document.sections) == 5_000
    assert time.perf_counter() - began < 10


def test_the_pages_of_a_truncated_file_are_read_as_far_as_they_go(tmp_path):
    whole = make_pdf([f"Words of page {n}.\n" * 20 for n in range(1, 9)])

    result = read(tmp_path, whole[: len(whole) * 2 // 3])

    assert isinstance(result, DocumentError) or any(result.documents[0].document.text)
    assert isinstance(read(tmp_path, whole[:40]), DocumentError)


@pytest.mark.parametrize("algorithm", ["RC4-128", "AES-128", "AES-256"])
def test_an_encrypted_file_is_read_with_its_password_only(tmp_path, algorithm):
    content = encrypted_pdf("p4ss wörd", algorithm)

    without = read(tmp_path, content)
    wrong = read(tmp_path, content, password="another one")
    (document,) = read(tmp_path, content, password="p4ss wörd").documents

    assert (without.reason, wrong.reason) == ("encrypted", "encrypted")
    assert "`passwords=`" in str(without)
    assert "another one" not in str(wrong)
    assert document.document.text == "secret words\n"


def test_a_password_is_never_shown(tmp_path):
    job = ReadingJob(tmp_path / "a.pdf", "a.pdf", password="p4ss")

    assert "p4ss" not in repr(job)
