"""Pages that outside readers have read, kept so that none is read twice."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from benchmarks.text_fidelity.readers import PageRead

__all__ = ["PageCache"]


class PageCache:
    """A folder with a folder for each PDF, named by its sha256, and a JSON lines file for each
    reader in it.

    A page is one line, written at once: whatever kills the command, or runs beside it, costs the
    page being read. A torn line is passed over, and of a page that was read twice the last counts.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def pages(self, sha256: str, reader: str, version: str | None) -> Mapping[int, PageRead]:
        """What is kept, by page; with `version` only what that version of the reader read."""
        kept = {}
        for line in self._lines(sha256, reader):
            if "page" in line and version in (None, line["by"]):
                kept[line["page"]] = PageRead(line["page"], line["text"], line["failure"])
        return kept

    def versions(self, sha256: str, reader: str) -> set[str]:
        """Who read what is kept."""
        return {line["by"] for line in self._lines(sha256, reader)}

    def count(self, sha256: str) -> int | None:
        """How many pages the PDF has; None where nobody has said."""
        counts = [line["pages"] for line in self._lines(sha256, "count")]
        return int(counts[-1]) if counts else None

    def keep_count(self, sha256: str, name: str, pages: int, by: str) -> None:
        """Note how many pages a PDF has, and what it is called, for people who look in here."""
        self._append(sha256, "count", {"pages": pages, "name": name, "by": by})

    def keep(self, sha256: str, reader: str, version: str, read: PageRead) -> None:
        line = {"page": read.page, "text": read.text, "failure": read.failure, "by": version}
        self._append(sha256, reader, line)

    def _append(self, sha256: str, reader: str, line: Mapping[str, object]) -> None:
        path = self._path(sha256, reader)
        path.parent.mkdir(parents=True, exist_ok=True)
        # Each line begins with a line end too: what a killed command left torn stays apart from it.
        content = f"\n{json.dumps(line)}\n".encode()
        # One write in append mode, so that commands side by side do not mix their lines.
        place = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
        try:
            while content:
                content = content[os.write(place, content) :]
        finally:
            os.close(place)

    def _lines(self, sha256: str, reader: str) -> Iterator[dict[str, Any]]:
        try:
            content = self._path(sha256, reader).read_bytes()
        except FileNotFoundError:
            return
        for line in filter(None, content.split(b"\n")):
            try:
                yield json.loads(line)
            except ValueError:
                continue

    def _path(self, sha256: str, reader: str) -> Path:
        return self._folder / sha256[:32] / f"{reader}.jsonl"
