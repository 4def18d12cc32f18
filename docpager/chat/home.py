"""Where chats are kept: one store of everything said and remembered, and a folder a session.

memory/             the store: turns (T12) and memories (M3) of all sessions
memory-states.jsonl which memories others took the place of, and which were withdrawn
sessions/NAME/      session.jsonl, its writer's lock, and a journal for each run
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from docpager.chat.session_log import LOG_FILE, SessionState, read_session
from docpager.core.errors import ChatError, SessionLocked, UsageError
from docpager.core.inputs import check_text
from docpager.memory.store import MemoryStore
from docpager.storage.sealed_log import BrokenSeal, append_line, read_sealed, rewrite_log
from docpager.storage.writer_lock import ArchiveLocked, turn_to_write, writer_lock

if TYPE_CHECKING:
    from docpager.archive.embedders.base import Embedder

__all__ = ["ChatHome", "MemoryStates", "MemoryStatus", "SessionInfo", "sessions_in"]

_NAME = re.compile(r"[\w][\w.\- ]{0,99}")
_PATIENCE_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class SessionInfo:
    """A session, as a list shows it."""

    name: str
    begun: str
    """UTC, ISO 8601."""
    last: str
    """When something last happened in it."""
    messages: int
    """Messages that were answered."""
    cost_usd: float | None
    """All its runs, summaries and maintenance; None where no price is known."""
    error: str = ""
    """Why it cannot be read."""
    answering: bool = False
    """Whether its last message has no reply yet."""


class ChatHome:
    """A folder of chats. Any number of processes may have it, each session is one's alone."""

    def __init__(self, directory: Path, *, embedder: Embedder) -> None:
        self.directory = directory
        try:
            self._sessions.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise ChatError(
                f"the chats in '{directory}' cannot be written: {error.strerror}; make it "
                "writable, or name another place with `archive=`"
            ) from error
        self.store = MemoryStore.open(directory / "memory", embedder=embedder)
        self.states = MemoryStates(directory / "memory-states.jsonl")

    @property
    def _sessions(self) -> Path:
        return self.directory / "sessions"

    def folder(self, session: str) -> Path:
        """The folder of a session, which need not be there.

        Raises:
            UsageError: no session can have this name.
        """
        check_text(session, "session")
        if not _NAME.fullmatch(session):
            raise UsageError(
                f"{session!r} cannot be the name of a session; use letters, digits, spaces, "
                "`.`, `-` and `_`, at most 100"
            )
        return self._sessions / session

    def names(self) -> list[str]:
        """Sessions that have a log, by name."""
        return [path.name for path in _folders(self.directory)]

    def sessions(self) -> list[SessionInfo]:
        """All sessions, the one in which something happened last first."""
        return sessions_in(self.directory)

    def state(self, session: str) -> SessionState:
        """What a session is now.

        Raises:
            UsageError: there is none of this name.
            ChatError: its log is damaged.
        """
        folder = self.folder(session)
        if not (folder / LOG_FILE).exists():
            known = ", ".join(map(repr, self.names()[:8])) or "none yet"
            raise UsageError(f"no session {session!r}; there are: {known}")
        return read_session(folder)

    @contextmanager
    def held(self, session: str) -> Iterator[Path]:
        """Be the only one who writes a session; its folder.

        Raises:
            SessionLocked: another process has it open; a dead one does not count.
            ChatError: its folder cannot be written.
        """
        folder = self.folder(session)
        try:
            folder.mkdir(exist_ok=True)
            with writer_lock(folder):
                yield folder
        except ArchiveLocked as locked:
            if locked.directory != folder:
                raise
            raise SessionLocked(session, locked.holder) from None

    def close(self) -> None:
        self.store.close()


def sessions_in(directory: Path) -> list[SessionInfo]:
    """The sessions of a folder of chats, the one in which something happened last first."""
    found = [_info(folder) for folder in _folders(directory)]
    return sorted(found, key=lambda info: (info.last, info.name), reverse=True)


def _folders(directory: Path) -> list[Path]:
    return sorted(path.parent for path in directory.glob(f"sessions/*/{LOG_FILE}"))


def _info(folder: Path) -> SessionInfo:
    try:
        state = read_session(folder)
    except ChatError as error:
        return SessionInfo(folder.name, "", "", 0, None, error=str(error))
    return SessionInfo(
        folder.name, state.begun, state.last, state.messages, state.cost_usd, "", bool(state.asking)
    )


@dataclass(frozen=True, slots=True)
class MemoryStatus:
    """What became of a memory."""

    by: int = 0
    """The memory that took its place; 0 where none did."""
    when: str = ""
    """UTC, ISO 8601."""
    withdrawn: bool = False
    """Whether what archived it was undone: nobody finds it any more."""


class MemoryStates:
    """What became of memories, for all sessions: a small log of its own, the last word counts."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = path.with_suffix(".lock")
        self._file: tuple[int, int] = (0, 0)
        self._end, self._seal = 0, ""
        self._known: dict[int, MemoryStatus] = {}

    def of(self, memory: int) -> MemoryStatus:
        """What became of a memory, other processes' words included."""
        self._refresh()
        return self._known.get(memory, MemoryStatus())

    def all(self) -> dict[int, MemoryStatus]:
        """Those of which anything is known."""
        self._refresh()
        return dict(self._known)

    def set(self, memory: int, status: MemoryStatus) -> None:
        """Say what became of a memory; to say it twice changes nothing."""
        with turn_to_write(self._lock, timeout_seconds=_PATIENCE_SECONDS):
            if not self._path.exists():
                rewrite_log(self._path, [])
            self._refresh()
            if self._known.get(memory, MemoryStatus()) == status:
                return
            line = {"memory": memory, "by": status.by, "when": status.when}
            line |= {"withdrawn": True} if status.withdrawn else {}
            added = append_line(self._path, line, end=self._end, before=self._seal)
            self._take(added.value, added.end, added.seal)

    def forget(self, memories: Sequence[int]) -> None:
        """Leave out what is known of these."""
        with turn_to_write(self._lock, timeout_seconds=_PATIENCE_SECONDS):
            self._refresh()
            gone = set(memories)
            kept = {n: s for n, s in self._known.items() if n not in gone and s.by not in gone}
            if kept != self._known:
                lines = [
                    {"memory": n, "by": s.by, "when": s.when, "withdrawn": s.withdrawn}
                    for n, s in kept.items()
                ]
                rewrite_log(self._path, lines)

    def _refresh(self) -> None:
        try:
            found = self._path.stat()
        except OSError:
            return
        if (found.st_dev, found.st_ino) != self._file or found.st_size < self._end:
            self._file = (found.st_dev, found.st_ino)
            self._end, self._seal, self._known = 0, "", {}
        if found.st_size == self._end:
            return
        try:
            with self._path.open("rb") as file:
                for line in read_sealed(file, start=self._end, before=self._seal):
                    self._take(line.value, line.end, line.seal)
        except BrokenSeal as error:
            raise ChatError(f"{self._path} is damaged: {error}; restore the file") from error

    def _take(self, line: dict[str, Any], end: int, seal: str) -> None:
        self._end, self._seal = end, seal
        self._known[line["memory"]] = MemoryStatus(
            line["by"], line["when"], line.get("withdrawn", False)
        )
