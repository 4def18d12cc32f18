"""FunctionExecutor: checks the calls of a run and reads the archive for them. Changes nothing.

Arguments are checked against the types in `functions`, with sentences the model can act on.
"""

from __future__ import annotations

import fnmatch
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import TypedDict

import msgspec

from docpager.core.errors import DocpagerError, FunctionError
from docpager.core.locators import Locator, LocatorKind, parse_locator
from docpager.core.passages import (
    HALF_CHARACTER,
    DocumentEntry,
    Passage,
    PassageId,
    PassageRange,
    number_ranges,
)
from docpager.core.pictures import PicturePrice, picture_named
from docpager.documents.document import Section
from docpager.models.messages import FunctionSchema, ToolCall
from docpager.paging.epoch import PromptSizer
from docpager.paging.rendering import one_line, render_passage
from docpager.run.archival_storage import ArchivalStorage, HitPage, RecallStorage
from docpager.run.argument_repair import documents_named
from docpager.run.functions import (
    ARGUMENTS,
    CHAT_ARGUMENTS,
    AnswerArguments,
    ArchiveMemory,
    Arguments,
    Contents,
    CoreAppend,
    CoreReplace,
    Grep,
    PageIn,
    PageOut,
    RecallSaid,
    Search,
    ViewPage,
    WriteNote,
)
from docpager.run.observer import RunObserver
from docpager.run.page_pictures import DrawPage, viewed_page
from docpager.run.plan import RULES
from docpager.run.quotes import QuoteChecker
from docpager.run.read_ahead import found_passages, joined_finds
from docpager.run.remembering import days_between
from docpager.run.render import DOUBTED, document_line, present_loaded
from docpager.run.state import Run
from docpager.run.tool_results import (
    Found,
    Listed,
    Loaded,
    PassedThrough,
    PendingCall,
    Refused,
    TooLarge,
    ToolResult,
)

__all__ = ["FunctionExecutor", "check_arguments"]


def check_arguments(call: ToolCall, functions: Mapping[str, FunctionSchema]) -> Arguments:
    """The arguments of a call that fits its function.

    Raises:
        FunctionError: no such function, or an argument is missing, unknown or of another kind.
    """
    function = functions.get(call.name)
    if function is None:
        raise FunctionError(f"no function {call.name!r}; there are {', '.join(functions)}")
    # Fewer may be offered than the type has: a run without pins knows no `pin`.
    takes = function.parameters["properties"]
    if unknown := [name for name in call.arguments if name not in takes]:
        raise FunctionError(f"{call.name} has no {unknown[0]!r}; it takes {', '.join(takes)}")
    try:
        kinds = CHAT_ARGUMENTS if "core_append" in functions else ARGUMENTS
        return msgspec.convert(dict(call.arguments), kinds[call.name])
    except msgspec.ValidationError as error:
        raise FunctionError(f"{call.name}: {error}; it takes {', '.join(takes)}") from None
    except UnicodeEncodeError:  # msgspec would name a field that is no text
        raise FunctionError(f"{call.name}: a field's name holds half a character") from None


class HitFilter(TypedDict):
    """Which hits are wanted."""

    documents: frozenset[int] | None
    page: int
    page_size: int


