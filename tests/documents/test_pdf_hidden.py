"""What a page does not show is not cited from it."""

import pytest
from page_pdf import letters_at, page_pdf, text_at, width

from docpager.documents.pdf import read_pdf

SHOWN = text_at(72, 700, "The price is 52,000 euro.")


def read(*streams, **settings):
    return read_pdf(page_pdf(*streams, **settings), "a.pdf")


def text_of(*streams, **settings):
    return read(*streams, **settings).text


LAYERS = {
    "catalog": "/OCProperties << /OCGs [10 0 R 11 0 R] /D << /OFF [11 0 R] /Order [10 0 R] >> >>",
    "objects": [
        "<< /Type /OCG /Name (Shown) >>",
        "<< /Type /OCG /Name (Draft) >>",
        "<< /Type /OCMD /OCGs [11 0 R] /P /AllOn >>",
    ],
    "resources": "/Properties << /L1 10 0 R /L2 11 0 R /L3 12 0 R >>",
}


def layer(name, drawn):
    return f"/OC /{name} BDC\n{drawn}EMC\n"


@pytest.mark.parametrize("name", ["L2", "L3"])
@pytest.mark.parametrize("y", [700, 650])
def test_a_layer_that_is_off_is_left_out(name, y):
    draft = layer(name, text_at(72, y, "The price is 47,000 euro."))

    assert text_of(layer("L1", SHOWN) + draft, **LAYERS).strip() == "The price is 52,000 euro."


def test_a_layer_that_is_on_is_read():
    assert "52,000" in text_of(layer("L1", SHOWN), **LAYERS)


@pytest.mark.parametrize(
    "hidden",
    [
        "1 1 1 rg " + text_at(72, 650, "White 47,000 on white") + "0 0 0 rg\n",
        "0.97 g " + text_at(72, 650, "Nearly white 47,000") + "0 g\n",
        text_at(72, 650, "Tiny 47,000 of one point", size=1),
        "3 Tr " + text_at(72, 650, "Undrawn 47,000") + "0 Tr\n",
        text_at(72, 650, "Covered 47,000") + "70 645 200 18 re f\n",
        text_at(72, 650, "Whitened 47,000") + "1 1 1 rg 70 645 200 18 re f 0 0 0 rg\n",
    ],
)
def test_hidden_text_is_left_out(hidden):
    assert text_of(SHOWN + hidden) == "The price is 52,000 euro.\n"


def test_the_covered_end_of_a_line_is_left_out():
    x = 72 + width("Paid to ")
    drawn = text_at(72, 700, "Paid to ") + text_at(x, 700, "Ole Fisk")

    assert text_of(drawn + f"{x - 1} 695 60 16 re f\n") == "Paid to\n"


@pytest.mark.parametrize(
    "shown",
    [
        "0 0 0.6 rg 70 645 200 18 re f 1 1 1 rg " + text_at(72, 650, "White 47,000 on blue"),
        "0.7 g " + text_at(72, 650, "Light grey 47,000"),
        "0.9 g 70 645 200 18 re f 0 g " + text_at(72, 650, "On a shade 47,000"),
        text_at(72, 650, "Small 47,000 print", size=5),
    ],
)
def test_text_that_can_be_seen_is_read(shown):
    assert "47,000" in text_of(SHOWN + shown)


IMAGE = (
    "<< /Type /XObject /Subtype /Image /Width 8 /Height 8 /ColorSpace /DeviceGray "
    "/BitsPerComponent 8 /Length 64 >>\nstream\n" + "\x20\xe0" * 32 + "\nendstream"
)


def test_invisible_text_over_an_image_stays():
    drawn = "q 400 0 0 300 60 450 cm /I1 Do Q 3 Tr " + text_at(72, 650, "Recognised words, 1,871")

    assert "1,871" in text_of(drawn, objects=[IMAGE], resources="/XObject << /I1 10 0 R >>")


def test_only_what_lies_in_the_crop_box_belongs_to_a_page():
    both = text_at(60, 500, "Built in 1871.") + text_at(480, 500, "Opened in 1902.")
    halves = ["0 0 421 595", "421 0 842 595"]
    document = read_pdf(
        page_pdf(
            both, both, pages=[f"/MediaBox [0 0 842 595] /CropBox [{half}]" for half in halves]
        ),
        "a.pdf",
    )

    assert document.text == "Built in 1871.\nOpened in 1902.\n"


def test_a_line_that_runs_over_the_edge_of_the_sheet_is_kept_whole():
    line = "The costs of the year were small. " * 8

    assert text_of(text_at(72, 700, line.strip())).strip() == line.strip()


def test_what_lies_beside_the_sheet_is_left_out():
    assert text_of(SHOWN + text_at(700, 650, "Job 4711")) == "The price is 52,000 euro.\n"


def test_bold_letters_drawn_twice_are_shown():
    twice = text_at(72, 650, "Total 47,000") + text_at(72.3, 650, "Total 47,000")

    assert "Total 47,000" in text_of(layer("L1", twice), **LAYERS)


def clipped(*drawn):
    """Text inside of a clipping path that lies elsewhere."""
    return "q 500 20 9 9 re W n " + "".join(drawn) + "Q\n"


OLD = "By clicking on the box you agree to be bound by the old terms"
NEW = "You accept the plan as a whole and all of the awards under it"


@pytest.mark.parametrize("by_letter", [False, True])
@pytest.mark.parametrize("shift", [0.0, 1.5, 3.0])
@pytest.mark.parametrize("first", [False, True])
def test_clipped_text_that_lies_on_other_text_is_left_out(by_letter, shift, first):
    draw = letters_at if by_letter else text_at
    hidden = clipped(draw(72, 700 + shift, OLD), draw(72, 688 + shift, OLD))
    shown = draw(74, 700, NEW) + draw(74, 670, "Signed")
    document = read(*[hidden + shown if first else shown + hidden])

    assert document.text == f"{NEW}\nSigned\n"
    assert document.pdf_pages[0].notes == ("hidden text left out",)


def test_two_texts_that_are_shown_in_one_place_are_both_kept():
    drawn = text_at(72, 702, OLD) + text_at(72, 650, "Signed") + text_at(74, 700, NEW)
    document = read(drawn)

    assert sorted(document.text.split()) == sorted(f"{OLD} Signed {NEW}".split())
    assert document.doubtful == ((1, "order uncertain"),)


def test_text_under_the_image_of_its_page_is_kept():
    scan = "q 612 0 0 792 0 0 cm /I1 Do Q\n"
    image = (
        "<< /Type /XObject /Subtype /Image /Width 2 /Height 1 /ColorSpace /DeviceGray "
        "/BitsPerComponent 8 /Length 2 >>\nstream\n\x00\xff\nendstream"
    )
    drawn = text_at(72, 702, OLD) + text_at(72, 650, "Signed") + text_at(74, 700, NEW) + scan
    document = read(drawn, objects=[image], resources="/XObject << /I1 10 0 R >>")

    assert sorted(document.text.split()) == sorted(f"{OLD} Signed {NEW}".split())


def test_headings_between_the_lines_of_a_table_are_kept():
    drawn = text_at(72, 700, "(In millions)") + text_at(400, 700, "2022       2021")
    drawn += text_at(200, 703, "Fair Value Losses") + text_at(200, 680, "Total of all")

    document = read(drawn)

    assert {"Fair", "Losses", "2022", "Total"} <= set(document.text.split())
    assert not document.doubtful
