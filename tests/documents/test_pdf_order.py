"""Lines of a PDF page come in the order in which they are read."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from page_pdf import letters_at, page_pdf, text_at, width

from docpager.documents.pdf import read_pdf

SENTENCES = (
    "Revenue for the year rose by nine per cent",
    "to 1,234 million euro, while the cost of the",
    "goods that were sold fell to 700 million. The",
    "board has proposed a dividend of 12 cents.",
)


def read(*streams, **settings):
    return read_pdf(page_pdf(*streams, **settings), "a.pdf")


def turned(lines, matrix, x, y, step_x, step_y):
    """Lines in a turned frame, each a step from the one before."""
    return "".join(
        f"BT /F1 11 Tf {matrix} {x + n * step_x} {y + n * step_y} Tm ({line}) Tj ET\n"
        for n, line in enumerate(lines)
    )


@pytest.mark.parametrize("count", [3, 4])
@pytest.mark.parametrize(
    ("matrix", "x", "y", "step_x", "step_y"),
    [
        ("0 -1 1 0", 400, 720, -15, 0),  # clockwise
        ("0 1 -1 0", 100, 100, 15, 0),  # the other way
        ("1 0 0 1", 72, 700, 0, -15),  # upright
    ],
)
def test_turned_lines_follow_each_other_as_they_are_read(matrix, x, y, step_x, step_y, count):
    lines = SENTENCES[:count]
    drawn = turned(lines, matrix, x, y, step_x, step_y)

    assert read(drawn).text.splitlines() == list(lines)


@pytest.mark.parametrize("turn", [0, 90, 180, 270])
def test_a_turned_page_is_read_as_its_text_runs(turn):
    drawn = turned(SENTENCES, "1 0 0 1", 72, 700, 0, -15)
    document = read(drawn, pages=[f"/MediaBox [0 0 612 792] /Rotate {turn}"])

    assert document.text.splitlines() == list(SENTENCES)


def test_a_clockwise_table_keeps_its_rows():
    rows = [(f"Vessel {n}", f"{n * 37 + 11}.5 t", "approved") for n in range(8)]
    drawn = "".join(
        f"BT /F1 10 Tf 0 -1 1 0 {400 - 15 * n} {700 - 150 * k} Tm ({cell}) Tj ET\n"
        for n, row in enumerate(rows)
        for k, cell in enumerate(row)
    )

    assert read(drawn).text.splitlines() == [" ".join(row) for row in rows]


LABELS = ("Warranty reserve", "Share repurchase liability", "Deferred taxes", "Leases", "Total")


@given(
    figures=st.lists(st.integers(10, 99_999), min_size=5, max_size=5),
    column=st.integers(250, 480),
)
@settings(max_examples=15, deadline=None)
def test_a_sparse_table_set_letter_by_letter_has_a_line_for_each_row(figures, column):
    rows = list(zip(LABELS, (f"{figure:,}" for figure in figures), strict=True))
    drawn = "".join(
        letters_at(72, 700 - 14 * n, label, size=10) + letters_at(column, 700 - 14 * n, f, size=10)
        for n, (label, f) in enumerate(rows)
    )

    assert read(drawn).text.splitlines() == [f"{label} {figure}" for label, figure in rows]


@pytest.mark.parametrize("heading", ["ITEM 16. FORM 10-K SUMMARY", "ITEM 16. FORM 10-Q NOTES"])
@pytest.mark.parametrize("part", ["PART IV", "PART II"])
def test_a_page_of_few_lines_set_letter_by_letter_is_read_line_by_line(heading, part):
    lines = [(286, 807.5, 6, part), (288, 799.7, 6, "Item 16"), (225, 780.5, 9.6, heading)]
    lines += [(33.9, 763.7, 7.8, "None."), (292.7, 746.3, 6.6, "108")]
    drawn = ""
    for x, y, size, text in lines:
        for letter in text + " ":
            drawn += text_at(round(x, 2), y, letter, size=size)
            x += width(letter, size)
    page = "/MediaBox [0 0 595 842]"

    assert read(drawn, pages=[page]).text.split() == " ".join(text for *_, text in lines).split()


VERTICAL = (
    "<< /Type /Font /Subtype /Type0 /BaseFont /Test /Encoding /Identity-V "
    "/DescendantFonts [10 0 R] /ToUnicode 11 0 R >>"
)
DESCENDANT = (
    "<< /Type /Font /Subtype /CIDFontType2 /BaseFont /Test /DW 1000 /CIDSystemInfo "
    "<< /Registry (Adobe) /Ordering (Identity) /Supplement 0 >> /FontDescriptor 12 0 R >>"
)
DESCRIPTOR = (
    "<< /Type /FontDescriptor /FontName /Test /Flags 32 /FontBBox [0 -200 1000 900] "
    "/ItalicAngle 0 /Ascent 900 /Descent -200 /CapHeight 700 /StemV 80 >>"
)


def to_unicode(pairs):
    """A ToUnicode stream for codes of two digits and what each stands for."""
    digits = len(next(iter(pairs)))
    lines = " ".join(f"<{code}> <{text.encode('utf-16-be').hex()}>" for code, text in pairs.items())
    body = (
        "/CIDInit /ProcSet findresource begin 12 dict begin begincmap /CMapName /X def "
        f"/CMapType 2 def 1 begincodespacerange <{'0' * digits}> <{'F' * digits}> "
        f"endcodespacerange {len(pairs)} beginbfchar {lines} endbfchar endcmap end end"
    )
    return f"<< /Length {len(body)} >>\nstream\n{body}\nendstream"


def test_vertical_columns_come_from_right_to_left():
    columns = (
        "当社の売上高は前年より増加",
        "し、百二十億円となりました",
        "費用は三億円に減少しました",
    )
    codes = {mark: f"{n:04X}" for n, mark in enumerate(sorted(set("".join(columns))), start=33)}
    drawn = "".join(
        f"BT /F2 14 Tf 1 0 0 1 {500 - 24 * n} 760 Tm <{''.join(map(codes.get, column))}> Tj ET\n"
        for n, column in enumerate(columns)
    )
    cmap = to_unicode({code: mark for mark, code in codes.items()})
    document = read(drawn, fonts=[VERTICAL], objects=[DESCENDANT, cmap, DESCRIPTOR])

    assert document.text.split() in (list(columns), ["".join(columns)])


LEFT = (
    "The ferry to the north isle",
    "leaves at nine and returns",
    "before the evening tide, if",
    "the pilot allows the voyage.",
    "All fares are paid aboard",
)
RIGHT = (
    "The bus to the south shore",
    "leaves at noon and returns",
    "after the market has closed,",
    "whatever the weather may be",
    "and however long it takes.",
)


@pytest.mark.parametrize("gutter", [24, 60, 140])
def test_columns_written_row_by_row_are_parted(gutter):
    drawn = "".join(
        text_at(60, 700 - 14 * n, left) + text_at(60 + 150 + gutter, 700 - 14 * n, right)
        for n, (left, right) in enumerate(zip(LEFT, RIGHT, strict=True))
    )
    lines = [line.strip() for line in read(drawn).text.splitlines()]

    assert lines == [*LEFT, *RIGHT]


def test_a_table_is_not_taken_for_columns():
    rows = [("Revenue of the year", "1,234"), ("Cost of sales", "(700)")] * 3
    drawn = "".join(
        text_at(60, 700 - 14 * n, left) + text_at(300, 700 - 14 * n, right)
        for n, (left, right) in enumerate(rows)
    )

    assert [line.split()[-1] for line in read(drawn).text.splitlines()] == ["1,234", "(700)"] * 3


def test_a_table_of_words_keeps_its_rows():
    rows = [("Harbour master", "Ole Fisk"), ("Pilot of the port", "Ada Brun of Nord")] * 4
    drawn = "".join(
        text_at(60, 700 - 14 * n, left) + text_at(320, 700 - 14 * n, right)
        for n, (left, right) in enumerate(rows)
    )

    assert read(drawn).text.splitlines()[:2] == [" ".join(row) for row in rows[:2]]


def in_page_order(x, word, *, size=12):
    """A word as browsers write it: its glyphs from left to right, each with its text."""
    drawn = ""
    for letter in reversed(word):
        code = f"FEFF{ord(letter):04X}"
        drawn += f"/Span << /ActualText <{code}> >> BDC {text_at(x, 700, 'n', size=size)}EMC\n"
        x += 6.7
    return drawn


@pytest.mark.parametrize("word", ["מסמרים", "عربي", "قيمة"])
def test_words_that_a_browser_wrote_are_read_from_the_right(word):
    drawn = text_at(72, 700, "Supplier:") + in_page_order(150, word)
    drawn += text_at(150 + 7 * len(word) + 20, 700, "invoice 7731")

    assert read(drawn).text == f"Supplier: {word} invoice 7731\n"


ARABIC = (
    "<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /FirstChar 65 /LastChar 90 "
    f"/Widths [{' '.join(['500'] * 26)}] /ToUnicode 10 0 R >>"
)


def test_the_letters_of_an_arabic_ligature_keep_their_order():
    # On the page from left to right: meem, lam-alef as one glyph, seen, lam, alef.
    cmap = to_unicode({"41": "م", "42": "لا", "43": "س", "44": "ل", "45": "ا"})
    document = read("BT /F2 12 Tf 72 700 Td (ABCDE) Tj ET\n", fonts=[ARABIC], objects=[cmap])

    assert document.text == "السلام\n"


@pytest.mark.parametrize("angle", [0, 90, 180, 270])
def test_a_table_on_a_page_turned_any_way_reads_from_left_to_right(angle):
    drawn = "".join(
        text_at(60, 780 - 14 * row, f"Operating expenses of segment {row}")
        + text_at(360, 780 - 14 * row, f"{row},20{row}")
        + text_at(460, 780 - 14 * row, f"({row}0{row})")
        for row in range(24)
    )
    text = read(drawn, pages=[f"/MediaBox [0 0 612 792] /Rotate {angle}"]).text

    assert "Operating expenses of segment 7 7,207 (707)" in text
    assert text.index("segment 3 ") < text.index("segment 4 ")
