"""Reads and cuts many files in processes of their own, so that a bad file harms only itself.

Each is kept within limits of time and memory and replaced when it dies. A process pool of a library
(pebble was tried) reads as fast, but needs a main guard in the user's script or a fork of a process
with threads, and knows nothing of a file it was killed over. This process tells which page it
begins, so when one page hangs or kills it, the others are still read.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, replace
from itertools import chain, islice
from pathlib import Path
from queue import SimpleQueue
from tempfile import TemporaryFile
from time import monotonic
from typing import IO, Any, Protocol

from docpager.core.errors import DocumentError
from docpager.core.passages import number_ranges
from docpager.documents.carried import ATTACHED
from docpager.documents.details import DocumentDetails
from docpager.documents.ocr.recognition import RecognisedPage, ScannedPage, Scans
from docpager.documents.page_picture import PagePicture
from docpager.documents.reader_process import (
    CutDocument,
    CutFile,
    ReadingJob,
    Refusal,
    receive,
    send,
)
from docpager.documents.reasons import Reason

__all__ = [
    "CutDocument",
    "CutFile",
    "KeptReaders",
    "PageKeeper",
    "Reader",
    "ReadingJob",
    "ReadingLimits",
    "available_cores",
    "read_files",
]

_PAGE_SHARE = 0.25
"""Of a file's time: what one page may take."""
_READING_SHARE = 0.7
"""Of a file's time: when no further page is begun, so that those read can still be put together."""
_MOST_BAD_PAGES = 8
"""With so many of them, the pages that follow are left out too."""
_LOOK_EVERY = 0.1
"""Seconds between two looks at the clock."""
_ENDING_SECONDS = 5.0
"""How long a process that failed may take to end before it is killed."""
_OUT_OF_MEMORY = frozenset({"SIGABRT", "SIGKILL", "SIGTRAP", "SIGILL"})
"""How pdfium, and the kernel, end a process that asks for too much."""


_Reply = CutFile | Scans | RecognisedPage | PagePicture | DocumentDetails


@dataclass(frozen=True, slots=True)
class ReadingLimits:
    """What reading may use."""

    processes: int | None = None
    """None: one for each core this process may use."""
    timeout_seconds: float = 300.0
    """For one file."""
    memory_bytes: int = 2_000_000_000
    """For one process; kept on Linux only."""


@dataclass(frozen=True, slots=True)
class _Death:
    """The process ended over a file."""

    reason: Reason
    last_words: str
    pdf_page: int | None
    """The page it had begun, 0 for the outline, ATTACHED for a file that it carries; None where it
    was elsewhere in the file."""


class Reader:
    """Reads one file after another."""

    def __init__(self, limits: ReadingLimits) -> None:
        self._limits = limits
        self._process: _Process | None = None
        self._stopped = False
        self._starting = threading.Lock()

    def read(self, job: ReadingJob) -> _Reply | DocumentError:
        """The documents of a file, without the pages that cannot be read; or what else the job
        asks for."""
        deadline = monotonic() + self._limits.timeout_seconds
        bad: dict[int, str] = {}
        worn = self._process is not None
        while True:
            last_try = job.leave_out_from is not None
            result = self._attempt(job, deadline)
            if not isinstance(result, _Death):
                return result
            if self._stopped or last_try:
                return self._given_up(job, result)
            if worn and result.reason is not Reason.TIMED_OUT:
                # What died may have been worn out by the files before this one.
                worn = False
                continue
            if result.pdf_page is None:
                return self._given_up(job, result)
            bad[result.pdf_page] = result.reason
            job = replace(job, leave_out=tuple(bad.items()))
            if len(bad) >= _MOST_BAD_PAGES or monotonic() > deadline:
                job = replace(job, leave_out_from=(result.pdf_page, result.reason))
                deadline = max(deadline, monotonic() + self._page_seconds)

    def stop(self) -> None:
        """End the process now, whatever it is doing, and start no other."""
        with self._starting:
            self._stopped = True
            if self._process:
                self._process.kill()

    def close(self) -> None:
        """Let go of what the stopped process leaves; nobody may be reading any more."""
        if self._process:
            self._process.end()

    @property
    def _page_seconds(self) -> float:
        return self._limits.timeout_seconds * _PAGE_SHARE

    def _attempt(self, job: ReadingJob, deadline: float) -> _Reply | DocumentError | _Death:
        with self._starting:
            if self._stopped:
                return _Death(Reason.NOT_READ, "stopped", None)
            process = self._process = self._process or _Process(self._limits)
        job = replace(job, seconds=(deadline - monotonic()) * _READING_SHARE)
        result = process.read(job, deadline=deadline, page_seconds=self._page_seconds)
        if isinstance(result, _Death):
            self._process = None
        return result

    def _given_up(self, job: ReadingJob, death: _Death) -> DocumentError:
        name, limits = repr(job.relative_path), self._limits
        if death.reason is Reason.TIMED_OUT:
            message = (
                f"{name} took longer than {limits.timeout_seconds:g} seconds to read and was given "
                "up; split it or raise the limit (`ReadingSettings.timeout_seconds=`)"
            )
        elif death.reason is Reason.TOO_LARGE:
            message = (
                f"{name} needs more than the {limits.memory_bytes / 1e9:g} GB that reading a file "
                f"may use ({death.last_words}); split it"
            )
        else:
            message = f"{name} ended the process that read it ({death.last_words}); export it again"
        return DocumentError(message, death.reason)


