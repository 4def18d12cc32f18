"""The library: ask one question of files and folders, the same as `docpager ask`."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, closing
from pathlib import Path
from typing import TYPE_CHECKING

from docpager.errors import DocumentError, UsageError
from docpager.settings import PagingSettings, RunLimits

if TYPE_CHECKING:
    from docpager.answering.answer_line import AnswerLine
    from docpager.answering.drivers import Driver, Stepping
    from docpager.answering.journal import Header
    from docpager.answering.preparing import PreparedModel
    from docpager.archive.report import IngestReport
    from docpager.archive.update import Progress
    from docpager.llm.chat import ChatModel, ModelLike

__all__ = [
    "ARCHIVE",
    "ask",
    "ask_async",
    "ask_prepared",
    "bring_up_to_date",
    "in_use",
    "resume",
]

ARCHIVE = Path(".docpager")
"""Where the archive is unless another place is named."""


def ask(
    question: str,
    *paths: str | Path,
    model: str | ModelLike | None = None,
    base_url: str | None = None,
    effort: str | None = None,
    archive: str | Path = ARCHIVE,
    paging: PagingSettings | None = None,
    limits: RunLimits | None = None,
    prices: str | Path | None = None,
    policy: str = "recent",
    journal: str | Path | None = None,
) -> AnswerLine:
    """Ingest what is new under `paths`, then answer one question from the documents there.

    Without `paths` the whole archive is asked. `model` is a name, a `ChatModel` or any object with
    `name` and `async complete(request)`; it may be left out where the environment holds a key or
    `base_url` names a server: then it is Claude. `"extractive"` is the rule-based reader, which is
    not a language model, and is asked only by that name. `paging` is by default what suits the
    model; `limits` stop a model that costs money at one dollar. `prices` is a file of prices that
    goes before the built-in ones.

    Raises:
        UsageError: no model, no such path or model, a question that is empty or too long, a window
            too small.
        ModelError: there are no credentials for the model.
        DocumentError: nothing under `paths` could be read.
        ArchiveError: the archive cannot be opened or written.
    """
    return asyncio.run(
        ask_async(
            question,
            *paths,
            model=model,
            base_url=base_url,
            effort=effort,
            archive=archive,
            paging=paging,
            limits=limits,
            prices=prices,
            policy=policy,
            journal=journal,
        )
    )


async def ask_async(
    question: str,
    *paths: str | Path,
    model: str | ModelLike | None = None,
    base_url: str | None = None,
    effort: str | None = None,
    archive: str | Path = ARCHIVE,
    paging: PagingSettings | None = None,
    limits: RunLimits | None = None,
    prices: str | Path | None = None,
    policy: str = "recent",
    journal: str | Path | None = None,
    progress: Progress | None = None,
    ingested: Callable[[IngestReport], None] | None = None,
    begun: Callable[[Path], None] | None = None,
) -> AnswerLine:
    """`ask` for programs that run an event loop.

    `progress` and `ingested` hear of the ingest, `begun` gets the journal of the run, which can be
    resumed from it once it has begun.
    """
    from docpager.answering.preparing import prepare
    from docpager.llm.models import ModelSource

    prepared = prepare(
        model,
        source=ModelSource(base_url=base_url or "", effort=effort or ""),
        paging=paging,
        limits=limits,
        prices=Path(prices) if prices else None,
        policy=policy,
        environment=os.environ,
    )
    return await ask_prepared(
        question,
        *paths,
        prepared=prepared,
        archive=archive,
        journal=journal,
        progress=progress,
        ingested=ingested,
        begun=begun,
    )


async def ask_prepared(
    question: str,
    *paths: str | Path,
    prepared: PreparedModel,
    archive: str | Path = ARCHIVE,
    journal: str | Path | None = None,
    progress: Progress | None = None,
    ingested: Callable[[IngestReport], None] | None = None,
    begun: Callable[[Path], None] | None = None,
    waiting: Callable[[str], None] | None = None,
    stepping: Stepping | None = None,
) -> AnswerLine:
    """`ask_async` with a model that was prepared before, so that its price could be shown.

    `waiting` is told of each attempt at a reply that failed, and how long the next one waits;
    `stepping` of each step, and what is done in it.
    """
    from docpager.answering.asking import ask_archive
    from docpager.archive.archive import Archive

    if not question.strip():
        raise UsageError('the question is empty; ask something, such as "What was revenue?"')

    def driving(driver: Driver) -> None:
        driver.tell_waits(waiting)
        if stepping is not None:
            driver.tell_steps(stepping)

    async with in_use(prepared.model, prepared.settings.paging, owned=prepared.owned):
        places = [Path(path) for path in paths]
        directory = Path(archive)
        if places:
            bring_up_to_date(places, directory, progress=progress, ingested=ingested)
        with closing(Archive.open(directory)) as library:
            return await ask_archive(
                question,
                library,
                prepared.model,
                settings=prepared.settings,
                scope=library.documents_under(places) if places else None,
                journal=Path(journal) if journal else None,
                begun=begun,
                driving=driving,
            )


def resume(
    journal: str | Path,
    *,
    model: str | ModelLike | None = None,
    archive: str | Path | None = None,
    on_new_archive: bool = False,
) -> AnswerLine:
    """Go on with a run from its journal, with the model and the archive that it names.

    Its limits are those it began with, and what it has spent counts.

    Raises:
        JournalError: the journal is damaged, or a document the run has met has changed.
        ModelError: there are no credentials for the model.
    """
    from docpager.answering.journal import read_journal
    from docpager.llm.models import as_chat_model

    record = read_journal(Path(journal))
    header = record.header
    directory = Path(archive) if archive is not None else Path(header.archive)
    chosen = header.model if model is None else model
    owned = isinstance(chosen, str)
    chat = _model_again(chosen, header) if isinstance(chosen, str) else as_chat_model(chosen)

    async def go_on() -> AnswerLine:
        from docpager.answering.asking import resume_run
        from docpager.archive.archive import Archive

        with closing(Archive.open(directory)) as library:
            if record.outcome is not None:
                return await resume_run(record.path, library, chat, on_new_archive=on_new_archive)
            async with in_use(chat, header.plan.paging, owned=owned):
                return await resume_run(record.path, library, chat, on_new_archive=on_new_archive)

    return asyncio.run(go_on())


@asynccontextmanager
async def in_use(model: ChatModel, paging: PagingSettings, *, owned: bool) -> AsyncIterator[None]:
    """A model that was seen to be usable; its connections are closed if it was made here."""
    try:
        await model.check(window=paging.window, max_output=paging.max_output)
        yield
    finally:
        if owned:
            await model.close()


def _model_again(name: str, header: Header) -> ChatModel:
    """The model of that name, asked where and how the run in a journal asked."""
    from docpager.llm.models import model_named

    source = header.source
    return model_named(
        name,
        base_url=source.base_url or None,
        backend=source.backend or None,
        effort=source.effort or None,
        price=header.price,
    ).model


def bring_up_to_date(
    places: Sequence[Path],
    directory: Path,
    *,
    progress: Progress | None,
    ingested: Callable[[IngestReport], None] | None,
    without: Sequence[Path] = (),
) -> None:
    """Ingest what is new or changed under `places`, `without` these files and folders; what was
    forgotten stays out.

    Raises:
        DocumentError: nothing there could be read.
    """
    from docpager.archive.ingest import ingest
    from docpager.archive.sources import ReadingSettings

    reading = ReadingSettings(keep_forgotten_out=True, without=without)
    report = ingest(places, directory, progress=progress, reading=reading)
    if ingested is not None:
        ingested(report)
    if report.nothing_readable:
        named = ", ".join(repr(str(place)) for place in places)
        reasons = "; ".join(f"{file.path}: {file.message}" for file in report.skipped[:3])
        raise DocumentError(f"nothing readable in {named}" + (f" ({reasons})" if reasons else ""))
