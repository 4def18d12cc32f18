"""Logs that are only appended to, one writer each: the lines of a file, or objects of a line each.

Object storage does not append, so there an entry is an object with its number, `NAME.jsonl/000007`,
put on the condition that there is none. That is the fence too: of two who go on with a log, one
is refused at its first entry. A file is locked instead, as long as its process lives.
"""

from __future__ import annotations

import os
import uuid
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Protocol

from docpager.core.locations import Location, ObjectPath
from docpager.storage.object_store import (
    Bucket,
    ConditionRefused,
    ListedObject,
    ObjectMissing,
    in_parallel,
)

__all__ = [
    "EntryLog",
    "LogContent",
    "LogExists",
    "LogTaken",
    "changed_at",
    "claim_log",
    "held_log",
    "log_exists",
    "log_lines",
    "logs_in",
    "open_log",
    "read_log",
    "remove_log",
    "replace_log",
]

ENDING = ".jsonl"


class LogExists(Exception):
    """A log is to be begun where there is one."""


class LogTaken(Exception):
    """Another process is writing this log."""


@dataclass(frozen=True, slots=True)
class LogContent:
    """What a log holds."""

    lines: bytes
    """Whole lines: one that was being written when its process died was never acted on."""
    end: int
    """Where the next entry goes: an offset in a file, a number in object storage."""


class EntryLog(Protocol):
    """A log that is open to be appended to."""

    def append(self, line: bytes) -> None:
        """Add a line, its end included.

        Raises:
            LogTaken: another process has added one.
            OSError, StorageError: it cannot be written.
        """
        ...

    def sync(self) -> None:
        """Wait until all of it would survive a power cut."""
        ...

    def close(self) -> None: ...


def open_log(place: Location, *, end: int = 0) -> EntryLog:
    """The end of a log, as it was read; at 0 a log that must not be there yet.

    Raises:
        LogExists: there is something already.
        LogTaken: another process is writing it.
        OSError, StorageError: it cannot be written.
    """
    return _ObjectLog(place, end) if isinstance(place, ObjectPath) else _FileLog(place, end)


def read_log(place: Location) -> LogContent:
    """Everything in a log.

    Raises:
        OSError, StorageError: it cannot be read.
    """
    if isinstance(place, Path):
        content = place.read_bytes()
        whole = content[: content.rfind(b"\n") + 1]
        return LogContent(whole, len(whole))
    entries = _entries(place)
    if not entries:
        raise FileNotFoundError(2, "there is no such object", str(place))
    bucket = Bucket(place.bucket)
    contents = in_parallel(lambda entry: bucket.get(entry.path.key).content, entries)
    lines, end = b"", 0
    for entry, content in zip(entries, contents, strict=True):
        # What a replacement left behind when it was interrupted: its lines are all in the first.
        if _number(entry) < end:
            continue
        owner, _, line = content.partition(b" ")
        lines += line
        end = max(_number(entry), int(owner.partition(b"+")[2] or 0)) + 1
    return LogContent(lines, end)


def log_lines(place: Location) -> Generator[bytes, None, None]:
    """The lines of a log one by one, the last perhaps torn.

    Raises:
        OSError, StorageError: it cannot be read.
    """
    if isinstance(place, Path):
        with place.open("rb") as file:
            yield from file
    else:
        yield from read_log(place).lines.splitlines(keepends=True)


def logs_in(folder: Location, *, beginning: str = "") -> list[Location]:
    """The logs of a folder whose names begin so, by name."""
    if isinstance(folder, Path):
        return sorted(p for p in folder.glob("*" + ENDING) if p.name.startswith(beginning))
    names: dict[str, None] = {}
    for found in Bucket(folder.bucket).list(folder.key):
        name, _, entry = found.path.key[len(folder.key) :].lstrip("/").partition("/")
        if entry and name.endswith(ENDING) and name.startswith(beginning):
            names[name] = None
    return [folder / name for name in sorted(names)]


def changed_at(place: Location) -> float:
    """When a log was last added to, in seconds since 1970."""
    if isinstance(place, Path):
        return place.stat().st_mtime
    return max((entry.modified.timestamp() for entry in _entries(place)), default=0.0)


def log_exists(place: Location) -> bool:
    return place.exists() if isinstance(place, Path) else bool(_entries(place))


