"""What counts as a word, in passages and in questions alike.

Words too common to search for, a short list per language.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Sequence
from itertools import chain, compress
from operator import not_
from typing import NamedTuple

__all__ = [
    "ANALYZER_VERSION",
    "STOP_WORDS",
    "UNSPACED",
    "Analyzer",
    "TermSpan",
    "stem",
    "without_stop_words",
]

ANALYZER_VERSION = 2
"""Version of the rules by which a text becomes terms. Whoever changes the terms of any text raises
it: a word index made by another version is rebuilt before it is searched.

2: stretches of characters for Thai, Lao, Khmer and Burmese, and across line ends; Arabic and Hebrew
   without marks and variants of letters; letters such as o with a stroke as the plain letter; one
   term for U.K. and UK; numbers in the notations of several countries; 3.10 is not 3.1; raised
   digits are not part of a number; single capitals and IT, WHO, US as written; radicals as
   ideographs; digits of all scripts.
1: the first.
"""

_ENGLISH = """
a about an and any are as at be been but by can could did do does for from had has have he her his
how i if in into is it its me my of on or our she should so than that the their them then there
these they this those to us was we were what when where which who whom whose why will with would you
your
"""
_GERMAN = """
als am an auch auf aus bei bin bis das dass dem den der des die du durch ein eine einem einen
einer eines er es für hat ich ihr im in ist kann man mit nach nicht oder sie sind so und vom von
vor war waren warum was welche welchen welcher welches wenn wer werden wie wird wo zu zum zur über
"""
_FRENCH = """
a à au aux avec ce ces cette comme comment dans de des du elle en est et eu il ils je la le
les leur lui mais ne nous on ou où par pas pour pourquoi qu quand que quel quelle quelles quels
qui sa se ses son sont sur un une vous était
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


_STOPS_OF_ANY = frozenset().union(*STOP_WORDS.values())


def without_stop_words(words: Sequence[str]) -> list[str]:
    """The words without the stop words of their likeliest language; all of them if none is left.

    What is written in capitals to tell it from a stop word (`IT`, `WHO`, `Appendix A`) is kept.

    >>> without_stop_words(["Who", "runs", "the", "IT", "department"])
    ['runs', 'IT', 'department']
    """
    return [word for word, _ in _telling(words)]


def _telling(words: Sequence[str]) -> list[tuple[str, bool]]:
    """The words that are not stop words, and whether each is a label; all if none is left."""
    labelled = list(zip(words, _are_labels(words), strict=True))
    # A question has one language: `die` is an article in one and a verb in another. Single letters
    # are in every language's list, and a name in English as often.
    plain = [word.lower() for word, label in labelled if len(word) > 1 and not label]
    listed = max(STOP_WORDS.values(), key=lambda stops: sum(word in stops for word in plain))
    kept = [(word, label) for word, label in labelled if label or word.lower() not in listed]
    return kept or labelled


def _are_labels(words: Sequence[str]) -> list[bool]:
    """Which words of a question are in capitals because they are names, as in `Schedule D`."""
    stops = [word.lower() in _STOPS_OF_ANY for word in words]
    shouted = all(word.isupper() for word in words if word.isalpha()) and sum(stops) > 1
    labels = []
    for n, word in enumerate(words):
        if len(word) > 1:
            labels.append(not shouted and _label(word) is not None)
        elif n == 0 or (shouted and n + 1 < len(words)) or (word == "I" and stops[n - 1]):
            labels.append(False)
        else:
            labels.append(_label(word) is not None)
    return labels


def _label(word: str) -> str | None:
    """The term for a single capital, or for a stop word in capitals, besides that of the word."""
    letters = word.replace(".", "")
    if not (letters.isascii() and letters.isalpha() and letters.isupper()):
        return None
    return letters if len(letters) == 1 or letters.lower() in _STOPS_OF_ANY else None


