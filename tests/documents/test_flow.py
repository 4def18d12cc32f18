"""A document being written: what every reader of a format relies on."""

import pytest

from docpager.core.errors import DocumentError
from docpager.documents.flow import Flow, marked, on_one_line, rows_with_headers


def test_headings_become_sections_and_blank_lines_are_single():
    flow = Flow()
    flow.heading("  One \n", 1)
    flow.paragraph("first\r\n line \t two\n\n\n\nthird")
    flow.heading("Below", 2)
    flow.lines(["a | b", "", "c | d"])
    flow.paragraph("after")
    document = flow.document("html", "a/b.html", b"x", title="A title")
    assert document.text == "One\n\nfirst\nline two\n\nthird\n\nBelow\n\na | b\nc | d\n\nafter\n"
    assert [(each.number, each.title) for each in document.sections] == [
        ("1", "One"),
        ("1.1", "Below"),
    ]
    below = document.sections[1]
    assert document.text[below.start : below.end].startswith("Below")


def test_pages_tile_the_text_from_where_each_begins():
    flow = Flow()
    for label in ("Sales", "Empty", "Costs"):
        flow.begin_page(label)
        if label != "Empty":
            flow.lines([f"{label} 1"])
    flow.doubt_page("formulas without a value")
    document = flow.document("xlsx", "book.xlsx", b"x")
    said = [(p.number, p.label, document.text[p.start : p.end].strip()) for p in document.pdf_pages]
    assert said == [(1, "Sales", "Sales 1"), (2, "Empty", ""), (3, "Costs", "Costs 1")]
    assert document.doubtful == ((3, "formulas without a value"),)


def test_a_document_without_text_is_refused_by_name():
    flow = Flow()
    flow.paragraph(" \x00\n")
    with pytest.raises(DocumentError, match=r"'a\.html' holds no text"):
        flow.document("html", "a.html", b"")


def test_every_row_says_what_its_figures_are():
    rows = [["", "Year", "Year"], ["", "2023", "2022"], ["Assets"], ["Cash", "12", ""]]
    assert rows_with_headers(rows, 2) == [
        "Year | Year",
        "2023 | 2022",
        "Assets",
        "Cash | Year / 2023: 12",
    ]


def test_marks_and_lines_hold_no_control_characters():
    assert marked("comment by A", "two\nlines\x1b[31m") == "[comment by A: two lines[31m]"
    assert on_one_line("\ufeffa\u00a0 b\ud800") == "a b"
