"""From a wish to a finished run: samples, shelves, record, price, answers."""

from __future__ import annotations

import hashlib
import json
import platform
import subprocess
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path

from benchmarks.jobs import EQUAL_TOKENS, check_windows
from benchmarks.models import READER, open_model
from benchmarks.records import RunRecord, write_record
from benchmarks.running import answer_all, estimate, jobs_of, processes
from benchmarks.samples import Axis, Sample
from benchmarks.shelves import build_shelves
from benchmarks.systems.registry import system_named
from benchmarks.tasks.registry import task_with
from benchmarks.tasks.task import Task, Wanted
from docpager import __version__
from docpager.core.errors import ArchiveError, UsageError
from docpager.storage.writer_lock import writer_lock

__all__ = ["Places", "RunWish", "current_commit", "start_run"]

ROOT = Path(__file__).parent.parent


@dataclass(frozen=True, slots=True)
class RunWish:
    """One task for some contestants in some windows."""

    task: str
    systems: Sequence[str]
    windows: Sequence[int | str] = (8_000,)
    axes: Mapping[str, Sequence[Axis]] = field(default_factory=dict)
    per_cell: int = 20
    seed: int = 0
    model: str = READER
    base_url: str | None = None
    max_output: int | None = None
    """None for what the model usually gets."""
    max_steps: int = 400
    """Requests for one question; a contestant that would need more is not run."""
    max_usd: float | None = None
    options: Mapping[str, str] = field(default_factory=dict)
    """Files of the user's own: `questions` and `docs`."""


@dataclass(frozen=True, slots=True)
class Places:
    """Where things are on this machine, and which code it runs."""

    data: Path
    """Folder of the shared data sets; may be missing."""
    work: Path
    """Document sets and archives."""
    out: Path
    """Record, answers and journals of the run."""
    workers: int = 2
    commit: str = ""
    """Of the code that runs."""


def start_run(wish: RunWish, places: Places, told: Callable[[str], None]) -> bool:
    """Run what has not been run; whether the run is complete now.

    Raises:
        UsageError: something of the wish does not exist, cannot work or costs more than allowed.
    """
    wish = _without_repeats(wish)
    task = task_with(wish.task, wish.options)
    _check(wish, task)
    wanted = task.wanted(wish.axes, per_cell=wish.per_cell, seed=wish.seed)
    samples, sets = task.samples(places.data, wanted)
    if not samples:
        raise UsageError(f"task {wish.task!r} has no questions here; is --data right?")
    with processes(places.workers) as pool:
        shelves = build_shelves(sets.values(), places.work / wish.task, pool, told)
        _tell_skipped(shelves, told)
        checksums = task.checksums(places.data)
        record = replace(
            _record(wish, wanted, samples, data=checksums, documents=_digest(shelves)),
            commit=places.commit,
        )
        jobs = jobs_of(record, samples, shelves, places.out / "journals", wish.base_url)
        check_windows(jobs)
        requests, dollars = estimate(jobs)
        told(_priced(wish, len(jobs), requests, dollars))
        with _alone(places.out):
            write_record(places.out, record)
            (places.out / "journals").mkdir(exist_ok=True)
            return answer_all(
                jobs,
                places.out,
                pool,
                workers=places.workers,
                answers=record.answers,
                max_usd=wish.max_usd,
                told=told,
            )


def _check(wish: RunWish, task: Task) -> None:
    """Refuse what can never be run.

    Raises:
        UsageError: a number, a window or a value cannot be, or a contestant needs another one.
    """
    if wish.per_cell < 1:
        raise UsageError(f"--per-cell must be at least 1, not {wish.per_cell}")
    for window in wish.windows:
        if not isinstance(window, int) and window != "minimum":
            raise UsageError(f"--window {window!r} is neither a number of tokens nor `minimum`")
    if EQUAL_TOKENS in wish.systems and "docpager" not in wish.systems:
        raise UsageError(
            f"{EQUAL_TOKENS!r} may use what docpager used: add docpager to --systems, or leave "
            "it out"
        )
    for axis, values in wish.axes.items():
        usual = task.axes.get(axis, ())
        for value in values:
            if usual and all(isinstance(v, int) for v in usual) and not isinstance(value, int):
                raise UsageError(f"--axis {axis} takes whole numbers such as {usual[0]}: {value!r}")


