"""Counts tokens: an estimator without a file, tiktoken where its file is at hand, a factor."""

from __future__ import annotations

import hashlib
import math
import os
import re
import tempfile
from array import array
from bisect import bisect_left
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from functools import cache, lru_cache
from itertools import accumulate, chain
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, Protocol

if TYPE_CHECKING:
    import tiktoken

__all__ = [
    "BuiltInEstimator",
    "ScaledCounter",
    "TiktokenCounter",
    "TokenCounter",
    "WeighedText",
    "cached_tiktoken",
    "rank_file",
]


class TokenCounter(Protocol):
    """Says how many tokens a text is."""

    @property
    def name(self) -> str:
        """What a journal records, so that counts can be made again."""
        ...

    def count(self, text: str) -> int:
        """Size of `text` in tokens; 0 for the empty text."""
        ...


_UPPER = "A-ZÀ-ÖØ-Þ"
_LOWER = "a-zß-öø-ɏḀ-ỿ"
_MARKS = r"!-/:-@\[-`{-~¡-¿×÷‐-‧‰-⁞₠-₿™←-⇿■-◿"
_NO_LETTER_BEFORE = r"(?<=[\W_])"
"""A character stands before, and it is no letter or digit; false at the start of a text."""


class _Kind(NamedTuple):
    """One kind of run: how it looks and what it costs, in hundredths of a token."""

    script: str
    pattern: str
    costs: tuple[int, ...]
    """Cost of 1, 2, 3, ... characters."""
    slope: int
    """Cost of each further character."""


_BREAK_AFTER_MARK = _Kind("marks", rf"(?<=[{_MARKS}])[\r\n]+", (2,), 2)
_SPACES = _Kind("spaces", r"(?:[ \t]*+[\r\n]+)+|[ \t]{2,}|[ \t](?=[0-9]|\Z)", (100, 100), 2)
_MARK = re.compile(f"[{_MARKS}]")

# Costs began as mean o200k_base tokens over filings, stories, contracts, code and the Vim tutor in
# 27 languages, then raised where text fell short (benchmarks/estimator has the table). What
# follows an unknown character (the start of a text) costs the most: so the count is subadditive.
_KINDS = (
    _Kind(  # an ordinary word
        "words",
        rf"{_NO_LETTER_BEFORE}[{_LOWER}]+",
        (100, 100, 101, 105, 110, 116, 122, 131, 142, 154, 168, 184, 202, 222),
        30,
    ),
    _Kind(  # a word with a capital, often a name or a German noun
        "words",
        rf"{_NO_LETTER_BEFORE}[{_UPPER}][{_LOWER}]+",
        (100, 100, 102, 120, 145, 150, 154, 160, 172, 184, 196, 210, 224),
        35,
    ),
    _Kind("digits", r"[0-9]{1,3}", (100,), 0),
    _Kind(  # capitals
        "identifiers", rf"{_NO_LETTER_BEFORE}[{_UPPER}]+[{_LOWER}]*", (100, 110, 130, 155, 180), 30
    ),
    _Kind(  # letters after letters or digits: identifiers, base64, hex
        "identifiers", rf"[{_UPPER}]*[{_LOWER}]+|[{_UPPER}]+", (100, 120, 182, 232), 50
    ),
    # Marks: in year-end or self.name, alone or repeated, after another one.
    _Kind("marks", rf"(?<=[{_UPPER}{_LOWER} ])[{_MARKS}](?=[{_LOWER}])", (45,), 0),
    _Kind("marks", rf"(?<![{_MARKS}])(?P<mark>[{_MARKS}])(?P=mark)*", (100,), 7),
    _Kind("marks", rf"(?P<next>[{_MARKS}])(?P=next)*", (20,), 7),
    _BREAK_AFTER_MARK,
    _Kind("spaces", r"[ \t]{2,}(?=[0-9]|\Z)", (200, 200), 2),
    _SPACES,
    _Kind("ideographs", r"[⺀-⿟㇀-㇯一-鿿豈-﫿　-〿！-･]+", (100,), 87),
    _Kind("syllables", r"[぀-ヿ가-힯]+", (100,), 70),
    _Kind("cyrillic", r"[Ѐ-ԯ]+", (100, 102, 118), 31),
    _Kind("alphabets", r"[Ͱ-Ͽ԰-ۿऀ-๿]+", (100, 108), 42),
    _Kind("rare", r"[^\s\w]|[^\W0-9]", (250,), 0),  # emoji, rare scripts
    _Kind("alphabets", r"[^\S \t\r\n]|\w", (100,), 0),
)
_ACCENTS = ((re.compile("[ß-ÿ]"), 95), (re.compile("[Ā-ɏ]"), 170), (re.compile("[Ḁ-ỿ]"), 40))
"""What a letter of each range adds: words of languages that o200k knows less well than English."""

