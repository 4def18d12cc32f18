"""What a page does not show is not cited from it."""

import pytest
from page_pdf import page_pdf, text_at, width

from docpager.documents.pdf import read_pdf

SHOWN = text_at(72, 700, "The price is 52,000 euro.")


def text_of(*streams, **settings):
    return read_pdf(page_pdf(*streams, **settings), "a.pdf").text


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
