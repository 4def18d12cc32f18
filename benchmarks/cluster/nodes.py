"""A Ray cluster of two nodes on this machine: what its processes use, and how they are killed.

Each node is what `ray start` makes of a machine: a raylet, workers of its own, and here also a
part cache of its own, so that nothing is shared but storage and the network.
"""

from __future__ import annotations

import os
import random
import secrets
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import psutil

from benchmarks.object_storage.storage import free_port

ROOT = Path(__file__).parents[2]
NODES = 2
LOOK_SECONDS = 0.1
"""Between two looks at what processes have used: what one uses after the last look is not seen."""
KEPT = "ray::_Keeper"
"""How a process that keeps an object, such as the ledger of a batch, calls itself."""
AGENT = "Agent"
"""The same of a node's own processes; without them it ends."""


class Cluster:
    """Two nodes, each below a process of its own: the head, and one that may be lost."""

    def __init__(self, folder: Path, cpus: int) -> None:
        self._folder, self._cpus = folder, cpus
        self._port = free_port()
        self._started: list[subprocess.Popen[bytes]] = []
        self._count = 0

    @property
    def engine(self) -> str:
        return f"ray://127.0.0.1:{self._port}"

    @property
    def nodes(self) -> list[psutil.Process]:
        return [psutil.Process(each.pid) for each in self._started]

    def add_node(self) -> None:
        """Start the next node: the first one is the head."""
        address = f"127.0.0.1:{self._port}"
        where = ["--head", f"--port={self._port}", "--include-dashboard=false"]
        where += [f"--temp-dir={self._folder}"]
        if self._started:
            where = [f"--address={address}"]
        # Each with an address of its own, so that the driver is at the head.
        where += [f"--node-ip-address=127.0.0.{len(self._started) + 1}"]
        self._count += 1
        cache = self._folder / f"cache-{self._count}"
        self._started.append(_started(where, self._cpus, cache))
        if not _are_there(address, nodes=len(self._started), started=self._started):
            said = cache.with_suffix(".log").read_text(errors="replace")[-1500:]
            raise SystemExit(f"a node of Ray did not start: {said}")

    def lose_node(self) -> None:
        """Kill every process of the newest node at once, and start another in its place."""
        lost = self._started.pop()
        for each in [psutil.Process(lost.pid), *psutil.Process(lost.pid).children(recursive=True)]:
            with suppress(psutil.Error):
                each.kill()
        lost.wait()
        self.add_node()

    def end(self) -> None:
        while self._started:
            _end(self._started.pop())

    def workers(self) -> list[psutil.Process]:
        """The processes that do work, or wait for some."""
        return self._called(
            lambda name: (
                name.startswith("ray::") and not name.startswith(KEPT) and AGENT not in name
            )
        )

    def keepers(self) -> list[psutil.Process]:
        return self._called(lambda name: name.startswith(KEPT))

    def _called(self, right: Callable[[str], bool]) -> list[psutil.Process]:
        found = []
        for node in self.nodes:
            for each in node.children(recursive=True):
                try:
                    if right(" ".join(each.cmdline())):
                        found.append(each)
                except psutil.Error:  # it ended
                    continue
        return found


