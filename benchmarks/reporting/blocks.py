"""Headings, paragraphs, tables and figures, written as Markdown or as HTML."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from docpager.report.pages import page_text, safe_element
from docpager.report.plots import page_element

__all__ = ["Block", "FigureBlock", "HeadingBlock", "Paragraph", "Table", "as_html", "as_markdown"]


@dataclass(frozen=True, slots=True)
class HeadingBlock:
    text: str
    level: int = 2


@dataclass(frozen=True, slots=True)
class Paragraph:
    text: str
    loud: bool = False


@dataclass(frozen=True, slots=True)
class Table:
    """The first column is text, the others are figures."""

    title: str
    header: Sequence[str]
    rows: Sequence[Sequence[str]]


@dataclass(frozen=True, slots=True)
class FigureBlock:
    name: str
    """Of the file, without ending."""
    title: str
    svg: str


Block = HeadingBlock | Paragraph | Table | FigureBlock
_KINDS = {
    HeadingBlock: "heading",
    Paragraph: "paragraph",
    Table: "table",
    FigureBlock: "figure",
}


def as_markdown(blocks: Iterable[Block]) -> str:
    """Blocks as one page; figures as links to files beside it."""
    return "\n\n".join(map(_markdown, blocks)) + "\n"


def as_html(blocks: Iterable[Block], *, title: str) -> str:
    """Blocks as one page that needs no other file, made of the parts of `docpager report`."""
    shown = list(blocks)
    return page_text(
        "blocks.html",
        title=title,
        blocks=[(_KINDS[type(block)], block) for block in shown],
        elements={
            block.name: safe_element(page_element(block.svg, block.name))
            for block in shown
            if isinstance(block, FigureBlock)
        },
    )


def _markdown(block: Block) -> str:
    match block:
        case HeadingBlock(text, level):
            return f"{'#' * level} {text}"
        case Paragraph(text, loud):
            return f"**{text}**" if loud else text
        case FigureBlock(name, title, _):
            return f"![{title}](plots/{name}.svg)"
        case Table(title, header, rows):
            lines = [header, ["---", *["---:"] * (len(header) - 1)], *rows]
            return f"{title}:\n\n" + "\n".join(map(_line, lines))


def _line(cells: Sequence[str]) -> str:
    escaped = (cell.replace("|", "\\|") for cell in cells)
    return f"| {' | '.join(escaped)} |"
