"""Letters that PDF libraries lose, double, divide or misname come out as words."""

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from page_pdf import HELVETICA, letters_at, page_pdf, text_at, width

from docpager.documents.pdf import read_pdf
from docpager.documents.pdf.document_signs import signs_of
from docpager.documents.pdf.pdfium_reader import Pdfium


def read(*streams, **settings):
    return read_pdf(page_pdf(*streams, **settings), "a.pdf")


WORDS = ["adversely", "affected", "different", "offices", "officers", "effects", "coffee", "staff"]


@given(words=st.lists(st.sampled_from(WORDS), min_size=6, max_size=9))
@settings(max_examples=15, deadline=None)
def test_the_second_of_two_equal_letters_set_tight_is_kept(words):
    line = " ".join(["different", *words])

    assert read(letters_at(72, 720, line, tight=0.5)).text == line + "\n"


@pytest.mark.parametrize(
    "line", ["the affair cost 22,333 crowns", "if half the chief of it", "where f is f of x"]
)
def test_lines_set_letter_by_letter_stay_as_they_are(line):
    assert read(letters_at(72, 720, line)).text == line + "\n"


@pytest.mark.parametrize(
    "line",
    [
        "the Split-Off of the division",
        "Off-Balance Sheet Arrangements",
        "the offsetting of assets",
        "all off-balance items in short",
        "it was different and sufficient",
        "an affiliate, the staff, an effect",
    ],
)
@pytest.mark.parametrize("tight", [1.4, 1.6])
def test_a_lost_letter_of_off_is_put_back(line, tight):
    assert read(with_tight_letters(line, tight)).text == line + "\n"


def with_tight_letters(line, tight, *, y=700, narrow=0.0):
    """Letters and spaces as objects, the second of two f too close, the spaces narrow."""
    drawn, x = "", 72.0
    for letter, following in zip(line, line[1:] + " ", strict=True):
        drawn += text_at(round(x, 2), y, letter, size=9)
        x += width(letter, 9) - (tight if letter == following == "f" else 0)
        x -= narrow if letter == " " else 0
    return drawn


def test_lost_letters_and_lost_spaces_of_one_page_are_both_put_back():
    lines = ["the Split-Off of the division", "at a rate of 3.05 or up to five"]
    drawn = with_tight_letters(lines[0], 1.5) + with_tight_letters(lines[1], 0, y=680, narrow=2.4)

    assert read(drawn).text.splitlines() == lines


def type3(first, last):
    """A font of boxes without names of characters, as dvips wrote them."""
    names = " ".join(f"/a{n}" for n in range(first, last + 1))
    drawn = " ".join(f"/a{n} 10 0 R" for n in range(first, last + 1))
    widths = " ".join(["40"] * (last - first + 1))
    return (
        "<< /Type /Font /Subtype /Type3 /FontBBox [0 0 50 70] /FontMatrix [0.0125 0 0 0.0125 0 0] "
        f"/FirstChar {first} /LastChar {last} /Widths [{widths}] /CharProcs << {drawn} >> "
        f"/Encoding << /Type /Encoding /Differences [{first} {names}] >> >>"
    )


BOX = "<< /Length 41 >>\nstream\n40 0 0 0 40 60 d1\n0 0 36 55 re f       \nendstream"
OT1 = {"ffi": "\x0e", "ffl": "\x0f", "ff": "\x0b", "fi": "\x0c", "fl": "\\r"}
T1 = {"ffi": "\x1e", "ffl": "\x1f", "ff": "\x1b", "fi": "\x1c", "fl": "\x1d"}


@pytest.mark.parametrize("ligatures", [OT1, T1])
def test_ligatures_of_old_fonts_are_letters(ligatures):
    lines = (
        "The first efficient finite difference scheme was defined for fluid flow",
        "these findings are specific to the field and difficult to refine further",
    )
    drawn = ""
    for n, line in enumerate(lines):
        coded = line
        for letters, code in ligatures.items():
            coded = coded.replace(letters, code)
        words = " -400 ".join(f"({word})" for word in coded.split(" "))
        drawn += f"BT /F2 10 Tf 72 {720 - 16 * n} Td [{words}] TJ ET\n"

    assert read(drawn, fonts=[type3(0, 127)], objects=[BOX]).text.splitlines() == list(lines)


