"""Pages that were recognised (OCR), kept by the content of their file.

A page takes seconds to recognise, so it is written as soon as it is done: an ingest that was ended
in the middle of a long scan goes on with the next page. One file for each scanned document and each
way of recognising it, a line for each page. They hold text: forgetting a document removes its own,
compacting an archive all of them.
"""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable, Collection
from pathlib import Path
from typing import Any

from docpager.archive.embedders.cache import CACHE
from docpager.documents.ocr.recognition import RecognisedPage, ScannedPage
from docpager.storage.atomic_files import announce, discard
from docpager.storage.json_lines import LineAppender, read_lines

__all__ = ["RecognisedPages", "forget_recognised"]

_ROOM = "recognised"
_RULES = 1
"""Whoever changes how a page is drawn, or how its words become its text, raises it."""


def forget_recognised(archive_directory: Path, sha256s: Collection[str]) -> None:
    """Remove what was recognised of files of that content."""
    for path in (archive_directory / CACHE / _ROOM).glob("*.jsonl"):
        if path.name.partition("-")[0] in sha256s:
            discard(path)


class RecognisedPages:
    """What was recognised of an archive's files. The caller holds the writer's lock."""

    def __init__(
        self, archive_directory: Path, settings: str, tell: Callable[[int, int], None]
    ) -> None:
        """`settings`: everything about the engine that changes what it recognises."""
        self._directory = archive_directory / CACHE / _ROOM
        self._settings = hashlib.sha256(f"{_RULES} {settings}".encode()).hexdigest()[:16]
        self._tell = tell
        self._lock = threading.Lock()
        self._known: dict[str, dict[int, RecognisedPage]] = {}
        self._ends: dict[str, int] = {}
        """Where the last whole line of each file ends."""

    def kept(self, page: ScannedPage) -> RecognisedPage | None:
        """What was recognised on a page; None where that is not known."""
        with self._lock:
            return self._pages_of(page.sha256).get(page.number)

    def keep(self, page: ScannedPage, recognised: RecognisedPage) -> None:
        """Write it down at once."""
        line = {
            "page": page.number,
            "text": recognised.text,
            "confidence": recognised.confidence,
            "blank": recognised.is_blank,
        }
        with self._lock:
            pages, path = self._pages_of(page.sha256), self._path(page.sha256)
            self._directory.mkdir(parents=True, exist_ok=True)
            announce("write", path)
            path.touch()
            lines = LineAppender(path, end=self._ends[page.sha256])
            try:
                lines.append(line)
            finally:
                lines.close()
            self._ends[page.sha256] = path.stat().st_size
            pages[page.number] = recognised

    def tell(self, recognised: int, scanned: int) -> None:
        """So many of the pages that were found to be scanned are recognised."""
        self._tell(recognised, scanned)

    def _path(self, sha256: str) -> Path:
        return self._directory / f"{sha256}-{self._settings}.jsonl"

    def _pages_of(self, sha256: str) -> dict[int, RecognisedPage]:
        if sha256 not in self._known:
            self._known[sha256], self._ends[sha256] = {}, 0
            if self._path(sha256).is_file():
                for line in read_lines(self._path(sha256)):
                    if not line.torn:
                        self._ends[sha256] = line.end
                    if line.value is not None:
                        self._take(sha256, line.value)
        return self._known[sha256]

    def _take(self, sha256: str, value: dict[str, Any]) -> None:
        """A line of the file; one that somebody damaged is as good as none."""
        match value:
            case {
                "page": int(number),
                "text": str(text),
                "confidence": float(confidence),
                "blank": bool(blank),
            }:
                found = RecognisedPage(text, confidence, blank)
                self._known[sha256][number] = found
