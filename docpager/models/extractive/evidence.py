"""Evidence: how well each sentence and row in main context answers the question."""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Collection, Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace

from docpager.models.extractive.kinds import fitness, likeness, tells_kind
from docpager.models.extractive.particulars import (
    dated,
    label_fit,
    plainness,
    specific,
    stands,
    unknown_phrases,
)
from docpager.models.extractive.questions import Asked, Concept
from docpager.models.extractive.statements import headed_pages
from docpager.models.extractive.stretches import Stretch, stretches
from docpager.models.extractive.units import Unit, units, widened
from docpager.models.extractive.view import SeenPassage
from docpager.models.extractive.words import stem, tokens

__all__ = ["Evidence", "Scorer"]

_ELSEWHERE = 0.6
"""Credit for a concept that stands in the passage, but outside the unit."""
_BESIDE = 0.85
"""Credit for a concept in a neighbouring sentence, or in the caption and heads of the table."""
_FURTHER = 0.7
"""Credit for a concept in the sentence before the one before, or in the heading above."""
_YEAR_WEIGHT = 0.5
_NAMED = 0.9
"""Share of its weight that a concept loses in a document whose name says it."""
_RANK_WEIGHT = 0.1
"""For the rank at which searches found the passage: they see meaning, not words alone."""
_PHRASE_WEIGHT = 0.8
_NEAR = 250
"""Characters before and after a unit in which another year than the document's must stand."""
_KIND_WEIGHT = 0.3
_UNIT_WEIGHT = 0.8
"""For a figure with the unit that the question tells, or another kind that is plain to see."""
_HINTED_WEIGHT = 0.9
_IMPLIED_WEIGHT = 0.35
"""For a page headed as the statement that the question names, or needs to compute a figure; and
for one in which such lines stand."""
_COMPOUND = 5
"""Letters from which a stem counts where it begins a longer word."""
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


