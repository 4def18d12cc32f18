"""Tesseract, by its command: found when it is needed, and kept within the limits of the reader.

It is given grey pixels and nothing of a document besides: no file name, no compressed picture. It
runs in one thread, as pages are recognised side by side; with more, it takes five times as long.
"""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import groupby
from tempfile import TemporaryFile
from time import monotonic
from typing import IO

from docpager.core.errors import DocumentError, UsageError
from docpager.documents.ocr.recognition import ENGINE, GreyPicture, RecognisedPage
from docpager.documents.page_picture import WordBox
from docpager.documents.reasons import Reason

__all__ = ["Tesseract", "find_tesseract", "installed_tesseract", "page_of"]

_LANGUAGES = re.compile(r"[A-Za-z0-9_]+(?:/[A-Za-z0-9_]+)?(?:\+[A-Za-z0-9_]+(?:/[A-Za-z0-9_]+)?)*")
_ORIENTATION = "osd"
"""The data by which it sees that a page is turned."""
_LOOK_SECONDS = 20.0
_MOST_OUTPUT = 64_000_000
"""Bytes; a page of ten thousand words takes one million."""
_DIES_WITH_PARENT = 1
"""PR_SET_PDEATHSIG, see prctl(2)."""

_COLUMNS = 12
"""level, page, block, paragraph, line, word, left, top, width, height, confidence, text"""
_WORD_LEVEL = "5"
_SURE_ENOUGH = 0.3
"""Specks on a page without text become marks with less confidence."""
_DIVIDED = re.compile(r"(?<=\w)[-‐¬\u00ad]\Z")
_HYPHEN = "\ufffe"
"""As pdfium marks it, so that `dehyphenate` settles the hyphens of scanned pages too."""
_INK = 64
"""Levels of 256 darker than the paper."""
_HARDLY_ANY = 0.0002
"""Of the pixels of a blank page, those that are ink: specks. Five printed letters are as many."""


@dataclass(frozen=True, slots=True)
class Tesseract:
    """An installed tesseract, and the languages that it is to look for."""

    command: str
    version: str
    language: str
    """As it names them, such as `eng` or `eng+deu`."""

    @property
    def settings(self) -> str:
        """Everything about it that changes what it recognises."""
        return f"{ENGINE} {self.version} {self.language}"

    def recognise(self, picture: GreyPicture, *, seconds: float) -> RecognisedPage:
        """The words of a page, in reading order.

        Raises:
            DocumentError: it took longer than `seconds`, or failed.
        """
        return page_of(self._words_of(picture, seconds), picture)

    def word_boxes(self, picture: GreyPicture, *, seconds: float) -> list[WordBox]:
        """The same words, and where each stands.

        Raises:
            DocumentError: it took longer than `seconds`, or failed.
        """
        return [word.box for word in _words(self._words_of(picture, seconds))]

    def _words_of(self, picture: GreyPicture, seconds: float) -> str:
        """What it writes of the page: tab-separated values, a line for each word."""
        # Page segmentation 1: columns, and pages that are turned.
        options = ["-l", self.language, "--psm", "1", "--dpi", str(picture.dpi), "tsv"]
        with TemporaryFile() as given, TemporaryFile() as written, TemporaryFile() as complaints:
            given.write(b"P5 %d %d 255\n" % (picture.width, picture.height))
            given.write(picture.pixels)
            given.seek(0)
            try:
                process = subprocess.Popen(
                    [self.command, "stdin", "stdout", *options],
                    stdin=given,
                    stdout=written,
                    stderr=complaints,
                    env=os.environ | {"OMP_THREAD_LIMIT": "1", "LC_ALL": "C.UTF-8"},
                    preexec_fn=_limits(seconds),
                )
            except OSError as error:
                raise _failed(error.strerror or type(error).__name__) from error
            code = _wait(process, seconds)
            if code != 0:
                raise _failed(_last_words(complaints, code))
            written.seek(0)
            return written.read().decode("utf-8", "replace")


