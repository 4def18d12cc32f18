"""Measures the built-in token estimator against tiktoken's o200k_base and prints a table.

TIKTOKEN_CACHE_DIR=... python -m benchmarks.estimator.measure --pdfs FOLDER --texts FOLDER
"""

from __future__ import annotations

import argparse
import base64
import json
import random
import re
import sys
import sysconfig
import time
import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from docpager.core.errors import DocumentError
from docpager.core.tokens import BuiltInEstimator, TokenCounter, cached_tiktoken
from docpager.documents.files import find_files, read_file

HERE = Path(__file__).parent
WINDOW_TOKENS = 300
_LARGEST_SAMPLE = 400_000
_WINDOWS = 400
_TABLE_ROW = re.compile(r"(?:.*\d[\d,.]*\)?%?\s+\$?\(?){2,}.*\d")
_STANDARD_LIBRARY = ("argparse.py", "ast.py", "asyncio/base_events.py", "json/decoder.py")


@dataclass(frozen=True, slots=True)
class TextSample:
    """Text of one kind."""

    kind: str
    text: str


@dataclass(frozen=True, slots=True)
class Errors:
    """How far the estimate is from the truth: 0.1 is 10 % above."""

    kind: str
    characters: int
    tokens: int
    estimate: int
    lowest: float
    highest: float
    """Over windows of 300 tokens."""

    @property
    def error(self) -> float:
        return self.estimate / self.tokens - 1


def measure(sample: TextSample, truth: TokenCounter, estimator: TokenCounter) -> Errors:
    """The estimator's error on the sample and on windows of it."""
    tokens = truth.count(sample.text)
    errors = [
        estimator.count(window) / truth.count(window) - 1 for window in windows(sample.text, tokens)
    ]
    estimate = estimator.count(sample.text)
    return Errors(
        sample.kind,
        len(sample.text),
        tokens,
        estimate,
        min(errors, default=0),
        max(errors, default=0),
    )


def windows(text: str, tokens: int) -> Iterator[str]:
    """Pieces of `text` of about 300 tokens each, evenly spread, at most 400 of them."""
    length = max(1, len(text) * WINDOW_TOKENS // tokens)
    pieces = [text[start : start + length] for start in range(0, len(text) - length + 1, length)]
    step = max(1, len(pieces) // _WINDOWS)
    yield from pieces[::step]


def samples_of_pdfs(folder: Path) -> Iterator[TextSample]:
    """Running text and rows of tables from the PDFs, apart from each other."""
    prose, tables = [], []
    for path in find_files(folder).readable:
        try:
            documents = read_file(path, path.name).documents
        except DocumentError as error:
            print(error, file=sys.stderr)
            continue
        for line in (line for d in documents for line in d.text.splitlines(keepends=True)):
            (tables if _TABLE_ROW.match(line) else prose).append(line)
    yield TextSample("PDF prose", "".join(prose))
    yield TextSample("PDF tables", "".join(tables))


def samples_of_texts(folder: Path) -> Iterator[TextSample]:
    """Each UTF-8 file of the folder."""
    for path in sorted(folder.iterdir()):
        try:
            yield TextSample(path.name, path.read_text("utf-8"))
        except (OSError, UnicodeDecodeError):
            continue


def generated_samples(seed: int) -> Iterator[TextSample]:
    """What can be made anywhere: identifiers, encodings, rows, code, German and Chinese prose."""
    chance = random.Random(seed)

    def name() -> str:
        return str(uuid.UUID(int=chance.getrandbits(128)))

    yield TextSample("UUID JSON", json.dumps({name(): name() for _ in range(1_500)}))
    yield TextSample("base64", base64.b64encode(chance.randbytes(60_000)).decode())
    yield TextSample("hexadecimal", chance.randbytes(40_000).hex())
    yield TextSample("table of numbers", "\n".join(_row(chance) for _ in range(2_000)))
    rows = [{"id": n, "amount": chance.randrange(10**6) / 100, "paid": True} for n in range(800)]
    yield TextSample("JSON rows", json.dumps(rows))
    library = Path(sysconfig.get_paths()["stdlib"])
    yield TextSample(
        "Python code", "".join((library / f).read_text("utf-8") for f in _STANDARD_LIBRARY)
    )
    for language in ("German", "Chinese"):
        yield TextSample(f"{language} prose", (HERE / f"{language.lower()}.txt").read_text("utf-8"))


def _row(chance: random.Random) -> str:
    return "  ".join(f"{chance.randrange(10**6):,}" for _ in range(5))


def markdown(errors: Sequence[Errors]) -> str:
    """The table for the README."""
    lines = [
        "| kind | characters | o200k tokens | estimate | error | worst windows |",
        "|---|---:|---:|---:|---:|---:|",
    ]
    lines += [
        f"| {e.kind} | {e.characters:,} | {e.tokens:,} | {e.estimate:,} | {e.error:+.1%} "
        f"| {e.lowest:+.1%} to {e.highest:+.1%} |"
        for e in errors
    ]
    return "\n".join(lines)


def speed(samples: Sequence[TextSample], estimator: TokenCounter) -> float:
    """Megabytes of UTF-8 counted in a second."""
    texts = [sample.text for sample in samples]
    started = time.perf_counter()
    for text in texts:
        estimator.count(text)
    return sum(len(t.encode()) for t in texts) / 1e6 / (time.perf_counter() - started)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--pdfs", type=Path, help="folder of PDF files")
    parser.add_argument("--texts", type=Path, help="folder of UTF-8 text files")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    truth = cached_tiktoken("o200k_base")
    if truth is None:
        parser.error(
            "tiktoken's o200k_base file is not cached; set TIKTOKEN_CACHE_DIR to its folder"
        )
    samples = list(generated_samples(options.seed))
    if options.pdfs:
        samples += samples_of_pdfs(options.pdfs)
    if options.texts:
        samples += samples_of_texts(options.texts)
    samples = [TextSample(s.kind, s.text[:_LARGEST_SAMPLE]) for s in samples if s.text.strip()]
    estimator = BuiltInEstimator()
    print(markdown([measure(sample, truth, estimator) for sample in samples]))
    print(f"\nSpeed: {speed(samples, estimator):.1f} MB/s on one core.")


if __name__ == "__main__":
    main()