@pytest.mark.parametrize(
    ("before", "accent", "letter", "behind", "word"),
    [
        ("pr", "\\264", "e", "lev", "prélev"),
        ("Geb", "\\250", "u", "hr", "Gebühr"),
        ("ao", "\\210", "u", "t", "août"),
        ("", "\\264", "e", "tat", "état"),
        ("Ma", "\\230", "n", "ana", "Mañana"),
        ("voil", "`", "a", ".", "voilà."),
    ],
)
def test_accents_set_over_their_letter_join_it(before, accent, letter, behind, word):
    back = 444 if letter == "e" else 500
    shown = f"({before}) ({accent}) {back - 167} ({letter}{behind})"
    drawn = f"BT /F1 11 Tf 72 720 Td [{shown}] TJ ET\n"

    assert read(drawn).text == word + "\n"


CARON = HELVETICA.replace(
    "/WinAnsiEncoding", "<< /BaseEncoding /WinAnsiEncoding /Differences [255 /caron] >>"
)


@pytest.mark.parametrize(
    ("before", "word", "behind", "rest", "line"),
    [
        ("where was Jan ", "Sindel", " born", "", "where was Jan \u0160indel born\n"),
        ("how many of ", "Capek", "'s plays", "are", "how many of \u010capek's plays\nare\n"),
        (
            "is one of ",
            "Zatec",
            "'s regi-",
            "ons. All regions",
            "\u017datec's regions. All regions\n",
        ),
    ],
)
def test_an_accent_over_a_capital_joins_it_from_the_end_of_the_line(
    before, word, behind, rest, line
):
    middle = 72 + width(before) + width(word[0]) / 2 - 1.8
    drawn = text_at(72, 700, before + word + behind)
    drawn += f"BT /F2 11 Tf 1 0 0 1 {middle:.2f} 702.4 Tm (\xff) Tj ET\n" + text_at(72, 687, rest)
    document = read(drawn, fonts=[CARON])

    assert document.text.endswith(line)


def test_accents_that_stand_alone_are_left_alone():
    assert read(text_at(72, 700, "a ~ b, x^2 and `code`")).text == "a ~ b, x^2 and `code`\n"


@pytest.mark.parametrize("heading", ["BALANCE SHEET", "LIABILITIES", "Anmerkungen zur Bilanz"])
@pytest.mark.parametrize("tracking", [3.5, 5.0])
def test_spaced_headings_are_words(heading, tracking):
    drawn, x = "", 72.0
    for letter in heading:
        drawn += text_at(round(x, 2), 700, letter, size=14) if letter != " " else ""
        x += width(letter, 14) + tracking
    document = read(drawn + text_at(72, 670, "Assets of the company"))

    assert document.text == f"{heading}\nAssets of the company\n"


def test_letters_that_name_columns_stay_apart():
    drawn = "".join(text_at(72 + 60 * n, 700, mark) for n, mark in enumerate("ABCDEF"))

    assert read(drawn).text.split() == list("ABCDEF")


SOFT = (
    "<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding << /Type /Encoding "
    "/BaseEncoding /WinAnsiEncoding /Differences [1 /hyphen] >> /ToUnicode 10 0 R >>"
)


def soft_hyphens():
    ascii_codes = "".join(f"<{n:02X}> <{n:04X}> " for n in range(32, 123))
    body = (
        "/CIDInit /ProcSet findresource begin 12 dict begin begincmap /CMapName /X def "
        "/CMapType 2 def 1 begincodespacerange <00> <FF> endcodespacerange "
        f"92 beginbfchar <01> <00AD> {ascii_codes} endbfchar endcmap end end"
    )
    return f"<< /Length {len(body)} >>\nstream\n{body}\nendstream"