_RUNS = "|".join(f"({kind.pattern})" for kind in _KINDS)
_PLAIN = _KINDS[:3]
"""Words and figures, most runs of most texts. Where one begins and ends does not depend on the runs
before it, so that all of a kind are found by themselves."""
_BETWEEN = rf"(?:{_NO_LETTER_BEFORE}[{_UPPER}]?[{_LOWER}]++|[0-9]++| (?![0-9 \t\r\n]|\Z))*+"
"""Plain runs and the single spaces between them, as far as they go: stepped over at once."""
_OTHER_RUNS = (
    f"{_BETWEEN}(?:{'|'.join(f'({kind.pattern})' for kind in _KINDS[len(_PLAIN) :])}|[ \t]|\\Z)"
)
_compiled = cache(re.compile)
"""When a text is first counted: many commands count none."""
_TABLE_LENGTH = 64
_BORDER = re.compile(r" (?<=[^ \t\r\n] )(?=[^ \t\r\n])")
"""A single space between two words. No run reaches over it: what stands between two of them costs
the same wherever it stands, so it is looked up."""
_BLOCK = 1_000_000
"""Characters of which the words are in memory at a time."""
_KNOWN_WORDS = 100_000
_KNOWN_PARTS = 128
_LONGEST_REMEMBERED = 10_000
_PARTING = "\n["
"""Before the header of a passage, and before a hit."""
_LONGEST_KNOWN = 80


