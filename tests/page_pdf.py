"""Writes small PDFs from raw content streams, with the fonts, boxes and layers that tests need."""

from __future__ import annotations

from collections.abc import Sequence

HELVETICA = "<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding /WinAnsiEncoding >>"
FIRST_FONT, FIRST_OBJECT, FIRST_PAGE = 3, 10, 100


def page_pdf(
    *streams: str,
    fonts: Sequence[str] = (),
    objects: Sequence[str] = (),
    pages: Sequence[str] = (),
    resources: str = "",
    catalog: str = "",
) -> bytes:
    """One page per stream; /F1 is Helvetica, `fonts` are /F2, /F3, ...

    `objects` have the numbers 10, 11, ..., which `fonts`, `pages` (entries of each page's
    dictionary), `resources` and `catalog` may name. Text is Latin-1.
    """
    fonts = (HELVETICA, *fonts)
    numbered = dict(enumerate(fonts, start=FIRST_FONT)) | dict(enumerate(objects, FIRST_OBJECT))
    named = "".join(f"/F{n} {FIRST_FONT + n - 1} 0 R " for n in range(1, len(fonts) + 1))
    kids = " ".join(f"{FIRST_PAGE + 2 * n} 0 R" for n in range(len(streams)))
    numbered[1] = f"<< /Type /Catalog /Pages 2 0 R {catalog} >>"
    numbered[2] = f"<< /Type /Pages /Kids [{kids}] /Count {len(streams)} >>"
    for n, drawn in enumerate(streams):
        entries = pages[n] if n < len(pages) else "/MediaBox [0 0 612 792]"
        number = FIRST_PAGE + 2 * n
        numbered[number] = (
            f"<< /Type /Page /Parent 2 0 R {entries} /Contents {number + 1} 0 R "
            f"/Resources << /Font << {named}>> {resources} >> >>"
        )
        numbered[number + 1] = f"<< /Length {len(drawn)} >>\nstream\n{drawn}\nendstream"
    return _file(numbered)


def text_at(x: float, y: float, text: str, *, size: float = 11, font: str = "F1") -> str:
    """Draws one string with its baseline at a place."""
    for mark in "\\()":
        text = text.replace(mark, "\\" + mark)
    return f"BT /{font} {size} Tf 1 0 0 1 {x} {y} Tm ({text}) Tj ET\n"


def width(text: str, size: float = 11) -> float:
    """The width of a string in Helvetica."""
    from reportlab.pdfbase.pdfmetrics import stringWidth

    return float(stringWidth(text, "Helvetica", size))


def letters_at(x: float, y: float, text: str, *, size: float = 9, tight: float = 0.0) -> str:
    """Draws each letter as an object of its own, `tight` points closer than its width."""
    drawn = ""
    for letter in text:
        drawn += text_at(round(x, 2), y, letter, size=size) if letter != " " else ""
        x += width(letter, size) - (tight if letter != " " else 0)
    return drawn


def _file(objects: dict[int, str]) -> bytes:
    body, offsets = b"%PDF-1.7\n", {}
    for number, content in sorted(objects.items()):
        offsets[number] = len(body)
        body += f"{number} 0 obj\n{content}\nendobj\n".encode("latin-1")
    entries = "".join(
        f"{number} 1\n{offset:010} 00000 n \n" for number, offset in sorted(offsets.items())
    )
    size = max(objects) + 1
    xref = f"xref\n0 1\n0000000000 65535 f \n{entries}trailer\n<< /Size {size} /Root 1 0 R >>\n"
    return body + f"{xref}startxref\n{len(body)}\n%%EOF\n".encode()
