"""Tables as text: what parts their fields, where their header is, and what is no table."""

import csv
from io import StringIO

import pytest
from hypothesis import given
from hypothesis import strategies as st

from docpager.documents.carried import Instructions, read_content


def read(text, path="a.csv"):
    content = text.encode() if isinstance(text, str) else text
    (document,) = read_content(content, path, Instructions()).documents
    return document


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
@pytest.mark.parametrize("path", ["a.csv", "a.tsv"])
def test_every_delimiter_is_found_and_each_row_says_what_it_holds(delimiter, path):
    rows = [["Region", "2022", "2023"], ["North", "1", "2"], ["South", "3", "4"]]
    document = read("\r\n".join(map(delimiter.join, rows)), path)
    assert document.kind == "csv"
    assert document.text == (
        "Row 1: Region | 2022 | 2023\n"
        "Row 2: Region: North | 2022: 1 | 2023: 2\n"
        "Row 3: Region: South | 2022: 3 | 2023: 4\n"
    )


def test_decimal_commas_and_quoted_delimiters_are_of_their_fields():
    document = read('name;price;remark\nPen;1,50;"a; b"\nInk;12,00;"say ""x"""\n')
    assert document.text.splitlines()[1:] == [
        "Row 2: name: Pen | price: 1,50 | remark: a; b",
        'Row 3: name: Ink | price: 12,00 | remark: say "x"',
    ]


def test_rows_are_counted_as_programs_count_them():
    text = 'name,note\nAnn,"two\nlines"\n\nBo,x\n'
    assert read(text).text == (
        "Row 1: name | note\nRow 2: name: Ann | note: two lines\n\nRow 4: name: Bo | note: x\n"
    )


def test_a_file_without_a_header_gets_none():
    assert read("1,2,3\n4,5,6\n").text == "Row 1: 1 | 2 | 3\nRow 2: 4 | 5 | 6\n"


def test_a_hint_at_the_separator_is_obeyed_and_not_shown():
    assert read("sep=;\na;b\nx;1\n").text == "Row 1: a | b\nRow 2: a: x | b: 1\n"


@pytest.mark.parametrize(
    "text",
    [
        "One line of prose, with a comma.\nAnother, with, three.\nAnd one without\n\nThe end.\n",
        "alone\nin\none\ncolumn\n",
    ],
)
def test_what_is_no_table_stays_text(text):
    document = read(text)
    assert (document.kind, document.text) == ("text", text)


def test_a_quotation_mark_that_nobody_closed_takes_no_rows_in():
    rows = "".join(f"{n},x\n" for n in range(2000))
    document = read(f'size,of\n"5 inch,y\n{rows}')
    assert "Row 2002: size: 1999 | of: x" in document.text


def test_very_long_fields_are_read_whole():
    long = "word " * 100_000
    document = read(f'a,b\n1,"{long}"\n2,x\n3,y\n')
    assert document.text.count("word") == 100_000


@given(
    st.lists(
        st.lists(st.text('ab 12.,;"|\t', min_size=1).filter(str.strip), min_size=3, max_size=3),
        min_size=2,
        max_size=8,
    )
)
def test_every_field_of_a_written_table_is_in_its_row(rows):
    stream = StringIO()
    csv.writer(stream, lineterminator="\n").writerows([["1", "2", "3"], *rows])
    text = read(f"sep=,\n{stream.getvalue()}").text
    wanted = [" | ".join(" ".join(field.split()) for field in row) for row in rows]
    assert text.splitlines()[1:] == [f"Row {n}: {row}" for n, row in enumerate(wanted, start=2)]
