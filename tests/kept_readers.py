"""Processes that read files, kept from one test to the next: starting one costs more than what most
tests have it read."""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from typing import Any, ClassVar

from docpager.documents import reader_pool
from docpager.documents.reader_pool import ReadingJob, ReadingLimits
from docpager.documents.reasons import Reason

MOST = 6
"""Processes that wait at once."""

READ = ("FAKE_DATA", "FAKE_TESSERACT", "PATH", "TESSDATA_PREFIX")
"""What one that reads, or the recogniser that it starts, looks for in its environment."""

Started = reader_pool._Process
"""One that ends when it is let go of, as for users."""


class KeptReader(Started):
    """One that then waits for another test, unless it was reading or has died."""

    waiting: ClassVar[defaultdict[Any, list[KeptReader]]] = defaultdict(list)
    """By what a process takes over from the one that starts it."""

    @classmethod
    def one(cls, limits: ReadingLimits) -> KeptReader:
        # The process too: what a test forks must not talk into the reader of another process.
        key = (os.getpid(), limits.memory_bytes, limits.timeout_seconds)
        key = (*key, *(os.environ.get(name) for name in READ))
        with suppress(IndexError):
            while True:
                reader = cls.waiting[key].pop()
                if reader._process.poll() is None:
                    return reader
                Started.end(reader)
        reader = cls(limits)
        reader.key, reader.is_reading = key, False
        return reader

    def read(self, job: ReadingJob, **limits: Any) -> Any:
        self.is_reading = True
        # It may have been started in another folder.
        result = super().read(replace(job, path=job.path.absolute()), **limits)
        self.is_reading = isinstance(result, reader_pool._Death)
        return result

    def kill(self) -> None:
        if self.is_reading:
            super().kill()

    def end(self) -> tuple[str, Reason]:
        if self.is_reading:
            return super().end()
        if sum(map(len, self.waiting.values())) >= MOST:
            end_all()
        self.waiting[self.key].append(self)
        return "", Reason.NOT_READ


def end_all() -> None:
    """End those that wait."""
    for readers in list(KeptReader.waiting.values()):
        while readers:
            reader = readers.pop()
            reader.is_reading = True
            reader.end()
    KeptReader.waiting.clear()


@contextmanager
def started_anew(*, always: bool) -> Iterator[None]:
    """Whether each reading starts processes of its own."""
    before = reader_pool._Process
    reader_pool._Process = Started if always else KeptReader.one  # type: ignore[assignment,misc]
    try:
        yield
    finally:
        reader_pool._Process = before  # type: ignore[misc]
