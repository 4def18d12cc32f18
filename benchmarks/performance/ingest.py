"""How fast a folder of PDFs becomes an archive, against reading its text with pdfium and no more.

    python -m benchmarks.performance.ingest pdfs/ --runs 3

Raw extraction and ingest take turns in one run, with the same number of processes, so that their
ratio means something on a busy machine; the processes of the raw extraction are started before its
clock, those of the ingest after. Every ingest is a fresh process. Medians are printed.

On a machine that is busy otherwise the ratio of seconds flatters the ingest, which has one process
more to compete with; the ratio of core-seconds does not depend on that.
"""

from __future__ import annotations

import argparse
import json
import os
import pickle
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from typing import TypeVar

T = TypeVar("T")

INGEST = """
import json, resource, sys, time
from pathlib import Path
began = time.perf_counter()
from docpager.archive.ingest import ingest
report = ingest([Path(sys.argv[1])], Path(sys.argv[2]))
seconds = time.perf_counter() - began
main, workers = map(resource.getrusage, (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
print(json.dumps({
    "seconds": seconds, "pages": report.pdf_pages, "passages": report.passages,
    "files": report.files, "new": report.new,
    "main_cpu": main.ru_utime + main.ru_stime, "worker_cpu": workers.ru_utime + workers.ru_stime,
    "main_bytes": main.ru_maxrss * 1024, "worker_bytes": workers.ru_maxrss * 1024,
}))
"""
QUESTION = "capital expenditure of the fiscal year"


@dataclass(frozen=True)
class Stage:
    name: str
    where: str
    core_seconds: float


def main() -> None:
    arguments = _arguments()
    files = sorted(arguments.folder.rglob("*.pdf"), key=lambda path: -path.stat().st_size)
    with tempfile.TemporaryDirectory() as home:
        _compare(arguments.folder, files, Path(home), runs=arguments.runs)
        _come_back(arguments.folder, Path(home, "0"), runs=arguments.runs)
        if not arguments.no_stages:
            _print_stages(_stages(files, Path(home, "stages")))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--no-stages", action="store_true", help="leave out where the time goes")
    return parser.parse_args()


def extract(path: Path) -> float:
    """Read every page's text with pdfium; the core-seconds it took."""
    import pypdfium2

    began = time.process_time()
    document = pypdfium2.PdfDocument(path.read_bytes())
    for page in document:
        text_page = page.get_textpage()
        text_page.get_text_range()
        text_page.close()
        page.close()
    document.close()
    return time.process_time() - began


def _compare(folder: Path, files: Sequence[Path], home: Path, *, runs: int) -> None:
    processes = len(os.sched_getaffinity(0))
    raw, ingests = [], []
    for run in range(runs):
        raw.append(_raw(files, processes))
        ingests.append(_ingest(folder, home / str(run)))
    pages = ingests[0]["pages"]
    ratios = [alone / whole["seconds"] for (alone, _), whole in zip(raw, ingests, strict=True)]
    alone = statistics.median(seconds for seconds, _ in raw)
    alone_cpu = statistics.median(core_seconds for _, core_seconds in raw)

    def median(key: str) -> float:
        return statistics.median(ingest[key] for ingest in ingests)

    load = os.getloadavg()[0]
    print(
        f"{len(files)} files, {pages:,} pages, {ingests[0]['passages']:,} passages; {processes} "
        f"processes; median of {runs} runs; load average at the end {load:.1f}\n"
    )
    cpu = median("main_cpu") + median("worker_cpu")
    _table(
        ("", "seconds", "pages/s", "core-seconds"),
        ("raw pdfium extraction", f"{alone:.1f}", f"{pages / alone:.0f}", f"{alone_cpu:.1f}"),
        (
            "ingest",
            f"{median('seconds'):.1f}",
            f"{pages / median('seconds'):.0f}",
            f"{cpu:.1f}",
        ),
        (
            "ratio (by run " + ", ".join(f"{ratio:.2f}" for ratio in ratios) + ")",
            f"{statistics.median(ratios):.2f}",
            "",
            f"{alone_cpu / cpu:.2f}",
        ),
    )
    _table(
        ("process", "core-seconds", "peak memory"),
        ("main", f"{median('main_cpu'):.1f}", f"{median('main_bytes') / 1e6:.0f} MB"),
        (
            "workers together; the largest",
            f"{median('worker_cpu'):.1f}",
            f"{median('worker_bytes') / 1e6:.0f} MB",
        ),
    )


def _raw(files: Sequence[Path], processes: int) -> tuple[float, float]:
    """Seconds and core-seconds of raw extraction."""
    with ProcessPoolExecutor(processes, mp_context=get_context("spawn")) as pool:
        list(pool.map(extract, files[-processes:]))
        began = time.perf_counter()
        core_seconds = sum(pool.map(extract, files))
        return time.perf_counter() - began, core_seconds