def _tell_skipped(shelves: Mapping[str, Path], told: Callable[[str], None]) -> None:
    """Name documents that could not be read and are missing from the comparison."""
    skipped = [
        name
        for place in shelves.values()
        for name in json.loads((place / "done.json").read_text("utf-8"))["skipped"]
    ]
    if skipped:
        more = f" and {len(skipped) - 5} more" if len(skipped) > 5 else ""
        told(f"{len(skipped)} documents not readable: {', '.join(skipped[:5])}{more}")


def _without_repeats(wish: RunWish) -> RunWish:
    """The wish with every contestant, window and value once.

    Raises:
        UsageError: there is no such contestant, or one under two names.
    """
    names: dict[str, str] = {}
    for written in dict.fromkeys(wish.systems):
        name = system_named(written).name
        if name in names:
            raise UsageError(f"{names[name]!r} and {written!r} are one contestant; leave one out")
        names[name] = written
    axes = {axis: tuple(dict.fromkeys(values)) for axis, values in wish.axes.items()}
    windows = tuple(dict.fromkeys(wish.windows))
    return replace(wish, systems=tuple(names.values()), windows=windows, axes=axes)


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Be the only run that writes into a folder.

    Raises:
        UsageError: another run does (names it), or the folder cannot be written.
    """
    with ExitStack() as held:
        try:
            folder.mkdir(parents=True, exist_ok=True)
            held.enter_context(writer_lock(folder))
        except ArchiveError as error:
            raise UsageError(f"cannot run in {folder}: {error}, or name another --out") from error
        except OSError as error:
            raise UsageError(f"cannot run in {folder}: {error.strerror}") from error
        yield


def _record(
    wish: RunWish,
    wanted: Wanted,
    samples: Sequence[Sample],
    *,
    data: Mapping[str, str],
    documents: str,
) -> RunRecord:
    named = open_model(wish.model, wish.base_url)
    largest = max((w for w in wish.windows if isinstance(w, int)), default=32_000)
    usual = named.defaults.paging(window=largest).max_output
    return RunRecord(
        task=wish.task,
        axes=dict(wanted.axes),
        per_cell=wish.per_cell,
        seed=wish.seed,
        systems=tuple(wish.systems),
        windows=tuple(wish.windows),
        model=wish.model,
        max_output=wish.max_output or usual,
        max_steps=wish.max_steps,
        questions=len(samples),
        answers=len(samples) * len(wish.systems) * len(wish.windows),
        data=data,
        documents=documents,
        version=__version__,
        python=platform.python_version(),
        machine=f"{platform.system()} {platform.machine()}",
        started=datetime.now(UTC).isoformat(timespec="seconds"),
        options=dict(wish.options),
        base_url=wish.base_url,
    )


def _priced(wish: RunWish, answers: int, requests: int, dollars: float | None) -> str:
    """What a run may take at most, said before it begins.

    Raises:
        UsageError: dollars are limited, but no price is known.
    """
    if dollars is None:
        if wish.max_usd is not None:
            raise UsageError(f"no price is known for {wish.model!r}: --max-usd cannot be kept")
        cost = "no price is known"
    else:
        cost = f"at most ${dollars:,.2f}"
        if dollars and wish.max_usd is None:
            raise UsageError(f"{wish.model} may cost {cost}; allow as much with --max-usd")
    kind = " (not a language model)" if wish.model == READER else ""
    return f"{answers:,} answers by {wish.model}{kind}, at most {requests:,} requests, {cost}"


def _digest(shelves: Mapping[str, Path]) -> str:
    """One hash over the documents of all sets."""
    total = hashlib.sha256()
    for name in sorted(shelves):
        done = json.loads((shelves[name] / "done.json").read_text("utf-8"))
        total.update(f"{name} {done['sha256']}\n".encode())
    return total.hexdigest()


def current_commit() -> str:
    """The commit that is checked out, `+` where files differ from it; empty without git."""
    try:
        head = _git("rev-parse", "--short=12", "HEAD")
        return head + ("+" if _git("status", "--porcelain", "-uno") else "")
    except (OSError, subprocess.CalledProcessError):
        return ""


def _git(*arguments: str) -> str:
    command = ["git", "-C", str(ROOT), *arguments]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()
