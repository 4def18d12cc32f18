"""Ten shards against one archive of the same passages: is the order equal, and what does it cost?

    python -m benchmarks.performance.shards DATA --work FOLDER --passages 1000000 --shards 10

Passages are those of `benchmarks.performance.million`, in one archive and in so many shards, which
hold the same documents in the same order. Every question of DATA is asked of both: their first 200
results are compared, and how many of them are those of every vector compared. Then some questions
are asked in turn of the one archive, of all shards as one, and of one shard alone, one after the
other in one process, so that what else the machine does befalls all. What is timed is the search
itself, without its snippets, in core-seconds of all threads.

Last, on paper: what one machine for each shard would take, by the parts that were measured here. A
shard's own search is that of one shard alone; its 1,000 best by words and 200 nearest are sent over
a connection of this machine and put in order with those of the others. A real network adds its own
time, which is not known here and is left as a name.
"""

from __future__ import annotations

import argparse
import pickle
import socket
import threading
import time
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.performance.million import (
    PER_DOCUMENT,
    MadeSource,
    Pieces,
    SummingEmbedder,
    asked_questions,
    folders_with_questions,
)
from docpager import Archive
from docpager import ingest as ingest_folders
from docpager.archive.ingest import ingest
from docpager.archive.search import NEAREST, By, fuse, rank
from docpager.archive.shards import NUMBERS_EACH, name_shards

COMPARED = 200
WANTED = 10
BY_WORDS = 1000
_REPEATS = 3


