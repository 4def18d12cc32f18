"""Build the examination's documents from the hand-written files in material/.

The result is the same bytes on every run: python make_unseen.py
"""

import json
from pathlib import Path
from typing import Any

from reportlab.lib.enums import TA_JUSTIFY, TA_LEFT
from reportlab.lib.pagesizes import A5
from reportlab.lib.styles import ParagraphStyle
from reportlab.platypus import (
    BaseDocTemplate,
    Frame,
    KeepTogether,
    PageTemplate,
    Paragraph,
    Spacer,
    Table,
    TableStyle,
)

HERE = Path(__file__).resolve().parent
MATERIAL = HERE / "material"
TARGET = HERE / "documents"

# name, title, serif or not, printed number of the first sheet, bookmarks or none
PDF_FILES = [
    ("diary_part1", "The Tessaray Survey, Part One", True, 1, True),
    ("diary_part2", "The Tessaray Survey, Part Two", True, None, True),
    ("waterworks", "Vell Valley Waterworks 2023", False, 1, False),
    ("agreement", "Collection Agreement", True, 1, True),
]


def figure(value: float) -> str:
    text = f"{abs(value):,.1f}" if value != int(value) else f"{abs(int(value)):,}"
    return f"({text})" if value < 0 else text


def number(cell: str) -> float | None:
    try:
        return float(cell.replace(",", ""))
    except ValueError:
        return None


def parse(text: str) -> list[tuple[str, Any]]:
    """Blocks of a material file: headings, paragraphs and tables."""
    blocks: list[tuple[str, Any]] = []
    table: dict[str, Any] | None = None
    for line in text.splitlines():
        if line[:2] in ("H ", "R ", "S ", "X ") and table is not None:
            table["rows"].append((line[0], [cell.strip() for cell in line[2:].split("|")]))
            continue
        table = None
        if line.startswith("T! "):
            table = {"title": line[3:], "rows": []}
            blocks.append(("table", table))
        elif line.startswith("#"):
            marks, heading = line.split(" ", 1)
            blocks.append((f"h{len(marks)}", heading))
        elif line.strip():
            blocks.append(("p", line.strip()))
    return blocks


def calculate(blocks: list[tuple[str, Any]]) -> None:
    """Fill in the sums (S) and formulas (X) of every table."""
    values: dict[str, list[float]] = {}
    pending: list[tuple[list[str], int, str]] = []
    for kind, table in blocks:
        if kind != "table":
            continue
        head: list[str] = []
        first = 1
        since: list[list[str]] = []
        for mark, cells in table["rows"]:
            label, _, tag = cells[0].partition(" @")
            cells[0] = label
            if mark == "H":
                head = cells
                named = ("Note", "Interest", "Final year")
                first = max([1] + [i + 1 for i, cell in enumerate(head) if cell in named])
                continue
            width = len(head)
            cells.extend([""] * (width - len(cells)))
            if mark == "S":
                sums = [sum(number(row[i]) or 0.0 for row in since) for i in range(first, width)]
                for i, value in enumerate(sums):
                    cells[first + i] = str(round(value, 1))
                since = []
                if tag:
                    values[tag] = sums
            elif mark == "X":
                formula = next(cell for cell in cells if cell.startswith("="))[1:]
                cells[cells.index("=" + formula)] = ""
                cells.extend([""] * (width - len(cells)))
                pending.append((cells, first, formula))
                cells.append(tag)
            else:
                since.append(cells)
                if tag:
                    values[tag] = [number(cell) or 0.0 for cell in cells[first:]]
    while pending:
        left = []
        for cells, first, formula in pending:
            count = len(cells) - 1 - first
            try:
                if formula.startswith("["):
                    result = eval(formula, {f"sum_{k}": v for k, v in values.items()})
                else:
                    result = []
                    for i in range(count):
                        scope = {k: v[i] for k, v in values.items() if i < len(v)}
                        scope |= {
                            f"prev_{k}": v[i + 1] for k, v in values.items() if i + 1 < len(v)
                        }
                        result.append(eval(formula, scope))
            except NameError:
                left.append((cells, first, formula))
                continue
            tag = cells.pop()
            for i, value in enumerate(result):
                cells[first + i] = str(value)
            if tag:
                values[tag] = [float(value) for value in result]
        if len(left) == len(pending):
            raise SystemExit(f"formulas that cannot be resolved: {[entry[2] for entry in left]}")
        pending = left
    for kind, table in blocks:
        if kind != "table":
            continue
        head = table["rows"][0][1]
        decimals = [
            any(
                "." in row[i] and row[i].split(".")[1].strip("0")
                for mark, row in table["rows"][1:]
                if mark == "R" and i < len(row) and number(row[i]) is not None
            )
            for i in range(len(head))
        ]
        for mark, cells in table["rows"]:
            if mark == "H":
                continue
            for i in range(1, len(cells)):
                value = number(cells[i])
                if value is None or head[i] in ("Note", "Line", "Final year"):
                    continue
                if mark in "SX":
                    cells[i] = f"{value:,.1f}" if decimals[i] else figure(value)
                elif value < 0:
                    cells[i] = figure(value)
                elif "," not in cells[i] and "." not in cells[i] and value >= 1000:
                    cells[i] = figure(value)


