"""Asked: what a question wants, as concepts with weights, years, places and keys."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum

from docpager.core.locators import Locator, LocatorKind, find_locators
from docpager.models.extractive.words import GENERIC, STOP_WORDS, Glossary, stem, tokens

__all__ = ["Asked", "Concept", "Wants", "read_question", "years_in"]

_SENTENCE_END = re.compile(r"(?<=[?!])\s+|(?<=[.;])\s+(?=[A-Z0-9\"“(])|\n+")
_OPENER = re.compile(
    r"\b(what|which|who|whom|whose|when|where|why|how|is|are|was|were|do|does|did|has|have|had|can"
    r"|will|would|should|among|wer|was|wann|wo|wie|wieviel|welche[rsnm]?|warum)\b",
    re.IGNORECASE,
)
_YEAR = re.compile(r"(?<!\d)(?:FY\s?|CY\s?|Q[1-4]\s?'?|H[12]\s?'?)?((?:19|20)\d\d)(?!\d)", re.I)
_SHORT_YEAR = re.compile(r"\b(?:FY|CY)\s?'?(\d\d)(?!\d)", re.IGNORECASE)
_QUARTER = re.compile(r"\bQ([1-4])(?!\d(?!0\d\d))|\b(first|second|third|fourth)[- ]quarter", re.I)
_ORDINALS = {"first": "1", "second": "2", "third": "3", "fourth": "4"}
_QUOTED = re.compile(
    r'"([^"\n]{1,200})"|“([^”\n]{1,200})”|`([^`\n]{1,200})`|(?<!\w)\'([^\'\n]{1,200})\'(?!\w)'
)
_CODE = re.compile(r"(?<![\w])[\w][\w./:+#-]*[\w](?![\w])")
_AFTER_KEY = re.compile(
    r"\b(?:key|code|id|identifier|entry|symbol|tag|label|alias|record|token|name)s?\s*(?:is\s+)?[:=]?\s+"
    r"([\w][\w./:+#-]*[\w]|\w)"
)
_NOT_A_KEY = re.compile(
    r"(?:FY|CY|Q[1-4]|H[12])?'?\d{2,4}|\d{1,2}-?[KQ](?:/A)?|[\d.,]+%?|[A-Za-z]+|\d{4}[-/]\d{2,4}"
    r"|[A-Za-z]+(?:[-/][A-Za-z]+)+|\d+(?:st|nd|rd|th)|Q[1-4](?:\d{4}|'\d{4})|[DN]\d+(?::[pcs][\d.-]+)?",
    re.IGNORECASE,
)
_HOW = "much|many|large|big|long|far|old|high|tall|fast|heavy|tight|deep|wide|thick|strong|hot|cold"
_WIE = "viel|lange|schwer|alt|weit|tief"
_PEOPLE = "person|man|woman|employee|author|officer|director|engineer|manager"
_YEAR_BEFORE = re.compile(
    r"\b(?:year|season|jahr|saison) (?:just )?(?:before|prior to|preceding|vor) ((?:19|20)\d\d)\b",
    re.I,
)
_SHORTEST_CODE = 5
"""Letters and digits from which a token may be a key without being called one."""


_MONTHS = (
    "January|February|March|April|May|June|July|August|September|October|November|December"
    "|Januar|Februar|März|Mai|Juni|Juli|Oktober|Dezember"
)
_DAY = re.compile(rf"(?<!\d)\d{{1,2}}\.? (?:{_MONTHS})\b")
_NUMBERED_NAME = re.compile(
    rf"(?<![\w.])(?!(?:FY|CY|{_MONTHS}|In|By|From|To|Of|At|On|And|The|Is|Was|Between|Item|USD)\b)"
    r"[A-ZÄÖÜ][a-zäöüß]+ (?:[A-Z]|\d{{1,3}})(?![\w.,%-]*\d|[\w'’&-])"
)


class Wants(StrEnum):
    """The kind of answer."""

    AMOUNT = "amount"
    DATE = "date"
    PERSON = "person"
    PLACE = "place"
    REASON = "reason"
    YES_NO = "yes_no"
    TEXT = "text"


@dataclass(frozen=True, slots=True)
class Concept:
    """One thing that an answer should speak of, in any of several wordings."""

    wordings: tuple[tuple[str, ...], ...]
    """Each a set of stems that stand together; the question's own first."""
    weight: float
    texts: tuple[str, ...] = ()
    """The wordings as one would write them in a search, in the same order."""
    hint: bool = False
    """Whether it only says where to look."""
    part: bool = False
    """Whether the question does not name it: an asked figure is computed from it."""


