"""Searches: the words with which a question is looked up, and then looked up again."""

from __future__ import annotations

import re
from collections.abc import Iterator

from docpager.models.extractive.moves import Call, grep, search
from docpager.models.extractive.notes import flat
from docpager.models.extractive.reading import Reading
from docpager.models.extractive.statements import heading_pattern
from docpager.models.extractive.words import GENERIC, tokens

__all__ = ["better", "next_pages", "unasked"]

QUERY_CHARACTERS = 64
CONVINCING = 0.5
"""Strength from which the evidence makes further pages of results needless."""
_KNOWN_BY = 60
"""Characters by which a pattern is known again in the log, where long ones are cut."""


def unasked(reading: Reading) -> Iterator[Call]:
    """The searches that every question begins with and that were not made yet."""
    asked, targets = reading.asked, reading.targets
    if not targets:
        everything = " ".join(dict.fromkeys((*_plain_words(reading), *asked.years)))
        yield from _new(reading, everything, ())
    for group in _groups(reading):
        if not group:
            continue
        for titles in reading.statements[:2]:
            pattern = heading_pattern(titles)
            if targets and not _sought(reading, pattern):
                yield grep(pattern, group)
        yield from _new(reading, _own_words(reading, group), group)
        if phrases := reading.asked.phrases:
            yield from _new(reading, " ".join(phrases), group)
        for wording in _other_words(reading)[: 2 if len(targets) < 2 else 1]:
            yield from _new(reading, wording, group)
        if words := _component_words(reading):
            yield from _new(reading, words, group)


def better(reading: Reading) -> Iterator[Call]:
    """Searches with better words, for when the first ones did not settle it."""
    for group in _groups(reading):
        for words in (
            _places_words(reading),
            _missing_words(reading),
            " ".join(_other_words(reading)[2:4]),
        ):
            if words:
                yield from _new(reading, words, group)


def next_pages(reading: Reading) -> Iterator[Call]:
    """Further pages of the first search, for when nothing convincing was found yet."""
    best = reading.evidence[0].strength if reading.evidence else 0.0
    group = _groups(reading)[0]
    query = _cut(_own_words(reading, group))
    for page in (2, 3):
        known = any(lk.query == query and lk.page == page for lk in reading.view.lookups)
        asked = reading.did("search", f"{search(query, group)[1]['query']}") >= page
        if best < CONVINCING and group and not known and not asked:
            yield ("search", {**search(query, group)[1], "page": page})
            return


def _new(reading: Reading, query: str, documents: tuple[int, ...]) -> Iterator[Call]:
    query = _cut(query)
    if query and not _was_asked(reading, query, documents):
        yield search(query, documents)


def _sought(reading: Reading, pattern: str) -> bool:
    if any(each.name == "grep" and each.query == pattern for each in reading.view.lookups):
        return True
    return any(
        line.name == "grep"
        and line.arguments.startswith(pattern[:_KNOWN_BY])
        and not line.outcome.startswith("refused")
        for line in reading.view.log
    )


def _groups(reading: Reading) -> list[tuple[int, ...]]:
    """Documents to search in, each search in one group of them."""
    return [(target,) for target in reading.targets] or [_voted(reading)]


def _voted(reading: Reading) -> tuple[int, ...]:
    """Documents that most hits of the searches over everything came from."""
    votes: dict[int, float] = {}
    for lookup in reading.view.lookups:
        if lookup.name == "search" and not lookup.documents:
            for hit in lookup.hits:
                votes[hit.document] = votes.get(hit.document, 0.0) + 1 / (1 + hit.rank)
    total = sum(votes.values())
    ranked = sorted(votes, key=lambda number: (-votes[number], number))
    return tuple(ranked[:1]) if ranked and votes[ranked[0]] >= 0.5 * total else ()


def _plain_words(reading: Reading) -> list[str]:
    words = [w for w in reading.asked.words if w not in GENERIC]
    return words or list(reading.asked.words)


def _own_words(reading: Reading, group: tuple[int, ...]) -> str:
    """The question's own words, without those that name the document, and its years."""
    named = {s for number in group for s in reading.names.get(number, ())}
    words = [
        text
        for concept in reading.asked.concepts
        if not concept.hint and not concept.part and concept.weight >= 0.2
        for text in concept.texts[:1]
        if not set(concept.wordings[0]) <= named
    ]
    return " ".join(words) or " ".join(_plain_words(reading))


def _other_words(reading: Reading) -> list[str]:
    """Other wordings of what is asked, each a search of its own."""
    wanted = [c for c in reading.asked.concepts if len(c.texts) > 1 and not c.hint and not c.part]
    wanted.sort(key=lambda concept: -concept.weight)
    return [text for concept in wanted[:2] for text in sorted(concept.texts[1:], key=len)[::-1][:2]]


def _places_words(reading: Reading) -> str:
    """Where the question says to look, with what is looked for."""
    hints = [c.texts[min(1, len(c.texts) - 1)] for c in reading.asked.concepts if c.hint]
    things = [c.texts[0] for c in reading.asked.concepts if len(c.texts) > 1 and not c.hint]
    return " ".join(["consolidated", *hints[:1], *things[:1]]) if hints else ""


def _component_words(reading: Reading) -> str:
    """The lines from which an asked figure is computed."""
    return " ".join(c.texts[0] for c in reading.asked.concepts if c.part)


def _missing_words(reading: Reading) -> str:
    """What the best evidence does not speak of, with names that it brings up."""
    if not reading.evidence:
        return ""
    best = reading.evidence[0]
    missing = [c.texts[0] for c in reading.scorer.missing(best.quote + " " + best.context)[:3]]
    if not missing:
        return ""
    return " ".join([*missing, *_new_names(reading, best.quote)[:2]])


def _new_names(reading: Reading, text: str) -> list[str]:
    known = set(reading.asked.words)
    names = re.findall(r"(?<![.!?] )(?<!^)\b[A-Z][\w’'-]+(?: [A-Z][\w’'-]+)*", text)
    return [name for name in dict.fromkeys(names) if not known & set(tokens(name))]


def _was_asked(reading: Reading, query: str, documents: tuple[int, ...]) -> bool:
    within = "".join(f"D{number}" for number in documents)
    for lookup in reading.view.lookups:
        if flat(lookup.query) == query and "".join(lookup.documents) == within:
            return True
    narrowed = f'{query}, ["{within}"]' if within else query
    return any(
        line.name == "search" and line.arguments == narrowed and "refused" not in line.outcome
        for line in reading.view.log
    )


def _cut(query: str) -> str:
    query = " ".join(dict.fromkeys(flat(query).split(" ")))
    if len(query) <= QUERY_CHARACTERS:
        return query
    return query[: query.rfind(" ", 0, QUERY_CHARACTERS)]