class BuiltInEstimator:
    """Estimates o200k_base tokens from the kinds of characters, without any file.

    Subadditive: the parts of a text never count less than the whole. Linear in the text's length.
    """

    name = "builtin-1"

    def count(self, text: str) -> int:
        """Estimated size of `text` in tokens; 0 only for the empty text."""
        if not text:
            return 0
        return max(1, -(-sum(_costs(text).values()) // 100))

    def weigh(self, text: str) -> WeighedText:
        """What each run of `text` costs, as a scale along it."""
        offsets, hundredths = array("Q", [0]), array("Q", [0])
        words, longest = _words(), 0
        for start, end in _blocks(text):
            first, *further = _BORDER.split(text[start:end])
            # The first word has no space before it, and the last one may have none behind it.
            weights = [words.weighed(first, after=" a" if further or end < len(text) else "")]
            if further:
                last = further.pop()
                weights += map(words.__getitem__, further)
                weights.append(words.weighed(" " + last, after=" a" if end < len(text) else ""))
            flat = list(chain.from_iterable(weights))
            steps = flat[::2]
            longest = max(longest, max(steps, default=0))
            offsets.extend(accumulate(steps, initial=offsets.pop()))
            hundredths.extend(accumulate(flat[1::2], initial=hundredths.pop()))
        return WeighedText(text, offsets, hundredths, longest)

    def by_script(self, text: str) -> dict[str, int]:
        """What each script of `text` costs, in hundredths of a token, in a fixed order.

        Scripts are `words` (in Latin letters), `digits`, `identifiers`, `marks`, `spaces`,
        `ideographs`, `syllables` (kana, Hangul), `cyrillic`, other `alphabets` and what is `rare`.
        """
        return {script: cost for script, cost in _costs(text).items() if cost}


def _costs(text: str) -> Mapping[str, int]:
    """Hundredths of a token by script, also of those that cost nothing.

    A passage is counted for itself and in the results that show it, each time behind a line break
    and a bracket: there a text can be parted, and what each part costs is remembered.
    """
    if len(text) >= _LONGEST_REMEMBERED:
        return _costs_anew(text)
    parts = text.split(_PARTING)
    parts[1:] = [_PARTING[1] + part for part in parts[1:]]
    *whole, last = parts
    if ends := last[-1:] == "\n":
        last = last[:-1]
    if not whole and not ends:
        return _remembered_costs(text)
    # Where spaces or further line breaks stand before one, they are one run with it.
    broken = [*whole, last] if ends else whole
    if not all(part and not part[-1].isspace() for part in broken):
        return _remembered_costs(text)
    scripts = dict.fromkeys(_SCRIPTS, 0)
    for part in (*whole, last):
        for script, cost in _remembered_costs(part).items():
            scripts[script] += cost
    for part in broken:
        kind = _BREAK_AFTER_MARK if _MARK.match(part[-1]) else _SPACES
        scripts[kind.script] += kind.costs[0]
    return scripts


def _costs_anew(text: str) -> dict[str, int]:
    scripts = dict.fromkeys(_SCRIPTS, 0)
    for kind in _PLAIN:
        runs, costs = _compiled(kind.pattern), _table(kind)
        for length, times in Counter(map(len, runs.findall(text))).items():
            cost = costs[length] if length < _TABLE_LENGTH else _beyond(costs, length)
            scripts[kind.script] += times * cost
    tables = _other_tables()
    for run in _compiled(_OTHER_RUNS).finditer(text):
        if group := run.lastindex:
            script, costs = tables[group]
            start, end = run.span(group)
            length = end - start
            scripts[script] += costs[length] if length < _TABLE_LENGTH else _beyond(costs, length)
    scripts["words"] += _accents(text)
    return scripts


_remembered_costs = lru_cache(_KNOWN_PARTS)(_costs_anew)


class WeighedText:
    """A text with what its runs cost, so that no part of it need be taken apart again."""

    def __init__(
        self, text: str, offsets: array[int], hundredths: array[int], longest: int
    ) -> None:
        self.offsets = offsets
        """0, and just past each run."""
        self.hundredths = hundredths
        """What all runs up to there cost, accents not included."""
        self.longest = longest
        """Characters from one offset to the next, at most."""
        self._text = text

    def count(self, start: int, end: int) -> int:
        """What `BuiltInEstimator.count` says of the text from `start` to `end`."""
        if start >= end:
            return 0
        text = self._text
        weighed = _words().weighed
        first = _BORDER.search(text, start + 1, end)
        if first is None:
            cost = sum(weighed(text[start:end])[1::2])
        else:
            low = first.start()
            high = text.rindex(" ", low, end)
            while not _BORDER.match(text, high, end):
                high = text.rindex(" ", low, high)
            cost = sum(weighed(text[start:low], after=" a")[1::2])
            cost += self._until(high) - self._until(low)
            cost += sum(weighed(text[high:end])[1::2])
        return max(1, -(-(cost + _accents(text[start:end])) // 100))

    def _until(self, offset: int) -> int:
        return self.hundredths[bisect_left(self.offsets, offset)]


class _Words(dict[str, tuple[int, ...]]):
    """What the runs of a word with a space before and behind it cost, remembered.

    A filing has 45,000 words, four fifths of which it has twice: to look them up takes a third of
    the time of taking them apart. The numbers are, run by run, how far it ends behind the one
    before (the first, behind the border before its word), and its cost in hundredths.
    """

    def __init__(self) -> None:
        super().__init__()
        self._tables = _cost_tables()

    def __missing__(self, word: str) -> tuple[int, ...]:
        length = len(word)
        if word.isascii() and word.isalpha() and length < _TABLE_LENGTH and word[1:].islower():
            # One run, as most are: of the second kind where it has a capital.
            cost = self._tables[1 if word.islower() else 2][length]
            weights: tuple[int, ...] = (length + 1, cost)
        else:
            weights = self.weighed(" " + word, after=" a")
        if len(self) >= _KNOWN_WORDS:
            self.clear()
        if len(word) <= _LONGEST_KNOWN:
            self[word] = weights
        return weights

    def weighed(self, text: str, *, after: str = "") -> tuple[int, ...]:
        """The same of any text; `after` is a space and a letter where one follows."""
        weights, before = [], 0
        for run in _compiled(_RUNS).finditer(text + after):
            start, end = run.span()
            length = end - start
            costs = self._tables[run.lastindex or 0]
            weights.append(end - before)
            weights.append(costs[length] if length < _TABLE_LENGTH else _beyond(costs, length))
            before = end
        return tuple(weights[:-2] if after else weights)


@cache
def _words() -> _Words:
    return _Words()


def _blocks(text: str) -> Iterator[tuple[int, int]]:
    """Where a text can be parted between words, into pieces of about `_BLOCK` characters."""
    start = 0
    while start < len(text):
        border = _BORDER.search(text, start + _BLOCK)
        end = border.start() if border else len(text)
        yield start, end
        start = end


_SCRIPTS = tuple(dict.fromkeys(kind.script for kind in _KINDS))


def _groups(kinds: Sequence[_Kind]) -> Iterator[tuple[int, _Kind]]:
    """Each kind with its group in an expression of such kinds."""
    group = 1
    for kind in kinds:
        yield group, kind
        group += 1 + re.compile(kind.pattern).groups


@cache
def _cost_tables() -> dict[int, tuple[int, ...]]:
    """By group of `_RUNS`: the slope, then the costs of 1 to 63 characters."""
    return {group: _table(kind) for group, kind in _groups(_KINDS)}


@cache
def _other_tables() -> dict[int, tuple[str, tuple[int, ...]]]:
    """By group of `_OTHER_RUNS`: the script, and such a table."""
    kinds = _KINDS[len(_PLAIN) :]
    return {group: (kind.script, _table(kind)) for group, kind in _groups(kinds)}


@cache
def _table(kind: _Kind) -> tuple[int, ...]:
    known = kind.costs
    further = range(1, _TABLE_LENGTH - len(known))
    return (kind.slope, *known, *(known[-1] + kind.slope * n for n in further))


def _beyond(costs: tuple[int, ...], length: int) -> int:
    """Cost of a run that is longer than the table of its kind."""
    return costs[-1] + costs[0] * (length - _TABLE_LENGTH + 1)


def _accents(text: str) -> int:
    """What the accented letters of `text` add, in hundredths of a token."""
    if text.isascii():
        return 0
    return sum(len(letters.findall(text)) * cost for letters, cost in _ACCENTS)


class TiktokenCounter:
    """Counts with one of tiktoken's encodings; `cached_tiktoken` makes one without a download."""

    def __init__(self, encoding_name: str) -> None:
        import tiktoken

        self.name = f"tiktoken-{encoding_name}"
        self._encoding: tiktoken.Encoding = tiktoken.get_encoding(encoding_name)

    def count(self, text: str) -> int:
        """Exact number of tokens; special tokens in `text` count as plain text."""
        return len(self._encoding.encode_ordinary(text))


class ScaledCounter:
    """Another counter's counts times a safety factor, rounded up."""

    def __init__(self, counter: TokenCounter, factor: float) -> None:
        self.name = f"{counter.name} x {factor:g}"
        self._counter = counter
        self._factor = factor

    def count(self, text: str) -> int:
        """The other counter's count of `text`, scaled."""
        return math.ceil(self._counter.count(text) * self._factor)


_BLOBS = "https://openaipublic.blob.core.windows.net/encodings/"
_RANK_HASHES = {
    "cl100k_base": "223921b76ee99bde995b7ff738513eef100fb51d18c93597a113bcffe865b2a7",
    "o200k_base": "446a9538cb6c348e3516120d7c08b09f57c36495e2acfffe59a5bf8b0cfb1a2d",
}
"""sha256 of the rank files, as tiktoken itself expects them."""


def rank_file(encoding_name: str = "o200k_base") -> Path | None:
    """Where tiktoken looks for the ranks of `encoding_name`; None where it has no cache."""
    folder = os.environ.get("TIKTOKEN_CACHE_DIR", os.environ.get("DATA_GYM_CACHE_DIR"))
    if folder == "":
        return None
    blob = f"{_BLOBS}{encoding_name}.tiktoken"
    name = hashlib.sha1(blob.encode(), usedforsecurity=False).hexdigest()
    return Path(folder or Path(tempfile.gettempdir()) / "data-gym-cache") / name


def cached_tiktoken(encoding_name: str = "o200k_base") -> TiktokenCounter | None:
    """tiktoken's counter if its rank file is present and whole; never downloads or deletes one."""
    path = rank_file(encoding_name)
    if path is None or encoding_name not in _RANK_HASHES:
        return None
    try:
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError:
        return None
    return TiktokenCounter(encoding_name) if digest == _RANK_HASHES[encoding_name] else None
