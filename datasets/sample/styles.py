"""Paper and type: what a document looks like, and the paragraph styles that follow from it."""

from __future__ import annotations

from dataclasses import dataclass

from reportlab.lib.enums import TA_CENTER, TA_JUSTIFY, TA_LEFT, TA_RIGHT
from reportlab.lib.styles import ParagraphStyle

TOC_LEVELS = 2


@dataclass(frozen=True, slots=True)
class Look:
    """How one document looks: paper, type and language."""

    title: str
    paper: tuple[float, float]
    margin: float
    font: str
    bold: str
    size: float
    language: str


def paragraph_styles(look: Look) -> dict[str, ParagraphStyle]:
    """Every paragraph style by name: body, headings, table cells, contents, cover."""
    size = look.size
    body = ParagraphStyle(
        "body", fontName=look.font, fontSize=size, leading=1.32 * size, spaceAfter=0.6 * size
    )
    body.alignment = TA_JUSTIFY if look.language == "en" else TA_LEFT
    styles = {"body": body}

    def add(name: str, **changes: object) -> None:
        styles[name] = ParagraphStyle(name, parent=body, **{"alignment": TA_LEFT, **changes})

    for level, scale in enumerate((1.7, 1.6, 1.22, 1.05)):
        leading, before = 1.25 * scale * size, (0.6 + scale) * size * (level > 0)
        add(
            f"h{level}",
            fontName=look.bold,
            fontSize=scale * size,
            leading=leading,
            spaceBefore=before,
        )
    for level in range(TOC_LEVELS):
        add(f"toc{level}", leftIndent=12 * level, fontSize=0.9 * size, spaceAfter=0, leading=size)
    add("item", leftIndent=12, bulletIndent=2)
    add("cell", fontSize=size - 1.3, leading=1.15 * size, spaceAfter=0)
    add("cell_right", fontSize=size - 1.3, leading=1.15 * size, spaceAfter=0, alignment=TA_RIGHT)
    add("head", fontName=look.bold, fontSize=size - 1.3, leading=1.15 * size, spaceAfter=0)
    styles["head_right"] = ParagraphStyle("head_right", parent=styles["head"], alignment=TA_RIGHT)
    add("caption", fontName=look.bold, fontSize=size - 0.8, spaceBefore=0.5 * size)
    add(
        "cover",
        fontName=look.bold,
        fontSize=2.5 * size,
        leading=3 * size,
        alignment=TA_CENTER,
        spaceAfter=2 * size,
    )
    add(
        "cover_small", fontSize=1.2 * size, leading=1.7 * size, alignment=TA_CENTER, spaceAfter=size
    )
    return styles
