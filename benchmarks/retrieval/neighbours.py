"""Are ten hits ten neighbours? Evidence among the first ten hits, as they are and spread out.

    python -m benchmarks.retrieval.neighbours DATA --work FOLDER

FOLDER is that of `benchmarks.retrieval.measure`, run before. Spread out: at most so many hits of a
PDF page, or of a section, among the ten; the next ones move up. A difference is paired, with its
95 % bootstrap interval.
"""

from __future__ import annotations

import argparse
from collections import Counter
from collections.abc import Callable, Hashable, Sequence
from pathlib import Path

import numpy as np

from benchmarks.retrieval.measure import DEPTH, interval
from benchmarks.retrieval.question_sets import SETS, RetrievalQuestion
from docpager import Archive
from docpager.core.passages import Hit, Passage, PassageRange

FIRST = 10
PAGED = ("financebench", "docugami", "mmlongbench")
Place = Callable[[Archive, Passage], Hashable]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", type=Path)
    parser.add_argument("--work", type=Path, required=True)
    arguments = parser.parse_args()
    print("| set | documents | as they are | one a page | two a section | one a section |")
    print("|---|---|---|---|---|---|")
    for name in PAGED:
        chosen = SETS[name](arguments.data, arguments.work)
        archive = Archive.open(
            arguments.work / name / "archive-0", embedder=_recorded(arguments.work / name)
        )
        ids = {entry.path: entry.id for entry in archive.documents()}
        for scope in ("all", "the right ones"):
            found = [
                _first_hits(q, archive, None if scope == "all" else [ids[p] for p in q.documents])
                for q in chosen.questions
            ]
            print(f"| {chosen.name} | {scope} | {' | '.join(_cells(found))} |", flush=True)


def _first_hits(
    question: RetrievalQuestion, archive: Archive, documents: Sequence[int] | None
) -> list[bool]:
    """Whether evidence is among the first ten, by each way of spreading them out."""
    hits = archive.search(question.text, documents=documents, page_size=DEPTH).hits
    passages = [_passage(archive, hit) for hit in hits]
    ways: list[tuple[Place, int]] = [(_itself, 1), (_page, 1), (_section, 2), (_section, 1)]
    return [
        any(_holds(question, archive, p) for p in _spread(archive, passages, place, most))
        for place, most in ways
    ]


def _spread(
    archive: Archive, passages: Sequence[Passage], place: Place, most: int
) -> list[Passage]:
    counts: Counter[Hashable] = Counter()
    kept = []
    for passage in passages:
        where = place(archive, passage)
        counts[where] += 1
        if counts[where] <= most:
            kept.append(passage)
    return kept[:FIRST]


def _itself(archive: Archive, passage: Passage) -> Hashable:
    return passage.id


def _page(archive: Archive, passage: Passage) -> Hashable:
    return passage.document, passage.first_pdf_page


def _section(archive: Archive, passage: Passage) -> Hashable:
    inner = [s.start for s in archive.sections(passage.document) if s.start <= passage.start]
    return passage.document, max(inner, default=-1)


def _holds(question: RetrievalQuestion, archive: Archive, passage: Passage) -> bool:
    path, pages = archive.document(passage.document).path, passage.pdf_pages
    numbers = range(pages[0], pages[1] + 1) if pages else ()
    return any(f"{path}:p{number}" in question.places for number in numbers)


def _passage(archive: Archive, hit: Hit) -> Passage:
    number = hit.passage.ordinal
    return archive.load_range(PassageRange(hit.passage.document, number, number))[0]


def _cells(found: Sequence[Sequence[bool]]) -> list[str]:
    as_they_are, *others = np.array(found, dtype=float).T
    cells = [f"{as_they_are.mean():.3f}"]
    for other in others:
        low, high = interval((other - as_they_are).tolist())
        cells.append(f"{other.mean():.3f} ({low:+.2f} to {high:+.2f})")
    return cells


def _recorded(folder: Path):
    from benchmarks.retrieval.measure import Stripped
    from docpager.archive.embedders.base import load_embedder
    from docpager.archive.manifest import read_manifest

    name, _, seen = read_manifest(folder / "archive-0").embedder.partition(" on ")
    return Stripped(load_embedder(name), seen)


if __name__ == "__main__":
    main()
