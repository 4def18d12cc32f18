"""The library: ask one question of files and folders, the same as `docpager ask`."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

from docpager.errors import DocumentError, UsageError
from docpager.settings import PagingSettings, RunLimits

if TYPE_CHECKING:
    from docpager.answering.answer_line import AnswerLine
    from docpager.archive.report import IngestReport
    from docpager.archive.update import Progress
    from docpager.llm.chat import ChatModel

__all__ = ["ARCHIVE", "ask", "ask_async", "resume"]

ARCHIVE = Path(".docpager")
"""Where the archive is unless another place is named."""


def ask(
    question: str,
    *paths: str | Path,
    model: str | ChatModel = "extractive",
    archive: str | Path = ARCHIVE,
    paging: PagingSettings | None = None,
    limits: RunLimits | None = None,
    policy: str = "recent",
    journal: str | Path | None = None,
) -> AnswerLine:
    """Ingest what is new under `paths`, then answer one question from the documents there.

    Without `paths` the whole archive is asked. `model` is a name or any `ChatModel`.

    Raises:
        UsageError: no such path, a question that is empty or too long, a window too small.
        DocumentError: nothing under `paths` could be read.
        ArchiveError: the archive cannot be opened or written.
    """
    return asyncio.run(
        ask_async(
            question,
            *paths,
            model=model,
            archive=archive,
            paging=paging,
            limits=limits,
            policy=policy,
            journal=journal,
        )
    )


async def ask_async(
    question: str,
    *paths: str | Path,
    model: str | ChatModel = "extractive",
    archive: str | Path = ARCHIVE,
    paging: PagingSettings | None = None,
    limits: RunLimits | None = None,
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
    from docpager.answering.asking import AskSettings, ask_archive
    from docpager.archive.archive import Archive
    from docpager.llm.models import model_named

    if not question.strip():
        raise UsageError('the question is empty; ask something, such as "What was revenue?"')
    chat = model_named(model) if isinstance(model, str) else model
    places = [Path(path) for path in paths]
    directory = Path(archive)
    if places:
        _bring_up_to_date(places, directory, progress=progress, ingested=ingested)
    settings = AskSettings(
        paging=paging or PagingSettings(), limits=limits or RunLimits(), policy=policy
    )
    with closing(Archive.open(directory)) as library:
        scope = library.documents_under(places) if places else None
        return await ask_archive(
            question,
            library,
            chat,
            settings=settings,
            scope=scope,
            journal=Path(journal) if journal else None,
            begun=begun,
        )


def resume(
    journal: str | Path,
    *,
    model: str | ChatModel | None = None,
    archive: str | Path | None = None,
    on_new_archive: bool = False,
) -> AnswerLine:
    """Go on with a run from its journal, with the model and the archive that it names.

    Raises:
        JournalError: the journal is damaged, or a document the run has met has changed.
    """
    from docpager.answering.asking import resume_run
    from docpager.answering.journal import read_journal
    from docpager.archive.archive import Archive
    from docpager.llm.models import model_named

    header = read_journal(Path(journal)).header
    chosen = header.model if model is None else model
    chat = model_named(chosen) if isinstance(chosen, str) else chosen
    directory = Path(archive) if archive is not None else Path(header.archive)
    with closing(Archive.open(directory)) as library:
        return asyncio.run(resume_run(Path(journal), library, chat, on_new_archive=on_new_archive))


def _bring_up_to_date(
    places: Sequence[Path],
    directory: Path,
    *,
    progress: Progress | None,
    ingested: Callable[[IngestReport], None] | None,
) -> None:
    from docpager.archive.ingest import ingest

    report = ingest(places, directory, progress=progress)
    if ingested is not None:
        ingested(report)
    if report.nothing_readable:
        named = ", ".join(repr(str(place)) for place in places)
        reasons = "; ".join(f"{file.path}: {file.message}" for file in report.skipped[:3])
        raise DocumentError(f"nothing readable in {named}" + (f" ({reasons})" if reasons else ""))
