"""Runs contestants: builds shelves, prices the run, answers in processes, writes lines."""

from __future__ import annotations

import json
import multiprocessing
import os
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Executor, Future, ProcessPoolExecutor, wait
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from benchmarks.jobs import (
    EQUAL_TOKENS,
    Done,
    Job,
    answer_job,
    most_requests,
    price_for,
    worst_case,
)
from benchmarks.models import REPLIES
from benchmarks.records import LinesWriter, RunRecord, read_lines
from benchmarks.samples import Sample
from docpager.models.pricing import Price

__all__ = ["answer_all", "estimate", "jobs_of", "processes"]


def jobs_of(
    record: RunRecord,
    samples: Sequence[Sample],
    shelves: Mapping[str, Path],
    journals: Path,
    base_url: str | None,
) -> list[Job]:
    """Every job of a run, those on the same shelf beside each other."""
    return [
        Job(
            sample.question, shelves[sample.document_set], system, window, record.model, base_url,
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


def estimate(jobs: Sequence[Job]) -> tuple[int, float | None]:
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
    jobs: Sequence[Job],
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
    books = _Books(max_usd, price, spent=_spent(jobs, folder, price))
    try:
        for wave in (first, [job for job in left if job.system == EQUAL_TOKENS]):
            if books.exhausted:
                break
            if wave and wave[0].system == EQUAL_TOKENS:
                spent_tokens = _docpagers_tokens(folder)
            ready = (_allowed(job, spent_tokens) for job in wave)
            for number, done in enumerate(_answered(ready, pool, workers, books), 1):
                lines.append(done.line)
                _keep(folder, done.replies)
                if number % 200 == 0:
                    told(f"{number} of {len(wave)}")
    finally:
        complete = lines.close(answers=answers)
    if books.exhausted:
        told(f"stopped: the next answer could cost more than is left of {max_usd} dollars")
    return complete


class _Books:
    """Dollars: the worst case is set aside before a job, settled after it."""

    def __init__(self, limit: float | None, price: Price | None, *, spent: float) -> None:
        self.limit, self.price, self.spent = limit, price, spent
        self.reserved = 0.0
        self.exhausted = False
        """Whether a job was left because there were too few dollars, with nothing set aside."""

    def take(self, job: Job) -> float | None:
        """Dollars set aside; None where there are not enough."""
        worst = worst_case(job, self.price)
        if self.limit is not None and self.spent + self.reserved + worst > self.limit:
            return None
        self.reserved += worst
        return worst

    def settle(self, held: float, cost: float | None) -> None:
        self.reserved -= held
        self.spent += held if cost is None and self.price is not None else cost or 0.0


def _answered(jobs: Iterator[Job], pool: Executor, workers: int, books: _Books) -> Iterator[Done]:
    """Answers as they come, a few jobs ahead of the workers."""
    running: dict[Future[Done], float] = {}
    job = next(jobs, None)
    while job is not None or running:
        while job is not None and len(running) < 2 * workers:
            if (held := books.take(job)) is None:
                break
            running[pool.submit(answer_job, job)] = held
            job = next(jobs, None)
        if not running:
            books.exhausted = True
            return
        for future in wait(running, return_when=FIRST_COMPLETED).done:
            done = future.result()
            books.settle(running.pop(future), done.line.answer.cost_usd)
            yield done


def _spent(jobs: Sequence[Job], folder: Path, price: Price | None) -> float:
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


def _allowed(job: Job, tokens: dict[tuple[str, str], int]) -> Job:
    """The job with docpager's tokens where it may use as many."""
    if job.system != EQUAL_TOKENS:
        return job
    return replace(job, allowance=tokens[job.question.id, str(job.window)])


def _keep(folder: Path, replies: Sequence[dict[str, object]]) -> None:
    if replies:
        with (folder / REPLIES).open("a", encoding="utf-8") as file:
            file.writelines(json.dumps(reply, ensure_ascii=False) + "\n" for reply in replies)
