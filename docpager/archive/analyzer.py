"""What counts as a word, in passages and in questions alike.

Words too common to search for, a short list per language.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Sequence
from itertools import chain
from typing import NamedTuple

__all__ = ["ANALYZER_VERSION", "STOP_WORDS", "Analyzer", "TermSpan", "stem", "without_stop_words"]

ANALYZER_VERSION = 1
"""Version of the rules by which a text becomes terms. Whoever changes the terms of any text raises
it: a word index made by another version is rebuilt before it is searched."""

_ENGLISH = """
a about an and any are as at be been but by can could did do does for from had has have he her his
how i if in into is it its me my of on or our she should so than that the their them then there
these they this those to was we were what when where which who whom whose why will with would you
your
"""
_GERMAN = """
als am an auch auf aus bei bin bis das dass dem den der des die du durch ein eine einem einen
einer eines er es für hat ich ihr im in ist kann man mit nach nicht oder sie sind so und vom von
vor war waren warum was welche welchen welcher welches wenn wer werden wie wird wo zu zum zur über
"""
_FRENCH = """
a à au aux avec ce ces cette comme comment d dans de des du elle en est et eu il ils je l la le
les leur lui mais ne nous on ou où par pas pour pourquoi qu quand que quel quelle quelles quels
qui s sa se ses son sont sur un une vous était
"""
_SPANISH = """
a al como cómo con cual cuál cuáles cuando cuándo de del donde dónde el ella en era es esta este
fue ha la las le lo los más no o para pero por qué que quien quién se ser si sin sobre son su sus
un una y
"""

STOP_WORDS = {
    "en": frozenset(_ENGLISH.split()),
    "de": frozenset(_GERMAN.split()),
    "fr": frozenset(_FRENCH.split()),
    "es": frozenset(_SPANISH.split()),
}


def without_stop_words(words: Sequence[str]) -> list[str]:
    """The words without the stop words of their likeliest language; all of them if none is left."""
    folded = [word.lower() for word in words]
    # A question has one language: `die` is an article in one and a verb in another.
    listed = max(STOP_WORDS.values(), key=lambda stops: sum(word in stops for word in folded))
    kept = [word for word, low in zip(words, folded, strict=True) if low not in listed]
    return kept or list(words)


_CJK = "\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af\uf900-\ufaff"
# Marks that belong to the letter before them but are no letters to `re`.
_MARKS = "\u0300-\u036f\u0591-\u05c7\u0610-\u061a\u064b-\u065f\u0900-\u0dff\u0e00-\u0eff"
_LETTERS = rf"(?:[^\W_{_CJK}]++|[{_MARKS}]++)++"
_JOINT = r"(?:[-\u2010\u2011\u00ad]\n(?=[a-z])|[-_.,'’&/@:+\u2010\u2011\u00ad])"
_COMPOUND = re.compile(rf"[{_CJK}]+|{_LETTERS}(?:{_JOINT}{_LETTERS})*")
# The same for ASCII, three times as fast: every word of every hit passes here.
_ASCII = re.compile(r"[A-Za-z0-9]++(?:(?:-\n(?=[a-z])|[-_.,'&/@:+])[A-Za-z0-9]++)*")
# A word that goes on in the next line is the one thing that spaces do not divide.
_DIVIDED = re.compile(r"[-\u2010\u2011\u00ad]\n(?=[a-z])")
_CJK_START = re.compile(f"[{_CJK}]")
_SPLIT = re.compile(_JOINT)
_SILENT = re.compile(r"[-'’_&\n\u2010\u2011\u00ad]")
_RUNS = re.compile(r"\d+|[^\W\d_]+")
_THOUSANDS = re.compile(r"\d{1,3}(?:,\d{3})+(?:\.\d+)?")
_DECIMAL = re.compile(r"\d+\.\d+")
_NUMBER = re.compile(r"\d+(?:\.\d+)?")
_UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_ACCENTS = re.compile("[\u0300-\u036f]")
_LONGEST = 80
"""Characters of a term; the rest of a longer one is cut off, in passages and questions alike."""
_MOST_RUNS = 4
"""Letters and digits taking turns more often, as in hexadecimal, are no words by themselves."""
_CACHED = 200_000


class TermSpan(NamedTuple):
    """Where a term stands in a text."""

    term: str
    start: int
    end: int


class Analyzer:
    """Takes text apart into terms; remembers the words it has met."""

    def __init__(self) -> None:
        self._known = _TermsOf()
        self._written = _TermsOfWritten(self._known)

    def terms(self, text: str) -> list[str]:
        """Every term of a passage, in order: words, and the parts of compounds and numbers."""
        if _is_divided(text):
            compounds = _pattern(text).findall(text)
            return list(chain.from_iterable(map(self._known.__getitem__, compounds)))
        # All in C: this is the most of what indexing a passage takes.
        return list(chain.from_iterable(map(self._written.__getitem__, text.split())))

    def places(self, text: str) -> Iterator[TermSpan]:
        """Every term of a text, and where it stands."""
        for match in _pattern(text).finditer(text):
            yield from self._places_in(match)

    def places_of(self, terms: frozenset[str], text: str) -> list[TermSpan]:
        """Where these terms stand in a text."""
        known, found = self._known, []
        for match in _pattern(text).finditer(text):
            if not terms.isdisjoint(known[match[0]]):
                found += [place for place in self._places_in(match) if place.term in terms]
        return found

    def query_terms(self, query: str) -> list[str]:
        """The distinct terms to look for; stop words only where there is nothing else."""
        compounds = without_stop_words(_pattern(query).findall(query))
        terms = [term for compound in compounds for term in _sought(self._known[compound])]
        return list(dict.fromkeys(terms))

    def _places_in(self, match: re.Match[str]) -> Iterator[TermSpan]:
        if _is_cjk(match[0]):
            yield from _bigram_places(match[0], match.start())
            return
        for term in self._known[match[0]]:
            yield TermSpan(term, match.start(), match.end())


class _TermsOf(dict[str, tuple[str, ...]]):
    """The terms of each compound met, taken apart once."""

    def __missing__(self, compound: str) -> tuple[str, ...]:
        if len(self) >= _CACHED:
            self.clear()
        terms = self[compound] = tuple(_analyze(compound))
        return terms


class _TermsOfWritten(dict[str, tuple[str, ...]]):
    """The terms of whatever stands between spaces, which no compound reaches across."""

    def __init__(self, known: _TermsOf) -> None:
        super().__init__()
        self._known = known

    def __missing__(self, written: str) -> tuple[str, ...]:
        compounds = _pattern(written).findall(written)
        terms = tuple(chain.from_iterable(map(self._known.__getitem__, compounds)))
        if len(self) >= _CACHED:
            self.clear()
        if len(written) <= _LONGEST:
            self[written] = terms
        return terms


def stem(word: str) -> str:
    """The word without an English plural ending, after Harman's S stemmer (1991).

    >>> stem("companies"), stem("assets"), stem("business")
    ('company', 'asset', 'business')
    """
    if len(word) > 4 and word.endswith("ies") and word[-4] not in "ae":
        return word[:-3] + "y"
    if len(word) > 3 and word.endswith("es") and word[-3] not in "aeo":
        return word[:-1]
    if len(word) > 3 and word.endswith("s") and word[-2] not in "ius":
        return word[:-1]
    return word


def _is_divided(text: str) -> bool:
    return "-\n" in text or (not text.isascii() and _DIVIDED.search(text) is not None)


def _pattern(text: str) -> re.Pattern[str]:
    return _ASCII if text.isascii() else _COMPOUND


def _sought(terms: tuple[str, ...]) -> tuple[str, ...]:
    # A number or a UUID is meant as a whole: its parts would match nearly everything.
    whole = terms[0]
    if _NUMBER.fullmatch(whole) or _UUID.fullmatch(whole):
        return terms[:1]
    if _is_cjk(whole):
        return tuple(pair for pair in terms if len(pair) == 2) or terms
    return terms


def _analyze(compound: str) -> list[str]:
    """The terms of one compound; the first is the whole of it."""
    folded = _fold(compound)
    if _is_cjk(folded):
        return _bigrams(folded)
    folded = re.sub(r"['’]s$", "", folded) or folded
    if folded.isalpha():
        return [stem(folded)[:_LONGEST]]
    if _UUID.fullmatch(folded):
        return [folded, *folded.split("-")]
    terms = [_whole(folded)]
    for word in _SPLIT.split(folded):
        runs = _RUNS.findall(word)
        runs = runs if len(runs) <= _MOST_RUNS else []
        terms += [stem(part)[:_LONGEST] for part in dict.fromkeys([word, *runs]) if len(part) > 1]
    return list(dict.fromkeys(terms))


def _whole(folded: str) -> str:
    if _THOUSANDS.fullmatch(folded) or _DECIMAL.fullmatch(folded):
        number = folded.replace(",", "")
        return number.rstrip("0").rstrip(".") if "." in number else number
    return stem(_SILENT.sub("", folded))[:_LONGEST]


def _is_cjk(run: str) -> bool:
    return _CJK_START.match(run) is not None


def _bigram_places(run: str, start: int) -> Iterator[TermSpan]:
    folded = _fold(run)
    # A sign that stands for several, or several for one: then they stand where the run does.
    exact = len(folded) == len(run)
    for n, character in enumerate(folded):
        first, last = (start + n, start + n + 1) if exact else (start, start + len(run))
        yield TermSpan(character, first, last)
        if n:
            yield TermSpan(folded[n - 1 : n + 1], first - exact, last)


def _bigrams(run: str) -> list[str]:
    pairs = [run[n : n + 2] for n in range(len(run) - 1)]
    return [*pairs, *run] if pairs else [run]


def _fold(word: str) -> str:
    if word.isascii():
        return word.lower()
    decomposed = _ACCENTS.sub("", unicodedata.normalize("NFKD", word))
    return unicodedata.normalize("NFKC", decomposed).casefold() or word
