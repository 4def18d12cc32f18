"""What to do next: which kind of question it is, and whether it is time to end."""

from __future__ import annotations

from collections.abc import Mapping

from docpager.models.extractive.chain import follow_keys
from docpager.models.extractive.composing import compose
from docpager.models.extractive.lookup import look_up, search_first
from docpager.models.extractive.moves import Answering, Citation, Move
from docpager.models.extractive.notes import flat
from docpager.models.extractive.places import read_places
from docpager.models.extractive.reading import Reading
from docpager.models.extractive.view import View

__all__ = ["next_move"]


def next_move(reading: Reading) -> Move:
    """The move that a reply makes."""
    if rejected := _rejected(reading.view):
        return rejected
    if not reading.view.calls_allowed:
        return _last_words(reading)
    return (
        read_places(reading)
        or follow_keys(reading)
        or (search_first(reading) if _nothing_done(reading.view) else look_up(reading))
    )


def _last_words(reading: Reading) -> Answering:
    for planner in (read_places, follow_keys):
        move = planner(reading)
        if isinstance(move, Answering):
            return move
    return compose(reading)


def _nothing_done(view: View) -> bool:
    return not view.log


def _rejected(view: View) -> Answering | None:
    """The answer that was sent back, without the quotes that were not found."""
    for event in view.newest:
        if event.name == "answer" and event.is_error:
            citations = [
                Citation(str(c.get("locator", "")), str(c.get("quote", "")))
                for c in event.arguments.get("citations") or ()
                if isinstance(c, Mapping)
            ]
            kept = tuple(c for c in citations if c.quote and not _complained(c, event.result))
            text = str(event.arguments.get("text", "")) or "Not found."
            return Answering(text, kept, found=bool(kept) and event.arguments.get("found", True))
    return None


def _complained(citation: Citation, complaint: str) -> bool:
    """Whether a complaint names this citation, by its place or by how its quote begins."""
    return citation.locator in complaint or flat(citation.quote)[:30] in flat(complaint)
