"""Systems that ask once: truncation in its kinds, retrieval, the whole text."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial

from benchmarks.samples import SystemQuestion
from benchmarks.systems.reading import ModelReader
from benchmarks.systems.system import Setup, SystemAnswer
from benchmarks.systems.text_cutting import (
    backwards,
    cut_after,
    cut_before,
    fill,
    forwards,
)
from docpager import Archive
from docpager.core.errors import ModelError
from docpager.core.locators import parse_locator
from docpager.core.passages import Passage

__all__ = ["EqualShare", "RetrieveOnce", "Truncation", "WholeText"]

_RESULTS = 50
"""Results of a search that are looked at together."""


class _OneRequest:
    """Chooses text, asks once."""

    remark = ""

    def most_requests(self, tokens: int, setup: Setup) -> int:
        return 1

    async def answer(
        self, question: SystemQuestion, archive: Archive, setup: Setup
    ) -> SystemAnswer:
        reader = ModelReader(question, archive, self.settled(setup))
        try:
            return reader.answer(await reader.read(self.choose(question, archive, reader, setup)))
        except ModelError as error:
            return reader.failed(error)

    def settled(self, setup: Setup) -> Setup:
        """The setup that this system runs in."""
        return setup

    def choose(
        self, question: SystemQuestion, archive: Archive, reader: ModelReader, setup: Setup
    ) -> Sequence[Passage]:
        """The text that the model is shown."""
        raise NotImplementedError


@dataclass(frozen=True)
class Truncation(_OneRequest):
    """Keeps the head, the tail, or half a window of each."""

    kept: str = "head"

    @property
    def name(self) -> str:
        return f"truncate-{self.kept}"

    def choose(
        self, question: SystemQuestion, archive: Archive, reader: ModelReader, setup: Setup
    ) -> Sequence[Passage]:
        every, room = forwards(archive, reader.order), reader.room
        if self.kept == "head":
            return fill(every, room, reader.count, cut=cut_after)
        if self.kept == "tail":
            return self._tail(archive, reader, room)
        passages = sum(archive.document(number).passages for number in reader.order)
        if len(everything := fill(every, room, reader.count)) == passages:
            return everything
        head = fill(forwards(archive, reader.order), room // 2, reader.count, cut=cut_after)
        # Both may keep a part of the passage in the middle: the reader joins them.
        return head + self._tail(archive, reader, room - room // 2)

    def _tail(self, archive: Archive, reader: ModelReader, room: int) -> list[Passage]:
        return fill(backwards(archive, reader.order), room, reader.count, cut=cut_before)[::-1]


@dataclass(frozen=True)
class EqualShare(_OneRequest):
    """Each document's beginning, as much of each: of all documents, or of the `k` first found.

    The paper's rule counts the share in tokens; its code cut as many characters.
    """

    unit: str = "tokens"
    k: int | None = None

    @property
    def name(self) -> str:
        base = "equal-share" if self.unit == "tokens" else "equal-share-characters"
        return base if self.k is None else f"{base}:k={self.k}"

    @property
    def remark(self) -> str:
        return "" if self.unit == "tokens" else "the paper's code: a share of tokens cut in letters"

    def choose(
        self, question: SystemQuestion, archive: Archive, reader: ModelReader, setup: Setup
    ) -> Sequence[Passage]:
        documents = reader.order
        if self.k is not None:
            documents = _found_documents(question, archive, reader, self.k)
        share = reader.room // max(1, len(documents))
        beginning = self._tokens if self.unit == "tokens" else self._characters
        return [p for number in documents for p in beginning(archive, number, share, reader)]

    def _tokens(
        self, archive: Archive, document: int, share: int, reader: ModelReader
    ) -> list[Passage]:
        return fill(forwards(archive, [document]), share, reader.count, cut=cut_after)

    def _characters(
        self, archive: Archive, document: int, share: int, reader: ModelReader
    ) -> Iterator[Passage]:
        left = share
        for passage in self._tokens(archive, document, share, reader):
            if left <= 0:
                return
            yield cut_after(passage, left)
            left -= len(passage.text)


@dataclass(frozen=True)
class RetrieveOnce(_OneRequest):
    """The best passages of one search: `k` of them, or as many as fit.

    With `equal_tokens` the window is as large as all prompts of docpager's run together.
    """

    k: int | None = None
    equal_tokens: bool = False

    @property
    def name(self) -> str:
        if self.equal_tokens:
            return "retrieve-once:tokens=docpager"
        return "retrieve-once" if self.k is None else f"retrieve-once:k={self.k}"

    @property
    def remark(self) -> str:
        return "a window as large as all of docpager's prompts" if self.equal_tokens else ""

    def settled(self, setup: Setup) -> Setup:
        if not self.equal_tokens:
            return setup
        assert setup.allowance is not None, "docpager answers first"
        return replace(setup, window=max(setup.window, setup.allowance + setup.max_output))

    def choose(
        self, question: SystemQuestion, archive: Archive, reader: ModelReader, setup: Setup
    ) -> Sequence[Passage]:
        # Whole passages are counted where so many are asked for; else the window is filled.
        cut = cut_after if self.k is None else None
        found = fill(_found(question, archive, reader), reader.room, reader.count, cut=cut)
        return found if self.k is None else found[: self.k]


@dataclass(frozen=True)
class WholeText(_OneRequest):
    """Everything, in a window of a million tokens; what does not fit even there is cut off."""

    name: str = "whole-text"
    remark: str = "its own window: 1,000,000 tokens"
    window: int = 1_000_000

    def settled(self, setup: Setup) -> Setup:
        return replace(setup, window=self.window)

    def choose(
        self, question: SystemQuestion, archive: Archive, reader: ModelReader, setup: Setup
    ) -> Sequence[Passage]:
        return fill(forwards(archive, reader.order), reader.room, reader.count, cut=cut_after)


def _found(question: SystemQuestion, archive: Archive, reader: ModelReader) -> Iterator[Passage]:
    """Passages that a search finds, best first."""
    search = partial(archive.search, question.text, documents=reader.documents)
    page, pages = 1, 1
    while page <= pages:
        found = search(page=page, page_size=_RESULTS)
        pages = found.pages
        for hit in found.hits:
            yield from archive.load(parse_locator(str(hit.passage)))
        page += 1


def _found_documents(
    question: SystemQuestion, archive: Archive, reader: ModelReader, count: int
) -> Sequence[int]:
    """The documents of the best passages, best first."""
    numbers: dict[int, None] = {}
    for passage in _found(question, archive, reader):
        numbers[passage.document] = None
        if len(numbers) == count:
            break
    return list(numbers)
