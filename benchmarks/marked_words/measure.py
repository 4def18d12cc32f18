"""Are the marked words the quote's? Citations in many PDFs, read back by another reader.

    python -m benchmarks.marked_words.measure FOLDER... --judge PYTHON --out DIR

From each of thirty PDFs, drawn by `--seed` from those under FOLDER, a stretch of words of one page
is quoted and marked. Of some PDFs a copy is made: turned, cropped, set in two columns, or as
pictures whose text is recognised (tesseract). The judge is an interpreter with PyMuPDF, which reads
the characters whose middles lie under the rectangles; of pictures, in the copy with text that they
were made from. Letters and digits are compared.
"""

from __future__ import annotations

import argparse
import json
import random
import re
import subprocess
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from pathlib import Path
from typing import Any

import pypdfium2
from pypdf import PdfReader, PdfWriter
from pypdf.generic import RectangleObject

from docpager import Archive, DocpagerError, ReadingSettings, ingest
from docpager.archive.sources import draw_pages
from docpager.run.cited_places import cited_place, page_parts

TREATMENTS = (
    *["as it is"] * 13,
    *["over two pages"] * 5,
    *["turned by 90", "turned by 180", "turned by 270"],
    *["cropped"] * 3,
    *["two columns"] * 3,
    *["recognised"] * 3,
)
NEARLY = 0.95
"""Of the letters read back and of those quoted, where a citation counts as nearly right."""
_LEAST_WORDS = 80
_TRIED_PAGES = 6
_LOOKED_AT = 40


@dataclass(frozen=True)
class Case:
    """One PDF that is cited."""

    path: Path
    treatment: str
    judged: Path
    """What the judge reads: the same PDF, or the one that its pictures were made from."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folders", nargs="+", type=Path)
    parser.add_argument("--judge", required=True, help="an interpreter that has PyMuPDF")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--out", type=Path, required=True, help="a new folder for the pictures")
    arguments = parser.parse_args()
    chance = random.Random(arguments.seed)
    found = {path.name: path for folder in arguments.folders for path in folder.rglob("*.pdf")}
    pdfs = [found[name] for name in sorted(found)]
    chance.shuffle(pdfs)
    docs = arguments.out / "docs"
    scans = arguments.out / "scans"
    for folder in (docs, scans):
        folder.mkdir(parents=True)
    cases = list(_cases(pdfs, arguments.out, chance))
    ingest([docs], arguments.out / "archive")
    ingest([scans], arguments.out / "archive", reading=ReadingSettings(ocr=True))
    with Archive.open(arguments.out / "archive") as archive:
        rows = [row for case in cases if (row := _row(archive, case, arguments.out, chance))]
    for row, read in zip(rows, _read_back(arguments.judge, rows), strict=True):
        row["read"] = read
    (arguments.out / "rows.json").write_text(json.dumps(rows, indent=1, ensure_ascii=False))
    _report(rows)


def _cases(pdfs: Sequence[Path], out: Path, chance: random.Random) -> Iterator[Case]:
    """A PDF for each treatment; one that cannot be used is passed over."""
    rest = iter(pdfs)
    for number, treatment in enumerate(TREATMENTS):
        for pdf in rest:
            folder = out / ("scans" if treatment == "recognised" else "docs")
            path = folder / f"{number:02}-{pdf.stem}.pdf"
            try:
                judged = _treated(pdf, treatment, path, out, chance)
            except Exception as error:  # noqa: BLE001 - whatever pypdf makes of a bad file
                print(f"passed over: {pdf.name} ({type(error).__name__})")
                path.unlink(missing_ok=True)
                continue
            if judged is not None:
                yield Case(path, treatment, judged)
                break


def _treated(
    pdf: Path, treatment: str, path: Path, out: Path, chance: random.Random
) -> Path | None:
    """Write the PDF that is cited; None where the given one has no page with enough text."""
    if treatment in ("as it is", "over two pages"):
        if not _has_long_pages(pdf, 2 if treatment == "over two pages" else 1):
            return None
        path.write_bytes(pdf.read_bytes())
        return path
    reader = PdfReader(pdf)
    tried = chance.sample(range(len(reader.pages)), min(_TRIED_PAGES, len(reader.pages)))
    number = next((n for n in tried if _word_count(reader.pages[n]) > _LEAST_WORDS), None)
    if number is None:
        return None
    if treatment == "two columns":
        _write_columns(reader.pages[number].extract_text().split(), path)
        return path
    writer = PdfWriter()
    page = writer.add_page(reader.pages[number])
    if treatment.startswith("turned"):
        page.rotate(int(treatment.split()[-1]))
    if treatment == "cropped":
        box = page.cropbox
        wide, high = float(box.width), float(box.height)
        page.cropbox = RectangleObject(
            (
                float(box.left) + wide * 0.06,
                float(box.bottom) + high * 0.2,
                float(box.right) - wide * 0.03,
                float(box.top) - high * 0.1,
            )
        )
    if treatment != "recognised":
        writer.write(path)
        return path
    (out / "texts").mkdir(exist_ok=True)
    judged = out / "texts" / path.name
    writer.write(judged)
    _write_scan(judged, path)
    return judged


def _has_long_pages(pdf: Path, count: int) -> bool:
    """Whether so many pages with enough words follow each other, as plain pdfium reads them."""
    document = pypdfium2.PdfDocument(pdf)
    run = 0
    for n in range(min(len(document), _LOOKED_AT)):
        words = document[n].get_textpage().get_text_range().split()
        run = run + 1 if len(words) > 2 * _LEAST_WORDS else 0
        if run == count:
            return True
    return False


def _word_count(page: Any) -> int:
    return len(page.extract_text().split())


def _write_columns(words: Sequence[str], path: Path) -> None:
    from reportlab.lib.pagesizes import A4
    from reportlab.pdfgen.canvas import Canvas

    canvas = Canvas(str(path), pagesize=A4)
    plain = [word for word in words if word.isascii()]
    lines = [" ".join(plain[n : n + 6]) for n in range(0, min(len(plain), 600), 6)]
    middle = -(-len(lines) // 2)
    for left, column in ((50, lines[:middle]), (310, lines[middle:])):
        for n, line in enumerate(column):
            canvas.setFont("Times-Roman", 9)
            canvas.drawString(left, 790 - 12 * n, line[:55])
    canvas.save()


def _write_scan(source: Path, path: Path) -> None:
    from PIL import Image

    document = pypdfium2.PdfDocument(source)
    bitmap = document[0].render(scale=200 / 72, grayscale=True)
    Image.fromarray(bitmap.to_numpy().squeeze()).convert("L").save(path, resolution=200)
    document.close()


def _row(archive: Archive, case: Case, out: Path, chance: random.Random) -> dict[str, Any] | None:
    """One citation: its quote and the rectangles around it, as docpager draws them."""
    try:
        (number,) = archive.documents_named(case.path.name)
        quote, page = _quote(archive, number, case, chance)
        cited = cited_place(archive, f"D{number}:p{page}", quote)
        parts = page_parts(archive, cited)
        pictures = draw_pages(archive, number, parts)
    except (DocpagerError, IndexError, ValueError) as error:
        print(f"no citation: {case.path.name} ({error})")
        return None
    (out / "pictures").mkdir(exist_ok=True)
    for picture in pictures:
        name = f"{case.path.stem[:40]}-p{picture.number}.png"
        (out / "pictures" / name).write_bytes(picture.png)
    return {
        "name": case.path.name,
        "treatment": case.treatment,
        "judged": str(case.judged),
        "quote": cited.quote,
        "found": [picture.share for picture in pictures],
        "pages": [
            {
                "page": picture.number,
                "size": [picture.width, picture.height],
                "rectangles": [list(box) for box in picture.rectangles],
            }
            for picture in pictures
        ],
    }


def _quote(archive: Archive, number: int, case: Case, chance: random.Random) -> tuple[str, int]:
    """A stretch of words of a document, and the page on which it begins."""
    pages = archive.pdf_pages(number)
    texts = [archive.text(number, p.start, p.end) if p.end > p.start else "" for p in pages]
    long = [n for n, text in enumerate(texts) if len(text.split()) > _LEAST_WORDS]
    count = chance.randint(8, 25)
    if case.treatment == "over two pages":
        at = chance.choice([n for n in long if n + 1 in long])
        ends = [word.end() for word in re.finditer(r"\S+", texts[at + 1])]
        starts = [word.start() for word in re.finditer(r"\S+", texts[at])]
        end = pages[at + 1].start + ends[count // 2]
        return archive.text(number, pages[at].start + starts[-count], end), at + 1
    at = chance.choice(long)
    words = list(re.finditer(r"\S+", texts[at]))
    first = chance.randrange(len(words) - count)
    if case.treatment == "two columns":
        first = len(words) // 2 - count // 2
    return texts[at][words[first].start() : words[first + count].end()], at + 1


_JUDGE = """
import json, sys, pymupdf
for line in sys.stdin:
    row = json.loads(line)
    read = ""
    document = pymupdf.open(row["judged"])
    for wanted in row["pages"]:
        page = document[wanted["page"] - 1]
        # A picture of a page may be some points smaller or larger than the page.
        scale = [page.rect.width / wanted["size"][0], page.rect.height / wanted["size"][1]]
        characters = [
            (character["c"], pymupdf.Rect(character["bbox"]) * page.rotation_matrix)
            for block in page.get_text("rawdict")["blocks"]
            for written in block.get("lines", ())
            for span in written["spans"]
            for character in span["chars"]
        ]
        for left, top, right, bottom in wanted["rectangles"]:
            for sign, box in characters:
                x, y = (box.x0 + box.x1) / 2 / scale[0], (box.y0 + box.y1) / 2 / scale[1]
                if left <= x <= right and top <= y <= bottom:
                    read += sign
    print(json.dumps(read))
