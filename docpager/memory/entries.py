"""Memory: one thing said or remembered; what a store is asked for, what it finds, its limits."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, overload

from docpager.core.errors import MemoryLimitReached, UsageError
from docpager.core.inputs import check_text, check_whole

__all__ = [
    "Memory",
    "MemoryFilter",
    "MemoryHit",
    "MemoryHits",
    "MemoryLimits",
    "MemoryList",
    "memory_from_json",
    "memory_json",
    "microseconds",
    "new_memory",
]

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Memory:
    """One thing said or remembered."""

    id: int
    """Counted from 1 in its store; never used twice."""
    kind: str
    """What it is, such as `turn`, `memory` or `note`."""
    who: str
    """Who said or wrote it: `user`, `assistant`, an agent's name."""
    when: datetime
    """In UTC."""
    text: str
    sources: tuple[str, ...] = ()
    """Locators of the turns and documents it came from."""
    session: str = ""
    """The conversation it belongs to; empty where there is none."""


@dataclass(frozen=True, slots=True)
class MemoryFilter:
    """Which memories are wanted; None leaves that open."""

    kind: str | None = None
    who: str | None = None
    session: str | None = None
    since: datetime | None = None
    """Not earlier than this."""
    until: datetime | None = None
    """Earlier than this."""

    def __post_init__(self) -> None:
        for name in ("since", "until"):
            check_time(getattr(self, name), name)

    def takes(self, memory: Memory) -> bool:
        """Whether a memory is wanted."""
        return (
            self.kind in (None, memory.kind)
            and self.who in (None, memory.who)
            and self.session in (None, memory.session)
            and (self.since is None or self.since <= memory.when)
            and (self.until is None or memory.when < self.until)
        )


@dataclass(frozen=True, slots=True)
class MemoryHit:
    """A memory that a search found."""

    memory: Memory
    by: str
    """What found it: `words`, `meaning`, `both`; `time` where nothing was looked for."""


@dataclass(frozen=True, slots=True)
class MemoryHits:
    """One page of what a search found, best first."""

    hits: tuple[MemoryHit, ...]
    by_words: int
    """Memories that contain a word of the query."""
    by_meaning: int
    """Those among the nearest in meaning that contain none."""
    page: int
    pages: int
    total: int


class MemoryList(Sequence[Memory]):
    """Memories in the order in which they were added, each read when it is asked for."""

    def __init__(self, ids: Sequence[int], read: Callable[[int], Memory]) -> None:
        self.ids = tuple(ids)
        self._read = read

    def __len__(self) -> int:
        return len(self.ids)

    @overload
    def __getitem__(self, at: int) -> Memory: ...
    @overload
    def __getitem__(self, at: slice) -> MemoryList: ...
    def __getitem__(self, at: int | slice) -> Memory | MemoryList:
        if isinstance(at, slice):
            return MemoryList(self.ids[at], self._read)
        return self._read(self.ids[at])


@dataclass(frozen=True, slots=True)
class MemoryLimits:
    """How much a store takes. What would exceed a limit is refused, and nothing is dropped for it.

    Raises:
        UsageError: a limit that is no whole number from 1.
    """

    max_entries: int = 1_000_000
    """Memories at one time; forgotten ones do not count."""
    max_bytes: int = 1 << 30
    """Bytes of the log."""
    max_text: int = 1_000_000
    """Characters of one memory."""

    def __post_init__(self) -> None:
        for name in ("max_entries", "max_bytes", "max_text"):
            value = getattr(self, name)
            check_whole(value, name)
            if value is None or value < 1:
                raise UsageError(f"{name} is a whole number from 1, not {value!r}")

    def check(self, directory: Path, memory: Memory, *, entries: int, end: int) -> None:
        """Refuse a memory that a store of so many entries and bytes cannot take.

        Raises:
            MemoryLimitReached: a limit would be exceeded.
        """
        # Its line begins with a seal and a space, and ends.
        line = json.dumps(memory_json(memory), ensure_ascii=False).encode("utf-8", "replace")
        for limit, needed, what in (
            ("max_text", len(memory.text), "characters in one memory"),
            ("max_entries", entries + 1, "memories"),
            ("max_bytes", end + len(line) + 18, "bytes"),
        ):
            most = getattr(self, limit)
            if needed > most:
                raise MemoryLimitReached(
                    f"the memory in '{directory}' takes at most {most:,} {what}, and this would "
                    f"make {needed:,}; forget something, or shorten it",
                    limit=limit,
                    most=most,
                )


def check_time(given: object, name: str) -> None:
    """Refuse what is neither None nor a time with its zone.

    Raises:
        UsageError: it is not.
    """
    if given is None:
        return
    if not isinstance(given, datetime):
        raise UsageError(f"{name} must be a datetime, not {given!r}")
    if given.tzinfo is None:
        raise UsageError(
            f"{name} needs a time zone, as in datetime(2026, 5, 1, tzinfo=UTC); {given} has none"
        )


def new_memory(
    id: int,
    text: str,
    *,
    kind: str,
    who: str,
    when: datetime | None,
    sources: Sequence[str],
    session: str,
) -> Memory:
    """A memory of these arguments, each seen to be of the right type; now, where no time is given.

    Raises:
        UsageError: one is of another type, or there is no text, kind or author.
    """
    for given, name in ((text, "text"), (kind, "kind"), (who, "who"), (session, "session")):
        check_text(given, name)
    if isinstance(sources, str):
        raise UsageError("sources must be a list of locators, not a str")
    for source in sources:
        check_text(source, "each of sources")
    if not (text.strip() and kind and who):
        raise UsageError("a memory needs a text, a kind and who said it")
    check_time(when, "when")
    when = (when or datetime.now(UTC)).astimezone(UTC)
    return Memory(id, kind, who, when, text, tuple(sources), session)


def memory_json(memory: Memory) -> dict[str, Any]:
    """A memory as a line of the log holds it: what is empty is left out."""
    line: dict[str, Any] = {
        "id": memory.id,
        "kind": memory.kind,
        "who": memory.who,
        "when": memory.when.isoformat(),
        "text": memory.text,
    }
    if memory.sources:
        line["sources"] = list(memory.sources)
    if memory.session:
        line["session"] = memory.session
    return line


def memory_from_json(line: dict[str, Any]) -> Memory:
    """What `memory_json` wrote."""
    return Memory(
        id=line["id"],
        kind=line["kind"],
        who=line["who"],
        when=datetime.fromisoformat(line["when"]),
        text=line["text"],
        sources=tuple(line.get("sources", ())),
        session=line.get("session", ""),
    )


def microseconds(when: datetime) -> int:
    """A time as whole microseconds since 1970, so that times are compared as numbers."""
    return (when - _EPOCH) // timedelta(microseconds=1)
