"""The forms in which reading a named place is noted: how far, what was met, what was found."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from docpager.models.extractive.notes import flat, passage_of
from docpager.models.extractive.records import Strand, find_records
from docpager.models.extractive.view import SeenNote

__all__ = [
    "NOTHING",
    "Finding",
    "PartRead",
    "Remark",
    "findings_note",
    "noted_findings",
    "noted_parts",
    "part_note",
]

NOTHING = "(nothing)"
_PART = re.compile(
    r"^(?P<place>\S+) \(D(?P<document>\d+):c(?P<first>\d+)(?:-(?P<last>\d+))?, "
    r"part (?P<number>\d+)\)"
    r" read to c(?P<read_to>\d+)\.(?P<said>.*)$"
)
_RECORD = re.compile(r"(?:^|; | )\[c(\d+)\] ")
_LENGTH = re.compile(r" \(link (\d+) from (.+)\)$")
_REMARK = re.compile(r' (\d+)% \[(D\d+:c[\d-]+)\] "(.*)"$')
_FOUND = re.compile(r'(\S+) "(.*?)"(?=; \S*D\d\S* "|$)')
_FOUND_BEGINS = "found: "


@dataclass(frozen=True, slots=True)
class Remark:
    """A sentence of a place that the question's words select."""

    percent: int
    locator: str
    quote: str


@dataclass(frozen=True, slots=True)
class PartRead:
    """How far a named place was read, and what was met there."""

    place: str
    document: int
    first: int
    last: int
    number: int
    """Which of the notes on this place it is, from 1."""
    read_to: int
    strands: tuple[Strand, ...] = ()
    remark: Remark | None = None
    note: str = ""


@dataclass(frozen=True, slots=True)
class Finding:
    """What a place says."""

    place: str
    quote: str
    source: str


def part_note(part: PartRead) -> tuple[str, list[str]]:
    """Text and sources of a note on how far a place was read."""
    span = f"{part.first}" if part.first == part.last else f"{part.first}-{part.last}"
    said = "; ".join(map(_strand, part.strands))
    if part.remark:
        said += f' {part.remark.percent}% [{part.remark.locator}] "{part.remark.quote}"'
    text = (
        f"{part.place} (D{part.document}:c{span}, part {part.number}) "
        f"read to c{part.read_to}. {said.strip()}"
    ).rstrip()
    return text, [f"D{part.document}:c{part.read_to}"]


def _strand(strand: Strand) -> str:
    links = f" (link {strand.length} from {strand.start})" if strand.length > 1 else ""
    return f"[c{passage_of(strand.last.source)[1]}] {flat(strand.last.quote)}{links}"


def noted_parts(notes: Iterable[SeenNote]) -> list[PartRead]:
    """How far places were read, as notes say."""
    found = []
    for note in notes:
        if match := _PART.match(note.text):
            document, first = int(match["document"]), int(match["first"])
            said = match["said"]
            remark = _REMARK.search(said)
            strands = _strands(said[: remark.start()] if remark else said, document)
            found.append(
                PartRead(
                    match["place"], document, first, int(match["last"] or first),
                    int(match["number"]), int(match["read_to"]), tuple(strands),
                    Remark(int(remark[1]), remark[2], remark[3]) if remark else None, note.name,
                )
            )  # fmt: skip
    return found


def _strands(said: str, document: int) -> Iterator[Strand]:
    pieces = _RECORD.split(said)[1:]
    for ordinal, text in zip(pieces[::2], pieces[1::2], strict=True):
        length = _LENGTH.search(text)
        quote = text[: length.start()] if length else text
        for record in find_records(quote, source=f"D{document}:c{ordinal}")[:1]:
            yield Strand(length[2], int(length[1]), record) if length else Strand.of(record)


def findings_note(findings: Sequence[Finding]) -> tuple[str, list[str]]:
    """Text and sources of a note on places that were read to their end; a source for each."""
    said = "; ".join(f'{each.place} "{flat(each.quote)}"' for each in findings)
    return f"{_FOUND_BEGINS}{said}", [each.source or each.place for each in findings]


def noted_findings(notes: Iterable[SeenNote]) -> dict[str, list[Finding]]:
    """What places were found to say, by the names of the notes that keep it."""
    found = {}
    for note in notes:
        if note.text.startswith(_FOUND_BEGINS):
            said = _FOUND.findall(note.text.removeprefix(_FOUND_BEGINS))
            if len(said) == len(note.sources):
                found[note.name] = [
                    Finding(place, quote, source)
                    for (place, quote), source in zip(said, note.sources, strict=True)
                ]
    return found
