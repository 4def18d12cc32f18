"""Whether two builds make the same archive of a folder: fingerprints of all that is stored.

    python -m benchmarks.performance.same_archive pdfs/ --questions questions.jsonl > now.txt

Run it with the program of each build and compare the two outputs (`diff`). For every document there
is a hash of its pages (text, label, what is said of each), of its sections, of its passages (ids,
texts, sizes, places) and of their vectors, bit for bit; for every question one of its first ten
hits; and one hash of all.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import tempfile
from collections.abc import Iterator
from dataclasses import astuple
from pathlib import Path
from typing import Any

from docpager.archive.archive import Archive
from docpager.archive.ingest import ingest
from docpager.archive.manifest import DocumentRecord
from docpager.archive.segment import Segment
from docpager.archive.snapshot import open_snapshot
from docpager.documents.reasons import Reason

HITS = 10


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folders", type=Path, nargs="+")
    parser.add_argument("--questions", type=Path, help="an object with `question` a line")
    arguments = parser.parse_args()
    whole = hashlib.sha256()
    with tempfile.TemporaryDirectory() as home:
        ingest(arguments.folders, Path(home))
        for line in (*documents(Path(home)), *hits(Path(home), arguments.questions)):
            whole.update(line.encode())
            print(line)
    print(f"all {whole.hexdigest()}")


def documents(home: Path) -> Iterator[str]:
    """A line for each document of an archive."""
    snapshot = open_snapshot(home)
    rows = {record.name: record.rows for record in snapshot.manifest.segments}
    for record in snapshot.live:
        path = home / "segments" / record.segment
        segment = Segment.open(path, rows[record.segment])
        prints = " ".join(f"{name} {print_}" for name, print_ in _fingerprints(segment, record))
        yield f"D{record.id} {record.title!r} {record.passages} passages: {prints}"


def _fingerprints(segment: Segment, record: DocumentRecord) -> Iterator[tuple[str, str]]:
    text = segment.text(record.first_row, record.passages)
    pages = segment.pdf_pages(record.id)
    if any(page.problem == Reason.TIMED_OUT for page in pages):
        # A busy machine, not another program.
        raise SystemExit(f"{record.title!r} was not read to its end in time; run it again")
    yield "pages", _fingerprint([[*astuple(page), text[page.start : page.end]] for page in pages])
    yield "sections", _fingerprint([astuple(each) for each in segment.sections(record.id)])
    passages = segment.passages(record.first_row, record.passages)
    yield "passages", _fingerprint([astuple(passage) for passage in passages])
    vectors = segment.vectors.between(record.first_row, record.passages)
    yield "vectors", hashlib.sha256(vectors.tobytes()).hexdigest()[:16]


def hits(home: Path, questions: Path | None) -> Iterator[str]:
    """A line for each question, with what is found for it."""
    if questions is None:
        return
    archive = Archive.open(home)
    for line in questions.read_text("utf-8").splitlines():
        question = json.loads(line)["question"]
        found = [astuple(hit) for hit in archive.search(question, page_size=HITS).hits]
        yield f"{question!r} {_fingerprint(found)}"


def _fingerprint(value: Any) -> str:
    return hashlib.sha256(json.dumps(value, ensure_ascii=True).encode()).hexdigest()[:16]


if __name__ == "__main__":
    main()
