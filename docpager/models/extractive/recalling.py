"""Bringing back notes that were paged out: what a reply can know of it, rebuilds included."""

from __future__ import annotations

import re

from docpager.models.extractive.moves import Call, page_in, page_out
from docpager.models.extractive.reading import Reading

__all__ = ["AT_ONCE", "away", "bring_back", "bringing_back", "lost", "recalled", "tried_again"]

AT_ONCE = 2
"""Notes brought back by one reply: more may not fit a step's results."""
_MOST_ASKED = 2


def away(reading: Reading) -> list[int]:
    """Numbers that notes out of view may have, and that were not asked for in vain."""
    shown = {note.number for note in reading.view.notes}
    return [
        n
        for n in range(1, reading.view.notes_written + 1)
        if n not in shown and reading.did("page_in", f"N{n}") < _MOST_ASKED
    ]


def bringing_back(reading: Reading) -> bool:
    """Whether the newest step brought notes back."""
    return any(
        event.name == "page_in" and str(event.arguments.get("locator", "")).startswith("N")
        for event in reading.view.newest
    )


def lost(reading: Reading) -> bool:
    """Whether a rebuild came between bringing notes back and using them."""
    return reading.view.rebuilt and bringing_back(reading)


def tried_again(reading: Reading) -> bool:
    """Whether notes were let go, to bring others back, in an epoch before this one.

    What was noted or read since then began something new.
    """
    for line in reversed(reading.view.log):
        if line.name == "write_note" or (line.name == "page_in" and line.arguments[:1] == "D"):
            return False
        if line.step and line.name == "page_out" and line.arguments.startswith('["N'):
            return True
    return False


def bring_back(reading: Reading, numbers: list[int]) -> list[Call]:
    """Calls for the first of these notes.

    Their text stays in view for this epoch even where the share of notes cannot hold it. After a
    rebuild there is one more try, which the log remembers by the notes that were let go for it.
    """
    again = page_out(note.name for note in reading.view.notes) if lost(reading) else []
    failed = any(event.is_error for event in reading.view.newest if event.name == "page_in")
    return [*again, *(page_in(f"N{n}") for n in numbers[: 1 if failed else AT_ONCE])]


def recalled(reading: Reading, query: str, beginning: str) -> list[int] | None:
    """Numbers of the notes that a recall showed to begin with a pattern; None before it."""
    results = [
        event.result
        for event in reading.view.events
        if event.name == "recall" and event.arguments.get("query") == query
    ]
    told = re.compile(rf"^N(\d+) \([^)]*\) {beginning}", re.MULTILINE)
    if not results:
        return None
    return sorted({int(number) for result in results for number in told.findall(result)})
