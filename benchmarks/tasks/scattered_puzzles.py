"""Documents in which the value of a section follows from records that stand all over it.

Between sections that a question names by locator stand others that it does not. Each section is
prose with records between the paragraphs. Those of a named section form one chain of three or four
records, in no order, besides a shorter chain and records that lead nowhere. Nothing that is written
shares a word with the question, so that searching for its words finds nothing.
"""

from __future__ import annotations

import random
import re
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import ceil

from benchmarks.tasks.scattered_prose import TITLES, paragraph
from docpager.core.tokens import BuiltInEstimator
from docpager.documents.chunking import cut

__all__ = ["Puzzle", "PuzzlePlace", "PuzzleRecord", "make_puzzle", "words_of"]

FORMS = (
    "{key}: {value}",
    "{key} = {value}",
    "{key} -> {value}",
    '{{"{key}": "{value}"}}',
    "| mark | bears |\n|---|---|\n| {key} | {value} |",
)
LEAST_LINKS, MOST_LINKS = 3, 4
UNNAMED_TOKENS = 840
"""Size of a section that is not named: its records stand in its middle, more than a passage
away from its neighbours, so that no passage of a named section holds them."""

_BEGINNINGS = ("Ma", "To", "Ker", "Bal", "Or", "Ju", "Sel", "Vim", "Ha", "Pen", "Du", "Lor")
_MIDDLES = ("ra", "vo", "li", "ne", "du", "shi", "ga", "mo")
_ENDINGS = ("n", "vel", "th", "ck", "ll", "rd", "mp", "sk")
_COLOURS = ("copper", "amber", "violet", "pale", "scarlet", "olive", "ivory", "dun", "azure")
_THINGS = ("heron", "lantern", "thimble", "anchor", "willow", "falcon", "saddle", "pepper", "elk")
_UNITS = ("ells", "casks", "rods", "grains", "bales")


@dataclass(frozen=True)
class PuzzleRecord:
    """One statement."""

    key: str
    value: str
    form: str

    @property
    def text(self) -> str:
        return self.form.format(key=self.key, value=self.value)


@dataclass(frozen=True)
class PuzzlePlace:
    """A section that the question names."""

    locator: str
    start: int
    end: int
    """Offsets of the section in the document's text."""
    chain: tuple[PuzzleRecord, ...]
    """The records from which its value follows, first to last."""
    distractors: tuple[PuzzleRecord, ...]

    @property
    def value(self) -> str:
        return self.chain[-1].value


@dataclass(frozen=True)
class Puzzle:
    """A Markdown document, which becomes D1, and a question about places in it."""

    text: str
    places: tuple[PuzzlePlace, ...]
    """In the order of the question."""
    unnamed: tuple[PuzzleRecord, ...]
    """Records of sections that the question does not name."""

    @property
    def question(self) -> str:
        """Names each place by its section: where that begins and ends must be looked up."""
        return _question("sections", [place.locator for place in self.places])

    @property
    def question_by_passages(self) -> str:
        """Names each place by its passages: who sees one of them sees which place it is of."""
        ends = [each.end for each in cut(self.text)]
        return _question("stretches", [_passages(place, ends) for place in self.places])


def _question(kind: str, named: Sequence[str]) -> str:
    return (
        f"Each of the {kind} {', '.join(named[:-1])} and {named[-1]} holds a chain of at "
        "least three records in which the value of one is the key of the next. "
        "At what value does the chain end in each of them?"
    )


def _passages(place: PuzzlePlace, ends: Sequence[int]) -> str:
    """The passages that overlap a place; no record of a neighbour stands in them."""
    first, last = bisect_right(ends, place.start) + 1, bisect_left(ends, place.end) + 1
    return f"D1:c{first}-{last}"


