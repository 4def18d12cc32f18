#!/usr/bin/env bash
# pypdf writes the names of old-style digits into the text instead of the digits.
#
# Expected: glyph names such as "one.oldstyle" are read as the digit before the dot. Adobe's rules
#           for glyph names say so: what follows the first dot names a variant and is left out.
# Happens:  pypdf takes only names that its list holds; any other name is written into the text with
#           its slash. A year set in old-style digits becomes
#           "/two.oldstyle/zero.oldstyle/one.oldstyle/eight.oldstyle". pdfium reads 2018.
# Matters:  books and annual reports set figures in such digits. No figure of such a page can be
#           found or quoted, while the words around the figures read well, so that the page does not
#           look broken to a check that measures how much of it is letters.
# Versions: pypdf 7.1.1 (names), pypdfium2 5.15.2 (digits). The PDF is written out by the script.
# Date:     2026-11-30

set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check \
    pypdf==7.1.1 pypdfium2==5.15.2

"$folder/venv/bin/python" - <<'PYTHON'
import io
import sys

import pypdf
import pypdfium2

DIGITS = b"zero one two three four five six seven eight nine".split()
NAMES = b" ".join(b"/" + digit + b".oldstyle" for digit in DIGITS)
CONTENT = b"BT /F1 12 Tf 72 700 Td (Net sales in 2018) Tj ET"


def pdf() -> bytes:
    """A page whose font calls its digits zero.oldstyle to nine.oldstyle."""
    font = (
        b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding << /Type /Encoding "
        b"/BaseEncoding /WinAnsiEncoding /Differences [48 " + NAMES + b"] >> >>"
    )
    objects = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] /Contents 4 0 R "
        b"/Resources << /Font << /F1 5 0 R >> >> >>",
        b"<< /Length %d >>\nstream\n%s\nendstream" % (len(CONTENT), CONTENT),
        font,
    ]
    data = b"%PDF-1.4\n"
    offsets = []
    for number, item in enumerate(objects, start=1):
        offsets.append(len(data))
        data += b"%d 0 obj\n%s\nendobj\n" % (number, item)
    table = b"".join(b"%010d 00000 n \n" % offset for offset in offsets)
    size = len(objects) + 1
    return data + (
        b"xref\n0 %d\n0000000000 65535 f \n%strailer\n<< /Size %d /Root 1 0 R >>\n"
        b"startxref\n%d\n%%%%EOF\n" % (size, table, size, len(data))
    )


data = pdf()
seen = {
    "pypdf": pypdf.PdfReader(io.BytesIO(data)).pages[0].extract_text(),
    "pdfium": pypdfium2.PdfDocument(data)[0].get_textpage().get_text_bounded(),
}
recorded = {
    "pypdf": "Net sales in /two.oldstyle/zero.oldstyle/one.oldstyle/eight.oldstyle",
    "pdfium": "Net sales in 2018",
}
print("pypdf", pypdf.__version__, "/ pdfium", pypdfium2.PDFIUM_INFO)
for reader, text in seen.items():
    print(f"{reader:8} {text!r}")
if seen != recorded:
    sys.exit(f"The behaviour changed. Recorded on 2026-11-30: {recorded}")
print("As recorded: pypdf gives the names of the digits.")
PYTHON
