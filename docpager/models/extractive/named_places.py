"""Reading places that a question names by locator: each in full, part by part.

What a place says is mostly the end of the longest chain of its records. The records met are kept in
a list of notes for each place, what the places say in a list named `found`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from docpager.core.locators import LocatorKind
from docpager.core.tokens import BuiltInEstimator
from docpager.models.extractive.actions import (
    Action,
    Answering,
    Call,
    QuotedLine,
    calls,
    page_in,
    page_out,
)
from docpager.models.extractive.evidence import evidence_in
from docpager.models.extractive.note_lists import (
    ListItem,
    bring_back,
    bringing_back,
    extended,
    parts_of,
)
from docpager.models.extractive.question import ParsedQuestion
from docpager.models.extractive.records import Record, find_records, longest_chain
from docpager.models.extractive.view import SeenPassage, View
from docpager.models.extractive.words import flat, shortened

__all__ = ["read_places"]

FOUND = "found"
"""The list of what places say."""
NOTHING = "(nothing)"
AT_ONCE = 3
"""Passages asked for at once, unless a place is first asked for as a whole."""
LONGEST_SENTENCE = 300
_OTHER_CALLS = 90
"""Tokens left for the calls beside the notes of one reply."""
_FRAMING = 45
"""Tokens of a note's call beside its text."""
_MOST_TRIES = 4
_RANGE = re.compile(r"D(\d+):c(\d+)(?:-(\d+))?")
_READ_TO = re.compile(r" read to c(\d+)")
_HEADING = re.compile(r"^(#{1,6}) +\S", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class _Progress:
    """A named place, and how much of it was read."""

    name: str
    document: int
    first: int
    last: int
    noted_to: int
    """The last passage whose records are noted."""
    seen_to: int
    """The last passage of those in main context that follow."""


def read_places(view: View, question: ParsedQuestion) -> Action | None:
    """The next action for a question that names places; None for other questions."""
    places = [str(p) for p in question.places if p.kind is not LocatorKind.DOCUMENT]
    if not places:
        return None
    found: list[ListItem] = []
    for name in places[_ended(view, places) :]:
        if _given_up(view, name):
            continue
        span = _span(view, name)
        if view.hurried or not view.calls_allowed:
            found += [_finding(view, question, _progress(view, name, span))] if span else []
            continue
        if not span:
            return calls(_keep_found(view, found), [page_in(name)])
        progress = _progress(view, name, span)
        if on := list(_go_on(view, question, progress)):
            return calls(_keep_found(view, found), on)
        found.append(_finding(view, question, progress))
    return _close(view, places, found)


def _ended(view: View, places: Sequence[str]) -> int:
    """How many places were read to their end: they are read in the question's order, and the newest
    note, which is always in view, is of the place being read or of the one before it."""
    if bringing_back(view, FOUND):
        return len(places)
    ended = [places.index(n) + 1 for n in _told(view) if n in places]
    begun = [places.index(part.name) for part in parts_of(view) if part.name in places]
    return max([0, *ended, *begun])


def _told(view: View) -> dict[str, ListItem]:
    """What places say, as the notes in view keep it, by their names."""
    items = [item for part in parts_of(view, FOUND) for item in part.items]
    return {item.text.partition(" ")[0]: item for item in items}


def _given_up(view: View, name: str) -> bool:
    """Whether the archive knows no such place, or it cannot be had."""
    unknown = any(
        e.is_error and e.arguments.get("locator") == name and not e.result.startswith("refused")
        for e in view.events
        if e.name == "page_in"
    )
    return unknown or view.did("page_in", name) >= _MOST_TRIES


def _span(view: View, name: str) -> tuple[int, int, int] | None:
    """Document, first and last passage of a place, from its name, its notes, or what page_in said
    of it; None before any of them tells."""
    told = [name, *(part.state for part in parts_of(view, name))]
    for event in view.events:
        if event.name == "page_in" and event.arguments.get("locator") == name:
            line = event.result.split("\n", 1)[0]
            # `refused: D1:c4-9 takes ...`, `D1:c4-7 of a.md`, `...; D1:c8-9 is in main context`.
            shown = line.partition(" takes ")[0] if event.is_error else line
            told.append(re.sub(r" of .*?(?=; D\d|$)", "", shown))
    for text in told:
        spans = [(int(m[1]), int(m[2]), int(m[3] or m[2])) for m in _RANGE.finditer(text)]
        if spans:
            return spans[0][0], min(s[1] for s in spans), max(s[2] for s in spans)
    return None


def _progress(view: View, name: str, span: tuple[int, int, int]) -> _Progress:
    document, first, last = span
    marks = (_READ_TO.search(part.state) for part in parts_of(view, name))
    noted = max([first - 1, *(int(mark[1]) for mark in marks if mark)])
    if bringing_back(view, name):
        noted = last  # That comes after its last part.
    if not view.can_note:
        while noted < last and view.was_read(document, noted + 1):
            noted += 1
    seen = noted
    while seen < last and (document, seen + 1) in view.passages:
        seen += 1
    return _Progress(name, document, first, last, noted, seen)


def _go_on(view: View, question: ParsedQuestion, place: _Progress) -> Iterator[Call]:
    """Calls that note and release what was read and read the next part, or bring back the notes on
    earlier parts; none where all is in view."""
    if place.seen_to >= place.last:
        if missing := bring_back(view, place.name):
            yield from _keep(view, question, place, place.seen_to)
            yield from missing
        return
    if place.seen_to > place.noted_to and view.can_note:
        noted_to, keeping = _fitting(view, question, place)
        yield from keeping
        if noted_to < place.seen_to:
            yield from page_out([_ranged(place.document, place.noted_to + 1, noted_to)])
            return
    yield from page_out(_ranges(view.unreleased))
    begin = place.seen_to + 1
    yield page_in(_ranged(place.document, begin, min(place.last, begin + _at_once(view) - 1)))


def _at_once(view: View) -> int:
    """How many passages to ask for: fewer where as many were just refused."""
    for event in view.newest:
        if event.name == "page_in" and event.is_error:
            fits = _RANGE.search(event.result.partition(" tokens; ")[2])
            return min(AT_ONCE - 1, int(fits[3] or fits[2]) - int(fits[2]) + 1) if fits else 1
    return AT_ONCE


def _fitting(view: View, question: ParsedQuestion, place: _Progress) -> tuple[int, list[Call]]:
    """The last passage that one reply can note, and the calls that note so far."""
    counter = BuiltInEstimator()
    for noted_to in range(place.seen_to, place.noted_to, -1):
        notes = list(_keep(view, question, place, noted_to))
        size = sum(counter.count(str(arguments["text"])) + _FRAMING for _, arguments in notes)
        if size <= view.max_output_tokens - _OTHER_CALLS:
            break
    return noted_to, notes


def _keep(view: View, question: ParsedQuestion, place: _Progress, noted_to: int) -> Iterator[Call]:
    """Notes on what the passages up to `noted_to` say."""
    if noted_to <= place.noted_to or not view.can_note:
        return
    state = f"{_ranged(place.document, place.first, place.last)} read to c{noted_to}"
    items = _met(view, question, place, noted_to)
    source = f"D{place.document}:c{noted_to}"
    yield from extended(view, place.name, items, state=state, source=source)


def _met(view: View, question: ParsedQuestion, place: _Progress, last: int) -> list[ListItem]:
    """The records of a place's passages that are not noted yet."""
    wanted = range(place.noted_to + 1, last + 1)
    return [
        ListItem(passage.locator, flat(record.quote))
        for (document, ordinal), passage in sorted(view.passages.items())
        if document == place.document and ordinal in wanted
        for record in find_records(_within(place, passage), source=passage.locator)
        if _like_a_link(record) or record.key in question.keys
    ]


def _like_a_link(record: Record) -> bool:
    """Whether key and value could each be the other of another record: short, and no sentence."""
    return len(record.key.split()) <= 4 and len(record.value.split()) <= 4


def _within(place: _Progress, passage: SeenPassage) -> str:
    """A passage without what stands before or after a section, where headings show it.

    A section's first and last passage may hold parts of its neighbours. A heading with as few
    marks as the section has numbers cannot stand inside of it.
    """
    _, section, numbers = place.name.partition(":s")
    text = passage.text
    if not section or place.first == place.last:
        return text
    if passage.ordinal == place.first and (heading := _HEADING.search(text)):
        return text[heading.start() :]
    if passage.ordinal == place.last:
        depth = numbers.count(".") + 1
        ends = (h.start() for h in _HEADING.finditer(text) if len(h[1]) <= depth)
        return text[: next(ends, len(text))]
    return text


def _finding(view: View, question: ParsedQuestion, place: _Progress) -> ListItem:
    """What a place says: the end of the longest chain of its records; where there are none, the
    sentence of its last part that shares most words with the question."""
    if not view.can_note:
        place = replace(place, noted_to=place.first - 1)
    items = [item for part in parts_of(view, place.name) for item in part.items]
    items += _met(view, question, place, place.seen_to)
    records = [r for item in items for r in find_records(item.text, source=item.source)[:1]]
    if chain := longest_chain(records, question.keys):
        return ListItem(chain[-1].source, f"{place.name} {flat(chain[-1].quote)}")
    here = [p for p in view.passages.values() if place.first <= p.ordinal <= place.last]
    for best in evidence_in(question, (p for p in here if p.document == place.document), {})[:1]:
        return ListItem(
            best.locator, f"{place.name} {shortened(flat(best.quote), LONGEST_SENTENCE)}"
        )
    return ListItem(f"D{place.document}:c{place.first}", f"{place.name} {NOTHING}")


def _keep_found(view: View, found: Sequence[ListItem]) -> list[Call]:
    """Notes on what places say, and the release of all that was read of them."""
    if not found:
        return []
    noting = extended(view, FOUND, found) if view.can_note else ()
    return [*noting, *page_out(_ranges(view.unreleased))]


def _close(view: View, places: Sequence[str], found: Sequence[ListItem]) -> Action:
    """The answer where every finding is in view; else calls that bring back those that are not."""
    told = _told(view) | {item.text.partition(" ")[0]: item for item in found}
    missing = any(place not in told for place in places)
    if missing and view.calls_allowed and (bringing := bring_back(view, FOUND, complete=False)):
        return calls(_keep_found(view, found), bringing)
    said = [told[place] for place in places if place in told]
    said = [item for item in said if not item.text.endswith(f" {NOTHING}")]
    if not said:
        return Answering("Not found: the named places say nothing of this.", found=False)
    quotes = [item.text.partition(" ")[2] for item in said]
    values = [_value(quote) for quote in quotes]
    text = values[0]
    if len(said) > 1:
        names = (item.text.partition(" ")[0] for item in said)
        text = "; ".join(f"{n}: {v}" for n, v in zip(names, values, strict=True))
    cited = zip(said, quotes, values, strict=True)
    return Answering(text, tuple(QuotedLine(item.source, q, v) for item, q, v in cited))


def _value(quote: str) -> str:
    records = find_records(quote)
    return records[0].value if len(records) == 1 else quote


def _ranges(passages: Sequence[SeenPassage]) -> Iterator[str]:
    """The locators of passages, those that follow each other as ranges."""
    first = last = (0, 0)
    for at in [*sorted((p.document, p.ordinal) for p in passages), (0, 0)]:
        if at != (last[0], last[1] + 1):
            if first[0]:
                yield _ranged(*first, last[1])
            first = at
        last = at


def _ranged(document: int, first: int, last: int) -> str:
    return f"D{document}:c{first}" + (f"-{last}" if last > first else "")
