"""Words: how a text is taken apart, which words say little, which mean the same."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from importlib.resources import files

__all__ = ["GENERIC", "STOP_WORDS", "Glossary", "stem", "stems", "tokens"]

_WORD = re.compile(r"[^\W_]+(?:[&'’][^\W_]+)*")

_STOP_WORDS = """
a about above after again against all also am an and any are as at be because been before
being below between both but by can cannot could did do does doing down during each either
else few for from further had has have having he her here hers him his how i if in into is it
its itself just let may me might more most must my neither no nor not now of off on once one
only or other our out over own per please same shall she should so some such than that the
their them then there these they this those through to too under until up upon us very via was
we were what whatever when where whether which while who whom whose why will with within
without would yes you your s t d ll ve re aber als am an auch auf aus bei bis da damit das
dass dem den der des die dies diese dieser dieses durch ein eine einem einen einer eines er es
für gegen hat haben hatte ihr ihre im in ist kann man mit nach nicht noch nur oder sein seine
sich sie sind so über um und uns unter vom von vor war waren was wann warum welche welcher
welches wer werden wie wird wo wurde wurden zu zum zur wieviel viele de du la le les des et
est une un dans pour par sur que qui quel quelle
"""
STOP_WORDS = frozenset(_STOP_WORDS.split())

_GENERIC = """
according address amount analyst annual answer asked assume base based basis calculate call
called clearly company compare compared corporation details document documents exact explain
find following fy fiscal fye give given group inc include included including information item
items judgment kind ltd many metric much name named number outlined period place places
plainly primarily primary provide provided question referencing related relying report
reported respond response result round section show shown specific state stated statement tell
term text total type unit units use used useful using usd utilizing value values year years
end ended ending million millions billion billions thousand thousands dollar dollars percent
percentage
"""
GENERIC = frozenset(_GENERIC.split())
"""Words that questions are full of and that select little."""

_SUFFIXES = (
    "izations", "isations", "ization", "isation", "ational", "fulness", "ations", "ation", "ments",
    "ances", "ences", "ities", "ingly", "ment", "ance", "ence", "ings", "ions", "ical", "able",
    "ible", "ies", "ied", "ing", "ity", "ion", "ive", "ous", "ers", "ors", "ial", "al", "er", "or",
    "es", "ed", "ly", "ic", "s", "e", "y",
)  # fmt: skip
_BY_LETTER = {
    letter: tuple(suffix for suffix in _SUFFIXES if suffix[-1] == letter)
    for letter in {suffix[-1] for suffix in _SUFFIXES}
}
"""The suffixes, in their order, by their last letter: most words are asked about few of them."""
_SHORTEST_STEM = 4


def tokens(text: str) -> list[str]:
    """The words of `text` in lower case, possessive endings dropped."""
    return [_unpossessed(match[0].lower()) for match in _WORD.finditer(text)]


def stem(word: str) -> str:
    """A lower-case word without its endings; always a beginning of it.

    >>> stem("expenditures"), stem("acquired"), stem("operating"), stem("sales")
    ('expenditur', 'acquir', 'operat', 'sale')
    """
    if len(word) <= _SHORTEST_STEM or not word.isalpha():
        return word
    for _ in range(2):
        word = _stripped(word)
    return word


def _stripped(word: str) -> str:
    for suffix in _BY_LETTER.get(word[-1], ()):
        if word.endswith(suffix) and len(word) - len(suffix) >= _SHORTEST_STEM:
            if suffix == "s" and word.endswith(("ss", "us", "is")):
                continue
            return word[: -len(suffix)]
    return word[:-1] if word.endswith("s") and len(word) == 5 and word[-2] != "s" else word


def stems(text: str) -> list[str]:
    """The stems of all words of `text`, in order."""
    return [stem(word) for word in tokens(text)]


def _unpossessed(word: str) -> str:
    for ending in ("'s", "’s"):
        if word.endswith(ending):
            return word[:-2]
    return word


@dataclass(frozen=True, slots=True)
class Glossary:
    """Which phrases of business English mean the same, and what figures are made of."""

    same: tuple[tuple[tuple[str, ...], ...], ...] = ()
    """Groups of phrases, each phrase a sequence of stems."""
    made_of: tuple[tuple[tuple[str, ...], tuple[tuple[str, ...], ...]], ...] = ()
    """(a figure, the phrases of the lines it is computed from)."""
    statements: tuple[tuple[tuple[str, ...], tuple[tuple[str, ...], ...]], ...] = ()
    """(how a financial statement is headed, the lines that stand in it)."""
    written: Mapping[tuple[str, ...], str] = field(default_factory=dict)
    """Each phrase as the glossary writes it."""

    def equals(self, phrase: Sequence[str]) -> tuple[tuple[str, ...], ...]:
        """Other ways to say `phrase`, a sequence of stems."""
        found: dict[tuple[str, ...], None] = {}
        for group in self.same:
            if tuple(phrase) in group:
                found |= dict.fromkeys(each for each in group if each != tuple(phrase))
        return tuple(found)

    def parts(self, phrase: Sequence[str]) -> tuple[tuple[str, ...], ...]:
        """The lines from which the figure `phrase` is computed."""
        return tuple(
            part for figure, parts in self.made_of if figure == tuple(phrase) for part in parts
        )

    def titles_of(self, phrase: Sequence[str]) -> tuple[tuple[str, ...], ...]:
        """How the statements are headed in which the line `phrase` stands."""
        return tuple(titles for titles, lines in self.statements if tuple(phrase) in lines)

    def longest_phrase(self, words: Sequence[str], start: int) -> int:
        """Length of the longest known phrase that begins at `start` of `words`; 0 if none."""
        known = [phrase for group in self.same for phrase in group]
        known += [figure for figure, _ in self.made_of]
        known += [line for _, lines in self.statements for line in lines]
        lengths = [len(p) for p in known if tuple(words[start : start + len(p)]) == p]
        return max(lengths, default=0)


def read_glossary() -> Glossary:
    """The glossary that ships with the package."""
    text = files("docpager.models.extractive").joinpath("glossary.txt").read_text(encoding="utf-8")
    return parse_glossary(text.splitlines())


def parse_glossary(lines: Iterable[str]) -> Glossary:
    """Lines such as `capex ~ capital expenditures` and `gross margin < gross profit, net sales`."""
    same, made_of, statements = [], [], []
    written: dict[tuple[str, ...], str] = {}
    for line in lines:
        line = line.partition("#")[0].strip()
        for text in re.split(r"[~<>;]", line):
            written |= {phrase: text.strip() for phrase in _phrases(text, "~")}
        if "<" in line:
            figures, _, parts = line.partition("<")
            made_of += [(figure, _phrases(parts, ";")) for figure in _phrases(figures, "~")]
        elif ">" in line:
            titles, _, lines_in = line.partition(">")
            written_titles = tuple(title.strip() for title in titles.split("~"))
            statements.append((written_titles, _phrases(lines_in, ";")))
        elif "~" in line:
            same.append(_phrases(line, "~"))
    return Glossary(tuple(same), tuple(made_of), tuple(statements), written)


def _phrases(text: str, separator: str) -> tuple[tuple[str, ...], ...]:
    phrases = (tuple(s for s in stems(p) if s not in STOP_WORDS) for p in text.split(separator))
    return tuple(phrase for phrase in phrases if phrase)
