"""Word errors of recognised pages whose text is known, because their PDFs have it.

    python -m benchmarks.ocr.measure FOLDER... --pages 12 --seed 1
    python -m benchmarks.ocr.measure FOLDER... --pages 12 --seed 1 --rapidocr PYTHON

Pages are drawn by lot from those with enough words, drawn as pictures, and spoilt as scanners do.
With `--rapidocr` the same pictures are read by that library too, in the Python it is installed for.
"""

from __future__ import annotations

import argparse
import json
import random
import re
import resource
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image
from rapidfuzz.distance import Levenshtein

from docpager.documents.ocr.recognition import GreyPicture
from docpager.documents.ocr.tesseract import find_tesseract
from docpager.documents.pdf import read_pdf
from docpager.documents.pdf.pdfium_reader import Pdfium

FEWEST_WORDS = 120
NOISE = 28.0
"""Standard deviation, of 256 levels."""
SKEW_DEGREES = 2.0
CONDITIONS = {
    "clean, 300 dpi": (300, 0.0, 0.0),
    "clean, 200 dpi": (200, 0.0, 0.0),
    "clean, 150 dpi": (150, 0.0, 0.0),
    "skewed, 300 dpi": (300, SKEW_DEGREES, 0.0),
    "noisy, 300 dpi": (300, 0.0, NOISE),
    "skewed and noisy, 150 dpi": (150, SKEW_DEGREES, NOISE),
}
"""Dots an inch of the scanner, degrees, noise."""


@dataclass(frozen=True)
class KnownPage:
    """A page and its words."""

    path: Path
    number: int
    words: tuple[str, ...]


def words_of(text: str) -> tuple[str, ...]:
    """Words and figures, without what stands between them."""
    return tuple(re.findall(r"\w+", text))


def known_pages(folders: Sequence[Path]) -> Iterator[KnownPage]:
    """Pages whose own text is beyond doubt."""
    for folder in folders:
        for path in sorted(folder.glob("*.pdf")):
            document = read_pdf(path.read_bytes(), path.name)
            for page in document.pdf_pages:
                words = words_of(document.text[page.start : page.end])
                if not (page.problem or page.doubt or page.notes) and len(words) >= FEWEST_WORDS:
                    yield KnownPage(path, page.number, words)


def scanned(page: KnownPage, dpi: int, degrees: float, noise: float) -> Image.Image:
    """The page as a scanner of so many dots an inch might have it."""
    opened = Pdfium.open(page.path.read_bytes(), None)
    assert opened is not None
    drawn = opened.picture(page.number - 1)
    opened.close()
    sheet = Image.frombytes("L", (drawn.width, drawn.height), drawn.pixels)
    if dpi != drawn.dpi:
        size = sheet.width * dpi // drawn.dpi, sheet.height * dpi // drawn.dpi
        sheet = sheet.resize(size, Image.Resampling.BOX)
    if degrees:
        sheet = sheet.rotate(degrees, Image.Resampling.BICUBIC, fillcolor=255)
    if noise:
        dice = np.random.default_rng(page.number)
        levels = np.asarray(sheet, dtype=np.float32)
        levels = levels + dice.normal(0.0, noise, levels.shape)
        sheet = Image.fromarray(np.clip(levels, 0, 255).astype(np.uint8))
    return sheet


def as_drawn_by_pdfium(sheet: Image.Image, dpi: int) -> GreyPicture:
    """As docpager draws a PDF that holds this scan: at 300 dots an inch."""
    size = sheet.width * 300 // dpi, sheet.height * 300 // dpi
    large = sheet if dpi == 300 else sheet.resize(size, Image.Resampling.BICUBIC)
    return GreyPicture(large.width, large.height, large.tobytes(), 300)


def error_rate(found: Sequence[str], known: Sequence[str]) -> float:
    """Words to be put in, taken out or replaced, for each known word."""
    return Levenshtein.distance(found, known) / len(known)


def lost_rate(found: Sequence[str], known: Sequence[str]) -> float:
    """The share of the known words that are not there, wherever they stand."""
    return (Counter(known) - Counter(found)).total() / len(known)


