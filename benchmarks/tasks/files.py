"""Reads data files and writes documents: what several tasks share."""

from __future__ import annotations

import gzip
import json
import shutil
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from random import Random
from typing import Any, TypeVar

__all__ = ["chosen", "copy_files", "read_records", "write_documents"]

T = TypeVar("T")

DOCUMENTS = "documents.jsonl"


def read_records(path: Path) -> Iterator[dict[str, Any]]:
    """JSON objects of a JSONL file, compressed or not; nothing where there is no file."""
    if not path.exists():
        return
    content = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    # As bytes: text would be split at other line separators, which documents hold, too.
    for line in content.splitlines():
        if line.strip():
            yield json.loads(line)


def chosen(records: Sequence[T], count: int, *, seed: int, cell: object) -> list[T]:
    """`count` of the records, drawn by seed and cell, in their order; all if there are fewer."""
    if count >= len(records):
        return list(records)
    drawn = Random(f"{seed}/{cell}").sample(range(len(records)), count)
    return [records[index] for index in sorted(drawn)]


def write_documents(documents: Iterable[Mapping[str, str]], folder: Path) -> None:
    """Titles and texts as one file, a document a line: `documents.jsonl#1` and so on."""
    lines = (json.dumps({"title": d["title"], "text": d["text"]}) for d in documents)
    (folder / DOCUMENTS).write_text("\n".join(lines) + "\n", "utf-8")


def copy_files(source: Path, names: Sequence[str], folder: Path) -> None:
    """Files of the data folder, so that nothing else of it can be reached from the documents."""
    for name in names:
        shutil.copyfile(source / name, folder / name)