class Book(BaseDocTemplate):
    def __init__(self, path: Path, title: str, serif: bool, start: int, bookmarks: bool) -> None:
        super().__init__(
            str(path),
            pagesize=A5,
            invariant=1,
            title=title,
            author="",
            leftMargin=48,
            rightMargin=44,
            topMargin=46,
            bottomMargin=50,
        )
        self.running, self.serif, self.start, self.bookmarks = title, serif, start, bookmarks
        self.sheets = 0
        frame = Frame(
            self.leftMargin,
            self.bottomMargin,
            self.width,
            self.height,
            id="text",
            leftPadding=0,
            rightPadding=0,
        )
        self.addPageTemplates([PageTemplate(id="page", frames=[frame], onPage=self.decorate)])

    def decorate(self, canvas: Any, document: Any) -> None:
        self.sheets = max(self.sheets, document.page)
        canvas.setFont("Times-Italic" if self.serif else "Helvetica", 8)
        canvas.drawString(48, A5[1] - 30, self.running)
        canvas.drawCentredString(A5[0] / 2, 26, str(self.start + document.page - 1))

    def afterFlowable(self, flowable: Any) -> None:
        level = getattr(flowable, "level", None)
        if self.bookmarks and level is not None:
            key = f"mark{self.page}-{id(flowable) if False else flowable.serial}"
            self.canv.bookmarkPage(key)
            self.canv.addOutlineEntry(flowable.getPlainText(), key, level, 0)


def styles(serif: bool) -> dict[str, ParagraphStyle]:
    plain, bold = ("Times-Roman", "Times-Bold") if serif else ("Helvetica", "Helvetica-Bold")
    size = 10.5 if serif else 9.2
    return {
        "p": ParagraphStyle(
            "p",
            fontName=plain,
            fontSize=size,
            leading=size * 1.32,
            alignment=TA_JUSTIFY if serif else TA_LEFT,
            spaceAfter=5,
        ),
        "h1": ParagraphStyle(
            "h1", fontName=bold, fontSize=16, leading=20, spaceAfter=10, spaceBefore=12
        ),
        "h2": ParagraphStyle(
            "h2",
            fontName=bold,
            fontSize=12,
            leading=15,
            spaceAfter=5,
            spaceBefore=9,
            keepWithNext=1,
        ),
        "h3": ParagraphStyle(
            "h3",
            fontName=bold,
            fontSize=10.5,
            leading=13,
            spaceAfter=4,
            spaceBefore=8,
            keepWithNext=1,
        ),
        "caption": ParagraphStyle(
            "caption", fontName=bold, fontSize=8.8, leading=11, spaceAfter=3, spaceBefore=5
        ),
        "cell": ParagraphStyle("cell", fontName=plain, fontSize=8, leading=9.6),
        "total": ParagraphStyle("total", fontName=bold, fontSize=8, leading=9.6),
    }