def main() -> None:
    arguments = _arguments()
    home = arguments.work / f"made-{arguments.passages}-in-{arguments.shards}"
    one_place = arguments.work / f"made-{arguments.passages}"
    shards = [home / f"{n:03d}" for n in range(1, arguments.shards + 1)]
    _make(arguments.data, arguments.work, arguments.passages, one_place, shards)
    name_shards(home / "all", shards)
    questions = asked_questions(arguments.data)[:: arguments.every]
    one, many, single = map(Archive.open, (one_place, home / "all", shards[0]))
    print(
        f"{one.status().passages:,} passages in one archive ({one.status().segments} segments) and "
        f"in {len(shards)} shards ({many.status().segments}); {len(questions)} questions"
    )
    per_shard = arguments.passages // arguments.shards // PER_DOCUMENT
    _compare(questions, one, many, per_shard)
    timed = questions[:: max(1, len(questions) // arguments.timed)]
    times = _time(timed, {"one archive": one, "all shards as one": many, "one shard": single})
    _on_paper(questions[:20], single, arguments.shards, times)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", type=Path, help="a folder with PDFs, JSONL files and questions")
    parser.add_argument("--work", type=Path, required=True, help="archives are made here")
    parser.add_argument("--passages", type=int, default=1_000_000)
    parser.add_argument("--shards", type=int, default=10)
    parser.add_argument("--every", type=int, default=1, help="ask only each so manieth question")
    parser.add_argument("--timed", type=int, default=60, help="about so many are timed")
    return parser.parse_args()


def _make(data: Path, work: Path, passages: int, one: Path, shards: list[Path]) -> None:
    missing = [place for place in (one, *shards) if not (place / "manifest.json").exists()]
    if not missing:
        return
    if passages % (len(shards) * PER_DOCUMENT):
        raise SystemExit(f"passages must be a multiple of {len(shards) * PER_DOCUMENT}")
    ingest_folders(folders_with_questions(data), work / "sources")
    pieces = Pieces(Archive.open(work / "sources"))
    each = passages // len(shards)
    for place in missing:
        began = time.process_time()
        first = 0 if place == one else shards.index(place) * each // PER_DOCUMENT
        source = MadeSource(pieces, passages if place == one else each, first=first)
        ingest([place], place, embedder=SummingEmbedder(pieces), source=source)
        print(f"made {place.name}: {time.process_time() - began:.0f} core-seconds", flush=True)


def _found(archive: Archive, question: str, by: By, count: int) -> list[tuple[int, int]]:
    """The first results as (document, ordinal)."""
    ranking = _ranking(archive, question, by)
    return [(each.document, each.ordinal) for each in ranking.slice(0, count)]


def _ranking(archive: Archive, question: str, by: By) -> Any:
    return rank(
        question,
        archive._generation,
        analyzer=archive._analyzer,
        embedder=archive._load_embedder,
        documents=None,
        first=WANTED,
        by=by,
        threads=archive._threads,
    )


def _compare(questions: list[str], one: Archive, many: Archive, per_shard: int) -> None:
    def as_in_one(found: list[tuple[int, int]]) -> list[tuple[int, int]]:
        placed = ((divmod(document, NUMBERS_EACH), ordinal) for document, ordinal in found)
        return [((shard - 1) * per_shard + number, ordinal) for (shard, number), ordinal in placed]

    print("| order of results equal, of so many questions | first 10 | first 30 | first 200 |")
    print("|---|---:|---:|---:|")
    for by in ("words", "meaning", "both"):
        equal = {10: 0, 30: 0, COMPARED: 0}
        for question in questions:
            mine = _found(one, question, by, COMPARED)
            theirs = as_in_one(_found(many, question, by, COMPARED))
            for first in equal:
                equal[first] += mine[:first] == theirs[:first]
        counts = " | ".join(f"{count} of {len(questions)}" for count in equal.values())
        print(f"| by {by} | {counts} |", flush=True)
    print("\n| nearest 200 that are those of every vector compared | mean | lowest |")
    print("|---|---:|---:|")
    sample = questions[:: max(1, len(questions) // 30)]
    queries = np.array([one._load_embedder().embed_query(question) for question in sample])
    least = _least_of_nearest(one, queries)
    for name, archive in (("one archive", one), ("all shards as one", many)):
        shares = []
        for question, query, bound in zip(sample, queries, least, strict=True):
            found = _ranking(archive, question, "meaning").slice(0, NEAREST)
            similar = [_similarity(archive, each.document, each.ordinal, query) for each in found]
            shares.append(np.mean(np.array(similar) >= bound - 1e-5))
        print(f"| {name} ({len(sample)} questions) | {np.mean(shares):.4f} | {min(shares):.3f} |")
    print(flush=True)


def _least_of_nearest(archive: Archive, queries: Any) -> Any:
    """By query: the similarity of the last of the nearest, every vector compared."""
    best = np.full((len(queries), NEAREST), -2.0)
    for segment in archive._generation.segments.values():
        for first in range(0, segment.vectors.rows, 50_000):
            halves = segment.vectors.codes[first : first + 50_000].view("<f2")
            scores = queries @ halves.astype(np.float32).T
            best = np.sort(np.concatenate([best, scores], axis=1), axis=1)[:, -NEAREST:]
    return best[:, 0]


def _similarity(archive: Archive, document: int, ordinal: int, query: Any) -> float:
    record = archive._generation.record(document)
    vectors = archive._generation.segments[record.segment].vectors
    return float(vectors.between(record.first_row + ordinal - 1, 1)[0] @ query)


def _time(questions: list[str], archives: dict[str, Archive]) -> dict[str, float]:
    """Mean core-milliseconds of a search by both, by archive; prints them all."""
    print("| core-ms of a search, mean (p50 by the clock) | " + " | ".join(archives) + " |")
    print("|---|" + "---:|" * len(archives))
    means: dict[str, float] = {}
    for by in ("words", "meaning", "both"):
        cores: dict[str, list[float]] = {name: [] for name in archives}
        clock: dict[str, list[float]] = {name: [] for name in archives}
        for question in questions:
            for name, archive in archives.items():
                _found(archive, question, by, WANTED)
                for _ in range(_REPEATS):
                    began, cpu = time.perf_counter(), time.process_time()
                    _found(archive, question, by, WANTED)
                    cores[name].append((time.process_time() - cpu) * 1000)
                    clock[name].append((time.perf_counter() - began) * 1000)
        means = {name: float(np.mean(taken)) for name, taken in cores.items()}
        shown = [f"{means[name]:.1f} ({np.median(clock[name]):.1f})" for name in archives]
        print(f"| by {by} | " + " | ".join(shown) + " |", flush=True)
    whole, divided = means["one archive"], means["all shards as one"]
    print(f"\nall shards as one against one archive, by both: {divided / whole:.2f}")
    return means


def _on_paper(questions: list[str], single: Archive, shards: int, times: dict[str, float]) -> None:
    """What `shards` machines would take for a search, by parts that are measured here."""
    merging, sending, size = [], [], 0
    with Echo() as there:
        for question in questions:
            words = np.array([d << 32 | o for d, o in _found(single, question, "words", BY_WORDS)])
            near = np.array([d << 32 | o for d, o in _found(single, question, "meaning", NEAREST)])
            each = (words, np.linspace(9, 1, len(words)), near, np.linspace(1, 0, len(near)))
            content = pickle.dumps(each)
            size = max(size, len(content))
            began = time.process_time()
            told = [pickle.loads(content) for _ in range(shards)]
            by_words = _in_order([t[0] for t in told], [t[1] for t in told])[:BY_WORDS]
            fuse(by_words, _in_order([t[2] for t in told], [t[3] for t in told])[:NEAREST])
            merging.append((time.process_time() - began) * 1000)
            began = time.perf_counter()
            there.sendall(len(content).to_bytes(8, "big") + content)
            _received(there, len(content))
            sending.append((time.perf_counter() - began) * 1000)
    alone, merge, send = times["one shard"], float(np.mean(merging)), float(np.median(sending))
    fixed = alone + merge + send
    # From one shard to all of them in one archive, time grows by so much with each shard's worth.
    slope = (times["one archive"] - alone) / (shards - 1)
    print(
        f"\nparts: one shard's own search {alone:.1f} ms, merging {shards} answers {merge:.1f} ms, "
        f"an answer of {size / 1000:.0f} kB there and back over the loopback {send:.1f} ms"
    )
    print(
        f"on paper, {shards} machines: {fixed:.1f} ms and the network's own time, against "
        f"{times['one archive']:.1f} ms on one (both in core-milliseconds of a search by both)"
    )
    crossing = (merge + send) / slope / (1 - 1 / shards) if slope > 0 else float("inf")
    size_of_shard = single.status().passages
    print(
        f"one archive takes {slope:.2f} ms more for each {size_of_shard:,} passages, so that "
        f"{shards} machines would be faster from {crossing * size_of_shard:,.0f} passages in all, "
        f"and from {size_of_shard / slope / (1 - 1 / shards):,.0f} more for each ms of the network"
    )


def _in_order(keys: list[Any], scores: list[Any]) -> Any:
    every = np.concatenate(keys)
    return every[np.lexsort((every, -np.concatenate(scores)))]


class Echo:
    """A connection of this machine whose other end sends back what it gets."""

    def __enter__(self) -> socket.socket:
        self._listening = socket.create_server(("127.0.0.1", 0))
        threading.Thread(target=self._answer, daemon=True).start()
        self._there = socket.create_connection(self._listening.getsockname())
        return self._there

    def __exit__(self, *_: object) -> None:
        self._there.close()
        self._listening.close()

    def _answer(self) -> None:
        here, _ = self._listening.accept()
        while head := here.recv(8):
            here.sendall(_received(here, int.from_bytes(head, "big")))


def _received(here: socket.socket, count: int) -> bytes:
    parts = []
    while count:
        parts.append(here.recv(min(count, 1 << 20)))
        count -= len(parts[-1])
    return b"".join(parts)


if __name__ == "__main__":
    main()