def _wait(process: subprocess.Popen[bytes], seconds: float) -> int:
    """Its exit code; it is ended where it takes too long, or where nobody waits for it."""
    parent, deadline = os.getppid(), monotonic() + seconds
    try:
        while True:
            try:
                return process.wait(timeout=0.2)
            except subprocess.TimeoutExpired:
                if os.getppid() != parent:
                    # Killed: this process would notice only when it has a reply to send.
                    process.kill()
                    sys.exit(1)
                if monotonic() > deadline:
                    raise DocumentError(
                        f"{ENGINE} took longer than {seconds:.0f} seconds for a page; raise the "
                        "limit (`ReadingSettings.timeout_seconds=`)",
                        Reason.TIMED_OUT,
                    ) from None
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()


def _failed(words: str) -> DocumentError:
    return DocumentError(f"{ENGINE} failed ({words})", Reason.NOT_READ)


def _last_words(complaints: IO[bytes], code: int) -> str:
    complaints.seek(0)
    lines = complaints.read(10_000).decode("utf-8", "replace").strip().splitlines()
    if code == -getattr(signal, "SIGXFSZ", 0):
        return "it wrote without end"
    return lines[-1][:200] if lines else f"exit code {code}"


def _limits(seconds: float) -> Callable[[], None] | None:
    """What the child does before it becomes tesseract. Memory is limited already: a child of a
    reader process inherits its limits."""
    if sys.platform == "win32":
        return None
    import resource

    set_option = _process_option() if sys.platform == "linux" else None
    reader = os.getpid()

    def limit() -> None:
        if set_option is not None:
            set_option(_DIES_WITH_PARENT, signal.SIGKILL)
            if os.getppid() != reader:  # it died before it could be told
                os._exit(1)
        for kind, most in (
            (resource.RLIMIT_CPU, int(seconds) + 1),
            (resource.RLIMIT_FSIZE, _MOST_OUTPUT),
            (resource.RLIMIT_CORE, 0),
        ):
            _, hard = resource.getrlimit(kind)
            fits = hard == resource.RLIM_INFINITY or most <= hard
            resource.setrlimit(kind, (most if fits else hard, hard))

    return limit


@cache
def _process_option() -> Callable[[int, int], int] | None:
    import ctypes

    try:
        option: Callable[[int, int], int] = ctypes.CDLL(None).prctl
    except (OSError, AttributeError):
        return None
    return option


def find_tesseract(language: str) -> Tesseract:
    """The installed tesseract, with data for the languages asked for.

    Raises:
        UsageError: it is not installed, or lacks one of them; the message names the package.
    """
    if not _LANGUAGES.fullmatch(language):
        raise UsageError(f"{language!r} names no languages; write `ocr_language='eng+deu'`")
    command = _command(language)
    version, installed = _version(command), _languages(command)
    missing = [name for name in (*language.split("+"), _ORIENTATION) if name not in installed]
    if missing:
        known = ", ".join(sorted(filter(None, installed - {_ORIENTATION}))) or "none"
        raise UsageError(
            f"{ENGINE} has no data for {', '.join(map(repr, missing))}; install it: "
            f"apt-get install {' '.join(_packages(missing)[1:])}, or choose among what is "
            f"installed (`ocr_language=`): {known}"
        )
    return Tesseract(command, version, language)


def installed_tesseract() -> tuple[str, list[str]]:
    """The version of the installed tesseract, and the languages that it has data for.

    Raises:
        UsageError: it is not installed, or does not work.
    """
    command = _command("eng")
    return _version(command), sorted(_languages(command) - {_ORIENTATION, ""})


def _command(language: str) -> str:
    command = shutil.which(ENGINE)
    if command is None:
        raise UsageError(
            f"recognising scanned pages needs the program {ENGINE}, which is not installed; "
            f"install it: apt-get install {' '.join(_packages(language.split('+')))} "
            f"(macOS: brew install {ENGINE} {ENGINE}-lang)"
        )
    return command


def _version(command: str) -> str:
    return _said(command, "--version").partition("\n")[0].removeprefix(ENGINE).strip(" v")


