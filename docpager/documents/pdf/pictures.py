"""A page of a PDF as a picture, with the rectangles around words of it.

Drawn with pdfium as the page is shown: turned by /Rotate, cut to its crop box, with what was
written onto it. PNG is written here (RFC 2083, one filter): an imaging library would be needed for
nothing else of a base install.
"""

from __future__ import annotations

import re
import struct
import zlib
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from docpager.core.errors import DocumentError
from docpager.documents.ocr.recognition import GreyPicture
from docpager.documents.page_picture import PageDrawer, PagePicture, PageWanted, Rectangle, WordBox
from docpager.documents.pdf.glyphs import Glyphs
from docpager.documents.pdf.marking import Mark, Marked, line_rectangles, marked_characters
from docpager.documents.reasons import Reason

if TYPE_CHECKING:
    import pypdfium2

__all__ = ["draw_page", "png"]

_POINTS = 72
"""To the inch."""
_FEWEST_DPI = 20
_MOST_BYTES = 3_500_000
"""Of a file that a model is sent: as base64 below the 5 MB that servers take for one picture."""
_COARSER = 0.75
"""By how much a picture is made smaller whose file is larger."""
_GREY = 12
"""Levels by which the colours of a page may differ that is taken for grey: scans seldom are
exactly."""
_FINE = 64
"""Parts of a point in which places are asked for: pdfium tells them in whole numbers."""
_YELLOW = (255, 232, 90)
"""Multiplied with what is there, so that black letters stay black."""
_EDGE = (217, 119, 6)
"""Of a marked rectangle: seen on dark pages too."""
_EDGE_PIXELS = 2
_MARGIN = 1.0
"""Points around the letters that are marked as well."""


def draw_page(
    page: pypdfium2.PdfPage, drawer: PageDrawer, picture: GreyPicture | None = None
) -> PagePicture:
    """The page that is wanted, with its rectangles; `picture` is it in grey where its text was
    recognised.

    Raises:
        DocumentError: it is so large that nothing on its picture could be read.
    """
    wanted = drawer.wanted
    width, height = page.get_size()
    scale = _scale(width, height, wanted)
    if picture is not None and drawer.recognise is not None:
        rectangles, share = _recognised_rectangles(drawer.recognise(picture), picture, wanted)
    else:
        rectangles, share = _rectangles(page, wanted)
    shown = [box for each in rectangles if (box := _cut(each, width, height)) is not None]
    marks, for_model = shown if wanted.is_marked else (), wanted.within is not None
    drawn = b""
    if wanted.is_drawn:
        drawn = _file(page, scale, marks, wanted)
    while for_model and len(drawn) > _MOST_BYTES:
        scale *= _COARSER
        drawn = _file(page, scale, marks, wanted)
    return PagePicture(wanted.number, width, height, scale, drawn, tuple(shown), share, _renderer())


def _renderer() -> str:
    """pdfium with its version, and zlib's, which packs what it draws."""
    from pypdfium2.version import PDFIUM_INFO

    return f"pdfium {PDFIUM_INFO.version}, zlib {zlib.ZLIB_RUNTIME_VERSION}"


def _scale(width: float, height: float, wanted: PageWanted) -> float:
    """Pixels to the point.

    Raises:
        DocumentError: the page is too large for any that would be of use.
    """
    square_inches = max(1.0, width) * max(1.0, height) / _POINTS**2
    dpi: float = min(wanted.dpi, (wanted.most_pixels / square_inches) ** 0.5)
    if dpi < min(_FEWEST_DPI, wanted.dpi):
        raise DocumentError(
            f"page {wanted.number} is {width / _POINTS:,.0f} by {height / _POINTS:,.0f} inches, "
            f"too large to be drawn within {wanted.most_pixels:,} pixels",
            Reason.TOO_LARGE,
        )
    scale = dpi / _POINTS
    return scale if wanted.within is None else min(scale, wanted.within.scale(width, height))