def test_a_soft_hyphen_divides_no_word():
    lines = ("The board found the char\x01", "acteristically long recommenda\x01", "tions good.")
    drawn = "".join(text_at(72, 700 - 14 * n, line, font="F2") for n, line in enumerate(lines))

    text = read(drawn, fonts=[SOFT], objects=[soft_hyphens()]).text

    assert " ".join(text.split()) == (
        "The board found the characteristically long recommendations good."
    )


def test_a_hard_hyphen_at_a_line_end_is_kept():
    lines = ("The firm sells state-", "sponsored bonds, a well-", "known kind.")
    drawn = "".join(text_at(72, 700 - 14 * n, line) for n, line in enumerate(lines))

    assert "state-sponsored bonds, a well-known" in read(drawn).text


CYRILLIC = (
    "<< /Type /Font /Subtype /TrueType /BaseFont /ArialMT /Encoding << /Type /Encoding "
    "/BaseEncoding /WinAnsiEncoding /Differences [128 {names}] >> /FirstChar 128 /LastChar 133 "
    "/Widths [700 500 500 500 500 500] /FontDescriptor 10 0 R >>"
)
DESCRIPTOR = (
    "<< /Type /FontDescriptor /FontName /ArialMT /Flags 32 /FontBBox [-665 -325 2000 1006] "
    "/ItalicAngle 0 /Ascent 905 /Descent -212 /CapHeight 716 /StemV 80 >>"
)


@pytest.mark.parametrize(
    ("names", "word"),
    [
        ("/afii10017 /afii10082 /afii10070 /afii10079 /afii10069 /afii10065", "Аренда"),
        ("/Alpha /beta /gamma /delta /epsilon /omega", "Αβγδεω"),
    ],
)
def test_text_in_a_font_that_is_not_in_the_file_is_read(names, word):
    drawn = text_at(72, 740, "Berth C-17, rent table below. 2031")
    drawn += "".join(
        f"BT /F2 12 Tf {72 + 9 * n} 700 Td <{128 + n:02x}> Tj ET\n" for n in range(len(word))
    )
    document = read(drawn, fonts=[CYRILLIC.format(names=names)], objects=[DESCRIPTOR])

    assert document.text.split() == ["Berth", "C-17,", "rent", "table", "below.", "2031", word]
    assert document.pdf_pages[0].reader == "pypdf"


def test_letters_shifted_by_a_font_without_a_mapping_are_garbled():
    said = "The tenant shall pay a yearly rent of crowns. The lease ends on the last day of June."
    codes = "".join(f"{max(3, ord(mark) - 29):04x}" for mark in said)
    font = (
        "<< /Type /Font /Subtype /Type0 /BaseFont /Test /Encoding /Identity-H "
        "/DescendantFonts [11 0 R] >>"
    )
    descendant = (
        "<< /Type /Font /Subtype /CIDFontType2 /BaseFont /Test /DW 500 /CIDSystemInfo "
        "<< /Registry (Adobe) /Ordering (Identity) /Supplement 0 >> /FontDescriptor 10 0 R >>"
    )
    drawn = f"BT /F2 11 Tf 72 700 Td <{codes}> Tj ET\n" + text_at(72, 720, "Annex 7")
    document = read(drawn, fonts=[font], objects=[DESCRIPTOR, descendant])

    assert document.pdf_pages[0].problem == "garbled text"


def test_a_blank_page_is_no_page_without_a_text_layer():
    document = read(text_at(72, 700, "First"), "", text_at(72, 700, "Third"))

    assert document.unreadable_pdf_pages == ()


def test_a_page_of_drawings_has_no_text_layer():
    document = read(text_at(72, 700, "words"), "100 100 200 200 re f\n")

    assert document.pdf_pages[1].problem == "no text layer"


def test_a_page_painted_white_is_blank():
    document = read(text_at(72, 700, "words"), "1 1 1 rg 0 0 612 792 re f\n")

    assert document.pdf_pages[1].problem is None


