"""Kills an ingest at every named write, fsync and rename and at random moments; nothing is lost.

    python -m benchmarks.reliability.kills --kills 100 --seed 1

An archive is brought up to date with a folder in which files were changed, added, removed and
moved. The process that does it is ended by SIGKILL. After each kill the archive must open and show
each file in its old or its new version, `verify` must find no damage, and finishing the ingest,
then `compact`, must give what an uninterrupted ingest and `compact` give: the same ids, texts and
search results. `--during compact` kills the compacting instead.
"""

from __future__ import annotations

import argparse
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from docpager.archive.archive import Archive
from docpager.archive.ingest import ingest
from docpager.archive.integrity import verify
from docpager.archive.maintenance import compact

WORDS = ["river", "plant", "winter", "copper", "signal", "margin", "revenue", "harbour", "ledger"]
QUERIES = ["copper revenue", "the winter of the turbine", "margin 1377", "file 7 was changed"]
COMMIT_PASSAGES = 12
KILLED = "killed"

VICTIM = """
import os, signal, sys
from pathlib import Path
stop_at, counted = int(sys.argv[1]), 0
def hook(event, arguments):
    global counted
    if event != "docpager.durable":
        return
    counted += 1
    if stop_at == 0:
        print(arguments[0], arguments[1])
    elif counted == stop_at:
        os.kill(os.getpid(), signal.SIGKILL)
sys.addaudithook(hook)
directory, files, during = Path(sys.argv[2]), Path(sys.argv[3]), sys.argv[4]
if during == "compact":
    from docpager.archive.maintenance import compact
    compact(directory)
else:
    from docpager.archive.ingest import ingest
    ingest([files], directory, prune=True, commit_passages=int(sys.argv[5]))
"""


@dataclass(frozen=True)
class Kill:
    """When the process ends: at the n-th named step, or so many seconds after it began."""

    name: str
    step: int = 0
    seconds: float = 0.0


@dataclass(frozen=True)
class World:
    """What every kill starts from, and what must come of it."""

    archive: Path
    files: Path
    during: str
    old: dict[str, str]
    new: dict[str, str]
    expected: object


def main() -> None:
    arguments = _arguments()
    generator = random.Random(arguments.seed)
    with tempfile.TemporaryDirectory(prefix="kills-") as home:
        world = _world(Path(home), generator, during=arguments.during)
        kills, steps = _kills(world, generator, count=arguments.kills)
        outcomes: Counter[str] = Counter()
        failures = []
        for kill in kills:
            outcome = ""
            while outcome != KILLED:
                outcome, problem = _survive(world, kill)
                outcomes[outcome] += 1
                if problem:
                    failures.append(f"{kill}: {problem}")
                    print(f"FAILED {failures[-1]}", flush=True)
                # The moment came after the end: how long an ingest takes varies with the load.
                kill = replace(kill, seconds=kill.seconds * 0.7)
    named = {kill.name for kill in kills if kill.step}
    print(f"seed {arguments.seed}, during {arguments.during}: {len(kills)} kills, ", end="")
    print(f"{sum(kill.step > 0 for kill in kills)} of them at named steps", end="")
    print(f" ({len(named)} of the {len(set(steps))} kinds among {len(steps)} steps)")
    for name in sorted(set(steps)):
        print(f"  {name}" + ("" if name in named else " (not killed)"))
    print(", ".join(f"{count} {outcome}" for outcome, count in sorted(outcomes.items())))
    print(f"{len(failures)} failures")
    sys.exit(1 if failures else 0)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--kills", type=int, default=100)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--during", choices=["ingest", "compact"], default="ingest")
    return parser.parse_args()


def _world(home: Path, generator: random.Random, *, during: str) -> World:
    """An archive of the old files, the new files, and the archive that must come of them."""
    files, archive = home / "files", home / "archive"
    files.mkdir()
    for number in range(24):
        (files / f"f{number:02d}.txt").write_text(_text(generator, number))
    ingest([files], archive, embedder="hashing")
    old = _texts(archive)
    for number in range(0, 24, 3):
        (files / f"f{number:02d}.txt").write_text(f"file {number} was changed\n{old['f01.txt']}")
    for number in range(24, 40):
        (files / f"f{number:02d}.txt").write_text(_text(generator, number))
    (files / "f01.txt").unlink()
    (files / "f04.txt").rename(files / "moved.txt")
    whole = home / "whole"
    shutil.copytree(archive, whole)
    ingest([files], whole, prune=True)
    if during == "compact":
        shutil.copytree(whole, home / "to-compact")
    new = _texts(whole)
    compact(whole)
    start = home / "to-compact" if during == "compact" else archive
    return World(start, files, during, old, new, _results(whole))


