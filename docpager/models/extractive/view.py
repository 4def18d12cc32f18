"""View: a request taken apart into what can be seen in it."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

__all__ = ["Event", "LogLine", "Lookup", "SeenNote", "SeenPassage", "ShownHit", "View"]


@dataclass(frozen=True, slots=True)
class SeenPassage:
    """A passage whose text is in main context."""

    document: int
    ordinal: int
    text: str
    """Without header and page marks."""
    page_starts: tuple[tuple[int, int], ...] = ()
    """(offset, pdf_page), the first at offset 0; empty where there are no PDF pages."""

    @property
    def locator(self) -> str:
        return f"D{self.document}:c{self.ordinal}"

    def pdf_page_at(self, offset: int) -> int | None:
        """The PDF page on which the character at `offset` stands."""
        begun = bisect_right(self.page_starts, offset, key=lambda start: start[0])
        return self.page_starts[begun - 1][1] if begun else None


@dataclass(frozen=True, slots=True)
class SeenNote:
    """A note in main context."""

    number: int
    sources: tuple[str, ...]
    text: str

    @property
    def name(self) -> str:
        return f"N{self.number}"


@dataclass(frozen=True, slots=True)
class ShownHit:
    """One line of a search or a grep."""

    document: int
    ordinal: int
    path: str
    snippet: str

    @property
    def locator(self) -> str:
        return f"D{self.document}:c{self.ordinal}"


@dataclass(frozen=True, slots=True)
class Lookup:
    """A search or a grep whose result can still be read."""

    name: str
    query: str
    hits: tuple[ShownHit, ...]
    hidden: bool = False
    """Whether hits of this page are missing for want of room."""


@dataclass(frozen=True, slots=True)
class LogLine:
    """A line of the reading log, or a call of this epoch in the same form."""

    step: int
    name: str
    arguments: str
    outcome: str


@dataclass(frozen=True, slots=True)
class Event:
    """One call and its result, still to be read."""

    name: str
    arguments: Mapping[str, Any]
    result: str
    is_error: bool
    newest: bool
    """Whether the call belongs to the newest step."""


@dataclass(frozen=True, slots=True)
class View:
    """Everything a reply may be based on."""

    question: str
    document_map: str
    notes: tuple[SeenNote, ...]
    notes_written: int
    """The highest number of a note that is known of, seen or not."""
    log: tuple[LogLine, ...]
    """Oldest first; older lines may be missing."""
    passages: Mapping[tuple[int, int], SeenPassage]
    lookups: tuple[Lookup, ...]
    """Oldest first."""
    events: tuple[Event, ...]
    hurried: bool
    """Whether the run says that steps or time run short."""
    step: int
    """Number of the reply that is asked for, from 1; a lower bound where the log was cut."""
    functions: frozenset[str]
    max_output_tokens: int
    calls_allowed: bool
    rebuilt: bool = False
    """Whether the newest step began this epoch."""
    released: frozenset[tuple[int, int]] = field(default=frozenset())

    @property
    def newest(self) -> tuple[Event, ...]:
        return tuple(event for event in self.events if event.newest)

    @property
    def refused(self) -> frozenset[str]:
        """What was asked for in the newest step and did not fit."""
        return frozenset(
            str(e.arguments.get("locator", "")) for e in self.newest
            if e.name == "page_in" and e.is_error
        )  # fmt: skip

    @property
    def unreleased(self) -> list[SeenPassage]:
        """Passages that `page_out` has not named since they were read."""
        return [p for at, p in self.passages.items() if at not in self.released]

    @property
    def can_note(self) -> bool:
        return "write_note" in self.functions

    def did(self, name: str, arguments: str) -> int:
        """How often this run made a call with these first arguments, as far as can be seen."""
        return sum(
            line.name == name and f"{line.arguments}, ".startswith(f"{arguments}, ")
            for line in self.log
        )

    def was_read(self, document: int, ordinal: int) -> bool:
        """Whether the passage is, or once was, in main context as far as can be seen."""
        return (document, ordinal) in self.passages or (document, ordinal) in self._read_before()

    def _read_before(self) -> set[tuple[int, int]]:
        found: set[tuple[int, int]] = set()
        for line in self.log:
            if line.name == "page_in" and not line.outcome.startswith("refused"):
                found |= ranged(line.arguments)
        return found


def ranged(locators: str) -> set[tuple[int, int]]:
    """The passages that a written range such as `D1:c4-6` names; none for other locators."""
    document, _, span = locators.strip().partition(":c")
    first, _, last = span.partition("-")
    if not (document[1:].isdigit() and first.isdigit() and (last or first).isdigit()):
        return set()
    numbers = range(int(first), min(int(last or first), int(first) + 999) + 1)
    return {(int(document[1:]), number) for number in numbers}


def passage_of(locator: str) -> tuple[int, int]:
    """Document and ordinal of `D1:c5`; the first of a range, zeros for anything else."""
    match = re.match(r"D(\d+):c(\d+)", locator)
    return (int(match[1]), int(match[2])) if match else (0, 0)
