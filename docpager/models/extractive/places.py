"""Reading places that a question names by locator: each in full, part by part."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Sequence
from dataclasses import replace

from docpager.core.locators import Locator, LocatorKind
from docpager.models.extractive.closing import all_read, close, finding_calls
from docpager.models.extractive.moves import Call, Move, calls, page_in, page_out, recall
from docpager.models.extractive.notes import flat
from docpager.models.extractive.place_notes import (
    NOTHING,
    Finding,
    noted_findings,
    noted_parts,
)
from docpager.models.extractive.place_parts import (
    Place,
    best_remark,
    keep,
    met_strands,
    ranged,
    ranges,
)
from docpager.models.extractive.reading import Reading
from docpager.models.extractive.recalling import away, bring_back, lost, recalled, tried_again
from docpager.models.extractive.records import joined

__all__ = ["read_places"]

SELECTS = 0.62
"""Strength from which the question's words select a sentence of a place."""
SMALL_DOCUMENT = 12
"""Passages up to which a document named by its locator is read in full."""
_RANGE = re.compile(r"D(\d+):c(\d+)(?:-(\d+))?")
_MOST_TRIES = 4


def read_places(reading: Reading) -> Move | None:
    """The next move for a question that names places; None for other questions."""
    places = [str(p) for p in reading.asked.places if _to_be_read(reading, p)]
    if not places:
        return None
    found: list[Finding] = []
    done = _done(reading, places)
    for place in reading.asked.places:
        name = str(place)
        if name not in places or name in done or _given_up(reading, name):
            continue
        span = _span(reading, place)
        if _ending(reading):
            found += _in_view(reading, name, span)
            continue
        seen = _progress(reading, name, span) if span else None
        on = [page_in(name)] if seen is None else list(_go_on(reading, seen))
        if on or seen is None:
            return calls(finding_calls(reading, found), _release(reading, found), on)
        found.append(_finding(reading, seen))
    return close(reading, places, found, _release(reading, found))


def _ending(reading: Reading) -> bool:
    return reading.view.hurried or not reading.view.calls_allowed


def _done(reading: Reading, places: Sequence[str]) -> Collection[str]:
    """The places that were read to their end: they are read in the question's order.

    The newest note is always in view, so it tells of all places before its own.
    """
    if all_read(reading):
        return places
    findings = [f.place for each in noted_findings(reading.view.notes).values() for f in each]
    ended = [n for n, name in enumerate(places, start=1) if name in findings]
    begun = [places.index(p.place) for p in noted_parts(reading.view.notes) if p.place in places]
    return places[: max([0, *ended, *begun])]


def _release(reading: Reading, found: Sequence[Finding]) -> list[Call]:
    """Release what is in main context once a place has come to its end."""
    return page_out(ranges(reading)) if found else []


def _to_be_read(reading: Reading, place: Locator) -> bool:
    if place.kind is not LocatorKind.DOCUMENT:
        return True
    line = reading.view.documents.get(place.number)
    small = line is not None and 0 < line.passages <= SMALL_DOCUMENT
    says_nothing = sum(c.weight for c in reading.asked.concepts) < 0.8
    return small or says_nothing


def _given_up(reading: Reading, name: str) -> bool:
    """Whether the archive knows no such place, or it can not be had."""
    unknown = any(
        e.is_error and e.arguments.get("locator") == name and not e.result.startswith("refused")
        for e in reading.view.events
        if e.name == "page_in"
    )
    return unknown or reading.did("page_in", name) >= _MOST_TRIES


def _span(reading: Reading, place: Locator) -> tuple[int, int, int] | None:
    if place.kind is LocatorKind.PASSAGES:
        return place.number, place.first, place.last
    return _span_known(reading, str(place))


def _span_known(reading: Reading, name: str) -> tuple[int, int, int] | None:
    """(document, first, last passage) of a place, from notes or from what page_in said of it."""
    for part in noted_parts(reading.view.notes):
        if part.place == name:
            return part.document, part.first, part.last
    for event in reading.view.events:
        if event.name == "page_in" and event.arguments.get("locator") == name:
            head = event.result.split("\n", 1)[0]
            told = (
                head.partition(" takes ")[0]
                if event.is_error
                else head.partition(" of ")[0] + head.partition("; ")[2]
            )
            spans = [(int(m[1]), int(m[2]), int(m[3] or m[2])) for m in _RANGE.finditer(told)]
            if spans:
                return spans[0][0], min(s[1] for s in spans), max(s[2] for s in spans)
    return None


def _progress(reading: Reading, name: str, span: tuple[int, int, int]) -> Place:
    document, first, last = span
    parts = tuple(part for part in noted_parts(reading.view.notes) if part.place == name)
    noted = max([first - 1, *(part.read_to for part in parts)])
    if _brought_back(reading, name):
        noted = last
    if not reading.view.can_note:
        while noted < last and reading.view.was_read(document, noted + 1):
            noted += 1
    seen = noted
    while seen < last and (document, seen + 1) in reading.view.passages:
        seen += 1
    return Place(name, document, first, last, noted, seen, _fitting(reading), parts)