class _Process:
    """A running `reader_process`."""

    def __init__(self, limits: ReadingLimits) -> None:
        self._complaints = TemporaryFile()  # noqa: SIM115
        self._process = _start(limits, self._complaints)

    def read(
        self, job: ReadingJob, *, deadline: float, page_seconds: float
    ) -> _Reply | DocumentError | _Death:
        """What it replied; how it died where it did not."""
        watchdog = _Watchdog(self.kill, deadline)
        stdin, stdout = self._process.stdin, self._process.stdout
        assert stdin is not None and stdout is not None
        try:
            send(stdin, job)
            while isinstance(reply := receive(stdout), int):
                is_page = reply >= 0 or reply == ATTACHED
                watchdog.begin(reply, page_seconds if is_page else None)
        except (EOFError, OSError):
            # It has closed its output, so it is ending by itself: its exit code says why.
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(_ENDING_SECONDS)
            words, reason = self.end()
            reason = Reason.TIMED_OUT if watchdog.expired else reason
            return _Death(reason, words, watchdog.pdf_page)
        finally:
            watchdog.finish()
        return DocumentError(reply.message, reply.reason) if isinstance(reply, Refusal) else reply

    def kill(self) -> None:
        self._process.kill()

    def end(self) -> tuple[str, Reason]:
        """End it; its last words, and why it died as far as they say."""
        self.kill()
        code = self._process.wait()
        for stream in (self._process.stdin, self._process.stdout):
            if stream is not None:
                with contextlib.suppress(OSError):
                    stream.close()
        with self._complaints as complaints:
            complaints.seek(0)
            lines = complaints.read().decode(errors="replace").strip().splitlines()
        name = _signal_name(code)
        if name in _OUT_OF_MEMORY or (lines and lines[-1].startswith("MemoryError")):
            return (lines[-1][:200] if lines else name), Reason.TOO_LARGE
        words = lines[-1][:200] if lines else name or f"exit code {code}"
        return words, Reason.DAMAGED if name == "SIGSEGV" else Reason.NOT_READ


class _Watchdog:
    """Calls `expire` when a file, or a page of it, takes too long. One thread for each file."""

    def __init__(self, expire: Callable[[], None], deadline: float) -> None:
        self.pdf_page: int | None = None
        self.expired = False
        self._expire = expire
        self._deadline = deadline
        self._until = deadline
        self._finished = threading.Event()
        threading.Thread(target=self._watch, name="reading limit", daemon=True).start()

    def begin(self, pdf_page: int, seconds: float | None) -> None:
        """Note that a page was begun, which may take `seconds`; None: the file's time counts."""
        self.pdf_page = None if seconds is None else pdf_page
        allowed = self._deadline if seconds is None else monotonic() + seconds
        self._until = min(self._deadline, allowed)

    def finish(self) -> None:
        self._finished.set()

    def _watch(self) -> None:
        while not self._finished.wait(_LOOK_EVERY):
            if monotonic() >= self._until:
                self.expired = True
                self._expire()
                return


