"""Pages as files with grep: what a coding agent does, with docpager's own function executor.

No index, no notes, no rebuild: everything that was read stays in the conversation, and when nothing
more fits the model must answer from what it has.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field, replace

from benchmarks.samples import SystemQuestion
from benchmarks.systems.reading import ModelReader, ModelReading
from benchmarks.systems.system import Setup, SystemAnswer
from docpager import Archive
from docpager.core.errors import ModelError
from docpager.core.passages import Passage, PassageId
from docpager.models.messages import AssistantTurn, CallResult, ModelReply, ToolCall, Turn, UserTurn
from docpager.run.executor import FunctionExecutor
from docpager.run.functions import functions_for
from docpager.run.render import (
    present_found,
    present_listed,
    present_loaded,
    present_too_large,
)
from docpager.run.tool_results import (
    Found,
    Listed,
    Loaded,
    PendingCall,
    QuoteCheck,
    QuotesChecked,
    Refused,
    TooLarge,
    ToolResult,
)

__all__ = ["FilesWithGrep"]

OFFERED = ("search", "grep", "contents", "page_in", "answer")
_SEARCH = "Find passages that hold any of these words, in file order: grep -iE 'one|two'."
_MOST_CALLS = 8
_SMALLEST = 200
"""Tokens below which no further result is worth asking for."""


@dataclass(frozen=True)
class FilesWithGrep:
    """Looks for words in file order, reads, and keeps all of it in one conversation."""

    name: str = "files-grep"
    remark: str = "a conversation without index, notes or rebuild"

    def most_requests(self, tokens: int, setup: Setup) -> int:
        return min(setup.max_steps, 2 + setup.window // 300)

    async def answer(
        self, question: SystemQuestion, archive: Archive, setup: Setup
    ) -> SystemAnswer:
        talk = _Conversation(question, archive, setup)
        try:
            return talk.reader.answer(await talk.hold())
        except ModelError as error:
            return talk.reader.failed(error)


class _Grepping:
    """An archive without an index: a search is a grep for any of its words."""

    def __init__(self, archive: Archive) -> None:
        self._archive = archive

    def __getattr__(self, name: str) -> object:
        return getattr(self._archive, name)

    def search(
        self, query: str, *, documents: Collection[int] | None, page: int, page_size: int
    ) -> _Matches:
        words = dict.fromkeys(re.findall(r"\w{3,}", query)) or {re.escape(query): None}
        pattern = "(?i)" + "|".join(words)
        found = self._archive.grep(pattern, documents=documents, page=page, page_size=page_size)
        return _Matches(found.hits, found.page, found.pages, found.total)


@dataclass(frozen=True)
class _Matches:
    hits: Sequence[object]
    page: int
    pages: int
    by_words: int
    by_meaning: int = 0


@dataclass
class _Conversation:
    question: SystemQuestion
    archive: Archive
    setup: Setup
    turns: list[Turn] = field(default_factory=list)
    resident: dict[PassageId, Passage] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.reader = ModelReader(self.question, self.archive, self.setup)
        offered = [each for each in functions_for(pins=False) if each.name in OFFERED]
        self._functions = tuple(
            replace(each, description=_SEARCH) if each.name == "search" else each
            for each in offered
        )
        self._executor = FunctionExecutor(
            _Grepping(self.archive),  # type: ignore[arg-type]
            functions=self._functions,
            sizer=self.reader.sizer,
            scope=self.reader.documents,
        )
        self.turns.append(UserTurn(self.reader.head(())))

    async def hold(self) -> ModelReading:
        """Talk until there is an answer."""
        for _ in range(self.setup.max_steps):
            calls_allowed = self._free() > self.setup.max_output + _SMALLEST
            reply = await self.reader.complete(
                self.turns, functions=self._functions, calls_allowed=calls_allowed
            )
            if not reply.calls or not calls_allowed:
                return self.reader.parsed(reply.text)
            if ended := self._execute(reply):
                return ended
        return ModelReading("no step is left", False, ())

    def _free(self) -> int:
        used = self.reader.size(self.turns, functions=self._functions)
        return self.setup.window - self.setup.max_output - used

    def _execute(self, reply: ModelReply) -> ModelReading | None:
        """Answer the calls of a reply; what does not fit is refused."""
        self.turns.append(AssistantTurn(reply.text, reply.calls, reply.raw))
        free = self._free() - 40 * len(reply.calls)
        results: list[CallResult] = []
        for call in reply.calls[:_MOST_CALLS]:
            result = self._executor.execute(PendingCall(call, free, frozenset(self.resident)))
            if isinstance(result, QuotesChecked):
                return _ended(call, result.checks)
            text = self._shown(call, result, free)
            free -= self.reader.count(text)
            results.append(CallResult(call.id, text, is_error=text.startswith("refused")))
        skipped = (CallResult(c.id, "skipped", is_error=True) for c in reply.calls[_MOST_CALLS:])
        self.turns.append(UserTurn(results=(*results, *skipped)))
        return None

    def _shown(self, call: ToolCall, result: ToolResult, free: int) -> str:
        match result:
            case Found():
                text = self._found(call, result, free)
            case Listed():
                text = present_listed(result)
            case Loaded():
                text = present_loaded(result)
            case TooLarge():
                return present_too_large(result)
            case Refused(message):
                return f"refused: {message}"
            case _:
                return "refused: there is no such function"
        if self.reader.count(text) > free:
            return "refused: the conversation is full; answer now"
        if isinstance(result, Loaded):
            self.resident.update((passage.id, passage) for passage in result.passages)
            self.reader.saw(result.passages)
        return text

    def _found(self, call: ToolCall, found: Found, free: int) -> str:
        """As many hits as fit."""
        wanted = call.arguments.get("query", call.arguments.get("pattern", ""))
        narrowed = call.arguments.get("documents")
        within = f" in {', '.join(map(str, narrowed))}" if narrowed else ""
        subject = f'{call.name} "{wanted}"{within}'
        for shown in range(len(found.hits), 0, -1):
            kept = replace(found, hits=found.hits[:shown], hidden=len(found.hits) - shown)
            text = present_found(kept, subject=subject)
            if self.reader.count(text) <= free:
                return text
        return present_found(replace(found, hits=()), subject=subject)


def _ended(call: ToolCall, checks: tuple[QuoteCheck, ...]) -> ModelReading:
    found = bool(call.arguments.get("found", True))
    return ModelReading(str(call.arguments["text"]), found, checks)
