"""Opens a batch: questions, answers, journals and books are brought together and checked."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from docpager.batch.answers import AnswersFile, open_answers
from docpager.batch.batch_desk import BatchDesk
from docpager.batch.fingerprint import Fingerprint, decisive
from docpager.batch.job import BatchArchive, BatchJob, asked_of
from docpager.batch.journals import JournalNames, spent_in
from docpager.batch.plan import plan_batch
from docpager.batch.questions import Question
from docpager.batch.round_book import RoundBook
from docpager.batch.session import Session
from docpager.batch.settings import BatchSettings
from docpager.core.errors import JournalError, UsageError
from docpager.core.passages import DocumentEntry
from docpager.models.budget import Books, Cost
from docpager.run.journal import JournalRecord, read_journal
from docpager.run.plan import plan_run
from docpager.run.result import AnswerLine
from docpager.run.service import AskSettings, PreparedModel, check_limits

__all__ = ["Outside", "open_batch", "spent_before"]

ROUND_BOOK = "rounds.jsonl"


@dataclass(frozen=True, slots=True)
class Outside:
    """Time, and whoever wants to hear how it goes."""

    answered: Callable[[AnswerLine], None] = lambda _: None
    told: Callable[[str], None] = lambda _: None
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
    clock: Callable[[], float] = time.monotonic
    now: Callable[[], float] = time.time
    """Seconds since 1970."""


@contextmanager
def open_batch(
    job: BatchJob,
    archive: BatchArchive,
    prepared: PreparedModel,
    *,
    settings: BatchSettings,
    outside: Outside | None = None,
) -> Iterator[Session]:
    """A session for what of the job is still to be done. Nothing has been spent when it opens.

    Raises:
        UsageError: questions name documents that are not there; the window is too small; the
            output was begun with other settings or questions; the model takes no batches; each
            question is limited in dollars, and the model has no known price.
    """
    outside = outside or Outside()
    check_limits(prepared.settings.limits, prepared.model.name, prepared.price)
    _check_window(job.questions, archive.documents(), prepared.settings)
    questions, scopes = asked_of(job, archive, told=outside.told)
    settled = decisive(prepared, archive, job)
    with ExitStack() as opened:
        answers = opened.enter_context(
            open_answers(
                job.output,
                fingerprint=Fingerprint.of(questions, **settled),
                begun=JournalNames.any_begun,
            )
        )
        journals = JournalNames.of(
            answers.folder,
            folder=job.journals or archive.directory / "runs",
            named=job.journals is not None,
        )
        desk = _desk(answers.folder / ROUND_BOOK, prepared, settings, outside)
        if desk is not None:
            opened.callback(desk.close)
        lost = desk.unanswered_is_lost if desk is not None else (lambda _: True)
        plan = plan_batch(
            questions, answers, scopes, journals=journals, retry_failed=job.retry_failed
        )
        del scopes  # each task has its own
        spent, on_the_way = spent_before(answers, journals, unanswered_is_lost=lost)
        session = Session(
            archive,
            prepared,
            answers,
            plan,
            journals=journals,
            books=Books(max_usd=settings.max_usd, max_tokens=settings.max_tokens, spent=spent),
            on_the_way=on_the_way,
            settings=settings,
            desk=desk,
            unanswered_is_lost=lost,
            told=outside.answered,
            sleep=outside.sleep,
            clock=outside.clock,
        )
        yield session
        answers.finish(order=[each.id for each in questions] if job.in_order else None)


def spent_before(
    answers: AnswersFile,
    journals: JournalNames,
    *,
    unanswered_is_lost: Callable[[JournalRecord], bool] = lambda _: True,
) -> tuple[Cost, dict[str, Cost]]:
    """What earlier sessions took: by the answer lines, and by the journals of all other runs.

    Beside it, by question, what a reply may cost that was asked for and is still to be fetched.
    """
    on_the_way: dict[str, Cost] = {}
    answered = answers.spent()
    tokens, usd = answered.tokens, answered.usd or 0.0
    ended = {journals.newest(id) for id in answers.stored}
    for path in journals.all():
        if path in ended or not journals.is_begun(path):
            continue
        with suppress(JournalError):
            record = read_journal(path)
            spent = spent_in(record, unanswered_is_lost=unanswered_is_lost)
            tokens, usd = tokens + spent.tokens, usd + (spent.usd or 0.0)
            at_worst = spent_in(record)
            if at_worst != spent:
                owed = Cost(at_worst.tokens - spent.tokens, (at_worst.usd or 0) - (spent.usd or 0))
                on_the_way[record.header.question_id] = owed
    return Cost(tokens, usd), on_the_way


def _check_window(
    questions: Sequence[Question], documents: Sequence[DocumentEntry], settings: AskSettings
) -> None:
    """Refuse a window in which not even the shortest question fits."""
    shortest = min((each.question for each in questions), key=len, default="?")
    plan_run(
        shortest,
        documents,
        counter=settings.counter,
        factor=settings.factor,
        paging=settings.paging,
        limits=settings.limits,
        policy=settings.policy,
    )


def _desk(
    book: Path, prepared: PreparedModel, settings: BatchSettings, outside: Outside
) -> BatchDesk | None:
    """Where message batches are handed in; None where none ever were, nor are to be."""
    if not settings.by_batches and not book.exists():
        return None
    if settings.by_batches and (why := prepared.model.why_no_batches):
        raise UsageError(why)
    return BatchDesk(
        prepared.model,
        RoundBook(book, by_batches=settings.by_batches, now=outside.now),
        sleep=outside.sleep,
        clock=outside.clock,
        told=outside.told,
    )
