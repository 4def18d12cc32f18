"""Pages that are pictures, and what was recognised on them.

A file with such pages is read three times: once to find them, once for each page, to recognise it
alone (in whichever process is free), and once more with all that was recognised. So pages of one
file are recognised side by side, and each is kept as soon as it is done.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from docpager.documents.reasons import Reason

__all__ = [
    "ENGINE",
    "SCANNED",
    "GreyPicture",
    "RecognisedPage",
    "Recogniser",
    "ScannedPage",
    "Scans",
]

ENGINE = "tesseract"
"""As in `PdfPage.reader`, of pages that it was tried on."""
SCANNED = frozenset({Reason.NO_TEXT, Reason.MOSTLY_IMAGE, Reason.GARBLED})
"""Why a page has no usable text where its picture may have it."""


@dataclass(frozen=True, slots=True)
class ScannedPage:
    """A page, by the content of the file that it is in."""

    sha256: str
    """Of the file's bytes; of a carried file, its own."""
    number: int
    """Counted from 1."""


@dataclass(frozen=True, slots=True)
class RecognisedPage:
    """What was recognised on a page."""

    text: str = ""
    """In reading order, lines apart; U+FFFE is a hyphen at a line end, see `dehyphenate`."""
    confidence: float = 0.0
    """Of the engine in its words, from 0 to 1: the mean, each character counting once."""
    is_blank: bool = False
    """Whether it shows no text, and hardly anything else."""
    problem: str | None = None
    """Why it could not be recognised, a `Reason`; None where it could, or shows no text."""
    failure: str = ""
    """The same in a sentence."""


@dataclass(frozen=True, slots=True)
class GreyPicture:
    """A page as an engine sees it."""

    width: int
    height: int
    pixels: bytes = field(repr=False)
    """One byte each, row by row from the top; 0 is black."""
    dpi: int = 300


@dataclass(frozen=True, slots=True)
class Scans:
    """Pages of a file that must be recognised before the file can be read."""

    pages: tuple[ScannedPage, ...]


class Recogniser:
    """What a reader asks for the text of a page that is a picture."""

    def __init__(
        self,
        known: Mapping[ScannedPage, RecognisedPage],
        *,
        only: ScannedPage | None = None,
        recognise: Callable[[GreyPicture], RecognisedPage] | None = None,
    ) -> None:
        self.only = only
        """Where one page is to be recognised, and nothing else read."""
        self.wanted: dict[ScannedPage, None] = {}
        """Pages that were asked for and are not known, in the order in which they were met."""
        self.found: RecognisedPage | None = None
        """What was recognised on the `only` page."""
        self._known = known
        self._recognise = recognise

    def page(self, sha256: str, number: int) -> RecognisedPage | None:
        """What was recognised on a page; None where it is not known, and noted as wanted."""
        page = ScannedPage(sha256, number)
        known = self._known.get(page)
        if known is None:
            self.wanted[page] = None
        return known

    def take(self, picture: GreyPicture) -> None:
        """Recognise the `only` page."""
        assert self._recognise is not None
        self.found = self._recognise(picture)
