"""Readers that are programs of their own: pages of a PDF as text, each page within its time."""

from __future__ import annotations

import json
import queue
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from docpager.core.errors import UsageError

__all__ = [
    "JUDGES",
    "LibraryReader",
    "PageRead",
    "PageReader",
    "Pdftotext",
    "judges_at",
    "library_versions",
]

JUDGES = ("pdftotext", "pymupdf", "pdfminer")
PAGE_SECONDS = 120.0
"""What one page may take: tables of thousands of ruled cells take pdfminer a minute."""
_GIVEN_UP_AFTER = 8
"""So many pages of a file that failed in a row: the rest is not tried."""
_PROGRAM = Path(__file__).with_name("page_reader.py")
_SETTING_UP = (
    "python3 -m venv judges; judges/bin/pip install pymupdf pdfminer.six; then pass "
    "--judges judges/bin/python"
)


@dataclass(frozen=True, slots=True)
class PageRead:
    """What a reader gave for one page."""

    page: int
    """Counted from 1."""
    text: str = ""
    failure: str | None = None
    """Why there is no text."""


class PageReader(Protocol):
    """Something that reads pages of a PDF."""

    name: str
    version: str

    def count(self, path: Path) -> int:
        """How many pages it sees; 0 where it cannot open the file."""
        ...

    def read(self, path: Path, pages: Sequence[int]) -> Iterator[PageRead]:
        """The pages in the order asked for, every one of them, failed ones named."""
        ...


class LibraryReader:
    """A Python library in an interpreter that has it."""

    def __init__(
        self, name: str, version: str, interpreter: str, *, page_seconds: float = PAGE_SECONDS
    ) -> None:
        self.name = name
        self.version = version
        self._command = (interpreter, "-P", str(_PROGRAM), name)
        self._page_seconds = page_seconds

    def count(self, path: Path) -> int:
        with _Lines((*self._command, str(path), "")) as lines:
            first = lines.next(self._page_seconds)
        return int(first["pages"]) if first else 0

    def read(self, path: Path, pages: Sequence[int]) -> Iterator[PageRead]:
        left, failed = list(pages), 0
        while left:
            if failed >= _GIVEN_UP_AFTER:
                why = f"given up after {failed} failures in a row"
                yield from (PageRead(page, failure=why) for page in left)
                return
            for read in self._attempt(path, tuple(left)):
                left.remove(read.page)
                failed = failed + 1 if read.failure else 0
                yield read

    def _attempt(self, path: Path, pages: Sequence[int]) -> Iterator[PageRead]:
        """Pages from the first on until one fails, which is the last; all, failed, where the
        file cannot be opened."""
        wanted = ",".join(map(str, pages))
        with _Lines((*self._command, str(path), wanted)) as lines:
            if lines.next(self._page_seconds) is None:
                yield from (PageRead(page, failure=lines.last_words()) for page in pages)
                return
            for page in pages:
                line = lines.next(self._page_seconds)
                if line is None:
                    yield PageRead(page, failure=lines.last_words())
                    return
                yield PageRead(int(line["page"]), line["text"])


