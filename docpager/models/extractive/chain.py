"""Following keys through records until a value is no key."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from docpager.models.extractive.moves import (
    Answering,
    Call,
    Citation,
    Move,
    calls,
    grep,
    page_in,
    page_out,
    write_note,
)
from docpager.models.extractive.notes import Link, flat, link_note, noted_links
from docpager.models.extractive.reading import Reading
from docpager.models.extractive.recalling import away, bring_back, bringing_back, tried_again
from docpager.models.extractive.records import (
    Record,
    bounded,
    by_key,
    find_records,
    key_pattern,
    unbounded,
)
from docpager.models.extractive.view import Lookup, SeenPassage

__all__ = ["follow_keys", "records_in_view"]

LAST_STEP = 400
"""A bound on very long chains; the run's own limit is met first."""
_SEAM = 400
_MOST_GREPS = 3
_MOST_REFUSALS = 4


@dataclass(frozen=True, slots=True)
class _Trail:
    """One chain as far as it can be seen."""

    chain: int
    start: str
    links: tuple[Link, ...]
    """Those noted or in main context, in order; earlier ones may be paged out."""
    fresh: tuple[Link, ...]
    """Those of `links` that are not noted yet."""
    current: str
    """The value to look up next."""
    circular: bool


def follow_keys(reading: Reading) -> Move | None:
    """The next move of a question that gives a key; None where no record has it."""
    if not reading.asked.keys:
        return None
    records = records_in_view(reading)
    noted = noted_links(reading.view.notes)
    trails = [
        _trail(reading, n, key, records, noted)
        for n, key in enumerate(reading.asked.keys, start=1)
        if _is_key(reading, key, n, records, noted)
    ]
    if not trails:
        return _newest_note(reading)
    keeping = list(_keep(reading, trails))
    if not reading.view.hurried and reading.view.step < LAST_STEP:
        for trail in trails:
            ended = trail.circular or bringing_back(reading)
            if not ended and (found := _look_up(reading, trail.current)):
                return calls(keeping, found)
        if remembering := _remember(reading, trails):
            return calls(keeping, remembering)
    return _answer(trails)


def records_in_view(reading: Reading) -> dict[str, Record]:
    """Records of all passages in main context by key; also those cut by a passage's border."""
    passages = reading.view.passages
    found: list[Record] = []
    for at, passage in passages.items():
        found += find_records(passage.text, source=passage.locator)
        if following := passages.get((at[0], at[1] + 1)):
            found += _across(passage, following)
    return by_key(found)


def _across(first: SeenPassage, second: SeenPassage) -> Iterator[Record]:
    tail = first.text[-_SEAM:]
    source = f"{first.locator}-{second.ordinal}"
    for record in find_records(tail + second.text[:_SEAM], source=source):
        at = (tail + second.text[:_SEAM]).find(record.quote)
        if record.quote.startswith('"') and at < len(tail) < at + len(record.quote):
            yield record


def _is_key(
    reading: Reading, key: str, chain: int, records: Mapping[str, Record], noted: list[Link]
) -> bool:
    if key in records or any(link.chain == chain for link in noted):
        return True
    if any(
        key in by_key(find_records(_bare(h.snippet)))
        for lk in reading.view.lookups
        for h in lk.hits
    ):
        return True
    return _resumed(reading) is not None


def _newest_note(reading: Reading) -> Move | None:
    """Bring the newest note back where a key is asked for and no note is in view."""
    view = reading.view
    name = f"N{view.notes_written}"
    lost = reading.asked.keys and view.notes_written and not view.notes and not view.hurried
    return calls([page_in(name)]) if lost and not reading.did("page_in", name) else None


def _resumed(reading: Reading) -> str | None:
    """Where no link is in view: the key that the log says was looked for last, if any."""
    view = reading.view
    if len(reading.asked.keys) != 1 or (view.can_note and not view.notes_written):
        return None
    greps = [line.arguments for line in view.log if line.name == "grep"]
    first = bounded(reading.asked.keys[0])
    if not greps or (not view.can_note and not any(each.startswith(first) for each in greps)):
        return None
    return unbounded(greps[-1])


def _trail(
    reading: Reading, chain: int, start: str, records: Mapping[str, Record], noted: list[Link]
) -> _Trail:
    links = [link for link in noted if link.chain == chain]
    current = links[-1].record.value if links else start
    number = links[-1].number if links else 0
    if not links and start not in records and (resumed := _resumed(reading)):
        current, number = resumed, reading.view.notes_written
    seen = {link.record.key for link in links}
    fresh: list[Link] = []
    while current in records and current not in seen:
        number += 1
        seen.add(current)
        fresh.append(Link(number, chain, records[current]))
        current = records[current].value
    return _Trail(chain, start, (*links, *fresh), tuple(fresh), current, current in seen)


