"""Which documents a question is about, judged by their names."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from itertools import pairwise
from math import log

from docpager.models.extractive.questions import Asked
from docpager.models.extractive.view import DocumentLine
from docpager.models.extractive.words import STOP_WORDS, stem

__all__ = ["name_stems", "named_documents"]

_PIECE = re.compile(r"\d+[a-z]?(?![a-z0-9])|[a-z]+\d?(?![a-z0-9])|[a-z]+|\d+")
_ENDINGS = frozenset({"pdf", "txt", "md"})
_SHORTEST_BEGINNING = 4
_NEARLY = 0.85
"""Documents whose names fit this share of the best one's are asked for together."""
_CLEAR = 1.0
"""Least weight of matched words that makes a name fit."""


@dataclass(frozen=True, slots=True)
class _Name:
    """The words of a document's path and title."""

    document: int
    words: Mapping[str, str]
    """Each with its stem."""
    years: frozenset[str]
    quarters: frozenset[str]


def name_stems(documents: Mapping[int, DocumentLine]) -> dict[int, frozenset[str]]:
    """The stems of each document's name, to be counted as said in it."""
    return {
        number: frozenset({*words, *words.values()})
        for number, line in documents.items()
        for words in [_name(line).words]
    }


def named_documents(asked: Asked, documents: Mapping[int, DocumentLine]) -> tuple[int, ...]:
    """The documents that the question names, best first; empty where no name stands out."""
    located = [place.number for place in asked.places if place.number in documents or not documents]
    if located:
        return tuple(dict.fromkeys(located))
    names = [_name(line) for line in documents.values()]
    if len(names) == 1:
        return (names[0].document,)
    common = Counter(word for name in names for word in name.words)
    wanted = _wanted(asked)
    scored: list[tuple[float, int, frozenset[str]]] = []
    for name in names:
        matched = {
            word: _rarity(found, common, len(names))
            for word, found in _matches(wanted, asked.names, name)
        }
        score = sum(matched.values())
        if score > 0 and _is_said(asked, name, matched):
            total = score + _period_bonus(asked, name)
            scored.append((total, name.document, frozenset(matched)))
    return _chosen(asked, sorted(scored, key=lambda each: (-each[0], each[1])))


def _chosen(asked: Asked, scored: list[tuple[float, int, frozenset[str]]]) -> tuple[int, ...]:
    """The best name, those nearly as good, and the best for each further name in the question."""
    if not scored or scored[0][0] < _CLEAR:
        return ()
    best = scored[0]
    chosen = [number for score, number, _ in scored if score >= _NEARLY * best[0]][:3]
    covered = set(best[2])
    for _, number, matched in scored:
        fresh = {word for word in matched - covered if stem(word) in asked.names}
        if fresh and len(chosen) < 4:
            covered |= fresh
            chosen.append(number)
    return tuple(dict.fromkeys(chosen))


def _rarity(word: str, common: Counter[str], documents: int) -> float:
    return log((documents + 1) / common[word]) if common[word] else 0.0


def _is_said(asked: Asked, name: _Name, matched: Collection[str]) -> bool:
    """Whether words in common are a name, not words that both happen to use: the question writes
    one of them as a name, or most of the document's own name is said."""
    if any(stem(word) in asked.names for word in matched):
        return True
    told = [word for word in name.words if word not in STOP_WORDS]
    return len(matched) * 2 > len(told)


def _wanted(asked: Asked) -> dict[str, str]:
    """The words that a name may be found by, single or two joined, each with its stem."""
    words = [w for w in asked.words if w not in STOP_WORDS]
    joined = [a + b for a, b in pairwise(words)]
    return {word: stem(word) for word in [*words, *joined]}


def _matches(
    wanted: Mapping[str, str], names: Collection[str], name: _Name
) -> Iterable[tuple[str, str]]:
    """(word of the question, word of the name) that are the same, or nearly; `names` are the stems
    that the question writes as names."""
    for word, word_stem in wanted.items():
        may_be_short = word_stem in names and len(word) >= 3
        for found, found_stem in name.words.items():
            short_name = may_be_short and found.startswith(word)
            if word_stem == found_stem or short_name or _begins(word, found):
                yield word, found
                break


def _begins(word: str, found: str) -> bool:
    """Whether one is the beginning of the other, as in `ulta` and `ultabeauty`."""
    short, long = (word, found) if len(word) <= len(found) else (found, word)
    return (
        len(short) >= _SHORTEST_BEGINNING
        and long.startswith(short)
        and len(short) * 2 >= len(long) - 2
    )


def _period_bonus(asked: Asked, name: _Name) -> float:
    bonus = 0.0
    if asked.years and name.years:
        newest = max(asked.years)
        if newest in name.years:
            bonus += 1.2
        elif name.years & set(asked.years):
            bonus += 0.6
        elif str(int(newest) + 1) in name.years:
            bonus += 0.3
    if asked.quarters and name.quarters:
        bonus += 0.6 if name.quarters & set(asked.quarters) else -0.2
    return bonus


def _name(line: DocumentLine) -> _Name:
    text = f"{line.path.rpartition('.')[0] or line.path} {line.title}"
    # CamelCase names hold several words.
    text = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", text).lower()
    words: set[str] = set()
    for run in re.findall(r"[^\W_]+", text):
        words.add(run)
        words.update(_PIECE.findall(run))
    years = frozenset(re.findall(r"(?<!\d)(?:19|20)\d\d(?!\d)", text))
    quarters = frozenset(re.findall(r"q([1-4])(?!\d)", text))
    told = sorted(w for w in words - _ENDINGS if len(w) > 1)
    return _Name(line.id, {word: stem(word) for word in told}, years, quarters)
