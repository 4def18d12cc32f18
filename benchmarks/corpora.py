"""Shelves: the documents of each set on disk, and their archive, built once for all systems."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import Executor
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from shutil import rmtree
from tempfile import TemporaryDirectory

from filelock import FileLock, Timeout

from benchmarks.tasks.task import DocumentSet
from docpager import Archive, __version__, ingest
from docpager.core.errors import DocumentError

__all__ = ["build_corpora", "open_corpus"]

_OPEN_AT_ONCE = 4
_DONE = "done.json"


def build_corpora(
    sets: Iterable[DocumentSet],
    folder: Path,
    pool: Executor,
    told: Callable[[str], None],
    *,
    version: str = __version__,
) -> Mapping[str, Path]:
    """Write and ingest what is missing; returns the place of each set.

    A place is named by what is in it and by the version that ingested it: documents that changed
    under the same name get a place of their own, and the earlier one stays for who reads it.

    Raises:
        DocumentError: a set has a document that could not be read.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with _one_builder(folder, told):
        places = {each.name: _written(each, folder, version) for each in sets}
        missing = [place for place in places.values() if not (place / _DONE).exists()]
        waiting = [pool.submit(_ingest, place) for place in missing]
        for number, done in enumerate(waiting, 1):
            done.result()
            if number % 50 == 0 or number == len(waiting):
                told(f"{number} of {len(waiting)} document sets ingested")
    return places


@contextmanager
def _one_builder(folder: Path, told: Callable[[str], None]) -> Iterator[None]:
    """Keep others from building in the same folder; waits while another one does."""
    lock = FileLock(folder / "building.lock")
    try:
        lock.acquire(timeout=0)
    except Timeout:
        told(f"another run builds document sets in {folder}: waiting for it")
        lock.acquire()
    try:
        yield
    finally:
        lock.release()


def _written(each: DocumentSet, folder: Path, version: str) -> Path:
    """The place of a set; its documents are there, its archive only if it was finished."""
    with TemporaryDirectory(prefix="writing-", dir=folder) as temporary:
        documents = Path(temporary) / "documents"
        documents.mkdir()
        each.write(documents)
        contents = hashlib.sha256(f"{version} {_digest(documents)}".encode()).hexdigest()
        place = folder / f"{each.name}-{contents[:16]}"
        if not (place / _DONE).exists():
            rmtree(place, ignore_errors=True)
            place.mkdir()
            documents.rename(place / "documents")
    return place


@lru_cache(maxsize=_OPEN_AT_ONCE)
def open_corpus(place: Path) -> Archive:
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
    unfinished = place / f"{_DONE}.new"
    unfinished.write_text(json.dumps(done), "utf-8")
    unfinished.replace(place / _DONE)


def _digest(folder: Path) -> str:
    """One hash over names and contents."""
    total = hashlib.sha256()
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        total.update(path.relative_to(folder).as_posix().encode())
        total.update(hashlib.sha256(path.read_bytes()).digest())
    return total.hexdigest()
