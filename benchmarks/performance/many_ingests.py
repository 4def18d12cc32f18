"""An archive that grew by many small ingests, against one made in a single ingest.

    python -m benchmarks.performance.many_ingests --files 200 --unchanged 1000

Both archives hold the same files. Warm searches, the same words in turn on both, must not take more
than 1.5 times as long on the one that grew. Then a folder of unchanged files is ingested again: no
file of it may be opened, and it must be done within a second.
"""

from __future__ import annotations

import argparse
import random
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from docpager.archive.archive import Archive
from docpager.archive.ingest import ingest
from docpager.archive.ingest_files import FilesSource, Reading
from docpager.archive.manifest import FileRecord
from docpager.documents.reader_process import read_and_cut

ALLOWED_RATIO = 1.5
ALLOWED_SECONDS = 1.0


class HereSource(FilesSource):
    """Reads files in this process: how fast files are read is measured elsewhere."""

    def read(self, files: Sequence[FileRecord]) -> Iterator[Reading]:
        for file in files:
            pieces = read_and_cut(self.job(file)).documents
            yield Reading(file, tuple((piece.document, piece.cuts) for piece in pieces))


class OpenedFiles:
    """Counts the files under a folder that this process opens."""

    def __init__(self, folder: Path) -> None:
        self.count = 0
        self._prefix = str(folder)
        sys.addaudithook(self._hear)

    def _hear(self, event: str, arguments: tuple[object, ...]) -> None:
        if event == "open" and str(arguments[0]).startswith(self._prefix):
            self.count += 1


def main() -> None:
    arguments = _arguments()
    generator = random.Random(arguments.seed)
    words = [_word(generator) for _ in range(20_000)]
    with tempfile.TemporaryDirectory(prefix="ingests-") as home:
        ratio = _compare(Path(home), words, generator, arguments)
        seconds = _unchanged(Path(home), words, generator, count=arguments.unchanged)
    sys.exit(0 if ratio <= ALLOWED_RATIO and seconds <= ALLOWED_SECONDS else 1)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--files", type=int, default=200)
    parser.add_argument("--unchanged", type=int, default=1000)
    parser.add_argument("--searches", type=int, default=400)
    parser.add_argument("--embedder", default="wordllama")
    parser.add_argument("--seed", type=int, default=1)
    return parser.parse_args()


def _compare(
    home: Path, words: Sequence[str], generator: random.Random, arguments: argparse.Namespace
) -> float:
    files = home / "files"
    files.mkdir()
    grown, whole = home / "grown", home / "whole"
    seconds = []
    for number in range(arguments.files):
        path = files / f"f{number:04d}.txt"
        path.write_text(_text(words, generator, words_each=4000))
        began = time.perf_counter()
        source = HereSource(grown, text_field=None)
        ingest([path], grown, embedder=arguments.embedder, source=source)
        seconds.append(time.perf_counter() - began)
    source = HereSource(whole, text_field=None)
    ingest([files], whole, embedder=arguments.embedder, source=source)
    archives = {"grown": Archive.open(grown), "whole": Archive.open(whole)}
    times = _search(archives, words, generator, count=arguments.searches)
    tenth = max(1, len(seconds) // 10)
    print(f"{arguments.files} ingests of one file: {1000 * statistics.median(seconds):.0f} ms each")
    print(f"  the first tenth {1000 * statistics.median(seconds[:tenth]):.0f} ms, ", end="")
    print(f"the last tenth {1000 * statistics.median(seconds[-tenth:]):.0f} ms")
    for name, archive in archives.items():
        status = archive.status()
        p50, p99 = _percentiles(times[name])
        print(f"{name}: {status.passages} passages, {status.segments} segments, ", end="")
        print(f"{status.bytes / 1e6:.1f} MB; warm search p50 {p50:.2f} ms, p99 {p99:.2f} ms")
    ratio = statistics.median(times["grown"]) / statistics.median(times["whole"])
    print(f"ratio of the medians: {ratio:.2f} (allowed: {ALLOWED_RATIO})")
    return ratio


def _search(
    archives: dict[str, Archive], words: Sequence[str], generator: random.Random, *, count: int
) -> dict[str, list[float]]:
    """Milliseconds of each search, after a tenth of them to warm up."""
    times: dict[str, list[float]] = {name: [] for name in archives}
    for number in range(-count // 10, count):
        query = " ".join(generator.choices(words[:2000], k=generator.randrange(2, 9)))
        for name in sorted(archives, reverse=number % 2 == 0):
            began = time.perf_counter()
            archives[name].search(query)
            if number >= 0:
                times[name].append(1000 * (time.perf_counter() - began))
    return times


def _unchanged(home: Path, words: Sequence[str], generator: random.Random, *, count: int) -> float:
    files, archive = home / "unchanged", home / "unchanged-archive"
    for number in range(count):
        path = files / f"folder{number % 40}" / f"f{number:04d}.txt"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(_text(words, generator, words_each=300))
    ingest([files], archive, embedder="hashing", source=HereSource(archive, text_field=None))
    opened = OpenedFiles(files / "folder")
    seconds = []
    for _ in range(7):
        began = time.perf_counter()
        report = ingest([files], archive)
        seconds.append(time.perf_counter() - began)
        assert (report.unchanged, report.new) == (count, 0)
    median = statistics.median(seconds)
    print(f"{count} unchanged files: {median:.3f} s, {opened.count} files opened ", end="")
    print(f"(allowed: {ALLOWED_SECONDS} s, 0)")
    return median if not opened.count else float("inf")


def _percentiles(times: Sequence[float]) -> tuple[float, float]:
    ordered = sorted(times)
    return statistics.median(ordered), ordered[int(0.99 * (len(ordered) - 1))]


def _word(generator: random.Random) -> str:
    syllables = ["ka", "ro", "mi", "ten", "sal", "vo", "dur", "el", "ix", "pan", "gre", "lo"]
    return "".join(generator.choices(syllables, k=generator.randrange(2, 5)))


def _text(words: Sequence[str], generator: random.Random, *, words_each: int) -> str:
    """Lines of words, common ones first as in a language."""
    chosen = [words[min(len(words) - 1, int(generator.paretovariate(0.7)) - 1)] for _ in
              range(words_each)]  # fmt: skip
    return "\n".join(" ".join(chosen[at : at + 12]) for at in range(0, words_each, 12))


if __name__ == "__main__":
    main()
