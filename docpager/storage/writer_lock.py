"""One writer at a time: a file lock that names its holder and dies with it."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from docpager.core.errors import ArchiveError

__all__ = ["LOCK_FILE", "ArchiveLocked", "turn_to_write", "writer_lock", "writing"]

LOCK_FILE = "writer.lock"
_HOLDER_FILE = "writer.json"


class ArchiveLocked(ArchiveError):
    """Another process is writing this archive."""

    def __init__(self, directory: Path, holder: tuple[int, str] | None) -> None:
        named = "another process" if holder is None else f"process {holder[0]} on {holder[1]}"
        super().__init__(
            f"archive '{directory}' is being written by {named}; wait until it is done, or stop it"
        )
        self.directory = directory
        self.holder = holder
        """The writer's process id and host; None where it has not said who it is."""


@contextmanager
def writer_lock(directory: Path) -> Iterator[None]:
    """Be the archive's only writer.

    Raises:
        ArchiveLocked: another process is; a dead one does not count.
    """
    from filelock import FileLock, Timeout

    # The operating system lets go of the lock when its process ends, however it ends, so a killed
    # writer leaves nothing to be cleaned up.
    lock = FileLock(directory / LOCK_FILE)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        raise ArchiveLocked(directory, _holder(directory)) from None
    except OSError as error:
        raise ArchiveError(
            f"archive '{directory}' cannot be written: {error.strerror}; "
            "make it writable or name another with `archive=`"
        ) from error
    try:
        _name_holder(directory)
        yield
    finally:
        # Before the release: afterwards it could be the next writer's.
        (directory / _HOLDER_FILE).unlink(missing_ok=True)
        lock.release()


@contextmanager
def writing(directory: Path) -> Iterator[None]:
    """Be the only writer of an archive that may not be there yet; what the disk refuses is named.

    Raises:
        ArchiveLocked: another process writes.
        ArchiveError: the place cannot be written.
    """
    try:
        directory.mkdir(parents=True, exist_ok=True)
        with writer_lock(directory):
            yield
    except OSError as error:
        raise ArchiveError(
            f"archive '{directory}' cannot be written: {error.strerror or error}; "
            "make room or make it writable, or name another with `archive=`"
        ) from error


@contextmanager
def turn_to_write(path: Path, *, timeout_seconds: float) -> Iterator[None]:
    """Wait for a turn among the processes and threads that write a little and let go.

    Raises:
        TimeoutError: the others took longer than that.
        OSError: the lock file cannot be written.
    """
    from filelock import FileLock, Timeout

    # Of its own for each turn, so that the threads of one process wait for each other as well.
    lock = FileLock(path, thread_local=False)
    try:
        # A turn takes as long as an fsync does, so asking every 50 ms, as is the default, would
        # spend most of the time asleep.
        lock.acquire(timeout=timeout_seconds, poll_interval=0.002)
    except Timeout:
        raise TimeoutError(f"{path} was held by others for {timeout_seconds:g} seconds") from None
    try:
        yield
    finally:
        lock.release()


def _name_holder(directory: Path) -> None:
    import socket

    holder = {"pid": os.getpid(), "host": socket.gethostname()}
    (directory / _HOLDER_FILE).write_text(json.dumps(holder), encoding="utf-8")


def _holder(directory: Path) -> tuple[int, str] | None:
    # The lock file itself cannot hold the name: whoever asks for the lock truncates it.
    try:
        holder = json.loads((directory / _HOLDER_FILE).read_text(encoding="utf-8"))
        return int(holder["pid"]), str(holder["host"])
    except (OSError, ValueError, KeyError, TypeError):
        return None
