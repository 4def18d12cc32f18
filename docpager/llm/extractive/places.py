"""Reading places that a question names by locator: each in full, part by part."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from docpager.llm.extractive.evidence import Evidence
from docpager.llm.extractive.moves import (
    Answering,
    Call,
    Citation,
    Move,
    calls,
    page_in,
    page_out,
    recall,
    write_note,
)
from docpager.llm.extractive.notes import (
    PartRead,
    evidence_note,
    finding_note,
    flat,
    noted_evidence,
    noted_findings,
    noted_parts,
    part_note,
    shortened,
)
from docpager.llm.extractive.reading import Reading
from docpager.llm.extractive.records import Record, by_key, chains, find_records, follow
from docpager.locators import Locator, LocatorKind

__all__ = ["read_places"]

SELECTS = 0.62
"""Strength from which the question's words select a sentence of a place."""
SMALL_DOCUMENT = 12
"""Passages up to which a document named by its locator is read in full."""
_RECORDS_IN_NOTE = 3
_MOST_RECORDS = 9
"""Records of one part that are kept."""
_LONGEST_QUOTE = 300
_RANGE = re.compile(r"D(\d+):c(\d+)(?:-(\d+))?")
_NOTHING = "(nothing)"
_MOST_TRIES = 4


@dataclass(frozen=True, slots=True)
class _Place:
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


def read_places(reading: Reading) -> Move | None:
    """The next move for a question that names places; None for other questions."""
    places = [p for p in reading.asked.places if _to_be_read(reading, p)]
    if not places:
        return None
    findings = noted_findings(reading.view.notes)
    closing: list[Call] = []
    for place in places[_reached(reading, places, findings) :]:
        name = str(place)
        if name in findings or _given_up(reading, name):
            continue
        span = _span(reading, place)
        if span is None:
            return None if reading.view.hurried else calls(closing, [page_in(name)])
        seen = _progress(reading, name, span)
        if seen.seen_to < seen.last:
            return calls(closing, _read_on(reading, seen))
        if missing := _missing_parts(reading, seen):
            return calls(closing, missing)
        quote, source = _finding(reading, seen)
        findings = {**findings, name: (quote, source)}
        if reading.view.can_note:
            closing += [write_note(finding_note(name, quote, source or name))]
            closing += page_out([*_resident(reading, seen), *(part.note for part in seen.parts)])
    if missing := _missing_findings(reading, places, findings):
        return calls(closing, missing)
    return _answer(places, findings)


def _reached(reading: Reading, places: list[Locator], findings: dict[str, tuple[str, str]]) -> int:
    """How many places are done: those before the last one that notes or log speak of.

    Places are read in order, so an earlier one whose finding is not in view was paged out.
    """
    begun = {part.place for part in noted_parts(reading.view.notes)}
    reached = 0
    for number, place in enumerate(places):
        name = str(place)
        if name in findings:
            reached = number + 1
        elif name in begun or (reading.view.can_note and reading.did("page_in", name)):
            reached = number
    return reached


def _missing_findings(
    reading: Reading, places: list[Locator], findings: dict[str, tuple[str, str]]
) -> list[Call]:
    """Calls that bring back what was found at places whose notes were paged out."""
    names = [str(p) for p in places if str(p) not in findings and not _given_up(reading, str(p))]
    back = [e for e in reading.view.newest if e.name == "page_in" and " finding: " in e.result]
    if not names or not reading.view.can_note or back:
        return []
    told = [
        line for e in reading.view.newest if e.name == "recall" for line in e.result.split("\n")
    ]
    if not told:
        return [] if reading.did("recall", "finding") else [recall("finding")]
    lines = [re.match(r"(N\d+) \([^)]*\) (\S+) finding:", line) for line in told]
    return [page_in(line[1]) for line in lines if line and line[2] in names]


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


def _progress(reading: Reading, name: str, span: tuple[int, int, int]) -> _Place:
    document, first, last = span
    parts = tuple(part for part in noted_parts(reading.view.notes) if part.place == name)
    noted = max([first - 1, *(part.read_to for part in parts)])
    if not reading.view.can_note:
        while noted < last and reading.view.was_read(document, noted + 1):
            noted += 1
    seen = noted
    while seen < last and (document, seen + 1) in reading.view.passages:
        seen += 1
    return _Place(name, document, first, last, noted, seen, _fitting(reading, document), parts)


def _fitting(reading: Reading, document: int) -> int:
    """How many passages fitted at once, by the newest that was said or done."""
    for event in reversed(reading.view.events):
        if event.name != "page_in":
            continue
        if event.is_error:
            told = _RANGE.search(event.result.partition(" tokens; ")[2])
            return int(told[3] or told[2]) - int(told[2]) + 1 if told else 1
        if found := _RANGE.search(event.result.split("\n", 1)[0]):
            return int(found[3] or found[2]) - int(found[2]) + 1
    for line in reversed(reading.view.log):
        if line.name == "page_in" and (found := _RANGE.fullmatch(line.arguments)):
            return int(found[3] or found[2]) - int(found[2]) + 1
    return 0


