"""The most requests that contestants may make who read everything, a window at a time."""

from __future__ import annotations

from collections.abc import Iterable
from math import ceil

from benchmarks.systems.system import Setup
from docpager.core.passages import DocumentEntry

__all__ = ["NOTES_SHARE", "most_left", "most_to_read", "most_to_reduce", "shown_tokens"]

NOTES_SHARE = 0.25
"""Share of the room that quotes of earlier requests may take."""
_HEADER, _PAGE_MARK = 14, 5
"""Tokens of a passage's header and of the mark where a PDF page begins, at most."""
_PASSAGE = 330 + _HEADER + 4 * _PAGE_MARK
"""Tokens of a large passage as it is shown: so much of a request may stay empty."""
_FIXED = 1_600
"""Tokens of instructions, functions and a question of about 1,000 characters."""
_MAP_SHARE = 0.10
"""Share of the room that the document map may take."""
_SMALLEST_ROOM = 1_900
"""Tokens for text in the smallest window that docpager accepts."""


def shown_tokens(documents: Iterable[DocumentEntry]) -> int:
    """Tokens of documents as they are shown, headers and page marks included."""
    return sum(
        entry.tokens + _HEADER * entry.passages + _PAGE_MARK * entry.pdf_pages
        for entry in documents
    )


def most_to_read(tokens: int, setup: Setup, *, notes_share: float) -> int:
    """Requests that hold so many shown tokens, each beside notes of that share of the room."""
    return 1 + int(tokens * setup.factor / _filled(setup, notes_share))


def most_to_reduce(requests: int, setup: Setup) -> int:
    """Further requests until the quotes of so many are answered from in one."""
    total, groups = 0, _groups(requests, setup)
    while groups > 1:
        total += groups
        groups = min(most_left(groups), _groups(groups, setup))
    return total + 1


def most_left(groups: int) -> int:
    """Groups of quotes that may be left after a request for each of these; else they are cut."""
    return groups * 3 // 4


def _groups(requests: int, setup: Setup) -> int:
    """Groups that the quotes of so many replies fill."""
    return 1 + int(requests * setup.max_output * setup.factor / _filled(setup, 0.0))


def _filled(setup: Setup, notes_share: float) -> int:
    """Tokens of text that a request holds at least, if more are left to be read."""
    text = setup.window - setup.max_output - ceil(_FIXED * setup.factor)
    room = max(text * (1 - _MAP_SHARE), _SMALLEST_ROOM * setup.factor)
    return int(room * (1 - notes_share) - _PASSAGE * setup.factor)
