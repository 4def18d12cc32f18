"""Headings of PDFs without bookmarks are found, tables of contents and running text are not."""

from make_pdf import make_pdf

from docpager.documents.pdf import read_pdf

CONTENTS = (
    "Contents\nPART I\nItem 1. Business 2\nItem 1A. Risk Factors 3\nItem 2. Properties 3\nPART II"
)
PAGES = [
    "Annual report\nof a company",
    CONTENTS,
    "PART I\nItem 1. Business\nWe sell tape. As told in\nItem 2 of this report, we do.",
    "Item 1A. Risk Factors\nMany.\nItem 2. Properties\nPlants, see\nItem 1A, Risk Factors,",
    "PART II\nItem 1. Legal Proceedings\nNone.",
]


def sections_of(pages):
    return read_pdf(make_pdf(pages), "a.pdf").sections


def test_numbered_headings_make_an_outline():
    found = [(s.number, s.title, s.pdf_page) for s in sections_of(PAGES)]

    assert found == [
        ("1", "PART I", 3),
        ("1.1", "Item 1. Business", 3),
        ("1.2", "Item 1A. Risk Factors", 4),
        ("1.3", "Item 2. Properties", 4),
        ("2", "PART II", 5),
        ("2.1", "Item 1. Legal Proceedings", 5),
    ]


def test_bookmarks_are_preferred():
    content = make_pdf(PAGES, outline=[(0, "Business", 3), (0, "Risk Factors", 4)])

    sections = read_pdf(content, "a.pdf").sections

    assert [s.title for s in sections] == ["Business", "Risk Factors"]


def test_a_single_bookmark_is_no_outline_where_there_are_headings():
    assert len(read_pdf(make_pdf(PAGES, outline=[(0, "Report", 1)]), "a.pdf").sections) == 6
    (report,) = read_pdf(make_pdf(["words"], outline=[(0, "Report", 1)]), "a.pdf").sections
    assert report.title == "Report"


def test_one_or_two_such_lines_are_no_outline():
    assert sections_of(["Chapter 1 Home\nwords", "Chapter 2 Away\nwords"]) == ()


def test_chapters_and_appendices_are_headings():
    pages = ["Chapter 1 Home\nwords", "Chapter 2: Away\nwords", "Appendix A\nwords"]

    assert [s.title for s in sections_of(pages)] == [
        "Chapter 1 Home",
        "Chapter 2: Away",
        "Appendix A",
    ]