class _Lines:
    """A program's JSON lines, each waited for no longer than is allowed."""

    def __init__(self, command: Sequence[str]) -> None:
        self._process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )
        self._lines: queue.Queue[bytes] = queue.Queue()
        self._complaint = b""
        self._late = False
        self._threads = [
            threading.Thread(target=target, daemon=True) for target in (self._pump, self._listen)
        ]
        for thread in self._threads:
            thread.start()

    def __enter__(self) -> _Lines:
        return self

    def __exit__(self, *raised: object) -> None:
        self._process.kill()
        self._end()
        for stream in (self._process.stdout, self._process.stderr):
            if stream is not None:
                stream.close()

    def next(self, seconds: float) -> Any:
        """The next line; None where the program ended or was ended for being late."""
        try:
            line = self._lines.get(timeout=seconds)
        except queue.Empty:
            self._late = True
            self._process.kill()
            return None
        return json.loads(line) if line.endswith(b"\n") else None

    def last_words(self) -> str:
        """Why there is no further line."""
        self._end()
        if self._late:
            return "timed out"
        said = self._complaint.decode(errors="replace").strip().splitlines()
        return said[-1][:200] if said else f"exit code {self._process.returncode}"

    def _end(self) -> None:
        self._process.wait()
        for thread in self._threads:
            thread.join()

    def _pump(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            self._lines.put(line)
        self._lines.put(b"")

    def _listen(self) -> None:
        # Only the end is kept: some libraries complain of every glyph.
        assert self._process.stderr is not None
        for line in self._process.stderr:
            self._complaint = line if line.strip() else self._complaint


class Pdftotext:
    """Poppler's program, in its reading order mode."""

    name = "pdftotext"

    def __init__(self, program: str, *, page_seconds: float = PAGE_SECONDS) -> None:
        self._program = program
        self._page_seconds = page_seconds
        said = subprocess.run([program, "-v"], capture_output=True, check=False)
        first = (said.stderr + said.stdout).decode(errors="replace").splitlines()[:1]
        self.version = first[0] if first else program

    def count(self, path: Path) -> int:
        texts, _ = self._texts(path, 1, None)
        return len(texts)

    def read(self, path: Path, pages: Sequence[int]) -> Iterator[PageRead]:
        texts, why = self._texts(path, min(pages, default=1), max(pages, default=1))
        first = min(pages, default=1)
        whole = len(texts) == max(pages, default=1) - first + 1
        for page in pages:
            if whole:
                yield PageRead(page, texts[page - first])
                continue
            # One page that fails takes those after it along, so each is asked for by itself.
            alone, why = self._texts(path, page, page)
            yield PageRead(page, alone[0]) if alone else PageRead(page, failure=why)

    def _texts(self, path: Path, first: int, last: int | None) -> tuple[list[str], str]:
        command = [sys.executable, "-P", str(_PROGRAM), "limited", self._program]
        command += ["-enc", "UTF-8", "-eol", "unix", "-f", str(first)]
        command += ["-l", str(last)] if last is not None else []
        try:
            done = subprocess.run(
                [*command, str(path), "-"],
                capture_output=True,
                timeout=self._page_seconds,
                check=False,
            )
        except subprocess.TimeoutExpired:
            return [], "timed out"
        said = done.stderr.decode(errors="replace").strip().splitlines()
        texts = done.stdout.decode(errors="replace").split("\f")[:-1]
        return texts, said[-1][:200] if said else f"exit code {done.returncode}"


def library_versions(interpreter: str) -> dict[str, str]:
    """Which of the libraries an interpreter has.

    Raises:
        UsageError: it is no Python interpreter.
    """
    try:
        done = subprocess.run(
            [interpreter, "-P", str(_PROGRAM), "versions"], capture_output=True, check=True
        )
        found: dict[str, str] = json.loads(done.stdout)
    except (OSError, subprocess.CalledProcessError, ValueError) as error:
        raise UsageError(
            f"{interpreter!r} cannot be run as a Python interpreter of 3.11 or later ({error}); "
            f"make one: {_SETTING_UP}"
        ) from error
    return found


def judges_at(interpreter: str | None) -> list[PageReader]:
    """The three judges, as programs outside of this project.

    Raises:
        UsageError: one of them is not installed; the message says how to.
    """
    if interpreter is None:
        raise UsageError(
            "pages are not in the cache yet, and the judges who must read them were not named; "
            f"{_SETTING_UP}"
        )
    program = shutil.which("pdftotext")
    if program is None:
        raise UsageError(
            "pdftotext is not on PATH; install poppler's tools (apt-get install poppler-utils, "
            "brew install poppler)"
        )
    found = library_versions(interpreter)
    missing = [name for name in ("pymupdf", "pdfminer") if name not in found]
    if missing:
        raise UsageError(f"{interpreter!r} has no {' and no '.join(missing)}; {_SETTING_UP}")
    libraries = [LibraryReader(name, found[name], interpreter) for name in JUDGES[1:]]
    return [Pdftotext(program), *libraries]
