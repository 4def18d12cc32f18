"""Sheets and rows as places: from a workbook on disk to what is cited and what is said of it."""

from __future__ import annotations

import json
from dataclasses import replace
from io import BytesIO

import openpyxl
import pytest
from archive.conftest import HereSource
from click.testing import CliRunner

from docpager.archive.ingest import ingest
from docpager.cli import main
from docpager.cli.output import _quoted
from docpager.core.locators import parse_locator
from docpager.core.places import parse_place
from docpager.documents.reasons import Reason
from docpager.run.answer_line import Citation
from docpager.run.quotes import QuoteChecker
from docpager.run.render import document_line, present_loaded
from docpager.run.tool_results import Loaded
from docpager.testing import HashingEmbedder


def workbook(**sheets):
    book = openpyxl.Workbook()
    book.remove(book.active)
    for name, rows in sheets.items():
        sheet = book.create_sheet(name)
        for row in rows:
            sheet.append(row)
    stream = BytesIO()
    book.save(stream)
    return stream.getvalue()


LONG = [f"word{n}" for n in range(1_500)]
"""A row of this is cut into several passages."""


@pytest.fixture
def archive(workshop):
    costs = [["Item", "Price", "Remark"], *([f"Item {n}", n, "x"] for n in range(2, 200))]
    costs[99] = ["Long", 7, " ".join(LONG)]
    content = workbook(Sales=[["Region", "2023"], ["North", 12]], Costs=costs)
    (workshop.files / "book.xlsx").write_bytes(content)
    rows = [f"{n},name {n},{'text ' * (n % 40)}end{n}" for n in range(2, 300)]
    workshop.write(table_csv="\n".join(["id,name,remark", *rows]), notes_txt="Row 3: no table")
    workshop.ingest()
    return workshop.open()


def number_of(archive, path):
    (number,) = archive.documents_named(path)
    return number


def place_of(archive, path, quote):
    checker = QuoteChecker(archive, parse_locator)
    locator = f"D{number_of(archive, path)}"
    (check,) = checker.check_all([{"locator": locator, "quote": quote}]).checks
    assert check.match != "failed"
    return check.place


def test_a_quote_from_a_workbook_names_its_sheet_and_row(archive):
    place = place_of(archive, "book.xlsx", "Region: North | 2023: 12")
    assert str(place) == "book.xlsx, sheet Sales, row 2"
    assert place.as_json() | {"start": 0, "end": 0, "document_id": ""} == {
        "kind": "sheet",
        "document": "book.xlsx",
        "document_id": "",
        "sheet": "Sales",
        "row": 2,
        "start": 0,
        "end": 0,
    }
    assert parse_place(place.as_json(), strict=True) == place
    assert str(place_of(archive, "book.xlsx", "Sales")) == "book.xlsx, sheet Sales"


@pytest.mark.parametrize("word", [0, 10, 700, 1_400, 1_498])
def test_a_row_that_began_passages_ago_is_still_the_row(archive, word):
    quote = f"{LONG[word]} {LONG[word + 1]}"
    assert str(place_of(archive, "book.xlsx", quote)) == "book.xlsx, sheet Costs, row 100"


def test_every_quote_at_a_border_of_passages_names_the_row_it_begins_in(archive):
    number = number_of(archive, "table.csv")
    text = archive.text(number)
    passages = archive.load(f"D{number}")
    assert len(passages) > 20
    for passage in passages[1:]:
        before = text.rfind("\n", 0, passage.start - 1) + 1
        row = int(text[before:].split(":")[0].removeprefix("Row "))
        across = text[passage.start - 12 : passage.start + 12]
        assert place_of(archive, "table.csv", across).row == row
        assert archive.row_at(number, passage.start - 2) == row
        after = text.rfind("\n", 0, passage.start) + 1
        assert archive.row_at(number, passage.start) == int(text[after:][4:].split(":")[0])


def test_a_table_without_sheets_has_rows_and_a_text_has_none(archive):
    place = place_of(archive, "table.csv", "id: 77 | name: name 77")
    assert (str(place), place.kind) == ("table.csv, row 77", "row")
    assert str(place_of(archive, "notes.txt", "no table")) == "notes.txt"


