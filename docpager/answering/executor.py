"""FunctionExecutor: checks the calls of a run and reads the archive for them. Changes nothing."""

from __future__ import annotations

import fnmatch
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any, Protocol

from docpager.answering.arguments import check_arguments
from docpager.answering.citations import clean_quote, find_quote
from docpager.answering.document_map import document_line
from docpager.answering.presenting import present_loaded
from docpager.answering.results import (
    Found,
    Listed,
    Loaded,
    PassedThrough,
    QuoteCheck,
    QuotesChecked,
    Refused,
    TooLarge,
    ToolResult,
)
from docpager.answering.run import PendingCall
from docpager.documents.document import Section
from docpager.errors import DocpagerError, FunctionError
from docpager.llm.chat import FunctionSchema, ToolCall
from docpager.locators import Locator, LocatorKind, parse_locator
from docpager.pages import DocumentEntry, Hit, Passage, PassageRange
from docpager.paging.epoch import PromptSizer
from docpager.paging.rendering import one_line

__all__ = ["FunctionExecutor", "Library"]


class HitPage(Protocol):
    """One page of a search or a grep, as an archive returns it."""

    @property
    def hits(self) -> Sequence[Hit]: ...
    @property
    def page(self) -> int: ...
    @property
    def pages(self) -> int: ...
    @property
    def by_words(self) -> int: ...
    @property
    def by_meaning(self) -> int: ...


class Library(Protocol):
    """What a run needs of an archive; `docpager.archive.Archive` happens to fit."""

    def documents(self) -> Sequence[DocumentEntry]: ...
    def document(self, number: int) -> DocumentEntry: ...
    def sections(self, number: int) -> Sequence[Section]: ...
    def page_labels(self, number: int) -> Sequence[str]: ...
    def resolve(self, locator: Locator) -> PassageRange: ...
    def load_range(self, passages: PassageRange) -> Sequence[Passage]: ...
    def search(
        self, query: str, *, documents: Collection[int] | None, page: int, page_size: int
    ) -> HitPage: ...
    def grep(
        self, pattern: str, *, documents: Collection[int] | None, page: int, page_size: int
    ) -> HitPage: ...


