"""Figures are stored as the page shows them: marks set off, cells apart, no false digit."""

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from page_pdf import page_pdf, text_at, width

from docpager.documents.pdf import read_pdf


def text_of(*streams, **settings):
    return read_pdf(page_pdf(*streams, **settings), "a.pdf").text


def marked(before, mark, behind="", *, rise=4.0, size=6.5, x=72.0, y=700.0):
    """A string with a smaller one raised behind it, and the rest of the line."""
    at = x + width(before)
    line = text_at(x, y, before) + text_at(at, y + rise, mark, size=size)
    return line + (text_at(at + width(mark, size), y, behind) if behind else "")


def test_a_footnote_mark_is_no_digit_of_the_figure():
    text = text_of(marked("The fee for a permit is $320", "1", " per season."))

    assert text == "The fee for a permit is $320 [1] per season.\n"
    assert re.search(r"\b320\b", text)


@pytest.mark.parametrize("mark", ["1", "2", "12", "1,2", "a", "*"])
@pytest.mark.parametrize("figure", ["$1,234", "57", "12.5", "8,405,117", "(311)"])
def test_marks_of_all_kinds_are_set_off(figure, mark):
    text = text_of(marked(f"Total {figure}", mark, " in 2021."))

    assert f"Total {figure} [{mark}] in 2021." in text


@given(
    figure=st.integers(11, 99_999_999).map("{:,}".format),
    mark=st.integers(1, 9).map(str),
    rise=st.floats(2.5, 5),
    size=st.floats(5, 8),
)
@settings(max_examples=30, deadline=None)
def test_a_raised_digit_never_joins_a_figure(figure, mark, rise, size):
    place = {"rise": round(rise, 2), "size": round(size, 1)}
    text = text_of(marked(f"Paid {figure}", mark, " crowns", **place))

    assert re.search(rf"(?<!\d){re.escape(figure)}(?![\d,])", text), text


@pytest.mark.parametrize(
    ("base", "power", "written"),
    [
        ("4.2 x 10", "6", "4.2 x 10^6"),
        ("4.2 \xd7 10", "12", "4.2 \xd7 10^12"),
        ("about 10", "9", "about 10^9"),
        ("3 x 10", "-3", "3 x 10^-3"),
    ],
)
def test_exponents_are_written_as_such(base, power, written):
    assert f"{written} cells" in text_of(marked(base, power, " cells"))


@pytest.mark.parametrize(
    ("before", "mark", "behind", "found"),
    [
        ("an area of 12 km", "2", " of seabed", "12 km2 of seabed"),
        ("5 m", "2", " each", "5 m2 each"),
        ("on the 1", "st", " of May", "the 1st of May"),
        ("the 22", "nd", " Regiment", "the 22nd Regiment"),
    ],
)
def test_units_and_ordinals_stay_findable(before, mark, behind, found):
    assert found in text_of(marked(before, mark, behind))


@pytest.mark.parametrize("formula", [("CO", "2", " rose"), ("H", "2", "O")])
def test_what_is_set_lower_stays_in_its_word(formula):
    assert "".join(formula[:2]) in text_of(marked(*formula, rise=-2.5))


@pytest.mark.parametrize("plain", ["Form 10-K of 2019", "A4 sheets, B12 and Q3", "1,234.56 (12%)"])
def test_plain_text_is_left_alone(plain):
    assert text_of(text_at(72, 700, plain)) == plain + "\n"


def test_a_mark_after_a_word_leaves_the_word_whole():
    assert "Net income [3] rose" in text_of(marked("Net income", "3", " rose"))


def cell(x, y, figure, blanks):
    """A figure with a blank behind it, after a run of blanks as wide as itself."""
    shift = -(width(figure, 1000) - 278)
    run = f"3 Tr [( ) {shift:.0f} ( )] TJ 0 Tr 0.003 0 Td " if blanks else ""
    return f"BT /F1 1 Tf 8 0 0 8 {x} {y} Tm {run}({figure} ) Tj ET\n"


@given(left=st.integers(1, 99_999), right=st.integers(1, 9_999))
@settings(max_examples=30, deadline=None)
def test_cells_under_runs_of_blanks_stay_apart(left, right):
    first, second = f"{left / 100:.2f}", str(right)
    drawn = text_at(72, 700, "Loans", size=8) + cell(400, 700, first, True)
    text = text_of(drawn + cell(400 + width(first, 8) + 40, 700, second, False))

    assert re.split(r"\s+", text.strip()) == ["Loans", first, second]


@pytest.mark.parametrize("digits", ["000", "123", "446", "9"])
def test_digits_spread_over_columns_are_figures_of_their_own(digits):
    line = f"BT /F1 1 Tf 9 0 0 9 72 700 Tm 0 Tc (25) Tj 6 0 Td 4.15 Tc ({digits}) Tj ET\n"

    assert text_of(line).split() == ["25", *digits]


@pytest.mark.parametrize("tracking", [0.5, 1.0, 2.0])
def test_a_figure_that_is_spaced_evenly_stays_one(tracking):
    line = f"BT /F1 12 Tf {tracking} Tc 72 700 Td (31,415,926) Tj ET\n"

    assert "31,415,926" in text_of(line)


GUESSED = (
    "<< /Type /Font /Subtype /Type3 /FontBBox [0 0 50 70] /FontMatrix [0.01 0 0 0.01 0 0] "
    "/FirstChar 48 /LastChar 48 /Widths [30] /CharProcs << /prime 10 0 R >> "
    "/Encoding << /Type /Encoding /Differences [48 /glyph9] >> >>"
)
BAR = "<< /Length 20 >>\nstream\n30 0 d0 5 40 5 30 re f\nendstream"


def test_a_sign_that_the_font_does_not_name_is_no_digit():
    x = 72 + width("offset by 1.")
    drawn = text_at(72, 700, "offset by 1.") + text_at(x, 704, "00", size=8, font="F2")
    drawn += text_at(x + 5, 700, "68 from the burst")
    document = read_pdf(page_pdf(drawn, fonts=[GUESSED], objects=[BAR]), "a.pdf")

    assert "1.00" not in document.text
    assert document.doubtful == ((1, "characters without a name"),)
