"""From a configuration to a finished run: samples, archives, record, price, answers.

Runs systems: builds archives, prices the run, answers in processes, writes lines.
"""

from __future__ import annotations

import hashlib
import json
import multiprocessing
import os
import platform
import subprocess
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Executor, Future, ProcessPoolExecutor, wait
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path

from benchmarks.corpora import build_corpora
from benchmarks.models import READER, REPLIES, open_model
from benchmarks.run_files import LinesWriter, RunRecord, read_lines, write_record
from benchmarks.samples import Axis, TaskSample
from benchmarks.systems.registry import system_named
from benchmarks.tasks.registry import task_with
from benchmarks.tasks.task import BenchmarkTask, Wanted
from benchmarks.trials import (
    EQUAL_TOKENS,
    Done,
    Trial,
    answer_trial,
    check_windows,
    most_requests,
    price_for,
    worst_case,
)
from docpager import __version__
from docpager.core.errors import ArchiveError, UsageError
from docpager.models.pricing import Price
from docpager.storage.writer_lock import writer_lock

__all__ = [
    "Places",
    "RunConfig",
    "answer_all",
    "current_commit",
    "estimate",
    "processes",
    "start_run",
    "trials_of",
]


def trials_of(
    record: RunRecord,
    samples: Sequence[TaskSample],
    archives: Mapping[str, Path],
    journals: Path,
    base_url: str | None,
) -> list[Trial]:
    """Every job of a run, those on the same shelf beside each other."""
    return [
        Trial(
            sample.question, archives[sample.document_set], system, window, record.model, base_url,
            record.max_output, record.max_steps, journals,
        )
        for sample in sorted(samples, key=lambda each: each.document_set)
        for window in record.windows
        for system in sorted(record.systems, key=lambda name: name == EQUAL_TOKENS)
    ]  # fmt: skip


@contextmanager
def processes(workers: int) -> Iterator[ProcessPoolExecutor]:
    """A pool of fresh processes: libraries with threads do not survive a fork."""
    spawning = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(workers, mp_context=spawning, initializer=_end_with_parent) as pool:
        yield pool


def _end_with_parent() -> None:
    """Let this worker die when its parent does: a killed parent stops nobody itself."""
    parent = multiprocessing.parent_process()
    assert parent is not None, "only workers end with their parent"

    def wait_and_end() -> None:
        parent.join()
        os._exit(1)

    threading.Thread(target=wait_and_end, daemon=True).start()


def estimate(jobs: Sequence[Trial]) -> tuple[int, float | None]:
    """The most requests that jobs can take, and dollars; None where no price is known."""
    requests, dollars = 0, 0.0
    price = price_for(jobs[0]) if jobs else None
    for job in jobs:
        most = most_requests(job)
        if most <= job.max_steps:
            requests += most
            dollars += worst_case(job, price)
    return requests, None if price is None else dollars


def answer_all(
    jobs: Sequence[Trial],
    folder: Path,
    pool: Executor,
    *,
    workers: int,
    answers: int,
    max_usd: float | None,
    told: Callable[[str], None],
) -> bool:
    """Answer what has no line yet; whether the run is complete now."""
    lines = LinesWriter(folder)
    spent_tokens: dict[tuple[str, str], int] = {}
    left = [job for job in jobs if job.key not in lines.done]
    first = [job for job in left if job.system != EQUAL_TOKENS]
    told(f"{len(jobs) - len(left)} answers are there, {len(left)} to come")
    price = price_for(jobs[0]) if jobs else None
    spending = _Books(max_usd, price, spent=_spent(jobs, folder, price))
    try:
        for wave in (first, [job for job in left if job.system == EQUAL_TOKENS]):
            if spending.exhausted:
                break
            if wave and wave[0].system == EQUAL_TOKENS:
                spent_tokens = _docpagers_tokens(folder)
            ready = (_allowed(job, spent_tokens) for job in wave)
            for number, done in enumerate(_answered(ready, pool, workers, spending), 1):
                lines.append(done.line)
                _keep(folder, done.replies)
                if number % 200 == 0:
                    told(f"{number} of {len(wave)}")
    finally:
        complete = lines.close(answers=answers)
    if spending.exhausted:
        told(f"stopped: the next answer could cost more than is left of {max_usd} dollars")
    return complete