def _text(generator: random.Random, number: int) -> str:
    lines = []
    for line in range(generator.randrange(20, 160)):
        words = " ".join(generator.choices(WORDS, k=9))
        lines.append(f"{number}.{line} {words} {generator.randrange(2000)}")
    return "\n".join(lines)


def _kills(
    world: World, generator: random.Random, *, count: int
) -> tuple[list[Kill], Sequence[str]]:
    """Each kind of named step once, as far as they go; then named steps and moments in turn."""
    began = time.monotonic()
    with _Copy(world) as copy:
        listed = _victim(world, copy, 0).communicate()[0]
        seconds = time.monotonic() - began
        steps = [_kind(line, copy) for line in listed.splitlines()]
    places: dict[str, list[int]] = {}
    for place, name in enumerate(steps, 1):
        places.setdefault(name, []).append(place)
    kills = [Kill(name, step=generator.choice(at)) for name, at in sorted(places.items())]
    generator.shuffle(kills)
    while len(kills) < count:
        step = generator.randrange(len(steps))
        kills.append(Kill(steps[step], step=step + 1))
        kills.append(Kill("moment", seconds=generator.uniform(0.1, 1.0) * seconds))
    return kills[:count], steps


def _kind(line: str, archive: Path) -> str:
    """`fsync segments/*/passages.arrow`: a step without the numbers of parts."""
    kind, _, path = line.partition(" ")
    *folders, last = Path(path).relative_to(archive).parts or (".",)
    folders = ["*" if folder.isdigit() else folder for folder in folders]
    # Parts are numbered, and files of the word index have 32 digits for a name.
    if last[:6].isdigit() or len(last.split(".")[0]) == 32:
        last = f"*{Path(last).suffix}"
    return f"{kind} {'/'.join([*folders, last])}"


def _survive(world: World, kill: Kill) -> tuple[str, str]:
    """Kill once and look: how far it had come, and what is wrong, if anything."""
    with _Copy(world) as copy:
        process = _victim(world, copy, kill.step or 1_000_000)
        if kill.seconds:
            time.sleep(kill.seconds)
            process.send_signal(signal.SIGKILL)
        process.communicate()
        outcome = KILLED if process.returncode == -signal.SIGKILL else "ended before its moment"
        if process.returncode not in (0, -signal.SIGKILL):
            return KILLED, f"exit code {process.returncode}"
        try:
            problem = _problem(world, copy)
        except Exception as error:  # noqa: BLE001
            problem = f"{type(error).__name__}: {error}"
        return outcome, problem


def _problem(world: World, copy: Path) -> str:
    """What is not as promised after a kill; empty where all is well."""
    if damages := verify(copy).damages:
        return f"verify: {damages[0]}"
    for path, text in _texts(copy).items():
        if text not in (world.old.get(path), world.new.get(path)):
            return f"{path} is neither old nor new"
    ingest([world.files], copy, prune=True)
    compact(copy)
    if damages := verify(copy).damages:
        return f"verify after the end: {damages[0]}"
    left = sorted(path.name for path in (copy / "segments").iterdir())
    if len(left) != 1:
        return f"parts are left over: {left}"
    return "" if _results(copy) == world.expected else "the results differ"


def _victim(world: World, archive: Path, step: int) -> subprocess.Popen[str]:
    arguments = [str(step), str(archive), str(world.files), world.during, str(COMMIT_PASSAGES)]
    return subprocess.Popen(
        [sys.executable, "-c", VICTIM, *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


class _Copy:
    """The archive that a kill starts from, for one kill."""

    def __init__(self, world: World) -> None:
        self._source = world.archive
        self._copy = world.archive.with_name("victim")

    def __enter__(self) -> Path:
        shutil.copytree(self._source, self._copy)
        return self._copy

    def __exit__(self, *_: object) -> None:
        shutil.rmtree(self._copy)


def _texts(archive: Path) -> dict[str, str]:
    library = Archive.open(archive)
    return {entry.path: library.text(entry.id) for entry in library.documents()}


def _results(archive: Path) -> object:
    """All that a reader can see: documents, their texts, and what searches and patterns find."""
    library = Archive.open(archive)
    documents = library.documents()
    searches = [library.search(query, page_size=50) for query in QUERIES]
    found = [(page.hits, page.by_words, page.by_meaning) for page in searches]
    return documents, [library.text(entry.id) for entry in documents], found, library.grep("137")


if __name__ == "__main__":
    main()