# Scripts that put no spaces between words: ideographs with their radicals and kana, Hangul,
# Thai, Lao, Burmese, Khmer. Their digits and punctuation are left out.
_EAST_ASIAN = (
    "\u2e80-\u2fdf\u3005-\u3007\u3040-\u30ff\u3100-\u312f\u31a0-\u31bf\u31f0-\u31ff\u3400-\u4dbf"
    "\u4e00-\u9fff\uac00-\ud7af\uf900-\ufaff\uff66-\uff9f\U00020000-\U000323af"
)
_SOUTHEAST_ASIAN = (
    "\u0e01-\u0e3a\u0e40-\u0e4e\u0e81-\u0ece\u0edc-\u0edf\u1000-\u103f\u1050-\u108f\u109a-\u109d"
    "\u1780-\u17d3\u17d7\u17dc\u17dd\ua9e0-\ua9ef\ua9fa-\ua9fe\uaa60-\uaa7f"
)
UNSPACED = _EAST_ASIAN + _SOUTHEAST_ASIAN
"""The characters of such scripts, as the inside of a character class."""
# Marks that belong to the letter before them but are no letters to `re`.
_MARKS = (
    "\u0300-\u036f\u0483-\u0487\u0591-\u05bd\u05bf\u05c1\u05c2\u05c4\u05c5\u05c7\u0610-\u061a"
    "\u064b-\u065f\u0670\u06d6-\u06dc\u06df-\u06e4\u06e7\u06e8\u06ea-\u06ed\u0711\u0730-\u074a"
    "\u07a6-\u07b0\u0900-\u0963\u0971-\u0df3\u0f18\u0f19\u0f35\u0f37\u0f39\u0f71-\u0f84\u0f86-\u0fbc"
    "\u1ab0-\u1aff\u1dc0-\u1dff\u200d\u20d0-\u20f0\ufb1e\ufe00-\ufe0f\ufe20-\ufe2f"
)
_RAISED = "\u00b2\u00b3\u00b9\u2070\u2074-\u2079"
_FRACTIONS = "\u00bc-\u00be\u2150-\u215f\u2189"
_LETTERS = rf"(?:[^\W_{UNSPACED}{_RAISED}{_FRACTIONS}]++[{_MARKS}]*+)++"
_LOWER = "a-zß-öø-ÿāăąćčďđēęěğīıłńňōőœřśşšťūůűźżžα-ώа-яё"
_HYPHENS = r"-\u2010\u2011\u00ad"
_JOINT = (
    rf"(?!\s)(?:[{_HYPHENS}]\n(?=[{_LOWER}])|(?<=[\u05d0-\u05ea])[\"\u201d](?=[\u05d0-\u05ea])"
    rf"|[{_HYPHENS}_.,'’&/@:+^\u05be\u05f3\u05f4\u066b\u066c\u200b\u200c\u2060])"
)
_BREAK = r"(?:[ \t]*\r?\n[ \t\u3000]*|[\u200b\u2060])"
"""What a line end, or a place for one, puts between two characters of an unspaced script."""
_SPACES = "\u00a0\u2007\u2009\u202f"


def _run(characters: str) -> str:
    return rf"[{characters}]++(?:{_BREAK}[{characters}]++)*+"


def _grouped(spaces: str) -> str:
    """A number in groups of three: 2 345 678. A longer row of numbers is a row of numbers."""
    groups = "|".join(rf"(?:[{space}]\d{{3}})++" for space in (" ", spaces) if space)
    # Most places are ruled out by the first look.
    begins = rf"(?=\d)(?<![\w.,])(?<!\d[ {spaces}])"
    return rf"{begins}\d{{1,3}}(?:{groups})(?:[.,]\d+)?(?!\w|[ {spaces}]\d)"


