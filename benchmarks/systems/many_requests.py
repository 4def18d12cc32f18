"""Contestants that read everything, a window at a time: running notes, refining, map and reduce.

What they carry from one request to the next is what the model quoted: with the built-in reader
there is no other kind of note, and with a language model it is the part that can be checked.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from benchmarks.samples import Question
from benchmarks.systems.cutting import cut_after, fill, forwards, passage_size
from benchmarks.systems.reading import Reader, Reading
from benchmarks.systems.system import Answer, Setup
from docpager import Archive
from docpager.errors import ModelError
from docpager.pages import Passage

__all__ = ["MapReduce", "Refine", "SlidingNotes"]

NOTES_SHARE = 0.25
"""Share of the room that quotes of earlier requests may take."""
_FIXED = 2500
"""About what instructions, functions and question take, for the number of requests."""
_REMARK = "notes are the model's quotes"
_NOTHING = Reading("Not found.", False, ())


class _WindowByWindow:
    """Reads all of the documents in order, as much at a time as fits."""

    remark = _REMARK

    def most_requests(self, tokens: int, setup: Setup) -> int:
        room = max(1, int((setup.window - setup.max_output - _FIXED) * (1 - NOTES_SHARE)))
        return 2 + int(tokens * setup.factor * 1.1) // room

    async def answer(self, question: Question, archive: Archive, setup: Setup) -> Answer:
        reader = Reader(question, archive, setup)
        try:
            return reader.answer(await self.read_all(reader, forwards(archive, reader.order)))
        except ModelError as error:
            return reader.failed(error)

    async def read_all(self, reader: Reader, passages: Iterable[Passage]) -> Reading:
        """The last word on all passages."""
        raise NotImplementedError


@dataclass(frozen=True)
class SlidingNotes(_WindowByWindow):
    """Carries every quote along until the room for them is full, then answers from them."""

    name: str = "sliding-notes"

    async def read_all(self, reader: Reader, passages: Iterable[Passage]) -> Reading:
        notes: list[Passage] = []
        for chunk in _chunks(reader, passages, 1 - NOTES_SHARE):
            reading = await reader.read([*notes, *chunk])
            notes = _newest(reader, _once([*notes, *reader.quotes_of(reading)]))
        return await reader.read(notes) if notes else _NOTHING


@dataclass(frozen=True)
class Refine(_WindowByWindow):
    """Carries the newest answer's quotes along, and lets each window replace them."""

    name: str = "refine"

    async def read_all(self, reader: Reader, passages: Iterable[Passage]) -> Reading:
        newest, notes = _NOTHING, list[Passage]()
        for chunk in _chunks(reader, passages, 1 - NOTES_SHARE):
            reading = await reader.read([*notes, *chunk])
            if reading.found:
                newest, notes = reading, _newest(reader, reader.quotes_of(reading))
        return newest


@dataclass(frozen=True)
class MapReduce(_WindowByWindow):
    """Answers from each window alone, then from the quotes of all these answers."""

    name: str = "map-reduce"

    async def read_all(self, reader: Reader, passages: Iterable[Passage]) -> Reading:
        quotes = await self._map(reader, _chunks(reader, passages, 1.0))
        while len(groups := list(_chunks(reader, quotes, 1.0))) > 1:
            fewer = await self._map(reader, groups)
            if len(fewer) >= len(quotes):
                groups = [fill(fewer, reader.room, reader.count)]
                break
            quotes = fewer
        return await reader.read(groups[0]) if groups else _NOTHING

    async def _map(self, reader: Reader, chunks: Iterable[Sequence[Passage]]) -> list[Passage]:
        quotes: list[Passage] = []
        for chunk in chunks:
            quotes += reader.quotes_of(await reader.read(chunk))
        return _once(quotes)


def _chunks(reader: Reader, passages: Iterable[Passage], share: float) -> Iterator[list[Passage]]:
    """Passages in groups, each of which fits in `share` of the room."""
    room = int(reader.room * share)
    chunk: list[Passage] = []
    left = room
    for passage in passages:
        size = passage_size(passage, reader.count)
        if size > left and chunk:
            yield chunk
            chunk, left = [], room
        if size > left:
            (passage,) = fill([passage], left, reader.count, cut=cut_after) or [passage]
        chunk.append(passage)
        left -= size
    if chunk:
        yield chunk


def _newest(reader: Reader, notes: Sequence[Passage]) -> list[Passage]:
    """The newest notes that fit in their share of the room, oldest first."""
    room = int(reader.room * NOTES_SHARE)
    return fill(reversed(notes), room, reader.count)[::-1]


def _once(passages: Iterable[Passage]) -> list[Passage]:
    return list({(p.document, p.ordinal, p.text): p for p in passages}.values())
