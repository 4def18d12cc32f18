"""The library: ingest files and ask one question of them, the same as `docpager ask`.

Each function has an async twin that takes the same arguments. Paths are text or `os.PathLike`.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from docpager.api.loops import beside_others, in_own_loop
from docpager.core.errors import DocumentError, UsageError
from docpager.core.inputs import StrPath, as_path, check_settings, check_text
from docpager.core.locations import Location, StrLocation, as_location, as_locations
from docpager.core.settings import PagingSettings, RunLimits

if TYPE_CHECKING:
    from docpager.archive.embedders.base import Embedder
    from docpager.archive.ingest_files import ReadingSettings
    from docpager.archive.ingest_report import IngestReport
    from docpager.archive.ingest_session import Progress
    from docpager.models.messages import ChatModel, ModelLike
    from docpager.run.answer_line import AnswerLine
    from docpager.run.driver import Driver, OnStep
    from docpager.run.journal import Header
    from docpager.run.preparation import PreparedModel

__all__ = [
    "ARCHIVE",
    "ask",
    "ask_async",
    "ask_prepared",
    "bring_up_to_date",
    "check_asked_with",
    "in_use",
    "ingest",
    "ingest_async",
    "prepared_from",
    "resume",
    "resume_async",
    "resume_watched",
]

ARCHIVE = Path(".docpager")
"""Where the archive is unless another place is named."""


def ingest(
    paths: StrLocation | Iterable[StrLocation],
    archive: StrLocation = ARCHIVE,
    *,
    embedder: str | Embedder | None = None,
    text_field: str | None = None,
    prune: bool = False,
    progress: Progress | None = None,
    reading: ReadingSettings | None = None,
    engine: str | None = None,
) -> IngestReport:
    """Bring an archive up to date with the files and folders at `paths`, or make it.

    Files that look unchanged are not opened. `embedder` is a name or any `Embedder`; an archive
    keeps the one it was made with. `text_field` names the field of JSONL records that holds their
    text, `prune` removes the documents of files that are gone, `progress` hears how far it is.
    `engine` has the work done in processes of Ray: `"ray"` starts a cluster on this machine and
    ends it, `"ray://HOST:PORT"` joins one; only clusters you trust. What comes of it is the same.
    It needs no event loop and blocks one that is running: there, await `ingest_async`.

    Raises:
        UsageError: an argument of a wrong type, no such file or folder, no such embedder, or no
            such engine, or it is not installed (`docpager[ray]`). A file that cannot be read
            raises nothing: the report names it.
        ArchiveError: the place is no archive, cannot be written, is being written by another
            process, or was built with another embedder.
        StorageError: object storage (`s3://bucket/prefix`) refuses, or does not answer.
        EngineError: the engine cannot be started or reached, or loses the same work too often.
    """
    from docpager.archive.ingest import ingest as ingest_files
    from docpager.engines.engine import engine_or_none

    _check_reading(reading)
    places, directory = as_locations(paths, "paths"), as_location(archive, "archive")
    with engine_or_none(engine) as running:
        return ingest_files(
            places,
            directory,
            embedder=embedder,
            text_field=text_field,
            prune=prune,
            progress=progress,
            reading=reading,
            engine=running,
        )


async def ingest_async(
    paths: StrLocation | Iterable[StrLocation],
    archive: StrLocation = ARCHIVE,
    *,
    embedder: str | Embedder | None = None,
    text_field: str | None = None,
    prune: bool = False,
    progress: Progress | None = None,
    reading: ReadingSettings | None = None,
    engine: str | None = None,
) -> IngestReport:
    """`ingest` for programs that run an event loop: it works in a thread.

    `progress` is called from that thread. Cancelling stops the wait, not the thread: it goes on
    until the archive is up to date.
    """
    return await asyncio.to_thread(
        ingest,
        paths,
        archive,
        embedder=embedder,
        text_field=text_field,
        prune=prune,
        progress=progress,
        reading=reading,
        engine=engine,
    )


def ask(
    question: str,
    *paths: StrLocation,
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
    journal: StrLocation | None = None,
    reading: ReadingSettings | None = None,
    progress: Progress | None = None,
    on_ingested: Callable[[IngestReport], None] | None = None,
    on_started: Callable[[Location], None] | None = None,
) -> AnswerLine:
    """Ingest what is new under `paths`, then answer one question from the documents there.

    Without `paths` the whole archive is asked. `model` is a name, a `ChatModel` or any object with
    `name` and `async complete(request)`; it may be left out where the environment holds a key or
    `base_url` names a server: then it is Claude. `api="openai"` is for servers of Chat Completions,
    `api_key_env` names the variable with the key for `base_url`. `"extractive"` is the rule-based
    reader, which is not a language model, and is asked only by that name. `paging` is by default
    what suits the model; `limits` stop a model that costs money at one dollar. `prices` is a file
    of prices that goes before the built-in ones. `reading` says how files are read; `progress` is
    called meanwhile, `on_ingested` with the report, `on_started` with the path of the journal.

    Raises:
        UsageError: no model, an argument of a wrong type, no such path or model, a question that
            is empty or too long, a window too small (`WindowTooSmall`), or an event loop is
            running here.
        ModelError: there are no credentials for the model.
        DocumentError: nothing under `paths` could be read.
        ArchiveError: the archive cannot be opened or written.
    """
    return in_own_loop(
        lambda: ask_async(
            question,
            *paths,
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
            journal=journal,
            reading=reading,
            progress=progress,
            on_ingested=on_ingested,
            on_started=on_started,
        ),
        twin="ask_async",
    )


async def ask_async(
    question: str,
    *paths: StrLocation,
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
    journal: StrLocation | None = None,
    reading: ReadingSettings | None = None,
    progress: Progress | None = None,
    on_ingested: Callable[[IngestReport], None] | None = None,
    on_started: Callable[[Location], None] | None = None,
) -> AnswerLine:
    """`ask` for programs that run an event loop.

    Files are ingested in a thread, from which `progress` and `on_ingested` are called. Cancelling
    stops the wait, not the thread: it goes on until the archive is up to date.
    """
    check_text(question, "question")
    check_asked_with(paging, limits, reading)
    prepared = prepared_from(
        model,
        base_url=base_url,
        api=api,
        api_key_env=api_key_env,
        effort=effort,
        prices=prices,
        paging=paging,
        limits=limits,
        policy=policy,
    )
    return await ask_prepared(
        question,
        *paths,
        prepared=prepared,
        archive=archive,
        journal=journal,
        reading=reading,
        progress=progress,
        on_ingested=on_ingested,
        on_started=on_started,
    )


async def ask_prepared(
    question: str,
    *paths: StrLocation,
    prepared: PreparedModel,
    archive: StrLocation = ARCHIVE,
    embedder: str | None = None,
    journal: StrLocation | None = None,
    reading: ReadingSettings | None = None,
    progress: Progress | None = None,
    on_ingested: Callable[[IngestReport], None] | None = None,
    on_started: Callable[[Location], None] | None = None,
    on_retry: Callable[[str], None] | None = None,
    on_step: OnStep | None = None,
) -> AnswerLine:
    """`ask_async` with a model that was prepared before, so that its price could be shown.

    `on_retry` is called after each failed attempt at a reply, with how long the next one waits;
    `on_step` at each step, with what is done in it.
    """
    from docpager.archive.archive import Archive
    from docpager.run.service import ask_archive

    if not question.strip():
        raise UsageError('the question is empty; ask something, such as "What was revenue?"')

    async with made_usable(prepared) as prepared:
        places, directory = as_locations(paths, "paths"), as_location(archive, "archive")
        if places:
            await beside_others(
                lambda: bring_up_to_date(
                    places,
                    directory,
                    embedder=embedder,
                    reading=reading,
                    progress=progress,
                    on_ingested=on_ingested,
                )
            )
        with Archive.open(directory, progress=progress) as library:
            return await ask_archive(
                question,
                library,
                prepared.model,
                settings=prepared.settings,
                scope=library.documents_under(places) if places else None,
                journal=as_location(journal, "journal") if journal else None,
                on_started=on_started,
                on_driver=_telling(on_retry, on_step),
            )


def resume(
    journal: StrLocation,
    *,
    model: str | ModelLike | None = None,
    archive: StrLocation | None = None,
    on_new_archive: bool = False,
    limits: RunLimits | None = None,
) -> AnswerLine:
    """Go on with a run from its journal, with the model and the archive that it names.

    Its limits are those it began with, or `limits` from now on: then a run goes on that one of its
    limits had stopped. What it has spent counts.

    Raises:
        JournalError: the journal is damaged, or a document the run has met has changed
            (`DocumentsChanged`, unless `on_new_archive`).
        ModelError: there are no credentials for the model.
        UsageError: an argument of a wrong type, or an event loop is running here; or `limits` are
            given, and the run ended otherwise, or the limit that stopped it is not raised.
    """
    return in_own_loop(
        lambda: resume_async(
            journal, model=model, archive=archive, on_new_archive=on_new_archive, limits=limits
        ),
        twin="resume_async",
    )


async def resume_async(
    journal: StrLocation,
    *,
    model: str | ModelLike | None = None,
    archive: StrLocation | None = None,
    on_new_archive: bool = False,
    limits: RunLimits | None = None,
) -> AnswerLine:
    """`resume` for programs that run an event loop."""
    return await resume_watched(
        journal, model=model, archive=archive, on_new_archive=on_new_archive, limits=limits
    )


async def resume_watched(
    journal: StrLocation,
    *,
    model: str | ModelLike | None = None,
    archive: StrLocation | None = None,
    on_new_archive: bool = False,
    limits: RunLimits | None = None,
    on_retry: Callable[[str], None] | None = None,
    on_step: OnStep | None = None,
) -> AnswerLine:
    """`resume_async` that tells how it goes, as `ask_prepared` does."""
    from docpager.archive.archive import Archive
    from docpager.models.registry import as_chat_model
    from docpager.run.journal import read_journal
    from docpager.run.service import resume_run

    if limits is not None:
        check_settings(limits, RunLimits, "limits", example="max_usd=0.5")
    record = read_journal(as_location(journal, "journal"))
    header = record.header
    directory = as_location(header.archive if archive is None else archive, "archive")
    chosen = header.model if model is None else model
    owned = isinstance(chosen, str)
    chat = _model_again(chosen, header) if isinstance(chosen, str) else as_chat_model(chosen)
    with Archive.open(directory) as library:
        if record.outcome is not None and limits is None:
            return await resume_run(record.path, library, chat, on_new_archive=on_new_archive)
        async with in_use(chat, header.plan.paging, owned=owned):
            return await resume_run(
                record.path,
                library,
                chat,
                on_new_archive=on_new_archive,
                limits=limits,
                on_driver=_telling(on_retry, on_step),
            )


def _telling(
    on_retry: Callable[[str], None] | None, on_step: OnStep | None
) -> Callable[[Driver], None]:
    """Has a driver tell what fails, and what is done."""

    def on_driver(driver: Driver) -> None:
        driver.tell_retries(on_retry)
        if on_step is not None:
            driver.tell_steps(on_step)

    return on_driver


def prepared_from(
    model: str | ModelLike | None,
    *,
    base_url: str | None,
    api: str | None,
    api_key_env: str | None,
    effort: str | None,
    prices: StrPath | None,
    **settings: Any,
) -> PreparedModel:
    """`run.preparation.prepare` with what the functions of the library are given."""
    from docpager.models.registry import ModelSource
    from docpager.run.preparation import prepare

    return prepare(
        model,
        source=ModelSource(
            base_url=base_url or "",
            effort=effort or "",
            api=api or "",
            api_key_env=api_key_env or "",
        ),
        prices=as_path(prices, "prices") if prices else None,
        environment=os.environ,
        **settings,
    )


def check_asked_with(paging: object, limits: object, reading: object = None) -> None:
    """Refuse settings of a wrong type, such as a dict.

    Raises:
        UsageError: one is; the message shows how to write it.
    """
    check_settings(paging, PagingSettings, "paging", example="window=8000")
    check_settings(limits, RunLimits, "limits", example="max_usd=0.5")
    _check_reading(reading)


def _check_reading(reading: object) -> None:
    """Refuse settings of reading that are of a wrong type."""
    from docpager.archive.ingest_files import ReadingSettings

    check_settings(reading, ReadingSettings, "reading", example='exclude=("*.log",)')


@asynccontextmanager
async def in_use(model: ChatModel, paging: PagingSettings, *, owned: bool) -> AsyncIterator[None]:
    """A model that was seen to be usable; its connections are closed if it was made here."""
    try:
        await model.check(window=paging.window, max_output=paging.max_output)
        yield
    finally:
        if owned:
            await model.close()


@asynccontextmanager
async def made_usable(prepared: PreparedModel) -> AsyncIterator[PreparedModel]:
    """The same before a run is planned: the window fits its server where nobody chose one."""
    from docpager.run.preparation import usable

    try:
        yield await usable(prepared)
    finally:
        if prepared.owned:
            await prepared.model.close()


def _model_again(name: str, header: Header) -> ChatModel:
    """The model of that name, asked where and how the run in a journal asked."""
    from docpager.models.registry import model_from

    return model_from(name, header.source, price=header.price).model


def bring_up_to_date(
    places: Sequence[Location],
    directory: Location,
    *,
    embedder: str | None = None,
    progress: Progress | None = None,
    on_ingested: Callable[[IngestReport], None] | None = None,
    without: Sequence[Location] = (),
    reading: ReadingSettings | None = None,
) -> None:
    """Ingest what is new or changed under `places`, `without` these files and folders; what was
    forgotten stays out.

    Raises:
        DocumentError: nothing there could be read.
    """
    from docpager.archive.ingest import ingest
    from docpager.archive.ingest_files import ReadingSettings

    reading = reading or ReadingSettings()
    reading = replace(reading, keep_forgotten_out=True, without=(*reading.without, *without))
    report = ingest(places, directory, embedder=embedder, progress=progress, reading=reading)
    if on_ingested is not None:
        on_ingested(report)
    if report.nothing_readable:
        named = ", ".join(repr(str(place)) for place in places)
        reasons = "; ".join(f"{file.path}: {file.message}" for file in report.skipped[:3])
        raise DocumentError(f"nothing readable in {named}" + (f" ({reasons})" if reasons else ""))