def _signal_name(code: int) -> str:
    try:
        return signal.Signals(-code).name if code < 0 else ""
    except ValueError:
        return f"signal {-code}"


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


_FILES_AHEAD = 4
"""Per process: files read before the caller has taken the first of them, which bounds memory."""
_TELL_EVERY = 0.5
"""Seconds between two reports of how many pages are recognised."""


def available_cores() -> int:
    """Cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


class PageKeeper(Protocol):
    """Keeps what was recognised, so that no page is recognised twice. Its first two methods are
    called from several threads."""

    def kept(self, page: ScannedPage) -> RecognisedPage | None:
        """What was recognised on a page; None where that is not known."""
        ...

    def keep(self, page: ScannedPage, recognised: RecognisedPage) -> None:
        """Keep it, so that it survives whatever ends the process."""
        ...

    def tell(self, recognised: int, scanned: int) -> None:
        """So many of the pages that were found to be scanned are recognised; told now and then,
        from the thread that takes the results."""
        ...


class KeptReaders:
    """Readers that wait for the next files, with their processes: where files come in small blocks,
    starting a process for each block would take longer than reading some."""

    def __init__(self) -> None:
        self._waiting: list[tuple[ReadingLimits, Reader]] = []

    def take(self, limits: ReadingLimits) -> Reader:
        """One that keeps these limits."""
        for index, (its, reader) in enumerate(self._waiting):
            if its == limits:
                del self._waiting[index]
                return reader
        return Reader(limits)

    def keep(self, reader: Reader, limits: ReadingLimits) -> None:
        """Nobody reads with it any more; it waits, and ends with this process."""
        self._waiting.append((limits, reader))


def read_files(
    jobs: Iterable[ReadingJob],
    limits: ReadingLimits | None = None,
    keeper: PageKeeper | None = None,
    kept: KeptReaders | None = None,
) -> Iterator[tuple[ReadingJob, CutFile | DocumentError]]:
    """Each job with its documents, or with the reason why there are none, in the jobs' order.

    Processes are started when the first file is asked for and stopped when the iterator is closed,
    exhausted or interrupted; those of `kept` only where it did not come to its end. `keeper` must
    be given where jobs recognise pages.
    """
    limits = limits or ReadingLimits()
    count = limits.processes or available_cores()
    # The others are asked for when it is their turn: they may have to be fetched.
    rest = iter(jobs)
    first = list(islice(rest, count))
    if not first:
        return
    # The pages of one file can be recognised by all of them.
    count = count if keeper is not None else min(count, len(first))
    readers = [Reader(limits) if kept is None else kept.take(limits) for _ in range(count)]
    pool = ThreadPoolExecutor(count, thread_name_prefix="reader")
    rounds = _Rounds(readers, pool, keeper)
    try:
        yield from _in_order(chain(first, rest), rounds, ahead=count * _FILES_AHEAD)
        while kept is not None and readers:
            kept.keep(readers.pop(), limits)
    finally:
        for reader in readers:
            reader.stop()
        pool.shutdown(cancel_futures=True)
        for reader in readers:
            reader.close()


def _in_order(
    rest: Iterator[ReadingJob], rounds: _Rounds, *, ahead: int
) -> Iterator[tuple[ReadingJob, CutFile | DocumentError]]:
    begun: deque[tuple[ReadingJob, Future[CutFile | DocumentError]]] = deque()
    while True:
        begun.extend((job, rounds.begin(job)) for job in islice(rest, ahead - len(begun)))
        if not begun:
            return
        job, result = begun.popleft()
        yield job, rounds.wait(result)


@dataclass(slots=True)
class _Scan:
    """A file whose scanned pages are being recognised."""

    job: ReadingJob
    result: Future[CutFile | DocumentError]
    recognised: dict[ScannedPage, RecognisedPage]
    left: int


class _Rounds:
    """Reads each file, and where it has scanned pages these, and then the file again with them.

    What any reader is free for is done next, so neither a file nor its pages wait for each other.
    """

    def __init__(
        self, readers: Sequence[Reader], pool: ThreadPoolExecutor, keeper: PageKeeper | None
    ) -> None:
        self._pool = pool
        self._keeper = keeper
        self._idle: SimpleQueue[Reader] = SimpleQueue()
        for reader in readers:
            self._idle.put(reader)
        self._lock = threading.Lock()
        self._pages = self._pages_done = 0

    def begin(self, job: ReadingJob) -> Future[CutFile | DocumentError]:
        """What will be read from a file."""
        result: Future[CutFile | DocumentError] = Future()
        self._submit(result, self._first_round, job, result)
        return result

    def wait(self, result: Future[CutFile | DocumentError]) -> CutFile | DocumentError:
        """The result when it is there; meanwhile the keeper is told how far it is."""
        if self._keeper is None:
            return result.result()
        while not wait([result], timeout=_TELL_EVERY).done:
            self._keeper.tell(self._pages_done, self._pages)
        self._keeper.tell(self._pages_done, self._pages)
        return result.result()

    def _submit(self, result: Future[Any], step: Callable[..., None], *arguments: object) -> None:
        """Do a step when a thread is free; what it raises is the file's result."""

        def pass_on(done: Future[None]) -> None:
            error = None if done.cancelled() else done.exception()
            if error is not None and not result.done():
                result.set_exception(error)

        self._pool.submit(step, *arguments).add_done_callback(pass_on)

    def _read(self, job: ReadingJob) -> _Reply | DocumentError:
        reader = self._idle.get()
        try:
            return reader.read(job)
        finally:
            self._idle.put(reader)

    def _first_round(self, job: ReadingJob, result: Future[CutFile | DocumentError]) -> None:
        found = self._read(job)
        if not isinstance(found, Scans):
            assert not isinstance(found, RecognisedPage | PagePicture | DocumentDetails)
            result.set_result(found)
            return
        assert self._keeper is not None
        kept = {page: self._keeper.kept(page) for page in found.pages}
        known = {page: recognised for page, recognised in kept.items() if recognised is not None}
        scan = _Scan(job, result, known, len(found.pages) - len(known))
        with self._lock:
            self._pages += len(found.pages)
            self._pages_done += len(known)
        if not scan.left:
            self._last_round(scan)
        for page in found.pages:
            if page not in known:
                self._submit(result, self._page_round, scan, page)

    def _page_round(self, scan: _Scan, page: ScannedPage) -> None:
        found = self._read(replace(scan.job, only=page))
        if isinstance(found, RecognisedPage):
            assert self._keeper is not None
            self._keeper.keep(page, found)
        else:
            assert isinstance(found, DocumentError)
            found = RecognisedPage(problem=found.reason, failure=str(found))
        with self._lock:
            scan.recognised[page] = found
            scan.left -= 1
            self._pages_done += 1
            is_last = not scan.left
        if is_last:
            self._last_round(scan)

    def _last_round(self, scan: _Scan) -> None:
        found = self._read(replace(scan.job, recognised=tuple(scan.recognised.items())))
        assert not isinstance(found, Scans | RecognisedPage | PagePicture | DocumentDetails)
        if isinstance(found, CutFile):
            found = replace(found, problems=(*found.problems, *_failures(scan, found)))
        scan.result.set_result(found)


def _failures(scan: _Scan, file: CutFile) -> Iterator[str]:
    """A sentence for each way in which pages could not be recognised."""
    paths = {piece.document.sha256: piece.document.path for piece in file.documents}
    pages: dict[tuple[str, str], list[int]] = {}
    for page, found in scan.recognised.items():
        if found.problem is not None and page.sha256 in paths:
            pages.setdefault((paths[page.sha256], found.failure), []).append(page.number)
    for (path, failure), numbers in pages.items():
        listed = ", ".join(number_ranges(sorted(numbers)))
        why = failure.removeprefix(f"{path!r} ")
        yield f"{path!r}: page {listed} could not be recognised: {why}"
