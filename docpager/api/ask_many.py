"""The library: ask many questions, the same as `docpager batch`. `ask_many` has an async twin."""

from __future__ import annotations

import tempfile
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from docpager.api.ask import (
    ARCHIVE,
    bring_up_to_date,
    check_asked_with,
    in_use,
    prepared_from,
)
from docpager.api.loops import beside_others, in_own_loop
from docpager.core.errors import UsageError
from docpager.core.inputs import StrPath, check_settings
from docpager.core.locations import (
    Location,
    StrLocation,
    as_location,
    as_locations,
    wherever_from,
)
from docpager.core.settings import DEFAULT_BATCH_USD, PagingSettings, RunLimits

if TYPE_CHECKING:
    from docpager.archive.archive import Archive
    from docpager.archive.ingest_files import ReadingSettings
    from docpager.batch.estimate import Estimate
    from docpager.batch.job import BatchJob
    from docpager.batch.progress import BatchReport
    from docpager.batch.questions import Question
    from docpager.batch.session import Session, SessionHooks
    from docpager.batch.settings import BatchSettings
    from docpager.engines.engine import Engine
    from docpager.models.messages import ModelLike
    from docpager.run.answer_line import AnswerLine
    from docpager.run.preparation import PreparedModel

__all__ = [
    "ManyAnswers",
    "ask_many",
    "ask_many_async",
    "batch_session",
    "bounded",
    "estimate_many",
    "own_files",
]


@dataclass(frozen=True, slots=True)
class ManyAnswers:
    """What became of many questions."""

    lines: tuple[AnswerLine, ...]
    """In the order of the questions; those that were not started have none."""
    report: BatchReport


def ask_many(
    questions: Sequence[str | Mapping[str, Any]],
    *paths: StrLocation,
    output: StrLocation | None = None,
    model: str | ModelLike | None = None,
    base_url: str | None = None,
    api: str | None = None,
    api_key_env: str | None = None,
    effort: str | None = None,
    archive: StrLocation = ARCHIVE,
    paging: PagingSettings | None = None,
    limits: RunLimits | None = None,
    prices: StrPath | None = None,
    policy: str = "recent",
    driving: BatchSettings | None = None,
    journals: StrLocation | None = None,
    retry_failed: bool = False,
    reading: ReadingSettings | None = None,
    engine: str | None = None,
) -> ManyAnswers:
    """Ingest what is new under `paths`, then answer many questions, several at once.

    A question is a text or an object as in a questions file (`id`, `question`, `documents`).
    With `output` the answers are also written there, and asking again goes on where it was left;
    without it they are only returned. `limits` hold for each question; `driving` says how many at
    once, whether in message batches, and what all together may cost (10 dollars where a model costs
    money and nothing else is said). Questions that were not started have no line. `engine` has them
    answered by Ray: `"ray"` starts a cluster here, `"ray://HOST:PORT"` joins one that you trust,
    whose machines must all reach archive and journals (object storage, or a shared disk).

    Raises:
        UsageError: no model, an argument of a wrong type, a question that is none, no such model,
            document or engine, a window too small, an `output` begun with other settings, an engine
            with a `model` that is an object, or an event loop is running here.
        ModelError, EngineError: no credentials for the model; the engine cannot be reached.
        DocumentError: nothing under `paths` could be read.
    """
    return in_own_loop(
        lambda: ask_many_async(
            questions,
            *paths,
            output=output,
            model=model,
            base_url=base_url,
            api=api,
            api_key_env=api_key_env,
            effort=effort,
            archive=archive,
            paging=paging,
            limits=limits,
            prices=prices,
            policy=policy,
            driving=driving,
            journals=journals,
            retry_failed=retry_failed,
            reading=reading,
            engine=engine,
        ),
        twin="ask_many_async",
    )


