"""Systems that read everything, a window at a time: running notes, refining, map and reduce.

What they carry from one request to the next is what the model quoted: with the built-in reader
there is no other kind of note, and with a language model it is the part that can be checked.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from benchmarks.samples import SystemQuestion
from benchmarks.systems.reading import ModelReader, ModelReading
from benchmarks.systems.system import Setup, SystemAnswer
from benchmarks.systems.text_cutting import (
    NOTES_SHARE,
    Unread,
    fill,
    forwards,
    joined,
    joined_size,
    most_left,
    most_to_read,
    most_to_reduce,
)
from docpager import Archive
from docpager.core.errors import ModelError
from docpager.core.passages import Passage, PassageId

__all__ = ["MapReduce", "Refine", "SlidingNotes"]

_REMARK = "notes are the model's quotes"
_NOTHING = ModelReading("Not found.", False, ())


class _WindowByWindow:
    """Reads all of the documents in order, as much at a time as fits."""

    remark = _REMARK

    def most_requests(self, tokens: int, setup: Setup) -> int:
        # One more: the answer from the notes alone.
        return most_to_read(tokens, setup, notes_share=NOTES_SHARE) + 1

    async def answer(
        self, question: SystemQuestion, archive: Archive, setup: Setup
    ) -> SystemAnswer:
        reader = ModelReader(question, archive, setup)
        unread = Unread(forwards(archive, reader.order), reader.count)
        try:
            return reader.answer(await self._read_all(reader, unread))
        except ModelError as error:
            return reader.failed(error)

    async def _read_all(self, reader: ModelReader, unread: Unread) -> ModelReading:
        if unread.done:
            return _NOTHING
        first = await reader.read(unread.take(reader.room))
        return first if unread.done else await self.read_on(reader, first, unread)

    async def read_on(
        self, reader: ModelReader, first: ModelReading, unread: Unread
    ) -> ModelReading:
        """The last word on all passages, of which the first request did not hold all."""
        raise NotImplementedError


@dataclass(frozen=True)
class SlidingNotes(_WindowByWindow):
    """Carries every quote along until the room for them is full, then answers from them."""

    name: str = "sliding-notes"

    async def read_on(
        self, reader: ModelReader, first: ModelReading, unread: Unread
    ) -> ModelReading:
        notes = _newest(reader, reader.quotes_of(first))
        while chunk := unread.take(_beside(reader, notes)):
            reading = await reader.read([*notes, *chunk])
            notes = _newest(reader, [*notes, *reader.quotes_of(reading)])
        return await reader.read(notes) if notes else _NOTHING


@dataclass(frozen=True)
class Refine(_WindowByWindow):
    """Carries the newest answer's quotes along, and lets each window replace them."""

    name: str = "refine"

    async def read_on(
        self, reader: ModelReader, first: ModelReading, unread: Unread
    ) -> ModelReading:
        newest = first if first.found else _NOTHING
        notes = _newest(reader, reader.quotes_of(first))
        while chunk := unread.take(_beside(reader, notes)):
            reading = await reader.read([*notes, *chunk])
            if reading.found:
                newest, notes = reading, _newest(reader, reader.quotes_of(reading))
        return newest


@dataclass(frozen=True)
class MapReduce(_WindowByWindow):
    """Answers from each window alone, then from the quotes of all these answers."""

    name: str = "map-reduce"

    def most_requests(self, tokens: int, setup: Setup) -> int:
        mapped = most_to_read(tokens, setup, notes_share=0.0)
        return mapped + most_to_reduce(mapped, setup)

    async def read_on(
        self, reader: ModelReader, first: ModelReading, unread: Unread
    ) -> ModelReading:
        quotes = [*reader.quotes_of(first), *await self._map(reader, _chunks(reader, unread))]
        groups = _groups(reader, quotes)
        while len(groups) > 1:
            quotes = await self._map(reader, groups)
            fewer = _groups(reader, quotes)
            if len(fewer) > most_left(len(groups)):
                fewer = [fill(joined(quotes), reader.room, reader.count)]
            groups = fewer
        return await reader.read(groups[0]) if groups else _NOTHING

    async def _map(self, reader: ModelReader, chunks: Iterable[Sequence[Passage]]) -> list[Passage]:
        quotes: list[Passage] = []
        for chunk in chunks:
            quotes += reader.quotes_of(await reader.read(chunk))
        return quotes


def _chunks(reader: ModelReader, unread: Unread) -> Iterator[list[Passage]]:
    """What is unread, in groups that each fill the room."""
    while chunk := unread.take(reader.room):
        yield chunk


def _groups(reader: ModelReader, quotes: Iterable[Passage]) -> list[list[Passage]]:
    """Quotes in groups that each fit in the room, those of one passage together."""
    return list(_chunks(reader, Unread(joined(quotes), reader.count)))


def _beside(reader: ModelReader, notes: Sequence[Passage]) -> int:
    """Tokens that these notes leave free."""
    return reader.room - joined_size(notes, reader.count)


def _newest(reader: ModelReader, notes: Sequence[Passage]) -> list[Passage]:
    """The newest notes that fit in their share of the room, oldest first."""
    left, kept = int(reader.room * NOTES_SHARE), dict[PassageId, list[Passage]]()
    newest: list[Passage] = []
    for note in reversed(notes):
        others = kept.setdefault(note.id, [])
        left -= joined_size([*others, note], reader.count) - joined_size(others, reader.count)
        if left < 0:
            break
        others.append(note)
        newest.insert(0, note)
    return newest
