"""A session on disk: an append-only, sealed log of what happened, and the state that it makes.

The log holds no message: what was said stands once, in the store of memories, and the log names it
by number. A message is announced (`asking`) before it is stored, and concluded (`turn`) after its
reply is, so that what a killed process left behind is told from the two. The log is opened by one
process at a time.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any

from docpager.core.errors import ChatError
from docpager.paging.conversation import CoreBlock
from docpager.run.serialization import UNREADABLE, from_json, to_json
from docpager.storage.atomic_files import sync_directory, write_bytes
from docpager.storage.sealed_log import BrokenSeal, append_line, read_sealed, rewrite_log

__all__ = ["LOG_FILE", "SessionEntry", "SessionLog", "SessionState", "Summary", "read_session"]

LOG_FILE = "session.jsonl"
FORMAT = 1


@dataclass(frozen=True, slots=True)
class Summary:
    """What is kept in main context of turns that left it."""

    text: str
    sources: tuple[str, ...]
    """Locators of the turns, and the documents that something in them came from."""


@dataclass(frozen=True, slots=True)
class SessionEntry:
    """One thing that happened to a session."""

    kind: str
    """`begun`, `asking` (a message is about to be stored), `turn` (a message and its reply),
    `said` (turns that were said elsewhere), `left` (turns that left main context), `maintaining`
    (a maintenance run is about to begin), `maintained`, `undone` or `forgot`."""
    when: str
    """UTC, ISO 8601."""
    message: int = 0
    """Number of the message's turn."""
    reply: int = 0
    """Number of the reply's turn; 0 where there was none."""
    turns: tuple[int, ...] = ()
    """All turns that it is about."""
    status: str = ""
    journal: str = ""
    """Name of the run's journal in the session's folder."""
    core: tuple[CoreBlock, ...] | None = None
    """All of core memory after it; None where it did not change."""
    memories: tuple[int, ...] = ()
    """Memories that it archived."""
    replaced: tuple[tuple[int, int], ...] = ()
    """(old, new): memories that others took the place of."""
    summary: Summary | None = None
    """Of everything that left, from here on."""
    undoes: int = 0
    """Number of the change that it takes back."""
    number: int = 0
    """Counts changes of memory, from 1; 0 where nothing was changed."""
    cost_usd: float | None = 0.0
    """What it cost; None where no price is known."""

    @property
    def numbers(self) -> set[int]:
        """Of all turns and memories that it names."""
        named = {self.message, self.reply, *self.turns, *self.memories}
        return (named | {id for pair in self.replaced for id in pair}) - {0}

    @property
    def changes_memory(self) -> bool:
        """Whether anything that is remembered is not what it was."""
        return bool(self.core is not None or self.memories or self.replaced or self.summary)


@dataclass(frozen=True, slots=True)
class SessionState:
    """What a session is now: the fold over its log."""

    begun: str = ""
    last: str = ""
    """When something last happened, UTC, ISO 8601."""
    core: tuple[CoreBlock, ...] = ()
    at_hand: tuple[int, ...] = ()
    """Turns that have not left main context, oldest first."""
    summary: Summary | None = None
    messages: int = 0
    """Messages that were concluded."""
    newest: int = 0
    """The highest number of a turn or memory that the log names."""
    asking: str = ""
    """When a message was announced that was not concluded; empty where none is open."""
    maintaining: str = ""
    """The same of a maintenance run: the name of its journal."""
    messages_at_maintenance: int = 0
    maintained_to: int = 0
    """The highest number of a turn or memory that a maintenance run has seen."""
    changes: tuple[SessionEntry, ...] = ()
    """Entries that changed memory, oldest first, by their `number`."""
    before: tuple[tuple[CoreBlock, ...], ...] = ()
    """Core memory before each of them."""
    summaries: tuple[Summary | None, ...] = ()
    """The summary before each of them."""
    cost_usd: float | None = 0.0

    @property
    def next_number(self) -> int:
        return max((change.number for change in self.changes), default=0) + 1

    @property
    def undone(self) -> frozenset[int]:
        """Numbers of the changes that were taken back."""
        return frozenset(change.undoes for change in self.changes if change.undoes)

    def after(self, entry: SessionEntry) -> SessionState:
        """The state that an entry makes of this one."""
        said = tuple(n for n in dict.fromkeys((entry.message, *entry.turns, entry.reply)) if n)
        state = replace(
            self,
            begun=self.begun or entry.when,
            last=entry.when,
            newest=max({self.newest, *entry.numbers}),
            cost_usd=_sum(self.cost_usd, entry.cost_usd),
        )
        if entry.number:
            state = replace(
                state,
                changes=(*self.changes, entry),
                before=(*self.before, self.core),
                summaries=(*self.summaries, self.summary),
            )
        if entry.core is not None:
            state = replace(state, core=entry.core)
        match entry.kind:
            case "asking":
                # A maintenance run that was not finished by then is given up.
                return replace(state, asking=entry.when, maintaining="")
            case "turn":
                at_hand = (*self.at_hand, *sorted(said))
                return replace(state, at_hand=at_hand, asking="", messages=self.messages + 1)
            case "said":
                return replace(state, at_hand=(*self.at_hand, *said), maintaining="")
            case "left":
                staying = tuple(n for n in self.at_hand if n not in set(entry.turns))
                return replace(state, at_hand=staying, summary=entry.summary or self.summary)
            case "maintaining":
                return replace(state, maintaining=entry.journal)
            case "maintained":
                seen = max(entry.turns, default=self.maintained_to)
                return replace(
                    state,
                    maintaining="",
                    maintained_to=max(seen, *entry.memories, self.maintained_to),
                    messages_at_maintenance=self.messages,
                )
            case "undone":
                return replace(state, summary=entry.summary)
            case "forgot":
                return replace(state, summary=entry.summary, at_hand=entry.turns)
        return state


