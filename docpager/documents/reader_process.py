"""The far end of `workers.py`: a process that reads one file after another until its input ends.

It is started as a program of its own, not by `multiprocessing`, so the user's script is never
imported again and needs no `if __name__ == "__main__"`.
"""

from __future__ import annotations

import os
import pickle
import signal
import struct
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from docpager.documents.chunking import cut
from docpager.documents.document import Cut, Document
from docpager.documents.reading import read_file
from docpager.errors import DocumentError

__all__ = ["CutDocument", "CutFile", "ReadingJob", "receive", "send"]


@dataclass(frozen=True, slots=True)
class ReadingJob:
    """A file to read."""

    path: Path
    relative_path: str
    """What its documents are called: relative to the ingested root, with `/`."""
    text_field: str | None = None
    """The field of a JSONL line that holds its text; guessed where None."""


@dataclass(frozen=True, slots=True)
class CutDocument:
    """A document and the places where it is cut into passages."""

    document: Document
    cuts: tuple[Cut, ...]


@dataclass(frozen=True, slots=True)
class CutFile:
    """What one file held, cut; and a sentence for each part that could not be read."""

    documents: tuple[CutDocument, ...]
    problems: tuple[str, ...] = ()


def read_and_cut(job: ReadingJob) -> CutFile:
    """The documents of one file with their cuts.

    Raises:
        DocumentError: nothing in the file can be read.
    """
    read = read_file(job.path, job.relative_path, text_field=job.text_field)
    documents = tuple(CutDocument(document, cut(document.text)) for document in read.documents)
    return CutFile(documents, read.problems)


_LENGTH = struct.Struct(">Q")


def send(stream: IO[bytes], message: object) -> None:
    """Write one message for the process at the other end."""
    content = pickle.dumps(message, protocol=5)
    stream.write(_LENGTH.pack(len(content)))
    stream.write(content)
    stream.flush()


def receive(stream: IO[bytes]) -> Any:
    """The next message from the process at the other end.

    Raises:
        EOFError: that process has ended.
    """
    head = stream.read(_LENGTH.size)
    if len(head) < _LENGTH.size:
        raise EOFError
    content = stream.read(_LENGTH.unpack(head)[0])
    try:
        return pickle.loads(content)
    except pickle.UnpicklingError as error:
        raise EOFError from error


def main(memory_bytes: int, timeout_seconds: float) -> None:
    """Read the files named on standard input until it ends."""
    # Ctrl-C reaches every process of the terminal; the parent decides what it means.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    replies = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    _limit_memory(memory_bytes)
    while True:
        try:
            job = receive(sys.stdin.buffer)
        except EOFError:
            return
        _limit_time(timeout_seconds)
        send(replies, _answer(job))


def _answer(job: ReadingJob) -> CutFile | str:
    # Anything else, MemoryError included, ends the process; the parent names file and reason.
    try:
        return read_and_cut(job)
    except DocumentError as error:
        return str(error)


def _limit_memory(memory_bytes: int) -> None:
    if sys.platform == "win32":
        return
    import resource

    _, hard = resource.getrlimit(resource.RLIMIT_AS)
    limit = memory_bytes if hard == resource.RLIM_INFINITY else min(memory_bytes, hard)
    resource.setrlimit(resource.RLIMIT_AS, (limit, hard))


def _limit_time(timeout_seconds: float) -> None:
    """End this process by itself when the parent, which keeps the time, is no longer there."""
    if sys.platform == "win32":
        return
    import resource

    usage = resource.getrusage(resource.RUSAGE_SELF)
    _, hard = resource.getrlimit(resource.RLIMIT_CPU)
    limit = int(usage.ru_utime + usage.ru_stime + 2 * timeout_seconds) + 1
    if hard == resource.RLIM_INFINITY or limit < hard:
        resource.setrlimit(resource.RLIMIT_CPU, (limit, hard))