def make_puzzle(
    places: int, *, window: int, seed: int = 0, section_tokens: int | None = None
) -> Puzzle:
    """A question about `places` sections, together a little over three windows if not said."""
    source = random.Random(f"{places}/{window}/{seed}")
    names = _Names(source)
    wanted = section_tokens or ceil(3.1 * window / places)
    titles = source.sample(TITLES, 2 * places + 1)
    parts: list[str] = []
    found: list[PuzzlePlace] = []
    unnamed: list[PuzzleRecord] = []
    for number, title in enumerate(titles, 1):
        start = sum(map(len, parts))
        if number % 2:
            chain = _chain(source, names, LEAST_LINKS)
            middle = [(0.46 + 0.03 * place, record) for place, record in enumerate(chain)]
            parts.append(_section(source, title, UNNAMED_TOKENS, middle))
            unnamed += chain
        else:
            chain = _chain(source, names, source.randint(LEAST_LINKS, MOST_LINKS))
            distractors = [r for links in (2, 1, 1) for r in _chain(source, names, links)]
            parts.append(_section(source, title, wanted, _spread(source, chain, distractors)))
            end = start + len(parts[-1])
            found.append(PuzzlePlace(f"D1:s{number}", start, end, tuple(chain), tuple(distractors)))
    source.shuffle(found)
    return Puzzle("".join(parts), tuple(found), tuple(unnamed))


def _chain(source: random.Random, names: _Names, links: int) -> list[PuzzleRecord]:
    stations = [names.key() for _ in range(links)] + [names.value()]
    return [PuzzleRecord(key, value, source.choice(FORMS)) for key, value in pairwise(stations)]


def _spread(
    source: random.Random, chain: Sequence[PuzzleRecord], distractors: Sequence[PuzzleRecord]
) -> list[tuple[float, PuzzleRecord]]:
    """Where in its section each record stands: the chain all over it, not in its own order."""
    shuffled = source.sample(list(chain), len(chain))
    share = 0.9 / len(chain)
    spread = [(0.05 + share * (n + source.uniform(0.3, 0.7)), r) for n, r in enumerate(shuffled)]
    # A record near either end: to read a part of the section is never enough.
    spread[0], spread[-1] = (0.05, spread[0][1]), (0.95, spread[-1][1])
    return spread + [(source.uniform(0.1, 0.9), record) for record in distractors]


def _section(
    source: random.Random, title: str, tokens: int, records: Sequence[tuple[float, PuzzleRecord]]
) -> str:
    """A heading and paragraphs of at least `tokens`, with each record at its share of the way."""
    count = BuiltInEstimator().count
    blocks = [f"## {title}", paragraph(source)]
    size = sum(map(count, blocks)) + sum(count(record.text) for _, record in records)
    while size < tokens:
        blocks.append(paragraph(source))
        size += count(blocks[-1])
    length = len(blocks)
    for share, record in sorted(records, key=lambda each: -each[0]):
        blocks.insert(min(length - 1, max(2, round(share * length))), record.text)
    return "\n\n".join(blocks) + "\n\n"


class _Names:
    """Keys and values of several kinds, none a part of another."""

    def __init__(self, source: random.Random) -> None:
        self._source = source
        self._given: list[str] = []

    def key(self) -> str:
        return self._new((self._code, self._pair, self._invented, self._identifier))

    def value(self) -> str:
        return self._new((self._code, self._pair, self._invented, self._quantity))

    def _new(self, kinds: Sequence[Callable[[], str]]) -> str:
        while True:
            name = self._source.choice(kinds)()
            if not any(name in given or given in name for given in self._given):
                self._given.append(name)
                return name

    def _code(self) -> str:
        letters = "".join(self._source.sample("BCDFGHJKLMNPQRSTVWXZ", 2))
        return f"{letters}-{self._source.randint(100, 999)}"

    def _pair(self) -> str:
        return f"{self._source.choice(_COLOURS)} {self._source.choice(_THINGS)}"

    def _invented(self) -> str:
        return "".join(map(self._source.choice, (_BEGINNINGS, _MIDDLES, _ENDINGS)))

    def _identifier(self) -> str:
        return f"{self._source.choice(_THINGS)}_{self._source.randint(10, 99)}"

    def _quantity(self) -> str:
        return f"{self._source.randint(11, 989)} {self._source.choice(_UNITS)}"


def words_of(text: str) -> set[str]:
    """The words of a text, in lower case."""
    return set(re.findall(r"\w+", text.lower()))