@contextmanager
def two_nodes(workers: int) -> Iterator[Cluster]:
    """A cluster of so many workers, half of them on each of two nodes; AWS's variables and whatever
    else of this process's environment is theirs too."""
    os.environ["RAY_AUTH_MODE"] = "token"
    os.environ["RAY_AUTH_TOKEN"] = secrets.token_hex(32)
    # Not in a folder of the caller: paths of sockets may have 107 characters.
    folder = Path(tempfile.mkdtemp(prefix="nodes-", dir="/tmp"))
    cluster = Cluster(folder, workers // NODES)
    try:
        for _ in range(NODES):
            cluster.add_node()
        yield cluster
    finally:
        cluster.end()
        shutil.rmtree(folder, ignore_errors=True)


def own_folder(work: Path) -> None:
    """Keep archives and caches of a measurement in a folder that is empty when it begins."""
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir(parents=True)
    os.environ["DOCPAGER_CACHE_DIR"] = str(work / "cache")


def _started(where: list[str], cpus: int, cache: Path) -> subprocess.Popen[bytes]:
    ray = Path(sys.executable).with_name("ray")
    environment = {
        **os.environ,
        "DOCPAGER_CACHE_DIR": str(cache),
        "RAY_USAGE_STATS_ENABLED": "0",
        "PYTHONPATH": str(ROOT),
    }
    said = cache.with_suffix(".log").open("wb")
    return subprocess.Popen(
        [
            *(str(ray), "start", *where, "--block", f"--num-cpus={cpus}"),
            *("--disable-usage-stats", "--include-log-monitor=false"),
            f"--object-store-memory={500 * 2**20}",
        ],
        env=environment,
        stdout=said,
        stderr=said,
    )


def _are_there(address: str, *, nodes: int, started: list[subprocess.Popen[bytes]]) -> bool:
    script = (
        "import ray, sys; ray.init(address=sys.argv[1], log_to_driver=False, logging_level='ERROR')"
        "\nsys.exit(sum(n['Alive'] for n in ray.nodes()) < int(sys.argv[2]))"
    )
    command = [sys.executable, "-c", script, address, str(nodes)]
    for _ in range(40):
        time.sleep(0.5)
        if any(each.poll() is not None for each in started):
            break
        quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        if subprocess.run(command, check=False, **quiet).returncode == 0:
            return True
    return False


def _end(node: subprocess.Popen[bytes]) -> None:
    """End a node and all that it started; `ray stop` would end those of others too."""
    try:
        below = psutil.Process(node.pid).children(recursive=True)
    except psutil.Error:
        below = []
    node.terminate()
    psutil.wait_procs(below, timeout=10)
    for each in below:
        with suppress(psutil.Error):
            each.kill()
    node.kill()
    node.wait()


class CoreSeconds:
    """What processes and all that they start use of cores, user and system, while a block runs."""

    def __init__(self, *roots: psutil.Process, every: float = LOOK_SECONDS) -> None:
        self._roots = roots
        self._every = every
        self._first: dict[psutil.Process, float] = {}
        self._last: dict[psutil.Process, tuple[str, float]] = {}
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._watch)

    def add(self, root: psutil.Process) -> None:
        self._roots = (*self._roots, root)

    def __enter__(self) -> CoreSeconds:
        self._look(self._first)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._done.set()
        self._thread.join()
        self._look({})

    @property
    def total(self) -> float:
        return sum(self.by_kind().values())

    def by_kind(self) -> dict[str, float]:
        """By what a process is: most first."""
        used: dict[str, float] = {}
        for each, (name, seconds) in self._last.items():
            used[name] = used.get(name, 0.0) + seconds - self._first.get(each, 0.0)
        return dict(sorted(used.items(), key=lambda each: -each[1]))

    def _watch(self) -> None:
        while not self._done.wait(self._every):
            self._look({})

    def _look(self, noted: dict[psutil.Process, float]) -> None:
        for root in self._roots:
            try:
                processes = [root, *root.children(recursive=True)]
            except psutil.Error:
                continue
            for each in processes:
                try:
                    with each.oneshot():
                        times, name = each.cpu_times(), _kind(each.cmdline())
                except psutil.Error:
                    continue
                seconds = times.user + times.system
                # By the process as psutil knows it, not by `create_time()`, which moves with the
                # clock.
                noted[each] = seconds
                if name or each not in self._last:
                    self._last[each] = (name or "?", seconds)


def _kind(words: list[str]) -> str:
    """What a process is, by its command."""
    line = " ".join(words)
    if "reader_process" in line:
        return "readers"
    if line.startswith(KEPT):
        return "keepers of objects"
    if (line.startswith("ray::") and AGENT not in line) or "default_worker.py" in line:
        return "workers"
    if " -m docpager " in line:
        return "driver"
    return "Ray's own" if line else ""


def kill_one(processes: list[psutil.Process], chance: random.Random) -> bool:
    """Kill one of them that works, if any does, or else any; False where there is none."""
    working = [each for each in processes if "IDLE" not in _name(each)]
    chosen = working or processes
    if not chosen:
        return False
    try:
        chance.choice(chosen).kill()
    except psutil.Error:
        return False
    return True


def _name(process: psutil.Process) -> str:
    try:
        return " ".join(process.cmdline())
    except psutil.Error:
        return "IDLE"
