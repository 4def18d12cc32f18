"""The library: ask many questions, the same as `docpager batch`."""

from __future__ import annotations

import os
import tempfile
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager, closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from docpager.api import ARCHIVE, bring_up_to_date, in_use
from docpager.errors import UsageError
from docpager.settings import DEFAULT_BATCH_USD, PagingSettings, RunLimits

if TYPE_CHECKING:
    from docpager.answering.answer_line import AnswerLine
    from docpager.answering.preparing import PreparedModel
    from docpager.archive.archive import Archive
    from docpager.batch.estimate import Estimate
    from docpager.batch.job import BatchJob
    from docpager.batch.opening import Outside
    from docpager.batch.questions import Question
    from docpager.batch.session import Session
    from docpager.batch.settings import BatchSettings
    from docpager.batch.tally import BatchReport
    from docpager.llm.chat import ModelLike

__all__ = [
    "ManyAnswers",
    "ask_many",
    "batch_session",
    "bounded",
    "estimate_many",
    "own_files",
]


@dataclass(frozen=True, slots=True)
class ManyAnswers:
    """What became of many questions."""

    lines: tuple[AnswerLine, ...]
    """In the order of the questions; those that were not begun have none."""
    report: BatchReport


async def ask_many(
    questions: Sequence[str | Mapping[str, Any]],
    *paths: str | Path,
    output: str | Path | None = None,
    model: str | ModelLike | None = None,
    base_url: str | None = None,
    effort: str | None = None,
    archive: str | Path = ARCHIVE,
    paging: PagingSettings | None = None,
    limits: RunLimits | None = None,
    prices: str | Path | None = None,
    policy: str = "recent",
    driving: BatchSettings | None = None,
    journals: str | Path | None = None,
    retry_failed: bool = False,
) -> ManyAnswers:
    """Ingest what is new under `paths`, then answer many questions, several at once.

    A question is a text or an object as in a questions file (`id`, `question`, `documents`).
    With `output` the answers are also written there, and asking again goes on where it was left;
    without it they are only returned. `limits` hold for each question; `driving` says how many at
    once, whether in message batches, and what all together may cost (10 dollars where a model costs
    money and nothing else is said). Questions that could not be begun have no line. Synchronous
    programs call `asyncio.run(docpager.ask_many(...))`.

    Raises:
        UsageError: no model, no such model or document, no question, a window too small, or an
            `output` that was begun with other settings.
        ModelError: there are no credentials for the model.
        DocumentError: nothing under `paths` could be read.
    """
    from docpager.answering.preparing import prepare
    from docpager.batch.job import BatchJob
    from docpager.llm.models import ModelSource

    prepared = prepare(
        model,
        source=ModelSource(base_url=base_url or "", effort=effort or ""),
        paging=paging,
        limits=limits or RunLimits(),
        prices=Path(prices) if prices else None,
        policy=policy,
        environment=os.environ,
    )
    parsed = _parsed(questions)
    settings = bounded(driving, paid=prepared.paid)
    places, directory = [Path(path) for path in paths], Path(archive)
    with tempfile.TemporaryDirectory(prefix="docpager-") as scratch:
        target = Path(output) if output is not None else Path(scratch) / "answers.jsonl"
        own = own_files(target)
        if places:
            bring_up_to_date(places, directory, progress=None, ingested=None, without=own)
        folder = Path(journals) if journals is not None else None
        job = BatchJob(parsed, target, journals=folder, retry_failed=retry_failed, by_program=True)
        async with batch_session(
            job, prepared, settings, archive=directory, paths=places, without=own
        ) as session:
            report = await session.drive()
            by_id = {line.id: line for line in session.lines()}
    return ManyAnswers(tuple(by_id[each.id] for each in parsed if each.id in by_id), report)


def bounded(driving: BatchSettings | None, *, paid: bool) -> BatchSettings:
    """How to drive a batch; one that costs money never does so without a limit."""
    from docpager.batch.settings import BatchSettings

    driving = driving or BatchSettings()
    if paid and driving.max_usd is None:
        return replace(driving, max_usd=DEFAULT_BATCH_USD)
    return driving


@asynccontextmanager
async def batch_session(
    job: BatchJob,
    prepared: PreparedModel,
    settings: BatchSettings,
    *,
    archive: Path,
    paths: Sequence[Path] = (),
    without: Sequence[Path] = (),
    outside: Outside | None = None,
) -> AsyncIterator[Session]:
    """A batch that is ready to be driven: archive open, model usable. It looks in the documents
    under `paths` that are not under `without`, or in all."""
    from docpager.archive.archive import Archive
    from docpager.batch.opening import open_batch

    with closing(Archive.open(archive)) as library:
        within = _within(library, paths, without)
        job = replace(job, within=within, place=" ".join(map(str, paths)))
        with open_batch(job, library, prepared, settings=settings, outside=outside) as session:
            if not session.plan.tasks:
                yield session
                return
            async with in_use(prepared.model, prepared.settings.paging, owned=prepared.owned):
                yield session


async def estimate_many(
    job: BatchJob,
    prepared: PreparedModel,
    driving: BatchSettings,
    archive: Path,
    paths: Sequence[Path] = (),
    without: Sequence[Path] = (),
    told: Callable[[str], None] = lambda _: None,
) -> Estimate:
    """What is still to be done of a batch would take; asks no server and spends nothing.

    `told` is told of each question that is left out, and why.
    """
    from docpager.archive.archive import Archive
    from docpager.batch.estimate import estimate_job

    with closing(Archive.open(archive)) as library:
        within = _within(library, paths, without)
        job = replace(job, within=within, place=" ".join(map(str, paths)))
        return await estimate_job(job, library, prepared, driving, told=told)


def own_files(output: Path, *others: Path) -> tuple[Path, ...]:
    """What belongs to a batch itself and is no document, wherever it lies: its output, what is kept
    beside it, and `others`."""
    return (output, output.with_name(f"{output.name}.batch"), *others) if output.name else others


def _within(
    library: Archive, paths: Sequence[Path], without: Sequence[Path]
) -> Sequence[int] | None:
    if not paths:
        return None
    left_out = set(library.documents_under(without))
    return [number for number in library.documents_under(paths) if number not in left_out]


def _parsed(questions: Sequence[str | Mapping[str, Any]]) -> list[Question]:
    """Questions as a questions file would hold them, numbered from 1.

    Raises:
        UsageError: one is none, or two have the same id.
    """
    from docpager.batch.questions import parse_question

    if isinstance(questions, str | bytes | Mapping):
        kind = type(questions).__name__
        raise UsageError(
            f"questions must be a list of texts or objects, not one {kind}; write [it]"
        )
    parsed: dict[str, Question] = {}
    for number, given in enumerate(questions, 1):
        value = {"question": given} if isinstance(given, str) else given
        try:
            question = parse_question(value, line=number)
        except ValueError as error:
            raise UsageError(f"question {number}: {error}") from error
        if question.id in parsed:
            raise UsageError(
                f"question {number} has the id of question {parsed[question.id].line}; give each "
                "its own `id`"
            )
        parsed[question.id] = question
    return list(parsed.values())
