"""ChatLibrary: what a chat's run reads - documents, and what was said and remembered - as one
archive.

A turn and a memory are documents with a number below 0 (`docpager.core.passages.turn_number`): cut
into passages as documents are, so that they are paged in, noted and quoted by the same rules.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from textwrap import shorten

from docpager.archive.analyzer import Analyzer
from docpager.archive.snippets import snippet
from docpager.chat.home import ChatHome
from docpager.core.errors import UnknownMemory, UsageError
from docpager.core.locations import Location
from docpager.core.locators import Locator, LocatorKind, parse_locator
from docpager.core.passages import (
    DocumentEntry,
    Hit,
    Passage,
    PassageId,
    PassageRange,
    counted,
    memory_number,
    source_name,
    turn_number,
)
from docpager.documents.chunking import cut
from docpager.documents.document import Section
from docpager.memory.entries import Memory, MemoryHit
from docpager.paging.rendering import one_line
from docpager.run.archival_storage import GrepHits, OpenArchive, SearchHits

__all__ = ["ChatLibrary", "FoundPage", "document_numbers", "memory_id", "name_of", "number_of"]

_KEPT = 1_024
"""Turns and memories whose passages are kept after they were cut."""

_BESIDE = 200
"""Characters of what was said right before or after a turn that is found. Over LoCoMo's questions
(`benchmarks/locomo`) ten turns with their neighbours show .73 of the evidence, twenty-five turns
without, in as many tokens, .68."""


@dataclass(frozen=True, slots=True)
class FoundPage:
    """One page of hits."""

    hits: tuple[Hit, ...] = ()
    by_words: int = 0
    by_meaning: int = 0
    page: int = 1
    pages: int = 0

    @property
    def total(self) -> int:
        return self.by_words + self.by_meaning


def number_of(memory: Memory) -> int:
    """The document number of something said or remembered."""
    return (turn_number if memory.kind == "turn" else memory_number)(memory.id)


def name_of(memory: Memory) -> str:
    """Its locator, as in T12 or M3."""
    return source_name(number_of(memory))


def memory_id(number: int) -> int:
    """The number in the store of what has this document number."""
    return int(source_name(number)[1:])


def document_numbers(sources: Sequence[str]) -> set[int]:
    """The documents among these locators, turns and memories not."""
    return {locator.number for locator in map(parse_locator, sources) if locator.number > 0}


class ChatLibrary:
    """An archive, or none, and the store of a chat; all that it does is read."""

    def __init__(self, home: ChatHome, archive: OpenArchive | None) -> None:
        self._home = home
        self._archive = archive
        self._analyzer = Analyzer()
        self.answering = 0
        """The turn that is being answered: nobody finds it, or a question would be the best hit of
        its own words."""
        self._passages = lru_cache(_KEPT)(self._cut)

    @property
    def id(self) -> str:
        return self._archive.id if self._archive else "no documents"

    @property
    def generation(self) -> int:
        return self._archive.generation if self._archive else 0

    @property
    def directory(self) -> Location:
        return self._archive.directory if self._archive else self._home.directory

    @property
    def versions(self) -> Mapping[str, str]:
        return self._archive.versions if self._archive else {}

    def documents(self) -> Sequence[DocumentEntry]:
        """The documents; turns and memories are in no list."""
        return self._archive.documents() if self._archive else ()

    def document(self, number: int) -> DocumentEntry:
        """One document, turn or memory.

        Raises:
            UsageError: there is none of this number, or it was forgotten.
        """
        if number > 0:
            return self._documents(number).document(number)
        memory, passages = self.said(number), self._passages(number)
        return DocumentEntry(
            number,
            self._path(memory),
            "",
            "turn" if memory.kind == "turn" else "memory",
            len(passages),
            sum(passage.tokens for passage in passages),
            0,
        )

    def said(self, number: int) -> Memory:
        """The turn or memory of a number below 0.

        Raises:
            UsageError: there is none, it was forgotten, or what archived it was undone.
        """
        name = source_name(number)
        try:
            memory = self._home.store.get(memory_id(number))
        except UnknownMemory as error:
            what = "was forgotten" if error.forgotten else "is not there; recall finds what is"
            raise UsageError(f"{name} {what}") from None
        if number_of(memory) != number:
            raise UsageError(f"{name} is not there; there is {name_of(memory)}")
        if self._home.states.of(memory.id).withdrawn:
            raise UsageError(f"{name} was withdrawn: what archived it was undone")
        return memory

    def sha256(self, number: int) -> str:
        return self._documents(number).sha256(number)

    def text_sha256(self, number: int) -> str:
        if number > 0:
            return self._documents(number).text_sha256(number)
        return hashlib.sha256(self.said(number).text.encode("utf-8", "surrogatepass")).hexdigest()

    def sections(self, number: int) -> Sequence[Section]:
        return self._documents(number).sections(number) if number > 0 else ()

    def page_labels(self, number: int) -> Sequence[str]:
        return self._documents(number).page_labels(number) if number > 0 else ()

    def page_doubts(self, number: int) -> Mapping[int, str]:
        return self._documents(number).page_doubts(number) if number > 0 else {}

    def row_at(self, number: int, offset: int) -> int | None:
        return self._documents(number).row_at(number, offset) if number > 0 else None

    def resolve(self, locator: Locator) -> PassageRange:
        """The passages that a locator names.

        Raises:
            UsageError: it names nothing.
        """
        number = locator.number
        if locator.kind is LocatorKind.NOTE or number > 0:
            return self._documents(number).resolve(locator)
        if number == turn_number(self.answering):
            raise UsageError(
                f"{locator} is the message that you answer now and no source; leave it out"
            )
        passages = self.document(number).passages
        if locator.kind is LocatorKind.DOCUMENT:
            return PassageRange(number, 1, passages)
        if locator.last > passages:
            name = source_name(number)
            raise UsageError(f"{locator} names nothing; {name} has {counted(passages, 'passage')}")
        return PassageRange(number, locator.first, locator.last)

    def load_range(self, passages: PassageRange) -> Sequence[Passage]:
        if passages.document > 0:
            return self._documents(passages.document).load_range(passages)
        self.said(passages.document)  # which says why there is none
        return self._passages(passages.document)[passages.first - 1 : passages.last]

    def search(
        self, query: str, *, documents: Collection[int] | None, page: int, page_size: int
    ) -> SearchHits:
        """Passages of documents."""
        if self._archive is None or not self._archive.documents():
            return FoundPage(page=page)
        return self._archive.search(query, documents=documents, page=page, page_size=page_size)

    def grep(
        self, pattern: str, *, documents: Collection[int] | None, page: int, page_size: int
    ) -> GrepHits:
        if self._archive is None or not self._archive.documents():
            return FoundPage(page=page)
        return self._archive.grep(pattern, documents=documents, page=page, page_size=page_size)

    def recall(
        self,
        query: str,
        *,
        since: datetime | None = None,
        until: datetime | None = None,
        page: int = 1,
        page_size: int = 10,
    ) -> FoundPage:
        """Passages of turns and memories that match, one for each; what was withdrawn is not there.

        What others took the place of is found too, and says so. With each turn comes what was said
        right before and after it: an answer seldom has the words of its question.
        """
        found = self._home.store.search(query, limit=page_size, page=page, since=since, until=until)
        terms = self._analyzer.query_terms(query)
        states = self._home.states.all()
        listed = {hit.memory.id for hit in found.hits}
        hits = tuple(
            self._hit(hit, terms, listed)
            for hit in found.hits
            if hit.memory.id != self.answering
            and not (hit.memory.id in states and states[hit.memory.id].withdrawn)
        )
        by_words = found.by_words if query.strip() else found.total
        return FoundPage(hits, by_words, found.by_meaning, found.page, found.pages)

    def with_neighbours(self, passages: Sequence[PassageId]) -> list[PassageId]:
        """Passages, each turn among them between the turns right before and after it."""
        found: dict[PassageId, None] = {}
        for passage in passages:
            number = passage.document
            beside = self._turns_beside(self.said(number)) if number < 0 else []
            cut = [(turn.id, self._passages(number_of(turn))) for turn in beside]
            before = [parts[-1].id for id, parts in cut if parts and id < memory_id(number)]
            after = [parts[0].id for id, parts in cut if parts and id > memory_id(number)]
            found.update((each, None) for each in (*before, passage, *after))
        return list(found)

    def origins(self, numbers: Collection[int]) -> Sequence[int]:
        """Documents that these turns and memories came from."""
        return sorted({d for n in numbers for d in document_numbers(self.said(n).sources)})

    def documents_with(self, words: str) -> list[str]:
        """Documents that hold these words, whatever their case and line ends: name and path."""
        if self._archive is None or not self._archive.documents():
            return []
        pattern = "(?i)" + r"\s+".join(map(re.escape, words.split()))
        found: dict[int, str] = {}
        page = 1
        while True:
            hits = self._archive.grep(pattern, documents=None, page=page, page_size=1_000)
            for hit in hits.hits:
                number = hit.passage.document
                found.setdefault(number, str(self._archive.document(number)))
            if page >= hits.pages:
                return [found[number] for number in sorted(found)]
            page += 1

    def forget_cached(self) -> None:
        """Let go of texts that were kept."""
        self._passages.cache_clear()

    def passages_of(self, number: int) -> Sequence[Passage]:
        """All passages of a turn or a memory."""
        return self._passages(number)

    def _hit(self, hit: MemoryHit, terms: Collection[str], listed: Collection[int]) -> Hit:
        number = number_of(hit.memory)
        shown = snippet(hit.memory.text, terms, self._analyzer)
        passage = next(p for p in reversed(self._passages(number)) if p.start <= shown.offset)
        return Hit(passage.id, shown.text + self._around(hit.memory, listed), None, hit.by)

    def _around(self, memory: Memory, listed: Collection[int]) -> str:
        """The turns right before and after a turn, but those that are listed themselves."""
        return "".join(
            f" ({'before' if turn.id < memory.id else 'after'} it, {name_of(turn)} {turn.who}: "
            f"{shorten(turn.text, _BESIDE, placeholder=' …')})"
            for turn in self._turns_beside(memory)
            if turn.id not in listed
        )

    def _turns_beside(self, memory: Memory) -> list[Memory]:
        """The turns of its session right before and after a turn; none of a memory, and never the
        message that is being answered."""
        if memory.kind != "turn":
            return []
        found = []
        for id in (memory.id - 1, memory.id + 1):
            try:
                turn = self._home.store.get(id)
            except UnknownMemory:
                continue
            if turn.kind == "turn" and turn.session == memory.session and id != self.answering:
                found.append(turn)
        return found

    def _cut(self, number: int) -> tuple[Passage, ...]:
        memory = self.said(number)
        text = memory.text
        said_by = f" {one_line(memory.who, limit=40)}" if memory.kind == "turn" else ""
        caption = f"{memory.when:%Y-%m-%d %H:%M}{said_by}"
        return tuple(
            Passage(
                number,
                ordinal,
                text[piece.start : piece.end],
                piece.tokens,
                piece.start,
                caption=caption,
            )
            for ordinal, piece in enumerate(cut(text), 1)
        )

    def _path(self, memory: Memory) -> str:
        """What stands where documents have their path: where and when it was said, by whom."""
        when = memory.when.strftime("%Y-%m-%d %H:%M")
        if memory.kind == "turn":
            return f"{memory.session} {when} {memory.who}"
        status = self._home.states.of(memory.id)
        came = f" from {', '.join(memory.sources)}" if memory.sources else ""
        gone = f", replaced by M{status.by} on {status.when[:10]}" if status.by else ""
        return f"memory {when}{came}{gone}"

    def _documents(self, number: int) -> OpenArchive:
        if self._archive is None:
            raise UsageError(f"there are no documents in this chat, so no {source_name(number)}")
        return self._archive
