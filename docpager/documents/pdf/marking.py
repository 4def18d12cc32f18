"""Where words of the stored text stand among the characters of a page.

The stored text is not pdfium's: hyphens at line ends are joined, footnote marks set off, accents
composed, lines put into another order. Letters and digits are what both have, so only they are
compared: in one run where the page has one, else run by run.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

from docpager.documents.page_picture import Rectangle

__all__ = ["Mark", "Marked", "line_rectangles", "marked_characters"]

_CONTEXT = 60
"""Letters before and after a place by which it is told from others with the same words."""
_NEXT_TO = 60
"""Letters within which a short run must follow the run before it."""
_FEWEST_ALONE = 6
"""Letters of a run that may stand anywhere."""
_MOST_PLACES = 2_000
"""Places with the same letters that are compared."""
_LOST = 4
"""Letters that may be missing on either side between two runs of one line."""
_WIDEST_GAP = 2.5
"""Heights of a line between two characters that one rectangle goes round."""
_LEAST_SHARED = 0.5
"""Of the lower of two characters in one line: how much of its height the other shares."""


@dataclass(frozen=True, slots=True)
class Marked:
    """The characters that are to be marked."""

    offsets: tuple[int, ...]
    """In the page's own text, in the order of the words."""
    share: float
    """Of the letters and digits that were looked for, those that were found."""


@lru_cache(4_096)
def _letters_of(character: str) -> str:
    """Its letters and digits without accents and case; empty for what is neither."""
    folded = unicodedata.normalize("NFKD", unicodedata.normalize("NFKD", character).casefold())
    return "".join(filter(str.isalnum, folded))


class _Letters:
    """The letters of a text, and which character each belongs to."""

    def __init__(self, text: str) -> None:
        owned = [(mark, at) for at, character in enumerate(text) for mark in _letters_of(character)]
        self.text = "".join(mark for mark, _ in owned)
        self.owners = [at for _, at in owned]

    def __len__(self) -> int:
        return len(self.text)


def marked_characters(raw: str, text: str, start: int, end: int) -> Marked:
    """The characters of `raw`, a page as pdfium reads it, that stand for `text[start:end]`.

    `text` is the page as it is stored.
    """
    page = _Letters(raw)
    before, wanted, after = _Letters(text[:start]), _Letters(text[start:end]), _Letters(text[end:])
    if not len(wanted) or not len(page):
        return Marked((), 0.0 if len(wanted) else 1.0)
    expected = len(page) * len(before) / (len(before) + len(wanted) + len(after))
    runs = list(_runs(page.text, wanted, _word_starts(text[start:end], wanted), before, after))
    if not runs:
        # What is too short to be known alone may be known by what stands around it.
        at = _nearest(page.text, wanted.text, expected, before.text, after.text)
        runs = [_Run(at, at + len(wanted), 0)] if at is not None else []
    runs = list(_with_beginnings(page.text, wanted.text, runs))
    found = sum(run.last - run.first for run in runs)
    letters = dict.fromkeys(page.owners[n] for span in _filled(runs) for n in range(*span))
    return Marked(tuple(letters), round(min(1.0, found / len(wanted)), 3))


class _Run(NamedTuple):
    """Letters of the page that agree with some of those that are wanted."""

    first: int
    last: int
    """On the page; the last one is not included."""
    at: int
    """Where they stand among those that are wanted."""

    @property
    def end(self) -> int:
        return self.at + self.last - self.first


def _word_starts(text: str, letters: _Letters) -> list[bool]:
    """For each letter, whether a word begins with it."""
    starts, last = [], -2
    for at in letters.owners:
        starts.append(at != last and not text[last + 1 : at].isalnum() and at != last + 1)
        last = at
    return starts


def _runs(
    page: str, wanted: _Letters, word_starts: Sequence[bool], before: _Letters, after: _Letters
) -> Iterator[_Run]:
    """Stretches of the page that hold the wanted letters, one after the other."""
    whole, total = wanted.text, len(before) + len(wanted) + len(after)
    at, last = 0, None
    while at < len(whole):
        length = _longest(page, whole, at)
        ends_word = at + length == len(whole) or word_starts[at + length]
        if not ends_word:
            # A letter or two of the next word may go on by chance where another line begins.
            back = next((n for n in range(at + length - 1, at, -1) if word_starts[n]), at)
            length = back - at or length
        is_whole = length == len(whole)
        here = last if last is not None else len(page) * (len(before) + at) / total
        beside = whole[:at][-_CONTEXT:] or before.text[-_CONTEXT:]
        behind = whole[at + length :][:_CONTEXT] or after.text[:_CONTEXT]
        place = _nearest(page, whole[at : at + length], here, beside, behind) if length else None
        follows = place is not None and last is not None and 0 <= place - last <= _NEXT_TO
        if place is None or not (is_whole or length >= _FEWEST_ALONE or follows):
            at += max(1, length)
            continue
        yield _Run(place, place + length, at)
        at, last = at + length, place + length


