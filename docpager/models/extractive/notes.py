"""The forms in which findings are noted, so that a later reply can read them again."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from docpager.models.extractive.evidence import Evidence
from docpager.models.extractive.records import Record, find_records
from docpager.models.extractive.view import SeenNote

__all__ = ["Link", "evidence_note", "link_note", "noted_evidence", "noted_links"]

_EVIDENCE = re.compile(r'^(?:(\S+): )?(\d+)% "(.*)"(?: \(([^"]*)\))?$')
_LINK = re.compile(r"^link (\d+)(?: of chain (\d+))?: (.*)$")
_LONGEST_QUOTE = 420


@dataclass(frozen=True, slots=True)
class Link:
    """One followed record of a chain that a question asks for."""

    number: int
    """Position in its chain, from 1."""
    chain: int
    """Which of the question's keys the chain begins at, from 1."""
    record: Record


def flat(text: str) -> str:
    """Text on one line."""
    return " ".join(text.split())


def evidence_note(evidence: Evidence, *, place: str = "") -> tuple[str, list[str]]:
    """Text and sources of a note that keeps a quote."""
    about = [f"p{evidence.pdf_page}"] if evidence.pdf_page is not None else []
    about += [
        flat(each).replace('"', "'")[:80] for each in (evidence.context, evidence.header) if each
    ]
    said = f" ({'; '.join(about)})" if about else ""
    quote = shortened(flat(evidence.wide or evidence.quote), _LONGEST_QUOTE)
    where = f"{place}: " if place else ""
    return f'{where}{round(evidence.strength * 100)}% "{quote}"{said}', [evidence.locator]


def noted_evidence(notes: Iterable[SeenNote], *, place: str = "") -> list[Evidence]:
    """The quotes kept in notes (of one place, or of none), strongest first."""
    found = []
    for note in notes:
        match = _EVIDENCE.match(note.text)
        document, ordinal = passage_of(note.sources[0]) if note.sources else (0, 0)
        if not match or not document or (match[1] or "") != place:
            continue
        about = (match[4] or "").split("; ")
        page = int(about[0][1:]) if re.fullmatch(r"p\d+", about[0]) else None
        header = about[-1] if len(re.findall(r"(?:19|20)\d\d", about[-1])) >= 2 else ""
        strength = int(match[2]) / 100
        found.append(
            Evidence(match[3], note.sources[0], document, ordinal, page, strength, "sentence",
                     header, note=note.name)
        )  # fmt: skip
    return sorted(found, key=lambda e: (-e.strength, e.document, e.ordinal))


def link_note(link: Link, *, of_several: bool) -> tuple[str, list[str]]:
    """Text and sources of a note that keeps one link of a chain."""
    which = f" of chain {link.chain}" if of_several else ""
    return f"link {link.number}{which}: {flat(link.record.quote)}", [link.record.source]


def noted_links(notes: Iterable[SeenNote]) -> list[Link]:
    """The links kept in notes, by chain and position."""
    found = {}
    for note in notes:
        match = _LINK.match(note.text)
        source = note.sources[0] if note.sources else ""
        records = find_records(match[3], source=source) if match else []
        if match and records:
            link = Link(int(match[1]), int(match[2] or 1), records[0])
            found[link.chain, link.number] = link
    return [found[at] for at in sorted(found)]


def passage_of(locator: str) -> tuple[int, int]:
    """Document and ordinal of `D1:c5`; the first of a range, zeros for anything else."""
    match = re.match(r"D(\d+):c(\d+)", locator)
    return (int(match[1]), int(match[2])) if match else (0, 0)


def shortened(text: str, characters: int) -> str:
    """`text` cut at a word, so that it stays an exact quote."""
    if len(text) <= characters:
        return text
    cut = text.rfind(" ", 0, characters + 1)
    return text[: cut if cut > characters // 2 else characters].rstrip()
