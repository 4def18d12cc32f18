"""Small worlds to drive batches in: a library, a reader, a server that takes message batches."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from time import time as wall_time

from toy_library import ToyLibrary, toy_document
from virtual_time import VirtualTime

from docpager.batch.job import BatchJob
from docpager.batch.progress import BatchReport
from docpager.batch.questions import Question
from docpager.batch.session import Session, SessionHooks, open_batch
from docpager.batch.settings import BatchSettings
from docpager.core.errors import AttemptFailed, UsageError
from docpager.models.extractive import ExtractiveModel
from docpager.models.messages import (
    BatchItem,
    BatchResult,
    BatchStatus,
    ChatModel,
    ModelReply,
    ModelRequest,
    SubmittedBatch,
    Usage,
)
from docpager.models.pricing import Price, PriceBand, PriceList, Rates
from docpager.run.driver import StepNow
from docpager.run.preparation import AskSettings, PreparedModel

TOWNS = ("Ulm", "Graz", "Bern", "Metz", "Trent", "Gent", "Brno", "Linz")


class TownLibrary(ToyLibrary):
    """One document for each town, found by name."""

    def __init__(self, towns: Sequence[str] = TOWNS, *, directory: Path) -> None:
        super().__init__(
            *(
                toy_document(
                    f"The bridge of {town} cost {n * 7} million dollars.", path=f"{town}.txt"
                )
                for n, town in enumerate(towns, 2)
            ),
            directory=directory,
        )

    def documents_under(self, paths: Sequence[Path]) -> list[int]:
        return []

    def documents_named(self, names: Sequence[str]) -> list[int]:
        found = [entry.id for entry in self.documents() if entry.path in names]
        if not found:
            raise UsageError(f"no document {names[0]!r}")
        return found


def town_questions(count: int = len(TOWNS)) -> list[Question]:
    return [
        Question(f"q{n}", f"What did the bridge of {town} cost?", line=n)
        for n, town in enumerate((TOWNS * (count // len(TOWNS) + 1))[:count], 1)
    ]


def price(usd_per_million: float = 1.0) -> Price:
    base = usd_per_million
    rates = Rates(base, base * 5, base * 1.25, base * 2, base * 0.1)
    return Price("counted", (PriceBand(rates),), "2026-11-21", "a test", batch_share=0.5)


class CountedReader(ChatModel):
    """The built-in reader, with the usage of a server; keeps what it was asked."""

    name = "counted"

    def __init__(self, *, before: Callable[[int], None] = lambda _: None) -> None:
        self._reader = ExtractiveModel()
        self._before = before
        self.requests: list[ModelRequest] = []

    async def complete(self, request: ModelRequest) -> ModelReply:
        self.requests.append(request)
        self._before(len(self.requests))
        await asyncio.sleep(0)
        reply = await self._reader.complete(request)
        size = len(str(request)) // 4
        return replace(reply, usage=Usage(size, 0, 0, 50, "server"), cost_usd=None)


class CountingReader(CountedReader):
    """One whose server counts prompts beforehand; keeps what it was asked to count."""

    def __init__(self) -> None:
        super().__init__()
        self.counted: list[ModelRequest] = []

    async def count_tokens(self, request: ModelRequest) -> int | None:
        self.counted.append(request)
        await asyncio.sleep(0)
        return len(str(request)) // 4


@dataclass
class _Sent:
    items: Sequence[BatchItem]
    polls: int = 0
    cancelled: bool = False
    results: list[BatchResult] | None = None


class BatchServer(ChatModel):
    """Takes message batches for a model; each ends when it was asked after a few times.

    `spoil(batch number, results)` may lose, double or fail what came out.
    """

    why_no_batches = ""

    def __init__(
        self,
        model: ChatModel,
        *,
        polls: int = 2,
        spoil: Callable[[int, list[BatchResult]], list[BatchResult]] = lambda _, results: results,
    ) -> None:
        self.name = model.name
        self.model = model
        self.polls = polls
        self.spoil = spoil
        self.sent: dict[str, _Sent] = {}
        self.answer_lost = False
        """Whether the next submission arrives but its answer does not."""

    async def complete(self, request: ModelRequest) -> ModelReply:
        return await self.model.complete(request)

    async def count_tokens(self, request: ModelRequest) -> int | None:
        return await self.model.count_tokens(request)

    async def submit(self, items: Sequence[BatchItem]) -> str:
        id = f"batch-{len(self.sent) + 1}"
        self.sent[id] = _Sent(items)
        if self.answer_lost:
            self.answer_lost = False
            raise AttemptFailed("the connection broke", retryable=True, may_be_billed=True)
        return id

    async def status(self, batch_id: str) -> BatchStatus:
        sent = self.sent[batch_id]
        sent.polls += 1
        ended = sent.polls > self.polls or sent.cancelled
        return BatchStatus(ended, 0 if ended else len(sent.items))

    async def results(self, batch_id: str) -> Sequence[BatchResult]:
        sent = self.sent[batch_id]
        if sent.results is None:
            done = [await self._result(item, sent) for item in sent.items]
            sent.results = self.spoil(len(self.sent), done[::-1])
        return sent.results

    async def cancel(self, batch_id: str) -> None:
        self.sent[batch_id].cancelled = True

    async def recent(self, since: float) -> Sequence[SubmittedBatch]:
        return [SubmittedBatch(id, len(sent.items)) for id, sent in self.sent.items()]

    async def _result(self, item: BatchItem, sent: _Sent) -> BatchResult:
        if sent.cancelled:
            return BatchResult(item.custom_id, error="canceled", again=True)
        reply = await self.model.complete(item.request)
        return BatchResult(item.custom_id, replace(reply, by_batch=True))


@dataclass
class World:
    """Where a batch is driven again and again, as by one process after another."""

    folder: Path
    model: ChatModel = field(default_factory=CountedReader)
    questions: list[Question] = field(default_factory=town_questions)
    price: Price | None = None
    settings: AskSettings = field(default_factory=AskSettings)
    time: VirtualTime = field(default_factory=VirtualTime)
    """Whose `sleep` and `clock` are used."""
    now: Callable[[], float] = wall_time
    told: list[str] = field(default_factory=list)
    on_step: Callable[[str, StepNow], None] = lambda _, now: None

    @property
    def output(self) -> Path:
        return self.folder / "answers.jsonl"

    def drive(
        self,
        *,
        settings: BatchSettings | None = None,
        begun: Callable[[Session], None] = lambda _: None,
        virtual: bool = True,
        **job: object,
    ) -> BatchReport:
        """One session, to its end."""
        prices = PriceList({self.model.name: self.price} if self.price else {})
        asked = replace(self.settings, prices=prices)
        prepared = PreparedModel(self.model, asked, self.price)
        clocks = {"sleep": self.time.sleep, "clock": self.time.clock} if virtual else {}
        hooks = SessionHooks(
            on_message=self.told.append, on_step=self.on_step, now=self.now, **clocks
        )

        async def session() -> BatchReport:
            with open_batch(
                BatchJob(self.questions, self.output, **job),
                TownLibrary(directory=self.folder / "archive"),
                prepared,
                settings=settings or BatchSettings(),
                hooks=hooks,
            ) as opened:
                begun(opened)
                return await opened.drive()

        return asyncio.run(session())

    def lines(self) -> dict[str, dict]:
        lines = [json.loads(line) for line in self.output.read_text("utf-8").splitlines()]
        by_id = {line["id"]: line for line in lines}
        assert len(by_id) == len(lines), "a question has two lines"
        return by_id

    def answers(self) -> dict[str, object]:
        """What must be the same however the batch was driven."""
        return {
            id: (line["answer"], line["status"], line["citations"], line["steps"])
            for id, line in self.lines().items()
        }
