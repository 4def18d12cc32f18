"""An archive of a million passages: how long it takes to build, and to search.

    python -m benchmarks.performance.million DATA --work FOLDER --passages 1000000

Passages are made, seeded, of eighteen pieces of eight words from eighteen different passages of the
documents under DATA. The tenth of the pieces with the longest vectors is left out: each of them
would bring all passages that it is in to the top of some question's list, and ten hits would come
from one source. The archive is built by the ordinary ingest from a source that makes its documents
as it goes; their making and embedding are timed apart. An embedding is the mean of the vectors of
a passage's tokens, as the embedder `wordllama` makes it, added up from the pieces'. A fresh process
then opens the archive and searches it with the questions of DATA.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from docpager import Archive
from docpager.archive.embedders.wordllama_embedder import WordllamaEmbedder, _in_small_letters
from docpager.archive.ingest import ingest
from docpager.archive.ingest_files import Reading
from docpager.archive.ingest_session import IngestProgress
from docpager.archive.manifest import FileRecord
from docpager.core.locators import Locator, LocatorKind
from docpager.documents.document import Cut, Document

PIECE_WORDS = 8
PIECES = 18
QUIET = 0.9
"""The share of pieces, by the length of their vectors, of which passages are made."""
PER_DOCUMENT = 200
WORDLLAMA = "wordllama"


class Pieces:
    """A few words each, and which passage each is from."""

    def __init__(self, archive: Archive) -> None:
        self.texts: list[str] = []
        self.passages: list[int] = []
        number = 0
        for entry in archive.documents():
            for passage in archive.load(Locator(LocatorKind.DOCUMENT, entry.id)):
                number += 1
                words = passage.text.split()
                for first in range(0, len(words), PIECE_WORDS):
                    # A last piece of a few words would make passages of a few words.
                    if len(words) - first >= PIECE_WORDS // 2:
                        self.texts.append(" ".join(words[first : first + PIECE_WORDS]))
                        self.passages.append(number)
        self.sums = self._summed()
        self._leave_out_the_loud()
        self.distinct_passages = len(set(self.passages))

    def _leave_out_the_loud(self) -> None:
        lengths = np.linalg.norm(self.sums, axis=1)
        kept = np.flatnonzero(lengths <= np.quantile(lengths, QUIET))
        self.sums = self.sums[kept]
        self.texts = [self.texts[piece] for piece in kept]
        self.passages = [self.passages[piece] for piece in kept]

    def _summed(self) -> Any:
        """By piece: the sum of its tokens' vectors."""
        embedder = WordllamaEmbedder()
        sums = np.zeros((len(self.texts), embedder.dimension), dtype=np.float32)
        for row, text in enumerate(self.texts):
            tokens = embedder._tokens.of_text(_in_small_letters(text))
            sums[row] = embedder._weights[tokens].sum(axis=0, dtype=np.float32)
        return sums


