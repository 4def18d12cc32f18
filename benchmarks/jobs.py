"""Job: one question for one contestant, answered in a worker process that is told no gold."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.models import Remembering, open_model
from benchmarks.records import Line
from benchmarks.samples import Question
from benchmarks.shelves import open_shelf
from benchmarks.systems.bounds import shown_tokens
from benchmarks.systems.registry import system_named
from benchmarks.systems.system import Answer, Setup, System
from docpager import Archive, ChatModel, PagingSettings
from docpager.answering.plan import plan_run
from docpager.errors import DocpagerError, UsageError
from docpager.llm.models import close_model
from docpager.llm.prices import Price, price_of
from docpager.pages import DocumentEntry
from docpager.tokens import BuiltInEstimator

__all__ = ["Done", "Job", "answer_job", "most_requests", "price_for", "worst_case"]

_SMALLEST = re.compile(r"--window (\d+)")


@dataclass(frozen=True, slots=True)
class Job:
    """One question for one contestant; all that a worker is told, and no gold."""

    question: Question
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

    line: Line
    replies: Sequence[dict[str, object]]


def answer_job(job: Job) -> Done:
    """One answer, in a worker. What the user can mend becomes a failed answer with its reason."""
    system, archive = system_named(job.system), open_shelf(job.shelf)
    model, defaults = open_model(job.model, job.base_url)
    remembering = Remembering(model)
    began = time.perf_counter()
    window = 0
    try:
        window = _window(job)
        most = most_requests(job)
        if most > job.max_steps:
            answer = Answer("not run", "", error=f"would take {most:,} requests a question")
        else:
            setup = Setup(
                remembering, window, job.max_output, job.max_steps, defaults.factor,
                job.max_usd, job.journals, job.allowance,
            )  # fmt: skip
            answer = asyncio.run(_answered(system, job.question, archive, setup, model))
    except DocpagerError as error:
        answer = Answer("failed", "", error=str(error))
    line = Line(
        job.question.id, job.question.text, job.system, job.window, window, answer,
        round(time.perf_counter() - began, 4), remembering.sha256,
    )  # fmt: skip
    return Done(line, remembering.replies)


async def _answered(
    system: System, question: Question, archive: Archive, setup: Setup, model: ChatModel
) -> Answer:
    """The answer; connections end with the event loop that they belong to."""
    try:
        return await system.answer(question, archive, setup)
    finally:
        await close_model(model)


def _window(job: Job) -> int:
    """The window in tokens; `minimum` is what docpager itself prints for this question."""
    if isinstance(job.window, int):
        return job.window
    _, defaults = open_model(job.model, job.base_url)
    try:
        plan_run(
            job.question.text,
            _asked_about(job),
            counter=BuiltInEstimator(),
            factor=defaults.factor,
            paging=PagingSettings(window=job.max_output + 1, max_output=job.max_output),
        )
    except UsageError as error:
        if smallest := _SMALLEST.search(str(error)):
            return int(smallest[1])
        raise
    return job.max_output + 1


def most_requests(job: Job) -> int:
    """Requests that its contestant may make."""
    tokens = shown_tokens(_asked_about(job))
    model, defaults = open_model(job.model, job.base_url)
    window = job.window if isinstance(job.window, int) else 4_000
    setup = Setup(model, window, job.max_output, job.max_steps, defaults.factor)
    return system_named(job.system).most_requests(tokens, setup)


def worst_case(job: Job, price: Price | None) -> float:
    """The most dollars that the job can cost."""
    if price is None or price.free:
        return 0.0
    window = job.window if isinstance(job.window, int) else 8_000
    prompt = 1_000_000 if job.system == "whole-text" else window - job.max_output
    worst = price.worst_case(prompt_tokens=prompt, output_tokens=job.max_output)
    return most_requests(job) * worst


def price_for(job: Job) -> Price | None:
    """What the job's model costs; None where that is not known."""
    return price_of(open_model(job.model, job.base_url).model.name)


def _asked_about(job: Job) -> list[DocumentEntry]:
    archive = open_shelf(job.shelf)
    named = archive.documents_named(job.question.documents) if job.question.documents else None
    return [entry for entry in archive.documents() if named is None or entry.id in named]
