"""What of a named place is in main context and in notes, and the notes that keep it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from docpager.core.tokens import BuiltInEstimator
from docpager.models.extractive.evidence import Evidence
from docpager.models.extractive.moves import Call, page_out, write_note
from docpager.models.extractive.notes import flat, shortened
from docpager.models.extractive.place_notes import PartRead, Remark, part_note
from docpager.models.extractive.reading import Reading
from docpager.models.extractive.records import Record, Strand, find_records, joined

__all__ = ["Place", "best_remark", "keep", "met_strands", "ranged", "ranges"]

_NOTE_TOKENS = 130
"""What a note on a place may say, so that two of them fit the share of notes in small windows."""
_FRAMING = 45
"""Tokens of a note's call beside what it says of the place."""
_OTHER_CALLS = 90
"""Tokens left for the calls beside the notes of one reply."""
_LONGEST_QUOTES = 1_200
"""Characters that the quotes of all places may take, and of one a quarter of that."""
_HEADING = re.compile(r"^(#{1,6}) +\S", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Place:
    """A named place, and how much of it was read."""

    name: str
    document: int
    first: int
    last: int
    noted_to: int
    """The last passage whose findings are noted."""
    seen_to: int
    """The last passage of those in main context that follow."""
    fitting: int
    """Passages that fitted at once so far; 0 where that is not known."""
    parts: tuple[PartRead, ...]
    """The notes on it that can be seen."""


def keep(reading: Reading, place: Place) -> tuple[int, list[Call]]:
    """The last passage that one reply can note, and the calls that note and release so far."""
    room = reading.view.max_output_tokens - _OTHER_CALLS
    counter = BuiltInEstimator()
    for noted_to in range(place.seen_to, place.noted_to, -1):
        notes = [*_part_notes(reading, place, noted_to)]
        size = sum(counter.count(str(arguments["text"])) + _FRAMING for _, arguments in notes)
        if size <= room or noted_to == place.noted_to + 1:
            break
    release = ranged(place.document, place.noted_to + 1, noted_to)
    if noted_to == place.seen_to:
        return noted_to, [*notes, *page_out(ranges(reading))]
    return noted_to, [*notes, *page_out([release])]


def _part_notes(reading: Reading, place: Place, noted_to: int) -> Iterator[Call]:
    """Notes on the next passages; they replace those whose records they join."""
    remark = best_remark(reading, place, noted_to)
    number = max((p.number for p in place.parts), default=0)
    for replaced, group in _groups(reading, place, noted_to):
        number += replaced is None
        part = PartRead(
            place.name, place.document, place.first, place.last,
            replaced.number if replaced else number, noted_to, tuple(group), remark,
        )  # fmt: skip
        yield write_note(part_note(part), replaces=replaced.note if replaced else "")
        remark = None


def _groups(
    reading: Reading, place: Place, noted_to: int
) -> list[tuple[PartRead | None, list[Strand]]]:
    """What each note shall hold, and the note that it replaces.

    What an earlier note copied stays in the note that replaces it: that one may still be quoted.
    """
    keys = reading.asked.keys
    kept = [strand for part in place.parts for strand in part.strands]
    met = met_strands(reading, place, noted_to)
    merged = joined([*kept, *met], apart=keys)
    merged = [s for s in merged if s.length > 1 or _like_a_link(s.last) or s.start in keys]
    newest = max(place.parts, key=lambda p: (p.read_to, p.number), default=None)
    groups: list[tuple[PartRead | None, list[Strand]]] = []
    noted: set[Record] = set()
    for part in sorted(place.parts, key=lambda p: p is not newest):
        lasts = {strand.last for strand in part.strands}
        noted |= lasts
        own = [strand for strand in merged if strand.last in lasts]
        if part is newest or own != list(part.strands):
            groups.append((part, own))
    fresh = sorted((s for s in merged if s.last not in noted), key=lambda s: s.length == 1)
    for strand in fresh:
        room = (group for _, group in groups if _size([*group, strand]) <= _NOTE_TOKENS)
        if (group := next(room, None)) is None:
            groups.append((None, group := []))
        group.append(strand)
    return groups or [(None, [])]


def _size(strands: Iterable[Strand]) -> int:
    """About the tokens that strands take in a note."""
    counter = BuiltInEstimator()
    return sum(
        counter.count(s.last.quote) + 8 + (counter.count(s.start) + 6 if s.length > 1 else 0)
        for s in strands
    )


def _like_a_link(record: Record) -> bool:
    """Whether key and value could each be the other of another record: short, and no sentence."""
    return len(record.key.split()) <= 4 and len(record.value.split()) <= 4


def met_strands(reading: Reading, place: Place, last: int) -> list[Strand]:
    """Records of the passages of a place that are in main context and not noted yet."""
    found: list[Strand] = []
    for ordinal in range(place.noted_to + 1, last + 1):
        passage = reading.view.passages.get((place.document, ordinal))
        if passage is None:
            continue
        text = _within(place, ordinal, passage.text)
        found += map(Strand.of, find_records(text, source=passage.locator))
    return found


def _within(place: Place, ordinal: int, text: str) -> str:
    """A passage without what stands before or after a section, where headings show it.

    A section's first and last passage may hold parts of its neighbours. A heading with as few
    marks as the section has numbers cannot stand inside of it.
    """
    _, section, numbers = place.name.partition(":s")
    if not section or place.first == place.last:
        return text
    if ordinal == place.first and (heading := _HEADING.search(text)):
        return text[heading.start() :]
    if ordinal == place.last:
        depth = numbers.count(".") + 1
        ends = (h.start() for h in _HEADING.finditer(text) if len(h[1]) <= depth)
        return text[: next(ends, len(text))]
    return text


def best_remark(reading: Reading, place: Place, last: int) -> Remark | None:
    """The sentence so far that the question's words select best."""
    remarks = [part.remark for part in place.parts if part.remark]
    if (best := _best_here(reading, place, last)) and best.strength >= 0.4:
        longest = _LONGEST_QUOTES // max(4, len(reading.asked.places))
        quote = shortened(flat(best.quote), longest)
        remarks.append(Remark(round(best.strength * 100), best.locator, quote))
    return max(remarks, key=lambda r: r.percent, default=None)


def _best_here(reading: Reading, place: Place, last: int) -> Evidence | None:
    here = (
        e for e in reading.visible
        if e.document == place.document and place.noted_to < e.ordinal <= last
    )  # fmt: skip
    return next(here, None)


def ranges(reading: Reading) -> Iterator[str]:
    """What is in main context and not released, as few ranges."""
    first = last = (0, 0)
    for at in [*sorted((p.document, p.ordinal) for p in reading.unreleased), (0, 0)]:
        if at != (last[0], last[1] + 1):
            if first[0]:
                yield ranged(*first, last[1])
            first = at
        last = at


def ranged(document: int, first: int, last: int) -> str:
    return f"D{document}:c{first}" + (f"-{last}" if last > first else "")