def _languages(command: str) -> set[str]:
    return set(_said(command, "--list-langs").split("\n")[1:])


def _said(command: str, question: str) -> str:
    try:
        answer = subprocess.run(
            [command, question],
            capture_output=True,
            stdin=subprocess.DEVNULL,
            timeout=_LOOK_SECONDS,
            check=True,
        )
    except (OSError, subprocess.SubprocessError) as error:
        detail = str(error)[:200]
        raise UsageError(f"{command!r} does not work ({detail}); install it again") from error
    # Some versions answer on the one stream, some on the other.
    return (answer.stdout + answer.stderr).decode("utf-8", "replace").strip()


def _packages(languages: Sequence[str]) -> list[str]:
    """Debian's packages of it and of the languages; that of English comes with the first."""
    base = f"{ENGINE}-ocr"
    parts = (name.lower().replace("_", "-").replace("/", "-") for name in languages)
    return [base, *(f"{base}-{part}" for part in parts)]


@dataclass(frozen=True, slots=True)
class _Word:
    paragraph: tuple[str, ...]
    line: str
    confidence: float
    text: str
    box: WordBox


def page_of(listed: str, picture: GreyPicture) -> RecognisedPage:
    """The text of a page from its words, and whether it is blank.

    Words are kept whatever their confidence: one wrong letter makes it low, and the rest of the
    word is found all the same. Only where there is no word at all that is likely, what stands
    there is no text.
    """
    words = list(_words(listed))
    if not any(word.confidence >= _SURE_ENOUGH and _is_word(word.text) for word in words):
        return RecognisedPage(is_blank=_is_nearly_white(picture))
    weights = [(len(word.text), word.confidence) for word in words]
    mean = sum(size * sure for size, sure in weights) / sum(size for size, _ in weights)
    return RecognisedPage(_text(words), round(mean, 3))


def _is_word(text: str) -> bool:
    return any(map(str.isalnum, text))


def _words(listed: str) -> Iterator[_Word]:
    for row in listed.split("\n"):
        cells = row.rstrip("\r").split("\t", _COLUMNS - 1)
        if len(cells) < _COLUMNS or cells[0] != _WORD_LEVEL:
            continue
        text = "".join(filter(str.isprintable, cells[-1])).strip()
        try:
            confidence = float(cells[-2]) / 100
        except ValueError:
            continue
        if text:
            box = WordBox(text, *(int(cell) if cell.isdigit() else 0 for cell in cells[6:10]))
            confidence = min(1.0, max(0.0, confidence))
            yield _Word(tuple(cells[1:4]), cells[4], confidence, text, box)


def _text(words: Sequence[_Word]) -> str:
    """Lines, paragraphs between blank lines; a hyphen at a line end joins it with the next one."""
    parts: list[str] = []
    for _, paragraph in groupby(words, key=lambda word: word.paragraph):
        by_line = groupby(paragraph, key=lambda word: word.line)
        lines = [" ".join(word.text for word in line) for _, line in by_line]
        if parts:
            parts.append("\n" if _goes_on(parts, lines[0]) else "\n\n")
        for number, line in enumerate(lines):
            if number:
                parts.append("\n")
            is_next_line = len(parts) > 1 and parts[-1] == "\n"
            if is_next_line and _DIVIDED.search(parts[-2]) and line[:1].isalnum():
                parts[-2:] = [_DIVIDED.sub(_HYPHEN, parts[-2]) + line]
            else:
                parts.append(line)
    return "".join(parts)


def _goes_on(parts: Sequence[str], line: str) -> bool:
    """Whether a paragraph goes on in the next column, as its last word was divided."""
    return bool(_DIVIDED.search(parts[-1])) and line[:1].islower()


def _is_nearly_white(picture: GreyPicture) -> bool:
    """Whether hardly a pixel is darker than the paper around it."""
    import numpy as np

    counts = np.bincount(np.frombuffer(picture.pixels, np.uint8), minlength=256)
    paper = int(counts.argmax())
    ink = int(counts[: max(0, paper - _INK)].sum())
    return ink <= _HARDLY_ANY * len(picture.pixels)
