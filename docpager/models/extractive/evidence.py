"""Evidence: how well each sentence in main context answers a question."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from docpager.models.extractive.question import ParsedQuestion
from docpager.models.extractive.view import SeenNote, SeenPassage, passage_of
from docpager.models.extractive.words import flat, shortened, stem

__all__ = ["Evidence", "evidence_in", "evidence_note", "noted_evidence", "value_in"]

LONGEST_QUOTE = 320
"""Characters of a quote."""
MOST_PASSAGES = 14
"""Passages that are looked at closely in one step, those that look best as a whole."""
_SENTENCE_END = re.compile(r"(?<=[.!?;])[\"”')]*\s+(?=[\"“(]?[A-Z0-9•])|\n(?=\s*[•●▪*-]\s)")
_NUMBER = (
    r"(?<![\w.,])[$€£]?(?:\d[\d,.]*\d|\d|(?:twenty|thirty|forty|fifty)(?:-[a-z]+)?|[a-z]+teen)"
)
_MEASURES = {
    r"how heavy|weigh|weight|wie schwer": r"(?:milli|micro|kilo)?grams?|[mk]?g|tonn?e?s?|pounds?",
    r"how (?:far|tall|wide|deep)": r"(?:kilo|centi|milli)?met(?:re|er)s?|[kcm]?m|miles?",
    r"how (?:long|old|much notice)|wie lange": r"(?:minute|hour|day|week|month|year)s?|Stunden",
    r"costs?|paid|pay|price": r"(?:(?:thousand|million|billion)\s)?(?:dollar|euro|crown)s?",
}
"""Units of a figure, by how a question asks for it."""
_NOTE = re.compile(r'^(\d+)% (?:p(\d+) )?"(.*)"$')


@dataclass(frozen=True, slots=True)
class Evidence:
    """A quote, and how much it says."""

    quote: str
    """As its passage has it; on one line where a note keeps it."""
    document: int
    ordinal: int
    pdf_page: int | None
    strength: float
    """From 0 to 1."""
    note: str = ""
    """The note that keeps it; empty where its passage is in main context."""

    @property
    def locator(self) -> str:
        return f"D{self.document}:c{self.ordinal}"

    @property
    def place(self) -> tuple[int, int]:
        """Document and PDF page, or passage where there are no pages: what a citation names."""
        return (self.document, -self.ordinal if self.pdf_page is None else self.pdf_page)


def evidence_in(
    question: ParsedQuestion,
    passages: Iterable[SeenPassage],
    ranks: Mapping[tuple[int, int], float],
) -> list[Evidence]:
    """The best quote of each passage, strongest first.

    `ranks` say from 0 to 1 how high searches put a passage. A rank counts as much as the share of
    the question's words that stand in the quote; where there are no ranks that share is all.
    """
    most = 2.0 if ranks else 1.0
    whole = [
        (_coverage(question, p.text) + ranks.get((p.document, p.ordinal), 0.0), p) for p in passages
    ]
    whole.sort(key=lambda each: -each[0])
    found = []
    for _, passage in whole[:MOST_PASSAGES]:
        quotes = (
            (_coverage(question, passage.text[s:e]), s, e) for s, e in _quotable(passage.text)
        )
        # Of equals the last: its first sentence has words of the question, and names the page.
        share, start, end = max(quotes, default=(0.0, 0, 0))
        rank = ranks.get((passage.document, passage.ordinal), 0.0)
        found.append(
            Evidence(
                passage.text[start:end].strip(),
                passage.document,
                passage.ordinal,
                passage.pdf_page_at(start),
                round((share + rank) / most, 3),
            )
        )
    return sorted(found, key=lambda e: (-e.strength, e.document, e.ordinal))


def evidence_note(evidence: Evidence) -> tuple[str, list[str]]:
    """Text and sources of a note that keeps a quote."""
    page = "" if evidence.pdf_page is None else f"p{evidence.pdf_page} "
    quote = shortened(flat(evidence.quote), LONGEST_QUOTE)
    return f'{round(evidence.strength * 100)}% {page}"{quote}"', [evidence.locator]


def noted_evidence(notes: Iterable[SeenNote]) -> Iterator[Evidence]:
    """The quotes kept in notes."""
    for note in notes:
        match = _NOTE.match(note.text)
        document, ordinal = passage_of(note.sources[0]) if note.sources else (0, 0)
        if match and document:
            page = int(match[2]) if match[2] else None
            yield Evidence(match[3], document, ordinal, page, int(match[1]) / 100, note.name)


def _coverage(question: ParsedQuestion, text: str) -> float:
    """The share of the question's words that stand in a text."""
    wanted = question.wanted
    found = {stem(match[0].lower()) for match in question.pattern.finditer(text)}
    return len(wanted & found) / (len(wanted) or 1)


def _quotable(text: str) -> Iterator[tuple[int, int]]:
    """Start and end of each sentence with those that follow it, as long as they make a quote."""
    spans = list(_sentences(text))
    for n, (start, _) in enumerate(spans):
        yield start, max(end for _, end in spans[n:] if end - start <= LONGEST_QUOTE)


def _sentences(text: str) -> Iterator[tuple[int, int]]:
    """Start and end of each sentence; long ones and tables in pieces."""
    start = 0
    for cut in [*_SENTENCE_END.finditer(text), None]:
        stop = cut.start() if cut else len(text)
        while stop - start > LONGEST_QUOTE:
            at = max(text.rfind(space, start + 1, start + LONGEST_QUOTE) for space in "\n ")
            yield start, (at := at if at > start else start + LONGEST_QUOTE)
            start = at
        if text[start:stop].strip():
            yield start, stop
        start = cut.end() if cut else stop


def value_in(question: str, text: str) -> str:
    """The one figure of a text with a unit that the question asks for; "" if there is not just one.

    >>> value_in("How heavy was it?", "In 1990 it weighed 1.6 kilograms.")
    '1.6 kilograms'
    """
    units = [
        unit for way, unit in _MEASURES.items() if re.search(rf"\b(?:{way})\b", question, re.I)
    ]
    if not units:
        return ""
    figure = rf"{_NUMBER}[\s-](?:{'|'.join(units)})(?!\w)"
    values = dict.fromkeys(flat(match[0]) for match in re.finditer(figure, text, re.IGNORECASE))
    return next(iter(values)) if len(values) == 1 else ""
