"""What a question gives: words, years, names, keys of records, places to read."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property

from docpager.core.locators import Locator, LocatorKind, find_locators
from docpager.models.extractive.words import STOP_WORDS, stem, tokens

__all__ = ["ParsedQuestion", "read_question", "years_in"]

_YEAR = re.compile(r"(?<!\d)(?:FY\s?|CY\s?|Q[1-4]\s?'?|H[12]\s?'?)?((?:19|20)\d\d)(?!\d)", re.I)
_SHORT_YEAR = re.compile(r"\b(?:(?:FY|CY)\s?'?|Q[1-4]\s?')(\d\d)(?!\d)", re.IGNORECASE)
_QUOTED = re.compile(
    r'"([^"\n]{1,200})"|“([^”\n]{1,200})”|`([^`\n]{1,200})`|(?<!\w)\'([^\'\n]{1,200})\'(?!\w)'
)
_AFTER_KEY = re.compile(
    r"\b(?:key|code|id|identifier|entry|symbol|tag|label|alias|record|token|name)s?\s*(?:is\s+)?[:=]?\s+"
    r"([\w][\w./:+#-]*[\w]|\w)"
)
_CODE = re.compile(r"(?<![\w])[\w][\w./:+#-]*[\w](?![\w])")
_NO_KEY = re.compile(
    r"(?:FY|CY|Q[1-4]|H[12])?'?\d{2,4}|\d{1,2}-?[KQ](?:/A)?|[\d.,]+%?|[A-Za-z]+|\d{4}[-/]\d{2,4}"
    r"|[A-Za-z]+(?:[-/][A-Za-z]+)+|\d+(?:st|nd|rd|th)|Q[1-4](?:\d{4}|'\d{4})|[DN]\d+(?::[pcs][\d.-]+)?",
    re.IGNORECASE,
)
_SHORTEST_CODE = 5
"""Letters and digits from which a token may be a key without being called one."""


@dataclass(frozen=True)
class ParsedQuestion:
    """A question, understood as far as its words go."""

    text: str
    words: tuple[str, ...]
    """Every content word, in order, in lower case."""
    years: tuple[str, ...]
    keys: tuple[str, ...]
    """Tokens and quoted strings that may be keys of records."""
    locators: tuple[Locator, ...]

    @property
    def places(self) -> tuple[Locator, ...]:
        """Locators that name a place to read: no notes."""
        return tuple(each for each in self.locators if each.kind is not LocatorKind.NOTE)

    @property
    def documents(self) -> tuple[int, ...]:
        """Numbers of the documents that locators name."""
        return tuple(dict.fromkeys(place.number for place in self.places))

    @cached_property
    def wanted(self) -> frozenset[str]:
        """Stems of the content words."""
        return frozenset(map(stem, self.words))

    @cached_property
    def pattern(self) -> re.Pattern[str]:
        """Finds the words of a text that may have one of the wanted stems."""
        stems = "|".join(sorted(map(re.escape, self.wanted), key=len, reverse=True))
        return re.compile(rf"(?<![^\W_])(?:{stems})[^\W_]*" if stems else r"(?!)", re.IGNORECASE)


def read_question(text: str) -> ParsedQuestion:
    """Take a question apart."""
    bare = _without_locators(text)
    return ParsedQuestion(
        text=text,
        words=tuple(dict.fromkeys(w for w in tokens(bare) if w not in STOP_WORDS)),
        years=years_in(bare),
        keys=_keys(bare),
        locators=tuple(dict.fromkeys(locator for locator, _, _ in find_locators(text))),
    )


def years_in(text: str) -> tuple[str, ...]:
    """The years written in `text`, each once, in order.

    >>> years_in("from FY2018 to FY20")
    ('2018', '2020')
    """
    found = [(match.start(), match[1]) for match in _YEAR.finditer(text)]
    found += [
        (match.start(), f"20{match[1]}")
        for match in _SHORT_YEAR.finditer(text)
        if not re.match(r"\d\d", text[match.end() :])
    ]
    return tuple(dict.fromkeys(year for _, year in sorted(found)))


def _without_locators(question: str) -> str:
    for locator, start, end in reversed(find_locators(question)):
        if locator.kind is not LocatorKind.DOCUMENT or question[start:end].startswith("D"):
            question = question[:start] + " " + question[end:]
    return question


def _keys(question: str) -> tuple[str, ...]:
    found = [
        next(g for g in match.groups() if g is not None) for match in _QUOTED.finditer(question)
    ]
    found += [m[1] for m in _AFTER_KEY.finditer(question) if m[1].lower() not in STOP_WORDS]
    for match in _CODE.finditer(question):
        peculiar = len(match[0]) >= _SHORTEST_CODE and re.search(r"\d|_", match[0])
        if peculiar and not _NO_KEY.fullmatch(match[0]):
            found.append(match[0])
    return tuple(dict.fromkeys(each.strip() for each in found if each.strip()))
