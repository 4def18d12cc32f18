"""Scripted readers that walk through documents: one for each kind of locality.

They play the model in real runs, with real results; what they say is what they copy from them.
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from docpager.core.passages import DocumentEntry
from docpager.models.messages import ChatModel, ModelReply, ModelRequest, ToolCall, UserTurn

__all__ = ["LOCALITIES", "Searcher", "Visit", "Walker"]

SHEETS = 3
"""PDF pages of one visit."""

NOTED_WORDS = 60
"""Words that a note copies."""

SAID_WORDS = 60
"""Words that a reply says beside its calls."""

_HIT = re.compile(r"^- D(\d+):c\d+ p(\d+) ", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Visit:
    """A range to read next, and whether it is released once it is noted."""

    locator: str
    released: bool = False


class Walker(ChatModel):
    """Goes where its itinerary says: notes what it has read, releases it, pages in the next."""

    name = "walker"

    def __init__(self, itinerary: Sequence[Visit]) -> None:
        self._itinerary = itinerary
        self._steps = 0

    async def complete(self, request: ModelRequest) -> ModelReply:
        """The next reply."""
        step, self._steps = self._steps, self._steps + 1
        if step >= len(self._itinerary):
            return answer(step)
        calls = []
        if step:
            calls = note_and_release(self._itinerary[step - 1], newest_text(request))
        calls.append(ToolCall("", "page_in", {"locator": self._itinerary[step].locator}))
        return reply(step, said(newest_text(request)), calls)


class Searcher(ChatModel):
    """Searches, reads around the first hit that it has not read, notes it, and searches on."""

    name = "searcher"

    def __init__(self, queries: Sequence[str], documents: Sequence[DocumentEntry]) -> None:
        self._queries = queries
        self._sheets = {document.id: document.pdf_pages for document in documents}
        self._steps = 0
        self._last = Visit("")

    async def complete(self, request: ModelRequest) -> ModelReply:
        """The next reply."""
        step, self._steps = self._steps, self._steps + 1
        if step >= 2 * len(self._queries):
            return answer(step)
        text = newest_text(request)
        if step % 2:
            self._last = Visit(self._around_first_hit(text), released=True)
            calls = [ToolCall("", "page_in", {"locator": self._last.locator})]
        else:
            calls = note_and_release(self._last, text) if step else []
            calls.append(ToolCall("", "search", {"query": self._queries[step // 2]}))
        return reply(step, said(text), calls)

    def _around_first_hit(self, text: str) -> str:
        hits = [(int(hit[1]), int(hit[2])) for hit in _HIT.finditer(text)]
        document, sheet = hits[0] if hits else (1, 1)
        first = max(1, min(sheet - 1, self._sheets[document] - SHEETS + 1))
        return f"D{document}:p{first}-{min(first + SHEETS - 1, self._sheets[document])}"


def reply(step: int, text: str, calls: Sequence[ToolCall]) -> ModelReply:
    """A reply whose calls have ids."""
    named = tuple(ToolCall(f"call-{step}-{n}", c.name, c.arguments) for n, c in enumerate(calls))
    return ModelReply(text, named, "tool_use", cost_usd=0.0)


def answer(step: int) -> ModelReply:
    """The end of a run."""
    arguments = {"text": "Read to the end.", "citations": [], "found": False}
    return reply(step, "", [ToolCall("", "answer", arguments)])


def note_and_release(visit: Visit, text: str) -> list[ToolCall]:
    """The calls that follow a visit."""
    words = text.split()
    middle = len(words) // 2
    noted = " ".join(words[middle : middle + NOTED_WORDS])
    calls = [ToolCall("", "write_note", {"text": noted, "sources": [visit.locator]})]
    if visit.released:
        calls.append(ToolCall("", "page_out", {"locators": [visit.locator]}))
    return calls


def newest_text(request: ModelRequest) -> str:
    """The newest result."""
    newest = request.turns[-1]
    assert isinstance(newest, UserTurn)
    return newest.results[-1].text if newest.results else newest.text


def said(text: str) -> str:
    """What a reply says of what it has just read: as many of its words."""
    return " ".join(text.split()[-SAID_WORDS:])


def ranges(documents: Sequence[DocumentEntry]) -> Iterator[str]:
    """All documents in order, a few PDF pages at a time."""
    for document in documents:
        for first in range(1, document.pdf_pages - SHEETS + 2, SHEETS):
            yield f"{document.name}:p{first}-{first + SHEETS - 1}"


def one_pass(places: Sequence[str], steps: int, chance: random.Random) -> list[Visit]:
    """From the first page on, without return; what was read is released."""
    return [Visit(place, released=True) for place in places[:steps]]


def hoarding_pass(places: Sequence[str], steps: int, chance: random.Random) -> list[Visit]:
    """The same, by a reader that never releases anything."""
    return [Visit(place) for place in places[:steps]]


def near_returns(places: Sequence[str], steps: int, chance: random.Random) -> list[Visit]:
    """On and on, but every third time back to one of the last few ranges."""
    return _returning(
        places, steps, chance, lambda seen: min(seen, int(chance.expovariate(1 / 3)) + 1)
    )


def far_returns(places: Sequence[str], steps: int, chance: random.Random) -> list[Visit]:
    """On and on, but every third time back to any earlier range."""
    return _returning(places, steps, chance, lambda seen: chance.randint(1, seen))


def small_loop(places: Sequence[str], steps: int, chance: random.Random) -> list[Visit]:
    """Round and round 8 ranges, which a window of 60,000 holds at once."""
    return [Visit(places[n % 8]) for n in range(steps)]


def large_loop(places: Sequence[str], steps: int, chance: random.Random) -> list[Visit]:
    """Round and round 24 ranges, more than any window here holds: the worst that can be evicted."""
    return [Visit(places[n % 24]) for n in range(steps)]


def _returning(
    places: Sequence[str], steps: int, chance: random.Random, distance: Callable[[int], int]
) -> list[Visit]:
    """A third of the visits goes back, as many ranges as `distance` of those met says."""
    seen: list[str] = []
    visits = []
    onwards = iter(places)
    for _ in range(steps):
        if seen and chance.random() < 1 / 3:
            visits.append(Visit(seen[-distance(len(seen))]))
        else:
            seen.append(next(onwards))
            visits.append(Visit(seen[-1]))
    return visits


Itinerary = Callable[[Sequence[str], int, random.Random], list[Visit]]

LOCALITIES: dict[str, Itinerary] = {
    "pass": one_pass,
    "hoard": hoarding_pass,
    "near": near_returns,
    "far": far_returns,
    "small-loop": small_loop,
    "large-loop": large_loop,
}
