"""Job: one question for one system, answered in a worker process that is told no gold."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path

from benchmarks.corpora import open_corpus
from benchmarks.models import READER, Remembering, is_replay, open_model
from benchmarks.run_files import ResultLine
from benchmarks.samples import SystemQuestion
from benchmarks.systems.registry import system_named
from benchmarks.systems.system import Setup, System, SystemAnswer
from benchmarks.systems.text_cutting import shown_tokens
from docpager import Archive, ChatModel, PagingSettings
from docpager.core.errors import DocpagerError, UsageError, WindowTooSmall
from docpager.core.passages import DocumentEntry
from docpager.core.tokens import BuiltInEstimator
from docpager.models.pricing import Price, price_of
from docpager.run.plan import plan_run

__all__ = [
    "EQUAL_TOKENS",
    "Done",
    "Trial",
    "answer_trial",
    "check_windows",
    "most_requests",
    "price_for",
    "worst_case",
]

OWN_WINDOW, EQUAL_TOKENS = "whole-text", "retrieve-once:tokens=docpager"
"""Systems with other windows than the run's: a million tokens, all prompts of docpager's."""
_QUESTIONS_AT_ONCE = 64


@dataclass(frozen=True, slots=True)
class Trial:
    """One question for one system; all that a worker is told, and no gold."""

    question: SystemQuestion
    shelf: Path
    system: str
    window: int | str
    model: str
    base_url: str | None
    max_output: int
    max_steps: int
    journals: Path
    max_usd: float | None = None
    allowance: int | None = None

    @property
    def key(self) -> tuple[str, str, str]:
        return (self.question.id, self.system, str(self.window))


@dataclass(frozen=True, slots=True)
class Done:
    """A line, and the replies behind it where they cannot be made again for nothing."""

    line: ResultLine
    replies: Sequence[dict[str, object]]


def answer_trial(job: Trial) -> Done:
    """One answer, in a worker. What the user can mend becomes a failed answer with its reason."""
    system, archive = system_named(job.system), open_corpus(job.shelf)
    model, defaults = open_model(job.model, job.base_url)
    remembering = Remembering(model)
    began = time.perf_counter()
    window = 0
    try:
        window = _window(job)
        most = most_requests(job)
        if most > job.max_steps:
            answer = SystemAnswer("not run", "", error=f"would take {most:,} requests a question")
        else:
            setup = Setup(
                remembering, window, job.max_output, job.max_steps, defaults.factor,
                job.max_usd, job.journals, job.allowance,
            )  # fmt: skip
            answer = asyncio.run(_answered(system, job.question, archive, setup, model))
            if is_replay(job.model):
                answer = replace(answer, cost_usd=0.0)
    except DocpagerError as error:
        answer = SystemAnswer("failed", "", error=str(error))
    line = ResultLine(
        job.question.id, job.question.text, job.system, job.window, window, answer,
        round(time.perf_counter() - began, 4), remembering.sha256,
    )  # fmt: skip
    return Done(line, remembering.replies)


async def _answered(
    system: System, question: SystemQuestion, archive: Archive, setup: Setup, model: ChatModel
) -> SystemAnswer:
    """The answer; connections end with the event loop that they belong to."""
    try:
        return await system.answer(question, archive, setup)
    finally:
        await model.close()


def _window(job: Trial) -> int:
    """The window in tokens; `minimum` is what docpager itself prints for this question."""
    if isinstance(job.window, int):
        return job.window
    asked = replace(job, system="", allowance=None)  # the same for every system
    return _larger_needed(asked, job.max_output + 1) or job.max_output + 1


@lru_cache(maxsize=_QUESTIONS_AT_ONCE)
def _larger_needed(job: Trial, window: int) -> int | None:
    """The smallest window for this question where `window` is too small; None where it is not.

    Raises:
        UsageError: no window would do.
    """
    _, defaults = open_model(job.model, job.base_url)
    try:
        plan_run(
            job.question.text,
            _asked_about(job),
            counter=BuiltInEstimator(),
            factor=defaults.factor,
            paging=PagingSettings(window=window, max_output=job.max_output),
        )
    except WindowTooSmall as error:
        return error.smallest
    return None


def check_windows(jobs: Sequence[Trial]) -> None:
    """Refuse windows that are too small for every question of a document set.

    Raises:
        UsageError: one is (names the smallest that serves all sets).
    """
    for window in sorted({job.window for job in jobs if isinstance(job.window, int)}):
        needed = [
            smallest
            for asked in _asked_of_sets(jobs, window)
            if (smallest := _larger_needed_by_all(asked, window))
        ]
        if needed:
            raise UsageError(
                f"--window {window} is too small for every question of {len(needed)} document "
                f"sets (with --max-output {jobs[0].max_output}); the smallest is --window "
                f"{max(needed)}, or `minimum` for each question's own"
            )


def _asked_of_sets(jobs: Sequence[Trial], window: int) -> Iterable[list[Trial]]:
    """For each document set a job of every question in this window, the shortest first."""
    sets: dict[Path, dict[str, Trial]] = {}
    for job in jobs:
        if job.window == window and job.system != OWN_WINDOW:
            sets.setdefault(job.shelf, {})[job.question.id] = job
    for asked in sets.values():
        yield sorted(asked.values(), key=lambda job: len(job.question.text))


def _larger_needed_by_all(asked: Sequence[Trial], window: int) -> int | None:
    """The smallest window that serves one of these questions; None where `window` serves one."""
    needed = []
    for job in asked:
        try:
            smallest = _larger_needed(job, window)
        except UsageError:  # of this question alone: it will be a failed answer
            continue
        if smallest is None:
            return None
        needed.append(smallest)
    return min(needed, default=None)


def most_requests(job: Trial) -> int:
    """Requests that its system may make."""
    try:
        window = _window(job)
    except UsageError:  # no window would do: it fails before it asks
        return 0
    tokens = shown_tokens(_asked_about(job))
    model, defaults = open_model(job.model, job.base_url)
    setup = Setup(model, window, job.max_output, job.max_steps, defaults.factor)
    return system_named(job.system).most_requests(tokens, setup)


def worst_case(job: Trial, price: Price | None) -> float:
    """The most dollars that the job can cost."""
    if price is None or price.free or not (requests := most_requests(job)):
        return 0.0
    prompt = _largest_prompt(job)
    return requests * price.worst_case(prompt_tokens=prompt, output_tokens=job.max_output)


def _largest_prompt(job: Trial) -> int:
    """Tokens of the largest prompt that its system may send."""
    usual = _window(job) - job.max_output
    if job.system == OWN_WINDOW:
        return 1_000_000
    if job.system == EQUAL_TOKENS:
        # Before docpager has answered it may still use all of its steps.
        return max(usual, job.max_steps * usual if job.allowance is None else job.allowance)
    return usual


def price_for(job: Trial) -> Price | None:
    """What the job's model costs; None where that is not known. A replay costs nothing."""
    name = READER if is_replay(job.model) else open_model(job.model, job.base_url).model.name
    return price_of(name)


def _asked_about(job: Trial) -> list[DocumentEntry]:
    archive = open_corpus(job.shelf)
    named = archive.documents_named(job.question.documents) if job.question.documents else None
    return [entry for entry in archive.documents() if named is None or entry.id in named]