def _longest(page: str, whole: str, at: int) -> int:
    """How many letters from `at` on stand somewhere on the page in one run."""
    if whole[at:] in page:
        return len(whole) - at
    low, high = 0, len(whole) - at
    while low < high:
        middle = (low + high + 1) // 2
        if whole[at : at + middle] in page:
            low = middle
        else:
            high = middle - 1
    return low


def _nearest(page: str, letters: str, expected: float, before: str, after: str) -> int | None:
    """Of the places with these letters the one with the most of what should stand around it, of
    equal ones the nearest to where it is expected."""
    places = _places(page, letters)
    return min(
        places,
        key=lambda at: (
            -_alike(before[::-1], page[max(0, at - len(before)) : at][::-1])
            - _alike(after, page[at + len(letters) :]),
            abs(at - expected),
        ),
        default=None,
    )


def _places(page: str, letters: str) -> list[int]:
    places: list[int] = []
    at = page.find(letters)
    while at >= 0 and len(places) < _MOST_PLACES:
        places.append(at)
        at = page.find(letters, at + 1)
    return places


def _alike(wanted: str, given: str) -> int:
    """How many letters agree from the first on."""
    for n, (one, other) in enumerate(zip(wanted[:_CONTEXT], given, strict=False)):
        if one != other:
            return n
    return min(len(wanted[:_CONTEXT]), len(given))


def _with_beginnings(page: str, wanted: str, runs: Sequence[_Run]) -> Iterator[_Run]:
    """The runs, and before each the letters that were too few to be looked for anywhere else."""
    end = 0
    for run in runs:
        missing = wanted[end : run.at]
        room = page[max(0, run.first - len(missing) - _LOST) : run.first]
        length = _longest(room, missing, 0) if missing else 0
        if length:
            first = run.first - len(room) + room.rfind(missing[:length])
            yield _Run(first, first + length, end)
        yield run
        end = run.end


def _filled(runs: Sequence[_Run]) -> Iterator[tuple[int, int]]:
    """The runs, and the few letters between two of them that read otherwise on the page."""
    end: int | None = None
    for run in runs:
        if end is not None and 0 < run.first - end <= _LOST:
            yield end, run.first
        yield run.first, run.last
        end = run.last


@dataclass(frozen=True, slots=True)
class Mark:
    """One character that is marked."""

    box: Rectangle
    is_upright: bool
    """Whether its line runs from side to side as the page is shown; else up or down."""


def line_rectangles(marks: Iterable[Mark]) -> list[Rectangle]:
    """One rectangle round the characters of each line; two where a wide gap divides them."""
    lines: list[Mark] = []
    for mark in marks:
        if lines and _in_one_line(lines[-1], mark):
            lines[-1] = Mark(_around(lines[-1].box, mark.box), mark.is_upright)
        else:
            lines.append(mark)
    return [line.box for line in lines]


def _in_one_line(line: Mark, mark: Mark) -> bool:
    if line.is_upright != mark.is_upright:
        return False
    one, other = line.box, mark.box
    if not mark.is_upright:
        one, other = _on_its_side(one), _on_its_side(other)
    shared = min(one.bottom, other.bottom) - max(one.top, other.top)
    lower = min(one.bottom - one.top, other.bottom - other.top)
    gap = max(one.left, other.left) - min(one.right, other.right)
    return shared >= _LEAST_SHARED * lower and gap <= _WIDEST_GAP * max(
        one.bottom - one.top, other.bottom - other.top
    )


def _on_its_side(box: Rectangle) -> Rectangle:
    return Rectangle(box.top, box.left, box.bottom, box.right)


def _around(one: Rectangle, other: Rectangle) -> Rectangle:
    return Rectangle(
        min(one.left, other.left),
        min(one.top, other.top),
        max(one.right, other.right),
        max(one.bottom, other.bottom),
    )
