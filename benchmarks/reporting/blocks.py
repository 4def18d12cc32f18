"""Headings, paragraphs, tables and figures, written as Markdown or as HTML."""

from __future__ import annotations

import html
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

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

_STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; max-width: 68rem; margin: 2rem auto; padding: 0 1rem;
  color: #1a1a1a; background: #fff }
h1, h2 { line-height: 1.2 } h2 { margin-top: 3rem; border-top: 1px solid #ccc; padding-top: 1rem }
.wide { overflow-x: auto } table { border-collapse: collapse; font-size: 13px; margin: .5rem 0 }
caption, figcaption { text-align: left; font-weight: 600; padding: .3rem 0; caption-side: top }
th, td { padding: .2rem .6rem; text-align: right; border-bottom: 1px solid #e4e4e4;
  font-variant-numeric: tabular-nums; white-space: nowrap }
th:first-child, td:first-child { text-align: left; white-space: normal; min-width: 14rem }
figure { margin: 1.5rem 0 } svg { max-width: 100%; height: auto }
.loud { background: #fff3cd; padding: .5rem .8rem; border-left: 4px solid #b38600 }
"""


def as_markdown(blocks: Iterable[Block]) -> str:
    """Blocks as one page; figures as links to files beside it."""
    return "\n\n".join(map(_markdown, blocks)) + "\n"


def as_html(blocks: Iterable[Block], *, title: str) -> str:
    """Blocks as one page that needs no other file."""
    body = "\n".join(map(_html, blocks))
    return (
        f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        f'<meta name="viewport" content="width=device-width">'
        f"<title>{html.escape(title)}</title><style>{_STYLE}</style></head>\n"
        f"<body>\n<h1>{html.escape(title)}</h1>\n{body}\n</body></html>\n"
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


def _html(block: Block) -> str:
    match block:
        case HeadingBlock(text, level):
            return f"<h{level}>{html.escape(text)}</h{level}>"
        case Paragraph(text, loud):
            return f"<p{' class=loud' if loud else ''}>{html.escape(text)}</p>"
        case FigureBlock(_, title, svg):
            caption = f"<figcaption>{html.escape(title)}</figcaption>"
            return f"<figure>{caption}{svg}</figure>"
        case Table(title, header, rows):
            head = _row(header, "th")
            body = "".join(_row(row, "td") for row in rows)
            caption = f"<caption>{html.escape(title)}</caption>"
            return f'<div class="wide"><table>{caption}{head}{body}</table></div>'


def _row(cells: Sequence[str], tag: str) -> str:
    return "<tr>" + "".join(f"<{tag}>{html.escape(cell)}</{tag}>" for cell in cells) + "</tr>\n"