def _rectangles(page: pypdfium2.PdfPage, wanted: PageWanted) -> tuple[Sequence[Rectangle], float]:
    """Around the wanted words, a line each, and the share of their letters that was found."""
    if wanted.start >= wanted.end:
        return (), 1.0
    text_page = page.get_textpage()
    try:
        glyphs = Glyphs(page, text_page)
        marked = marked_characters(glyphs.raw, wanted.text, wanted.start, wanted.end)
        if marked.share < 1:
            marked = max(marked, _marked_along_letters(glyphs, wanted), key=lambda each: each.share)
        return line_rectangles(_marks(glyphs, marked.offsets)), marked.share
    finally:
        text_page.close()


def _marked_along_letters(glyphs: Glyphs, wanted: PageWanted) -> Marked:
    """The same with each line as its letters run: pdfium gives letters and words of some lines
    backwards where a page is turned upside down."""

    def place(offset: int) -> float:
        box, (along, up) = glyphs.box(offset), glyphs.direction(offset)
        return along * (box.left + box.right) + up * (box.bottom + box.top)

    order: list[int] = []
    for line in re.finditer(r"[^\r\n]+", glyphs.raw):
        order += sorted(range(*line.span()), key=place)
    text = "".join(glyphs.raw[offset] for offset in order)
    marked = marked_characters(text, wanted.text, wanted.start, wanted.end)
    return Marked(tuple(order[at] for at in marked.offsets), marked.share)


def _marks(glyphs: Glyphs, offsets: Sequence[int]) -> Iterator[Mark]:
    place = _Shown(glyphs.page)
    for offset in offsets:
        box = glyphs.box(offset)
        if box.width <= 0 or box.height <= 0:
            box = glyphs.ink(offset)
        if box.width <= 0 and box.height <= 0:
            continue
        along, _ = glyphs.direction(offset)
        corners = (place.of(box.left, box.top), place.of(box.right, box.bottom))
        (left, right), (top, bottom) = (sorted(pair) for pair in zip(*corners, strict=True))
        yield Mark(Rectangle(left, top, right, bottom), bool(along) != place.is_turned)


class _Shown:
    """From a page's own coordinates to the page as it is shown."""

    def __init__(self, page: pypdfium2.PdfPage) -> None:
        import pypdfium2.raw as pdfium

        self._pdfium: Any = pdfium
        self._page = page.raw
        self._size = tuple(round(length * _FINE) for length in page.get_size())
        self._steps = tuple(
            length / size if size else 0.0
            for length, size in zip(page.get_size(), self._size, strict=True)
        )
        self.is_turned = page.get_rotation() % 180 != 0
        """Whether its sides are exchanged."""

    def of(self, x: float, y: float) -> tuple[float, float]:
        """Points from the upper left corner."""
        from ctypes import byref, c_int

        across, down = c_int(), c_int()
        self._pdfium.FPDF_PageToDevice(
            self._page, 0, 0, *self._size, 0, x, y, byref(across), byref(down)
        )
        return across.value * self._steps[0], down.value * self._steps[1]


def _recognised_rectangles(
    words: Sequence[WordBox], picture: GreyPicture, wanted: PageWanted
) -> tuple[Sequence[Rectangle], float]:
    """The same among words that were recognised again: each letter has its share of its word."""
    if wanted.start >= wanted.end:
        return (), 1.0
    points = _POINTS / picture.dpi
    text, boxes = "", dict[int, Rectangle]()
    for word in words:
        step = word.width / len(word.text)
        for n in range(len(word.text)):
            left = (word.left + n * step) * points
            top, bottom = word.top * points, (word.top + word.height) * points
            boxes[len(text) + n] = Rectangle(left, top, left + step * points, bottom)
        text += f"{word.text} "
    marked = marked_characters(text, wanted.text, wanted.start, wanted.end)
    marks = (Mark(boxes[at], is_upright=True) for at in marked.offsets)
    return line_rectangles(marks), marked.share


def _cut(box: Rectangle, width: float, height: float) -> Rectangle | None:
    """A rectangle with a margin, as far as it lies on the page; None where it does not."""
    cut = Rectangle(
        round(max(0.0, box.left - _MARGIN), 2),
        round(max(0.0, box.top - _MARGIN), 2),
        round(min(width, box.right + _MARGIN), 2),
        round(min(height, box.bottom + _MARGIN), 2),
    )
    return cut if cut.left < cut.right and cut.top < cut.bottom else None


