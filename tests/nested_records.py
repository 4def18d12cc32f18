"""MemGPT's nested key-value task: a record of UUID pairs in which values lead to other keys.

The paper's record and orderings lie beside the project (`../shared/data/memgpt-nested-kv`);
`made_pairs` makes a record of the same shape, so that the task also runs without them.
"""

from __future__ import annotations

import json
import random
import re
import uuid
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from docpager.core.tokens import BuiltInEstimator

PAPER = Path(__file__).parents[2] / "shared" / "data" / "memgpt-nested-kv"
PAIRS = 140
LEVELS = (1, 2, 3, 4, 5, 6)
"""Look-ups that a question takes; the paper's nesting level is one less."""

Pairs = Sequence[tuple[str, str]]


@dataclass(frozen=True)
class NestedRecord:
    """A record with one chain through it, and the question that starts it."""

    pairs: tuple[tuple[str, str], ...]
    chain: tuple[str, ...]
    """The keys to look up, in order."""

    @property
    def text(self) -> str:
        """The record as one line of JSON."""
        return json.dumps(dict(self.pairs))

    @property
    def links(self) -> list[tuple[str, str]]:
        """The pairs that the chain goes through."""
        values = dict(self.pairs)
        return [(key, values[key]) for key in self.chain]

    @property
    def final(self) -> str:
        """The value that is no key."""
        return self.links[-1][1]

    @property
    def question(self) -> str:
        return f"Final value of key {self.chain[0]}? Follow values that are keys."

    def head(self, *, tokens: int) -> str:
        """The text cut after the last whole pair within `tokens`: what truncation keeps."""
        count, text = BuiltInEstimator().count, self.text
        borders = [match.end() for match in re.finditer(r'", (?=")', text)]
        kept = bisect_right(borders, tokens, key=lambda end: count(text[:end]))
        return text[: borders[kept - 1]] if kept else ""

    def survives_in(self, text: str) -> bool:
        """Whether every pair of the chain stands in `text`."""
        return all(f'"{key}": "{value}"' in text for key, value in self.links)


def nest(pairs: Pairs, indices: Sequence[int]) -> NestedRecord:
    """The record whose chain leads through `indices`: all but the last value become keys."""
    chain = tuple(pairs[index][0] for index in indices)
    following = dict(pairwise(chain))
    return NestedRecord(tuple((key, following.get(key, value)) for key, value in pairs), chain)


def paper_pairs() -> Pairs:
    """The record that the paper's code uses for every question."""
    written = json.loads((PAPER / "kv-record-0.json").read_text("utf-8"))
    return [(key, value) for key, value in written["ordered_kv_records"]]


def paper_orderings(level: int) -> list[list[int]]:
    """The orderings with `level` look-ups, by seed."""
    path = PAPER / f"orderings_{level}_indices.seeds-0-49.jsonl"
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()]


def made_pairs(seed: int) -> Pairs:
    """As many UUID pairs as the paper's record has."""
    source = random.Random(seed)
    return [(_uuid(source), _uuid(source)) for _ in range(PAIRS)]


def made_record(level: int, *, seed: int) -> NestedRecord:
    """A record of our own with a chain of `level` look-ups."""
    indices = random.Random(f"{level}/{seed}").sample(range(PAIRS), level)
    return nest(made_pairs(seed), indices)


def _uuid(source: random.Random) -> str:
    return str(uuid.UUID(int=source.getrandbits(128), version=4))