"""


def _read_back(judge: str, rows: Sequence[dict[str, Any]]) -> list[str]:
    given = "".join(json.dumps(row) + "\n" for row in rows)
    judged = subprocess.run(
        [judge, "-c", _JUDGE], input=given, capture_output=True, text=True, check=True
    )
    return [json.loads(line) for line in judged.stdout.splitlines()]


def letters(text: str) -> str:
    """What is compared: letters and digits, without accents and case."""
    folded = unicodedata.normalize("NFKD", unicodedata.normalize("NFKD", text).casefold())
    return "".join(filter(str.isalnum, folded))


def _report(rows: Sequence[dict[str, Any]]) -> None:
    exact = nearly = 0
    for row in rows:
        wanted, read = letters(row["quote"]), letters(row["read"])
        same = sum(b.size for b in SequenceMatcher(None, wanted, read, False).get_matching_blocks())
        marked, right = same / max(1, len(wanted)), same / max(1, len(read))
        is_near = min(marked, right) >= NEARLY
        exact += wanted == read
        nearly += is_near
        verdict = "equal" if wanted == read else "nearly" if is_near else "WRONG"
        lines = sum(len(page["rectangles"]) for page in row["pages"])
        print(
            f"{verdict:6} {row['treatment']:14} {row['name'][:44]:44} {len(wanted):4} letters, "
            f"{lines:2} lines, {marked:.0%} marked, {right:.0%} of the marked are the quote's"
        )
    print(f"{len(rows)} citations: equal {exact}, equal or nearly {nearly}")


if __name__ == "__main__":
    main()