class FunctionExecutor:
    """Runs calls against an archive, or the part of it that a question is about."""

    def __init__(
        self,
        library: Library,
        *,
        functions: Sequence[FunctionSchema],
        sizer: PromptSizer,
        hits_per_page: int = 10,
        scope: Collection[int] | None = None,
    ) -> None:
        self._library = library
        self._functions = {function.name: function for function in functions}
        self._sizer = sizer
        self._hits_per_page = hits_per_page
        self._scope = None if scope is None else frozenset(scope)

    def execute_all(self, calls: Sequence[PendingCall]) -> list[ToolResult]:
        """One result for each call, in order. What the model can correct comes back as Refused."""
        return [self.execute(pending) for pending in calls]

    def execute(self, pending: PendingCall) -> ToolResult:
        """Check and run one call."""
        try:
            check_arguments(pending.call, self._functions)
            return self._run(pending)
        except (FunctionError, DocpagerError) as error:
            return Refused(str(error))

    def _run(self, pending: PendingCall) -> ToolResult:
        call = pending.call
        match call.name:
            case "search":
                return self._found(self._library.search, call.arguments["query"], call)
            case "grep":
                return self._found(self._library.grep, call.arguments["pattern"], call)
            case "contents":
                return self._contents(call.arguments.get("locator"), pending.bound)
            case "page_in":
                return self._page_in(pending)
            case "answer":
                return self._answer(call)
            case "page_out":
                self._check_locators(call.arguments["locators"])
            case "write_note":
                self._check_locators(call.arguments["sources"])
        return PassedThrough()

    def _found(self, look_up: Any, wanted: str, call: ToolCall) -> Found:
        if not wanted.strip():
            raise FunctionError(f"{call.name} needs words to look for")
        page = look_up(
            wanted,
            documents=self._narrowed(call.arguments.get("documents")),
            page=call.arguments.get("page", 1),
            page_size=self._hits_per_page,
        )
        numbers = sorted({hit.passage.document for hit in page.hits})
        paths = tuple((n, one_line(self._library.document(n).path)) for n in numbers)
        return Found(tuple(page.hits), paths, page.page, page.pages, page.by_words, page.by_meaning)

    def _narrowed(self, names: Sequence[str] | None) -> frozenset[int] | None:
        """The documents that `names` (D3, a path, a glob) mean; None for all."""
        if not names:
            return self._scope
        return frozenset(number for name in names for number in self._named(name.strip()))

    def _named(self, name: str) -> list[int]:
        entries = self._in_scope()
        by_name = [entry.id for entry in entries if entry.name == name.partition(":")[0]]
        found = by_name or [
            entry.id
            for entry in entries
            if name == entry.title or any(_matches(path, name) for path in entry.paths)
        ]
        if not found:
            raise FunctionError(
                f"no document {name!r}; use names such as D1, or paths from contents"
            )
        return found

    def _in_scope(self) -> list[DocumentEntry]:
        documents = self._library.documents()
        return [e for e in documents if self._scope is None or e.id in self._scope]

    def _contents(self, text: str | None, bound: int) -> Listed:
        if text is None:
            return self._listed((document_line(entry) for entry in self._in_scope()), bound)
        locator = self._locator(text)
        entry = self._library.document(locator.number)
        within = locator.section
        lines = [
            self._section_line(entry, section)
            for section in self._library.sections(entry.id)
            if section.path[: len(within)] == within
        ]
        if not lines:
            lines = [f"{document_line(entry)}; no outline: read {entry.name}:c1-{entry.passages}"]
        return self._listed(lines, bound)

    def _section_line(self, entry: DocumentEntry, section: Section) -> str:
        passages = self._library.resolve(
            Locator(LocatorKind.SECTION, entry.id, section=section.path)
        )
        page = f"p{section.pdf_page}, " if section.pdf_page is not None else ""
        size = passages.last - passages.first + 1
        return f"{entry.name}:s{section.number} {one_line(section.title)} ({page}{size} passages)"

    def _listed(self, lines: Iterable[str], bound: int) -> Listed:
        kept: list[str] = []
        used, more = 0, 0
        for line in lines:
            used += self._sizer.count(line + "\n")
            if more or used > bound:
                more += 1
            else:
                kept.append(line)
        return Listed(tuple(kept), more)

    def _page_in(self, pending: PendingCall) -> ToolResult:
        text = pending.call.arguments["locator"]
        if text.strip().startswith("N"):
            parse_locator(text)
            return PassedThrough()
        passages = self._library.resolve(self._locator(text))
        resident = tuple(each for each in passages.ids() if each in pending.resident)
        entry = self._library.document(passages.document)
        loaded = Loaded(passages, one_line(entry.path), (), resident, self._labels(entry))
        used, fits = self._sizer.text(present_loaded(loaded)), 0
        missing: list[Passage] = []
        for passage in self._library.load_range(passages):
            if passage.id not in pending.resident:
                missing.append(passage)
        whole = Loaded(passages, loaded.path, tuple(missing), resident, loaded.labels)
        if self._sizer.text(present_loaded(whole)) <= pending.bound:
            return whole
        for passage in missing:
            used += self._sizer.count(passage.text) + self._sizer.count(f"[{passage.id} p1000]\n\n")
            fits += used <= pending.bound
        first = missing[0].id
        would = PassageRange(*first, first.ordinal + fits - 1) if fits else None
        return TooLarge(passages, used, would)

    def _labels(self, entry: DocumentEntry) -> tuple[tuple[int, str], ...]:
        labels = self._library.page_labels(entry.id)
        return tuple((n, label) for n, label in enumerate(labels, 1) if label and label != str(n))

    def _locator(self, text: str) -> Locator:
        locator = parse_locator(text)
        if locator.kind is LocatorKind.NOTE:
            raise FunctionError(f"{text!r} is a note; a place in a document is needed")
        if self._scope is not None and locator.number not in self._scope:
            raise FunctionError(f"no document D{locator.number} among those that were asked about")
        return locator

    def _check_locators(self, texts: Sequence[str]) -> None:
        for text in texts:
            parse_locator(text)

    def _answer(self, call: ToolCall) -> QuotesChecked:
        return QuotesChecked(tuple(self._check(each) for each in call.arguments["citations"]))

    def _check(self, citation: Mapping[str, Any]) -> QuoteCheck:
        """Look one quote up where it is said to stand, then in the rest of that document."""
        written, quote = str(citation["locator"]), clean_quote(str(citation["quote"]))
        try:
            cited = self._library.resolve(self._locator(written))
        except (FunctionError, DocpagerError) as error:
            return QuoteCheck(written, quote, "failed", problem=str(error))
        entry = self._library.document(cited.document)
        near = PassageRange(entry.id, max(1, cited.first - 1), min(entry.passages, cited.last + 1))
        for span, repair in (
            (cited, False),
            (near, True),
            (PassageRange(entry.id, 1, entry.passages), False),
        ):
            if check := self._look_up(quote, span, entry, written, repair):
                return check
        problem = (
            f"the quote {one_line(quote, limit=60)!r} was not found in D{entry.id}; copy it exactly"
        )
        return QuoteCheck(written, quote, "failed", entry.id, entry.path, problem=problem)

    def _look_up(
        self, quote: str, span: PassageRange, entry: DocumentEntry, written: str, repair: bool
    ) -> QuoteCheck | None:
        passages = self._library.load_range(span)
        found = find_quote(quote, passages, repair=repair)
        if found is None:
            return None
        origin = passages[0].start
        start, end = origin + found.start, origin + found.end
        touched = [p for p in passages if p.start < end and p.end > start]
        pdf_page = touched[0].pdf_page_at(start - touched[0].start)
        label = None
        if pdf_page is not None:
            label = self._library.page_labels(entry.id)[pdf_page - 1]
        return QuoteCheck(
            written, found.text, found.match, entry.id, entry.path, pdf_page, label,
            tuple(p.id for p in touched),
        )  # fmt: skip


def _matches(path: str, pattern: str) -> bool:
    name = path.rpartition("/")[2]
    return fnmatch.fnmatchcase(path, pattern) or fnmatch.fnmatchcase(name, pattern)