async def ask_many_async(
    questions: Sequence[str | Mapping[str, Any]],
    *paths: StrLocation,
    output: StrLocation | None = None,
    model: str | ModelLike | None = None,
    base_url: str | None = None,
    api: str | None = None,
    api_key_env: str | None = None,
    effort: str | None = None,
    archive: StrLocation = ARCHIVE,
    paging: PagingSettings | None = None,
    limits: RunLimits | None = None,
    prices: StrPath | None = None,
    policy: str = "recent",
    driving: BatchSettings | None = None,
    journals: StrLocation | None = None,
    retry_failed: bool = False,
    reading: ReadingSettings | None = None,
    engine: str | None = None,
) -> ManyAnswers:
    """`ask_many` for programs that run an event loop; files are ingested in a thread."""
    from docpager.batch.job import BatchJob
    from docpager.batch.settings import BatchSettings
    from docpager.engines.engine import engine_address

    if engine is not None:
        engine_address(engine)  # before anything is read or spent
    check_asked_with(paging, limits, reading)
    check_settings(driving, BatchSettings, "driving", example="concurrency=4, max_usd=2.0")
    prepared = prepared_from(
        model,
        base_url=base_url,
        api=api,
        api_key_env=api_key_env,
        effort=effort,
        prices=prices,
        paging=paging,
        limits=limits or RunLimits(),
        policy=policy,
    )
    parsed = _parsed(questions)
    settings = bounded(driving, paid=prepared.paid)
    places, directory = as_locations(paths, "paths"), as_location(archive, "archive")
    with tempfile.TemporaryDirectory(prefix="docpager-") as scratch:
        target: Location = (
            as_location(output, "output") if output is not None else Path(scratch) / "answers.jsonl"
        )
        own = own_files(target)
        if places:
            await beside_others(
                lambda: bring_up_to_date(places, directory, without=own, reading=reading)
            )
        folder = as_location(journals, "journals") if journals is not None else None
        job = BatchJob(parsed, target, journals=folder, retry_failed=retry_failed, by_program=True)
        lines, report = await _driven(job, prepared, settings, directory, places, own, engine)
    by_id = {line.id: line for line in lines}
    return ManyAnswers(tuple(by_id[each.id] for each in parsed if each.id in by_id), report)


async def _driven(
    job: BatchJob,
    prepared: PreparedModel,
    settings: BatchSettings,
    archive: Location,
    paths: Sequence[Location],
    without: Sequence[Location],
    engine: str | None,
) -> tuple[list[AnswerLine], BatchReport]:
    from docpager.engines.engine import engine_or_none

    with engine_or_none(engine) as running:
        async with batch_session(
            job, prepared, settings, archive=archive, paths=paths, without=without, engine=running
        ) as session:
            report = await session.drive()
            return list(session.lines()), report


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
    archive: Location,
    paths: Sequence[Location] = (),
    without: Sequence[Location] = (),
    hooks: SessionHooks | None = None,
    engine: Engine | None = None,
) -> AsyncIterator[Session]:
    """A batch that is ready to be driven: archive open, model usable. It looks in the documents
    under `paths` that are not under `without`, or in all."""
    from docpager.archive.archive import Archive
    from docpager.batch.session import open_batch
    from docpager.run.preparation import fitted

    if engine is not None:
        archive = wherever_from(archive)
        job = replace(job, journals=job.journals and wherever_from(job.journals))
    prepared = await fitted(prepared)  # the answers file names the window
    with Archive.open(archive) as library:
        within = _within(library, paths, without)
        job = replace(job, within=within, place=" ".join(map(str, paths)))
        with open_batch(
            job, library, prepared, settings=settings, hooks=hooks, engine=engine
        ) as session:
            if not session.plan.tasks:
                yield session
                return
            async with in_use(prepared.model, prepared.settings.paging, owned=prepared.owned):
                yield session


async def estimate_many(
    job: BatchJob,
    prepared: PreparedModel,
    driving: BatchSettings,
    archive: Location,
    paths: Sequence[Location] = (),
    without: Sequence[Location] = (),
    on_message: Callable[[str], None] = lambda _: None,
) -> Estimate:
    """What is still to be done of a batch would take; asks no server and spends nothing.

    `on_message` is called with each question that is left out, and why.
    """
    from docpager.archive.archive import Archive
    from docpager.batch.estimate import estimate_job

    with Archive.open(archive) as library:
        within = _within(library, paths, without)
        job = replace(job, within=within, place=" ".join(map(str, paths)))
        return await estimate_job(job, library, prepared, driving, on_message=on_message)


def own_files(output: Location, *others: Location) -> tuple[Location, ...]:
    """What belongs to a batch itself and is no document, wherever it lies: its output, what is kept
    beside it, and `others`."""
    return (output, output.with_name(f"{output.name}.batch"), *others) if output.name else others


def _within(
    library: Archive, paths: Sequence[Location], without: Sequence[Location]
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