@dataclass(frozen=True, slots=True)
class _Seen:
    """The question's words in a unit and around it."""

    inside: set[str]
    beside: set[str]
    further: set[str]
    passage: set[str]


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
        self._beginnings = tuple(
            sorted((s for s in stems if len(s) >= _COMPOUND), key=len, reverse=True)
        )
        self._kind_weight = _UNIT_WEIGHT if tells_kind(asked) else _KIND_WEIGHT
        self.total = sum(c.weight for c in asked.concepts if not c.hint) or 1.0

    def places(self, text: str) -> list[tuple[int, str]]:
        """Where the question's words stand in `text`."""
        found = []
        for match in self._words.finditer(text):
            for word in tokens(match[0])[:1]:
                if (stemmed := stem(word)) in self._stems:
                    found.append((match.start(), stemmed))
                else:
                    begins = [s for s in self._beginnings if word.startswith(s)][:1]
                    found += [(match.start(), beginning) for beginning in begins]
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
        self,
        passages: Iterable[SeenPassage],
        names: Mapping[int, Collection[str]],
        *,
        ranks: Mapping[tuple[int, int], float] | None = None,
        furniture: Collection[str] = (),
    ) -> list[Evidence]:
        """The units of `passages`, strongest first. `names` are the stems of documents' names,
        `ranks` say from 0 to 1 how high searches ranked a passage, `furniture` are running heads.
        """
        looked = [(passage, self.places(passage.text)) for passage in passages]
        looked = [each for each in looked if each[1]]
        if len(looked) > _MOST_PASSAGES:
            looked.sort(key=lambda each: -self._covers({found for _, found in each[1]}))
            looked = looked[:_MOST_PASSAGES]
        chosen = [passage for passage, _ in looked]
        pages = headed_pages(chosen, self._statements)
        found = [
            e
            for stretch in stretches(chosen)
            for e in self._of_stretch(
                stretch, names.get(stretch.document, ()), pages, ranks or {}, furniture
            )
        ]
        return sorted(found, key=lambda e: (-e.strength, e.document, e.ordinal, e.quote))

    def _of_stretch(
        self,
        stretch: Stretch,
        name: Collection[str],
        pages: Collection[tuple[int, int]],
        ranks: Mapping[tuple[int, int], float],
        furniture: Collection[str],
    ) -> list[Evidence]:
        at = self.places(stretch.text)
        offsets = [offset for offset, _ in at]

        def between(start: int, end: int) -> set[str]:
            return {s for _, s in at[bisect_left(offsets, start) : bisect_left(offsets, end)]}

        named = self.coverage(self._stems & set(name))
        found: dict[int, list[Evidence]] = {}
        heading, spans = "", (0, 0)
        parts = units(stretch.text, furniture)
        inside = [between(unit.start, unit.end) for unit in parts]
        for position, unit in enumerate(parts):
            if unit.kind == "heading":
                heading, spans = _line(stretch.text[unit.start : unit.end]), (unit.start, unit.end)
            beside, further = self._around(parts, inside, position, between(*unit.lead))
            if not inside[position] and not (beside and unit.kind == "sentence"):
                continue
            further |= between(*spans)
            seen = _Seen(inside[position], beside, further, between(*stretch.bounds_at(unit.start)))
            judged = self._judge(stretch, unit, heading, seen, named, set(name), pages)
            ordinal = judged.ordinal
            strength = judged.strength + _RANK_WEIGHT * ranks.get((stretch.document, ordinal), 0.0)
            start, end = widened(
                stretch.text, parts, position, most=_WIDEST, page_at=stretch.pdf_page_at
            )
            found.setdefault(ordinal, []).append(
                replace(
                    judged,
                    strength=round(min(0.99, strength), 3),
                    wide=stretch.text[start:end].strip(),
                    locator=stretch.locator(start, end),
                )
            )
        best = [sorted(each, key=lambda e: -e.strength)[:4] for each in found.values()]
        return [e for each in best for e in each]

    def _around(
        self, parts: Sequence[Unit], inside: Sequence[set[str]], position: int, lead: set[str]
    ) -> tuple[set[str], set[str]]:
        """The question's words beside a unit, and a little further away."""
        if parts[position].kind != "sentence":
            return lead, set()
        beside, further = set[str](), set[str]()
        for step in (-1, 1):
            for distance, into in ((1, beside), (2, further)):
                at = position + step * distance
                if not 0 <= at < len(parts) or parts[at].kind == "row":
                    break
                if parts[at].kind == "heading":
                    into |= inside[at] if step < 0 else set()
                    break
                into |= inside[at]
        return beside, further

    def _judge(
        self, stretch: Stretch, unit: Unit, heading: str, seen: _Seen,
        named: Sequence[float], name: AbstractSet[str], pages: Collection[tuple[int, int]],
    ) -> Evidence:  # fmt: skip
        text = stretch.text[unit.start : unit.end]
        passage = stretch.passage_at(unit.start)[1]
        page = stretch.pdf_page_at(unit.start)
        headed = (stretch.document, -passage.ordinal if page is None else page) in pages
        covered = (
            self.coverage(seen.inside),
            self.coverage(seen.inside | seen.beside),
            self.coverage(seen.inside | seen.beside | seen.further),
            self.coverage(seen.inside | seen.beside | seen.further | seen.passage | set(name)),
        )
        points, unnamed = 0.0, self.total
        for n, concept in enumerate(self.asked.concepts):
            here, beside, further, near = (each[n] for each in covered)
            if concept.hint:
                points += 0.25 * self._page_weight * near * (not headed)
            else:
                shares = (here, _BESIDE * beside, _FURTHER * further, _ELSEWHERE * near)
                known = _NAMED * named[n]
                points += concept.weight * (1 - known) * max(shares)
                unnamed -= concept.weight * known
        points += self._page_weight * headed
        lead = stretch.text[unit.lead[0] : unit.lead[1]]
        elsewhere = bool(self.asked.years) and dated(name) and not name & set(self.asked.years)
        above = f"{unit.header} {lead}"
        points += self._years(f"{text} {above}", passage.text, elsewhere=elsewhere)
        row = unit.kind == "row"
        points += self._kind_weight * likeness(self.asked, text, row=row, above=above)
        possible = unnamed + (_YEAR_WEIGHT if self.asked.years else 0.0) + self._kind_weight
        possible += self._page_weight
        for phrase in unknown_phrases(self.asked, name):
            points += _PHRASE_WEIGHT * stands(phrase, f"{text} {lead}")
            possible += _PHRASE_WEIGHT
        strength = points / possible * plainness(text, unit) * fitness(self.asked, text, row=row)
        around = f"{heading} {lead} {passage.text}"
        vicinity = stretch.text[max(0, unit.start - _NEAR) : unit.end + _NEAR]
        strength *= specific(
            self.asked, unit, around, name, f"{above} {vicinity}" if elsewhere else ""
        )
        strength *= label_fit(text, self._stems) if row else 1.0
        return Evidence(
            quote=text.strip(),
            locator=passage.locator,
            document=passage.document,
            ordinal=passage.ordinal,
            pdf_page=page,
            strength=round(min(0.99, strength), 3),
            kind=unit.kind,
            header=unit.header,
            context=heading,
        )

    def _years(self, text: str, near: str, *, elsewhere: bool) -> float:
        years = self.asked.years
        if not years:
            return 0.0
        own = sum(year in text for year in years) / len(years)
        said = sum(year in near for year in years) / len(years)
        return _YEAR_WEIGHT * max(own, (0.3 if elsewhere else 0.6) * said)


def _line(text: str) -> str:
    return " ".join(text.split())[:80]


def _covered(concept: Concept, stems: Collection[str]) -> float:
    best = 0.0
    for position, wording in enumerate(concept.wordings):
        share = sum(s in stems for s in wording) / len(wording)
        if share < 1.0:
            share = 0.6 * share**1.5
        best = max(best, share if position == 0 else 0.95 * share)
    return best