def numbered(text, names):
    """A font whose codes from 1 on are the letters of a text, named by their number; and the
    codes that draw the text."""
    letters = sorted(set(text))
    name = names if callable(names) else lambda letter: names.format(ord(letter))
    listed = " ".join(map(name, letters))
    widths = " ".join(str(round(width(letter, 1000))) for letter in letters)
    font = (
        "<< /Type /Font /Subtype /Type1 /BaseFont /Numbered /FirstChar 1 "
        f"/LastChar {len(letters)} /Widths [{widths}] /FontDescriptor 10 0 R "
        f"/Encoding << /Type /Encoding /Differences [1 {listed}] >> >>"
    )
    descriptor = (
        "<< /Type /FontDescriptor /FontName /Numbered /Flags 4 /FontBBox [0 -200 1000 900] "
        "/ItalicAngle 0 /Ascent 900 /Descent -200 /CapHeight 700 /StemV 80 >>"
    )
    codes = "".join(f"{letters.index(letter) + 1:02x}" for letter in text)
    return {"fonts": [font], "objects": [descriptor]}, codes


@pytest.mark.parametrize("names", ["/G{:02X}", "/g{:02X}"])
def test_glyphs_named_by_the_number_of_their_character_are_read(names):
    text = "Clearly the tax policy of placing the majority of the excise burden on cigarettes"
    settings, codes = numbered(text, names)
    document = read(f"BT /F2 9 Tf 1 0 0 1 72 700 Tm <{codes}> Tj ET\n", **settings)

    assert document.text == text + "\n"
    assert document.pdf_pages[0].reader == "pdfium, repaired"


def test_every_form_of_a_number_is_read_and_none_as_another_letter():
    text = "Freight of the \u201cFinch\u201d: the line of five ferries carried flour, flax and fish"
    settings, codes = numbered(
        text, lambda letter: f"/G{letter.encode('cp1252').hex().upper()}{'._' * (letter == 'F')}"
    )
    document = read(f"BT /F2 9 Tf 1 0 0 1 72 700 Tm <{codes}> Tj ET\n", **settings)

    assert document.text == text + "\n"


def test_nothing_counts_as_hidden_in_a_copy_that_is_not_drawn_as_it_is_shown():
    content = page_pdf(f"{text_at(72, 700, 'shown')}1 1 1 rg\n{text_at(72, 600, 'white')}")
    opened = Pdfium.open(content, None)
    signs = signs_of(content)

    as_shown = opened.page(0, signs, with_styles=False).text.text
    as_copied = opened.page(0, replace(signs, is_drawn_as_shown=False), with_styles=False).text.text

    assert ("white" in as_shown, "white" in as_copied) == (False, True)


def test_glyphs_named_by_other_numbers_are_garbled():
    text = "Clearly the tax policy of placing the majority of the excise burden on cigarettes"
    settings, codes = numbered(text, "/C{:d}")
    document = read(f"BT /F2 9 Tf 1 0 0 1 72 700 Tm <{codes}> Tj ET\n", **settings)

    assert document.pdf_pages[0].problem == "garbled text"


def shadowed(x, y, text, *, aside):
    """Each letter drawn with a shadow below on the right and a light above on the left."""
    drawn = ""
    for letter in text:
        for shift in (aside, -aside, 0) if letter != " " else ():
            drawn += text_at(round(x + shift, 2), round(y - shift, 2), letter, size=28)
        x += width(letter, 28)
    return drawn


@pytest.mark.parametrize("words", ["NEBRASKA", "BUDGETS", "ACCESS"])
@pytest.mark.parametrize("aside", [1.7, 1.8, 1.9])
def test_letters_that_cast_a_shadow_are_read_once(words, aside):
    assert read(shadowed(72, 700, words, aside=aside)).text == words + "\n"


@pytest.mark.parametrize("line", ["AABBCCDD", "Bookkeeping, bookkeeper", "ooee aassdd"])
def test_doubled_letters_that_stand_side_by_side_are_kept(line):
    assert read(text_at(72, 700, line)).text == line + "\n"
