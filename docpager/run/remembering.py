"""What a run finds again of its own past, and what a chat's run wants remembered.

recall: search this run's own past. Never the text of an evicted page: its locator instead.

TurnMemory: core memory and archived memories of a chat. Nothing is written here: a run collects
what it wants, and whoever drives the chat applies it when the turn ends.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator, Sequence
from datetime import UTC, datetime, timedelta

from docpager.core.errors import FunctionError
from docpager.core.locators import find_locators, parse_locator
from docpager.core.passages import Note, PassageId
from docpager.models.messages import ToolCall
from docpager.paging.conversation import Conversation, CoreMemory, MemoryEdit, with_documents
from docpager.paging.reading_log import HERE, LogEntry
from docpager.paging.rendering import one_line
from docpager.paging.working_memory import WorkingMemory
from docpager.run.plan import RunPlan
from docpager.run.quotes import flat

__all__ = ["MOST_MEMORY_TOKENS", "TurnMemory", "days_between", "recall", "remembering_of"]

MOST_LINES = 12


def recall(
    query: str, *, notes: WorkingMemory, log: Sequence[LogEntry], resident: Collection[PassageId]
) -> list[str]:
    """The notes and log lines that share words with `query`, most shared first, then newest.

    Notes that are paged out come before everything else that shares as many words.
    """
    wanted = _words(query)
    scored = [
        (len(wanted & _words(text)), rank, number, line)
        for rank, number, text, line in _memories(notes, log, resident)
    ]
    matching = sorted((each for each in scored if each[0]), reverse=True)
    return [line for *_, line in matching[:MOST_LINES]]


def _memories(
    notes: WorkingMemory, log: Sequence[LogEntry], resident: Collection[PassageId]
) -> Iterator[tuple[int, int, str, str]]:
    """(rank, recency, what is searched, what is shown)."""
    for note in notes.notes:
        out = note.number not in notes.resident
        where = f"paged out; page_in {note.name}" if out else "in main context"
        sources = " ".join(note.sources)
        shown = f"{note.name} ({where}) {one_line(note.text, limit=80)}"
        yield 2 if out else 1, note.number, _searchable(note, sources), shown
    for position, entry in enumerate(log):
        line = f"step {_lasting(entry, resident)}"
        yield 0, position, line, line


def _lasting(entry: LogEntry, resident: Collection[PassageId]) -> str:
    """A line of the log that stays true: what is here may leave with the step that asked."""
    outcome = entry.outcome or entry.whereabouts(resident)
    return entry.ending("read" if outcome == HERE else outcome)


def _searchable(note: Note, sources: str) -> str:
    return f"note {note.name} {sources} {note.text}"


def _words(text: str) -> set[str]:
    """Lower-case words cut to six letters, so that endings matter little; numbers whole."""
    words = re.findall(r"\w+", text.lower())
    return {word if word.isdigit() else word[:6] for word in words if len(word) > 1}


MOST_MEMORY_TOKENS = 300
"""Largest memory that is archived, by the run's counter: a page is cited, not copied."""

LEAST_WORDS_QUOTED = 3
"""Words between quotation marks that are taken for somebody's words; fewer are a name or a term."""

_QUOTED = re.compile(r'"([^"\n]+)"|“([^”\n]+)”|«([^»\n]+)»|„([^“”\n]+)[“”]')
_FIGURE = re.compile(r"\d+(?:[.,:/-]\d+)*")
_OWN_NAME = re.compile(r"(?<![\w.])[TM][1-9]\d*(?!\w)")
_LIST_MARK = re.compile(r"^\s*\d+[.)]\s", re.MULTILINE)


