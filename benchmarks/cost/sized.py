"""An archive of texts that have nothing but their recorded sizes."""

from __future__ import annotations

from collections import deque
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache

from benchmarks.cost.strings import ReferenceString
from docpager.core.locators import Locator
from docpager.core.passages import DocumentEntry, Hit, Passage, PassageId, PassageRange
from docpager.core.tokens import BuiltInEstimator
from docpager.documents.document import Section

__all__ = ["ESTIMATOR", "SizedHits", "SizedLibrary", "filler"]

FOUND_FRAME = 30
"""Tokens that stand around the one hit of a made search."""


class RememberingEstimator(BuiltInEstimator):
    """Counts a text once, however many runs have it: made texts are equal all the time."""

    @lru_cache(20_000)  # noqa: B019  one for the whole process
    def count(self, text: str) -> int:
        return super().count(text)


ESTIMATOR = RememberingEstimator()


@cache
def filler(tokens: int) -> str:
    """A text of that many tokens by the built-in estimator."""
    words = max(0, tokens - 2)
    while words < tokens and ESTIMATOR.count("of " * (words + 1)) <= tokens:
        words += 1
    return ("of " * words).rstrip()


@dataclass(frozen=True)
class SizedHits:
    """One hit, as long as all that were found."""

    hits: tuple[Hit, ...]
    page: int = 1
    pages: int = 1
    by_words: int = 10
    by_meaning: int = 0
    total: int = 10


class SizedLibrary:
    """What a run needs of an archive: passages of the sizes that a string names."""

    def __init__(self, string: ReferenceString) -> None:
        self._sizes = string.sizes
        self._last: dict[int, int] = {}
        for document, ordinal in string.sizes:
            self._last[document] = max(ordinal, self._last.get(document, 0))
        self.found: deque[int] = deque()
        """Sizes of the next searches' results."""

    def documents(self) -> Sequence[DocumentEntry]:
        return [self.document(number) for number in self._last]

    def document(self, number: int) -> DocumentEntry:
        last = self._last[number]
        return DocumentEntry(number, f"filing-{number}.pdf", f"Filing {number}", "pdf", last, 0, 0)

    def sections(self, number: int) -> Sequence[Section]:
        return ()

    def row_at(self, number: int, offset: int) -> int | None:
        return None

    def page_doubts(self, number: int) -> dict[int, str]:
        return {}

    def page_labels(self, number: int) -> Sequence[str]:
        return ()

    def resolve(self, locator: Locator) -> PassageRange:
        return PassageRange(locator.number, locator.first, locator.last)

    def load_range(self, passages: PassageRange) -> Sequence[Passage]:
        return [self._passage(id_) for id_ in passages.ids()]

    def search(
        self, query: str, *, documents: Collection[int] | None, page: int, page_size: int
    ) -> SizedHits:
        tokens = self.found.popleft() if self.found else 0
        snippet = filler(max(1, tokens - FOUND_FRAME))
        return SizedHits((Hit(next(iter(self._sizes)), snippet, None, "words"),))

    grep = search

    def _passage(self, id_: PassageId) -> Passage:
        # A passage that the recorded run did not meet lies between two that it did.
        tokens = self._sizes.get(id_, 0)
        return Passage(*id_, filler(tokens), tokens, 0)
