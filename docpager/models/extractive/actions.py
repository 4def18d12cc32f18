"""Actions: what a reply does, as calls or as an answer."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

__all__ = ["MOST_CALLS", "Action", "Answering", "Call", "Calls", "QuotedLine"]

MOST_CALLS = 8
"""Calls of one reply that a run executes."""


@dataclass(frozen=True, slots=True)
class QuotedLine:
    """A locator and words that stand there."""

    locator: str
    quote: str
    core: str = ""
    """The part of the quote that must stay when quotes have to be shorter; "" for its beginning."""


@dataclass(frozen=True, slots=True)
class Answering:
    """The end of the reading."""

    text: str
    citations: tuple[QuotedLine, ...] = ()
    found: bool = True


Call = tuple[str, Mapping[str, Any]]
"""A function's name, and its arguments."""


@dataclass(frozen=True, slots=True)
class Calls:
    """Functions to call, in order."""

    calls: tuple[Call, ...]


Action = Answering | Calls


def calls(*groups: Iterable[Call]) -> Calls:
    """The calls of all groups, as many as one reply may hold."""
    return Calls(tuple(call for group in groups for call in group)[:MOST_CALLS])


def search(query: str, documents: Sequence[int] = ()) -> Call:
    """Look for words and meaning."""
    return ("search", _narrowed({"query": query}, documents))


def grep(pattern: str, documents: Sequence[int] = ()) -> Call:
    """Look for a pattern."""
    return ("grep", _narrowed({"pattern": pattern}, documents))


def page_in(locator: str) -> Call:
    """Read a place, or bring a note back."""
    return ("page_in", {"locator": locator})


def page_out(locators: Iterable[str]) -> list[Call]:
    """Release places; no call where there are none."""
    named = list(dict.fromkeys(locators))
    return [("page_out", {"locators": named})] if named else []


def write_note(note: tuple[str, list[str]], *, replaces: str = "") -> Call:
    """Keep a finding."""
    text, sources = note
    arguments: dict[str, Any] = {"text": text, "sources": sources}
    return ("write_note", {**arguments, "replaces": replaces} if replaces else arguments)


def recall(query: str) -> Call:
    """Look into the run's own past."""
    return ("recall", {"query": query})


def _narrowed(arguments: dict[str, Any], documents: Sequence[int]) -> dict[str, Any]:
    if not documents:
        return arguments
    return {**arguments, "documents": [f"D{number}" for number in documents]}
