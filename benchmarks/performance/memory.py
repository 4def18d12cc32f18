"""What a store of memories costs as it grows: adding, searching, opening, forgetting.

    python -m benchmarks.performance.memory --entries 100000

Texts of 25 words are drawn from a long-tailed vocabulary. Times are of the processor and do not
depend on what else the machine does; waiting for the disk (an fsync for each addition) is left out.
"""

from __future__ import annotations

import argparse
import random
import statistics
import tempfile
import time
from collections.abc import Sequence

from docpager.archive.embedders.base import load_embedder
from docpager.memory.store import MemoryStore

SIZES = (1_000, 5_000, 10_000, 20_000, 50_000, 100_000)
SEARCHES = 20


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--entries", type=int, default=SIZES[-1])
    parser.add_argument("--embedder", default="wordllama")
    options = parser.parse_args()
    embedder = load_embedder(options.embedder)
    draw = random.Random(1)
    words = [f"w{int(draw.paretovariate(0.6))}" for _ in range(20_000)]
    print(
        "| memories | added, mean ms | added, worst s | search after an addition, ms | open, ms |"
    )
    print("|---:|---:|---:|---:|---:|")
    with tempfile.TemporaryDirectory() as folder:
        store = MemoryStore.open(folder, embedder=embedder)
        taken: list[float] = []
        for n in range(1, options.entries + 1):
            text = " ".join(draw.choices(words, k=25))
            began = time.process_time()
            store.append(text, kind="turn", who="user")
            taken.append(time.process_time() - began)
            if n in SIZES:
                searches = [_search(store, draw, words) for _ in range(SEARCHES)]
                began = time.process_time()
                MemoryStore.open(folder, embedder=embedder).close()
                opened = time.process_time() - began
                print(
                    f"| {n:,} | {statistics.mean(taken) * 1000:.2f} | {max(taken):.2f} | "
                    f"{statistics.median(searches) * 1000:.1f} | {opened * 1000:.1f} |",
                    flush=True,
                )
                taken = []
        began = time.process_time()
        store.forget([500])
        print(f"\none of {len(store) + 1:,} forgotten: {time.process_time() - began:.1f} s")


def _search(store: MemoryStore, draw: random.Random, words: Sequence[str]) -> float:
    store.append("one more", kind="turn", who="user")
    query = " ".join(draw.choices(words, k=3))
    began = time.process_time()
    store.search(query)
    return time.process_time() - began


if __name__ == "__main__":
    main()