RAPID = """
import json, sys, resource
from rapidocr import RapidOCR
engine = RapidOCR(params={"Global.use_cls": False, "Global.log_level": "error",
                          "EngineConfig.onnxruntime.intra_op_num_threads": 1})
for line in sys.stdin:
    result = engine(line.strip(), use_cls=False)
    boxes = [] if result.boxes is None else [
        (box.tolist(), text) for box, text in zip(result.boxes, result.txts)]
    used = resource.getrusage(resource.RUSAGE_SELF)
    print("@" + json.dumps([boxes, used.ru_utime + used.ru_stime]), flush=True)
"""


class RapidReader:
    """rapidocr in a Python of its own; its boxes are put in order by ourselves."""

    def __init__(self, python: Path) -> None:
        self._process = subprocess.Popen(
            [str(python), "-c", RAPID],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        self._used = 0.0

    def read(self, sheet: Image.Image) -> tuple[str, float]:
        """The text from top to bottom, and the core seconds that it took."""
        stdin, stdout = self._process.stdin, self._process.stdout
        assert stdin is not None and stdout is not None
        with tempfile.NamedTemporaryFile(suffix=".png") as file:
            sheet.save(file.name)
            stdin.write(f"{file.name}\n")
            stdin.flush()
            while not (line := stdout.readline()).startswith("@"):
                if not line:
                    raise SystemExit("rapidocr ended")
        boxes, used = json.loads(line[1:])
        seconds, self._used = used - self._used, used
        return " ".join(_in_lines(boxes)), seconds


def _in_lines(boxes: Sequence[tuple[list[list[float]], str]]) -> list[str]:
    """Texts of boxes, line by line: boxes whose middles are close stand in one line."""
    placed = [
        (sum(y for _, y in box) / 4, box[0][0], abs(box[3][1] - box[0][1]), text)
        for box, text in boxes
    ]
    lines: list[list[tuple[float, float, float, str]]] = []
    for each in sorted(placed):
        if lines and each[0] - lines[-1][0][0] < each[2] / 2:
            lines[-1].append(each)
        else:
            lines.append([each])
    return [text for line in lines for _, _, _, text in sorted(line, key=lambda at: at[1])]


def core_seconds() -> float:
    """Of the children of this process that have ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def main() -> None:
    """Print a line for each page and condition, and a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folders", nargs="+", type=Path)
    parser.add_argument("--pages", type=int, default=12)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--language", default="eng")
    parser.add_argument("--rapidocr", type=Path, metavar="PYTHON")
    parser.add_argument("--conditions", nargs="+", default=list(CONDITIONS))
    options = parser.parse_args()
    pages = random.Random(options.seed).sample(list(known_pages(options.folders)), options.pages)
    tesseract = find_tesseract(options.language)
    rapid = RapidReader(options.rapidocr) if options.rapidocr else None
    table: dict[tuple[str, str], list[tuple[float, float, float, float]]] = {}
    for condition in options.conditions:
        dpi, degrees, noise = CONDITIONS[condition]
        for page in pages:
            sheet = scanned(page, dpi, degrees, noise)
            before = core_seconds()
            found = tesseract.recognise(as_drawn_by_pdfium(sheet, dpi), seconds=600)
            took = core_seconds() - before
            results = [("tesseract", found.text.replace("\ufffe", ""), took, found.confidence)]
            if rapid is not None:
                results.append(("rapidocr", *rapid.read(sheet), float("nan")))
            for engine, text, seconds, confidence in results:
                words = words_of(text)
                row = error_rate(words, page.words), lost_rate(words, page.words), seconds
                table.setdefault((engine, condition), []).append((*row, confidence))
                said = f"{engine}  {condition}  {page.path.name} p{page.number}"
                print(f"{said}  {row[0]:.3f} {row[1]:.3f} {seconds:.1f} s", file=sys.stderr)
    print("| engine | condition | word errors: mean, median, worst | lost | core s | sure |")
    print("|---|---|---|---|---|---|")
    for (engine, condition), rows in table.items():
        errors, lost, seconds, sure = (np.array(column) for column in zip(*rows, strict=True))
        rates = f"{errors.mean():.3f}, {np.median(errors):.3f}, {errors.max():.3f}"
        rest = f"{lost.mean():.3f} | {seconds.mean():.1f} | {sure.mean():.2f}"
        print(f"| {engine} | {condition} | {rates} | {rest} |")


if __name__ == "__main__":
    main()
