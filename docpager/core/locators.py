"""Locators: `D3`, `D3:p45-47`, `D3:s2.1`, `D3:c120-124`, `N2`, `T12`, `M3`. Parse, print, find in
text.

A turn of a conversation (`T12`) and an archived memory (`M3`) are documents of their own kind: each
has passages (`T12:c1`), and a number below 0 by which nothing takes it for a document's.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum

from docpager.core.errors import UsageError
from docpager.core.inputs import check_text
from docpager.core.passages import Passage, memory_number, source_name, turn_number

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
    """The name of a document, of PDF pages, of a section, of passages, or of a note; a turn and a
    memory count as documents."""

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
                return source_name(self.number)
            case LocatorKind.SECTION:
                return f"D{self.number}:s{'.'.join(map(str, self.section))}"
        letter = "p" if self.kind is LocatorKind.PDF_PAGES else "c"
        span = f"{self.first}" if self.first == self.last else f"{self.first}-{self.last}"
        return f"{source_name(self.number)}:{letter}{span}"


_NUMBER = r"[1-9][0-9]{0,8}"
_PATTERN = (
    rf"D(?P<document>{_NUMBER})"
    rf"(?::(?:(?P<letter>[pc])(?P<first>{_NUMBER})(?:-[pc]?(?P<last>{_NUMBER}))?"
    rf"|s(?P<section>{_NUMBER}(?:\.{_NUMBER})*)))?"
    rf"|N(?P<note>{_NUMBER})"
    rf"|(?P<said>[TM])(?P<which>{_NUMBER})"
    rf"(?::c(?P<from>{_NUMBER})(?:-c?(?P<to>{_NUMBER}))?)?"
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
            "or sheets), D3:s2.1 (a section), D3:c120-124 (passages), N2 (a note), T12 (a turn of "
            "a conversation) or M3 (a memory)"
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


def find_locators(text: str, *, said: bool = False) -> list[tuple[Locator, int, int]]:
    """Every locator written in `text`, with the offsets of its first character and of its end.

    Those of turns and memories are read where something was `said`: elsewhere `M3` is a motorway.
    """
    found = []
    for match in _IN_TEXT.finditer(text):
        if match["said"] and not said:
            continue
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
    if which := match["which"]:
        number = (turn_number if match["said"] == "T" else memory_number)(int(which))
        if not match["from"]:
            return Locator(LocatorKind.DOCUMENT, number)
        return _range(match, LocatorKind.PASSAGES, number, match["from"], match["to"])
    document = int(match["document"])
    if section := match["section"]:
        path = tuple(int(part) for part in section.split("."))
        return Locator(LocatorKind.SECTION, document, section=path)
    if letter := match["letter"]:
        kind = LocatorKind.PDF_PAGES if letter == "p" else LocatorKind.PASSAGES
        return _range(match, kind, document, match["first"], match["last"])
    return Locator(LocatorKind.DOCUMENT, document)


def _range(
    match: re.Match[str], kind: LocatorKind, number: int, first: str, last: str | None
) -> Locator:
    if int(last or first) < int(first):
        raise UsageError(f"{match[0]!r} runs backwards; write the smaller number first")
    return Locator(kind, number, int(first), int(last or first))
