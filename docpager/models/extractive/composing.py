"""Composing an answer from the evidence at hand, or saying that there is none."""

from __future__ import annotations

import re
from collections.abc import Sequence

from docpager.models.extractive.evidence import Evidence
from docpager.models.extractive.kinds import picked, tells_kind, unit_pattern
from docpager.models.extractive.moves import Answering, Citation
from docpager.models.extractive.notes import flat, shortened
from docpager.models.extractive.questions import Wants
from docpager.models.extractive.reading import Reading
from docpager.models.extractive.units import figures, header_periods
from docpager.models.extractive.view import SeenPassage

__all__ = ["compose", "not_found"]

ENOUGH = 0.4
"""Strength below which the best evidence does not carry an answer."""
ENOUGH_UNLIKE = 0.5
"""The same for a figure without the unit that the question asks for."""
ENOUGH_OTHER_YEARS = 0.6
"""The same for a row whose columns are headed with other years than the asked."""
MOST_CITATIONS = 3
NEARLY = 0.65
"""Share of the strength of the best evidence from which a further place is cited too."""
NEARLY_TOLD = 0.85
"""The same where a figure with its unit, a date or a person is wanted: one good quote says it."""
_LONGEST_TEXT = 400
_LONGEST_QUOTE = 420
_TOLD = (Wants.TEXT, Wants.REASON, Wants.YES_NO)
"""Kinds of answer that no single figure or name is: they are told with the sentences around."""


def compose(reading: Reading) -> Answering:
    """The answer that the strongest evidence gives, or an abstention."""
    best = _chosen(reading)
    if not best or best[0].strength < _needed(reading, best[0]):
        return not_found(reading)
    citations = tuple(
        Citation(e.locator, shortened(e.wide or e.quote, _LONGEST_QUOTE)) for e in best
    )
    texts = [_said(reading, best[0])]
    if len(reading.targets) > 1:
        others = {e.document: e for e in reversed(best)}
        texts = [_said(reading, e) for e in best if others[e.document] is e]
    return Answering("; ".join(dict.fromkeys(texts)), citations)


def _needed(reading: Reading, evidence: Evidence) -> float:
    """The strength that carries an answer: more where the figure is of another kind or year."""
    heads, years = header_periods(evidence.header), reading.asked.years
    if heads and years and not set(heads) & set(years):
        return ENOUGH_OTHER_YEARS
    pattern = unit_pattern(reading.asked.question)
    if reading.asked.wants is not Wants.AMOUNT or pattern is None or evidence.header:
        return ENOUGH
    text = flat(evidence.wide or evidence.quote)
    return ENOUGH if pattern.search(text) or _rowlike(text) else ENOUGH_UNLIKE


def _rowlike(text: str) -> bool:
    """Whether a quote is a row, which need not tell the unit of its column; notes do not say."""
    return not text.endswith(".") and sum(map(str.isdigit, text)) * 10 >= len(text)


def not_found(reading: Reading) -> Answering:
    """An honest sentence."""
    where = "the documents searched"
    if len(reading.targets) == 1 and (line := reading.view.documents.get(reading.targets[0])):
        where = line.path
    return Answering(f"Not found: nothing read in {where} answers this.", found=False)


def _chosen(reading: Reading) -> list[Evidence]:
    """The strongest evidence of different places; of each named document the best first."""
    wanted = [e for e in reading.evidence if not reading.targets or e.document in reading.targets]
    pool = wanted or reading.evidence
    chosen: list[Evidence] = []
    if len(reading.targets) > 1:
        for target in reading.targets:
            chosen += [e for e in pool if e.document == target][:1]
        chosen.sort(key=lambda e: -e.strength)
    places = {e.place for e in chosen}
    nearly = NEARLY_TOLD if tells_kind(reading.asked) else NEARLY
    for each in pool:
        if len(chosen) >= max(MOST_CITATIONS, min(len(reading.targets), 4)):
            break
        if each.place not in places and each.strength >= nearly * pool[0].strength:
            chosen.append(each)
            places.add(each.place)
    return chosen


def _said(reading: Reading, evidence: Evidence) -> str:
    """The figure, date or name that is wanted where it can be picked out, else the words."""
    asked = reading.asked
    quote = flat(_core(reading, evidence))
    if asked.wants is Wants.AMOUNT:
        figure = _figure(evidence.header, quote, asked.years)
        label = re.split(r"\s[$€£(]*\d|\s[$€£]\s", quote, maxsplit=1)[0]
        if figure:
            return f"{figure[0]} ({label[:120]}, {figure[1]})"
    if value := picked(asked, quote, [*asked.words, *asked.years]):
        return value
    if asked.wants in _TOLD and evidence.kind == "sentence":
        quote = flat(evidence.wide or evidence.quote)
    return shortened(quote, _LONGEST_TEXT)


def _core(reading: Reading, evidence: Evidence) -> str:
    """The part of a quote that says most: a note keeps it with its neighbours."""
    if not evidence.note:
        return evidence.quote
    kept = SeenPassage(evidence.document, evidence.ordinal, evidence.quote)
    parts = reading.scorer.evidence([kept], reading.names)
    return parts[0].quote if parts else evidence.quote


def _figure(header: str, row: str, years: Sequence[str]) -> tuple[str, str] | None:
    """(figure, year) of the column that the question asks for, where heads and figures pair up."""
    heads, cells = header_periods(header), figures(row)
    asked = [year for year in years if year in heads]
    if not asked or len(heads) != len(cells):
        return None
    return cells[heads.index(asked[-1])], asked[-1]
