"""Places: as people say them, as JSON holds them, and which of them stands in which."""

from __future__ import annotations

import json

import pytest
from toy_library import ToyLibrary, toy_document

from docpager.core.locators import parse_locator
from docpager.core.places import Place, parse_place
from docpager.run.quotes import QuoteChecker

SAID = [
    (Place("report.pdf", 8, "5"), "page", "report.pdf, page 8 (printed 5)"),
    (Place("report.pdf", 8, "8"), "page", "report.pdf, page 8"),
    (Place("book.xlsx", sheet="Costs", row=12), "sheet", "book.xlsx, sheet Costs, row 12"),
    (Place("book.xlsx", sheet="Costs"), "sheet", "book.xlsx, sheet Costs"),
    (Place("table.csv", row=12), "row", "table.csv, row 12"),
    (Place("talk.pptx", slide=4), "slide", "talk.pptx, slide 4"),
    (Place("notes.md", section="2.1", title="Scope"), "section", "notes.md, section 2.1 Scope"),
    (Place("notes.md", section="2.1", title="2.1 Scope"), "section", "notes.md, section 2.1 Scope"),
    (Place("notes.md", section="2.1"), "section", "notes.md, section 2.1"),
    (Place("chat.jsonl", turn=7), "turn", "chat.jsonl, turn 7"),
    (Place("a/notes.txt", start=3, end=9, document_id="D3"), "document", "a/notes.txt"),
]


@pytest.mark.parametrize(("place", "kind", "said"), SAID, ids=[said for *_, said in SAID])
def test_a_place_is_said_as_people_say_it_and_comes_back_from_json(place, kind, said):
    written = json.loads(json.dumps(place.as_json()))

    assert (str(place), place.kind, written["kind"]) == (said, kind, kind)
    assert parse_place(written, strict=True) == place
    assert None not in written.values()


@pytest.mark.parametrize(
    ("value", "problem"),
    [
        ({}, "needs 'document'"),
        ({"document": 3}, "'document' must be text, not 3"),
        ({"document": "a", "page": 0}, "'page' must be a number from 1, not 0"),
        ({"document": "a", "pdf_page": True}, "'pdf_page' must be a number from 1, not true"),
        ({"document": "a", "start": -1}, "'start' must be a number from 0, not -1"),
        ({"document": "a", "page": 1, "pdf_page": 2}, "'pdf_page' is another name of 'page'"),
        ({"document": "a", "page": 1, "slide": 2}, "both 'page' and 'slide'"),
        ({"document": "a", "row": 0}, "'row' must be a number from 1, not 0"),
        ({"document": "a", "row": 2, "page": 1}, "both 'page' and 'row'"),
        ({"document": "a", "section": " "}, "'section' must be text"),
        ({"document": "a", "page": 1, "kind": "slide"}, "'kind' is 'slide'"),
    ],
)
def test_what_is_no_place_is_refused_with_its_field(value, problem):
    with pytest.raises(ValueError, match=problem):
        parse_place(value)


def test_fields_of_the_first_version_are_read_and_strangers_left_alone_unless_strict():
    old = {"document": "a.pdf", "document_id": "", "pdf_page": 8, "page_label": "5", "quote": "x"}

    assert parse_place(old) == Place("a.pdf", 8, "5")
    with pytest.raises(ValueError, match="'page_label' is not a field"):
        parse_place(old, strict=True)


@pytest.mark.parametrize(
    ("wanted", "given", "held"),
    [
        (Place("a.md", section="2"), Place("x/a.md", section="2.1"), True),
        (Place("a.md", section="2"), Place("x/a.md", section="21"), False),
        (Place("a.md", section="the scope"), Place("a.md", section="2.1", title="The Scope"), True),
        (Place("a.md", section="2"), Place("a.md"), False),
        (Place("b.xlsx", sheet="Costs"), Place("b.xlsx", sheet="Costs", row=12), True),
        (Place("b.xlsx", sheet="Costs", row=12), Place("b.xlsx", sheet="Costs", row=13), False),
        (Place("b.xlsx", sheet="Costs", row=12), Place("b.xlsx", sheet="Other", row=12), False),
        (Place("t.pptx", slide=4), Place("t.pptx", slide=4, start=7, end=9), True),
        (Place("t.csv", row=4), Place("t.csv", row=4, start=7, end=9), True),
        (Place("t.csv", row=4), Place("t.csv", row=5), False),
        (Place("t.csv"), Place("t.csv", row=5), True),
        (Place("t.csv", row=4), Place("t.csv", sheet="One", row=4), False),
        (Place("t.pptx", slide=4), Place("t.pptx", page=4), False),
        (Place("c.jsonl", turn=1), Place("c.jsonl", turn=2), False),
        (Place("c.jsonl"), Place("c.jsonl", turn=2), True),
    ],
)
def test_a_place_holds_itself_and_its_parts(wanted, given, held):
    assert wanted.holds(given) is held


def place_of(document, quote):
    checker = QuoteChecker(ToyLibrary(document), parse_locator)
    (check,) = checker.check_all([{"locator": "D1", "quote": quote}]).checks
    return check.place


def test_a_quote_from_a_text_without_pages_names_its_innermost_section_and_offsets():
    text = "Before all. Outer words. Inner words. Outer again."
    sections = {"1": (12, len(text)), "1.1": (25, 37)}
    document = toy_document(text, path="n.md", sections=sections)
    said = {"document": "n.md", "document_id": "D1"}

    assert place_of(document, "Inner words").as_json() == {
        **said,
        "kind": "section",
        "section": "1.1",
        "title": "Section 1.1",
        "start": 25,
        "end": 36,
    }
    assert place_of(document, "Outer again").section == "1"
    assert place_of(document, "Before all").as_json() == {
        **said,
        "kind": "document",
        "start": 0,
        "end": 10,
    }
    assert place_of(document, "nowhere to be found") == Place("n.md", document_id="D1")
