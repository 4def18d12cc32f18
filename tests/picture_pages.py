"""Pages that are pictures, and a tesseract that does as it is told."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from io import BytesIO
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

SIZE = (850, 1100)
"""A letter sheet at 100 dots an inch."""

FAKE = """#!{python} -SE
import os, signal, sys, time

HEAD = "level page_num block_num par_num line_num word_num left top width height conf text"


def row(block, line, word, confidence, text):
    print("5", 1, block, 1, line, word, 0, 0, 9, 9, confidence, text, sep="\\t")


arguments, how = sys.argv[1:], os.environ.get("FAKE_TESSERACT", "words")
if "--version" in arguments:
    print("tesseract 5.9.9")
elif "--list-langs" in arguments:
    data = os.environ.get("FAKE_DATA", "eng deu osd").split()
    print("List of available languages (3):", *data, sep="\\n")
else:
    with open({log!r}, "a") as log:
        print(os.getpid(), *arguments, file=log)
    head = sys.stdin.buffer.readline()
    assert head.startswith(b"P5 "), head
    assert len(sys.stdin.buffer.read()) == int(head.split()[1]) * int(head.split()[2])
    if how == "hang":
        time.sleep(600)
    if how == "fail":
        print("Image too large", file=sys.stderr)
        sys.exit(1)
    if how == "endless":
        signal.signal(signal.SIGXFSZ, signal.SIG_DFL)
        while True:
            print("5\\t1" * 1000)
    if how == "garbage":
        row(1, 1, 1, "much", "petrel")
        sys.stdout.flush()
        sys.stdout.buffer.write(b"\\xff\\x00 5 \\t\\t\\n5\\t1\\t" * 50)
    print(*HEAD.split(), sep="\\t")
    if how == "words":
        for number, word in enumerate("the storm petrel weighed 26 grams".split(), start=1):
            row(1, 1, number, 90 if number > 1 else 60, word)
"""


def install_fake(folder: Path) -> Path:
    """Put the fake into a folder that is to be on the PATH; the file that lists its calls."""
    folder.mkdir()
    log = folder / "calls"
    program = folder / "tesseract"
    program.write_text(FAKE.format(python=sys.executable, log=str(log)))
    program.chmod(0o755)
    return log


def calls(log: Path) -> list[list[str]]:
    """For each page that the fake was given, its process id and its arguments."""
    return [line.split() for line in log.read_text().splitlines()] if log.exists() else []


def draw(text: str, *, size: tuple[int, int] = SIZE, letters: int = 30) -> Image.Image:
    """A grey sheet with lines of text."""
    sheet = Image.new("L", size, 245)
    pen = ImageDraw.Draw(sheet)
    font = ImageFont.load_default(letters)
    for number, line in enumerate(text.splitlines()):
        pen.text((80, 80 + number * letters * 3 // 2), line, font=font, fill=30)
    return sheet


def picture_pdf(pages: Sequence[Image.Image]) -> bytes:
    """A PDF each page of which is one picture."""
    return picture_file(pages, "PDF")


def picture_file(pages: Sequence[Image.Image], kind: str) -> bytes:
    """A picture file; several pictures as far as its kind has room for them."""
    content = BytesIO()
    several = {"resolution": 100.0} if kind == "PDF" else {}
    several |= {"save_all": True, "append_images": pages[1:]} if len(pages) > 1 else {}
    pages[0].save(content, kind, **several)
    return content.getvalue()
