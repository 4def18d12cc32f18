"""Shelves: the documents of each set on disk, and their archive, built once for all contestants."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import Executor
from functools import lru_cache
from pathlib import Path
from shutil import rmtree

from benchmarks.tasks.task import DocumentSet
from docpager import Archive, ingest
from docpager.errors import DocumentError

__all__ = ["build_shelves", "open_shelf"]

_OPEN_AT_ONCE = 4
_DONE = "done.json"


def build_shelves(
    sets: Iterable[DocumentSet], folder: Path, pool: Executor, told: Callable[[str], None]
) -> Mapping[str, Path]:
    """Write and ingest what is missing; returns the place of each set.

    A set that was built before is used as it is: its name says what is in it.

    Raises:
        DocumentError: a set has a document that could not be read.
    """
    places = {each.name: folder / each.name for each in sets}
    missing = [each for each in sets if not (places[each.name] / _DONE).exists()]
    waiting = []
    for each in missing:
        place = places[each.name]
        rmtree(place, ignore_errors=True)
        (place / "documents").mkdir(parents=True)
        each.write(place / "documents")
        waiting.append(pool.submit(_ingest, place))
    for number, done in enumerate(waiting, 1):
        done.result()
        if number % 50 == 0 or number == len(waiting):
            told(f"{number} of {len(waiting)} document sets ingested")
    return places


@lru_cache(maxsize=_OPEN_AT_ONCE)
def open_shelf(place: Path) -> Archive:
    """The archive of a set, open for reading; the last few are kept open."""
    return Archive.open(place / "archive")


def _ingest(place: Path) -> None:
    report = ingest([place / "documents"], place / "archive")
    if report.nothing_readable:
        raise DocumentError(f"nothing readable in {place / 'documents'}")
    done = {
        "documents": report.documents,
        "passages": report.passages,
        "seconds": round(report.seconds, 2),
        "skipped": [each.path for each in report.skipped],
        "sha256": _digest(place / "documents"),
    }
    (place / _DONE).write_text(json.dumps(done), "utf-8")


def _digest(folder: Path) -> str:
    """One hash over names and contents."""
    total = hashlib.sha256()
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        total.update(path.relative_to(folder).as_posix().encode())
        total.update(hashlib.sha256(path.read_bytes()).digest())
    return total.hexdigest()
