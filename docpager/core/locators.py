"""Locators: `D3`, `D3:p45-47`, `D3:s2.1`, `D3:c120-124`, `N2`. Parse, print, find in text."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum

from docpager.core.errors import UsageError
from docpager.core.inputs import check_text
from docpager.core.passages import Passage

__all__ = ["Locator", "LocatorKind", "as_locator", "covers", "find_locators", "parse_locator"]


class LocatorKind(StrEnum):
    """What a locator names."""

    DOCUMENT = "document"
    PDF_PAGES = "pdf_pages"
    SECTION = "section"
    PASSAGES = "passages"
    NOTE = "note"


@dataclass(frozen=True, slots=True)
class Locator:
    """The name of a document, of PDF pages, of a section, of passages, or of a note."""

    kind: LocatorKind
    number: int
    """The document's number, or the note's."""
    first: int = 0
    """First PDF page or passage, counted from 1; 0 for other kinds."""
    last: int = 0
    """Last PDF page or passage, included; 0 for other kinds."""
    section: tuple[int, ...] = ()
    """Position in the outline: (2, 1) is the first child of the second section."""

    def __str__(self) -> str:
        match self.kind:
            case LocatorKind.NOTE:
                return f"N{self.number}"
            case LocatorKind.DOCUMENT:
                return f"D{self.number}"
            case LocatorKind.SECTION:
                return f"D{self.number}:s{'.'.join(map(str, self.section))}"
        letter = "p" if self.kind is LocatorKind.PDF_PAGES else "c"
        span = f"{self.first}" if self.first == self.last else f"{self.first}-{self.last}"
        return f"D{self.number}:{letter}{span}"


_NUMBER = r"[1-9][0-9]{0,8}"
_PATTERN = (
    rf"D(?P<document>{_NUMBER})"
    rf"(?::(?:(?P<letter>[pc])(?P<first>{_NUMBER})(?:-[pc]?(?P<last>{_NUMBER}))?"
    rf"|s(?P<section>{_NUMBER}(?:\.{_NUMBER})*)))?"
    rf"|N(?P<note>{_NUMBER})"
)
_WHOLE = re.compile(_PATTERN)
_IN_TEXT = re.compile(rf"(?<![\w.])(?:{_PATTERN})(?![\w])")


def parse_locator(text: str) -> Locator:
    """Read one locator.

    >>> str(parse_locator("D3:p45-47"))
    'D3:p45-47'

    Raises:
        UsageError: `text` is not a locator, or its range runs backwards.
    """
    match = _WHOLE.fullmatch(text.strip().strip("[]"))
    if match is None:
        raise UsageError(
            f"{text[:60]!r} is not a locator; write D3 (a document), D3:p45-47 (pages, slides "
            "or sheets), D3:s2.1 (a section), D3:c120-124 (passages) or N2 (a note)"
        )
    return _locator(match)


def as_locator(given: Locator | str) -> Locator:
    """A locator, read if it is given as text.

    Raises:
        UsageError: it is neither a locator nor the text of one.
    """
    if isinstance(given, Locator):
        return given
    check_text(given, "a locator")
    return parse_locator(given)


def find_locators(text: str) -> list[tuple[Locator, int, int]]:
    """Every locator written in `text`, with the offsets of its first character and of its end."""
    found = []
    for match in _IN_TEXT.finditer(text):
        try:
            found.append((_locator(match), match.start(), match.end()))
        except UsageError:
            continue
    return found


def covers(locator: Locator, passage: Passage) -> bool:
    """Whether a locator names this passage. Of a section only the document is compared."""
    if locator.kind is LocatorKind.NOTE or locator.number != passage.document:
        return False
    match locator.kind:
        case LocatorKind.PASSAGES:
            return locator.first <= passage.ordinal <= locator.last
        case LocatorKind.PDF_PAGES:
            first, last = passage.pdf_pages or (0, 0)
            return first <= locator.last and last >= locator.first
    return True


def _locator(match: re.Match[str]) -> Locator:
    if note := match["note"]:
        return Locator(LocatorKind.NOTE, int(note))
    document = int(match["document"])
    if section := match["section"]:
        path = tuple(int(part) for part in section.split("."))
        return Locator(LocatorKind.SECTION, document, section=path)
    if letter := match["letter"]:
        first = int(match["first"])
        last = int(match["last"] or first)
        if last < first:
            raise UsageError(f"{match[0]!r} runs backwards; write the smaller number first")
        kind = LocatorKind.PDF_PAGES if letter == "p" else LocatorKind.PASSAGES
        return Locator(kind, document, first, last)
    return Locator(LocatorKind.DOCUMENT, document)
