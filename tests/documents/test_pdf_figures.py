"""Figures are stored as the page shows them: marks set off, cells apart, no false digit."""

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from page_pdf import page_pdf, text_at, width

from docpager.documents.pdf import read_pdf
from docpager.documents.pdf.figures import join_broken_lines
from docpager.documents.pdf.glyphs import Box
from docpager.documents.pdf.page_lines import lines_of


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


class Lines:
    """What is asked of pdfium about lines that it broke: text in 10 points, marks raised in 6.5."""

    def __init__(self, *parts):
        self.raw, self._boxes, x = "\r\n".join(parts), [], 72.0
        for n, part in enumerate(parts):
            is_mark = part.replace(",", "").isdigit()
            bottom, high = (704.0, 6.5) if is_mark else (700.0, 10.0)
            for _ in part:
                self._boxes.append(Box(x, bottom, x + high / 2, bottom + high))
                x += high / 2
            if n < len(parts) - 1:
                self._boxes += [Box(x, bottom, x, bottom)] * 2

    def box(self, offset):
        return self._boxes[offset]

    def boxes(self, offsets):
        return [self._boxes[offset] for offset in offsets]

    @property
    def joined(self):
        changes = join_broken_lines(self, lines_of(self))
        return "".join(changes.get(at, mark) for at, mark in enumerate(self.raw))


@pytest.mark.parametrize("name", ["C", "r", "x"])
def test_a_power_of_a_variable_is_no_part_of_its_name(name):
    lines = Lines(f"between {name}", "3", " and T")

    assert lines.joined == f"between {name}^3 and T"


def test_a_unit_keeps_its_exponent():
    assert Lines("an area of 5 m", "2", ", all told").joined == "an area of 5 m2, all told"


@pytest.mark.parametrize("mark", ["2", "14"])
def test_a_note_does_not_join_its_mark(mark):
    company = "The company has a contract"
    line = text_at(72, 709, mark, size=6.5)
    drawn = line + text_at(72 + width(mark, 6.5), 705, company)

    assert text_of(drawn) == f"{mark} {company}\n"
    assert Lines(mark, company).joined == f"{mark} {company}"


@pytest.mark.parametrize("mark", ["2", "14", "1,2"])
def test_a_mark_broken_off_its_line_is_set_off(mark):
    lines = Lines("Mr. Shanbhag", mark, ", who was paid 312,000")

    assert lines.joined == f"Mr. Shanbhag [{mark}], who was paid 312,000"


def test_a_large_exponent_of_two_is_a_power():
    assert "is 2^63-1, in" in text_of(marked("value is 2", "63", "-1, in bytes"))


def test_a_pair_of_marks_after_ten_is_no_exponent():
    assert "about 10 [1,2] of" in text_of(marked("about 10", "1,2", " of them"))


def test_a_number_set_apart_from_a_capital_is_a_word():
    x = 72 + width("8.2") + 2.2
    assert text_of(text_at(72, 700, "8.2") + text_at(x, 700, "Claims Procedure")) == (
        "8.2 Claims Procedure\n"
    )


def drawn_by_letter(words, *, tight, before=None):
    """Each letter and each space an object, the spaces (or those before one word) so narrow that
    words touch."""
    drawn, x = "", 72.0
    for n, word in enumerate(words):
        for letter in (" " if n else "") + word:
            is_tight = letter == " " and before in (None, word)
            drawn += text_at(round(x, 2), 700, letter)
            x += width(letter) - (tight if is_tight else 0)
    return drawn


@pytest.mark.parametrize("tight", [2.0, 3.1, 3.5])
def test_spaces_that_are_drawn_part_words_that_touch(tight):
    words = ["rate", "of", "3.05", "and", "over", "75", "plans", "a", "forty-year", "note"]

    assert text_of(drawn_by_letter(words, tight=tight)) == " ".join(words) + "\n"


@pytest.mark.parametrize("before", ["ID", "PCAOB ID", "of"])
def test_a_space_that_is_drawn_before_a_figure_parts_it_from_any_word(before):
    words = ["the", *before.split(), "238", "is", "named"]

    assert text_of(drawn_by_letter(words, tight=3.0)) == " ".join(words) + "\n"


WINDOWS = {ord(mark): bytes([n]).decode("latin-1") for n, mark in [(0x80, "€"), (0x93, "“")]}


@pytest.mark.parametrize("tight", [2.0, 3.1])
@pytest.mark.parametrize("number", ["two", "five", "eleven", "twenty", "three"])
def test_spaces_that_are_drawn_part_numbers_in_words(number, tight):
    words = ["a", "term", "of", number, "years", "or", "up", "to", number, "more"]

    assert text_of(drawn_by_letter(words, tight=tight, before=number)) == " ".join(words) + "\n"


def test_a_space_that_is_drawn_parts_a_name_from_its_article():
    words = ["refer", "to", "the", "Certain", "measures", "section", "on", "sevenfold", "network"]

    assert text_of(drawn_by_letter(words, tight=3.0, before="Certain")) == " ".join(words) + "\n"


def set_back(word, *more, back=0.0):
    """Text drawn letter by letter, its second part begun `back` points too far to the left."""
    drawn, x = "", 72.0
    for part in (word, *more):
        for letter in part:
            drawn += text_at(round(x, 2), 700, letter.translate(WINDOWS))
            x += width(letter)
        x -= back
    return drawn