def _keep(reading: Reading, trails: list[_Trail]) -> Iterator[Call]:
    """Note new links, release what was read."""
    several = len(reading.asked.keys) > 1
    fresh = [link for trail in trails for link in trail.fresh]
    if reading.view.can_note:
        yield from (write_note(link_note(link, of_several=several)) for link in fresh[:4])
        if len(fresh) <= 4:
            yield from page_out(passage.locator for passage in reading.unreleased)


def _look_up(reading: Reading, key: str) -> list[Call]:
    """Calls that find the record of `key`; none where it is no key of any record."""
    sought = {each.query: each for each in reading.view.lookups if each.name == "grep"}
    lookups = [sought[query] for query in (key_pattern(key), bounded(key)) if query in sought]
    for hit in (hit for each in lookups for hit in each.hits if _holds(hit.snippet, key)):
        for ordinal in (hit.ordinal, hit.ordinal + 1):
            if (hit.document, ordinal) not in reading.view.passages:
                return _read(reading, f"D{hit.document}:c{ordinal}")
        return []
    if not lookups and (place := _seen_before(reading, key)):
        return _read(reading, place)
    for pattern in (key_pattern(key), bounded(key)):
        complete = pattern in sought and not sought[pattern].hidden
        if not complete and reading.did("grep", pattern) < _MOST_GREPS:
            return [grep(pattern, reading.targets)]
    return _unclear(reading, key, lookups[-1]) if lookups else []


def _unclear(reading: Reading, key: str, lookup: Lookup) -> list[Call]:
    """What to try where no snippet shows the key before a value."""
    for hit in lookup.hits[:3]:
        records = find_records(_bare(hit.snippet))
        as_value = any(record.value == key for record in records)
        read = reading.view.was_read(hit.document, hit.ordinal)
        if not as_value and not read and _near_mark(hit.snippet, key):
            return _read(reading, hit.locator)
    return []


def _near_mark(snippet: str, key: str) -> bool:
    """Whether something like a separator, or the snippet's end, follows the key."""
    after = snippet.partition(key)[2]
    return re.match(r"[\"'`”|]?\s*(?:[:=|→…-]|$)", after) is not None


def _seen_before(reading: Reading, key: str) -> str:
    """Where the log says that the key stands before a separator, if that is plain."""
    for line in reversed(reading.view.log):
        if line.name == "grep" and line.arguments.startswith(key_pattern(key)):
            place = re.fullmatch(r"1 found, seen (D\d+:c\d+)", line.outcome)
            return place[1] if place and reading.did("page_in", place[1]) < _MOST_GREPS else ""
    return ""


def _read(reading: Reading, locator: str) -> list[Call]:
    """Page in a place; where it was just refused, make room first."""
    if locator not in reading.view.refused:
        return [page_in(locator)]
    refused = reading.did("page_in", locator)
    if refused >= _MOST_REFUSALS:
        return []
    names = [note.name for note in reading.view.notes]
    # The newest link can be spared too: the log says which key was looked for.
    given_up = names[:-1] if refused < 2 and len(names) > 1 else names
    return [*page_out([p.locator for p in reading.unreleased] + given_up), page_in(locator)]


def _holds(snippet: str, key: str) -> bool:
    return key in by_key(find_records(_bare(snippet)))


def _bare(snippet: str) -> str:
    return snippet.removeprefix("… ").removesuffix(" …")


def _remember(reading: Reading, trails: list[_Trail]) -> list[Call]:
    """Calls that bring back links that were paged out, the first of them first."""
    missing = any(link.number != n for t in trails for n, link in enumerate(t.links, start=1))
    numbers = away(reading)
    if not numbers or not (missing or bringing_back(reading)):
        return []
    if tried_again(reading):
        newest = reading.view.notes_written
        return [page_in(f"N{newest}")] if newest in numbers else []
    return bring_back(reading, numbers)


def _answer(trails: list[_Trail]) -> Answering:
    citations = tuple(
        Citation(link.record.source, flat(link.record.quote), flat(link.record.value))
        for t in trails
        for link in t.links
    )
    if len(trails) == 1:
        return Answering(trails[0].current, citations)
    text = "; ".join(f"{trail.start}: {trail.current}" for trail in trails)
    return Answering(text, citations)
