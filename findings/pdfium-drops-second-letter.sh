#!/usr/bin/env bash
# pdfium drops the second of two equal letters when a line is set tightly.
#
# Expected: "affected" is read as "affected", whatever the distance between its letters.
# Happens:  when every letter is drawn by an operator of its own and stands 0.3 points closer than
#           the font's widths say, in italics of 10 points, "affected" is read as "af ected" and
#           "different" as "dif erent". The page looks right, and pypdf reads it right. At the
#           font's own widths pdfium reads it right too. pdfium leaves out what it takes for a
#           second print of the same letter: an equal letter, less than nine tenths of its width
#           further, whose box covers half of the first one's. A slanted f is much wider than its
#           step.
# Matters:  tight lines are common in justified text. A search for "affected" does not find the
#           page, and a quote that a reader copied from the page is not found in the text.
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

LINE = "adversely affected by different offers"
FONT, SIZE = "Times-Italic", 10


def pdf_of_letters(tighter_by: float) -> bytes:
    """A page with LINE, each letter drawn alone, `tighter_by` points closer than its width."""
    buffer = io.BytesIO()
    canvas = Canvas(buffer)
    x = 72.0
    for letter in LINE:
        text = canvas.beginText(x, 700)
        text.setFont(FONT, SIZE)
        text.textOut(letter)
        canvas.drawText(text)
        x += stringWidth(letter, FONT, SIZE) - tighter_by
    canvas.save()
    return buffer.getvalue()


def read_by_pdfium(data: bytes) -> str:
    return pypdfium2.PdfDocument(data)[0].get_textpage().get_text_bounded().strip()


def read_by_pypdf(data: bytes) -> str:
    return pypdf.PdfReader(io.BytesIO(data)).pages[0].extract_text().strip()


usual, tight = pdf_of_letters(0.0), pdf_of_letters(0.3)
seen = {
    "pdfium, usual widths": read_by_pdfium(usual),
    "pdfium, 0.3 pt tighter": read_by_pdfium(tight),
    "pypdf, 0.3 pt tighter": read_by_pypdf(tight),
}
recorded = {
    "pdfium, usual widths": LINE,
    "pdfium, 0.3 pt tighter": "adversely af ected by dif erent of ers",
    "pypdf, 0.3 pt tighter": LINE,
}
print("pdfium", pypdfium2.PDFIUM_INFO, "/ pypdf", pypdf.__version__)
for case, text in seen.items():
    print(f"{case:24} {text!r}")
if seen != recorded:
    sys.exit(f"The behaviour changed. Recorded on 2026-11-30: {recorded}")
print("As recorded: pdfium loses the second f.")
PYTHON