@pytest.mark.parametrize(
    ("parts", "back"),
    [
        (("for $", "86 million"), 6.4),
        (("for $", "86 million"), 8.5),
        (("totaling $", "149 million"), 7.0),
        (("December 31, 2022,", " 3,350 lawsuits"), 5.5),
        (("December 31, 2022,", " 3,350 lawsuits"), 6.4),
        (("December 31, 2022,", " 3,350 lawsuits"), 8.0),
        (("under ASU No. 2014-09,", " Revenue from"), 6.8),
        (("expressed in a “", "Target Number"), 4.5),
    ],
)
def test_words_drawn_over_one_another_are_read_as_they_are_drawn(parts, back):
    assert text_of(set_back(*parts, back=back)) == "".join(parts) + "\n"


@pytest.mark.parametrize(
    "line", ["Items 9A, 10K, and 3,,5", "5$ or 3€ a “word", "2022,3 and 9R, a"]
)
def test_odd_figures_that_are_drawn_so_stay_as_they_are(line):
    assert text_of(set_back(line)) == line + "\n"


@pytest.mark.parametrize(
    ("before", "behind", "line"),
    [
        ("10.1", "1 Recovery of Overpayments", "10.11 Recovery of Overpayments"),
        ("5.1 ", "Vesting", "5.1 Vesting"),
        ("Article ", "V", "Article V"),
        ("2.50 US Payroll T", "erms", "2.50 US Payroll Terms"),
    ],
)
@pytest.mark.parametrize("back", [0.4, 0.9, 1.4])
def test_a_letter_drawn_close_to_the_one_before_begins_no_line(before, behind, line, back):
    x = round(72 + width(before) - back, 2)
    drawn = text_at(72, 700, before) + text_at(x, 700, behind)

    assert text_of(drawn) == line + "\n"


def test_cells_far_apart_keep_the_lines_that_pdfium_gives_them():
    rows = [("Goodwill", "8"), ("Leases", "10")]
    drawn = "".join(
        text_at(72, 700 - 30 * n, name) + text_at(500, 700 - 30 * n, page)
        for n, (name, page) in enumerate(rows)
    )

    assert text_of(drawn).split() == ["Goodwill", "8", "Leases", "10"]


@pytest.mark.parametrize("gap", [1.1, 1.3, 2.2])
def test_words_in_capitals_that_touch_are_parted(gap):
    x = 72 + width("RESORTS INTERNATIONAL") + gap
    drawn = text_at(72, 700, "RESORTS INTERNATIONAL") + text_at(
        round(x, 2), 700, "AND SUBSIDIARIES"
    )

    assert text_of(drawn) == "RESORTS INTERNATIONAL AND SUBSIDIARIES\n"


@pytest.mark.parametrize("tracking", [0.0, 0.6, 1.2])
def test_a_long_word_in_capitals_stays_one(tracking):
    line = f"BT /F1 11 Tf {tracking} Tc 72 700 Td (INTERNATIONALIZATION) Tj ET\n"

    assert text_of(line) == "INTERNATIONALIZATION\n"


@pytest.mark.parametrize(
    "formula",
    [
        "(2cm)",
        "(2 cm)",
        "18m/s * (2cm/3cm)",
        "(0.5 km)",
        "mass / (2 * rearth)",
        "(1 + r)",
        "(x - 1)",
    ],
)
@pytest.mark.parametrize("power", ["2", "3", "10"])
def test_a_power_of_what_stands_in_parentheses_is_no_footnote(formula, power):
    assert f"= {formula}^{power} in" in text_of(marked(f"it is = {formula}", power, " in all"))


@pytest.mark.parametrize(
    "words",
    ["(in millions)", "(311)", "Section 401(k)", "(2021-2022)", "(Q1 + Q2)", "(and/or)", "(2022)"],
)
@pytest.mark.parametrize("mark", ["1", "2"])
def test_a_footnote_to_what_stands_in_parentheses_is_no_power(words, mark):
    assert f"{words} [{mark}] in" in text_of(marked(f"shown {words}", mark, " in all"))


@pytest.mark.parametrize(
    ("before", "power", "behind", "found"),
    [
        ("between C", "3", " and T", "between C^3 and T"),
        ("E = mc", "2", " holds", "E = mc^2 holds"),
        ("(1 \xd7 10", "-3", "C) is", "10^-3C) is"),
        ("is at 10", "-12", " m", "10^-12 m"),
        ("of r", "2", ", where", "r^2, where"),
    ],
)
def test_powers_are_written_alike_wherever_they_stand(before, power, behind, found):
    assert found in text_of(marked(before, power, behind))


@pytest.mark.parametrize(
    ("before", "mark", "found"),
    [
        ("shares of Class A", "1", "Class A [1] were"),
        ("the net income", "2", "net income [2] were"),
        ("of mc", "2", "of mc [2] were"),
    ],
)
def test_a_footnote_to_a_word_is_no_power(before, mark, found):
    assert found in text_of(marked(before, mark, " were"))


@pytest.mark.parametrize("words", ["free cash flows", 'as they "suppose."', "Net sales (net)"])
@pytest.mark.parametrize("mark", ["1", "63"])
@pytest.mark.parametrize("behind", [" . Free", " are"])
def test_a_mark_after_a_space_is_set_off_as_well(words, mark, behind):
    text = text_of(marked(f"{words} ", mark, behind))

    assert f"{words} [{mark}]{behind}" in text


@pytest.mark.parametrize("line", ["Note 1 and Note 12", "March 31, 20 of 25", "Item 9A in Part 2."])
def test_figures_after_a_space_are_left_alone(line):
    assert text_of(text_at(72, 700, line)) == line + "\n"