class _Books:
    """Dollars: the worst case is set aside before a job, settled after it."""

    def __init__(self, limit: float | None, price: Price | None, *, spent: float) -> None:
        self.limit, self.price, self.spent = limit, price, spent
        self.reserved = 0.0
        self.exhausted = False
        """Whether a job was left because there were too few dollars, with nothing set aside."""

    def take(self, job: Trial) -> float | None:
        """Dollars set aside; None where there are not enough."""
        worst = worst_case(job, self.price)
        if self.limit is not None and self.spent + self.reserved + worst > self.limit:
            return None
        self.reserved += worst
        return worst

    def settle(self, held: float, cost: float | None) -> None:
        self.reserved -= held
        self.spent += held if cost is None and self.price is not None else cost or 0.0


def _answered(
    jobs: Iterator[Trial], pool: Executor, workers: int, spending: _Books
) -> Iterator[Done]:
    """Answers as they come, a few jobs ahead of the workers."""
    running: dict[Future[Done], float] = {}
    job = next(jobs, None)
    while job is not None or running:
        while job is not None and len(running) < 2 * workers:
            if (held := spending.take(job)) is None:
                break
            running[pool.submit(answer_trial, job)] = held
            job = next(jobs, None)
        if not running:
            spending.exhausted = True
            return
        for future in wait(running, return_when=FIRST_COMPLETED).done:
            done = future.result()
            spending.settle(running.pop(future), done.line.answer.cost_usd)
            yield done


def _spent(jobs: Sequence[Trial], folder: Path, price: Price | None) -> float:
    """Dollars that the answers on disk cost; the worst case where an answer does not say."""
    if price is None or price.free:
        return 0.0
    asked = {job.key: job for job in jobs}
    return sum(
        worst_case(asked[line.key], price) if cost is None else cost
        for line in read_lines(folder)
        for cost in (line.answer.cost_usd,)
    )


def _docpagers_tokens(folder: Path) -> dict[tuple[str, str], int]:
    """Prompt tokens of docpager's answers, by question and window."""
    return {
        (line.question_id, str(line.window)): line.answer.usage.prompt_tokens
        for line in read_lines(folder)
        if line.system == "docpager"
    }


def _allowed(job: Trial, tokens: dict[tuple[str, str], int]) -> Trial:
    """The job with docpager's tokens where it may use as many."""
    if job.system != EQUAL_TOKENS:
        return job
    return replace(job, allowance=tokens[job.question.id, str(job.window)])


def _keep(folder: Path, replies: Sequence[dict[str, object]]) -> None:
    if replies:
        with (folder / REPLIES).open("a", encoding="utf-8") as file:
            file.writelines(json.dumps(reply, ensure_ascii=False) + "\n" for reply in replies)


ROOT = Path(__file__).parent.parent


@dataclass(frozen=True, slots=True)
class RunConfig:
    """One task for some systems in some windows."""

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
    """Requests for one question; a system that would need more is not run."""
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


def start_run(config: RunConfig, places: Places, told: Callable[[str], None]) -> bool:
    """Run what has not been run; whether the run is complete now.

    Raises:
        UsageError: something of the wish does not exist, cannot work or costs more than allowed.
    """
    config = _without_repeats(config)
    task = task_with(config.task, config.options)
    _check(config, task)
    wanted = task.wanted(config.axes, per_cell=config.per_cell, seed=config.seed)
    samples, sets = task.samples(places.data, wanted)
    if not samples:
        raise UsageError(f"task {config.task!r} has no questions here; is --data right?")
    with processes(places.workers) as pool:
        archives = build_corpora(sets.values(), places.work / config.task, pool, told)
        _tell_skipped(archives, told)
        checksums = task.checksums(places.data)
        record = replace(
            _record(config, wanted, samples, data=checksums, documents=_digest(archives)),
            commit=places.commit,
        )
        jobs = trials_of(record, samples, archives, places.out / "journals", config.base_url)
        check_windows(jobs)
        requests, dollars = estimate(jobs)
        told(_priced(config, len(jobs), requests, dollars))
        with _alone(places.out):
            write_record(places.out, record)
            (places.out / "journals").mkdir(exist_ok=True)
            return answer_all(
                jobs,
                places.out,
                pool,
                workers=places.workers,
                answers=record.answers,
                max_usd=config.max_usd,
                told=told,
            )


