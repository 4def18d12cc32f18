"""Each page says which rules changed its text on purpose."""

import pytest
from page_pdf import page_pdf, text_at, width

from docpager.documents.pdf import read_pdf
from docpager.documents.reasons import Departure

PLAIN = text_at(72, 600, "The fee for a permit is 320 crowns.")
MARKED = text_at(72, 700, "Paid $320") + text_at(72 + width("Paid $320"), 704, "1", size=6.5)
WHITE = f"1 g {text_at(72, 650, 'The fee is 470 crowns.')} 0 g\n"
OUTSIDE = text_at(72, 820, "A line of the printer")
SPACED = text_at(72, 700, "B A L A N C E")
COMMENT = "/MediaBox [0 0 612 792] /Annots [10 0 R]"
NOTE = "<< /Type /Annot /Subtype /Text /Rect [10 10 30 30] /Contents (Why?) >>"


def notes(drawn, **settings):
    return read_pdf(page_pdf(drawn, **settings), "a.pdf").pdf_pages[0].notes


@pytest.mark.parametrize(
    ("drawn", "rule"),
    [
        (MARKED, Departure.MARKS),
        (WHITE, Departure.HIDDEN),
        (OUTSIDE, Departure.OUTSIDE),
        (SPACED, Departure.LETTERS),
    ],
)
def test_a_rule_that_changes_a_page_is_named(drawn, rule):
    assert notes(PLAIN + drawn) == (rule,)


def test_what_was_added_is_named():
    assert notes(PLAIN, pages=[COMMENT], objects=[NOTE]) == (Departure.ANNOTATIONS,)


def test_an_unchanged_page_names_nothing():
    assert notes(PLAIN) == ()
