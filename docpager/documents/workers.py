"""Reads and cuts many files in processes of their own, so that a bad file harms only itself."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import threading
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from io import BytesIO
from itertools import islice
from pathlib import Path
from queue import SimpleQueue
from tempfile import TemporaryFile
from typing import IO

from docpager.documents.reader_process import CutDocument, CutFile, ReadingJob, receive, send
from docpager.errors import DocumentError

__all__ = ["CutDocument", "CutFile", "ReadingJob", "ReadingLimits", "available_cores", "read_files"]

_FILES_AHEAD = 4
"""Per process: files read before the caller has taken the first of them, which bounds memory."""


@dataclass(frozen=True, slots=True)
class ReadingLimits:
    """What reading may use."""

    processes: int | None = None
    """None: one for each core this process may use."""
    timeout_seconds: float = 300.0
    """For one file."""
    memory_bytes: int = 4_000_000_000
    """For one process; not enforced on Windows."""


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
    readers = [_Reader(limits) for _ in range(count)]
    idle: SimpleQueue[_Reader] = SimpleQueue()
    for reader in readers:
        idle.put(reader)
    pool = ThreadPoolExecutor(count, thread_name_prefix="reader")
    try:
        yield from _in_order(waiting, pool, idle, ahead=count * _FILES_AHEAD)
    finally:
        for reader in readers:
            reader.stop()
        pool.shutdown(cancel_futures=True)


def _in_order(
    jobs: list[ReadingJob], pool: ThreadPoolExecutor, idle: SimpleQueue[_Reader], *, ahead: int
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


class _Reader:
    """One process and the files it reads, one after another; replaced when it dies."""

    def __init__(self, limits: ReadingLimits) -> None:
        self._limits = limits
        self._process: subprocess.Popen[bytes] | None = None
        self._files_read = 0
        self._complaints: IO[bytes] = BytesIO()
        self._last_words = "stopped"
        self._stopped = False
        self._starting = threading.Lock()

    def read(self, job: ReadingJob) -> CutFile | DocumentError:
        used = self._files_read > 0
        result = self._attempt(job)
        if result is None and used and not self._stopped:
            # What died may have been worn out by the files before this one.
            result = self._attempt(job)
        return result if result is not None else self._died(job)

    def stop(self) -> None:
        """End the process now, whatever it is doing, and start no other."""
        with self._starting:
            self._stopped = True
            self._end()

    def _attempt(self, job: ReadingJob) -> CutFile | DocumentError | None:
        """What the process replied; None where it died."""
        process = self._running()
        if process is None or process.stdin is None or process.stdout is None:
            return None
        expired = threading.Event()
        timer = threading.Timer(self._limits.timeout_seconds, _expire, (process, expired))
        timer.start()
        try:
            send(process.stdin, job)
            reply = receive(process.stdout)
        except (EOFError, OSError):
            self._end()
            return self._expired(job) if expired.is_set() else None
        finally:
            timer.cancel()
        self._files_read += 1
        return DocumentError(reply) if isinstance(reply, str) else reply

    def _running(self) -> subprocess.Popen[bytes] | None:
        with self._starting:
            if self._process is None and not self._stopped:
                self._complaints = TemporaryFile()  # noqa: SIM115
                self._process = _start(self._limits, self._complaints)
                self._files_read = 0
            return self._process

    def _end(self) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        process.kill()
        code = process.wait()
        for stream in (process.stdin, process.stdout):
            if stream is not None:
                with contextlib.suppress(OSError):
                    stream.close()
        self._complaints.seek(0)
        lines = self._complaints.read().decode(errors="replace").strip().splitlines()
        self._last_words = lines[-1][:200] if lines else f"exit code {code}"

    def _expired(self, job: ReadingJob) -> DocumentError:
        seconds = self._limits.timeout_seconds
        return DocumentError(
            f"{job.relative_path!r} took longer than {seconds:g} seconds to read and was given up; "
            "split it or raise the limit"
        )

    def _died(self, job: ReadingJob) -> DocumentError:
        gigabytes = self._limits.memory_bytes / 1e9
        return DocumentError(
            f"{job.relative_path!r} ended the process that read it ({self._last_words}); "
            f"export the file again, or split it if {gigabytes:.1f} GB of memory are too few"
        )


def _expire(process: subprocess.Popen[bytes], expired: threading.Event) -> None:
    expired.set()
    process.kill()


def _start(limits: ReadingLimits, complaints: IO[bytes]) -> subprocess.Popen[bytes]:
    root = Path(__file__).parents[2]
    program = (
        "import sys; sys.path.append(sys.argv[1]); "
        "from docpager.documents.reader_process import main; "
        "main(int(sys.argv[2]), float(sys.argv[3]))"
    )
    settings = (str(limits.memory_bytes), str(limits.timeout_seconds))
    # -P: a json.py in the user's folder must not become ours.
    return subprocess.Popen(
        [sys.executable, "-P", "-c", program, str(root), *settings],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=complaints,
    )
