"""The far end of `reader_pool`: a process that reads one file after another until its input ends.

It is started as a program of its own, not by `multiprocessing`, so the user's script is never
imported again and needs no `if __name__ == "__main__"`.
"""

from __future__ import annotations

import gc
import os
import pickle
import signal
import struct
import sys
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from time import monotonic
from typing import IO, TYPE_CHECKING, Any

from docpager.core.errors import DocumentError
from docpager.documents.carried import ATTACHED, Instructions
from docpager.documents.chunking import cut
from docpager.documents.details import DocumentDetails, details_of
from docpager.documents.document import Cut, Document
from docpager.documents.files import read_file
from docpager.documents.ocr.recognition import (
    SCANNED,
    RecognisedPage,
    Recogniser,
    ScannedPage,
    Scans,
)
from docpager.documents.page_picture import PageDrawer, PagePicture, PageWanted
from docpager.documents.reasons import Reason

if TYPE_CHECKING:
    from docpager.documents.ocr.tesseract import Tesseract

__all__ = ["CutDocument", "CutFile", "ReadingJob", "Refusal", "receive", "send"]


_PAGE_SECONDS = 120.0
"""For recognising one page, where the job does not say."""


@dataclass(frozen=True, slots=True)
class ReadingJob:
    """A file to read."""

    path: Path
    relative_path: str
    """What its documents are called: relative to the ingested root, with `/`."""
    text_field: str | None = None
    """The field of a JSONL line that holds its text; guessed where None."""
    password: str | None = field(default=None, repr=False)
    """Opens the file where it is an encrypted PDF."""
    leave_out: tuple[tuple[int, str], ...] = ()
    """(pdf_page, reason): pages that must not be tried again."""
    leave_out_from: tuple[int, str] | None = None
    """The same for this page and all that follow."""
    seconds: float | None = None
    """After so long no further PDF page is begun; None: all are."""
    ocr: Tesseract | None = None
    """Recognises pages that are pictures; None: they are only named."""
    recognised: tuple[tuple[ScannedPage, RecognisedPage], ...] | None = None
    """What is known of such pages; None: nothing yet, and they are asked for."""
    only: ScannedPage | None = None
    """Where this page is to be recognised, and nothing else read."""
    picture: PageWanted | None = None
    """Where this page is to be drawn, and nothing read."""
    details: bool = False
    """Whether only what the file says of itself as a publication is wanted."""


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


@dataclass(frozen=True, slots=True)
class Refusal:
    """A `DocumentError` on its way from process to process."""

    message: str
    reason: str


def read_and_cut(
    job: ReadingJob, tell: Callable[[int], None] = lambda pdf_page: None
) -> CutFile | Scans:
    """The documents of one file with their cuts, or the pages that must be recognised before;
    `tell` is told of each PDF page that is begun.

    Raises:
        DocumentError: nothing in the file can be read.
    """
    recogniser = Recogniser(dict(job.recognised or ())) if job.ocr is not None else None
    instructions = Instructions(job.text_field, job.password, _watch(job, tell), recogniser)
    read = read_file(job.path, job.relative_path, instructions)
    if recogniser is not None and recogniser.wanted and job.recognised is None:
        return Scans(tuple(recogniser.wanted))
    empty = [document for document in read.documents if document.unreadable and not document.text]
    if empty and len(empty) == len(read.documents) and not read.problems:
        raise _no_page(empty[0])
    problems = [str(_no_page(document)) for document in empty]
    documents = [document for document in read.documents if document not in empty]
    cuts = tuple(CutDocument(document, cut(document.text)) for document in documents)
    return CutFile(cuts, (*read.problems, *problems))


