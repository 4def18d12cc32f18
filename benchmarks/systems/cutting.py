"""Cuts text to a number of tokens: whole passages, and a part of the one at the border."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace

from docpager import Archive
from docpager.core.passages import Passage, PassageRange
from docpager.paging.rendering import render_passage

__all__ = [
    "Count",
    "Unread",
    "backwards",
    "cut_after",
    "cut_before",
    "fill",
    "forwards",
    "passage_size",
]

Count = Callable[[str], int]
_BLOCK = 64
"""Passages that are read from the archive at once."""


def forwards(archive: Archive, documents: Sequence[int]) -> Iterator[Passage]:
    """All passages in reading order, read as they are wanted."""
    for number in documents:
        last = archive.document(number).passages
        for first in range(1, last + 1, _BLOCK):
            yield from archive.load_range(
                PassageRange(number, first, min(last, first + _BLOCK - 1))
            )


def backwards(archive: Archive, documents: Sequence[int]) -> Iterator[Passage]:
    """All passages from the last to the first."""
    for number in reversed(documents):
        for end in range(archive.document(number).passages, 0, -_BLOCK):
            block = archive.load_range(PassageRange(number, max(1, end - _BLOCK + 1), end))
            yield from reversed(block)


def passage_size(passage: Passage, count: Count) -> int:
    """Tokens of a passage as it is shown, header included."""
    return count(render_passage(passage) + "\n")


def fill(
    passages: Iterable[Passage],
    room: int,
    count: Count,
    *,
    cut: Callable[[Passage, int], Passage] | None = None,
) -> list[Passage]:
    """Passages in their order until `room` is full; `cut` makes the last one fit."""
    kept: list[Passage] = []
    for passage in passages:
        size = passage_size(passage, count)
        if size > room:
            if cut is not None and (part := _largest(passage, room, count, cut)):
                kept.append(part)
            break
        room -= size
        kept.append(passage)
    return kept


class Unread:
    """Passages that are still to be read, in their order."""

    def __init__(self, passages: Iterable[Passage], count: Count) -> None:
        self._passages, self._count = iter(passages), count
        self._next = next(self._passages, None)

    @property
    def done(self) -> bool:
        """Whether all has been taken."""
        return self._next is None

    def take(self, room: int) -> list[Passage]:
        """As many whole passages as fit; of one that alone is larger, the part that does."""
        chunk: list[Passage] = []
        while self._next and (size := passage_size(self._next, self._count)) <= room:
            chunk.append(self._next)
            room -= size
            self._next = next(self._passages, None)
        return chunk if chunk or self._next is None else [self._part(self._next, room)]

    def _part(self, passage: Passage, room: int) -> Passage:
        part = _largest(passage, room, self._count, cut_after) or passage
        left = len(passage.text) - len(part.text)
        self._next = cut_before(passage, left) if left else next(self._passages, None)
        return part


def cut_after(passage: Passage, length: int) -> Passage:
    """The first `length` characters."""
    starts = tuple(each for each in passage.page_starts if each[0] < length)
    return replace(passage, text=passage.text[:length], page_starts=starts)


def cut_before(passage: Passage, length: int) -> Passage:
    """The last `length` characters."""
    gone = len(passage.text) - length
    starts = tuple((at - gone, page) for at, page in passage.page_starts if at > gone)
    return replace(
        passage,
        text=passage.text[gone:],
        start=passage.start + gone,
        first_pdf_page=passage.pdf_page_at(gone),
        page_starts=starts,
    )


def _largest(
    passage: Passage, room: int, count: Count, cut: Callable[[Passage, int], Passage]
) -> Passage | None:
    """The largest part of a passage that fits; None where not even a character does."""
    fitting, too_long = 0, len(passage.text) + 1
    while too_long - fitting > 1:
        middle = (fitting + too_long) // 2
        if passage_size(cut(passage, middle), count) <= room:
            fitting = middle
        else:
            too_long = middle
    return cut(passage, fitting) if fitting else None
