"""Draws a typed sheet as a picture, askew and specked: a page without a text layer."""

from __future__ import annotations

import random

from PIL import Image, ImageDraw, ImageFont

SHEET = (992, 1403)
PAPER, INK = 244, 40
SPECKS = 260
TILT_DEGREES = 0.7


def draw_sheet(text: str) -> Image.Image:
    """A grey picture of the text on a sheet of A4 at 120 dots to the inch."""
    sheet = Image.new("L", SHEET, PAPER)
    pen = ImageDraw.Draw(sheet)
    for number, line in enumerate(text.splitlines()):
        font = ImageFont.load_default(34 if number == 0 else 25)
        pen.text((120, 150 + 52 * number), line, font=font, fill=INK)
    pen.rectangle((90, 120, SHEET[0] - 90, 160 + 52 * (number + 1)), outline=110, width=2)
    _speck(pen)
    turned = sheet.rotate(TILT_DEGREES, resample=Image.Resampling.BICUBIC, fillcolor=PAPER)
    return turned.point([level // 32 * 32 + 16 for level in range(256)])


def _speck(pen: ImageDraw.ImageDraw) -> None:
    dice = random.Random(70_4481)
    for _ in range(SPECKS):
        x, y = dice.randrange(SHEET[0]), dice.randrange(SHEET[1])
        pen.ellipse((x, y, x + dice.randrange(3), y + dice.randrange(3)), fill=150)