def claim_log(place: Location) -> None:
    """Have the name taken by an empty log."""
    if isinstance(place, Path):
        place.touch()
        return
    try:
        Bucket(place.bucket).create(_key(place, 0), _owner())
    except ConditionRefused:
        return


def remove_log(place: Location) -> None:
    """Remove a log; one that is not there is removed already."""
    if isinstance(place, Path):
        place.unlink(missing_ok=True)
    else:
        Bucket(place.bucket).delete([entry.path.key for entry in _entries(place)])


@contextmanager
def held_log(place: Location) -> Iterator[None]:
    """Keep every process from going on with a log while it is replaced.

    Raises:
        LogTaken: a process is going on with it.
    """
    if isinstance(place, Path):
        log = _FileLog(place, place.stat().st_size)
        try:
            yield
        finally:
            log.close()
        return
    # Whoever goes on with it is refused at its next entry.
    _ObjectLog(place, read_log(place).end).append(b"")
    yield


def replace_log(place: Location, content: bytes) -> None:
    """Put other lines in the place of a log's: never is there neither."""
    if isinstance(place, Path):
        temporary = place.with_name(place.name + ".new")
        with temporary.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(place)
        return
    entries = _entries(place)
    bucket, first, last = (
        Bucket(place.bucket),
        _key(place, 1),
        max(map(_number, entries), default=1),
    )
    # All lines in the first object, which says up to which number it makes the others void; then
    # these may go, but for the last: who has not read this would put its next entry there.
    bucket.put(first, _owner(through=last) + content)
    if last > 1:
        bucket.put(_key(place, last), _owner())
    kept = (first, _key(place, last))
    bucket.delete([entry.path.key for entry in entries if entry.path.key not in kept])


class _FileLog:
    """The lines of a file, locked for this process alone."""

    def __init__(self, path: Path, end: int) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        # "x" and not a check alone: two processes may begin the same name at once.
        try:
            self._file: BinaryIO = path.open("r+b" if end else "xb")
        except FileExistsError as error:
            raise LogExists from error
        try:
            _lock(self._file)
        except BlockingIOError as error:
            self._file.close()
            raise LogTaken from error
        # A torn last line goes before anything is appended, or its remains would become part of
        # the next line.
        self._file.truncate(end)
        self._file.seek(end)

    def append(self, line: bytes) -> None:
        self._file.write(line)
        # To the system, not to the disk: a killed process loses nothing, a power cut the last
        # seconds. An fsync here would cost the disk's latency at each step of each run of a batch.
        self._file.flush()

    def sync(self) -> None:
        os.fsync(self._file.fileno())

    def close(self) -> None:
        self._file.close()


class _ObjectLog:
    """Objects of a line each."""

    def __init__(self, place: ObjectPath, end: int) -> None:
        self._place = place
        self._bucket = Bucket(place.bucket)
        self._next = max(1, end)
        if not end and any(_number(entry) for entry in _entries(place)):
            raise LogExists

    def append(self, line: bytes) -> None:
        key, content = _key(self._place, self._next), _owner() + line
        try:
            self._bucket.create(key, content)
        except ConditionRefused as error:
            # Its reply may have been lost: what stands there is then this writer's.
            try:
                if self._bucket.get(key).content != content:
                    raise LogTaken from error
            except ObjectMissing:  # a conflict of the server's own making
                raise error from None
        self._next += 1

    def sync(self) -> None:
        """Storage replies when it has an object for good."""

    def close(self) -> None:
        """Nothing is open."""


def _owner(*, through: int = 0) -> bytes:
    """What no other writer's entry begins with, so that one's own is known again; and up to which
    number it stands for all entries."""
    return f"{uuid.uuid4().hex}{f'+{through}' if through else ''} ".encode()


def _key(place: ObjectPath, number: int) -> str:
    return f"{place.key}/{number:06d}"


def _number(entry: ListedObject) -> int:
    return int(entry.path.name)


def _entries(place: ObjectPath) -> list[ListedObject]:
    """The objects of a log, by number."""
    found = Bucket(place.bucket).list(place.key)
    return sorted((each for each in found if each.path.name.isdigit()), key=_number)


def _lock(file: BinaryIO) -> None:
    """Keep others from writing to the same file; the lock ends with the process."""
    try:
        import fcntl
    except ImportError:  # not a Unix; two writers must be kept apart by hand
        return
    fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