class FunctionExecutor:
    """Runs calls against an archive, or the part of it that a question is about."""

    def __init__(
        self,
        library: ArchivalStorage,
        *,
        functions: Sequence[FunctionSchema],
        sizer: PromptSizer,
        hits_per_page: int = 10,
        scope: Collection[int] | None = None,
        rules: int = RULES,
        question: str = "",
        at_hand: Collection[PassageId] | None = None,
        pictures: PicturePrice | None = None,
        draw: DrawPage | None = None,
    ) -> None:
        """`at_hand` are the passages of turns that stand in every prompt of a chat's run; None for
        runs that are no chat's, whose library holds documents alone. `draw` draws the pages that
        `view_page` shows, no larger than `pictures`."""
        self._library = library
        chat = at_hand is not None
        self._said = library if chat and isinstance(library, RecallStorage) else None
        self._at_hand = frozenset(at_hand or ())
        self._pictures, self._draw = pictures, draw
        self._functions = {function.name: function for function in functions}
        self._sizer = sizer
        self._hits_per_page = hits_per_page
        self._rules = rules
        self._scope = None if scope is None else frozenset(scope)
        self._quotes = QuoteChecker(library, self._locator, question=question if rules >= 3 else "")

    def execute_all(
        self, calls: Sequence[PendingCall], observer: RunObserver | None = None
    ) -> list[ToolResult]:
        """One result for each call, in order. What the model can correct comes back as Refused."""
        observer, results = observer or RunObserver(), []
        for pending in calls:
            with observer.executing(pending.call) as tell_result:
                results.append(self.execute(pending))
                tell_result(results[-1])
        return results

    def prefetch(self, run: Run) -> list[ToolResult]:
        """The search that a run begins with, and its best passages; `run` is not changed.

        In a chat it is one in what was said and in the documents, a hit of each in turn, and every
        turn is read with those right before and after it.
        """
        query = PendingCall(ToolCall("", "search", {}), run.largest_prompt, frozenset())

        def called(name: str, **arguments: str) -> ToolResult:
            return self.execute(replace(query, call=ToolCall("", name, arguments)))

        looks = ["recall"] if self._said is not None else []
        looks += ["search"] if self._library.documents() or not looks else []
        found = joined_finds([called(look, query=run.plan.question) for look in looks])
        ahead = run.plan.paging.ahead
        if self._said is None:
            best = found_passages(found)[:ahead]
        else:
            # Turns are short: a passage is as long as eight of them.
            best = list(self._said.with_neighbours(found_passages(found)[: 2 * ahead]))
        return [found, *(called("page_in", locator=str(each)) for each in best)]

    def execute(self, pending: PendingCall) -> ToolResult:
        """Check and run one call."""
        try:
            return self._run(check_arguments(pending.call, self._functions), pending)
        except (FunctionError, DocpagerError) as error:
            return Refused(str(error))

    def _run(self, wanted: Arguments, pending: PendingCall) -> ToolResult:
        match wanted:
            case Search(query=query):
                _refuse_nothing(query, "search", "query")
                where, remark = self._where(wanted)
                found = self._library.search(query, **where)
                return self._found(found, found.by_words, found.by_meaning, remark)
            case Grep(pattern=pattern):
                _refuse_nothing(pattern, "grep", "pattern")
                where, remark = self._where(wanted)
                matching = self._library.grep(pattern, **where)
                return self._found(matching, matching.total, 0, remark)
            case Contents(locator=locator):
                return self._contents(locator, pending.bound)
            case PageIn(locator=locator):
                return self._page_in(locator, pending)
            case ViewPage(locator=locator):
                return self._view_page(locator, pending)
            case AnswerArguments(citations=citations):
                seen = pending.resident | self._at_hand if self._rules >= 4 else frozenset()
                return self._quotes.check_all(
                    msgspec.to_builtins(citations), resident=seen, viewed=pending.viewed
                )
            case RecallSaid():
                return self._recall(wanted)
            case PageOut(locators=locators):
                self._check_locators(locators)
            case CoreAppend(sources=sources) | CoreReplace(sources=sources):
                self._check_locators(sources)
            case ArchiveMemory(sources=sources, replaces=replaced):
                self._check_locators([*sources, *replaced])
            case WriteNote(sources=sources, replaces=replaces):
                self._check_locators(sources)
                _check_replaced(replaces)
        return PassedThrough()

    def _recall(self, wanted: RecallSaid) -> Found:
        if self._said is None:
            raise FunctionError("nothing was said before")
        _refuse_nothing(wanted.query or "newest", "recall", "query")
        since, until = days_between(wanted.since, wanted.until)
        found = self._said.recall(
            wanted.query, since=since, until=until, page=wanted.page, page_size=self._hits_per_page
        )
        return self._found(found, found.by_words, found.by_meaning, "")

    def _origins(self, numbers: Iterable[int]) -> tuple[int, ...]:
        """Documents that these turns and memories came from."""
        said = [number for number in numbers if number < 0]
        return tuple(self._said.origins(said)) if said and self._said is not None else ()

    def _where(self, wanted: Search | Grep) -> tuple[HitFilter, str]:
        """Which hits are wanted, and a remark on names in it that are unknown."""
        documents, remark = self._narrowed(wanted.documents)
        where = HitFilter(documents=documents, page=wanted.page, page_size=self._hits_per_page)
        return where, remark

    def _found(self, page: HitPage, by_words: int, by_meaning: int, remark: str) -> Found:
        numbers = sorted({hit.passage.document for hit in page.hits})
        paths = tuple((n, one_line(self._library.document(n).path)) for n in numbers)
        return Found(
            tuple(page.hits),
            paths,
            page.page,
            page.pages,
            by_words,
            by_meaning,
            remark=remark,
            origins=self._origins(numbers),
        )

    def _narrowed(self, names: Sequence[str]) -> tuple[frozenset[int] | None, str]:
        """The documents that `names` (D3, a path, a glob) mean; None for all. And a remark."""
        if not names:
            return self._scope, ""
        if self._rules < 3:
            named = (number for name in names for number in self._named(name.strip()))
            return frozenset(named), ""
        found, remark = documents_named(names, self._in_scope())
        return (self._scope if found is None else found), remark

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

    def _contents(self, text: str, bound: int) -> Listed:
        if not text:
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
        if self._pictures is not None and (bad := entry.unreadable_pdf_pages):
            pages = ", ".join(f"{entry.name}:p{span}" for span in number_ranges(bad))
            lines.insert(0, f"no usable text on {pages}: view_page shows one at a time")
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

    def _page_in(self, text: str, pending: PendingCall) -> ToolResult:
        if parse_locator(text).kind is LocatorKind.NOTE:
            return PassedThrough()
        wanted = self._library.resolve(self._locator(text))
        if self._at_hand and self._at_hand.issuperset(wanted.ids()):
            raise FunctionError(f"{text} stands in the conversation above; quote it from there")
        entry = self._library.document(wanted.document)
        resident = tuple(each for each in wanted.ids() if each in pending.resident)
        if self._least_tokens(wanted) > pending.bound:
            return self._too_large(wanted, entry, pending.bound)
        missing = [p for p in self._library.load_range(wanted) if p.id not in pending.resident]
        labels = self._labels(entry, missing)
        word = entry.page_word.lower() if entry.pdf_pages else "pdf page"
        loaded = Loaded(
            wanted, one_line(entry.path), tuple(missing), resident, labels, word,
            self._better_seen(entry, missing), self._origins([entry.id]),
        )  # fmt: skip
        if self._sizer.text(present_loaded(loaded)) > pending.bound:
            return self._too_large(wanted, entry, pending.bound)
        return loaded

    def _view_page(self, text: str, pending: PendingCall) -> ToolResult:
        wanted = picture_named(self._locator(text))
        if wanted in pending.pictures:
            return PassedThrough()
        if self._draw is None or self._pictures is None:
            raise FunctionError("pages cannot be drawn here; page_in their text")
        return viewed_page(self._library, wanted, draw=self._draw, price=self._pictures)

    def _better_seen(self, entry: DocumentEntry, passages: Sequence[Passage]) -> str:
        """A hint at the first page whose text may be wrong, to a model that may look at it."""
        if self._pictures is None or entry.kind != "pdf":
            return ""
        doubts = self._library.page_doubts(entry.id)
        pages = (p.pdf_pages or (1, 0) for p in passages)
        first = next((n for a, b in pages for n in range(a, b + 1) if n in doubts), None)
        return DOUBTED.format(f"{entry.name}:p{first}") if first is not None else ""

    def _least_tokens(self, wanted: PassageRange) -> int:
        """Headers alone: tells without reading that a whole document cannot fit."""
        return (wanted.last - wanted.first + 1) * self._sizer.count(f"[{wanted}]\n")

    def _too_large(self, wanted: PassageRange, entry: DocumentEntry, bound: int) -> TooLarge:
        """About what the range takes, and its beginning that fits."""
        used, fitting = self._sizer.text(f"{wanted} of {entry.path}, pdf pages 1000-1001"), 0
        tokens = entry.tokens * (wanted.last - wanted.first + 1) // max(1, entry.passages)
        for ordinal in range(wanted.first, wanted.last + 1):
            (passage,) = self._library.load_range(PassageRange(wanted.document, ordinal, ordinal))
            used += self._sizer.count(render_passage(passage) + "\n")
            if used > bound:
                break
            fitting += 1
        fits = wanted._replace(last=wanted.first + fitting - 1) if fitting else None
        return TooLarge(wanted, max(tokens, used), fits)

    def _labels(
        self, entry: DocumentEntry, passages: Sequence[Passage]
    ) -> tuple[tuple[int, str], ...]:
        """Printed labels of the first and last page, where they differ from the number.

        Names of sheets stand in the text itself, and are as long as somebody likes.
        """
        if entry.page_word == "sheet":
            return ()
        pages = sorted({page for passage in passages for page in passage.pdf_pages or ()})
        if not pages:
            return ()
        labels = self._library.page_labels(entry.id)
        ends = {n: labels[n - 1] for n in (pages[0], pages[-1])}
        return tuple((n, label) for n, label in ends.items() if label and label != str(n))

    def _locator(self, text: str) -> Locator:
        locator = parse_locator(text)
        if locator.kind is LocatorKind.NOTE:
            raise FunctionError(f"{text!r} is a note; a place in a document is needed")
        if locator.number < 0 and self._said is None:
            raise FunctionError(f"no {text}: nothing was said before; name a document, such as D3")
        is_document = locator.number > 0
        if self._scope is not None and is_document and locator.number not in self._scope:
            raise FunctionError(f"no document D{locator.number} among those that were asked about")
        return locator

    def _check_locators(self, texts: Sequence[str]) -> None:
        for text in texts:
            parse_locator(text)


def _refuse_nothing(text: str, function: str, argument: str) -> None:
    if not text.strip():
        raise FunctionError(f"{function} needs something to look for")
    if HALF_CHARACTER.search(text):
        raise FunctionError(f"{function}: {argument} holds half a character; leave it out")


def _check_replaced(name: str) -> None:
    if name and parse_locator(name).kind is not LocatorKind.NOTE:
        raise FunctionError(f"{name!r} is no note; replaces takes one such as N2")


def _matches(path: str, pattern: str) -> bool:
    name = path.rpartition("/")[2]
    return fnmatch.fnmatchcase(path, pattern) or fnmatch.fnmatchcase(name, pattern)
