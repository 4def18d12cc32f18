"""A fake API in a process of its own, whose brain walks a fixed number of steps cheaply."""

from __future__ import annotations

import argparse
import json
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from benchmarks.fake_api import Asked, FakeApi, FaultPlan, RealClock, Reply, call, text
from benchmarks.fake_api.batches import BatchSettings

LOCATOR = re.compile(r"D\d+:c\d+")


def walk(steps: int):
    """A brain that searches, pages in what it found, and answers with its last step."""

    def reply(asked: Asked) -> Reply:
        messages = asked.body["messages"]
        done = sum(message["role"] == "assistant" for message in messages)
        newest = json.dumps(messages[-1]["content"])
        if not asked.tool_names:
            return Reply((text("Not found: it."),))
        if done + 1 >= steps:
            return Reply((call("answer", text="Not found.", citations=[], found=False),))
        if done == 0:
            words = re.findall(r"\w{4,}", newest)[-12:]
            return Reply((call("search", query=" ".join(words)),))
        found = LOCATOR.findall(newest)
        locator = found[done % len(found)] if found else f"D1:c{done}"
        return Reply((call("page_in", locator=locator),))

    return reply


@contextmanager
def served(*, steps: int, latency: float, faults: float = 0.0, seed: int = 0) -> Iterator[str]:
    """The address of a server that runs meanwhile."""
    command = [sys.executable, "-m", "benchmarks.batch.serving", "--steps", str(steps)]
    command += ["--latency", str(latency), "--faults", str(faults), "--seed", str(seed)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        yield process.stdout.readline().strip()
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait()


def main() -> None:
    """Serve until terminated; the first line on stdout is the address."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--steps", type=int, default=6)
    parser.add_argument("--latency", type=float, default=1.0)
    parser.add_argument("--faults", type=float, default=0.0)
    parser.add_argument("--seed", type=int, default=0)
    asked = parser.parse_args()
    done = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: done.set())
    api = FakeApi(
        walk(asked.steps),
        clock=RealClock(),
        latency_seconds=asked.latency,
        faults=FaultPlan(share=asked.faults, seed=asked.seed) if asked.faults else None,
        batches=BatchSettings(seconds=1.0),
        keep_bodies=False,
    )
    with api:
        print(api.url, flush=True)
        done.wait()


if __name__ == "__main__":
    main()
