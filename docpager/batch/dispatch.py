"""Drives many questions at once, each a run of its own; budget, limiter and stop signal are shared.

A batch is driven live, each question at its own pace, or in rounds together. Questions on the same
documents are asked near each other, so that what one writes to a prompt cache others read.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Awaitable, Callable, Hashable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, replace
from functools import partial
from typing import Generic, TypeVar

from docpager.batch.admission import Admission, UnfetchedReplies
from docpager.batch.batch_client import BatchClient
from docpager.batch.elsewhere import Elsewhere
from docpager.batch.journals import JournalNames
from docpager.batch.plan import Task
from docpager.batch.rounds import Rounds, Send, ask_live
from docpager.batch.stop_signal import StoppableRequests, StopSignal
from docpager.core.errors import DocpagerError, DocumentsChanged, JournalError, LimitReached
from docpager.core.locations import Location
from docpager.models.budget import Budget
from docpager.models.limiter import AdaptiveLimiter
from docpager.models.messages import ChatModel, ModelReply, Usage
from docpager.run.answer_line import AnswerLine
from docpager.run.archival_storage import OpenArchive
from docpager.run.coverage import Coverage
from docpager.run.driver import Driver, StepNow
from docpager.run.journal import JournalRecord
from docpager.run.service import AskSettings, SharedResources, ask_archive, resume_run
from docpager.storage.entry_log import log_exists, remove_log

__all__ = [
    "DispatchContext",
    "Dispatcher",
    "QuestionQueue",
    "Seats",
    "drive_in_rounds",
    "drive_live",
]

Item = TypeVar("Item")


class QuestionQueue(Generic[Item]):
    """Questions waiting for their turn, grouped by what their prompts begin with.

    A group's first question goes ahead: what it writes to the server's prompt cache can be read
    only once its first reply has come, so the others of its group let it pass and other groups are
    served meanwhile. Without `leading` everybody may start at once.
    """

    def __init__(
        self,
        items: Iterable[Item],
        *,
        group: Callable[[Item], Hashable],
        leading: bool = False,
    ) -> None:
        self._group = group
        self._waiting: dict[Hashable, deque[Item]] = {}
        self._cold: set[Hashable] = set()
        self._led: set[Hashable] = set()
        for item in items:
            self._waiting.setdefault(group(item), deque()).append(item)
        if leading:
            self._cold.update(key for key, items in self._waiting.items() if len(items) > 1)

    def __len__(self) -> int:
        return sum(map(len, self._waiting.values()))

    def take(self) -> Item | None:
        """The next one that may start now; None where all must let their leader pass, or at the
        end."""
        for key, items in self._waiting.items():
            # The leader's first reply is what writes the group's prefix to the cache; whoever
            # starts before pays the write price again.
            if key in self._led:
                continue
            if key in self._cold:
                self._cold.discard(key)
                self._led.add(key)
            item = items.popleft()
            if not items:
                del self._waiting[key]
            return item
        return None

    def put_back(self, item: Item) -> None:
        """It could not start: it is the next one again."""
        key = self._group(item)
        if key in self._led:
            self._led.discard(key)
            self._cold.add(key)
        # To the front: it was the next one, and money may be back for it soon.
        self._waiting = {key: self._waiting.pop(key, deque()), **self._waiting}
        self._waiting[key].appendleft(item)

    def leads(self, item: Item) -> bool:
        """Whether others wait for the first reply to `item`."""
        return self._group(item) in self._led

    def warmed(self, item: Item) -> None:
        """The first reply to `item` has come, or never will: its group may follow."""
        self._led.discard(self._group(item))


Seats = Callable[[str], AbstractContextManager[Send]]
"""Gives the run of a question its way to replies for as long as it runs."""


@dataclass(frozen=True, slots=True)
class DispatchContext:
    """What all questions of a batch have in common, whichever way they are driven."""

    archive: OpenArchive
    model: ChatModel
    settings: AskSettings
    spending: Budget
    admission: Admission
    unfetched: UnfetchedReplies
    journals: JournalNames
    unanswered_is_lost: Callable[[JournalRecord], bool]
    answered: Callable[[Task, AnswerLine], None]
    replied: Callable[[ModelReply], None]
    stepped: Callable[[Task, StepNow], None]
    """Told what the run of a question does, whenever that changes."""
    rested: Callable[[Task], None]
    """Told that a run goes on no more: it ended, or was let go."""
    elsewhere: Elsewhere | None = None
    """Where questions are answered, if not in this process."""


class Dispatcher:
    """Moves questions from a line to their answer lines, so many at once."""

    def __init__(
        self,
        context: DispatchContext,
        *,
        seats: Seats,
        limiter: AdaptiveLimiter,
        stop_signal: StopSignal,
        counting_gate: AdaptiveLimiter | None = None,
        by_batch: bool = False,
    ) -> None:
        self._context = context
        self._seats = seats
        self._stop_signal = stop_signal
        self._shared = SharedResources(
            context.spending,
            limiter,
            by_batch,
            counting_gate=counting_gate,
            unanswered_is_lost=context.unanswered_is_lost,
        )
        self._running = 0
        self._moved = asyncio.Event()
        self.short: LimitReached | None = None
        """Why no further question was begun, where money or tokens ran short."""

    async def drive(self, line: QuestionQueue[Task], *, concurrency: int) -> None:
        """Answer every question of `line`, at most `concurrency` at once, as far as money and
        parking allow."""
        async with asyncio.TaskGroup() as workers:
            for _ in range(min(concurrency, len(line))):
                workers.create_task(self._work(line))

    async def _work(self, line: QuestionQueue[Task]) -> None:
        while self._stop_signal.reason is None and self.short is None and len(line):
            task = line.take() if self._context.admission.may_start(running=self._running) else None
            if task is not None:
                await self._attend(task, line)
            elif self._running:
                await self._next_move()
            else:
                self.short = self._context.admission.shortage
                self._move()

    async def _attend(self, task: Task, line: QuestionQueue[Task]) -> None:
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
        self._context.admission.finished()
        if answer is not None:
            self._context.answered(task, answer)
        line.warmed(task)
        self._move()

    async def _ask(self, task: Task, line: QuestionQueue[Task]) -> AnswerLine | None:
        """Its answer line; None where the run was interrupted."""

        def on_reply(reply: ModelReply) -> None:
            line.warmed(task)
            self._move()
            self._context.replied(reply)

        model = self._context.model
        with self._seats(task.id) as send:
            hooks = StoppableRequests(model, self._stop_signal, send=send, on_reply=on_reply)
            try:
                shared = replace(self._shared, hooks=hooks)
                answer = await self._answer(task, model, shared, line)
            finally:
                self._context.rested(task)
        return None if hooks.parked else answer

    async def _answer(
        self, task: Task, model: ChatModel, shared: SharedResources, line: QuestionQueue[Task]
    ) -> AnswerLine:
        archive = self._context.archive
        journal = self._context.journals.newest(task.id)
        elsewhere = self._context.elsewhere

        def on_driver(driver: Driver) -> None:
            driver.tell_steps(partial(self._context.stepped, task))

        def on_reply() -> None:
            line.warmed(task)
            self._move()

        try:
            if elsewhere is not None:
                return await elsewhere.answer(
                    task.id,
                    task.question,
                    task.scope,
                    journal,
                    begun=task.begun,
                    on_reply=on_reply if line.leads(task) else None,
                )
            if task.begun:
                self._context.unfetched.release(task.id)
                return await resume_run(journal, archive, model, on_driver=on_driver, shared=shared)
            remove_log(journal)  # torn at its very start
            return await ask_archive(
                task.question,
                archive,
                model,
                settings=self._context.settings,
                scope=task.scope,
                journal=journal,
                id=task.id,
                on_driver=on_driver,
                shared=shared,
            )
        except LimitReached:
            self._context.unfetched.keep(task.id)
            raise
        except DocpagerError as error:
            if task.begun and isinstance(error, JournalError):
                self._context.journals.begin_anew(
                    task.id
                )  # the next attempt does not meet it again
            said = str(error)
            if isinstance(error, DocumentsChanged):
                said = f"{error.what}; `retry_failed=True` asks it again"
            return failed_line(task, model.name, said, journal=journal)

    async def _next_move(self) -> None:
        await self._moved.wait()

    def _move(self) -> None:
        """Something changed: whoever waits looks again."""
        # A new event at once: those who wait now are woken together, those who come later wait for
        # the next move.
        self._moved.set()
        self._moved = asyncio.Event()


def failed_line(task: Task, model: str, error: str, *, journal: Location | None) -> AnswerLine:
    """The line of a question whose run could not be driven at all."""
    there = journal is not None and log_exists(journal)
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


FIRST_PLACES = 8
"""Requests under way at once before it is known what the server bears."""
UNLIMITED = 1_000_000


async def drive_live(
    context: DispatchContext,
    tasks: Sequence[Task],
    *,
    stop_signal: StopSignal,
    places: int,
    leading: bool,
    batch_client: BatchClient | None = None,
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    clock: Callable[[], float] = time.monotonic,
) -> LimitReached | None:
    """Ask question by question; replies that `batch_client` still has for them are fetched.

    Returns why questions were left out, where money or tokens ran short.
    """
    limiter = AdaptiveLimiter(
        places=min(FIRST_PLACES, places), most=places, sleep=sleep, clock=clock
    )

    @contextmanager
    def seat(id: str) -> Iterator[Send]:
        yield partial(
            ask_live, context.model, id, stop_signal=stop_signal, batch_client=batch_client
        )

    dispatcher = Dispatcher(context, seats=seat, limiter=limiter, stop_signal=stop_signal)
    await dispatcher.drive(_queue_of(tasks, leading=leading), concurrency=places)
    return dispatcher.short


async def drive_in_rounds(
    context: DispatchContext,
    tasks: Sequence[Task],
    batch_client: BatchClient,
    *,
    stop_signal: StopSignal,
    seats: int,
    close_after_seconds: float | None = None,
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
) -> LimitReached | None:
    """Ask in message batches until all have ended, or until it is time to finish live."""
    # Its own signal inside the batch's: closing the rounds must interrupt their runs without
    # stopping the live part that follows.
    closing = StopSignal(within=stop_signal)
    rounds = Rounds(batch_client, closing, sleep=sleep)

    async def close_in_time(seconds: float) -> None:
        await sleep(seconds)
        closing.ask("the rest is finished live")
        await rounds.close("the rest is finished live")

    dispatcher = Dispatcher(
        context,
        seats=rounds.seat,
        limiter=AdaptiveLimiter(places=UNLIMITED, most=UNLIMITED),
        counting_gate=AdaptiveLimiter(places=FIRST_PLACES, most=FIRST_PLACES, sleep=sleep),
        stop_signal=closing,
        by_batch=close_after_seconds is None,  # else the dearer live price is set aside
    )
    async with asyncio.TaskGroup() as group:
        beside = [group.create_task(rounds.drive())]
        if close_after_seconds is not None:
            beside.append(group.create_task(close_in_time(close_after_seconds)))
        await dispatcher.drive(_queue_of(tasks), concurrency=seats)
        for each in beside:
            each.cancel()
    return dispatcher.short


def _queue_of(tasks: Sequence[Task], *, leading: bool = False) -> QuestionQueue[Task]:
    # Begun ones first, whatever they are about: their money is spent or on its way.
    return QuestionQueue(tasks, group=lambda task: (not task.begun, task.scope), leading=leading)
