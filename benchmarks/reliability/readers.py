"""Readers search while a writer ingests, forgets, merges and compacts: each sees one generation.

    python -m benchmarks.reliability.readers --readers 8 --seconds 30

A reader opens the archive, and checks that what it sees belongs together: every document's text has
the recorded hash, and searches and patterns find a word in just those documents that hold it. Then
it checks the same archive again, which must not have changed, and opens the next one. A second
writer tries to begin all the while, and must be told who holds the lock.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import random
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

from docpager.archive.archive import Archive
from docpager.archive.ingest import ingest
from docpager.archive.ingest_files import FilesSource, Reading
from docpager.archive.integrity import verify
from docpager.archive.maintenance import compact, forget
from docpager.archive.manifest import FileRecord
from docpager.core.errors import DocpagerError
from docpager.documents.reader_process import read_and_cut
from docpager.storage.writer_lock import writer_lock
from docpager.testing import HashingEmbedder

WORD = "turbine"


class _HereSource(FilesSource):
    """Reads files in this process, so that generations follow one another fast."""

    def read(self, files: Sequence[FileRecord]) -> Iterator[Reading]:
        for file in files:
            pieces = read_and_cut(self.job(file)).documents
            yield Reading(file, tuple((piece.document, piece.cuts) for piece in pieces))


def main() -> None:
    arguments = _arguments()
    if arguments.read is not None:
        print(json.dumps(_read(arguments.read, arguments.seconds)))
        return
    with tempfile.TemporaryDirectory(prefix="readers-") as home:
        _report(Path(home), arguments)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--readers", type=int, default=8)
    parser.add_argument("--seconds", type=float, default=30.0)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--read", type=Path, help=argparse.SUPPRESS)
    return parser.parse_args()


def _report(home: Path, arguments: argparse.Namespace) -> None:
    files, archive = home / "files", home / "archive"
    files.mkdir()
    generator = random.Random(arguments.seed)
    _change(files, generator, count=30)
    ingest([files], archive, embedder="hashing")
    command = [sys.executable, "-m", "benchmarks.reliability.readers", "--read", str(archive)]
    command += ["--seconds", str(arguments.seconds)]
    readers = [
        subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        for _ in range(arguments.readers)
    ]
    written, told = _write(files, archive, generator, readers)
    seen = []
    for reader in readers:
        output, errors = reader.communicate()
        seen.append(json.loads(output) if output else {"problems": [errors[-2000:]]})
    problems = [problem for each in seen for problem in each["problems"]]
    problems += [str(damage) for damage in verify(archive).damages]
    print(f"writer: {dict(written)}; a second writer was told who writes {told} times")
    for key in ("opened", "checked", "generations"):
        print(f"readers: {key} {[each.get(key, 0) for each in seen]}")
    print(f"{len(problems)} problems")
    for problem in problems[:20]:
        print(f"  {problem}")
    sys.exit(1 if problems else 0)


def _write(
    files: Path, archive: Path, generator: random.Random, readers: list[subprocess.Popen[str]]
) -> tuple[Counter[str], int]:
    """Change the archive in every way until the last reader has ended."""
    done: Counter[str] = Counter()
    told = 0
    while any(reader.poll() is None for reader in readers):
        turn = sum(done.values()) % 12
        if turn == 7:
            entries = Archive.open(archive).documents()
            forget(archive, [generator.choice(entries).id])
            done["forget"] += 1
        elif turn == 11:
            compact(archive)
            done["compact"] += 1
        else:
            _change(files, generator, count=3)
            source = _HereSource(archive, text_field=None)
            ingest([files], archive, prune=True, commit_passages=2, source=source)
            done["ingest"] += 1
        if turn == 5:
            told += _second_writer_is_told(archive)
    return done, told


def _second_writer_is_told(archive: Path) -> bool:
    with writer_lock(archive):
        second = subprocess.run(
            [sys.executable, "-m", "docpager", "compact", "--archive", str(archive)],
            capture_output=True,
            text=True,
            check=False,
        )
    if second.returncode != 1 or "is being written by process" not in second.stderr:
        raise AssertionError(second.stderr)
    return True


def _change(files: Path, generator: random.Random, *, count: int) -> None:
    """Write some files anew and remove one."""
    for _ in range(count):
        words = f"{WORD} {generator.random()}" if generator.random() < 0.5 else "nothing of it"
        path = files / f"f{generator.randrange(40):02d}.txt"
        path.write_text(f"{words}\n{generator.random()} is the state of {path.name}\n")
    (files / f"f{generator.randrange(40):02d}.txt").unlink(missing_ok=True)


def _read(archive: Path, seconds: float) -> dict[str, object]:
    """Open and check until the time is over."""
    deadline = time.monotonic() + seconds
    opened = checked = 0
    generations, problems = set(), []
    while time.monotonic() < deadline:
        try:
            library = Archive.open(archive, embedder=HashingEmbedder())
            first = _seen(library)
            problems += [f"generation {library.generation}: {p}" for p in _wrong(library, first)]
            if _seen(library) != first:
                problems.append(f"generation {library.generation} changed while it was open")
        except (DocpagerError, OSError) as error:
            problems.append(f"{type(error).__name__}: {error}")
            continue
        opened, checked = opened + 1, checked + 2
        generations.add(library.generation)
        library.close()
    return {
        "opened": opened,
        "checked": checked,
        "generations": len(generations),
        "problems": problems,
    }


def _seen(library: Archive) -> tuple[dict[int, str], set[int], set[int]]:
    """Texts by id, and the documents in which a search and a pattern find the word."""
    texts = {entry.id: library.text(entry.id) for entry in library.documents()}
    hits = library.search(WORD, page_size=1000).hits
    words = {hit.passage.document for hit in hits if hit.by in ("words", "both")}
    found = {hit.passage.document for hit in library.grep(WORD, page_size=1000).hits}
    return texts, words, found


def _wrong(library: Archive, seen: tuple[dict[int, str], set[int], set[int]]) -> list[str]:
    texts, words, found = seen
    holding = {number for number, text in texts.items() if WORD in text}
    problems = [
        f"D{number} is not what was ingested"
        for number, text in texts.items()
        if hashlib.sha256(text.encode()).hexdigest() != library.sha256(number)
    ]
    if words != holding:
        problems.append(f"a search finds {len(words)} of {len(holding)} documents")
    if found != holding:
        problems.append(f"a pattern finds {len(found)} of {len(holding)} documents")
    return problems


if __name__ == "__main__":
    main()
