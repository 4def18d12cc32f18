"""Lists of quotes kept in notes: packed into few, and brought back after they were paged out.

A list has a name and parts, each a note: `chain-1.2: "a": "b"; [D1:c9] "b": "c"`. The first item
stands in the note's source, the others in the passages that they name.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from docpager.core.tokens import BuiltInEstimator
from docpager.models.extractive.actions import Call, page_in, page_out, recall, write_note
from docpager.models.extractive.view import View

__all__ = ["ListItem", "Part", "bring_back", "bringing_back", "extended", "parts_of"]

NOTE_TOKENS = 120
"""What one note may say: two fit the share of notes in the smallest windows."""
AT_ONCE = 2
"""Notes brought back by one reply: more may not fit a step's results."""
MOST_ASKED = 3
"""How often one note is asked for: it may have been replaced, or not fit."""
MOST_RECALLS = 4
_PART = re.compile(r"^(\S+)\.(\d+)(?: \(([^)]*)\))?:(?: (.*))?$")
_ITEM = re.compile(r"; \[(D\d+:c\d+(?:-\d+)?)\] ")


@dataclass(frozen=True, slots=True)
class ListItem:
    """A quote, and the locator of its passage."""

    source: str
    text: str


@dataclass(frozen=True, slots=True)
class Part:
    """One note of a list."""

    note: int
    name: str
    number: int
    """From 1, in the order in which the parts were begun."""
    state: str
    """What the list says of itself, such as how far a place was read."""
    items: tuple[ListItem, ...]


def parts_of(view: View, name: str = "") -> list[Part]:
    """The parts in main context, of one list or of all, by number."""
    found = []
    for note in view.notes:
        match = _PART.match(note.text)
        if match and name in ("", match[1]):
            pieces = [*note.sources[:1], *_ITEM.split(match[4])] if match[4] else []
            items = (ListItem(s, t) for s, t in zip(pieces[::2], pieces[1::2], strict=False))
            found.append(Part(note.number, match[1], int(match[2]), match[3] or "", tuple(items)))
    return sorted(found, key=lambda part: (part.number, part.note))


def extended(
    view: View, name: str, items: Sequence[ListItem], *, state: str = "", source: str = "",
    most: int = NOTE_TOKENS,
) -> Iterator[Call]:  # fmt: skip
    """Calls that add items to a list: to its newest part while that has room, then to new ones.

    A note that replaces another repeats what that one copied: it may still be quoted. `source` is
    named as the source of a part without items, `most` are the tokens of a part.
    """
    newest = next(iter(parts_of(view, name)[::-1]), None)
    number = newest.number if newest else 1
    held = list(newest.items) if newest else []
    replaces = f"N{newest.note}" if newest else ""
    for item in items:
        group = [*held, item]
        if held and _tokens(name, number, state, group) > most:
            # A full part that gained nothing stays as it is.
            if newest is None or number > newest.number or len(held) > len(newest.items):
                yield _note(name, number, state, held, replaces=replaces, source=source)
            number, held, replaces = number + 1, [item], ""
        else:
            held = group
    yield _note(name, number, state, held, replaces=replaces, source=source)


def bring_back(view: View, name: str, *, complete: bool | None = None) -> list[Call]:
    """Calls that bring back the parts that were paged out; none where all are there, or none can
    be had. `complete` says whether they are all there, where their numbers do not tell.

    Their text stays in view for this epoch even where the share of notes cannot hold it. After a
    rebuild there is one more try, which the log remembers by the notes that were let go for it.
    """
    parts = parts_of(view, name)
    last = len(parts)
    told = _recalled(view, name)
    if parts and all(part.number == part.note for part in parts):
        # Every note of this run is a part of this list, and none was replaced.
        last = view.notes_written
        told = list(range(1, last + 1))
    if complete is None:
        complete = [part.number for part in parts] == list(range(1, last + 1))
    lost = view.rebuilt and _paged_in(view)
    if not view.can_note or _tried_again(view) or (complete and not lost):
        return []
    if told is None and view.did("recall", name) >= MOST_RECALLS:
        return []
    again = page_out(note.name for note in view.notes) if lost else []
    if told is None:
        return [*again, recall(name)]
    shown = {note.number for note in view.notes}
    wanted = [n for n in told if n not in shown and view.did("page_in", f"N{n}") < MOST_ASKED]
    failed = any(event.is_error for event in view.newest if event.name == "page_in")
    return [*again, *(page_in(f"N{n}") for n in wanted[: 1 if failed else AT_ONCE])]


def bringing_back(view: View, name: str = "") -> bool:
    """Whether the newest step told of the notes of a list, or brought some back."""
    recalled = (e.arguments.get("query") for e in view.newest if e.name == "recall")
    return name in recalled or _paged_in(view, name)


def _paged_in(view: View, name: str = "") -> bool:
    """Whether the newest step asked for notes: for those of a list, if it is named."""
    paged_in = [event for event in view.newest if event.name == "page_in"]
    if name:
        return any(f"] {name}." in event.result.split("\n", 1)[0] for event in paged_in)
    return any(str(event.arguments.get("locator", "")).startswith("N") for event in paged_in)


def _recalled(view: View, name: str) -> list[int] | None:
    """Numbers of the notes that a recall showed to be of a list; None before it."""
    told = re.compile(rf"^N(\d+) \([^)]*\) {re.escape(name)}\.", re.MULTILINE)
    results = [
        event.result
        for event in view.events
        if event.name == "recall" and event.arguments.get("query") == name
    ]
    found = {int(number) for result in results for number in told.findall(result)}
    return sorted(found) if results else None


def _tried_again(view: View) -> bool:
    """Whether notes were let go, to bring others back, in an epoch before this one.

    What was noted or read since then began something new.
    """
    for line in reversed(view.log):
        if line.name == "write_note" or (line.name == "page_in" and line.arguments[:1] == "D"):
            return False
        if line.step and line.name == "page_out" and line.arguments.startswith('["N'):
            return True
    return False


def _note(
    name: str, number: int, state: str, items: Sequence[ListItem], *, replaces: str, source: str
) -> Call:
    sources = [items[0].source] if items else [source]
    return write_note((_text(name, number, state, items), sources), replaces=replaces)


def _text(name: str, number: int, state: str, items: Sequence[ListItem]) -> str:
    said = "; ".join(
        f"[{item.source}] {item.text}" if n else item.text for n, item in enumerate(items)
    )
    about = f" ({state})" if state else ""
    return f"{name}.{number}{about}: {said}".rstrip()


def _tokens(name: str, number: int, state: str, items: Sequence[ListItem]) -> int:
    return BuiltInEstimator().count(_text(name, number, state, items))