def _read_on(reading: Reading, place: _Place) -> Iterator[Call]:
    """Note what is in main context of a place, release it, read the next part."""
    release = _resident(reading, place)
    if place.seen_to > place.noted_to and reading.view.can_note:
        yield from _part_notes(reading, place)
        yield from page_out(release)
    elif reading.view.refused:
        yield from page_out(p.locator for p in reading.unreleased)
    begin = place.seen_to + 1
    span = max(1, place.fitting or place.last - place.first + 1)
    if reading.view.refused and place.fitting > 1 and _asked_again(reading, begin, span):
        span = max(1, span // 2)
    end = min(place.last, begin + span - 1)
    yield page_in(f"D{place.document}:c{begin}" + (f"-{end}" if end > begin else ""))


def _asked_again(reading: Reading, begin: int, span: int) -> bool:
    return any(each.endswith(f":c{begin}-{begin + span - 1}") for each in reading.view.refused)


def _part_notes(reading: Reading, place: _Place) -> Iterator[Call]:
    records = _records(reading, place)
    wanted = _worth_keeping(records, place)
    groups = [
        wanted[n : n + _RECORDS_IN_NOTE] for n in range(0, len(wanted), _RECORDS_IN_NOTE)
    ] or [[]]
    part = PartRead(place.name, place.document, place.first, place.last, place.seen_to, (), "")
    replaced = next((p.note for p in place.parts if not p.records), "")
    for group in groups:
        yield write_note(part_note(replace(part, records=tuple(group))), replaces=replaced)
        replaced = ""
    best = _best_here(reading, place)
    if best is not None and best.strength >= 0.5:
        yield write_note(evidence_note(best, place=place.name))


def _worth_keeping(records: list[Record], place: _Place) -> list[Record]:
    """The records that may be links: those that join others first, then in reading order."""
    known = [*records, *(r for part in place.parts for r in part.records)]
    keys, values = {r.key for r in known}, {r.value for r in known}
    joined = [r for r in records if r.value in keys or r.key in values]
    rest = [r for r in records if r not in joined and _like_a_link(r)]
    kept = [*joined, *rest][:_MOST_RECORDS]
    return [record for record in records if record in kept]


def _like_a_link(record: Record) -> bool:
    """Whether key and value could each be the other of another record: short, and no sentence."""
    return len(record.key.split()) <= 4 and len(record.value.split()) <= 4


def _records(reading: Reading, place: _Place) -> list[Record]:
    """Records of the passages of a place that are in main context and not noted yet."""
    found: list[Record] = []
    for ordinal in range(place.noted_to + 1, place.seen_to + 1):
        passage = reading.view.passages[place.document, ordinal]
        found += find_records(passage.text, source=passage.locator)
    return found


def _best_here(reading: Reading, place: _Place) -> Evidence | None:
    here = [
        e for e in reading.visible
        if e.document == place.document and place.noted_to < e.ordinal <= place.seen_to
    ]  # fmt: skip
    return here[0] if here else None


def _resident(reading: Reading, place: _Place) -> list[str]:
    return [
        p.locator for p in reading.unreleased
        if p.document == place.document and place.first <= p.ordinal <= place.last
    ]  # fmt: skip


def _missing_parts(reading: Reading, place: _Place) -> list[Call]:
    """Calls that bring back notes on a place that were paged out."""
    shown = {note.number for note in reading.view.notes}
    away = [n for n in range(1, reading.view.notes_written + 1) if n not in shown]
    if place.first > place.noted_to or not away or not reading.view.can_note:
        return []
    if not reading.did("recall", place.name):
        return [recall(place.name)]
    told = _recalled(reading, place.name)
    return [page_in(f"N{n}") for n in away if n in told and reading.did("page_in", f"N{n}") < 2][:7]


def _recalled(reading: Reading, name: str) -> set[int]:
    """Numbers of the notes that a recall showed to be about a place."""
    lines = [
        line for e in reading.view.events if e.name == "recall" for line in e.result.split("\n")
    ]
    about = re.compile(rf"N(\d+) \([^)]*\) {re.escape(name)}(?: \(|: )")
    return {int(match[1]) for line in lines if (match := about.match(line))}


def _finding(reading: Reading, place: _Place) -> tuple[str, str]:
    """What a place says: the sentence that the question selects, else the end of its chain."""
    records = [*(r for part in place.parts for r in part.records), *_records(reading, place)]
    links = _links(reading, records)
    best = _strongest(reading, place)
    keyed = any(key in by_key(records) for key in reading.asked.keys)
    if best is not None and best.strength >= SELECTS and not keyed:
        return shortened(flat(best.quote), _LONGEST_QUOTE), best.locator
    if links:
        return flat(links[-1].quote), links[-1].source
    if best is not None and best.strength >= 0.4:
        return shortened(flat(best.quote), _LONGEST_QUOTE), best.locator
    return _NOTHING, ""


def _links(reading: Reading, records: list[Record]) -> list[Record]:
    known = by_key(records)
    for key in reading.asked.keys:
        if key in known:
            return follow(key, known)
    return next(iter(chains(records)), [])


def _strongest(reading: Reading, place: _Place) -> Evidence | None:
    noted = noted_evidence(reading.view.notes, place=place.name)
    found = [e for e in (_best_here(reading, place), *noted[:1]) if e is not None]
    return max(found, key=lambda e: e.strength, default=None)


def _answer(places: list[Locator], findings: dict[str, tuple[str, str]]) -> Answering:
    said = [(str(p), *findings[str(p)]) for p in places if str(p) in findings]
    told = [each for each in said if each[1] != _NOTHING and each[2]]
    if not told:
        return Answering("Not found: the named places say nothing of this.", found=False)
    values = [_value(quote) for _, quote, _ in told]
    text = (
        values[0]
        if len(told) == 1
        else "; ".join(f"{name}: {value}" for (name, _, _), value in zip(told, values, strict=True))
    )
    return Answering(text, tuple(_citations((quote, source) for _, quote, source in told)))


def _citations(said: Iterable[tuple[str, str]]) -> Iterator[Citation]:
    for quote, source in said:
        yield Citation(source, quote)


def _value(quote: str) -> str:
    records = find_records(quote)
    return records[0].value if len(records) == 1 else quote