class TurnMemory:
    """What one run of a chat has at hand, and what it wants remembered."""

    def __init__(
        self, conversation: Conversation, *, message: str, count: Callable[[str], int]
    ) -> None:
        self.core = CoreMemory(conversation.core, cap=conversation.core_cap, count=count)
        """Core memory as this run has edited it; it stands in the prompt from the next turn on."""
        self.edits: list[MemoryEdit] = []
        """In the order in which they were made."""
        self.shown = frozenset(conversation.shown)
        """Passages of turns and memories that stand in every prompt of this run."""
        self._met = set(conversation.documents)
        self._message = message
        self._name = conversation.message
        self._is_tidying = conversation.is_tidying
        self._count = count

    @property
    def documents(self) -> tuple[int, ...]:
        """Documents whose text this run has met: by itself, or in what it has at hand."""
        return tuple(sorted(self._met))

    def meet(self, numbers: Collection[int]) -> None:
        """Text of these documents came into main context. Turns and memories are none."""
        self._met.update(number for number in numbers if number > 0)

    def apply(self, call: ToolCall) -> str:
        """Take down what a call wants remembered; what to answer.

        Raises:
            FunctionError: the model must write it otherwise.
        """
        arguments = call.arguments
        sources = tuple(str(parse_locator(source)) for source in arguments["sources"])
        sources = sources or ((self._name,) if self._name else ())
        # Whatever the model names, text that it had before it may be in what it writes: a planted
        # "remember that ..." keeps the mark of the document it came from.
        edit = MemoryEdit(
            call.name,
            str(arguments.get("new", arguments.get("text", ""))),
            with_documents(sources, self._met),
            block=str(arguments.get("block", "")),
            old=str(arguments.get("old", "")),
            replaces=tuple(str(parse_locator(name)) for name in arguments.get("replaces", ())),
        )
        if call.name == "archive_memory":
            said = self._archived(edit)
        else:
            self.core = self.core.apply(edit)
            said = f"core memory, {edit.block}: changed from the next turn on"
        self.edits.append(edit)
        documents = [source for source in edit.sources if source.startswith("D")]
        marked = f" (marked as from {', '.join(documents)})" if documents else ""
        return f"{said}{marked}."

    def _archived(self, edit: MemoryEdit) -> str:
        if not edit.text.strip():
            raise FunctionError("archive_memory needs a text")
        tokens = self._count(edit.text)
        if tokens > MOST_MEMORY_TOKENS:
            raise FunctionError(
                f"the memory takes {tokens} tokens, {MOST_MEMORY_TOKENS} are allowed; write a "
                "shorter one, or several"
            )
        for name in edit.replaces:
            if not name.startswith("M"):
                raise FunctionError(f"{name} is no memory; replaces takes one such as M3")
        return "archived when this turn ends"

    def _named(self, text: str) -> list[str]:
        return [str(locator) for locator, _, _ in find_locators(text, said=True)]

    def echoes(self, quote: str) -> bool:
        """Whether these are only words of the newest message, as where "Hello" is quoted back."""
        return flat(quote) in flat(self._message)

    def what_claims(self, text: str, *, looked: bool) -> str:
        """What in an answer without a citation asks for one, as a sentence for the model; empty
        where nothing does.

        Rules cannot tell a claim from a greeting. These find signs: something was looked up, a
        figure or quoted words that the newest message does not hold, a locator.
        """
        if self._is_tidying:
            return ""
        if looked:
            return (
                "what was looked up needs citations: a locator and a quote copied from there; or "
                "say found=false"
            )
        said = flat(self._message)
        bare = _OWN_NAME.sub("", _LIST_MARK.sub("", text))
        figures = _FIGURE.findall(bare)
        words = [next(filter(None, groups), "") for groups in _QUOTED.findall(text)]
        signs = [
            *(f"the figure {figure}" for figure in figures if figure not in self._message),
            *(
                f'"{one_line(each, limit=40)}"'
                for each in words
                if len(each.split()) >= LEAST_WORDS_QUOTED and flat(each) not in said
            ),
            *(named for named in self._named(text) if named != self._name),
        ]
        if not signs:
            return ""
        return (
            f"{signs[0]} has no citation; give a locator and a quote (recall finds what was said, "
            "search what documents say), or answer without it"
        )


def remembering_of(plan: RunPlan, count: Callable[[str], int]) -> TurnMemory | None:
    """What a planned run remembers; None of one that is no chat's."""
    if plan.conversation is None:
        return None
    return TurnMemory(plan.conversation, message=plan.question, count=count)


def days_between(since: str, until: str) -> tuple[datetime | None, datetime | None]:
    """The times from the first day (included) to the last day's end (not included), in UTC.

    >>> days_between("2026-05", "2026-05-08")[1]
    datetime.datetime(2026, 5, 9, 0, 0, tzinfo=datetime.timezone.utc)

    Raises:
        FunctionError: one is no day, month or year.
    """
    first = _days(since)[0] if since.strip() else None
    return first, _days(until)[1] if until.strip() else None


def _days(written: str) -> tuple[datetime, datetime]:
    """The first moment of a day, a month or a year, and the first one after it."""
    match = re.fullmatch(r"\s*(\d{4})(?:-(\d{1,2}))?(?:-(\d{1,2}))?(?:[T ].*)?\s*", written)
    try:
        if match is None:
            raise ValueError
        year, month, day = (int(part) if part else None for part in match.groups())
        first = datetime(year or 0, month or 1, day or 1, tzinfo=UTC)
        if day is not None:
            return first, first + timedelta(days=1)
        after = (first.year + (month in (None, 12)), (month or 12) % 12 + 1)
        return first, datetime(*after, 1, tzinfo=UTC)
    except (ValueError, OverflowError):
        raise FunctionError(
            f"{written[:40]!r} is no day; write 2026-05-31, 2026-05 or 2026"
        ) from None
