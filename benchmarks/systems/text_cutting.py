"""Cuts text to a number of tokens: whole passages, and a part of the one at the border.

Joins pieces of one passage: a page may stand in a prompt only once, or readers lose one.

The most requests that systems may make who read everything, a window at a time.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from math import ceil

from benchmarks.systems.system import Setup
from docpager import Archive
from docpager.core.passages import DocumentEntry, Passage, PassageId, PassageRange
from docpager.paging.rendering import render_passage

__all__ = [
    "NOTES_SHARE",
    "Count",
    "Unread",
    "appended",
    "backwards",
    "cut_after",
    "cut_before",
    "fill",
    "forwards",
    "joined",
    "joined_size",
    "most_left",
    "most_to_read",
    "most_to_reduce",
    "passage_size",
    "shown_tokens",
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


def joined(pieces: Iterable[Passage]) -> list[Passage]:
    """One passage for each id, in the order of their first pieces; no text stands there twice."""
    groups: dict[PassageId, list[Passage]] = {}
    for piece in pieces:
        groups.setdefault(piece.id, []).append(piece)
    return [group[0] if len(group) == 1 else _one(group) for group in groups.values()]


def joined_size(pieces: Iterable[Passage], count: Count) -> int:
    """Tokens of these pieces as they are shown: joined, headers included."""
    return sum(passage_size(passage, count) for passage in joined(pieces))


def appended(whole: Passage, piece: Passage, *, between: str = "") -> Passage:
    """`whole` with the text of `piece` behind it, whose PDF pages stay where they begin."""
    at = len(whole.text) + len(between)
    begun, pages = piece.pdf_page_at(0), whole.pdf_pages
    starts = [(at + offset, page) for offset, page in piece.page_starts if offset]
    if begun is not None and (pages is None or begun != pages[1]):
        starts.insert(0, (at, begun))
    return replace(
        whole,
        text=f"{whole.text}{between}{piece.text}",
        page_starts=(*whole.page_starts, *starts),
    )


def _one(pieces: Sequence[Passage]) -> Passage:
    """The pieces in text order, on lines of their own where text between them is missing."""
    whole, *others = sorted(pieces, key=lambda piece: piece.start)
    end = whole.end
    for piece in others:
        if piece.end <= end:
            continue
        new = cut_before(piece, piece.end - max(end, piece.start))
        whole = appended(whole, new, between="\n" if piece.start > end else "")
        end = piece.end
    return whole


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
