"""Questions that are answered on an engine: each by the same driver, in a process that may die.

A run is known by its journal alone. Work that is repeated because its process was lost goes on with
what stands there, and a call that was under way is counted at its worst case, as ever. The budget
of the batch is kept in one place, the ledger: before each call a run tells it what it has spent and
set aside so far, and may go on where that fits. Told again, nothing is counted twice, so that a
ledger that died begins with what journals say and learns the rest from the runs.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Collection
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache, partial
from typing import TYPE_CHECKING

from docpager.batch.job import Scope
from docpager.batch.journals import JournalNames, spent_in
from docpager.core.errors import JournalError, LimitReached
from docpager.core.locations import Location
from docpager.engines.engine import Engine, KeptObject
from docpager.models.budget import Budget, Cost, HeldBudget
from docpager.models.limiter import AdaptiveLimiter
from docpager.models.registry import ModelSource, model_from
from docpager.run.answer_line import AnswerLine
from docpager.run.journal import read_journal
from docpager.run.preparation import PreparedModel
from docpager.run.service import AskSettings, SharedResources, ask_archive, resume_run
from docpager.storage.entry_log import remove_log

if TYPE_CHECKING:
    from docpager.archive.archive import Archive

__all__ = ["BatchLedger", "Elsewhere", "QuestionElsewhere", "answer_question"]


_LOOK_SECONDS = 0.1
"""Between two looks whether the first reply to a question has come for which others wait."""


class BatchLedger:
    """The budget of a batch whose runs are elsewhere; it lives as long as its engine."""

    def __init__(
        self,
        max_tokens: int | None,
        max_usd: float | None,
        answered: Cost,
        journals: JournalNames,
        ended: Collection[Location],
    ) -> None:
        """`answered`: what the questions took that had an answer line when the batch began, whose
        journals are `ended`; what all others took stands in their journals."""
        self._limits = (max_tokens, max_usd)
        self._held: dict[str, Cost] = {"": answered}
        """By journal: spent and set aside."""
        self._replied: set[str] = set()
        for path in journals.all():
            if path not in ended and JournalNames.is_begun(path):
                with suppress(JournalError):
                    self._held[str(path)] = spent_in(read_journal(path))

    def hold(self, journal: str, cost: Cost, needed: Cost) -> None:
        """Note that a run has spent and set aside `cost` in all, if `needed` more of it fits.

        Raises:
            LimitReached: it does not fit.
        """
        others = [held for name, held in self._held.items() if name != journal]
        tokens = sum(held.tokens for held in others) + cost.tokens - needed.tokens
        usd = sum(held.usd or 0.0 for held in others) + (cost.usd or 0.0) - (needed.usd or 0.0)
        spent = Cost(max(0, tokens), max(0.0, usd))
        books = Budget(max_tokens=self._limits[0], max_usd=self._limits[1], spent=spent)
        books.reserve(needed)
        self._held[journal] = cost
        if needed == Cost():
            self._replied.add(journal)

    def has_replied(self, journal: str) -> bool:
        """Whether a call of this run was settled that was told to this ledger."""
        return journal in self._replied

    def total(self) -> Cost:
        """What all runs have spent and set aside."""
        held = self._held.values()
        return Cost(sum(each.tokens for each in held), sum(each.usd or 0.0 for each in held))


class LedgerBudget(Budget):
    """The books of one run, whose every reservation the ledger must grant."""

    def __init__(self, ledger: KeptObject, journal: Location, *, spent: Cost) -> None:
        super().__init__(spent=spent)
        self._ledger = ledger
        self._journal = str(journal)

    def reserve(self, cost: Cost) -> HeldBudget:
        held = super().reserve(cost)
        try:
            self._ledger.call("hold", self._journal, self._sum, cost)
        except LimitReached:
            super().settle(held, Cost())
            raise
        return held

    def settle(self, held: HeldBudget, actual: Cost) -> None:
        super().settle(held, actual)
        self._ledger.call("hold", self._journal, self._sum, Cost())

    @property
    def _sum(self) -> Cost:
        tokens, usd = self.tokens, self.usd
        return Cost(int(tokens.spent + tokens.reserved), usd.spent + usd.reserved)


@dataclass(frozen=True, slots=True)
class QuestionElsewhere:
    """One question, and all that a worker must know of it. Keys are where the worker is."""

    id: str
    question: str
    scope: Scope
    archive: Location
    generation: int
    """That the batch began with."""
    journal: Location
    model: str
    settings: AskSettings
    ledger: KeptObject


def answer_question(asked: QuestionElsewhere) -> tuple[AnswerLine, Cost]:
    """The answer line of a question, begun or gone on with, and what its run took in all.

    Raises:
        DocpagerError: as `ask_archive` and `resume_run`.
    """
    return asyncio.run(_answer(asked))


async def _answer(asked: QuestionElsewhere) -> tuple[AnswerLine, Cost]:
    begun = JournalNames.is_begun(asked.journal)
    spent = spent_in(read_journal(asked.journal)) if begun else Cost()
    budget = LedgerBudget(asked.ledger, asked.journal, spent=spent)
    shared = SharedResources(budget, AdaptiveLimiter())
    model = model_from(asked.model, asked.settings.source).model
    try:
        archive = _opened(asked.archive, asked.generation)
        if begun:
            line = await resume_run(asked.journal, archive, model, shared=shared)
        else:
            remove_log(asked.journal)  # torn at its very start
            line = await ask_archive(
                asked.question,
                archive,
                model,
                settings=asked.settings,
                scope=asked.scope,
                journal=asked.journal,
                id=asked.id,
                shared=shared,
            )
    finally:
        await model.close()
    return line, spent_in(read_journal(asked.journal))


_opening = threading.Lock()
"""Questions of one process begin together, and an archive is large."""


def _opened(place: Location, generation: int) -> Archive:
    with _opening:
        return _kept_open(place, generation)


@lru_cache(maxsize=1)
def _kept_open(place: Location, generation: int) -> Archive:
    """Opened once for all questions that a process answers; `generation` tells batches apart."""
    from docpager.archive.archive import Archive

    return Archive.open(place)


def _get_ready(archive: Location, generation: int, model: str, source: ModelSource) -> None:
    """What a process does before its first question has come: open, and import, what it needs."""
    model_from(model, source)
    _opened(archive, generation)


class Elsewhere:
    """Sends questions to an engine and waits for their answer lines."""

    def __init__(
        self,
        engine: Engine,
        archive: Location,
        generation: int,
        prepared: PreparedModel,
        ledger: KeptObject,
        spending: Budget,
        *,
        at_once: int,
    ) -> None:
        model, source = prepared.model.name, prepared.settings.source
        self._crew = engine.crew(at_once, partial(_get_ready, archive, generation, model, source))
        self.at_once = at_once
        """Questions that may be under way."""
        self._engine = engine
        self._archive = archive
        self._generation = generation
        self._prepared = prepared
        self._ledger = ledger
        self._spending = spending

    async def answer(
        self,
        id: str,
        question: str,
        scope: Scope,
        journal: Location,
        *,
        begun: bool,
        on_reply: Callable[[], None] | None = None,
    ) -> AnswerLine:
        """As `answer_question`; `on_reply` is called when the first reply has come, if not before.
        What it took is put into the books of this process too.

        Raises:
            DocpagerError: as `answer_question`, or the engine lost the work again and again.
        """
        before = _spent(journal) if begun else Cost()
        asked = QuestionElsewhere(
            id,
            question,
            scope,
            self._archive,
            self._generation,
            journal,
            self._prepared.model.name,
            self._prepared.settings,
            self._ledger,
        )
        work = self._crew.begin(answer_question, asked)
        watch = asyncio.ensure_future(self._watch(journal, on_reply)) if on_reply else None
        took: Cost | None = None
        try:
            line, took = await self._engine.arrived(work)
        except asyncio.CancelledError:
            self._engine.forget(work)
            raise
        finally:
            if watch is not None:
                watch.cancel()
            self._settle(before, _spent(journal) if took is None else took)
        answer: AnswerLine = line
        return answer

    async def _watch(self, journal: Location, on_reply: Callable[[], None]) -> None:
        while not await asyncio.to_thread(self._ledger.call, "has_replied", str(journal)):
            await asyncio.sleep(_LOOK_SECONDS)
        on_reply()

    def _settle(self, before: Cost, after: Cost) -> None:
        """Put into the books of this process what a run took since it was sent away."""
        tokens = after.tokens - before.tokens
        usd = (after.usd or 0.0) - (before.usd or 0.0)
        self._spending.settle(self._spending.reserve(Cost()), Cost(max(0, tokens), max(0.0, usd)))


def _spent(journal: Location) -> Cost:
    """What a run has taken by its journal; nothing where it has none."""
    return spent_in(read_journal(journal)) if JournalNames.is_begun(journal) else Cost()
