#!/usr/bin/env bash
# pdfium runs the rows of a sparse table together when its letters are drawn one by one.
#
# Expected: four rows, each with its label and its figure, as they stand on the page.
# Happens:  when every letter is drawn by an operator of its own (as browsers print) and the figures
#           stand far to the right of their labels, the rows come apart: spaces inside labels
#           vanish, the first row and the second share a line, and the last digit of "1,031" lands
#           on a line of its own, so that the line reads "1,03". The same letters with the figures
#           100 points from the labels, and the same table drawn string by string, are read right.
#           pypdf reads all of it right. For objects of a single letter pdfium asks how much of the
#           page's width and of its height is covered by text; here the height is covered better,
#           and it takes the page to be written downwards.
# Matters:  a figure is read a digit short, and stands beside the label of another row. Neither a
#           search for "Income tax payable 1,031" nor one for "Rent payable" finds the page.
# Versions: pypdfium2 5.15.2 (wrong), pypdf 7.1.1 (right), input made with reportlab 5.1.0.
# Date:     2026-11-30

set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check \
    pypdfium2==5.15.2 pypdf==7.1.1 reportlab==5.1.0

"$folder/venv/bin/python" - <<'PYTHON'
import io
import sys

import pypdf
import pypdfium2
from reportlab.pdfbase.pdfmetrics import stringWidth
from reportlab.pdfgen.canvas import Canvas

ROWS = [
    ("Rent payable", "412"),
    ("Income tax payable", "1,031"),
    ("Bank loans due", "96"),
    ("Total", "1,539"),
]
FONT, SIZE = "Helvetica", 10


def draw(canvas: Canvas, x: float, y: float, string: str) -> None:
    text = canvas.beginText(x, y)
    text.setFont(FONT, SIZE)
    text.textOut(string)
    canvas.drawText(text)


def pdf_of_table(figures_at: float, *, letter_by_letter: bool) -> bytes:
    """ROWS on a letter page: labels at 72 points, figures at `figures_at` points."""
    buffer = io.BytesIO()
    canvas = Canvas(buffer, pagesize=(612, 792))
    for row, cells in enumerate(ROWS):
        y = 740 - 14 * row
        for x, cell in zip((72.0, figures_at), cells, strict=True):
            if not letter_by_letter:
                draw(canvas, x, y, cell)
                continue
            for letter in cell:
                if letter != " ":
                    draw(canvas, x, y, letter)
                x += stringWidth(letter, FONT, SIZE)
    canvas.save()
    return buffer.getvalue()


def read_by_pdfium(data: bytes) -> list[str]:
    return pypdfium2.PdfDocument(data)[0].get_textpage().get_text_bounded().splitlines()


def read_by_pypdf(data: bytes) -> list[str]:
    return pypdf.PdfReader(io.BytesIO(data)).pages[0].extract_text().splitlines()


far = pdf_of_table(400, letter_by_letter=True)
seen = {
    "pdfium, figures near": read_by_pdfium(pdf_of_table(180, letter_by_letter=True)),
    "pdfium, far, by string": read_by_pdfium(pdf_of_table(400, letter_by_letter=False)),
    "pdfium, far, by letter": read_by_pdfium(far),
    "pypdf, far, by letter": read_by_pypdf(far),
}
as_printed = [f"{label} {figure}" for label, figure in ROWS]
recorded = {
    "pdfium, figures near": as_printed,
    "pdfium, far, by string": as_printed,
    "pdfium, far, by letter": [
        "R",
        "entpayable412 Income tax payable 1,03",
        "1",
        "Bank loansdue96",
        "Total 1,539",
    ],
    "pypdf, far, by letter": as_printed,
}
print("pdfium", pypdfium2.PDFIUM_INFO, "/ pypdf", pypdf.__version__)
for case, lines in seen.items():
    print(f"{case:24} {lines}")
if seen != recorded:
    sys.exit(f"The behaviour changed. Recorded on 2026-11-30: {recorded}")
print("As recorded: pdfium tears the rows of the sparse table apart.")
PYTHON
