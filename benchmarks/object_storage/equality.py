"""Ingest with documents and archive in object storage: is it the archive that a folder gives?

    python -m benchmarks.object_storage.equality DATA... --work FOLDER [--server moto_server]

The files under each DATA are put into a bucket and ingested from there into an archive there, and
from the folder into one on disk. Compared: documents, ids, passages, vectors, and the ordered
results of every question of the data.
"""

from __future__ import annotations

import json
import os
import sys
import time
from pathlib import Path

import numpy as np

from benchmarks.object_storage.storage import BUCKET, parser, storage
from docpager import Archive, ingest
from docpager.core.locators import Locator, LocatorKind
from docpager.documents.files import find_files

PAGES = 3


def main() -> None:
    made = parser(__doc__)
    made.add_argument("data", type=Path, nargs="+")
    made.add_argument("--questions", type=Path, nargs="*", default=[], help="more of them")
    made.add_argument("--work", type=Path, required=True)
    arguments = made.parse_args()
    os.environ["DOCPAGER_CACHE_DIR"] = str(arguments.work / "cache")
    with storage(arguments.server) as proxy:
        from docpager.storage.object_store import Bucket

        bucket = Bucket(BUCKET)
        folders = [data / "pdfs" for data in arguments.data]
        for folder in folders:
            for path in find_files(folder).readable:
                name = f"documents/{folder.parent.name}/{path.relative_to(folder).as_posix()}"
                bucket.upload(path, name)
        began = time.process_time(), time.perf_counter(), os.times()
        local = ingest(folders, arguments.work / "local")
        _say("on disk", local.documents, local.passages, began)
        remote_roots = [f"s3://{BUCKET}/documents/{folder.parent.name}" for folder in folders]
        began = time.process_time(), time.perf_counter(), os.times()
        remote = ingest(remote_roots, f"s3://{BUCKET}/archive")
        _say("in object storage", remote.documents, remote.passages, began)
        print(f"{proxy.requests} requests, {proxy.fetched_bytes:,} bytes fetched")
        one = Archive.open(arguments.work / "local")
        other = Archive.open(f"s3://{BUCKET}/archive")
        wrong = differences(one, other, questions_of(arguments.data, arguments.questions))
    print("\n".join(wrong) or "no difference")
    sys.exit(1 if wrong else 0)


def questions_of(data: list[Path], more: list[Path]) -> list[str]:
    """Every question of the data sets, and of the files that are named beside them."""
    files = [*(folder / "questions.jsonl" for folder in data), *more]
    lines = [line for file in files for line in file.read_text("utf-8").splitlines()]
    return [json.loads(line)["question"] for line in lines if line.strip()]


def differences(one: Archive, other: Archive, questions: list[str]) -> list[str]:
    """In what two archives differ: documents, ids, passages, vectors, ordered results."""
    wrong = []
    entries = [
        [(e.id, e.title, e.kind, e.passages, e.tokens, e.pdf_pages) for e in archive.documents()]
        for archive in (one, other)
    ]
    if entries[0] != entries[1]:
        wrong.append("documents differ")
    passages = 0
    for entry in one.documents():
        place = Locator(LocatorKind.DOCUMENT, entry.id)
        mine, theirs = list(one.load(place)), list(other.load(place))
        passages += len(mine)
        if mine != theirs or one.sha256(entry.id) != other.sha256(entry.id):
            wrong.append(f"passages of {entry} differ")
        if not np.array_equal(_vectors(one, entry.id), _vectors(other, entry.id)):
            wrong.append(f"vectors of {entry} differ")
    hits = 0
    for question in questions:
        for page in range(1, PAGES + 1):
            found = [archive.search(question, page=page) for archive in (one, other)]
            hits += len(found[0].hits)
            if found[0] != found[1]:
                wrong.append(f"results of {question!r}, page {page}, differ")
    print(f"compared: {len(entries[0])} documents, {passages} passages with their vectors, "
          f"{len(questions)} questions with {hits} hits in order")  # fmt: skip
    return wrong


def _vectors(archive: Archive, number: int) -> np.ndarray:
    record = archive._generation.record(number)
    segment = archive._generation.segments[record.segment]
    return segment.vectors.between(record.first_row, record.passages)


def _say(where: str, documents: int, passages: int, began: tuple) -> None:
    now = os.times()
    cores = sum(getattr(now, name) - getattr(began[2], name) for name in
                ("user", "system", "children_user", "children_system"))  # fmt: skip
    print(f"{where}: {documents} documents, {passages} passages, {cores:.1f} core-seconds, "
          f"{time.perf_counter() - began[1]:.1f} s")  # fmt: skip


if __name__ == "__main__":
    main()
