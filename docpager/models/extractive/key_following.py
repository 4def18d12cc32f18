"""Following keys through records until a value is no key."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from docpager.models.extractive.actions import (
    Action,
    Answering,
    Call,
    QuotedLine,
    calls,
    grep,
    page_in,
    page_out,
)
from docpager.models.extractive.note_lists import (
    ListItem,
    bring_back,
    bringing_back,
    extended,
    parts_of,
)
from docpager.models.extractive.question import ParsedQuestion
from docpager.models.extractive.records import (
    Record,
    bounded,
    by_key,
    find_records,
    key_pattern,
    unbounded,
)
from docpager.models.extractive.view import SeenPassage, ShownHit, View
from docpager.models.extractive.words import flat

__all__ = ["follow_keys"]

_SEAM = 400
"""Characters on each side of the border of two passages in which a record may be cut."""
_MOST_GREPS = 3
_MOST_REFUSALS = 4


@dataclass(frozen=True, slots=True)
class _Chain:
    """One chain of records as far as it can be seen."""

    name: str
    """Of the list of its records in notes."""
    key: str
    """Where the question lets it begin."""
    noted: tuple[Record, ...]
    fresh: tuple[Record, ...]
    """Those in main context that follow, and are not noted yet."""
    current: str
    """The value to look up next."""
    circular: bool


def follow_keys(view: View, question: ParsedQuestion) -> Action | None:
    """The next action for a question that gives a key; None where no record has it."""
    records = _records_in_view(view)
    chains = [
        _chain(view, f"chain-{number}", key, question, records)
        for number, key in enumerate(question.keys, start=1)
        if _is_key(view, f"chain-{number}", key, question, records)
    ]
    if not chains:
        return None
    keeping = list(_keep(view, chains))
    if not view.hurried and view.calls_allowed:
        for chain in chains:
            ended = chain.circular or bringing_back(view, chain.name)
            if not ended and (found := _look_up(view, chain.current, question.documents)):
                return calls(keeping, found)
        for chain in chains:
            if remembering := bring_back(view, chain.name):
                return calls(keeping, remembering)
    return _answer(chains)


def _records_in_view(view: View) -> dict[str, Record]:
    """Records of all passages in main context by key; also those cut by a passage's border."""
    found: list[Record] = []
    for (document, ordinal), passage in view.passages.items():
        found += find_records(passage.text, source=passage.locator)
        if following := view.passages.get((document, ordinal + 1)):
            found += _across(passage, following)
    return by_key(found)


def _across(first: SeenPassage, second: SeenPassage) -> Iterator[Record]:
    tail = first.text[-_SEAM:]
    text = tail + second.text[:_SEAM]
    for record in find_records(text, source=f"{first.locator}-{second.ordinal}"):
        at = text.find(record.quote)
        if record.quote.startswith('"') and at < len(tail) < at + len(record.quote):
            yield record


def _is_key(
    view: View, name: str, key: str, question: ParsedQuestion, records: Mapping[str, Record]
) -> bool:
    if key in records or parts_of(view, name):
        return True
    hits = (hit for lookup in view.lookups for hit in lookup.hits)
    return any(_holds(hit, key) for hit in hits) or _sought_last(view, question) is not None


def _sought_last(view: View, question: ParsedQuestion) -> str | None:
    """The key that was looked for last, where all notes were let go to read its record."""
    if len(question.keys) > 1 or not view.notes_written or view.notes:
        return None
    greps = [line.arguments for line in view.log if line.name == "grep"]
    return unbounded(greps[-1]) if greps else None


def _chain(
    view: View, name: str, key: str, question: ParsedQuestion, records: Mapping[str, Record]
) -> _Chain:
    items = [item for part in parts_of(view, name) for item in part.items]
    noted = [r for i in items for r in find_records(i.text, source=i.source)[:1]]
    resumed = None if noted or key in records else _sought_last(view, question)
    current = noted[-1].value if noted else resumed or key
    seen = {record.key for record in noted}
    fresh: list[Record] = []
    while current in records and current not in seen:
        seen.add(current)
        fresh.append(records[current])
        current = records[current].value
    return _Chain(name, key, tuple(noted), tuple(fresh), current, current in seen)


def _keep(view: View, chains: Sequence[_Chain]) -> Iterator[Call]:
    """Note new records, release what was read."""
    if not view.can_note:
        return
    for chain in chains:
        if chain.fresh:
            items = [ListItem(record.source, flat(record.quote)) for record in chain.fresh]
            # A note for each record, so that its number tells which notes to bring back.
            yield from extended(view, chain.name, items, most=0)
    yield from page_out(passage.locator for passage in view.unreleased)


def _look_up(view: View, key: str, documents: Sequence[int]) -> list[Call]:
    """Calls that find the record of `key`; none where it is no key of any record."""
    sought = {each.query: each for each in view.lookups if each.name == "grep"}
    lookups = [sought[query] for query in (key_pattern(key), bounded(key)) if query in sought]
    for hit in (hit for each in lookups for hit in each.hits if _holds(hit, key)):
        for ordinal in (hit.ordinal, hit.ordinal + 1):
            if (hit.document, ordinal) not in view.passages:
                return _read(view, f"D{hit.document}:c{ordinal}")
        return []
    for pattern in (key_pattern(key), bounded(key)):
        complete = pattern in sought and not sought[pattern].hidden
        if not complete and view.did("grep", pattern) < _MOST_GREPS:
            return [grep(pattern, documents)]
    return []


def _read(view: View, locator: str) -> list[Call]:
    """Page in a place; where it was just refused, make room first."""
    if locator not in view.refused:
        return [page_in(locator)]
    refused = view.did("page_in", locator)
    if refused >= _MOST_REFUSALS:
        return []
    names = [note.name for note in view.notes]
    # The newest note can be spared too: the log says which key was looked for.
    given_up = names[:-1] if refused < 2 and len(names) > 1 else names
    return [*page_out([p.locator for p in view.unreleased] + given_up), page_in(locator)]


def _holds(hit: ShownHit, key: str) -> bool:
    return key in by_key(find_records(hit.snippet.removeprefix("… ").removesuffix(" …")))


def _answer(chains: Sequence[_Chain]) -> Answering:
    citations = tuple(
        QuotedLine(record.source, flat(record.quote), flat(record.value))
        for chain in chains
        for record in (*chain.noted, *chain.fresh)
    )
    if len(chains) == 1:
        return Answering(chains[0].current, citations)
    text = "; ".join(f"{chain.key}: {chain.current}" for chain in chains)
    return Answering(text, citations)