@dataclass(frozen=True, slots=True)
class Asked:
    """A question, understood as far as words go."""

    question: str
    concepts: tuple[Concept, ...]
    years: tuple[str, ...]
    quarters: tuple[str, ...]
    wants: Wants
    locators: tuple[Locator, ...]
    keys: tuple[str, ...]
    """Tokens and quoted strings that may be keys of records."""
    words: tuple[str, ...]
    """Every content word, in order, as the question writes it, in lower case."""
    names: frozenset[str]
    """Stems of words that the question writes like names."""
    phrases: tuple[str, ...] = ()
    """Names that need all their words to say which one is meant, such as `Series M`."""

    @property
    def places(self) -> tuple[Locator, ...]:
        """Locators that name a place to read: no notes."""
        return tuple(each for each in self.locators if each.kind is not LocatorKind.NOTE)


def read_question(question: str, glossary: Glossary) -> Asked:
    """Take a question apart."""
    bare = _without_locators(question)
    weighted = list(_weighted_words(bare))
    concepts = tuple(_concepts(weighted, glossary))
    return Asked(
        question=question,
        concepts=concepts,
        years=years_in(bare),
        quarters=tuple(
            dict.fromkeys(q[1] or _ORDINALS[q[2].lower()] for q in _QUARTER.finditer(bare))
        ),
        wants=_wants(bare),
        locators=tuple(dict.fromkeys(locator for locator, _, _ in find_locators(question))),
        keys=_keys(bare),
        words=tuple(word for word, _ in weighted),
        names=frozenset(_names(bare)),
        phrases=tuple(
            dict.fromkeys(m[0] for p in (_NUMBERED_NAME, _DAY) for m in p.finditer(bare))
        ),
    )


def years_in(text: str) -> tuple[str, ...]:
    """The years written in `text`, each once, in order.

    >>> years_in("from FY2018 to FY20")
    ('2018', '2020')
    """
    text = _YEAR_BEFORE.sub(lambda match: str(int(match[1]) - 1), text)
    found = [(m.start(), m[1]) for m in _YEAR.finditer(text)]
    found += [
        (m.start(), f"20{m[1]}")
        for m in _SHORT_YEAR.finditer(text)
        if m[1] not in ("19", "20") or not re.match(r"\d\d", text[m.end() : m.end() + 2])
    ]
    return tuple(dict.fromkeys(year for _, year in sorted(found)))


def _without_locators(question: str) -> str:
    for locator, start, end in reversed(find_locators(question)):
        if locator.kind is not LocatorKind.DOCUMENT or question[start:end].startswith("D"):
            question = question[:start] + " " + question[end:]
    return question


def _weighted_words(question: str) -> Iterator[tuple[str, float]]:
    """Content words with how much they count: less outside the clause that asks."""
    sentences = [s for s in _SENTENCE_END.split(question) if s and s.strip()]
    asks = any("?" in sentence for sentence in sentences)
    for sentence in sentences:
        weight = 1.0 if "?" in sentence or not asks else 0.3
        start = _asking_clause(sentence)
        for text, share in ((sentence[:start], 0.3), (sentence[start:], 1.0)):
            for word in tokens(text):
                if word not in STOP_WORDS and not _is_year(word):
                    yield word, weight * share


def _asking_clause(sentence: str) -> int:
    """Where the clause that asks begins: after a preamble that ends in a comma or colon."""
    for opener in _OPENER.finditer(sentence):
        before = sentence[: opener.start()].rstrip()
        if not before:
            return 0
        if before[-1] in ",:":
            return opener.start()
    return 0


def _is_year(word: str) -> bool:
    return (
        re.fullmatch(r"(?:fy|cy|q[1-4]|h[12])?'?(?:(?:19|20)\d\d|\d\d)?|q[1-4]'?", word) is not None
    )


def _concepts(weighted: Sequence[tuple[str, float]], glossary: Glossary) -> Iterator[Concept]:
    words = [stem(word) for word, _ in weighted]
    seen: set[tuple[str, ...]] = set()
    position = 0
    while position < len(words):
        length = glossary.longest_phrase(words, position) or 1
        phrase = tuple(words[position : position + length])
        weight = sum(_own_weight(*weighted[n]) for n in range(position, position + length))
        weight *= 1.0 if length == 1 else 0.5 + 0.5 / length + 0.15
        if phrase not in seen:
            seen.add(phrase)
            hint = _is_place_to_look(phrase)
            own = " ".join(word for word, _ in weighted[position : position + length])
            yield _concept(phrase, own, glossary, weight=0.9 if hint else weight, hint=hint)
            for part in glossary.parts(phrase):
                if part not in seen:
                    seen.add(part)
                    text = glossary.written.get(part, " ".join(part))
                    yield _concept(part, text, glossary, weight=0.6 * max(weight, 0.5), part=True)
        position += length


