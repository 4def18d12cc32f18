"""From what was found in named places to an answer that cites all of it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from docpager.core.tokens import BuiltInEstimator
from docpager.models.extractive.moves import (
    Answering,
    Call,
    Citation,
    Move,
    calls,
    recall,
    write_note,
)
from docpager.models.extractive.place_notes import (
    NOTHING,
    Finding,
    findings_note,
    noted_findings,
    noted_parts,
)
from docpager.models.extractive.reading import Reading
from docpager.models.extractive.recalling import away, bring_back, lost, recalled, tried_again
from docpager.models.extractive.records import find_records

__all__ = ["all_read", "close", "finding_calls"]

_NOTE_TOKENS = 110
"""What one note may say of several places."""
_QUERY = "found"
_RECALLED = "found: "


def all_read(reading: Reading) -> bool:
    """Whether the newest step brought findings back: that comes after the last place."""
    return any(
        (event.name == "recall" and event.arguments.get("query") == _QUERY)
        or (event.name == "page_in" and f"] {_RECALLED}" in event.result.split("\n", 1)[0])
        for event in reading.view.newest
    )


def finding_calls(reading: Reading, found: Sequence[Finding]) -> list[Call]:
    """Notes that keep what places were found to say: in the newest such note while it has room."""
    if not found or not reading.view.can_note:
        return []
    earlier = noted_findings(reading.view.notes)
    newest = max(earlier, key=lambda name: int(name[1:]), default="")
    groups = list(_packed([*earlier.get(newest, []), *found]))
    replaces = newest
    if newest and groups[0] == earlier[newest]:
        del groups[0]
        replaces = ""
    if not replaces:
        parts = [p.note for p in noted_parts(reading.view.notes) if p.place == found[-1].place]
        replaces = next(iter(parts), "")
    names = [replaces, *("" for _ in groups)]
    return [
        write_note(findings_note(group), replaces=name)
        for group, name in zip(groups, names, strict=False)
    ]


def _packed(findings: Iterable[Finding]) -> Iterator[list[Finding]]:
    """Findings in groups, each for one note."""
    counter = BuiltInEstimator()
    group: list[Finding] = []
    for each in findings:
        if group and counter.count(findings_note([*group, each])[0]) > _NOTE_TOKENS:
            yield group
            group = []
        group.append(each)
    yield group


def close(
    reading: Reading, places: Sequence[str], found: Sequence[Finding], release: Sequence[Call]
) -> Move:
    """The answer where every finding is in view; else calls that bring back those that are not."""
    known = {f.place: f for each in noted_findings(reading.view.notes).values() for f in each}
    known |= {f.place: f for f in found}
    missing = [place for place in places if place not in known]
    if missing and (bringing := _bring_back(reading)):
        return calls(finding_calls(reading, found), release, bringing)
    return _answer([known[place] for place in places if place in known])


def _bring_back(reading: Reading) -> list[Call]:
    numbers = away(reading)
    may = reading.view.calls_allowed and not tried_again(reading)
    if not numbers or not reading.view.can_note or not may:
        return []
    told = recalled(reading, _QUERY, _RECALLED)
    if told is None:
        again = bring_back(reading, []) if lost(reading) else []
        return [*again, recall(_QUERY)]
    return bring_back(reading, asked) if (asked := [n for n in told if n in numbers]) else []


def _answer(findings: Sequence[Finding]) -> Answering:
    told = [each for each in findings if each.quote != NOTHING and each.source]
    if not told:
        return Answering("Not found: the named places say nothing of this.", found=False)
    values = [_value(each.quote) for each in told]
    text = values[0]
    if len(told) > 1:
        text = "; ".join(f"{f.place}: {v}" for f, v in zip(told, values, strict=True))
    return Answering(
        text,
        tuple(Citation(f.source, f.quote, v) for f, v in zip(told, values, strict=True)),
    )


def _value(quote: str) -> str:
    records = find_records(quote)
    return records[0].value if len(records) == 1 else quote
