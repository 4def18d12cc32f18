"""Picture, PicturePrice: pictures of pages as main context holds them, and what each takes there.

A picture is drawn so that no server makes it smaller: what it takes is then known before it is
sent. Its bytes are kept apart, by their hash.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil
from typing import NamedTuple

from docpager.core.errors import FunctionError
from docpager.core.locators import Locator, LocatorKind
from docpager.core.passages import PassageId

__all__ = [
    "CAUTIOUS",
    "LEAST_PICTURE",
    "MOST_PICTURES",
    "MOST_PICTURE_BYTES",
    "PageId",
    "Picture",
    "PictureId",
    "PicturePrice",
    "are_too_many",
    "covers_picture",
    "picture_named",
]

LEAST_PICTURE = 500
"""Tokens below which a picture of a page is no use: a letter page of 550 by 720 pixels."""

MOST_PICTURES = 20
"""In one request: with more of them the Messages API takes none that is longer than 2,000 pixels
(Anthropic's page on vision, August 2026)."""

MOST_PICTURE_BYTES = 20_000_000
"""Of all pictures in one request: as base64 about 27 MB of the 32 MB that a request may have."""


class PictureId(NamedTuple):
    """A picture's name in one archive: printed as `D3:p45`, the page that it shows.

    The third field keeps it apart from a `PassageId`, beside which it stands in tables.
    """

    document: int
    pdf_page: int
    kind: str = "picture"

    def __str__(self) -> str:
        return f"D{self.document}:p{self.pdf_page}"


PageId = PassageId | PictureId
"""The name of what is paged in and out: a passage, or the picture of a page."""


@dataclass(frozen=True, slots=True)
class Picture:
    """A page of a PDF as it is shown, without its bytes, which a request carries beside it."""

    document: int
    pdf_page: int
    """Counted from 1."""
    sha256: str
    """Of the bytes, a PNG file."""
    width: int
    height: int
    """In pixels."""
    tokens: int
    """What it takes in a prompt, by the `PicturePrice` of the run."""
    size_bytes: int

    @property
    def id(self) -> PictureId:
        return PictureId(self.document, self.pdf_page)

    @property
    def label(self) -> str:
        """What stands before the picture where no result says which page it shows."""
        return f"Picture of {self.id}:"


@dataclass(frozen=True, slots=True)
class PicturePrice:
    """How large a picture may be for a model, and what it takes: patches, each one token."""

    edge: int
    """Pixels of the longer side, at most."""
    most_tokens: int
    patch: int = 28
    """Pixels of a side of one patch."""

    def tokens(self, width: int, height: int) -> int:
        """What a picture of so many pixels takes: ceil(w / patch) * ceil(h / patch)."""
        return ceil(width / self.patch) * ceil(height / self.patch)

    def scale(self, width: float, height: float) -> float:
        """The largest factor by which a page of that size, in any unit, becomes a picture within
        the limits, its sides rounded up to whole pixels."""
        low, high = 0.0, self.edge / max(width, height, 1e-6)
        # Halving, as patches are whole: no formula gives the largest. It grows with the factor.
        for _ in range(50):
            middle = (low + high) / 2
            pixels = max(1, ceil(width * middle)), max(1, ceil(height * middle))
            if max(pixels) <= self.edge and self.tokens(*pixels) <= self.most_tokens:
                low = middle
            else:
                high = middle
        return low


CAUTIOUS = PicturePrice(edge=1_536, most_tokens=4_096, patch=16)
"""For models of which nobody knows how they price pictures, where somebody says that they see: one
token for 16 by 16 pixels, the finest patch among open models (Pixtral), and above what OpenAI's
models take for a page but for gpt-4o-mini, which bills more. A server that counts more than that
shows it in `overruns`."""


def picture_named(locator: Locator) -> PictureId:
    """The picture of the page that a locator names.

    Raises:
        FunctionError: it does not name one page.
    """
    if locator.kind is not LocatorKind.PDF_PAGES or locator.first != locator.last:
        raise FunctionError(f"view_page shows one page, such as D3:p45, not {locator}")
    return PictureId(locator.number, locator.first)


def are_too_many(pictures: Sequence[Picture]) -> bool:
    """Whether one request cannot carry so many pictures, or such large ones."""
    size = sum(picture.size_bytes for picture in pictures)
    return len(pictures) > MOST_PICTURES or size > MOST_PICTURE_BYTES


def covers_picture(locator: Locator, picture: PictureId) -> bool:
    """Whether a locator names this picture: its page, or its document."""
    if locator.kind is LocatorKind.NOTE or locator.number != picture.document:
        return False
    if locator.kind is LocatorKind.PDF_PAGES:
        return locator.first <= picture.pdf_page <= locator.last
    return locator.kind is LocatorKind.DOCUMENT
