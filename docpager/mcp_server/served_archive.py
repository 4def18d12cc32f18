"""ServedArchive: the newest generation of an archive, for many readers at once."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from threading import Event, Lock
from typing import TYPE_CHECKING, Any, cast

from docpager.archive.embedders.base import load_embedder
from docpager.archive.manifest import MANIFEST
from docpager.core.errors import UsageError

if TYPE_CHECKING:
    from docpager.archive.archive import Archive
    from docpager.archive.embedders.base import Embedder
    from docpager.archive.grep import GrepPage
    from docpager.run.archival_storage import ArchivalStorage

__all__ = ["CallCancelled", "ServedArchive", "ServedSettings", "cancellable"]


@dataclass(frozen=True, slots=True)
class ServedSettings:
    """What is served, and how much of it at once."""

    archive: Path
    spaces: Path
    """Where notes are kept."""
    allow_notes: bool = False
    """Whether agents may leave notes: without it, nothing can be written."""
    notes_per_space: int = 10_000
    result_tokens: int = 4000
    """The most tokens in a result, by the built-in estimate."""


class CallCancelled(Exception):
    """Nobody waits for the result any more."""


class ServedArchive:
    """An archive that may be ingested into while it is served. Safe in threads.

    A call reads one generation from its beginning to its end, the newest when it began. One that
    was replaced is closed as soon as nobody reads it.
    """

    def __init__(self, directory: Path, *, embedder: Embedder | None = None) -> None:
        """Open the archive.

        Raises:
            ArchiveError: there is none, or it is damaged.
        """
        self.directory = directory
        self._embedder = embedder
        self._guard = Lock()
        self._readers: dict[Archive, int] = {}
        self._stamp = self._stamp_now()
        self._newest = self._open()

    @contextmanager
    def reading(self) -> Iterator[Archive]:
        """The archive as it is now, for as long as one call takes."""
        with self._guard:
            self._turn_to_newest()
            archive = self._newest
            self._readers[archive] += 1
        try:
            yield archive
        finally:
            with self._guard:
                self._readers[archive] -= 1
                self._close_unread()

    def close(self) -> None:
        """Let go of the archive; calls that read it still are the last."""
        with self._guard:
            for archive in self._readers:
                archive.close()

    def _turn_to_newest(self) -> None:
        # Taken before the archive is opened: a generation that is committed in between is opened
        # once more by the next call, instead of being missed.
        stamp = self._stamp_now()
        if stamp != self._stamp:
            self._newest = self._open()
            self._stamp = stamp
            self._close_unread()

    def _open(self) -> Archive:
        from docpager.archive.archive import Archive

        archive = Archive.open(self.directory, embedder=self._embedder)
        if self._embedder is None:
            # Once for all generations. Where it is not installed, what needs none can be served.
            with suppress(UsageError):
                self._embedder = load_embedder(archive.embedder_name)
                return self._open()
        self._readers[archive] = 0
        return archive

    def _close_unread(self) -> None:
        for archive in [a for a, readers in self._readers.items() if not readers]:
            if archive is not self._newest:
                del self._readers[archive]
                archive.close()

    def _stamp_now(self) -> tuple[int, int]:
        """Another one as soon as a writer committed: the manifest is replaced, never changed."""
        try:
            status = (self.directory / MANIFEST).stat()
        except OSError:
            return (0, 0)  # opening it says what is wrong
        return status.st_ino, status.st_mtime_ns


def cancellable(archive: Archive, cancelled: Event) -> ArchivalStorage:
    """The archive for one call, which ends between two pieces of work when nobody waits for it."""
    # It has what the archive has, which only a reader of `__getattr__` can see.
    return cast("ArchivalStorage", _CancellableArchive(archive, cancelled))


class _CancellableArchive:
    def __init__(self, archive: Archive, cancelled: Event) -> None:
        self._archive = archive
        self._cancelled = cancelled

    def __getattr__(self, name: str) -> Any:
        self.checkpoint()
        return getattr(self._archive, name)

    def grep(
        self, pattern: str, *, documents: Collection[int] | None, page: int, page_size: int
    ) -> GrepPage:
        """As `Archive.grep`: of all calls only this one can take long."""
        return self._archive.grep(
            pattern,
            documents=documents,
            page=page,
            page_size=page_size,
            checkpoint=self.checkpoint,
        )

    def checkpoint(self) -> None:
        """End here where the call was cancelled.

        Raises:
            CallCancelled: it was.
        """
        if self._cancelled.is_set():
            raise CallCancelled