def _concept(
    phrase: tuple[str, ...], text: str, glossary: Glossary, *, weight: float,
    hint: bool = False, part: bool = False,
) -> Concept:  # fmt: skip
    others = glossary.equals(phrase)
    texts = (text, *(glossary.written.get(other, " ".join(other)) for other in others))
    return Concept((phrase, *others), weight, texts, hint, part)


_PLACE_TO_LOOK = frozenset(
    tuple(stem(word) for word in phrase.split())
    for phrase in (
        "income statement", "statement income", "balance sheet", "cash flow statement",
        "statement cash flows", "statement financial position", "p&l statement", "profit loss",
        "statement operations", "statement earnings",
    )
)  # fmt: skip


def _is_place_to_look(phrase: tuple[str, ...]) -> bool:
    return phrase in _PLACE_TO_LOOK


def _own_weight(word: str, share: float) -> float:
    if word in GENERIC:
        return 0.15 * share
    if any(character.isdigit() for character in word):
        return 1.2 * share
    return share * (0.7 if len(word) <= 3 else 1.0)


def _names(question: str) -> Iterator[str]:
    """Stems of words with a capital letter that do not begin a sentence."""
    for match in re.finditer(r"(?<![\w.])[A-Z0-9][\w&'’.-]*", question):
        before = question[: match.start()].rstrip()
        if before and before[-1] not in ".?!:\n" and re.search(r"[A-Z]", match[0]):
            for word in tokens(match[0]):
                if word not in STOP_WORDS and word not in GENERIC and not _is_year(word):
                    yield stem(word)


def _keys(question: str) -> tuple[str, ...]:
    found = [
        next(g for g in match.groups() if g is not None) for match in _QUOTED.finditer(question)
    ]
    found += [m[1] for m in _AFTER_KEY.finditer(question) if m[1].lower() not in STOP_WORDS]
    for match in _CODE.finditer(question):
        peculiar = len(match[0]) >= _SHORTEST_CODE and re.search(r"\d|_", match[0])
        if peculiar and not _NOT_A_KEY.fullmatch(match[0]):
            found.append(match[0])
    return tuple(dict.fromkeys(each.strip() for each in found if each.strip()))


def _wants(question: str) -> Wants:
    sentences = [s.strip() for s in _SENTENCE_END.split(question) if s and "?" in s] or [question]
    asking = sentences[0][_asking_clause(sentences[0]) :].lower()
    if re.search(
        rf"\bhow (?:{_HOW})\b|\bwieviel|\bwie (?:viel|lange|schwer|alt|weit|tief)", asking
    ):
        return Wants.AMOUNT
    if re.match(r"\W*(?:why|what (?:drove|caused|led|is the reason|explains)|warum)\b", asking):
        return Wants.REASON
    if re.match(rf"\W*(?:who|whom|whose|wer|wem|wen|(?:which|what) (?:{_PEOPLE}))\b", asking):
        return Wants.PERSON
    if re.match(
        r"\W*(?:(?:since |by |bis |seit )?(?:when|wann))\b"
        r"|.*\b(?:what|which|in what) (?:year|date|day|month)\b",
        asking,
    ):
        return Wants.DATE
    if re.match(r"\W*(?:where|wo)\b", asking):
        return Wants.PLACE
    if re.match(
        r"\W*(?:is|are|was|were|do|does|did|has|have|had|can|could|will|would|should)\b", asking
    ):
        return Wants.YES_NO
    amount = (
        r"\b(?:amount|number|total|percent|percentage|ratio|rate|price|cost|value|average|sum|size"
        r"|speed|weight|height|length|width|depth|distance|temperature|salary|fee|gehalt|preis"
        r"|revenue|income|margin|expenditure|expense|profit|debt|assets|count|net|ebitda\w*|turnover)\b"
    )
    if re.match(r"\W*(?:what|which|wie hoch)\b", asking) and re.search(amount, asking):
        return Wants.AMOUNT
    return Wants.TEXT