def _ingest(folder: Path, archive: Path) -> dict[str, float]:
    command = [sys.executable, "-c", INGEST, str(folder), str(archive)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    measured: dict[str, float] = json.loads(done.stdout)
    return measured


def _come_back(folder: Path, archive: Path, *, runs: int) -> None:
    """What the second day costs: nothing changed, and one search."""
    again = [_ingest(folder, archive) for _ in range(runs)]
    assert not any(ingest["new"] for ingest in again)
    docpager = [sys.executable, "-m", "docpager"]
    commands = {
        "unchanged ingest, whole command": [*docpager, "ingest", str(folder)],
        "open and first search, whole command": [*docpager, "search", QUESTION],
    }
    rows = [
        (
            "unchanged ingest, in a running process",
            statistics.median(ingest["seconds"] for ingest in again),
        )
    ]
    rows += [
        (
            name,
            statistics.median(_seconds([*command, "--archive", str(archive)]) for _ in range(runs)),
        )
        for name, command in commands.items()
    ]
    _table(("", "seconds"), *((name, f"{seconds:.2f}") for name, seconds in rows))


def _seconds(command: Sequence[str]) -> float:
    began = time.perf_counter()
    subprocess.run(command, capture_output=True, check=True)
    return time.perf_counter() - began


def _stages(files: Sequence[Path], archive: Path) -> list[Stage]:
    """Core-seconds of each stage, one after another in this process; outlines as they are found."""
    from docpager.archive.analyzer import Analyzer
    from docpager.archive.embedders.wordllama_embedder import WordllamaEmbedder
    from docpager.archive.segment import text_to_embed
    from docpager.documents.chunking import cut, passages_of
    from docpager.documents.pdf import pdfium_reader, read_pdf

    contents = [path.read_bytes() for path in files]
    _, raw = _timed(lambda: [extract(path) for path in files])
    signs = _Stopwatch(pdfium_reader.read_page_text)
    pdfium_reader.read_page_text = signs
    documents, reading = _timed(
        lambda: [
            read_pdf(content, path.name) for content, path in zip(contents, files, strict=True)
        ]
    )
    cuts, cutting = _timed(lambda: [tuple(cut(document.text)) for document in documents])
    read = list(zip(documents, cuts, strict=True))
    _, sending = _timed(lambda: [pickle.loads(pickle.dumps(pair, protocol=5)) for pair in read])
    passages = [
        (document, passage) for document, at in read for passage in passages_of(document, at, 1)
    ]
    embedder, analyzer = WordllamaEmbedder(), Analyzer()
    texts, describing = _timed(lambda: [text_to_embed(*pair) for pair in passages])
    _, embedding = _timed(lambda: embedder.embed_passages(texts))
    _, words = _timed(lambda: [analyzer.terms(passage.text) for _, passage in passages])
    _, writing = _timed(lambda: _write(files, read, archive))
    return [
        Stage("pdfium: pages and their text", "workers", raw),
        Stage("signs of pages, and what they ask for", "workers", signs.core_seconds),
        Stage(
            "tidying, line styles, headings, labels", "workers", reading - raw - signs.core_seconds
        ),
        Stage("cutting into passages", "workers", cutting),
        Stage("sending documents to the main process", "both", sending),
        Stage("titles and section paths for the embedder", "main", describing),
        Stage("embedding (wordllama)", "main", embedding),
        Stage("words of passages", "main", words),
        Stage("tantivy, Arrow, FAISS, commit", "main", writing - words - describing),
    ]


class _Stopwatch:
    """A function that adds up the core-seconds of its calls."""

    def __init__(self, work: Callable[..., T]) -> None:
        self.core_seconds = 0.0
        self._work = work

    def __call__(self, *arguments: object) -> T:
        done, took = _timed(lambda: self._work(*arguments))
        self.core_seconds += took
        return done


def _timed(work: Callable[[], T]) -> tuple[T, float]:
    began = time.process_time()
    return work(), time.process_time() - began


def _write(files: Sequence[Path], read: Sequence[tuple], archive: Path) -> None:
    from docpager.archive.ingest import ingest

    ingest([], archive, embedder=_NoEmbedder(), source=_Ready(files, read))


class _NoEmbedder:
    """Vectors of zeros: what is left is the cost of everything else."""

    name = "zeros"
    dimension = 256

    def embed_passages(self, texts: Sequence[str]):
        import numpy as np

        return np.zeros((len(texts), self.dimension), dtype=np.float32)

    def embed_query(self, text: str):
        return self.embed_passages([text])[0]


class _Ready:
    """A source of documents that were read already."""

    def __init__(self, files: Sequence[Path], read: Sequence[tuple]) -> None:
        self._files = files
        self._read = dict(zip((path.name for path in files), read, strict=True))

    def find(self, roots: Sequence[Path]) -> Sequence:
        from docpager.archive.manifest import FileRecord

        return [FileRecord("/ready", path.name, n, n) for n, path in enumerate(self._files)]

    def retries(self, file: object) -> bool:
        return False

    def on_recognised(self, tell: object) -> None:
        """No page of them is recognised."""

    def read(self, files: Sequence) -> Iterator:
        from docpager.archive.ingest_files import Reading

        for file in files:
            yield Reading(file, (self._read[file.path],))


def _print_stages(stages: Sequence[Stage]) -> None:
    total = sum(stage.core_seconds for stage in stages)
    _table(
        ("where the time goes", "process", "core-seconds", "share"),
        *(
            (
                stage.name,
                stage.where,
                f"{stage.core_seconds:.2f}",
                f"{stage.core_seconds / total:.0%}",
            )
            for stage in stages
        ),
        ("together", "", f"{total:.2f}", ""),
    )


def _table(head: Sequence[str], *rows: Sequence[str]) -> None:
    print("| " + " | ".join(head) + " |")
    print("|---" + "|---:" * (len(head) - 1) + "|")
    for row in rows:
        print("| " + " | ".join(row) + " |")
    print(flush=True)


if __name__ == "__main__":
    main()
