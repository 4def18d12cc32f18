"""Particulars: whether a unit speaks of the very thing and year that a question asks for."""

from __future__ import annotations

import re
from collections.abc import Collection

from docpager.models.extractive.questions import Asked
from docpager.models.extractive.units import Unit, header_periods
from docpager.models.extractive.words import STOP_WORDS, stem, tokens

__all__ = ["dated", "label_fit", "plainness", "specific", "stands", "unknown_phrases"]

_LEADER = re.compile(r"\.{4,}|(?:\. ){4,}|^item\s+\d+[a-c]?\.", re.IGNORECASE)
_OTHER_YEARS = 0.6
"""Factor for a row of a table whose columns are headed with other years than the asked."""
_UNNAMED = 0.6
"""Factor where a name of several words that the question uses does not stand near."""
_STRANGE_LABEL = 0.05
"""What a row loses whose label has only words that the question lacks."""


def unknown_phrases(asked: Asked, name: Collection[str]) -> list[str]:
    """The names of several words that a document's own name, given as stems, does not say."""
    return [
        phrase
        for phrase in asked.phrases
        if not {stem(word) for word in tokens(phrase)} <= set(name)
    ]


def specific(asked: Asked, unit: Unit, around: str, name: Collection[str], vicinity: str) -> float:
    """Below 1 where the very thing or year that is asked for does not stand near.

    `vicinity` is the text in which the year must stand; empty where it need not.
    """
    factor = 1.0
    heads, years = header_periods(unit.header), asked.years
    other_heads = bool(years and heads) and not set(heads) & set(years)
    if other_heads or (vicinity and not any(year in vicinity for year in years)):
        factor *= _OTHER_YEARS
    for phrase in unknown_phrases(asked, name):
        factor *= 1.0 if stands(phrase, around) else _UNNAMED
    return max(factor, _UNNAMED * _UNNAMED)


def stands(phrase: str, text: str) -> bool:
    """Whether all words of a name stand in `text`, one after the other.

    >>> stands("Series K", "the series-K cars"), stands("Series M", "a series of cars, M-07")
    (True, False)
    """
    pattern = r"[\s-]+".join(map(re.escape, phrase.split()))
    return re.search(rf"(?<!\w){pattern}(?!\w)", text, re.IGNORECASE) is not None


def dated(name: Collection[str]) -> bool:
    """Whether a document's name tells a year."""
    return any(len(each) == 4 and each[:2] in ("19", "20") and each.isdigit() for each in name)


def label_fit(row: str, stems: Collection[str]) -> float:
    """Below 1 the more of a row's label was not asked for; `stems` are those of the question."""
    label = re.split(r"\s[$€£(–-]*\d", row, maxsplit=1)[0]
    words = [word for word in tokens(label) if word.isalpha() and word not in STOP_WORDS]
    strange = sum(stem(word) not in stems for word in words)
    return 1.0 - _STRANGE_LABEL * strange / max(1, len(words))


def plainness(text: str, unit: Unit) -> float:
    """Below 1 for what seldom answers: headings, tables of contents, very long units."""
    if _LEADER.search(text):
        return 0.5
    if unit.kind == "heading":
        return 0.6
    if text.rstrip().endswith("?"):
        return 0.7
    return 1.0 if len(text) < 500 else 0.9
