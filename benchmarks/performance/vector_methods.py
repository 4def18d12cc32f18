"""Three ways to the passages nearest in meaning: how fast from how many rows on, and how exact?

    python -m benchmarks.performance.vector_methods DATA --work FOLDER --rows 10000 100000 1000000

Row by row, in half precision; proposed by four bits for two dimensions, then ranked by the vectors
(what segments of more than `FLAT_ROWS` do); and lists (IVF) of eight bits a dimension, then ranked
the same. Vectors and questions are those of `benchmarks.performance.million`. The first 200 are
asked for, as search does; recall is of the first 10 against every vector in single precision.
Each search has one thread.
"""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Callable, Sequence
from mmap import ACCESS_READ, mmap
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import faiss
import numpy as np

from benchmarks.performance.million import (
    PER_DOCUMENT,
    MadeSource,
    Pieces,
    asked_questions,
    folders_with_questions,
)
from docpager import Archive, ingest
from docpager.archive.embedders.wordllama_embedder import WordllamaEmbedder
from docpager.archive.search import NEAREST
from docpager.archive.vectors import PROPOSALS_FILE, VECTORS_FILE, VectorIndex, VectorWriter

Ask = Callable[[Any], list[int]]
"""The first ten rows for a query."""


def main() -> None:
    arguments = _arguments()
    sources = arguments.work / "sources"
    ingest(folders_with_questions(arguments.data), sources)
    pieces = Pieces(Archive.open(sources))
    embedder = WordllamaEmbedder()
    asked = asked_questions(arguments.data)[:: arguments.every]
    queries = np.array([embedder.embed_query(question) for question in asked])
    print("| rows | method | build s | search p50 ms | p99 ms | recall@10 |")
    print("|---:|---|---:|---:|---:|---:|")
    for rows in arguments.rows:
        with TemporaryDirectory(dir=arguments.work) as directory:
            _measure(_vectors(pieces, rows), queries, Path(directory))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", type=Path)
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--rows", type=int, nargs="+", default=[10_000, 100_000, 1_000_000])
    parser.add_argument("--every", type=int, default=2, help="ask every n-th question")
    return parser.parse_args()


def _vectors(pieces: Pieces, rows: int) -> Any:
    source = MadeSource(pieces, rows)
    vectors = np.concatenate(
        [pieces.sums[source.chosen(n)].sum(axis=1) for n in range(-(-rows // PER_DOCUMENT))]
    )[:rows]
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def _measure(vectors: Any, queries: Any, directory: Path) -> None:
    exact = [set(np.argpartition(-(vectors @ query), 10)[:10].tolist()) for query in queries]
    flat, seconds = _written(vectors, directory / "flat", flat_rows=len(vectors))
    _print(len(vectors), "row by row", seconds, *_asked(_nearest(flat), queries, exact))
    large, seconds = _written(vectors, directory / "large", flat_rows=0)
    _print(len(vectors), "proposed", seconds, *_asked(_nearest(large), queries, exact))
    began = time.perf_counter()
    lists = _in_lists(vectors)
    seconds = time.perf_counter() - began
    faiss.omp_set_num_threads(1)
    for share in (1 / 16, 1 / 8, 1 / 4, 1 / 2):
        lists.nprobe = round(lists.nlist * share)
        ask = _nearest_in_lists(lists, vectors)
        method = f"{lists.nprobe} of {lists.nlist} lists"
        _print(len(vectors), method, seconds, *_asked(ask, queries, exact))
    faiss.omp_set_num_threads(os.cpu_count() or 1)


def _print(rows: int, method: str, build: float, p50: float, p99: float, recall: float) -> None:
    figures = f"{build:.1f} | {p50:.2f} | {p99:.2f} | {recall:.4f}"
    print(f"| {rows:,} | {method} | {figures} |", flush=True)


def _written(vectors: Any, place: Path, *, flat_rows: int) -> tuple[VectorIndex, float]:
    place.mkdir()
    began = time.perf_counter()
    writer = VectorWriter(vectors.shape[1], flat_rows=flat_rows)
    writer.add(vectors)
    writer.write(place)
    seconds = time.perf_counter() - began
    proposals = place / PROPOSALS_FILE
    return VectorIndex.load(
        _mapped(place / VECTORS_FILE), _mapped(proposals) if proposals.exists() else None
    ), seconds


def _mapped(path: Path) -> mmap:
    with path.open("rb") as file:
        return mmap(file.fileno(), 0, access=ACCESS_READ)


def _in_lists(vectors: Any) -> Any:
    rows, dimension = vectors.shape
    index: Any = faiss.IndexIVFScalarQuantizer(
        faiss.IndexFlatIP(dimension),
        dimension,
        1 << round(np.log2(np.sqrt(rows))),
        faiss.ScalarQuantizer.QT_8bit,
        faiss.METRIC_INNER_PRODUCT,
    )
    index.cp.max_points_per_centroid = 64
    index.train(vectors[:: max(1, rows // (64 * index.nlist))])
    index.add(vectors)
    return index


def _nearest(index: VectorIndex) -> Ask:
    everything = np.ones(index.rows, dtype=np.bool_)
    return lambda query: index.nearest(query, count=NEAREST, among=everything)[0][:10].tolist()


def _nearest_in_lists(index: Any, vectors: Any) -> Ask:
    def ask(query: Any) -> list[int]:
        rows = index.search(query[np.newaxis, :], 4 * NEAREST)[1][0]
        rows = rows[rows >= 0]
        return rows[np.argsort(-(vectors[rows] @ query))[:10]].tolist()

    return ask


def _asked(ask: Ask, queries: Any, exact: Sequence[set[int]]) -> tuple[float, float, float]:
    found = [ask(query) for query in queries]
    recall = np.mean([len(e.intersection(f)) / 10 for f, e in zip(found, exact, strict=True)])
    times = []
    for query in queries:
        began = time.perf_counter()
        ask(query)
        times.append((time.perf_counter() - began) * 1000)
    return float(np.median(times)), float(np.percentile(times, 99)), float(recall)


if __name__ == "__main__":
    main()
