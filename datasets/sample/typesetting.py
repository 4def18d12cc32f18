"""Sets blocks as a PDF with reportlab: pages, printed labels, bookmarks, tables, columns."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path
from xml.sax.saxutils import escape

from markup import Block
from reportlab.lib import colors
from reportlab.lib.utils import ImageReader
from reportlab.pdfgen.canvas import Canvas
from reportlab.platypus import (
    ActionFlowable,
    BaseDocTemplate,
    CondPageBreak,
    Flowable,
    Frame,
    NextPageTemplate,
    PageBreak,
    PageTemplate,
    Paragraph,
    Spacer,
    Table,
    TableStyle,
)
from reportlab.platypus.tableofcontents import TableOfContents
from scan import draw_sheet
from styles import TOC_LEVELS, Look, paragraph_styles
from weather import weather_rows

FIGURE = re.compile(r"[–+−]?[\d.,]+ ?(sets|litres|g|kg|\*)?\*?")
SIDES = ("TOP", "BOTTOM", "LEFT", "RIGHT")
ROMAN = ("", "i", "ii", "iii", "iv", "v", "vi", "vii", "viii", "ix", "x")


class Booklet(BaseDocTemplate):
    """A document that prints labels, writes them into /PageLabels and bookmarks its headings."""

    def __init__(self, path: Path, look: Look) -> None:
        super().__init__(
            str(path), pagesize=look.paper, invariant=1, title=look.title, lang=look.language
        )
        self.look = look
        self.arabic_from: int | None = None
        self.plain_numbers = False
        self.addPageTemplates([_template(name, look, self) for name in ("one", "two", "bare")])

    def beforeDocument(self) -> None:
        """Start a pass; the table of contents, which comes early, speaks from the pass before."""
        self.last_arabic_from, self.arabic_from = (
            self.arabic_from,
            1 if self.plain_numbers else None,
        )
        self.headings = 0

    def label(self) -> str:
        """What is printed on the current page."""
        return _label(self.page, self.arabic_from)

    def toc_label(self, page: int) -> str:
        """What the table of contents prints for a page."""
        return _label(page, self.last_arabic_from or 1)

    def begin_page(self, canvas: Canvas, _: BaseDocTemplate) -> None:
        """Write the label table where the counting changes; plain numbers need none."""
        if self.plain_numbers:
            return
        if self.arabic_from is not None and self.page == self.arabic_from:
            canvas.addPageLabel(self.page - 1, style="ARABIC", start=1)
        elif self.page == 1:
            canvas.addPageLabel(0, style="ROMAN_LOWER", start=1)

    def furnish(self, canvas: Canvas, document: BaseDocTemplate) -> None:
        """The running head and the printed label, except on a cover."""
        self.begin_page(canvas, document)
        if self.page == 1 and self.arabic_from != 1:
            return
        width, height = self.look.paper
        canvas.setFont(self.look.font, 8)
        canvas.drawString(self.look.margin, height - 0.6 * self.look.margin, self.look.title)
        canvas.drawCentredString(width / 2, 0.5 * self.look.margin, self.label())

    def afterFlowable(self, flowable: Flowable) -> None:
        """Bookmark a heading and name it to the table of contents."""
        level = getattr(flowable, "outline_level", None)
        if level is None:
            return
        self.headings += 1
        key, text = f"h{self.headings}", flowable.getPlainText()
        self.canv.bookmarkPage(key)
        self.canv.addOutlineEntry(text, key, level, closed=int(level > 0))
        if level < TOC_LEVELS:
            self.notify("TOCEntry", (level, text, self.page, key))


class BeginArabic(ActionFlowable):
    """From the next page on, pages are counted 1, 2, 3."""

    def apply(self, doc: Booklet) -> None:
        """Tell the document."""
        doc.arabic_from = doc.page + 1


class Sheet(Flowable):
    """A scanned sheet that fills the page."""

    def __init__(self, text: str, paper: tuple[float, float]) -> None:
        super().__init__()
        self.image, self.paper = ImageReader(draw_sheet(text)), paper

    def wrap(self, width: float, height: float) -> tuple[float, float]:
        """As large as its frame."""
        return width, height - 1

    def draw(self) -> None:
        """Paint the picture over the paper, whatever the frame."""
        self.canv.saveState()
        x, y = self.canv.absolutePosition(0, 0)
        self.canv.drawImage(self.image, -x, -y, *self.paper)
        self.canv.restoreState()


def typeset(blocks: Iterable[Block], look: Look, path: Path) -> None:
    """Write the blocks to a PDF."""
    booklet = Booklet(path, look)
    setter = Setter(look, booklet)
    booklet.multiBuild([flowable for block in blocks for flowable in setter.flowables(block)])


class Setter:
    """Turns blocks into what reportlab places on pages."""

    def __init__(self, look: Look, booklet: Booklet) -> None:
        self.look, self.booklet = look, booklet
        self.styles = paragraph_styles(look)

    def flowables(self, block: Block) -> list[Flowable]:
        """The flowables of one block."""
        return getattr(self, f"_{block.kind}")(block)

    def _paragraph(self, block: Block) -> list[Flowable]:
        return [self._text(block.text, "body")]

    def _item(self, block: Block) -> list[Flowable]:
        return [Paragraph(escape(block.text), self.styles["item"], bulletText="–")]

    def _heading(self, block: Block) -> list[Flowable]:
        heading = self._text(block.text, f"h{block.level}")
        heading.outline_level = block.level - 1
        return [CondPageBreak(self.look.size * (16 - 3 * block.level)), heading]

    def _cover(self, block: Block) -> list[Flowable]:
        above, title, below = block.text.split(" | ")
        drop = Spacer(1, self.look.paper[1] * 0.25)
        return [
            drop,
            self._text(above, "cover_small"),
            self._text(title, "cover"),
            self._text(below, "cover_small"),
        ]

    def _title(self, block: Block) -> list[Flowable]:
        self.booklet.plain_numbers = True
        above, title, below = block.text.split(" | ")
        return [self._text(above, "body"), self._text(title, "h0"), self._text(below, "h2")]

    def _roman(self, _: Block) -> list[Flowable]:
        return [PageBreak()]

    def _arabic(self, _: Block) -> list[Flowable]:
        return [BeginArabic(), PageBreak()]

    def _page(self, _: Block) -> list[Flowable]:
        return [PageBreak()]

    def _columns(self, _: Block) -> list[Flowable]:
        return [NextPageTemplate("two"), PageBreak()]

    def _single(self, _: Block) -> list[Flowable]:
        return [NextPageTemplate("one"), PageBreak()]

    def _scan(self, block: Block) -> list[Flowable]:
        sheet = Sheet(block.text, self.look.paper)
        return [NextPageTemplate("bare"), PageBreak(), sheet, NextPageTemplate("one"), PageBreak()]

    def _toc(self, _: Block) -> list[Flowable]:
        toc = TableOfContents(dotsMinLevel=0, formatter=self.booklet.toc_label)
        toc.tableStyle = TableStyle([(f"{side}PADDING", (0, 0), (-1, -1), 0.6) for side in SIDES])
        toc.levelStyles = [self.styles[f"toc{level}"] for level in range(TOC_LEVELS)]
        return [self._text("Inhalt" if self.look.language == "de" else "Contents", "h0"), toc]

    def _weather(self, _: Block) -> list[Flowable]:
        rows = tuple(weather_rows())
        return self._plain(
            Block("plain", "15,8,10,10,9,8,40 | The weather book, 8:00 each morning", rows=rows)
        )

    def _ruled(self, block: Block) -> list[Flowable]:
        lines = [
            ("GRID", (0, 0), (-1, -1), 0.5, colors.grey),
            ("BACKGROUND", (0, 0), (-1, 0), colors.lightgrey),
        ]
        return self._grid(block, lines)

    def _plain(self, block: Block) -> list[Flowable]:
        return self._grid(block, [])

    def _grid(self, block: Block, lines: list[tuple[object, ...]]) -> list[Flowable]:
        caption = block.text.partition(" | ")[2]
        widths = [int(share) for share in re.findall(r"\d+", block.text.partition(" | ")[0])]
        room = self.look.paper[0] - 2 * self.look.margin
        table = Table(
            self._cells(block.rows),
            colWidths=[room * share / sum(widths) for share in widths],
            repeatRows=1,
        )
        gaps = zip(SIDES, (1.8, 2.2, 4.5, 4.5), strict=True)
        padding = [(f"{side}PADDING", (0, 0), (-1, -1), gap) for side, gap in gaps]
        table.setStyle([*lines, *padding, ("VALIGN", (0, 0), (-1, -1), "TOP")])
        keep = CondPageBreak(self.look.size * 8)
        return [keep, self._text(caption, "caption"), table, Spacer(1, self.look.size)]

    def _cells(self, rows: tuple[tuple[str, ...], ...]) -> list[list[Paragraph]]:
        right = [
            all(FIGURE.fullmatch(c) or c in ("–", "none") for c in column)
            for column in zip(*rows[1:], strict=True)
        ]
        head = [
            self._text(cell, "head_right" if right[i] else "head") for i, cell in enumerate(rows[0])
        ]
        return [head] + [
            [self._text(cell, "cell_right" if right[i] else "cell") for i, cell in enumerate(row)]
            for row in rows[1:]
        ]

    def _text(self, text: str, style: str) -> Paragraph:
        return Paragraph(escape(text), self.styles[style])


def _label(page: int, arabic_from: int | None) -> str:
    if arabic_from is None or page < arabic_from:
        return ROMAN[page]
    return str(page - arabic_from + 1)


def _template(name: str, look: Look, booklet: Booklet) -> PageTemplate:
    width, height = (side - 2 * look.margin for side in look.paper)
    gap = 18.0
    columns = 2 if name == "two" else 1
    each = (width - gap * (columns - 1)) / columns
    frames = [
        Frame(
            look.margin + i * (each + gap), look.margin, each, height, 0, 0, 0, 0, id=f"{name}{i}"
        )
        for i in range(columns)
    ]
    return PageTemplate(
        id=name, frames=frames, onPage=booklet.begin_page if name == "bare" else booklet.furnish
    )
