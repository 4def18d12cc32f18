"""Counters for a run and its replay: a count that needs a file is written down once."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping

from docpager.core.errors import JournalError
from docpager.core.tokens import BuiltInEstimator, TokenCounter, cached_tiktoken

__all__ = ["RecordedCounter", "RecordingCounter", "counter_named"]


def counter_named(name: str) -> TokenCounter:
    """The counter of that name, if this machine has it.

    Raises:
        JournalError: its file is not here.
    """
    builtin = BuiltInEstimator()
    if name == builtin.name:
        return builtin
    counter = cached_tiktoken(name)
    if counter is None:
        raise JournalError(f"the tokenizer {name!r} of this run is not on this machine")
    return counter


class RecordingCounter:
    """Counts with another counter and remembers every count, for the journal."""

    def __init__(self, counter: TokenCounter) -> None:
        self.name = counter.name
        self._counter = counter
        self._known: dict[str, int] = {}
        self._new: dict[str, int] = {}

    def count(self, text: str) -> int:
        key = _key(text)
        if key not in self._known:
            self._known[key] = self._new[key] = self._counter.count(text)
        return self._known[key]

    def take(self) -> dict[str, int]:
        """The counts made since the last call."""
        new, self._new = self._new, {}
        return new


class RecordedCounter:
    """Gives the counts that a journal holds; needs no tokenizer."""

    def __init__(self, name: str, counts: Mapping[str, int]) -> None:
        self.name = name
        self._counts = dict(counts)

    def count(self, text: str) -> int:
        try:
            return self._counts[_key(text)]
        except KeyError:
            raise JournalError(
                f"the journal holds no count by {self.name!r} for a text that the run counted"
            ) from None


def _key(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:16]
