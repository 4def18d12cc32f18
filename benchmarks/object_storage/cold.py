"""A reader that has nothing of an archive yet: what it fetches, and when its first search is done.

    python -m benchmarks.object_storage.cold DATA --work FOLDER [--passages 10000 100000]

Archives of so many passages are made as `benchmarks.performance.million` makes them, in object
storage and on disk. Then each is opened and searched by fresh processes: without anything in the
part cache, with everything in it, and on disk. Everything is on one machine, so that seconds are
those of a network as fast as the loopback; the bytes are what a slower one must carry.
"""

from __future__ import annotations

import json
import os
import shutil
import statistics
import subprocess
import sys
from pathlib import Path

from benchmarks.object_storage.storage import BUCKET, Proxy, parser, storage
from benchmarks.performance.million import MadeSource, Pieces, SummingEmbedder
from docpager import Archive
from docpager import ingest as ingest_folder
from docpager.archive.ingest import ingest
from docpager.core.locations import Location, ObjectPath

_TIMED = """
import json, os, resource, sys, time
began = time.perf_counter()
from docpager import Archive
archive = Archive.open(sys.argv[1])
opened = time.perf_counter()
found = archive.search(sys.argv[2])
used = resource.getrusage(resource.RUSAGE_SELF)
print(json.dumps({"opened": opened - began, "searched": time.perf_counter() - began,
                  "cores": used.ru_utime + used.ru_stime,
                  "hits": [str(hit.passage) for hit in found.hits]}))
"""


def main() -> None:
    made = parser(__doc__)
    made.add_argument("data", type=Path)
    made.add_argument("--work", type=Path, required=True)
    made.add_argument("--passages", type=int, nargs="+", default=[10_000, 100_000])
    made.add_argument("--times", type=int, default=5, help="how often each is opened again")
    arguments = made.parse_args()
    cache = arguments.work / "cache"
    os.environ["DOCPAGER_CACHE_DIR"] = str(cache)
    if not (arguments.work / "sources").exists():
        ingest_folder(arguments.data, arguments.work / "sources")
    pieces = Pieces(Archive.open(arguments.work / "sources"))
    with storage(arguments.server) as proxy:
        for passages in arguments.passages:
            local = arguments.work / f"local-{passages}"
            remote = ObjectPath(BUCKET, f"made-{passages}")
            for place in (local, remote):
                _make(pieces, passages, place)
            _compare(passages, local, remote, cache, proxy, arguments.times)


def _make(pieces: Pieces, passages: int, place: Location) -> None:
    source = MadeSource(pieces, passages)
    ingest([Path("made")], place, embedder=SummingEmbedder(pieces), source=source)


def _compare(
    passages: int, local: Path, remote: ObjectPath, cache: Path, proxy: Proxy, times: int
) -> None:
    shutil.rmtree(cache)
    proxy.fetched_bytes = proxy.requests = 0
    cold = _timed(remote)
    fetched, requests = proxy.fetched_bytes, proxy.requests
    proxy.fetched_bytes = proxy.requests = 0
    _timed(remote), _timed(local)
    # In turn, so that what else the machine does befalls both.
    pairs = [(_timed(remote), _timed(local)) for _ in range(times)]
    again = proxy.fetched_bytes / (times + 1)
    figures = {
        name: [statistics.median(pair[side][name] for pair in pairs) for side in (0, 1)]
        for name in ("searched", "cores")
    }
    same = all(pair[side]["hits"] == cold["hits"] for pair in pairs for side in (0, 1))
    size = sum(path.stat().st_size for path in local.rglob("*") if path.is_file())
    print(
        f"{passages:,} passages ({size / 1e6:.1f} MB on disk): cold {fetched / 1e6:.1f} MB in "
        f"{requests} requests, first search after {cold['searched']:.2f} s "
        f"({cold['cores']:.2f} core-seconds); from the cache "
        f"{figures['searched'][0]:.2f} s ({again / 1e6:.2f} MB: the manifest), on disk "
        f"{figures['searched'][1]:.2f} s, ratio "
        f"{figures['searched'][0] / figures['searched'][1]:.2f} (core-seconds "
        f"{figures['cores'][0]:.2f} and {figures['cores'][1]:.2f}, ratio "
        f"{figures['cores'][0] / figures['cores'][1]:.2f}); same hits: {same}",
        flush=True,
    )


def _timed(place: Location) -> dict:
    question = "What was the total revenue of the company in the year?"
    words = [sys.executable, "-c", _TIMED, str(place), question]
    return json.loads(subprocess.run(words, capture_output=True, text=True, check=True).stdout)


if __name__ == "__main__":
    main()
