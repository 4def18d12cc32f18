"""Two writers at once, and readers meanwhile: is a commit lost, or does anyone see a mixture?

    python -m benchmarks.object_storage.writers [--times 100] [--readers 8] [--server moto_server]

Each time two processes ingest documents of their own into one archive at the same moment, while now
and then a put of a manifest is done and its reply lost, and requests are refused with 503. Every
document tells who wrote it, and with how many others. Then readers open and search the archive
again and again while it is ingested into, forgotten from and compacted without a time of grace.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

from benchmarks.object_storage.storage import BUCKET, parser, storage
from docpager import Archive, ingest
from docpager.archive.home import home_at
from docpager.archive.integrity import verify
from docpager.archive.maintenance import compact, forget
from docpager.archive.manifest import read_manifest
from docpager.core.errors import ArchiveError
from docpager.core.locations import ObjectPath
from docpager.testing import HashingEmbedder

PLACE = ObjectPath(BUCKET, "shared")
EACH = 3
"""Documents that a writer brings each time; they are committed together or not at all."""


def main() -> None:
    made = parser(__doc__)
    made.add_argument("--times", type=int, default=100)
    made.add_argument("--readers", type=int, default=8)
    made.add_argument("--role", choices=["writer", "reader"])
    made.add_argument("--name", default="")
    arguments = made.parse_args()
    if arguments.role == "writer":
        _write(arguments.name)
        return
    if arguments.role == "reader":
        _read()
        return
    with (
        tempfile.TemporaryDirectory() as folder,
        storage(arguments.server, lose=0.2, busy=0.01) as proxy,
    ):
        os.environ["DOCPAGER_CACHE_DIR"] = folder
        wrong = _two_writers(arguments.times)
        print(f"{proxy.requests} requests; replies lost: {proxy.lost}, refused: {proxy.refused}")
        wrong += _many_readers(arguments.readers)
    print("\n".join(wrong) or "nothing lost, no mixture, no error")
    sys.exit(1 if wrong else 0)


def _child(role: str, *more: str) -> subprocess.Popen[str]:
    words = [sys.executable, "-m", "benchmarks.object_storage.writers", "--role", role, *more]
    return subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


def _two_writers(times: int) -> list[str]:
    """Both writers are processes that wait for a line before each ingest."""
    wrong, began = [], time.perf_counter()
    writers = [_child("writer", "--name", name) for name in ("one", "two")]
    begun_again = 0
    for number in range(times):
        for writer in writers:
            assert writer.stdin is not None
            writer.stdin.write(f"{number}\n")
            writer.stdin.flush()
        said = [writer.stdout.readline().split() for writer in writers]  # type: ignore[union-attr]
        if any(words[0] != "done" for words in said):
            wrong.append(f"time {number}: {said}")
        manifest = read_manifest(home_at(PLACE))
        if manifest.generation != 2 * (number + 1):
            wrong.append(f"time {number}: generation {manifest.generation}")
        ids = [record.id for record in manifest.documents if record.is_live]
        if ids != list(range(1, 2 * EACH * (number + 1) + 1)):
            wrong.append(f"time {number}: {len(ids)} documents")
        begun_again += sum(int(words[1]) for words in said if len(words) > 1)
    for writer in writers:
        writer.communicate("")
    with Archive.open(PLACE, embedder=HashingEmbedder()) as archive:
        wrote = Counter(archive.text(e.id).split(".")[0] for e in archive.documents())
    expected = {f"{name} {number}": EACH for name in ("one", "two") for number in range(times)}
    if wrote != expected:
        wrong.append("texts are not those that were written")
    wrong += [str(damage) for damage in verify(PLACE).damages]
    print(
        f"two writers at once, {times} times: {len(wrong)} wrong, {begun_again} begun again, "
        f"{time.perf_counter() - began:.0f} s"
    )
    return wrong


def _write(name: str) -> None:
    from docpager.archive import home

    again = 0

    def counted(attempt):
        def once():
            nonlocal again
            again += 1
            return attempt()

        return original(once)

    original = home.again_if_superseded
    import docpager.archive.ingest as ingesting

    ingesting.again_if_superseded = counted
    for line in sys.stdin:
        again = 0
        with tempfile.TemporaryDirectory() as folder:
            for each in range(EACH):
                text = f"{name} {int(line)}. Document {each} of writer {name}. " + "word " * 50
                Path(folder, f"{name}-{int(line):03d}-{each}.txt").write_text(text)
            ingest(folder, PLACE, embedder=HashingEmbedder())
        print("done", again - 1, flush=True)


def _many_readers(count: int) -> list[str]:
    place = ObjectPath(BUCKET, "read")
    wrong, began = [], time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "always.txt").write_text("This document stays. " * 40)
        ingest(folder, place, embedder=HashingEmbedder())
        readers = [_child("reader", "--name", str(number)) for number in range(count)]
        for turn in range(20):
            for each in range(3):
                text = f"Turn {turn} stays for a while. " * 30
                Path(folder, f"turn-{turn}-{each}.txt").write_text(text)
            ingest(folder, place, embedder=HashingEmbedder())
            ids = [r.id for r in read_manifest(home_at(place)).documents if r.is_live and r.id > 1]
            forget(place, ids[:2])
            for path in list(Path(folder).glob("turn-*"))[:2]:
                path.unlink()
            compact(place, grace_seconds=0)
    for reader in readers:
        out, _ = reader.communicate("stop\n")
        words = out.split("\n")
        if reader.returncode or not words[0].isdigit():
            wrong.append(f"a reader ended: {out[-500:]}")
        else:
            print(f"a reader: {words[0]} openings with searches, {words[1]} generations")
    print(
        f"{count} readers during 20 ingests, forgets and compactions: {len(wrong)} with an error, "
        f"{time.perf_counter() - began:.0f} s"
    )
    return wrong


def _read() -> None:
    import threading

    stop = threading.Event()
    threading.Thread(target=lambda: (sys.stdin.readline(), stop.set()), daemon=True).start()
    place, opened, generations = ObjectPath(BUCKET, "read"), 0, set()
    while not stop.is_set():
        with Archive.open(place, embedder=HashingEmbedder()) as archive:
            found = archive.search("stays")
            live = {entry.id for entry in archive.documents()}
            # One generation: what is found is in its list, and every text can be read.
            if not {hit.passage.document for hit in found.hits} <= live or 1 not in live:
                raise ArchiveError(f"a mixture: {found}")
            for number in live:
                archive.text(number)
            generations.add(archive.generation)
        opened += 1
    print(opened, len(generations), sep="\n")


if __name__ == "__main__":
    main()
