"""Warm search of an archive: how long a question takes, in how much memory, and how exact it is.

    python -m benchmarks.performance.search ARCHIVE --questions questions.jsonl [--exact]

`questions.jsonl` holds one object with `question` a line; or a JSON list of strings. Every
question is asked once to warm up, then three times. Processor time is that of all threads, and
does not depend on what else the machine does.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from docpager import Archive
from docpager.archive.lexical import key_of
from docpager.archive.vectors import PROPOSALS_FILE, VECTORS_FILE, VectorIndex

REPEATS = 3
NEAREST = 10


def main() -> None:
    arguments = _arguments()
    questions = _questions(arguments.questions)
    began = time.perf_counter()
    archive = Archive.open(arguments.archive)
    archive.search(questions[0])
    print(f"open and first search: {time.perf_counter() - began:.2f} s (imports not counted)")
    status = archive.status()
    print(f"{status.passages} passages, {status.documents} documents, {status.segments} segments")
    everything = [entry.id for entry in archive.documents()]
    _print_times("all documents", questions, archive.search)
    for count in (1, 28, 5000):
        if count < len(everything) or count == 28:
            few = everything[:: max(1, len(everything) // count)][:count]
            _print_times(
                f"{len(few)} documents named", questions, partial(archive.search, documents=few)
            )
    _print_times("all documents named", questions, partial(archive.search, documents=everything))
    _print_times("by words alone", questions, partial(archive.search, by="words"))
    _print_times("by meaning alone", questions, partial(archive.search, by="meaning"))
    _print_times("a glob of names", questions[:20], lambda _: archive.documents_named(["*1*"]))
    _print_memory(arguments.archive)
    if arguments.exact:
        _print_recall(arguments.archive, archive, questions)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("archive", type=Path)
    parser.add_argument("--questions", type=Path, required=True)
    parser.add_argument("--exact", action="store_true", help="compare meaning with brute force")
    return parser.parse_args()


def _questions(path: Path) -> list[str]:
    text = path.read_text("utf-8")
    if path.suffix == ".json":
        return [str(question) for question in json.loads(text)]
    return [json.loads(line)["question"] for line in text.splitlines()]


def _print_times(label: str, questions: Sequence[str], ask: Callable[[str], object]) -> None:
    for question in questions:
        ask(question)
    times: list[float] = []
    begun_cpu = time.process_time()
    for _ in range(REPEATS):
        for question in questions:
            began = time.perf_counter()
            ask(question)
            times.append((time.perf_counter() - began) * 1000)
    p50, p99 = np.percentile(times, [50, 99])
    cpu = (time.process_time() - begun_cpu) / len(times) * 1000
    print(
        f"{label:<24} p50 {p50:6.2f} ms   p99 {p99:6.2f} ms   "
        f"processor {cpu:6.2f} ms   ({len(times)} times)",
        flush=True,
    )


def _print_memory(directory: Path) -> None:
    status = Path("/proc/self/status").read_text()
    anonymous = int(status.split("RssAnon:")[1].split()[0]) / 1024
    sizes = {name: _megabytes(directory, pattern) for name, pattern in _PARTS.items()}
    print(f"anonymous memory, FAISS index included: {anonymous:.0f} MB")
    print("on disk: " + ", ".join(f"{name} {size:.0f} MB" for name, size in sizes.items()))


_PARTS = {
    "FAISS index in memory": f"segments/*/{PROPOSALS_FILE}",
    "vectors, mapped": f"segments/*/{VECTORS_FILE}",
    "text": "segments/*/*.arrow",
    "word index": "lexical/*/*",
}


def _megabytes(directory: Path, pattern: str) -> float:
    files = {path.stat().st_ino: path.stat().st_size for path in directory.glob(pattern)}
    return sum(files.values()) / 1e6


def _print_recall(directory: Path, archive: Archive, questions: Sequence[str]) -> None:
    """Meaning alone against every vector: what share of the exact first ten it finds."""
    queries = np.array([archive._load_embedder().embed_query(question) for question in questions])
    keys, scores = _exact(archive, queries)
    shares, entries = [], []
    for n, question in enumerate(questions):
        found = archive.search(question, by="meaning", page_size=NEAREST).hits
        mine = {key_of(hit.passage) for hit in found}
        # Any of several equally near passages will do.
        bound = scores[n][NEAREST - 1] - 1e-5
        right = sum(key in mine for key in keys[n][scores[n] >= bound].tolist())
        shares.append(min(right, NEAREST) / NEAREST)
        first = [(int(key) >> 32, int(key) & 0xFFFF_FFFF) for key in keys[n][:NEAREST]]
        entries.append({"question": question, "exact": [(d - 1, o - 1) for d, o in first]})
    print(f"recall@10 of meaning against exact: {np.mean(shares):.4f}, lowest {min(shares):.1f}")
    (directory / "nearest.json").write_text(json.dumps(entries), encoding="utf-8")


def _exact(archive: Archive, queries: Any) -> tuple[Any, Any]:
    """The nearest keys and their similarities, by brute force over every segment."""
    keys: list[Any] = []
    scores: list[Any] = []
    for name, live in archive._generation.rows(None).items():
        segment = archive._generation.segments[name]
        index: VectorIndex = segment.vectors
        for first in range(0, index.rows, 50_000):
            count = min(50_000, index.rows - first)
            similar = queries @ index.between(first, count).T
            similar[:, ~live[first : first + count]] = -2
            best = np.argpartition(-similar, min(2 * NEAREST, count - 1), axis=1)[:, : 2 * NEAREST]
            keys.append(segment.keys[first + best])
            scores.append(np.take_along_axis(similar, best, axis=1))
    every, similar = np.concatenate(keys, axis=1), np.concatenate(scores, axis=1)
    order = np.argsort(-similar, axis=1)[:, : 2 * NEAREST]
    return np.take_along_axis(every, order, axis=1), np.take_along_axis(similar, order, axis=1)


if __name__ == "__main__":
    main()