_COMPOUND = re.compile(
    rf"{_grouped(_SPACES)}|{_LETTERS}(?:{_JOINT}{_LETTERS})*(?:[\u207a\u207b]?[{_RAISED}]++)?"
    rf"|{_run(_EAST_ASIAN)}|{_run(_SOUTHEAST_ASIAN)}"
)
# The same for ASCII, three times as fast: every word of every hit passes here.
_ASCII = re.compile(
    rf"{_grouped('')}|[A-Za-z0-9]++(?:(?:-\n(?=[a-z])|[-_.,'&/@:+^])[A-Za-z0-9]++)*"
)
# Whatever spaces do not divide has one of these: a word that goes on in the next line, a number
# in groups. Where it turns out to be nothing, only time was lost.
_GROUP = re.compile(r" (?<=\d )\d{3}(?!\d)")
_SPACED_GROUP = re.compile(rf"[{_SPACES}](?<=\d[{_SPACES}])\d{{3}}(?!\d)")
_HYPHEN_AT_END = re.compile(rf"\n(?<=[{_HYPHENS}]\n)")
_DIVIDED_RUN = re.compile(f"[{UNSPACED}]{_BREAK}[{UNSPACED}]")
_UNSPACED_START = re.compile(f"[{UNSPACED}]")
_SOUTHEAST_START = re.compile(f"[{_SOUTHEAST_ASIAN}]")
_SPLIT = re.compile(_JOINT + "| ")
_SILENT = re.compile(r"[-'’_&^\n\"\u201d\u2010\u2011\u00ad\u05be\u05f3\u05f4\u200b\u200c\u2060]")
_RAISED_END = re.compile(rf"[\u207a\u207b]?[{_RAISED}]+$")
_RUNS = re.compile(rf"\d+|(?:[^\W\d_]++[{_MARKS}]*+)++")
_DOTTED = re.compile(r"(?=.*\b[^\W\d_]\b)[^\W\d_]{1,4}(?:\.[^\W\d_]{1,4})+")
_THOUSANDS = re.compile(r"\d{1,3}(?:[,'’]\d{3})+(?:\.\d+)?")
_CONTINENTAL = re.compile(r"\d{1,3}(?:\.\d{3})+(?:,\d+)?")
_DECIMAL = re.compile(r"\d+(?:[.,]\d+)?")
_POWER = re.compile(r"\d+\^\d+")
_UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_VANISHING = re.compile(
    "[\u0300-\u036f\u0591-\u05bd\u05bf\u05c1\u05c2\u05c4\u05c5\u05c7\u0610-\u061a\u0640\u064b-\u065f"
    "\u0670\u06d6-\u06dc\u06df-\u06e4\u06e7\u06e8\u06ea-\u06ed\u17b4\u17b5\u200d\ufe00-\ufe0f]"
)
"""Accents, vowel signs that readers of Arabic and Hebrew do without, the stretcher of Arabic."""
_DIGIT = re.compile(r"(?![0-9])\d")
_ALIKE = str.maketrans(
    {
        **dict(zip("øłđðħŧıŋ", "oldhhtin", strict=True)),
        "æ": "ae",
        "œ": "oe",
        "þ": "th",
        # Alef, yeh, kaf and heh, which keyboards of several languages write each in their own way.
        **dict(zip("ٱىیکةەہھ", "اييكهههه", strict=True)),
        "\u066b": ".",
        "\u066c": ",",
        # Radicals without a compatibility decomposition (EquivalentUnifiedIdeograph.txt, Unicode).
        **dict(
            zip(
                "⺁⺂⺃⺄⺅⺇⺉⺋⺍⺎⺏⺐⺑⺒⺓⺔⺖⺘⺙⺛⺜⺝⺞⺠⺡⺢⺣⺤⺥⺧⺨⺫⺬⺭⺮⺯⺱⺲⺹⺺⺼⺽⺾⺿⻀⻁⻂⻃⻄⻅⻆⻈⻉⻋⻌⻍⻎"
                "⻏⻐⻑⻒⻓⻔⻖⻘⻙⻚⻛⻜⻝⻟⻠⻢⻣⻤⻥⻦⻧⻨⻩⻪⻫⻬⻭⻮⻯⻰⻱",
                "厂乛乚乙亻几刂㔾小小兀尣尢巳幺彑忄扌攵旡日月歺民氵氺灬爫爫牛犭罒示礻竹糹罓罒耂肀肉臼艹艹艹虎衤覀西见角讠贝车辶辶辶"
                "邑钅長镸长门阝青韦页风飞食飠饣马骨鬼鱼鸟卤麦黄黾斉齐歯齿竜龙龜",
                strict=True,
            )
        ),
    }
)
_LONGEST = 80
"""Characters of a term; the rest of a longer one is cut off, in passages and questions alike."""
_MOST_RUNS = 4
"""Letters and digits taking turns more often, as in hexadecimal, are no words by themselves."""
_AMOUNT = 3
"""Digits before the point from which 1577.00 is the amount 1577, and no version or section."""
_CACHED = 200_000
_ASKED_FOR = 10_000


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
        self._placed = _PlacesIn(self)

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
        found: list[TermSpan] = []
        if _is_divided(text):
            for match in _pattern(text).finditer(text):
                if not terms.isdisjoint(self._known[match[0]]):
                    found += [place for place in self._places_in(match) if place.term in terms]
            return found
        written = text.split()
        # All in C: most of what stands in a passage holds none of the terms.
        without = map(terms.isdisjoint, map(self._written.__getitem__, written))
        end = 0
        for word in compress(written, map(not_, without)):
            start = _stands_alone(word, text, end)
            end = start + len(word)
            for term, first, last in self._placed[word]:
                if term in terms:
                    found.append(TermSpan(term, start + first, start + last))
        return found

    def query_terms(self, query: str) -> list[str]:
        """The distinct terms to look for; stop words only where there is nothing else."""
        words = _telling(_pattern(query).findall(query))
        return list(dict.fromkeys(term for each in words for term in self._sought(*each)))

    def _sought(self, compound: str, label: bool) -> Sequence[str]:
        if label and (written := _label(compound)):
            return [written]
        if raised := _RAISED_END.search(compound):
            base = compound[: raised.start()]
            power = self._known[compound][len(self._known[base]) :]
            return power or self._sought(base, label)
        folded = _fold(compound)
        # A number or a UUID is meant as a whole: its parts would match nearly everything.
        if _UUID.fullmatch(folded) or _POWER.fullmatch(folded):
            return [folded]
        terms = self._known[compound]
        if (numbers := _numbers(folded)) and not _may_be_several(folded):
            return numbers
        if _is_unspaced(folded):
            return [term for term in terms if len(term) == len(terms[0])]
        return terms

    def _places_in(self, match: re.Match[str]) -> Iterator[TermSpan]:
        if _is_unspaced(match[0]):
            yield from _places_in_run(match[0], match.start())
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