def test_models_are_told_of_sheets(archive):
    entry = archive.document(number_of(archive, "book.xlsx"))
    assert document_line(entry).endswith(f"| 2 sheets, {entry.passages} passages")
    wanted = archive.resolve(f"{entry.name}:p1")
    loaded = Loaded(wanted, entry.path, tuple(archive.load_range(wanted)), (), (), "sheet")
    assert present_loaded(loaded).split("\n")[0] == (f"{entry.name}:c1 of book.xlsx, sheets 1-2")


def test_people_are_told_of_sheets(archive):
    def said(*arguments):
        result = CliRunner().invoke(main, [*arguments, "--archive", str(archive.directory)])
        assert result.exit_code == 0, result.output
        return result.stdout

    name = archive.document(number_of(archive, "book.xlsx")).name
    assert f"{name} book.xlsx  (2 sheets, " in said("contents")
    assert f"{name}:s2  Costs\n" in said("contents", name)
    assert said("show", f"{name}:p1") == "[p1] Sales\n\nRow 1: Region | 2023\n" + (
        "Row 2: Region: North | 2023: 12\n\n\n"
    )
    assert "book.xlsx, sheet Sales" in said("grep", "Region: North")
    assert said("grep", "Region: North", "--json").startswith(
        f'{{"locator": "{name}:c1", "place": {{"kind": "sheet", "document": "book.xlsx"'
    )


def test_sheets_whose_formulas_have_no_value_are_listed_and_said_with_citations(workshop):
    content = workbook(Plain=[["a", 1]], Sums=[["b", 2], ["sum", "=B1*2"]])
    (workshop.files / "sums.xlsx").write_bytes(content)
    workshop.ingest()
    archive = workshop.open()
    (unread,) = archive.audit().pages
    assert (unread.page.number, unread.page.label) == (2, "Sums")
    result = CliRunner().invoke(
        main, ["status", "--unreadable", "--archive", str(archive.directory)]
    )
    assert "  p2 (Sums)  may be wrong: formulas without a value\n" in result.stdout
    checker = QuoteChecker(archive, parse_locator)
    quotes = [{"locator": "D1", "quote": "b | 2"}, {"locator": "D1", "quote": "a | 1"}]
    checks = checker.check_all(quotes).checks
    assert [check.doubt for check in checks] == ["formulas without a value", None]


class Doubting(HereSource):
    """A reader that had to guess how the characters of every file are written."""

    def read(self, files):
        for reading in super().read(files):
            documents = tuple(
                (replace(document, doubt=Reason.GUESSED), cuts)
                for document, cuts in reading.documents
            )
            yield replace(reading, documents=documents)


def test_a_doubt_about_a_whole_document_is_listed_and_said_with_every_quote(workshop):
    workshop.write(plain_txt="old words", sheet_csv="a,b\nx,1\ny,2")
    (workshop.files / "book.xlsx").write_bytes(workbook(One=[["a", 1]]))
    ingest(
        (workshop.files,),
        workshop.directory,
        embedder=HashingEmbedder(),
        source=Doubting(workshop.directory),
    )
    archive = workshop.open()
    assert [(each.document.path, each.page.number) for each in archive.audit().pages] == [
        ("book.xlsx", 0),
        ("plain.txt", 0),
        ("sheet.csv", 0),
    ]
    told = ["status", "--unreadable", "--archive", str(archive.directory)]
    result = CliRunner().invoke(main, told)
    assert result.stdout.count("  whole document  may be wrong: encoding guessed\n") == 3
    assert "3 documents with doubtful text" in result.stderr
    (first, *_) = CliRunner().invoke(main, [*told, "--json"]).stdout.splitlines()
    assert json.loads(first)["place"] == {
        "kind": "document",
        "document": "book.xlsx",
        "document_id": "D1",
    }
    checker = QuoteChecker(archive, parse_locator)
    quotes = [("D1", "a | 1"), ("D2", "old words"), ("D3", "a: x | b: 1")]
    checks = checker.check_all([{"locator": d, "quote": q} for d, q in quotes]).checks
    assert [check.doubt for check in checks] == ["encoding guessed"] * 3
    said = [_quoted(Citation(check.place, check.quote, doubt=check.doubt)) for check in checks]
    assert [line.partition("the text of this ")[2].split()[0] for line in said] == [
        "sheet",
        "document",
        "document",
    ]