def _check(config: RunConfig, task: BenchmarkTask) -> None:
    """Refuse what can never be run.

    Raises:
        UsageError: a number, a window or a value cannot be, or a system needs another one.
    """
    if config.per_cell < 1:
        raise UsageError(f"--per-cell must be at least 1, not {config.per_cell}")
    for window in config.windows:
        if not isinstance(window, int) and window != "minimum":
            raise UsageError(f"--window {window!r} is neither a number of tokens nor `minimum`")
    if EQUAL_TOKENS in config.systems and "docpager" not in config.systems:
        raise UsageError(
            f"{EQUAL_TOKENS!r} may use what docpager used: add docpager to --systems, or leave "
            "it out"
        )
    for axis, values in config.axes.items():
        usual = task.axes.get(axis, ())
        for value in values:
            if usual and all(isinstance(v, int) for v in usual) and not isinstance(value, int):
                raise UsageError(f"--axis {axis} takes whole numbers such as {usual[0]}: {value!r}")


def _tell_skipped(archives: Mapping[str, Path], told: Callable[[str], None]) -> None:
    """Name documents that could not be read and are missing from the comparison."""
    skipped = [
        name
        for place in archives.values()
        for name in json.loads((place / "done.json").read_text("utf-8"))["skipped"]
    ]
    if skipped:
        more = f" and {len(skipped) - 5} more" if len(skipped) > 5 else ""
        told(f"{len(skipped)} documents not readable: {', '.join(skipped[:5])}{more}")


def _without_repeats(config: RunConfig) -> RunConfig:
    """The wish with every system, window and value once.

    Raises:
        UsageError: there is no such system, or one under two names.
    """
    names: dict[str, str] = {}
    for written in dict.fromkeys(config.systems):
        name = system_named(written).name
        if name in names:
            raise UsageError(f"{names[name]!r} and {written!r} are one system; leave one out")
        names[name] = written
    axes = {axis: tuple(dict.fromkeys(values)) for axis, values in config.axes.items()}
    windows = tuple(dict.fromkeys(config.windows))
    return replace(config, systems=tuple(names.values()), windows=windows, axes=axes)


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
    config: RunConfig,
    wanted: Wanted,
    samples: Sequence[TaskSample],
    *,
    data: Mapping[str, str],
    documents: str,
) -> RunRecord:
    named = open_model(config.model, config.base_url)
    largest = max((w for w in config.windows if isinstance(w, int)), default=32_000)
    usual = named.defaults.paging(window=largest).max_output
    return RunRecord(
        task=config.task,
        axes=dict(wanted.axes),
        per_cell=config.per_cell,
        seed=config.seed,
        systems=tuple(config.systems),
        windows=tuple(config.windows),
        model=config.model,
        max_output=config.max_output or usual,
        max_steps=config.max_steps,
        questions=len(samples),
        answers=len(samples) * len(config.systems) * len(config.windows),
        data=data,
        documents=documents,
        version=__version__,
        python=platform.python_version(),
        machine=f"{platform.system()} {platform.machine()}",
        started=datetime.now(UTC).isoformat(timespec="seconds"),
        options=dict(config.options),
        base_url=config.base_url,
    )


def _priced(config: RunConfig, answers: int, requests: int, dollars: float | None) -> str:
    """What a run may take at most, said before it begins.

    Raises:
        UsageError: dollars are limited, but no price is known.
    """
    if dollars is None:
        if config.max_usd is not None:
            raise UsageError(f"no price is known for {config.model!r}: --max-usd cannot be kept")
        cost = "no price is known"
    else:
        cost = f"at most ${dollars:,.2f}"
        if dollars and config.max_usd is None:
            raise UsageError(f"{config.model} may cost {cost}; allow as much with --max-usd")
    kind = " (not a language model)" if config.model == READER else ""
    return f"{answers:,} answers by {config.model}{kind}, at most {requests:,} requests, {cost}"


def _digest(archives: Mapping[str, Path]) -> str:
    """One hash over the documents of all sets."""
    total = hashlib.sha256()
    for name in sorted(archives):
        done = json.loads((archives[name] / "done.json").read_text("utf-8"))
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
