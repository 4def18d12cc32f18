"""What is asked of a picture of a page, and what comes back. Pure: drawn in the reader process."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import NamedTuple

from docpager.core.pictures import PicturePrice
from docpager.documents.ocr.recognition import GreyPicture

__all__ = ["DPI", "MOST_PIXELS", "PageDrawer", "PagePicture", "PageWanted", "Rectangle", "WordBox"]

DPI = 144
"""Dots an inch: a letter page is 1,224 by 1,584 pixels, and its footnotes can be read."""
MOST_PIXELS = 25_000_000
"""Of a picture: a sheet of A1 at 144 dots an inch."""


class Rectangle(NamedTuple):
    """A part of a page as it is shown, turned and cropped: in points from its upper left corner."""

    left: float
    top: float
    right: float
    bottom: float

    def pixels(self, scale: float) -> tuple[int, int, int, int]:
        """The same in pixels, at so many to the point."""
        return (
            int(self.left * scale),
            int(self.top * scale),
            int(-(-self.right * scale // 1)),
            int(-(-self.bottom * scale // 1)),
        )


class WordBox(NamedTuple):
    """A word that was recognised in a picture, and where, in pixels from its upper left corner."""

    text: str
    left: int
    top: int
    width: int
    height: int


@dataclass(frozen=True, slots=True)
class PageWanted:
    """A page of a PDF, and the words on it that are to be marked."""

    sha256: str
    """Of the PDF's bytes; of a carried file, its own."""
    number: int
    """Counted from 1."""
    text: str = field(default="", repr=False)
    """Of the page, as the archive holds it."""
    start: int = 0
    end: int = 0
    """Offsets in `text` of what is to be marked; equal where nothing is."""
    dpi: int = DPI
    is_marked: bool = True
    """Whether the marks are drawn into the picture; the rectangles are told in any case."""
    is_drawn: bool = True
    """False: only the rectangles are wanted."""
    is_recognised: bool = False
    """Whether the text was recognised in the page's picture, so that pdfium has none of it."""
    within: PicturePrice | None = None
    """Draws no larger than this, for a model; None for people."""
    most_pixels: int = MOST_PIXELS
    """Of the picture: a page that would have more is drawn coarser."""
    colours: int | None = None
    """At most so many (up to 256), which makes a file a quarter as large; None: as they are."""


@dataclass(frozen=True, slots=True)
class PagePicture:
    """A page as it is shown."""

    number: int
    width: float
    height: float
    """In points (72 to the inch), as shown."""
    scale: float
    """Pixels of the picture to the point."""
    png: bytes = field(repr=False)
    """The picture; empty where it was not wanted."""
    rectangles: tuple[Rectangle, ...] = ()
    """Around the words that were to be marked, one for each line, in reading order."""
    share: float = 1.0
    """Of the letters and digits that were to be marked, those that were found on the page."""
    renderer: str = ""
    """What drew it, with its version: another one draws other pixels, and other bytes."""


@dataclass(slots=True)
class PageDrawer:
    """Draws one page of whichever file holds it: a PDF, or one that another file carries."""

    wanted: PageWanted
    recognise: Callable[[GreyPicture], list[WordBox]] | None = None
    """Finds words in a picture, for text that was recognised; None where nothing can."""
    drawn: PagePicture | None = None
