"""Cuts a document's text into passages that tile it: joined, they are the text."""

from __future__ import annotations

import re
import unicodedata
from array import array
from bisect import bisect_left, bisect_right

from docpager.core.passages import Passage
from docpager.core.tokens import BuiltInEstimator
from docpager.documents.document import Cut, Document

__all__ = ["LARGEST_PASSAGE", "PASSAGE_TOKENS", "cut", "passages_of"]

PASSAGE_TOKENS = 300
"""What a passage aims at, in tokens of the built-in estimator."""
LARGEST_PASSAGE = 330
"""What no passage exceeds."""

_SMALLEST_SHARE = 0.6
_LONG_RUN = 64
_LONGEST_SEQUENCE = 32

# The best border within reach wins, and of equal ones the last. A border may lie as far back as its
# share of the budget: for a blank line a shorter passage is a price worth paying.
_BORDERS = (
    (re.compile(r"\n(?:[ \t]*\n)+"), 0.65),
    (re.compile(r"\n"), 0.8),
    (re.compile(r"[}\]],?\s?(?=[{\[])"), 0.65),
    (
        re.compile(r"""(?:true|false|null|["'}\])0-9])[,;]\s?(?=["'{\[])|[;}](?=[^\s,;}\])"'])"""),
        0.65,
    ),
    (re.compile(r"""[.!?]["')\]”’»]*\s+(?=[^a-z\s])|[。！？][」』”]?"""), 0.65),
    (re.compile(r"\s+"), 0.5),
)


def cut(text: str) -> tuple[Cut, ...]:
    """Tile `text` with passages of about 300 tokens, never more than 330; none for an empty text.

    Cuts fall after blank lines and line ends, else between records, sentences, words, anywhere,
    whichever is the best within reach. Equal on every machine; time is linear in the length.
    """
    scale = _Scale(text)
    cuts = []
    start = 0
    while start < len(text):
        cuts.append(_next_cut(text, start, scale))
        start = cuts[-1].end
    return tuple(cuts)


def _next_cut(text: str, start: int, scale: _Scale) -> Cut:
    remaining = scale.tokens_after(start)
    if remaining <= LARGEST_PASSAGE:
        tokens = scale.count(start, len(text))
        if tokens <= LARGEST_PASSAGE:
            return Cut(start, len(text), tokens)
    # Near the end the rest is shared, so that the last passage is no crumb.
    budget = min(PASSAGE_TOKENS, max(_SMALLEST_SHARE * PASSAGE_TOKENS, _SMALLEST_SHARE * remaining))
    while True:
        end = _border(text, start, scale, budget)
        tokens = scale.count(start, end)
        if tokens <= LARGEST_PASSAGE:
            return Cut(start, end, tokens)
        # The scale knows neither accents nor the dearer first word: count, and come back shorter.
        budget *= 0.97 * PASSAGE_TOKENS / tokens


def _border(text: str, start: int, scale: _Scale, budget: float) -> int:
    """Where the passage that begins at `start` ends best, within `budget` tokens."""
    last = scale.offset_after(start, budget)
    for pattern, share in _BORDERS:
        first = scale.offset_after(start, share * budget)
        ends = [match.end() for match in pattern.finditer(text, first, last)]
        if ends:
            return ends[-1]
    return _between_characters(text, start, last)


def _between_characters(text: str, start: int, end: int) -> int:
    """`end`, or a little before it where `end` would split what is read as one character."""
    for offset in range(end, max(start, end - _LONGEST_SEQUENCE), -1):
        if offset == len(text) or not _joined(text[offset - 1], text[offset]):
            return offset
    return end


def _joined(before: str, after: str) -> bool:
    return (
        before == "\u200d"
        or after in "\u200d\ufe0e\ufe0f\u20e3"
        or "\U0001f3fb" <= after <= "\U0001f3ff"
        or "\udc00" <= after <= "\udfff"
        or (before, after) == ("\r", "\n")
        or unicodedata.category(after)[0] == "M"
    )


class _Scale:
    """Tokens along a text: how many lie after an offset, and where so many of them end."""

    def __init__(self, text: str) -> None:
        weighed = BuiltInEstimator().weigh(text)
        self.count = weighed.count
        """Exact size of the text between two offsets."""
        self._offsets, self._hundredths = weighed.offsets, weighed.hundredths
        if self._offsets[-1] < len(text):
            self._offsets.append(len(text))
            self._hundredths.append(self._hundredths[-1])
        if weighed.longest > _LONG_RUN:
            self._divide_long_runs()

    def _divide_long_runs(self) -> None:
        """Give long runs places inside where they may be cut."""
        offsets, hundredths = array("Q", [0]), array("Q", [0])
        for end, total in zip(self._offsets[1:], self._hundredths[1:], strict=True):
            before, cost = offsets[-1], total - hundredths[-1]
            for offset in range(before + _LONG_RUN, end, _LONG_RUN):
                offsets.append(offset)
                hundredths.append(total - cost + cost * (offset - before) // (end - before))
            offsets.append(end)
            hundredths.append(total)
        self._offsets, self._hundredths = offsets, hundredths

    def tokens_after(self, start: int) -> float:
        return (self._hundredths[-1] - self._at(start)) / 100

    def offset_after(self, start: int, tokens: float) -> int:
        """The last run border within `tokens` of `start`; always at least one character on."""
        limit = self._at(start) + tokens * 100
        offset = self._offsets[bisect_right(self._hundredths, limit) - 1]
        return max(offset, start + 1)

    def _at(self, start: int) -> int:
        return self._hundredths[bisect_left(self._offsets, start)]


def passages_of(document: Document, cuts: tuple[Cut, ...], document_id: int) -> list[Passage]:
    """The passages of `document` where it was cut, with the PDF pages that begin in each."""
    pages = [page for page in document.pdf_pages if page.end > page.start]
    starts = [page.start for page in pages]
    passages = []
    for ordinal, piece in enumerate(cuts, start=1):
        current = bisect_right(starts, piece.start) - 1
        begun = pages[bisect_left(starts, piece.start) : bisect_left(starts, piece.end)]
        passages.append(
            Passage(
                document=document_id,
                ordinal=ordinal,
                text=document.text[piece.start : piece.end],
                tokens=piece.tokens,
                start=piece.start,
                first_pdf_page=pages[max(current, 0)].number if pages else None,
                page_starts=tuple((page.start - piece.start, page.number) for page in begun),
            )
        )
    return passages
