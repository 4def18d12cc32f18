"""Reads and cuts many files in processes of their own, so that a bad file harms only itself."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import islice
from queue import SimpleQueue

from docpager.core.errors import DocumentError
from docpager.documents.reader import Reader, ReadingLimits
from docpager.documents.reader_process import CutDocument, CutFile, ReadingJob

__all__ = ["CutDocument", "CutFile", "ReadingJob", "ReadingLimits", "available_cores", "read_files"]

_FILES_AHEAD = 4
"""Per process: files read before the caller has taken the first of them, which bounds memory."""


def available_cores() -> int:
    """Cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def read_files(
    jobs: Iterable[ReadingJob], limits: ReadingLimits | None = None
) -> Iterator[tuple[ReadingJob, CutFile | DocumentError]]:
    """Each job with its documents, or with the reason why there are none, in the jobs' order.

    Processes are started when the first file is asked for and stopped when the iterator is closed,
    exhausted or interrupted.
    """
    waiting = list(jobs)
    if not waiting:
        return
    limits = limits or ReadingLimits()
    count = min(limits.processes or available_cores(), len(waiting))
    readers = [Reader(limits) for _ in range(count)]
    idle: SimpleQueue[Reader] = SimpleQueue()
    for reader in readers:
        idle.put(reader)
    pool = ThreadPoolExecutor(count, thread_name_prefix="reader")
    try:
        yield from _in_order(waiting, pool, idle, ahead=count * _FILES_AHEAD)
    finally:
        for reader in readers:
            reader.stop()
        pool.shutdown(cancel_futures=True)
        for reader in readers:
            reader.close()


def _in_order(
    jobs: list[ReadingJob], pool: ThreadPoolExecutor, idle: SimpleQueue[Reader], *, ahead: int
) -> Iterator[tuple[ReadingJob, CutFile | DocumentError]]:
    def read(job: ReadingJob) -> CutFile | DocumentError:
        reader = idle.get()
        try:
            return reader.read(job)
        finally:
            idle.put(reader)

    rest = iter(jobs)
    begun: deque[tuple[ReadingJob, Future[CutFile | DocumentError]]] = deque()
    while True:
        begun.extend((job, pool.submit(read, job)) for job in islice(rest, ahead - len(begun)))
        if not begun:
            return
        job, result = begun.popleft()
        yield job, result.result()
