"""Ingest on a cluster: is it the archive that one machine makes, and what does it cost?"""

from __future__ import annotations

import argparse
import os
import random
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import psutil

from benchmarks.cluster.nodes import Cluster, CoreSeconds, kill_one, own_folder, two_nodes
from benchmarks.object_storage.equality import differences, questions_of
from benchmarks.object_storage.storage import BUCKET, storage
from docpager import Archive
from docpager.documents.files import find_files

_BETWEEN_KILLS = (0.3, 3.0)
"""Seconds, drawn evenly."""


@dataclass
class KillsToMake:
    """How often something is still to be killed."""

    workers: int = 0
    drivers: int = 0
    nodes: int = 0

    def draw(self, chance: random.Random) -> str:
        """Which comes next."""
        kinds = ["worker"] * self.workers + ["driver"] * self.drivers + ["node"] * self.nodes
        return chance.choice(kinds)

    @property
    def left(self) -> int:
        return self.workers + self.drivers + self.nodes

    def __sub__(self, other: KillsToMake) -> KillsToMake:
        return KillsToMake(
            self.workers - other.workers, self.drivers - other.drivers, self.nodes - other.nodes
        )

    def __str__(self) -> str:
        return f"{self.workers} workers, {self.drivers} drivers and {self.nodes} nodes killed"


def equal(asked: argparse.Namespace) -> int:
    """`ingest`: the number of differences."""
    chance, wrong = random.Random(asked.seed), []
    own_folder(asked.work)
    with storage(asked.server), two_nodes(asked.workers) as cluster:
        roots = _stored(asked.data)
        local = asked.work / "local"
        _ingest([str(data / "pdfs") for data in asked.data], str(local))
        questions = questions_of(asked.data, asked.questions)
        kills = KillsToMake()
        number = 0
        while number < 2 or kills.left:
            place = f"s3://{BUCKET}/archive-{number}"
            began, before = time.perf_counter(), replace(kills)
            _killed(roots, place, cluster, kills, chance)
            print(f"{place}: {before - kills}, {time.perf_counter() - began:.0f} s", flush=True)
            with Archive.open(local) as one, Archive.open(place) as other:
                found = differences(one, other, questions)
            print("\n".join(found) or "no difference", flush=True)
            wrong += found
            if not number:
                kills = KillsToMake(asked.kills, asked.driver_kills, asked.node_kills)
            number += 1
    return len(wrong)


def cost(asked: argparse.Namespace) -> int:
    """`cost`: core-seconds of an ingest on a running cluster beside one of two processes here."""
    own_folder(asked.work)
    folder = asked.work / "documents"
    _repeat(asked.data, folder, times=asked.times)
    if not asked.storage:
        return _compare(asked, [str(folder)], lambda name: str(asked.work / name))
    with storage(asked.server):
        return _compare(asked, _put([folder]), lambda name: f"s3://{BUCKET}/{name}")


def _compare(asked: argparse.Namespace, roots: Sequence[str], place: Callable[[str], str]) -> int:
    here, there = [], []
    with two_nodes(asked.workers) as cluster:
        if asked.warm:
            _ingest(roots, place("warm"), cluster)
        for turn in range(asked.turns):
            here.append(_measured(roots, place(f"here-{turn}"), None))
            there.append(_measured(roots, place(f"there-{turn}"), cluster))
            print(f"ratio {there[-1] / here[-1]:.2f}", flush=True)
    ratio = sorted(mine / other for mine, other in zip(there, here, strict=True))[len(here) // 2]
    print(f"median of the ratios: {ratio:.2f}")
    return int(ratio > asked.most)


def _measured(roots: Sequence[str], archive: str, cluster: Cluster | None) -> float:
    with CoreSeconds(*(cluster.nodes if cluster else ())) as used:
        began = time.perf_counter()
        process = _begin(roots, archive, cluster)
        used.add(psutil.Process(process.pid))
        _see_that_it_ended_well(process)
        seconds = time.perf_counter() - began
    kinds = ", ".join(f"{name} {each:.1f}" for name, each in used.by_kind().items() if each > 0.05)
    where = f"{cluster.engine}" if cluster else "here"
    print(f"{where}: {used.total:.1f} core-seconds ({kinds}), {seconds:.0f} s, "
          f"load {os.getloadavg()[0]:.1f}", flush=True)  # fmt: skip
    return used.total


def _killed(
    roots: Sequence[str],
    place: str,
    cluster: Cluster,
    kills: KillsToMake,
    chance: random.Random,
) -> None:
    """Ingest, while workers and drivers are killed as long as some are still to be."""
    process = _begin(roots, place, cluster)
    while True:
        wait = chance.uniform(*_BETWEEN_KILLS) if kills.left else None
        try:
            process.wait(wait)
            _see_that_it_ended_well(process)
            return
        except subprocess.TimeoutExpired:
            pass
        kind = kills.draw(chance)
        if kind == "worker":
            kills.workers -= kill_one(cluster.workers(), chance)
            continue
        if kind == "node":
            kills.nodes -= 1
            cluster.lose_node()
            continue
        process.kill()
        process.wait()
        kills.drivers -= 1
        process = _begin(roots, place, cluster)


def _ingest(roots: Sequence[str], archive: str, cluster: Cluster | None = None) -> None:
    _see_that_it_ended_well(_begin(roots, archive, cluster))


def _begin(roots: Sequence[str], archive: str, cluster: Cluster | None) -> subprocess.Popen[bytes]:
    words = [sys.executable, "-m", "docpager", "ingest", *roots, "--archive", archive]
    words += ["--engine", cluster.engine] if cluster else []
    return subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)


def _see_that_it_ended_well(process: subprocess.Popen[bytes]) -> None:
    _, said = process.communicate()
    if process.returncode:
        raise SystemExit(f"docpager ingest ended with {process.returncode}: {said.decode()[-800:]}")


def _stored(data: Sequence[Path]) -> list[str]:
    return _put([folder / "pdfs" for folder in data])


def _put(folders: Sequence[Path]) -> list[str]:
    """Their files in the bucket, each folder under a name of its own."""
    from docpager.storage.object_store import Bucket

    bucket, roots = Bucket(BUCKET), []
    for number, folder in enumerate(folders):
        for path in find_files(folder).readable:
            bucket.upload(path, f"documents/{number}/{path.relative_to(folder).as_posix()}")
        roots.append(f"s3://{BUCKET}/documents/{number}")
    return roots


def _repeat(data: Sequence[Path], folder: Path, *, times: int) -> None:
    """The documents so often, each time as other files: PDF allows a comment at the end."""
    for turn in range(times):
        for number, source in enumerate(data):
            for path in find_files(source / "pdfs").readable:
                name = path.relative_to(source / "pdfs").as_posix()
                place = folder / f"{turn}" / f"{number}" / name
                place.parent.mkdir(parents=True, exist_ok=True)
                place.write_bytes(path.read_bytes() + f"\n% copy {turn}\n".encode())