class _PlacesIn(dict[str, tuple[TermSpan, ...]]):
    """Where the terms of whatever stands between spaces are in it, for what was asked for."""

    def __init__(self, analyzer: Analyzer) -> None:
        super().__init__()
        self._analyzer = analyzer

    def __missing__(self, written: str) -> tuple[TermSpan, ...]:
        places = tuple(self._analyzer.places(written))
        if len(self) >= _ASKED_FOR:
            self.clear()
        if len(written) <= _LONGEST:
            self[written] = places
        return places


def _stands_alone(written: str, text: str, start: int) -> int:
    """Where this stands next between spaces, which it does."""
    while True:
        start = text.index(written, start)
        end = start + len(written)
        before, after = text[start - 1 : start], text[end : end + 1]
        if (not before or before.isspace()) and (not after or after.isspace()):
            return start
        start += 1


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
    if text.isascii():
        return "-\n" in text or _GROUP.search(text) is not None
    # A pattern each, which begins with what is rare: as one they take twice as long.
    return (
        _HYPHEN_AT_END.search(text) is not None
        or _GROUP.search(text) is not None
        or (any(space in text for space in _SPACES) and _SPACED_GROUP.search(text) is not None)
        or _DIVIDED_RUN.search(text) is not None
    )


def _pattern(text: str) -> re.Pattern[str]:
    return _ASCII if text.isascii() else _COMPOUND


def _analyze(compound: str) -> list[str]:
    """The terms of one compound; the first is the whole of it."""
    if raised := _RAISED_END.search(compound):
        return _raised_terms(compound[: raised.start()], _fold(raised[0]).replace("\u2212", "-"))
    folded = _fold(compound)
    if _is_unspaced(folded):
        return [place.term for place in _stretches(_BREAKS.sub("", folded))]
    folded = re.sub(r"['’]s$", "", folded) or folded
    letters = folded.replace(".", "") if _DOTTED.fullmatch(folded) else folded
    if letters.isalpha():
        label = _label(compound)
        return [stem(letters)[:_LONGEST], *([label] if label else [])]
    if _UUID.fullmatch(folded):
        return [folded, *folded.split("-")]
    whole = folded if _POWER.fullmatch(folded) else stem(_SILENT.sub("", folded))
    terms = _numbers(folded) or [whole[:_LONGEST]]
    for word in _SPLIT.split(folded):
        runs = _RUNS.findall(word)
        runs = runs if len(runs) <= _MOST_RUNS else []
        terms += [stem(part)[:_LONGEST] for part in dict.fromkeys([word, *runs]) if len(part) > 1]
    return list(dict.fromkeys(terms))