def recognise_page(job: ReadingJob) -> RecognisedPage:
    """What is recognised on the one page that the job names.

    Raises:
        DocumentError: it cannot be drawn or recognised, or is no longer there.
    """
    assert job.ocr is not None
    seconds = job.seconds if job.seconds is not None else _PAGE_SECONDS
    recognise = partial(job.ocr.recognise, seconds=seconds)
    recogniser = Recogniser({}, only=job.only, recognise=recognise)
    watch = _watch(replace(job, seconds=None), lambda page: None)
    instructions = Instructions(job.text_field, job.password, watch, recogniser)
    read_file(job.path, job.relative_path, instructions)
    if recogniser.found is None:
        raise DocumentError(
            f"{job.relative_path!r} changed while it was read; read it again", Reason.NOT_READ
        )
    return recogniser.found


def draw_page(job: ReadingJob) -> PagePicture:
    """The picture of the one page that the job names.

    Raises:
        DocumentError: it cannot be drawn, or is no longer there.
    """
    assert job.picture is not None
    seconds = job.seconds if job.seconds is not None else _PAGE_SECONDS
    recognise = partial(job.ocr.word_boxes, seconds=seconds) if job.ocr is not None else None
    drawer = PageDrawer(job.picture, recognise)
    read_file(
        job.path,
        job.relative_path,
        Instructions(job.text_field, job.password, drawer=drawer),
    )
    if drawer.drawn is None:
        raise DocumentError(
            f"{job.relative_path!r} is not the file that was read; ingest it again",
            Reason.NOT_READ,
        )
    return drawer.drawn


def read_details(job: ReadingJob) -> DocumentDetails:
    """What the file that the job names says of itself.

    Raises:
        DocumentError: it cannot be opened, or its details cannot be read.
    """
    try:
        content = job.path.read_bytes()
    except OSError as error:
        raise DocumentError(
            f"{job.relative_path!r} cannot be opened ({error.strerror})", Reason.NOT_OPENED
        ) from error
    return details_of(content, job.relative_path)


def _watch(job: ReadingJob, tell: Callable[[int], None]) -> Callable[[int], str | None]:
    left_out = dict(job.leave_out)
    last_out, why = job.leave_out_from or (sys.maxsize, "")
    until = monotonic() + job.seconds if job.seconds is not None else float("inf")

    def watch(pdf_page: int) -> str | None:
        if pdf_page in left_out:
            return left_out[pdf_page]
        if pdf_page >= last_out or (why and pdf_page == ATTACHED):
            return why
        if (pdf_page > 0 or pdf_page == ATTACHED) and monotonic() > until:
            return Reason.TIMED_OUT
        tell(pdf_page)
        return None

    return watch


def _no_page(document: Document) -> DocumentError:
    reasons = Counter(reason for _, reason in document.unreadable)
    counted = ", ".join(f"{reason}: {count}" for reason, count in reasons.most_common())
    advice = "export it again"
    if SCANNED & set(reasons):
        advice = "if it is scanned, recognise its text with `ReadingSettings.ocr=True`"
    elif Reason.NO_WORDS in reasons:
        advice = "leave it out"
    return DocumentError(
        f"{document.path!r} has no page with usable text ({counted}); {advice}",
        reasons.most_common(1)[0][0],
    )


_OBJECTS_BETWEEN_COLLECTIONS = 50_000
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
    # A page makes thousands of small objects and hardly a cycle: looking for cycles as often as
    # Python does by itself takes 3 % of the time.
    gc.freeze()
    gc.set_threshold(_OBJECTS_BETWEEN_COLLECTIONS)
    while True:
        try:
            job = receive(sys.stdin.buffer)
        except EOFError:
            return
        _limit_time(timeout_seconds)
        send(replies, _answer(job, partial(send, replies)))


def _answer(
    job: ReadingJob, tell: Callable[[int], None]
) -> CutFile | Scans | RecognisedPage | PagePicture | DocumentDetails | Refusal:
    # Anything else, MemoryError included, ends the process; the parent names file and reason.
    try:
        if job.details:
            return read_details(job)
        if job.picture is not None:
            return draw_page(job)
        return read_and_cut(job, tell) if job.only is None else recognise_page(job)
    except DocumentError as error:
        return Refusal(str(error), error.reason)


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
