"""Drives many questions at once: each is a run of its own; books, gate and parking are shared."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from pathlib import Path

from docpager.batch.journals import JournalNames
from docpager.batch.money import Admission, OnTheWay
from docpager.batch.ordering import Line
from docpager.batch.parking import Parking, StoppableRequests
from docpager.batch.plan import Task
from docpager.batch.rounds import Send
from docpager.core.errors import DocpagerError, DocumentsChanged, JournalError, LimitReached
from docpager.models.budget import Books
from docpager.models.limiter import Gate
from docpager.models.messages import ChatModel, ModelReply, Usage
from docpager.run.journal import JournalRecord
from docpager.run.result import AnswerLine, Coverage
from docpager.run.service import AskSettings, OpenArchive, Sharing, ask_archive, resume_run

__all__ = ["Common", "Driving", "Seats"]

Seats = Callable[[str], AbstractContextManager[Send]]
"""Gives the run of a question its way to replies for as long as it runs."""


@dataclass(frozen=True, slots=True)
class Common:
    """What all questions of a batch have in common, whichever way they are driven."""

    archive: OpenArchive
    model: ChatModel
    settings: AskSettings
    books: Books
    admission: Admission
    on_the_way: OnTheWay
    journals: JournalNames
    unanswered_is_lost: Callable[[JournalRecord], bool]
    answered: Callable[[Task, AnswerLine], None]
    replied: Callable[[ModelReply], None]


class Driving:
    """Moves questions from a line to their answer lines, so many at once."""

    def __init__(
        self,
        common: Common,
        *,
        seats: Seats,
        gate: Gate,
        parking: Parking,
        counting_gate: Gate | None = None,
        by_batch: bool = False,
    ) -> None:
        self._common = common
        self._seats = seats
        self._parking = parking
        self._sharing = Sharing(
            common.books,
            gate,
            by_batch,
            counting_gate=counting_gate,
            unanswered_is_lost=common.unanswered_is_lost,
        )
        self._running = 0
        self._moved = asyncio.Event()
        self.short: LimitReached | None = None
        """Why no further question was begun, where money or tokens ran short."""

    async def drive(self, line: Line[Task], *, concurrency: int) -> None:
        """Answer every question of `line`, at most `concurrency` at once, as far as money and
        parking allow."""
        async with asyncio.TaskGroup() as workers:
            for _ in range(min(concurrency, len(line))):
                workers.create_task(self._work(line))

    async def _work(self, line: Line[Task]) -> None:
        while self._parking.reason is None and self.short is None and len(line):
            task = line.take() if self._common.admission.may_start(running=self._running) else None
            if task is not None:
                await self._attend(task, line)
            elif self._running:
                await self._next_move()
            else:
                self.short = self._common.admission.shortage
                self._move()

    async def _attend(self, task: Task, line: Line[Task]) -> None:
        """One question, from its start to its answer line."""
        self._running += 1
        try:
            answer = await self._ask(task, line)
        except LimitReached as limit:
            line.put_back(task)
            self._running -= 1
            if not self._running:
                self.short = limit
            else:
                await self._next_move()
            self._move()
            return
        self._running -= 1
        self._common.admission.finished()
        if answer is not None:
            self._common.answered(task, answer)
        line.warmed(task)
        self._move()

    async def _ask(self, task: Task, line: Line[Task]) -> AnswerLine | None:
        """Its answer line; None where the run was parked."""

        def on_reply(reply: ModelReply) -> None:
            line.warmed(task)
            self._move()
            self._common.replied(reply)

        model = self._common.model
        with self._seats(task.id) as send:
            hooks = StoppableRequests(model, self._parking, send=send, on_reply=on_reply)
            answer = await self._answer(task, model, replace(self._sharing, hooks=hooks))
        return None if hooks.parked else answer

    async def _answer(self, task: Task, model: ChatModel, sharing: Sharing) -> AnswerLine:
        archive = self._common.archive
        journal = self._common.journals.newest(task.id)
        try:
            if task.begun:
                self._common.on_the_way.release(task.id)
                return await resume_run(journal, archive, model, sharing=sharing)
            journal.unlink(missing_ok=True)  # torn at its very start
            return await ask_archive(
                task.question,
                archive,
                model,
                settings=self._common.settings,
                scope=task.scope,
                journal=journal,
                id=task.id,
                sharing=sharing,
            )
        except LimitReached:
            self._common.on_the_way.keep(task.id)
            raise
        except DocpagerError as error:
            if task.begun and isinstance(error, JournalError):
                self._common.journals.begin_anew(task.id)  # the next attempt does not meet it again
            said = str(error)
            if isinstance(error, DocumentsChanged):
                said = f"{error.what}; `retry_failed=True` asks it anew"
            return failed_line(task, model.name, said, journal=journal)

    async def _next_move(self) -> None:
        await self._moved.wait()

    def _move(self) -> None:
        """Something changed: whoever waits looks again."""
        self._moved.set()
        self._moved = asyncio.Event()


def failed_line(task: Task, model: str, error: str, *, journal: Path | None) -> AnswerLine:
    """The line of a question whose run could not be driven at all."""
    there = journal is not None and journal.exists()
    return AnswerLine(
        id=task.id,
        question=task.question,
        answer=None,
        status="failed",
        citations=(),
        usage=Usage(),
        cost_usd=0.0,
        steps=0,
        paging={},
        coverage=Coverage(0, 0, 0, 0),
        model=model,
        seconds=0.0,
        journal=str(journal) if there else None,
        error=error,
    )