class MadeSource:
    """Documents made of pieces. The same number is the same document every time."""

    def __init__(self, pieces: Pieces, passages: int, *, first: int = 0) -> None:
        """`first`: the number of the first document."""
        self.seconds = 0.0
        self._pieces = pieces
        self._documents = range(first, first - (-passages // PER_DOCUMENT))
        self._of = np.array(pieces.passages)

    def find(self, roots: Sequence[Path]) -> list[FileRecord]:
        root = roots[0].resolve().as_posix()
        return [
            FileRecord(root, f"volume-{n:05d}.txt", size=n + 1, mtime_ns=1, sha256=str(n))
            for n in self._documents
        ]

    def retries(self, file: FileRecord) -> bool:
        return False

    def on_recognised(self, tell: Callable[[int, int], None]) -> None:
        """No page is a picture."""

    def read(self, files: Sequence[FileRecord]) -> Iterator[Reading]:
        for file in files:
            began = time.perf_counter()
            reading = self._made(file)
            self.seconds += time.perf_counter() - began
            yield reading

    def chosen(self, number: int) -> Any:
        """The pieces of a document's passages: (passages, PIECES), each from as many passages."""
        random = np.random.default_rng([1, number])
        picked = random.integers(0, len(self._of), (PER_DOCUMENT, PIECES))
        while (twice := _repeats(self._of[picked])).any():
            picked[twice] = random.integers(0, len(self._of), (int(twice.sum()), PIECES))
        return picked

    def _made(self, file: FileRecord) -> Reading:
        texts = [
            "\n".join(self._pieces.texts[piece] for piece in row) + "\n"
            for row in self.chosen(file.size - 1)
        ]
        ends = np.cumsum([len(text) for text in texts]).tolist()
        cuts = tuple(
            Cut(end - len(text), end, len(text) // 4) for text, end in zip(texts, ends, strict=True)
        )
        digest = hashlib.sha256(file.path.encode()).hexdigest()
        document = Document(file.path, digest, Path(file.path).stem, "text", "".join(texts))
        return Reading(file, ((document, cuts),))


class SummingEmbedder:
    """What wordllama makes of a passage, from the sums of its pieces."""

    name = WORDLLAMA
    version = WordllamaEmbedder.version
    dimension = 256

    def __init__(self, pieces: Pieces) -> None:
        self.seconds = 0.0
        self._sums = pieces.sums
        self._rows = {text: row for row, text in enumerate(pieces.texts)}

    def embed_passages(self, texts: Sequence[str]) -> Any:
        began = time.perf_counter()
        # The first two lines are the title and the section path.
        rows = [[self._rows[line] for line in text.split("\n")[2:] if line] for text in texts]
        vectors = self._sums[np.array(rows)].sum(axis=1)
        vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
        self.seconds += time.perf_counter() - began
        return vectors

    def embed_query(self, text: str) -> Any:
        raise NotImplementedError("questions are embedded by wordllama itself")


def main() -> None:
    arguments = _arguments()
    sources = arguments.work / "sources"
    report = ingest(folders_with_questions(arguments.data), sources)
    pieces = Pieces(Archive.open(sources))
    print(
        f"{report.documents} documents, {report.passages} passages -> {len(pieces.texts)} pieces "
        f"of {pieces.distinct_passages} passages"
    )
    directory = arguments.work / f"made-{arguments.passages}"
    if not (directory / "manifest.json").exists():
        _build(pieces, arguments.passages, directory)
    questions = arguments.work / "questions.json"
    questions.write_text(json.dumps(asked_questions(arguments.data)[: arguments.questions]))
    program = [sys.executable, "-m", "benchmarks.performance.search", str(directory)]
    subprocess.run([*program, "--questions", str(questions), "--exact"], check=True)
    _print_spans(pieces, arguments.passages, directory / "nearest.json")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", type=Path, help="a folder with PDFs, JSONL files and questions")
    parser.add_argument("--work", type=Path, required=True, help="archives are made here")
    parser.add_argument("--passages", type=int, default=1_000_000)
    parser.add_argument("--questions", type=int, default=300)
    return parser.parse_args()


def folders_with_questions(data: Path) -> list[Path]:
    """Those with PDFs that somebody asked questions of."""
    return sorted(file.parent / "pdfs" for file in data.glob("*/questions.jsonl"))


def asked_questions(data: Path) -> list[str]:
    """Those that people asked of these documents, as they wrote them."""
    found: list[str] = []
    for folder in folders_with_questions(data):
        lines = (folder.parent / "questions.jsonl").read_text("utf-8").splitlines()
        found += [json.loads(line)["question"] for line in lines]
    return found


def _repeats(passages: Any) -> Any:
    """Which rows have a passage twice."""
    ordered = np.sort(passages, axis=1)
    return (ordered[:, 1:] == ordered[:, :-1]).any(axis=1)


def _build(pieces: Pieces, passages: int, directory: Path) -> None:
    embedder, source = SummingEmbedder(pieces), MadeSource(pieces, passages)
    began, begun_cpu = time.perf_counter(), time.process_time()

    told = 0

    def progress(reached: IngestProgress) -> None:
        nonlocal told
        if reached.files >= told + 500:
            told = reached.files
            done = f"{reached.files} of {reached.all_files}"
            print(f"{done}: {time.perf_counter() - began:.0f} s", flush=True)

    report = ingest([directory], directory, embedder=embedder, source=source, progress=progress)
    total, cpu = time.perf_counter() - began, time.process_time() - begun_cpu
    rest = total - embedder.seconds - source.seconds
    print(
        f"build {report.passages} passages: {rest:.0f} s after embedding "
        f"(making texts {source.seconds:.0f} s, embedding {embedder.seconds:.0f} s, not counted; "
        f"{cpu:.0f} s of processor time in all)"
    )


def _print_spans(pieces: Pieces, passages: int, nearest: Path) -> None:
    """How many source passages the exact first ten come from: of each, the one whose piece is
    nearest to the question."""
    source = MadeSource(pieces, passages)
    lengths = np.linalg.norm(pieces.sums, axis=1, keepdims=True)
    units = pieces.sums / np.maximum(lengths, 1e-9)
    embedder = WordllamaEmbedder()
    spans = []
    for entry in json.loads(nearest.read_text("utf-8")):
        query = embedder.embed_query(entry["question"])
        rows = [source.chosen(volume)[place] for volume, place in entry["exact"]]
        best = [row[int(np.argmax(units[row] @ query))] for row in rows]
        spans.append(len({pieces.passages[piece] for piece in best}))
    wide = sum(span >= 5 for span in spans)
    print(
        f"exact first ten span {min(spans)} to {max(spans)} source passages, median "
        f"{int(np.median(spans))}; at least five in {wide} of {len(spans)} questions"
    )


if __name__ == "__main__":
    main()
