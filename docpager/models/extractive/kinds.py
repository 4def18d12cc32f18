"""Kinds of answer: what a figure, date or name that a question wants looks like in a text."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from functools import cache

from docpager.models.extractive.questions import Asked, Wants
from docpager.models.extractive.words import GENERIC, STOP_WORDS, stem, tokens

__all__ = ["fitness", "likeness", "picked", "tells_kind", "unit_pattern"]

_ONES = "one|two|three|four|five|six|seven|eight|nine"
_TENS = "twenty|thirty|forty|fifty|sixty|seventy|eighty|ninety"
_SPELT = (
    rf"(?:{_TENS})(?:-(?:{_ONES}))?|{_ONES}|ten|eleven|twelve|thirteen|fourteen|fifteen|sixteen"
    r"|seventeen|eighteen|nineteen|hundred|half a|zwei|drei|vier|fünf|sechs|sieben|acht|neun|zehn"
    r"|elf|zwölf|zwanzig|dreißig"
)
_NUMBER = rf"(?<![\w.,])(?:[$€£]\s?)?(?:\d[\d,.]*\d|\d|(?:{_SPELT})(?!\w))"
_SCALE = r"(?:\s(?:hundred|thousand|million|billion|Millionen|Tausend|and a half))*"
_ANY_NUMBER = re.compile(_NUMBER, re.IGNORECASE)
_ENUMERATED = re.compile(r"^\s*\(?\d{1,2}[.)]\s|§\s?\d+")
_UNFIT = 0.75
"""Factor for a sentence without a figure of the unit that is asked for."""
_BARE_YEAR = re.compile(r"(?<!\d)(?:19|20)\d\d(?!\d)")

_MEASURES = {
    "mass": r"(?:milli|micro|kilo)?gram(?:me)?s?|[mk]?g|kilos?|tonn?e?s?|pounds?|lbs?|ounces?"
    r"|(?:Kilo)?gramm|Tonnen?",
    "length": r"(?:kilo|centi|milli)?met(?:re|er)s?|[kcm]?m|feet|foot|ft|inch(?:es)?|miles?|yards?"
    r"|(?:Kilo|Zenti|Milli)?metern?",
    "time": r"seconds?|minutes?|hours?|days?|nights?|weeks?|months?|years?|decades?|Sekunden?"
    r"|Minuten?|Stunden?|Tagen?|Wochen?|Monate?n?|Jahre?n?",
    "money": r"crowns?|dollars?|euros?|pounds?|francs?|cents?|yen|[A-Z]{3}|Kronen|Franken|kcr",
    "percent": r"per ?cent|%|percentage points?|Prozent|vom Hundert",
    "speed": r"km/h|mph|m/s|knots?|(?:(?:kilo)?met(?:re|er)s?|miles) (?:an|per) (?:hour|second)"
    r"|Stundenkilometern?",
    "temperature": r"degrees?|°\s?[CF]?|Grad",
    "energy": r"(?:kilo|mega|giga|tera)?watts?(?:[- ]hours?)?|[kMGT]?Wh?|joules?|[kMG]?J"
    r"|(?:Kilo|Mega)?wattstunden",
    "force": r"newtons?|k?N",
    "volume": r"lit(?:re|er)s?|l|gallons?|cubic \w+|barrels?|Litern?",
}
_ASKING = {
    "mass": r"how heavy|weigh\w*|weight|wie schwer|wiegt|gewicht",
    "length": r"how (?:far|tall|wide|deep|thick)|distance|height|length|width|depth|diameter"
    r"|wie (?:weit|hoch ist der|lang ist)",
    "time": r"how (?:long|old)|how much (?:time|notice|longer)|duration|wie (?:lange|alt)",
    "money": r"costs?|price[sd]?|paid|pay|spen[dt]|charged?|fees?|salary|worth|kostete?n?"
    r"|preis|gehalt",
    "percent": r"percentage|per ?cent|proportion|share of|prozent",
    "speed": r"how fast|speed|wie schnell|geschwindigkeit",
    "temperature": r"how (?:hot|cold|warm)|temperature|temperatur",
    "energy": r"how much (?:electricity|energy|power)|strom",
    "force": r"force",
    "volume": r"volume|capacity|how much (?:water|oil|fuel)",
}
_COUNTED = re.compile(
    r"\b(?:how many|wie ?viele?)\s+(?:(?:of|more|fewer|other|thousand|million|billion)\s+)*"
    r"([^\W\d_]+)"
    r"|\bin ((?:micro|milli|kilo|mega)?[^\W\d_]+(?: [^\W\d_]+)?),",
    re.IGNORECASE,
)
_MONTH = (
    r"(?:January|February|March|April|May|June|July|August|September|October|November|December"
    r"|Januar|Februar|März|Mai|Juni|Juli|Oktober|Dezember)"
)
_DATE = re.compile(
    rf"(?:\d{{1,2}}\.?\s+)?{_MONTH}(?:\s+\d{{1,2}}(?:st|nd|rd|th)?,)?(?:\s+(?:1\d|20)\d\d)?"
    r"|\b\d{1,2}\.\d{1,2}\.\d{2,4}|(?<![\d.,])1[0-9]\d\d(?![\d.,]*\d)|(?<![\d.,])20\d\d(?![\d.,]*\d)"
)
_PERSON = re.compile(
    r"(?:(?:Mr|Mrs|Ms|Miss|Dr|Prof|Herrn?|Frau|Captain)\.?\s+)+[A-ZÄÖÜ][\w’'-]+(?:\s[A-ZÄÖÜ][\w’'-]+)?"
    r"|(?<![.!?]\s)(?<!^)\b[A-ZÄÖÜ][a-zà-ÿ]+\s(?:[A-Z]\.\s)?[A-ZÄÖÜ][a-zà-ÿ]+\b"
    r"|^[A-ZÄÖÜ][a-zà-ÿ]+\s(?:[A-Z]\.\s)?[A-ZÄÖÜ][a-zà-ÿ]+\b"
)
_PLACE = re.compile(r"\b(?:in|at|near|from|of|zu|bei) (?:the )?[A-ZÄÖÜ][\w-]+")
_REASONS = re.compile(
    r"\b(?:due to|because|driven by|drove|as a result|resulted? (?:from|in)|attributable to"
    r"|primarily|mainly|reflect(?:s|ing|ed)|owing to|caused by|offset by|led to|thanks to"
    r"|weil|wegen)\b",
    re.IGNORECASE,
)


def likeness(asked: Asked, text: str, *, row: bool, above: str = "") -> float:
    """From 0 to 1: how much `text` looks like the kind of answer that is wanted.

    `above` are the caption and column heads of a row, which may tell its units.
    """
    match asked.wants:
        case Wants.AMOUNT:
            if not _numbered(text):
                return 0.0
            pattern = unit_pattern(asked.question)
            if pattern is None:
                return 1.0 if row else 0.8
            told = pattern.search(text) or (row and _above(asked, above))
            return 1.0 if told else (0.6 if row else 0.2)
        case Wants.REASON:
            return 1.0 if _REASONS.search(text) else 0.0
        case Wants.DATE:
            return 1.0 if _DATE.search(text) else 0.0
        case Wants.PERSON:
            return 1.0 if next(_persons(asked, text), "") else 0.0
        case Wants.PLACE:
            return 1.0 if _PLACE.search(text) else 0.0
        case _:
            return 0.4 if row else 0.6


def tells_kind(asked: Asked) -> bool:
    """Whether the kind that is wanted can be told from others by its form."""
    if asked.wants is Wants.AMOUNT:
        return unit_pattern(asked.question) is not None
    return asked.wants in (Wants.PERSON, Wants.DATE)


def fitness(asked: Asked, text: str, *, row: bool) -> float:
    """Below 1 for what cannot be the kind of answer that is wanted."""
    if asked.wants is Wants.AMOUNT and not _numbered(text):
        return 0.6
    if asked.wants is Wants.AMOUNT and not row:
        pattern = unit_pattern(asked.question)
        return _UNFIT if pattern and not pattern.search(text) else 1.0
    if asked.wants is Wants.REASON and not _REASONS.search(text):
        return 0.85
    if asked.wants is Wants.DATE and not _DATE.search(text):
        return 0.75
    if asked.wants is Wants.PERSON and not next(_persons(asked, text), ""):
        return 0.8
    return 1.0


def picked(asked: Asked, text: str, unlike: Collection[str] = ()) -> str:
    """The one figure, date or person of `text` that is of the wanted kind; "" if not just one."""
    match asked.wants:
        case Wants.AMOUNT:
            pattern = unit_pattern(asked.question)
            found = [m[0] for m in pattern.finditer(text)] if pattern else []
        case Wants.DATE:
            found = [m[0] for m in _DATE.finditer(text) if not set(tokens(m[0])) <= set(unlike)]
        case Wants.PERSON:
            found = list(_persons(asked, text))
        case _:
            found = []
    values = list(dict.fromkeys(" ".join(each.split()) for each in found))
    return values[0] if len(values) == 1 else ""


def _persons(asked: Asked, text: str) -> Iterator[str]:
    said = {stem(word) for word in asked.words}
    for match in _PERSON.finditer(text):
        words = tokens(match[0])
        if not any(stem(w) in said or w in STOP_WORDS or w in GENERIC for w in words):
            yield match[0]


def _numbered(text: str) -> bool:
    text = _ENUMERATED.sub("", _BARE_YEAR.sub("", text))
    return _ANY_NUMBER.search(text) is not None


def _above(asked: Asked, above: str) -> bool:
    """Whether column heads or a caption tell the unit or the year that is asked for."""
    if any(year in above for year in asked.years):
        return True
    units = _units(asked.question)
    return re.search(rf"(?<!\w)(?:{units})(?!\w)", above, re.IGNORECASE) is not None


@cache
def unit_pattern(question: str) -> re.Pattern[str] | None:
    """A figure with a unit, or a thing counted, that `question` asks for; None if it tells none."""
    units = _units(question)
    if not units:
        return None
    figure = rf"{_NUMBER}{_SCALE}[\s-]?(?:{units})(?!\w)"
    priced = rf"|[$€£]\s?\d[\d,.]*{_SCALE}" if _MEASURES["money"] in units else ""
    return re.compile(figure + priced, re.IGNORECASE)


def _units(question: str) -> str:
    """What a figure that `question` asks for is counted in, as alternatives of a pattern."""
    asking = question.lower()
    either = [
        _MEASURES[name]
        for name, pattern in _ASKING.items()
        if re.search(rf"\b(?:{pattern})\b", asking)
    ]
    counted = [m[1] or m[2] for m in _COUNTED.finditer(question)]
    nouns = [rf"(?:[^\W\d_]+\s){{0,2}}?{re.escape(stem(n.lower()))}\w*" for n in counted if n]
    return "|".join(nouns or either)
