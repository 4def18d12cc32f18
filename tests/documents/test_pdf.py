"""PDF files become documents with pages, labels, outline and title, or a clear refusal."""

from pathlib import Path

import pytest
from make_pdf import encrypted_pdf, make_pdf

from docpager.core.errors import DocumentError
from docpager.documents.pdf import read_pdf

NASTY = Path(__file__).parents[3] / "shared" / "data" / "nasty-pdfs" / "pdfs"


def read(*args, path="reports/sample.pdf", **settings):
    return read_pdf(make_pdf(*args, **settings), path)


def test_pages_follow_each_other_and_end_with_one_line_end():
    document = read(["First page\nof two", "Second page"])

    assert document.text == "First page\nof two\nSecond page\n"
    assert [document.text[p.start : p.end] for p in document.pdf_pages] == [
        "First page\nof two\n",
        "Second page\n",
    ]
    assert (document.kind, document.path) == ("pdf", "reports/sample.pdf")


def test_pages_without_text_are_kept_and_named():
    document = read(["First", "", "Third"])

    assert document.unreadable_pdf_pages == (2,)
    assert document.pdf_pages[1].problem == "no text layer"
    assert document.pdf_pages[1].start == document.pdf_pages[1].end == document.pdf_pages[2].start


def test_garbled_pages_are_left_out_and_named():
    document = read(["Readable words", "\x01\x02\x03\x04\x05 \x06\x0e\x0f\x10\x11 ab"])

    assert document.pdf_pages[1].problem == "garbled text"
    assert document.text == "Readable words\n"


def test_printed_labels_are_read():
    document = read(["a", "b", "c"], labels=["i", "ii", "1"])

    assert [page.label for page in document.pdf_pages] == ["i", "ii", "1"]


def test_pages_without_labels_are_counted():
    assert [page.label for page in read(["a", "b"]).pdf_pages] == ["1", "2"]


def test_bookmarks_become_sections_that_begin_at_their_titles():
    document = read(
        ["Cover\nPART I\nwords", "Risk  Factors\nwords", "no title here"],
        outline=[(0, "Part I", 1), (1, "Risk Factors", 2), (0, "Elsewhere", 3)],
    )
    first, risks, elsewhere = document.sections

    assert [s.number for s in document.sections] == ["1", "1.1", "2"]
    assert document.text[first.start : first.end].startswith("PART I\nwords\nRisk")
    assert document.text[risks.start :].startswith("Risk")
    assert elsewhere.start == document.pdf_pages[2].start == first.end
    assert [s.pdf_page for s in document.sections] == [1, 2, 3]


def test_bookmarks_that_lead_nowhere_are_skipped():
    document = read(["words"], outline=[(0, "Broken", 9), (0, "Whole", 1)])

    assert [section.title for section in document.sections] == ["Whole"]


@pytest.mark.parametrize(
    "title", ["Annual Report 2018", "Annual Report 2022/23", "Profit and/or loss", "Input/Output"]
)
def test_a_title_that_somebody_wrote_is_used(title):
    assert read(["words"], title=title).title == title


@pytest.mark.parametrize(
    "title",
    [
        *("", "untitled", "Microsoft Word - draft.doc", r"C:\reports\a", "x1.pdf", "12345678"),
        *("/home/ada/a draft", "C:/my reports/a", "~/a", "../a", "file:///a", "reports/2018/final"),
    ],
)
def test_a_title_that_a_program_wrote_is_not(title):
    assert read(["words"], title=title).title == "sample"


@pytest.mark.parametrize("content", [b"%PDF-1.7\n" + b"junk" * 100, make_pdf(["words"])[:150]])
def test_a_damaged_file_is_refused_with_a_way_out(content):
    with pytest.raises(DocumentError, match=r"'a\.pdf' is damaged.*export it again"):
        read_pdf(content, "a.pdf")


def test_an_empty_file_is_refused():
    with pytest.raises(DocumentError, match=r"'a\.pdf' is empty"):
        read_pdf(b"", "a.pdf")


def test_what_is_no_pdf_is_refused():
    with pytest.raises(DocumentError, match=r"'a\.pdf' is not a PDF"):
        read_pdf(b"<html>Not found</html>", "a.pdf")


def test_a_file_that_needs_a_password_is_refused():
    with pytest.raises(DocumentError, match="needs a password"):
        read_pdf(encrypted_pdf("password"), "a.pdf")


@pytest.mark.skipif(not NASTY.is_dir(), reason="the folder of malformed PDFs is not here")
def test_every_malformed_pdf_ends_in_a_document_or_a_refusal():
    refused = 0
    files = sorted(NASTY.glob("*.pdf"))
    for file in files:
        try:
            document = read_pdf(file.read_bytes(), file.name)
        except DocumentError as error:
            refused += 1
            assert repr(file.name) in str(error)
        else:
            assert document.text.encode().decode() == document.text
            assert document.pdf_pages
    assert 0 < refused < len(files) / 2
