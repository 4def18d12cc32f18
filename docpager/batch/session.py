"""A session of a batch: drives what is left of its questions, and says how it went."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import replace

from docpager.batch.answers import AnswersFile
from docpager.batch.batch_desk import BatchDesk
from docpager.batch.bills import RoundsBill, compare
from docpager.batch.driver import Common
from docpager.batch.estimate import as_asked
from docpager.batch.journals import JournalNames
from docpager.batch.money import Admission, OnTheWay
from docpager.batch.parking import Parking
from docpager.batch.plan import BatchPlan, Task
from docpager.batch.rehearsal import sample_runs
from docpager.batch.settings import BatchSettings
from docpager.batch.tally import BatchReport, Tally
from docpager.batch.ways import drive_in_rounds, drive_live
from docpager.core.errors import LimitReached
from docpager.models.budget import Books, Cost
from docpager.run.journal import JournalRecord
from docpager.run.result import AnswerLine
from docpager.run.service import OpenArchive, PreparedModel

__all__ = ["Session"]

GRACE_SECONDS = 20.0
"""How long a reply that is under way, and paid for, is waited for when the batch is stopped."""
VAIN = 3
"""Questions whose model fails before any reply has come: then it is the model or its server, and no
question is to blame or gets a line."""
LEAVING_SECONDS = 2.0
"""How long runs take at most to write down that they were let go."""


class Session:
    """One sitting of a batch: from the plan to the report."""

    def __init__(
        self,
        archive: OpenArchive,
        prepared: PreparedModel,
        answers: AnswersFile,
        plan: BatchPlan,
        *,
        journals: JournalNames,
        books: Books,
        on_the_way: Mapping[str, Cost] | None = None,
        settings: BatchSettings,
        desk: BatchDesk | None = None,
        unanswered_is_lost: Callable[[JournalRecord], bool] = lambda _: True,
        told: Callable[[AnswerLine], None] = lambda _: None,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.plan = plan
        self.prepared = prepared
        self.settings = settings
        self.books = books
        self.tally = Tally(plan.kept + len(plan.tasks), plan.kept)
        self._answers = answers
        self._journals = journals
        self._desk = desk
        self._told = told
        self._sleep = sleep
        self._clock = clock
        self._started = clock()
        self._parking = Parking()
        self._rounds_bill: RoundsBill | None = None
        self._short: LimitReached | None = None
        self._in_vain: list[AnswerLine] = []
        self._work: asyncio.Task[None] | None = None
        self._common = Common(
            archive,
            prepared.model,
            prepared.settings,
            books,
            Admission(books, worst_call=_worst_call(prepared, settings)),
            OnTheWay(books, on_the_way or {}),
            journals,
            unanswered_is_lost,
            answered=self._answered,
            replied=self.tally.replied,
        )

    @property
    def elapsed_seconds(self) -> float:
        return self._clock() - self._started

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
                self.plan.tasks, self._common.archive, self.prepared, journals=self._journals.folder
            )
            courses = as_asked(sample, self.prepared)
            self._rounds_bill = compare(courses, price, following=sample.following)
            self.prepared.model.batch_ttl = "1h" if self._rounds_bill.cached else None
        return self._rounds_bill

    def lines(self) -> Iterator[AnswerLine]:
        """Every answer line of the batch, those of earlier sessions too."""
        return self._answers.lines()

    async def drive(self) -> BatchReport:
        """Answer what the plan asks for, as far as money and interruptions allow."""
        self._work = asyncio.ensure_future(self._drive())
        try:
            await asyncio.shield(self._work)
        except asyncio.CancelledError:
            self._work.cancel()
            with suppress(asyncio.CancelledError):
                await self._work
            if self._parking.reason is None:
                raise
        except BaseExceptionGroup as group:
            # Many questions at once: one full disk is one error to whoever asked.
            raise _first(group) from group
        return self._report()

    def stop(self, reason: str) -> None:
        """Let every run go at its next step; replies under way are waited for a while. Told
        again, nobody waits any more."""
        patient = not self.settings.by_batches and self._parking.reason is None
        self._parking.ask(reason)
        asyncio.get_running_loop().call_later(GRACE_SECONDS if patient else 0.0, self._leave)

    def _leave(self) -> None:
        self._parking.at_once()
        if self._work is not None:
            asyncio.get_running_loop().call_later(LEAVING_SECONDS, self._work.cancel)

    async def _drive(self) -> None:
        settings = self.settings
        if settings.by_batches:
            assert self._desk is not None, "rounds need a batch desk"
            await self.weigh_rounds()
            self._short = await drive_in_rounds(
                self._common,
                self.left,
                self._desk,
                parking=self._parking,
                seats=settings.seats,
                close_after_seconds=settings.finish_live_after_seconds,
                sleep=self._sleep,
            )
        if not settings.by_batches or settings.finish_live_after_seconds is not None:
            self._short = await drive_live(
                self._common,
                self.left,
                parking=self._parking,
                places=settings.live_places,
                leading=self.prepared.paid,
                desk=self._desk,
                sleep=self._sleep,
                clock=self._clock,
            )

    def _answered(self, task: Task, line: AnswerLine) -> None:
        if line.resumable and not self.tally.steps:
            self._in_vain.append(line)
            if len(self._in_vain) == VAIN:
                self._parking.ask(self._why_in_vain)
        else:
            for each in (*self._in_vain, line):
                self._write(each)
            self._in_vain.clear()

    def _write(self, line: AnswerLine) -> None:
        self._answers.append(line.as_json())
        self.tally.answered(line)
        self._told(line)

    @property
    def _why_in_vain(self) -> str:
        return f"no question got a reply ({self._in_vain[0].error})"

    def _report(self) -> BatchReport:
        tally, statuses, left = self.tally, self.tally.statuses, self.left
        begun = sum(task.begun for task in left)
        return BatchReport(
            questions=tally.questions,
            kept=tally.kept,
            answered=statuses["answered"],
            abstained=statuses["abstained"],
            stopped=statuses["stopped"],
            failed=statuses["failed"],
            failed_before=self.plan.failed_before,
            parked=begun,
            waiting=len(left) - begun,
            usage=tally.usage,
            usd=None if self.prepared.price is None else self.books.usd.spent,
            steps=tally.steps,
            seconds=self.elapsed_seconds,
            failures=tuple(tally.failures),
            why_stopped=self._why_stopped if left else None,
            limit_reached=bool(left and self._short and self._parking.reason is None),
        )

    @property
    def _why_stopped(self) -> str | None:
        if self._parking.reason is None and self._in_vain:
            return self._why_in_vain
        return self._parking.reason or (str(self._short) if self._short else None)


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