def _raised_terms(base: str, raised: str) -> list[str]:
    """Raised digits are the mark of a note, unless they are a power: 10⁶ and km² are not 106."""
    terms = _analyze(base)
    if base.isdecimal() and len(base) < _AMOUNT:
        return [*terms, f"{terms[0]}^{raised}"]
    return [*terms, terms[0] + raised] if base.isalpha() and len(base) < _AMOUNT else terms


def _numbers(folded: str) -> list[str]:
    """The numbers that digits with separators may be, the likeliest first; none if they are none.

    >>> _numbers("1,234.50"), _numbers("1.234"), _numbers("12.345,67"), _numbers("3.10")
    (['1234.50', '1234.5'], ['1.234', '1234'], ['12345.67'], ['3.10'])
    """
    number = folded.replace(" ", "")
    grouped = len(number) < len(folded)
    readings: list[str] = []
    if _THOUSANDS.fullmatch(number):
        number, grouped = re.sub("[,'’]", "", number), True
    elif _CONTINENTAL.fullmatch(number):
        if number.count(".") == 1 and "," not in number:
            readings.append(number)  # 1.234 is as likely a decimal
        number, grouped = number.replace(".", "").replace(",", "."), True
    elif _DECIMAL.fullmatch(number):
        number = number.replace(",", ".")
    else:
        return []
    whole, _, fraction = number.partition(".")
    significant = fraction.rstrip("0")
    readings.append(number)
    if grouped or (len(whole) >= _AMOUNT and not significant):
        readings.append(f"{whole}.{significant}" if significant else whole)
    return list(dict.fromkeys(readings))


def _may_be_several(folded: str) -> bool:
    """Two numbers side by side, or a list of years, rather than one number."""
    return folded.count(" ") == 1 or re.fullmatch(r"\d+,\d{4,}", folded) is not None


def _is_unspaced(run: str) -> bool:
    return _UNSPACED_START.match(run) is not None


def _stretches(folded: str) -> list[TermSpan]:
    """Parts of a run without spaces, the longest first: any word there is made of some of them.

    Two ideographs are a word as often as not. It takes three of the few dozen letters and marks of
    a script of Southeast Asia to say as much, and a single one says nothing.
    """
    sizes = (3, 2) if _SOUTHEAST_START.match(folded) else (2, 1)
    return [
        TermSpan(folded[n : n + size], n, n + size)
        for size in sizes
        for n in range(len(folded) - size + 1)
    ] or [TermSpan(folded, 0, len(folded))]


def _places_in_run(run: str, start: int) -> Iterator[TermSpan]:
    each = [(character, n) for n, written in enumerate(run) for character in _fold_run(written)]
    folded = _fold_run(run)
    # Where signs are folded together, all of them stand where the run does.
    exact = "".join(character for character, _ in each) == folded
    for term, first, last in sorted(_stretches(folded), key=lambda place: place.start):
        if exact:
            yield TermSpan(term, start + each[first][1], start + each[last - 1][1] + 1)
        else:
            yield TermSpan(term, start, start + len(run))


_BREAKS = re.compile(r"[\s\u200b\u2060]")


def _fold_run(run: str) -> str:
    return _BREAKS.sub("", _fold(run))


def _fold(word: str) -> str:
    """The letters that a word shares with other spellings of it."""
    if word.isascii():
        return word.lower()
    bare = _VANISHING.sub("", unicodedata.normalize("NFKD", word))
    folded = unicodedata.normalize("NFKC", bare).casefold().translate(_ALIKE)
    if not folded.isascii():
        folded = _DIGIT.sub(lambda digit: str(unicodedata.decimal(digit[0])), folded)
    return folded or word