def flow_table(table: dict[str, Any], style: dict[str, ParagraphStyle], width: float) -> Any:
    rows = table["rows"]
    columns = len(rows[0][1])
    text_columns = {0} | {
        i for i, cell in enumerate(rows[0][1]) if cell in ("Service", "Meant for", "Unit")
    }
    share = [3.4 if i == 0 else 1.0 for i in range(columns)]
    if rows[0][1][0] == "Line":
        share = [0.5, 2.6] + [1.1] * (columns - 2)
    if columns > 5:
        share[0] = min(share[0], 2.7)
    for i, cell in enumerate(rows[0][1]):
        if cell == "Note":
            share[i] = 0.55
    widths = [width * part / sum(share) for part in share]
    plain, bold = style["cell"].fontName, style["total"].fontName
    data, commands = (
        [],
        [
            ("VALIGN", (0, 0), (-1, -1), "BOTTOM"),
            ("LINEBELOW", (0, 0), (-1, 0), 0.6, "black"),
            ("TOPPADDING", (0, 0), (-1, -1), 1.2),
            ("BOTTOMPADDING", (0, 0), (-1, -1), 1.2),
            ("LEFTPADDING", (0, 0), (-1, -1), 1),
            ("RIGHTPADDING", (0, 0), (-1, -1), 1),
            ("FONT", (0, 0), (-1, -1), plain, 8),
            ("ALIGN", (1, 0), (-1, -1), "RIGHT"),
        ],
    )
    for column in text_columns:
        commands.append(("ALIGN", (column, 0), (column, -1), "LEFT"))
    for line, (mark, cells) in enumerate(rows):
        strong = mark in "HSX"
        shown: list[Any] = [
            Paragraph(cell, style["total" if strong else "cell"])
            if i in text_columns or mark == "H" and len(cell) > 9
            else cell
            for i, cell in enumerate(cells)
        ]
        data.append(shown)
        if strong:
            commands.append(("FONT", (0, line), (-1, line), bold, 8))
        if mark == "S":
            commands.append(("LINEABOVE", (0, line), (-1, line), 0.4, "black"))
    return KeepTogether(
        [
            Paragraph(table["title"], style["caption"]),
            Table(data, colWidths=widths, style=TableStyle(commands)),
            Spacer(1, 7),
        ]
    )


def write_pdf(name: str, title: str, serif: bool, start: int, bookmarks: bool) -> int:
    blocks = parse((MATERIAL / f"{name}.txt").read_text(encoding="utf-8"))
    calculate(blocks)
    book = Book(TARGET / f"{name}.pdf", title, serif, start, bookmarks)
    style = styles(serif)
    story: list[Any] = []
    for serial, (kind, content) in enumerate(blocks):
        if kind == "table":
            story.append(flow_table(content, style, book.width))
            continue
        escaped = content.replace("&", "&amp;").replace("<", "&lt;")
        paragraph = Paragraph(escaped, style[kind])
        if kind != "p":
            paragraph.level, paragraph.serial = (0 if kind in ("h1", "h2") else 1), serial
        story.append(paragraph)
    book.build(story)
    return book.sheets


def main() -> None:
    TARGET.mkdir(exist_ok=True)
    following = 1
    for name, title, serif, start, bookmarks in PDF_FILES:
        sheets = write_pdf(name, title, serif, following if start is None else start, bookmarks)
        following = sheets + 1
        print(f"{name}.pdf: {sheets} pages")
    for name in ("football_minutes.txt", "tidewire_handbook.md"):
        (TARGET / name).write_text(
            (MATERIAL / name).read_text(encoding="utf-8"), encoding="utf-8", newline="\n"
        )
    lines = []
    for line in (MATERIAL / "museum_catalogue.jsonl.txt").read_text(encoding="utf-8").splitlines():
        inventory, title, text = line.split("|", 2)
        lines.append(
            json.dumps(
                {"inventory": inventory, "title": title, "text": f"{inventory}. {title}. {text}"},
                ensure_ascii=False,
            )
        )
    (TARGET / "museum_catalogue.jsonl").write_text(
        "\n".join(lines) + "\n", encoding="utf-8", newline="\n"
    )
    print(f"museum_catalogue.jsonl: {len(lines)} entries")


if __name__ == "__main__":
    main()