def _file(
    page: pypdfium2.PdfPage, scale: float, marks: Sequence[Rectangle], wanted: PageWanted
) -> bytes:
    import numpy as np

    pixels = _drawn(page, scale, marks)
    if wanted.within is not None and int(np.ptp(pixels, axis=2).max(initial=0)) <= _GREY:
        pixels = pixels[:, :, 1:2]  # green carries most of the light
    return png(pixels, wanted.colours)


def _drawn(page: pypdfium2.PdfPage, scale: float, marks: Sequence[Rectangle]) -> Any:
    """Rows of pixels, each of three bytes."""
    import numpy as np

    bitmap = page.render(scale=scale, rev_byteorder=True)
    try:
        pixels = bitmap.to_numpy()
        if pixels.ndim == 2:
            pixels = pixels[:, :, None]
        pixels = np.repeat(pixels, 3, axis=2) if pixels.shape[2] == 1 else pixels[:, :, :3]
        pixels = np.array(pixels, dtype=np.uint8)
    finally:
        bitmap.close()
    for mark in marks:
        left, top, right, bottom = mark.pixels(scale)
        part = pixels[top:bottom, left:right]
        tinted = part.astype(np.uint16) * np.array(_YELLOW, np.uint16) // 255
        part[:] = tinted.astype(np.uint8)
        for edge in (part[:_EDGE_PIXELS], part[-_EDGE_PIXELS:]):
            edge[:] = _EDGE
        for edge in (part[:, :_EDGE_PIXELS], part[:, -_EDGE_PIXELS:]):
            edge[:] = _EDGE
    return pixels


def png(pixels: Any, colours: int | None = None) -> bytes:
    """A PNG file of an array of rows of pixels, each of three bytes (red, green and blue) or of one
    (grey); with at most so many `colours` (up to 256) where that is asked for."""
    import numpy as np

    height, width, depth = pixels.shape
    palette: tuple[tuple[bytes, bytes], ...] = ()
    # Each row begins with the number of its filter: 0 as it is, 2 the difference to the row above.
    if colours is not None and depth == 3:
        chosen, numbers = _few_colours(pixels, colours)
        palette = ((b"PLTE", chosen.tobytes()),)
        rows = np.zeros((height, 1 + width), np.uint8)
        rows[:, 1:] = numbers
    else:
        above = np.vstack([np.zeros_like(pixels[:1]), pixels[:-1]])
        rows = np.full((height, 1 + depth * width), 2, np.uint8)
        rows[:, 1:] = (pixels - above).reshape(height, depth * width)
    kind = 3 if palette else 2 if depth == 3 else 0
    header = struct.pack(">IIBBBBB", width, height, 8, kind, 0, 0, 0)
    content = zlib.compress(rows.tobytes(), 6)
    parts = ((b"IHDR", header), *palette, (b"IDAT", content), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(*part) for part in parts)


def _few_colours(pixels: Any, count: int) -> tuple[Any, Any]:
    """The `count` most frequent colours, and for each pixel the number of the nearest of them.

    Colours are told apart in 16 steps of red, green and blue (Heckbert 1982, "popularity").
    """
    import numpy as np

    steps = (pixels >> 4).astype(np.uint16)
    keys = steps[:, :, 0] << 8 | steps[:, :, 1] << 4 | steps[:, :, 2]
    frequent = np.bincount(keys.ravel(), minlength=16**3)
    kept = np.argsort(-frequent, kind="stable")[: min(count, np.count_nonzero(frequent))]
    every = np.stack(np.unravel_index(np.arange(16**3), (16, 16, 16)), axis=1).astype(np.int16)
    distances = ((every[:, None] - every[kept][None]) ** 2).sum(axis=2)
    nearest = distances.argmin(axis=1).astype(np.uint8)
    return (every[kept] * 17).astype(np.uint8), nearest[keys]


def _chunk(name: bytes, content: bytes) -> bytes:
    checksum = zlib.crc32(name + content)
    return struct.pack(">I", len(content)) + name + content + struct.pack(">I", checksum)
