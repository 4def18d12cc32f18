"""A session of a batch: drives what is left of its questions, and says how it went.

Opens a batch: questions, answers, journals and records of money are brought together and checked.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path

from docpager.batch.admission import Admission, UnfetchedReplies
from docpager.batch.answers_file import AnswersFile, open_answers
from docpager.batch.batch_client import BatchClient
from docpager.batch.batch_pricing import RoundsBill, compare
from docpager.batch.dispatch import DispatchContext, drive_in_rounds, drive_live
from docpager.batch.elsewhere import BatchLedger, Elsewhere
from docpager.batch.estimate import as_asked, sample_runs
from docpager.batch.job import BatchArchive, BatchJob, Fingerprint, asked_of, decisive
from docpager.batch.journals import JournalNames, spent_in
from docpager.batch.plan import BatchPlan, Task, plan_batch
from docpager.batch.progress import BatchProgress, BatchReport
from docpager.batch.questions import Question
from docpager.batch.settings import BatchSettings
from docpager.batch.stop_signal import StopSignal
from docpager.batch.submission_log import SubmissionLog
from docpager.core.errors import JournalError, LimitReached, UsageError
from docpager.core.locations import Location
from docpager.core.passages import DocumentEntry
from docpager.engines.engine import Engine
from docpager.models.budget import Budget, Cost
from docpager.run.answer_line import AnswerLine
from docpager.run.archival_storage import OpenArchive
from docpager.run.driver import StepNow
from docpager.run.journal import JournalRecord, read_journal
from docpager.run.observer import observing_batch
from docpager.run.plan import plan_run
from docpager.run.preparation import PreparedModel, naming_context
from docpager.run.service import check_limits

__all__ = ["Session", "SessionHooks", "open_batch", "spent_before"]

GRACE_SECONDS = 20.0
"""How long a reply that is under way, and paid for, is waited for when the batch is stopped."""
VAIN = 3
"""Questions whose model fails before any reply has come: then it is the model or its server, and no
question is to blame or gets a line."""
LEAVING_SECONDS = 2.0
"""How long runs take at most to write down that they were let go."""


class Session:
    """One session of a batch, from the plan to the report."""

    def __init__(
        self,
        archive: OpenArchive,
        prepared: PreparedModel,
        answers: AnswersFile,
        plan: BatchPlan,
        *,
        journals: JournalNames,
        spending: Budget,
        unfetched: Mapping[str, Cost] | None = None,
        settings: BatchSettings,
        batch_client: BatchClient | None = None,
        unanswered_is_lost: Callable[[JournalRecord], bool] = lambda _: True,
        hooks: SessionHooks,
        elsewhere: Elsewhere | None = None,
    ) -> None:
        self.plan = plan
        self.prepared = prepared
        self.settings = settings
        self.spending = spending
        self.progress = BatchProgress(
            plan.kept + len(plan.tasks), plan.kept, tells_replies=elsewhere is None
        )
        self._answers = answers
        self._journals = journals
        self._batch_client = batch_client
        self._hooks = hooks
        self._started = hooks.clock()
        self._stop_signal = StopSignal()
        self._rounds_bill: RoundsBill | None = None
        self._short: LimitReached | None = None
        self._in_vain: list[AnswerLine] = []
        self._work: asyncio.Task[None] | None = None
        self._context = DispatchContext(
            archive,
            prepared.model,
            prepared.settings,
            spending,
            Admission(spending, worst_call=_worst_call(prepared, settings)),
            UnfetchedReplies(spending, unfetched or {}),
            journals,
            unanswered_is_lost,
            answered=self._answered,
            replied=self.progress.replied,
            elsewhere=elsewhere,
            stepped=self._stepped,
            rested=self._rested,
        )

    @property
    def elapsed_seconds(self) -> float:
        return self._hooks.clock() - self._started

    @property
    def left(self) -> list[Task]:
        """Questions without an answer line."""
        return [
            replace(task, begun=self._journals.is_begun(self._journals.newest(task.id)))
            for task in self.plan.tasks
            if task.id not in self._answers.stored
        ]

    async def weigh_rounds(self) -> RoundsBill | None:
        """What rounds are expected to cost beside live runs, by runs like those to come; requests
        are cached from now on if that pays. None for a model without a price."""
        price = self.prepared.price
        if price is None or price.free:
            return None
        if self._rounds_bill is None:
            sample = await sample_runs(
                self.plan.tasks,
                self._context.archive,
                self.prepared,
                journals=self._journals.folder,
            )
            profiles = as_asked(sample, self.prepared)
            self._rounds_bill = compare(profiles, price, following=sample.following)
            self.prepared.model.batch_ttl = "1h" if self._rounds_bill.cached else None
        return self._rounds_bill

    def lines(self) -> Iterator[AnswerLine]:
        """Every answer line of the batch, those of earlier sessions too."""
        return self._answers.lines()

    async def drive(self) -> BatchReport:
        """Answer what the plan asks for, as far as money and interruptions allow."""
        with observing_batch(self.prepared.model.name):
            return await self._drive_shielded()

    async def _drive_shielded(self) -> BatchReport:
        self._work = asyncio.ensure_future(self._drive())
        try:
            # Shielded, because Ctrl-C cancels whoever waits here, and runs still need a moment to
            # write down that they were let go.
            await asyncio.shield(self._work)
        except asyncio.CancelledError:
            self._work.cancel()
            with suppress(asyncio.CancelledError):
                await self._work
            # Nobody asked the batch to stop, so the cancellation is the caller's own and must reach
            # it.
            if self._stop_signal.reason is None:
                raise
        except BaseExceptionGroup as group:
            # Many questions at once: one full disk is one error to the caller.
            raise _first(group) from group
        return self._report()

    def stop(self, reason: str) -> None:
        """Let every run go at its next step; replies under way are waited for a while. Told
        again, nobody waits any more."""
        patient = not self.settings.by_batches and self._stop_signal.reason is None
        self._stop_signal.ask(reason)
        asyncio.get_running_loop().call_later(GRACE_SECONDS if patient else 0.0, self._leave)

    def _leave(self) -> None:
        self._stop_signal.at_once()
        if self._work is not None:
            asyncio.get_running_loop().call_later(LEAVING_SECONDS, self._work.cancel)

    async def _drive(self) -> None:
        settings, elsewhere = self.settings, self._context.elsewhere
        if settings.by_batches:
            assert self._batch_client is not None, "rounds need a batch client"
            await self.weigh_rounds()
            self._short = await drive_in_rounds(
                self._context,
                self.left,
                self._batch_client,
                stop_signal=self._stop_signal,
                seats=settings.seats,
                close_after_seconds=settings.finish_live_after_seconds,
                sleep=self._hooks.sleep,
            )
        if not settings.by_batches or settings.finish_live_after_seconds is not None:
            self._short = await drive_live(
                self._context,
                self.left,
                stop_signal=self._stop_signal,
                places=elsewhere.at_once if elsewhere else settings.live_places,
                leading=self.prepared.paid,
                batch_client=self._batch_client,
                sleep=self._hooks.sleep,
                clock=self._hooks.clock,
            )

    def _answered(self, task: Task, line: AnswerLine) -> None:
        replied = self.progress.steps or (line.steps and not self.progress.tells_replies)
        if line.resumable and not replied:
            self._in_vain.append(line)
            if len(self._in_vain) == VAIN:
                self._stop_signal.ask(self._why_in_vain)
        else:
            # A reply has come after all, so the failures before it were of those questions and get
            # their lines.
            for each in (*self._in_vain, line):
                self._write(each)
            self._in_vain.clear()

    def _stepped(self, task: Task, now: StepNow) -> None:
        self.progress.running[task.id] = now
        self._hooks.on_step(task.id, now)

    def _rested(self, task: Task) -> None:
        self.progress.running.pop(task.id, None)

    def _write(self, line: AnswerLine) -> None:
        self._answers.append(line.as_json())
        self.progress.answered(line)
        self._hooks.on_answer(line)

    @property
    def _why_in_vain(self) -> str:
        return f"no question got a reply ({self._in_vain[0].error})"

    def _report(self) -> BatchReport:
        progress, statuses, left = self.progress, self.progress.statuses, self.left
        begun = sum(task.begun for task in left)
        return BatchReport(
            questions=progress.questions,
            kept=progress.kept,
            answered=statuses["answered"],
            unsupported=statuses["unsupported"],
            abstained=statuses["abstained"],
            stopped=statuses["stopped"],
            failed=statuses["failed"],
            failed_before=self.plan.failed_before,
            parked=begun,
            waiting=len(left) - begun,
            usage=progress.usage,
            usd=None if self.prepared.price is None else self.spending.usd.spent,
            steps=progress.steps,
            seconds=self.elapsed_seconds,
            failures=tuple(progress.failures),
            why_stopped=self._why_stopped if left else None,
            limit_reached=bool(left and self._short and self._stop_signal.reason is None),
        )

    @property
    def _why_stopped(self) -> str | None:
        if self._stop_signal.reason is None and self._in_vain:
            return self._why_in_vain
        return self._stop_signal.reason or (str(self._short) if self._short else None)


def _worst_call(prepared: PreparedModel, settings: BatchSettings) -> Cost:
    paging = prepared.settings.paging
    if prepared.price is None:
        return Cost(paging.window)
    only_rounds = settings.by_batches and settings.finish_live_after_seconds is None
    usd = prepared.price.worst_case(
        prompt_tokens=prepared.largest_prompt,
        output_tokens=paging.max_output,
        batch=only_rounds,
        hour=only_rounds,
    )
    return Cost(paging.window, usd)


def _first(group: BaseExceptionGroup[BaseException]) -> BaseException:
    """What went wrong first, for those who can only be told one thing."""
    error = group.exceptions[0]
    return _first(error) if isinstance(error, BaseExceptionGroup) else error


ROUND_BOOK = "rounds.jsonl"


@dataclass(frozen=True, slots=True)
class SessionHooks:
    """Clocks, and what is called as a session goes on."""

    on_answer: Callable[[AnswerLine], None] = lambda _: None
    on_message: Callable[[str], None] = lambda _: None
    on_step: Callable[[str, StepNow], None] = lambda _, now: None
    """Called with the id of a question and what its run does, whenever that changes."""
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
    hooks: SessionHooks | None = None,
    engine: Engine | None = None,
) -> Iterator[Session]:
    """A session for what of the job is still to be done. Nothing has been spent when it opens.

    Raises:
        UsageError: questions name documents that are not there; the window is too small; the
            output was started with other settings or questions; the model takes no batches; each
            question is limited in dollars, and the model has no known price.
    """
    hooks = hooks or SessionHooks()
    check_limits(prepared.settings.limits, prepared.model.name, prepared.price)
    _check_window(job.questions, archive.documents(), prepared)
    questions, scopes = asked_of(job, archive, on_message=hooks.on_message)
    settled = decisive(prepared, archive, job)
    with ExitStack() as opened:
        answers = opened.enter_context(
            open_answers(
                job.output,
                fingerprint=Fingerprint.of(questions, **settled),
                begun=JournalNames.any_begun,
            )
        )
        journals = _journals(job, archive, answers)
        batch_client = _batch_client(answers.folder / ROUND_BOOK, prepared, settings, hooks)
        if batch_client is not None:
            opened.callback(batch_client.close)
        lost = batch_client.unanswered_is_lost if batch_client is not None else (lambda _: True)
        plan = plan_batch(
            questions, answers, scopes, journals=journals, retry_failed=job.retry_failed
        )
        del scopes  # each task has its own
        spent, unfetched = spent_before(answers, journals, unanswered_is_lost=lost)
        spending = Budget(max_usd=settings.max_usd, max_tokens=settings.max_tokens, spent=spent)
        elsewhere = _elsewhere(engine, archive, prepared, answers, journals, settings, spending)
        session = Session(
            archive,
            prepared,
            answers,
            plan,
            journals=journals,
            spending=spending,
            unfetched=unfetched,
            settings=settings,
            batch_client=batch_client,
            unanswered_is_lost=lost,
            hooks=hooks,
            elsewhere=elsewhere,
        )
        yield session
        answers.finish(order=[each.id for each in questions] if job.in_order else None)


def _journals(job: BatchJob, archive: BatchArchive, answers: AnswersFile) -> JournalNames:
    return JournalNames.of(
        answers.folder,
        folder=job.journals or archive.directory / "runs",
        named=job.journals is not None,
    )


def _elsewhere(
    engine: Engine | None,
    archive: BatchArchive,
    prepared: PreparedModel,
    answers: AnswersFile,
    journals: JournalNames,
    settings: BatchSettings,
    spending: Budget,
) -> Elsewhere | None:
    """Where an engine answers questions, and keeps their budget."""
    if engine is None:
        return None
    if settings.by_batches:
        raise UsageError("message batches are sent from this machine; leave `engine=` out")
    if not prepared.owned:
        raise UsageError("an engine finds its model by name; give `model=` as a name")
    ledger = engine.keep(
        BatchLedger,
        settings.max_tokens,
        settings.max_usd,
        answers.spent(),
        journals,
        frozenset(journals.newest(id) for id in answers.stored),
    )
    place, generation = archive.directory, archive.generation
    at_once = settings.places_on(engine.workers)
    return Elsewhere(engine, place, generation, prepared, ledger, spending, at_once=at_once)


def spent_before(
    answers: AnswersFile,
    journals: JournalNames,
    *,
    unanswered_is_lost: Callable[[JournalRecord], bool] = lambda _: True,
) -> tuple[Cost, dict[str, Cost]]:
    """What earlier sessions took: by the answer lines, and by the journals of all other runs.

    Beside it, by question, what a reply may cost that was asked for and is still to be fetched.
    """
    unfetched: dict[str, Cost] = {}
    answered = answers.spent()
    tokens, usd = answered.tokens, answered.usd or 0.0
    ended = {journals.newest(id) for id in answers.stored}
    for path in journals.all():
        # A question with an answer line is counted there; its journal would count it twice.
        if path in ended or not journals.is_begun(path):
            continue
        # A damaged journal stops its own question, which says so, and not the batch.
        with suppress(JournalError):
            record = read_journal(path)
            spent = spent_in(record, unanswered_is_lost=unanswered_is_lost)
            tokens, usd = tokens + spent.tokens, usd + (spent.usd or 0.0)
            at_worst = spent_in(record)
            if at_worst != spent:
                owed = Cost(at_worst.tokens - spent.tokens, (at_worst.usd or 0) - (spent.usd or 0))
                unfetched[record.header.question_id] = owed
    return Cost(tokens, usd), unfetched


def _check_window(
    questions: Sequence[Question], documents: Sequence[DocumentEntry], prepared: PreparedModel
) -> None:
    """Refuse a window in which not even the shortest question fits."""
    settings, measures = prepared.settings, prepared.model.may_measure
    shortest = min((each.question for each in questions), key=len, default="?")
    with naming_context(settings):
        plan_run(
            shortest,
            documents,
            counter=settings.counter,
            # Each run measures what its server counts: here only what is hopeless is refused.
            factor=min(settings.factor, 1.0) if measures else settings.factor,
            paging=settings.paging,
            limits=settings.limits,
            policy=settings.policy,
        )


def _batch_client(
    book: Location, prepared: PreparedModel, settings: BatchSettings, hooks: SessionHooks
) -> BatchClient | None:
    """Where message batches are handed in; None where none ever were, nor are to be."""
    if not isinstance(book, Path):
        if settings.by_batches:
            raise UsageError(
                f"message batches are noted beside the answers, and '{book.parent.parent}' is in "
                "object storage; name an output on this machine"
            )
        return None
    if not settings.by_batches and not book.exists():
        return None
    if settings.by_batches and (why := prepared.model.why_no_batches):
        raise UsageError(why)
    return BatchClient(
        prepared.model,
        SubmissionLog(book, by_batches=settings.by_batches, now=hooks.now),
        sleep=hooks.sleep,
        clock=hooks.clock,
        on_message=hooks.on_message,
    )
