"""Evidence: how well each sentence and row in main context answers the question."""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from docpager.llm.extractive.questions import Asked, Concept, Wants
from docpager.llm.extractive.statements import headed_pages
from docpager.llm.extractive.units import Unit, units, widened
from docpager.llm.extractive.view import SeenPassage
from docpager.llm.extractive.words import stem, tokens

__all__ = ["Evidence", "Scorer"]

_REASONS = re.compile(
    r"\b(?:due to|because|driven by|drove|as a result|resulted? (?:from|in)|attributable to"
    r"|primarily|mainly|reflect(?:s|ing|ed)|owing to|caused by|offset by|led to|thanks to)\b",
    re.IGNORECASE,
)
_DATES = re.compile(
    r"\b(?:January|February|March|April|May|June|July|August|September|October|November|December"
    r"|(?:19|20)\d\d|\d{1,2}[./]\d{1,2}[./]\d{2,4})\b"
)
_PERSONS = re.compile(r"\b[A-Z][a-zà-ÿ]+ (?:[A-Z]\. )?[A-Z][a-zà-ÿ]+\b|\b(?:Mr|Mrs|Ms|Dr)\.? [A-Z]")
_PLACES = re.compile(r"\b(?:in|at|near|from|of) (?:the )?[A-Z][a-z]+")
_NUMBER = re.compile(r"\d")
_YEARS = re.compile(r"(?<!\d)(?:19|20)\d\d(?!\d)")
_LEADER = re.compile(r"\.{4,}|(?:\. ){4,}|^item\s+\d+[a-c]?\.", re.IGNORECASE)
_ELSEWHERE = 0.6
"""Credit for a concept that stands in the passage, but outside the unit."""
_YEAR_WEIGHT = 0.5
_KIND_WEIGHT = 0.3
_HINTED_WEIGHT = 0.9
_IMPLIED_WEIGHT = 0.35
"""For a page headed as the statement that the question names, or needs to compute a figure; and
for one in which such lines stand."""
_WIDEST = 330
"""Characters of a quote with its neighbours."""
_MOST_PASSAGES = 14
"""Passages that are looked at closely in one step, those with most concepts first."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """One unit of a passage, or of a note, and how much it says."""

    quote: str
    """Exactly as the passage has it."""
    locator: str
    document: int
    ordinal: int
    pdf_page: int | None
    strength: float
    """From 0 to 1: the share of what was asked that it covers."""
    kind: str = "sentence"
    header: str = ""
    context: str = ""
    """Heading above it."""
    wide: str = ""
    """The quote with its neighbours, where it has any."""
    note: str = ""
    """The note that it was read from; empty where its passage is in main context."""

    @property
    def place(self) -> tuple[int, int]:
        """Document and PDF page, or passage where there are no pages: what a citation names."""
        return (self.document, self.pdf_page if self.pdf_page is not None else -self.ordinal)


class Scorer:
    """Scores texts against one question; made anew for each reply."""

    def __init__(self, asked: Asked, statements: Sequence[Sequence[str]] = ()) -> None:
        self.asked = asked
        self._statements = statements
        hinted = any(concept.hint or concept.part for concept in asked.concepts)
        weight = _HINTED_WEIGHT if hinted else _IMPLIED_WEIGHT
        self._page_weight = weight if statements else 0.0
        stems = {s for concept in asked.concepts for wording in concept.wordings for s in wording}
        self._stems = frozenset(stems)
        starts = "|".join(sorted(map(re.escape, stems), key=len, reverse=True))
        self._words = re.compile(rf"(?<![^\W_])(?:{starts})[\w&'’]*" if stems else r"(?!)", re.I)
        self.total = sum(c.weight for c in asked.concepts if not c.hint) or 1.0

    def places(self, text: str) -> list[tuple[int, str]]:
        """Where the question's words stand in `text`."""
        found = []
        for match in self._words.finditer(text):
            for word in tokens(match[0])[:1]:
                if (stemmed := stem(word)) in self._stems:
                    found.append((match.start(), stemmed))
        return found

    def coverage(self, stems: Collection[str]) -> list[float]:
        """How far each concept is covered by a set of stems."""
        return [_covered(concept, stems) for concept in self.asked.concepts]

    def share(self, text: str, also: Collection[str] = ()) -> float:
        """The share of the question that `text` covers, by weight."""
        stems = {found for _, found in self.places(text)} | set(also)
        covered = self.coverage(stems)
        weights = [0.0 if c.hint else c.weight for c in self.asked.concepts]
        return sum(w * c for w, c in zip(weights, covered, strict=True)) / self.total

    def _covers(self, stems: Collection[str]) -> float:
        covered = self.coverage(stems)
        return sum(c.weight * s for c, s in zip(self.asked.concepts, covered, strict=True))

    def missing(self, text: str) -> list[Concept]:
        """The concepts that `text` does not speak of, heaviest first."""
        covered = self.coverage({found for _, found in self.places(text)})
        lacking = [
            c for c, share in zip(self.asked.concepts, covered, strict=True)
            if share < 0.5 and c.weight >= 0.4 and not c.hint
        ]  # fmt: skip
        return sorted(lacking, key=lambda concept: -concept.weight)

    def evidence(
        self, passages: Iterable[SeenPassage], names: Mapping[int, Collection[str]]
    ) -> list[Evidence]:
        """The units of `passages`, strongest first. `names` are the stems of documents' names."""
        looked = [(passage, self.places(passage.text)) for passage in passages]
        looked = [each for each in looked if each[1]]
        if len(looked) > _MOST_PASSAGES:
            looked.sort(key=lambda each: -self._covers({found for _, found in each[1]}))
            looked = looked[:_MOST_PASSAGES]
        pages = headed_pages((passage for passage, _ in looked), self._statements)
        found = [
            e for p, at in looked for e in self._of_passage(p, at, names.get(p.document, ()), pages)
        ]
        return sorted(found, key=lambda e: (-e.strength, e.document, e.ordinal, e.quote))

    def _of_passage(
        self,
        passage: SeenPassage,
        at: Sequence[tuple[int, str]],
        name: Collection[str],
        pages: Collection[tuple[int, int]],
    ) -> list[Evidence]:
        all_stems = {found for _, found in at}
        around = self.coverage(all_stems | (self._stems & set(name)))
        named = self.coverage(self._stems & set(name))
        found, heading = [], ""
        offsets = [offset for offset, _ in at]
        parts = units(passage.text)
        for position, unit in enumerate(parts):
            inside = {
                s for _, s in at[bisect_left(offsets, unit.start) : bisect_left(offsets, unit.end)]
            }
            if unit.kind == "heading":
                heading = " ".join(passage.text[unit.start : unit.end].split())[:80]
            if inside:
                headed = _place(passage, unit) in pages
                judged = self._judge(passage, unit, heading, inside, around, named, headed)
                start, end = widened(passage.text, parts, position, most=_WIDEST)
                found.append(replace(judged, wide=passage.text[start:end].strip()))
        return sorted(found, key=lambda e: -e.strength)[:4]

    def _judge(
        self, passage: SeenPassage, unit: Unit, heading: str, inside: Collection[str],
        around: Sequence[float], named: Sequence[float], headed: bool,
    ) -> Evidence:  # fmt: skip
        text = passage.text[unit.start : unit.end]
        own = self.coverage(inside)
        points = 0.0
        for concept, here, near, name in zip(self.asked.concepts, own, around, named, strict=True):
            if concept.hint:
                points += 0.25 * self._page_weight * near * (not headed)
            else:
                here = max(here, name)
                points += concept.weight * (here + _ELSEWHERE * max(0.0, near - here))
        points += self._page_weight * headed
        points += self._years(text, unit.header, passage.text)
        points += _KIND_WEIGHT * self._kind(text, unit)
        possible = self.total + (_YEAR_WEIGHT if self.asked.years else 0.0) + _KIND_WEIGHT
        possible += self._page_weight
        strength = points / possible * _plainness(text, unit) * self._fitness(text)
        return Evidence(
            quote=text.strip(),
            locator=passage.locator,
            document=passage.document,
            ordinal=passage.ordinal,
            pdf_page=passage.pdf_page_at(unit.start),
            strength=round(min(0.99, strength), 3),
            kind=unit.kind,
            header=unit.header,
            context=heading,
        )

    def _years(self, text: str, header: str, passage: str) -> float:
        years = self.asked.years
        if not years:
            return 0.0
        own = sum(year in text or year in header for year in years) / len(years)
        near = sum(year in passage for year in years) / len(years)
        return _YEAR_WEIGHT * max(own, 0.6 * near)

    def _fitness(self, text: str) -> float:
        """Below 1 for what cannot be the kind of answer that is wanted."""
        if self.asked.wants is Wants.AMOUNT and not _NUMBER.search(_YEARS.sub("", text)):
            return 0.6
        if self.asked.wants is Wants.REASON and not _REASONS.search(text):
            return 0.85
        return 1.0

    def _kind(self, text: str, unit: Unit) -> float:
        """How much a unit looks like the kind of answer that is wanted."""
        match self.asked.wants:
            case Wants.AMOUNT:
                figures = _NUMBER.search(_YEARS.sub("", text))
                return (1.0 if unit.kind == "row" else 0.8) if figures else 0.0
            case Wants.REASON:
                return 1.0 if _REASONS.search(text) else 0.0
            case Wants.DATE:
                return 1.0 if _DATES.search(text) else 0.0
            case Wants.PERSON:
                return 1.0 if _PERSONS.search(text) else 0.0
            case Wants.PLACE:
                return 1.0 if _PLACES.search(text) else 0.0
            case _:
                return 0.6 if unit.kind == "sentence" else 0.4


def _place(passage: SeenPassage, unit: Unit) -> tuple[int, int]:
    page = passage.pdf_page_at(unit.start)
    return (passage.document, -passage.ordinal if page is None else page)


def _covered(concept: Concept, stems: Collection[str]) -> float:
    best = 0.0
    for position, wording in enumerate(concept.wordings):
        share = sum(s in stems for s in wording) / len(wording)
        if share < 1.0:
            share = 0.6 * share**1.5
        best = max(best, share if position == 0 else 0.95 * share)
    return best


def _plainness(text: str, unit: Unit) -> float:
    """Below 1 for what seldom answers: headings, tables of contents, very long units."""
    if _LEADER.search(text):
        return 0.5
    if unit.kind == "heading":
        return 0.6
    if text.rstrip().endswith("?"):
        return 0.7
    return 1.0 if len(text) < 500 else 0.9
