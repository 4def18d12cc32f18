"""MemoryStore: a directory with a sealed log, which is the truth, and an index made from it.

    log.jsonl       one line for each memory; a forgotten one leaves its number
    index.json      which parts the index has, and up to which byte of the log it goes
    part-*/         words and vectors of many memories
    memory.lock     held by whoever writes, for as long as a line or a part takes

What stands in the log behind the index (the tail) is kept in memory and searched there. A tail that
has grown long becomes a part, and parts of one size become one. The index can be lost at any time.
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from threading import RLock
from typing import TYPE_CHECKING, Any, BinaryIO

from docpager.archive.analyzer import Analyzer
from docpager.core.errors import (
    DocpagerError,
    MemoryStoreError,
    UnknownMemory,
    UsageError,
)
from docpager.core.inputs import StrPath, as_path, check_text
from docpager.core.passages import HALF_CHARACTER
from docpager.memory.entries import (
    Memory,
    MemoryFilter,
    MemoryHit,
    MemoryHits,
    MemoryLimits,
    MemoryList,
    memory_from_json,
    memory_json,
    new_memory,
)
from docpager.memory.index import (
    LONGEST_TAIL,
    LogEnd,
    MemoryIndex,
    NamedPart,
    Tail,
    without_the_rest,
)
from docpager.memory.part import MemoryPart
from docpager.memory.ranking import newest_memories, rank_memories
from docpager.storage.sealed_log import (
    BrokenSeal,
    SealedLine,
    append_line,
    read_sealed,
    rewrite_log,
)
from docpager.storage.writer_lock import turn_to_write

if TYPE_CHECKING:
    from docpager.archive.embedders.base import Embedder

__all__ = ["MemoryList", "MemoryStore"]

LOG_FILE = "log.jsonl"
LOCK_FILE = "memory.lock"
FORMAT = 1
_PATIENCE_SECONDS = 60.0


@dataclass(slots=True)
class _View:
    """What this process has read of the store."""

    log: BinaryIO
    """Kept open: what it reads belongs to the places in the parts, whoever replaces the file."""
    index_stamp: tuple[int, int] | None
    first_seal: str
    end: int
    seal: str
    last_id: int
    stale: bool
    """Whether the index is missing or was made otherwise."""
    parts: dict[str, MemoryPart]
    tail: Tail


class MemoryStore:
    """What was said and remembered, on disk. Safe in threads; several processes may add to it.

    Every call sees what other processes have added before it.
    """

    def __init__(self, directory: Path, embedder: Embedder, limits: MemoryLimits) -> None:
        self.directory = directory
        self.limits = limits
        self._embedder = embedder
        self._analyzer = Analyzer()
        self._index = MemoryIndex(self.directory, embedder)
        self._guard = RLock()
        self._view_now: _View | None = None

    @classmethod
    def open(
        cls,
        directory: StrPath,
        *,
        embedder: Embedder,
        create: bool = True,
        limits: MemoryLimits | None = None,
    ) -> MemoryStore:
        """Open a store, or begin one. An index that is missing or was made otherwise is made anew.

        Raises:
            MemoryStoreError: there is none and `create` is False, its log is damaged, or it cannot
                be written.
        """
        store = cls(as_path(directory, "directory"), embedder, limits or MemoryLimits())
        if create and not store._log.exists():
            store._begin()
        with store._guard:
            store._refresh()
        return store

    def append(
        self,
        text: str,
        *,
        kind: str,
        who: str,
        when: datetime | None = None,
        sources: Sequence[str] = (),
        session: str = "",
    ) -> Memory:
        """Add a memory; it is on the disk when this returns. `when` is now unless it is given.

        Raises:
            UsageError: an argument of another type, an empty text, or a time without a zone.
            MemoryLimitReached: the store is full, or the text too long.
            MemoryStoreError: the store cannot be written, or is damaged.
        """
        draft = new_memory(0, text, kind=kind, who=who, when=when, sources=sources, session=session)
        with self._guard, self._turn():
            view = self._refresh()
            line = {**memory_json(draft), "id": view.last_id + 1}
            self.limits.check(self.directory, draft, entries=_count(view), end=view.end)
            self._take(view, self._written(line, view))
            if len(view.tail) % LONGEST_TAIL == 0:
                # It is in the log. An index that cannot be made now, for want of disk or of the
                # embedder's server, is made later.
                with suppress(OSError, DocpagerError):
                    self._commit(view, [*view.parts.items(), *view.tail.parts()])
            return memory_from_json(line)

    def get(self, id: int) -> Memory:
        """One memory.

        Raises:
            UnknownMemory: there is none of this number, or it was forgotten.
            MemoryStoreError: its line is damaged.
        """
        with self._guard:
            return self._read(self._refresh(), id)

    def entries(
        self,
        *,
        kind: str | None = None,
        who: str | None = None,
        session: str | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
    ) -> MemoryList:
        """The memories of a kind, an author, a session or a time, in the order of their numbers.

        `since` is included, `until` is not. Each is read when it is asked for.

        Raises:
            UsageError: a time without a zone.
            MemoryStoreError: the store is damaged.
        """
        wanted = MemoryFilter(kind, who, session, since, until)
        with self._guard:
            view = self._refresh()
            ids = [n for p in view.parts.values() for n in p.rows["id"][p.chosen(wanted)].tolist()]
            ids += [id for id, (_, memory) in view.tail.entries.items() if wanted.takes(memory)]
        return MemoryList(ids, self.get)

    def search(
        self,
        query: str,
        *,
        limit: int = 10,
        page: int = 1,
        kind: str | None = None,
        who: str | None = None,
        session: str | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
    ) -> MemoryHits:
        """Find memories by words (BM25) and by meaning, fused as in the archive's search.

        Every memory that contains a word of the query is in the list, and up to 200 by meaning
        beside them; the order is complete and the same on every machine. Without a query: all
        that are wanted, the newest first. `page` counts from 1 and holds `limit`.

        Raises:
            UsageError: `page` or `limit` is below 1, or a time has no zone.
            MemoryStoreError: the store is damaged.
            ModelError: a remote embedder did not answer.
        """
        check_text(query, "query")
        if page < 1 or limit < 1:
            raise UsageError("pages of results count from 1 and hold at least one")
        query = HALF_CHARACTER.sub(" ", query)
        wanted = MemoryFilter(kind, who, session, since, until)
        with self._guard:
            view = self._searchable()
            parts = list(view.parts.values())
            if view.tail:
                parts.append(view.tail.part())
            masks = [part.chosen(wanted) for part in parts]
            ranked = newest_memories(parts, masks)
            if query.strip():
                vector = self._embedder.embed_query(query) if parts else None
                ranked = rank_memories(parts, masks, self._analyzer.query_terms(query), vector)
            ids = ranked.ids[(page - 1) * limit : page * limit].tolist()
            hits = tuple(MemoryHit(self._read(view, id), ranked.found_by(id)) for id in ids)
        total, by_words = len(ranked.ids), len(ranked.with_words)
        by_meaning = len(ranked.near - ranked.with_words)
        return MemoryHits(hits, by_words, by_meaning, page, -(-total // limit), total)

    def forget(self, ids: Iterable[int]) -> tuple[int, ...]:
        """Remove memories from the log and everything made from it; their numbers stay taken.

        It takes the time to write the whole store anew. Those that were forgotten before are
        passed over. Where the process dies meanwhile, either nothing is forgotten or all is.

        Returns:
            The numbers that were forgotten now.

        Raises:
            UnknownMemory: a number that no memory ever had; nothing is forgotten.
            MemoryStoreError: the store cannot be written, or is damaged.
        """
        asked = set(ids)
        with self._guard, self._turn():
            view = self._refresh()
            for id in sorted(asked):
                if not 1 <= id <= view.last_id:
                    raise self._unknown(view, id)
            held = {id for id in asked if self._place(view, id) is not None}
            if held:
                self._write_without(view, held)
            self._index.remove_all_but(view.parts)
            return tuple(sorted(held))

    def verify(self) -> None:
        """Read all of the log and check its seals; damaged parts of the index are made anew.

        Raises:
            MemoryStoreError: the log is damaged (names the place).
        """
        with self._guard:
            view = self._refresh()
            with self._checking():
                for _ in read_sealed(view.log, start=0, before=""):
                    pass
            if self._index.is_damaged(view.parts):
                with self._turn():
                    self._index.drop()
                    view = self._load()
                    self._commit(view, view.tail.parts())

    def __len__(self) -> int:
        """Memories that are there now."""
        with self._guard:
            return _count(self._refresh())

    @property
    def bytes(self) -> int:
        """Bytes of the log."""
        with self._guard:
            return self._refresh().end

    def close(self) -> None:
        """Let go of the files; the store opens them again when it is asked once more."""
        with self._guard:
            if self._view_now is not None:
                self._view_now.log.close()
                self._view_now = None

    def __enter__(self) -> MemoryStore:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def _log(self) -> Path:
        return self.directory / LOG_FILE

    def _begin(self) -> None:
        try:
            self.directory.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise self._unwritable(error) from error
        with self._turn():
            # Another process may have begun it meanwhile.
            if not self._log.exists():
                self._index.drop()
                rewrite_log(self._log, [_header()])

    @contextmanager
    def _turn(self) -> Iterator[None]:
        """Be the only one who writes, for a moment."""
        try:
            with turn_to_write(self.directory / LOCK_FILE, timeout_seconds=_PATIENCE_SECONDS):
                yield
        except TimeoutError as error:
            raise MemoryStoreError(
                f"the memory in '{self.directory}' is being written by another process; "
                "wait until it is done, or stop it"
            ) from error
        except OSError as error:
            raise self._unwritable(error) from error

    def _unwritable(self, error: OSError) -> MemoryStoreError:
        return MemoryStoreError(
            f"the memory in '{self.directory}' cannot be written: {error.strerror or error}; "
            "make room or make it writable"
        )

    @contextmanager
    def _checking(self) -> Iterator[None]:
        try:
            yield
        except BrokenSeal as error:
            raise MemoryStoreError(
                f"the memory in '{self._log}' is damaged: {error}; restore the file"
            ) from error

    def _refresh(self) -> _View:
        """The store as it is now: what others added is read."""
        view = self._view_now
        if view is None or self._replaced(view):
            return self._load()
        self._read_on(view)
        return view

    def _searchable(self) -> _View:
        """The store as it is now, with an index where there is much to search."""
        view = self._refresh()
        if not view.stale or len(view.tail) < LONGEST_TAIL:
            return view
        # Where nothing may be written, all of it is searched as a tail is.
        with suppress(MemoryStoreError), self._turn():
            # Somebody else may have done so while this process waited for its turn.
            view = self._load()
            if view.stale:
                self._commit(view, view.tail.parts())
        return view

    def _replaced(self, view: _View) -> bool:
        """Whether somebody wrote the log anew, or made parts of the tail."""
        try:
            now = self._log.stat()
        except OSError:
            return True
        held = os.fstat(view.log.fileno())
        same = (now.st_dev, now.st_ino) == (held.st_dev, held.st_ino)
        return not same or view.index_stamp != self._index.stamp()

    def _load(self) -> _View:
        """Read the store from its beginning: the index, and the log behind it."""
        self.close()
        try:
            log = self._log.open("rb")
        except OSError as error:
            raise MemoryStoreError(
                f"there is no memory in '{self.directory}': {error.strerror}"
            ) from error
        stamp = self._index.stamp()
        with self._checking():
            header = next(read_sealed(log, start=0, before=""), None)
        if header is None or header.value.get("format") != FORMAT:
            log.close()
            raise MemoryStoreError(
                f"'{self._log}' is no log of memories that this version of docpager can read"
            )
        index, parts = self._index.read(header.seal, os.fstat(log.fileno()).st_size)
        view = _View(
            log=log,
            index_stamp=stamp,
            first_seal=header.seal,
            end=index.end if index else header.end,
            seal=index.seal if index else header.seal,
            last_id=index.last_id if index else 0,
            stale=index is None,
            parts=parts,
            tail=Tail(self._embedder, self._analyzer),
        )
        self._read_on(view)
        self._view_now = view
        return view

    def _read_on(self, view: _View) -> None:
        """Take what was added to the log since."""
        size = os.fstat(view.log.fileno()).st_size
        if size == view.end:
            return
        if size < view.end:
            raise MemoryStoreError(
                f"the memory in '{self._log}' is damaged: it ends at byte {size}, and was longer "
                "before; restore the file"
            )
        with self._checking():
            for line in read_sealed(view.log, start=view.end, before=view.seal):
                self._take(view, line)

    def _take(self, view: _View, line: SealedLine) -> None:
        view.end, view.seal, view.last_id = line.end, line.seal, int(line.value["id"])
        if "forgotten" not in line.value:
            view.tail.add(line, memory_from_json(line.value))

    def _written(self, line: dict[str, Any], view: _View) -> SealedLine:
        try:
            return append_line(self._log, line, end=view.end, before=view.seal)
        except OSError as error:
            raise self._unwritable(error) from error

    def _place(self, view: _View, id: int) -> Any | None:
        """Where a memory is: its line in the tail, or its row; None where it is not."""
        if id in view.tail.entries:
            return view.tail.entries[id]
        rows = (part.row_of(id) for part in view.parts.values())
        return next((row for row in rows if row is not None), None)

    def _read(self, view: _View, id: int) -> Memory:
        if id in view.tail.entries:
            return view.tail.entries[id][1]
        row = self._place(view, id)
        if row is None:
            raise self._unknown(view, id)
        before = f"{int(row['before']):016x}"
        with self._checking():
            at, size = int(row["start"]), int(row["size"])
            line = next(read_sealed(view.log, start=at, before=before, size=size), None)
            if line is None or line.value.get("id") != id:
                raise BrokenSeal(f"memory {id} is not at byte {at}")
        return memory_from_json(line.value)

    def _unknown(self, view: _View, id: int) -> UnknownMemory:
        forgotten = isinstance(id, int) and 1 <= id <= view.last_id
        what = "was forgotten" if forgotten else f"is not there; there are 1 to {view.last_id}"
        return UnknownMemory(
            f"memory {id!r} of '{self.directory}' {what}; search to find others",
            forgotten=forgotten,
        )

    def _commit(self, view: _View, parts: Sequence[NamedPart]) -> None:
        """Have these parts, which hold all that the view has read, as the index."""
        end = LogEnd(view.first_seal, view.end, view.seal, view.last_id)
        view.parts = self._index.write(parts, end)
        view.index_stamp, view.stale = self._index.stamp(), False
        view.tail.clear()

    def _write_without(self, view: _View, forgotten: Collection[int]) -> None:
        """Write log and index anew without some memories."""
        with self._checking():
            lines = [line.value for line in read_sealed(view.log, start=0, before="")]
        for line in lines[1:]:
            if line["id"] in forgotten:
                id = line["id"]
                line.clear()
                line |= {"id": id, "forgotten": True}
        old = list(view.parts.values())
        indexed_to = max((int(part.rows["id"][-1]) for part in old), default=0)
        # Their text must be nowhere once the log is written, and a process may die at any time: so
        # the index goes first. It can be made anew from the log, with them or without.
        self._index.drop()
        rewrite_log(self._log, [_header(), *lines[1:]])
        view = self._load()
        # It is done. Where vectors cannot be made now, the index is made when somebody searches.
        with suppress(DocpagerError):
            kept = without_the_rest(old, view.tail.lines(), self._embedder.dimension)
            view.tail.keep_after(indexed_to)
            self._commit(view, [*kept, *view.tail.parts()])


def _count(view: _View) -> int:
    return len(view.tail) + sum(map(len, view.parts.values()))


def _header() -> dict[str, Any]:
    """The first line of a log: its format, and a name that no other log has."""
    return {"format": FORMAT, "id": secrets.token_hex(16)}