def _in_view(reading: Reading, name: str, span: tuple[int, int, int] | None) -> list[Finding]:
    """What the last reply can say of a place: by what of it stands in main context, if anything."""
    if span is None or reading.view.calls_allowed:
        return []
    document, first, last = span
    here = [c for d, c in reading.view.passages if d == document and first <= c <= last]
    if not here:
        return []
    progress = _progress(reading, name, span)
    noted_to = max([first - 1, *(part.read_to for part in progress.parts)])
    finding = _finding(reading, replace(progress, noted_to=noted_to, seen_to=max(here)))
    return [] if finding.quote == NOTHING else [finding]


def _fitting(reading: Reading) -> int:
    """How many passages fitted at once, since the newest refusal that can be seen; 0 if unknown.

    The largest, not the newest: the rest of a place may have been a single passage.
    """
    longest = 0
    for length, refused in _page_ins(reading):
        if refused:
            return longest or length
        longest = max(longest, length)
    return longest


def _page_ins(reading: Reading) -> Iterator[tuple[int, bool]]:
    """Lengths of ranges that were paged in, newest first; of refused ones what would have fitted,
    and that they were refused."""
    for event in reversed(reading.view.events):
        if event.name == "page_in" and event.is_error:
            yield _length(event.result.partition(" tokens; ")[2]) or 1, True
        elif event.name == "page_in":
            yield _length(event.result.split("\n", 1)[0]), False
    for line in reversed(reading.view.log):
        if line.name == "page_in" and _RANGE.fullmatch(line.arguments):
            length, refused = _length(line.arguments), line.outcome.startswith("refused")
            yield max(1, length // 2) if refused else length, refused


def _length(text: str) -> int:
    """Passages of the first range that a text names; 0 where it names none."""
    found = _RANGE.search(text)
    return int(found[3] or found[2]) - int(found[2]) + 1 if found else 0


def _brought_back(reading: Reading, name: str) -> bool:
    """Whether the newest step looked for notes on a place: that comes after its last part."""
    return any(
        (event.name == "recall" and event.arguments.get("query") == name)
        or (event.name == "page_in" and f"] {name} (" in event.result.split("\n", 1)[0])
        for event in reading.view.newest
    )


def _go_on(reading: Reading, place: Place) -> Iterator[Call]:
    """Read the next part, or bring back notes on earlier ones; nothing where all is in view."""
    if place.seen_to < place.last:
        yield from _read_on(reading, place)
    elif numbers := _missing_parts(reading, place):
        if place.seen_to > place.noted_to:
            yield from keep(reading, place)[1]
        # Before a recall nothing is known of what is out of view.
        yield from bring_back(reading, [n for n in numbers if n])
        if numbers == [0]:
            yield recall(place.name)


def _read_on(reading: Reading, place: Place) -> Iterator[Call]:
    """Note what is in main context of a place, release it, read the next part."""
    if place.seen_to > place.noted_to and reading.view.can_note:
        noted_to, keeping = keep(reading, place)
        yield from keeping
        if noted_to < place.seen_to:
            return
    elif reading.view.refused or not reading.view.can_note:
        yield from page_out(ranges(reading))
    begin = place.seen_to + 1
    span = max(1, place.fitting or place.last - place.first + 1)
    if reading.view.refused and place.fitting > 1 and _asked_again(reading, begin, span):
        span = max(1, span // 2)
    yield page_in(ranged(place.document, begin, min(place.last, begin + span - 1)))


def _asked_again(reading: Reading, begin: int, span: int) -> bool:
    return any(each.endswith(f":c{begin}-{begin + span - 1}") for each in reading.view.refused)


def _missing_parts(reading: Reading, place: Place) -> list[int]:
    """Numbers of notes on a place to bring back; 0 where a recall must tell them first."""
    if not reading.view.can_note or _ending(reading) or tried_again(reading):
        return []
    told = recalled(reading, place.name, re.escape(place.name) + r" \(")
    if told is not None:
        return [n for n in told if n in away(reading)]
    numbers = {part.number for part in place.parts}
    complete = len(numbers) == max(numbers, default=0) and not lost(reading)
    return [] if complete else [0]


def _finding(reading: Reading, place: Place) -> Finding:
    """What a place says: the sentence that the question selects, else the end of its chain."""
    kept = [strand for part in place.parts for strand in part.strands]
    strands = joined([*kept, *met_strands(reading, place, place.seen_to)], apart=reading.asked.keys)
    remark = best_remark(reading, place, place.seen_to)
    keyed = [s for s in strands if s.start in reading.asked.keys]
    if remark and not keyed and (remark.percent >= 100 * SELECTS or not strands):
        return Finding(place.name, remark.quote, remark.locator)
    if strands:
        last = max(keyed or strands, key=lambda s: s.length).last
        return Finding(place.name, flat(last.quote), last.source)
    return Finding(place.name, NOTHING, "")