def _sum(one: float | None, other: float | None) -> float | None:
    return None if one is None or other is None else round(one + other, 9)


class SessionLog:
    """The log of one session, open to append to. Whoever has it holds the session's lock."""

    def __init__(self, directory: Path) -> None:
        self.path = directory / LOG_FILE
        self._end = 0
        self._seal = ""
        self.entries: list[SessionEntry] = []
        self.state = SessionState()
        if self.path.exists():
            self._read()

    def append(self, entry: SessionEntry) -> SessionEntry:
        """Add an entry, numbered if it changes memory; it is on the disk when this returns."""
        if entry.changes_memory and not entry.number and entry.kind not in ("begun", "forgot"):
            entry = replace(entry, number=self.state.next_number)
        if not self.entries:
            self._begin()
        line = append_line(self.path, _written(entry), end=self._end, before=self._seal)
        self._take(entry, line.end, line.seal)
        return entry

    def rewrite(self, entries: Sequence[SessionEntry]) -> None:
        """Put other entries in the place of all: whoever reads sees the old ones or the new."""
        rewrite_log(self.path, [_HEADER, *map(_written, entries)])
        self.entries, self.state = [], SessionState()
        self._read()

    def _begin(self) -> None:
        write_bytes(self.path, b"")
        sync_directory(self.path.parent)
        line = append_line(self.path, _HEADER, end=0, before="")
        self._end, self._seal = line.end, line.seal

    def _take(self, entry: SessionEntry, end: int, seal: str) -> None:
        self._end, self._seal = end, seal
        self.entries.append(entry)
        self.state = self.state.after(entry)

    def _read(self) -> None:
        for entry, end, seal in _entries_of(self.path):
            if entry is None:
                self._end, self._seal = end, seal
            else:
                self._take(entry, end, seal)


_HEADER: dict[str, Any] = {"format": FORMAT, "what": "session"}


def read_session(directory: Path) -> SessionState:
    """The state of a session, read beside whoever has it open.

    Raises:
        ChatError: its log is damaged (names the place), or of another version.
    """
    state = SessionState()
    for entry, _, _ in _entries_of(directory / LOG_FILE):
        state = state if entry is None else state.after(entry)
    return state


def _entries_of(path: Path) -> Iterable[tuple[SessionEntry | None, int, str]]:
    """The entries of a log, each with the byte where it ends and its seal; None for the header."""
    try:
        with path.open("rb") as file:
            lines = list(read_sealed(file, start=0, before=""))
    except BrokenSeal as error:
        raise ChatError(
            f"the session's log {path} is damaged: {error}; restore the file"
        ) from error
    except OSError as error:
        raise ChatError(f"cannot read the session's log {path}: {error.strerror}") from error
    for number, line in enumerate(lines):
        if number == 0:
            if line.value.get("format") != FORMAT:
                raise ChatError(f"{path} is no log of a session that this docpager can read")
            yield None, line.end, line.seal
            continue
        try:
            yield from_json(line.value, SessionEntry), line.end, line.seal
        except UNREADABLE as error:
            raise ChatError(f"{path} was written by another version: {error}") from error


def _written(entry: SessionEntry) -> dict[str, Any]:
    """An entry as a line holds it: what is empty is left out, but for what is known to be empty."""
    fields = to_json(entry, SessionEntry)
    kept = ("kind", "when", "cost_usd", "core")
    return {
        name: value
        for name, value in fields.items()
        if value or (name in kept and not (name == "core" and value is None))
    }


def timestamp(when: datetime) -> str:
    """A time as logs hold it."""
    return when.isoformat(timespec="seconds")
