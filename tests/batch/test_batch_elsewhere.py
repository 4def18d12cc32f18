"""Batches on an engine: the answers of a live batch, one budget, and the server's own bill."""

from __future__ import annotations

import asyncio
import json
from contextlib import contextmanager

import pytest
from archive.conftest import HereSource
from fake_engine import ForgetfulObject, UnreliableEngine

from benchmarks.fake_api import ExtractiveBrain, FakeApi
from docpager.api.ask_many import batch_session
from docpager.archive.ingest import ingest
from docpager.batch.elsewhere import BatchLedger, LedgerBudget, answer_question
from docpager.batch.job import BatchJob
from docpager.batch.journals import JournalNames
from docpager.batch.questions import Question
from docpager.batch.settings import BatchSettings
from docpager.core.errors import LimitReached, UsageError
from docpager.core.locations import ObjectPath
from docpager.models.budget import Cost
from docpager.models.registry import ModelSource
from docpager.models.scripted import ScriptedModel
from docpager.run.preparation import prepare

TOWNS = ("Ulm", "Graz", "Bern", "Metz", "Trent", "Gent", "Brno", "Linz")
QUESTIONS = [Question(f"q{n}", f"What did the bridge of {town} cost?", line=n)
             for n, town in enumerate(TOWNS, 1)]  # fmt: skip


@pytest.fixture
def archive(tmp_path):
    files = tmp_path / "files"
    files.mkdir()
    for n, town in enumerate(TOWNS, 2):
        (files / f"{town}.txt").write_text(f"The bridge of {town} cost {n * 7} million dollars.")
    ingest([files], tmp_path / "archive", source=HereSource(tmp_path / "archive"))
    return tmp_path / "archive"


@contextmanager
def served(monkeypatch):
    monkeypatch.setenv("ANTHROPIC_API_KEY", "x")
    with FakeApi(ExtractiveBrain()) as server:
        source = ModelSource(server.url, "anthropic")
        yield (
            server,
            prepare("claude-haiku-4-5", source=source, environment={"ANTHROPIC_API_KEY": "x"}),
        )


def drive(
    archive, output, prepared, *, engine=None, journals=None, questions=QUESTIONS, **settings
):
    async def go():
        job = BatchJob(questions, output, journals=journals, in_order=True)
        async with batch_session(
            job, prepared, BatchSettings(**settings), archive=archive, engine=engine
        ) as session:
            return await session.drive()

    return asyncio.run(go())


def answers(output):
    lines = [json.loads(line) for line in output.read_text().splitlines()]
    return [(each["id"], each["status"], each["answer"], each["cost_usd"]) for each in lines]


def test_an_engine_gives_the_answers_of_a_live_batch_and_the_bill_is_right(
    tmp_path, archive, monkeypatch
):
    with served(monkeypatch) as (server, prepared):
        drive(archive, tmp_path / "live.jsonl", prepared, max_usd=50.0)
        live_bill = server.bill.usd
    with served(monkeypatch) as (server, prepared):
        engine = UnreliableEngine(3)
        report = drive(archive, tmp_path / "far.jsonl", prepared, engine=engine, max_usd=50.0)
        assert report.answered == len(TOWNS)
        assert report.usd == pytest.approx(server.bill.usd, abs=1e-6)
        assert server.bill.usd == pytest.approx(live_bill, abs=1e-6)
        assert engine.attempts > len(TOWNS)  # some were done twice, and paid once
        lines = map(json.loads, (tmp_path / "far.jsonl").read_text().splitlines())
        assert report.steps == sum(line["steps"] for line in lines) > len(TOWNS)
    assert answers(tmp_path / "far.jsonl") == answers(tmp_path / "live.jsonl")


def test_a_worker_answers_several_questions_at_once(tmp_path, archive, monkeypatch):
    with served(monkeypatch) as (_, prepared):
        for concurrency, expected in ((None, 24), (5, 5)):  # it says that it has 3 workers
            engine = UnreliableEngine()
            output = tmp_path / f"{concurrency}.jsonl"
            drive(archive, output, prepared, engine=engine, concurrency=concurrency)
            assert engine.crews == [expected]


class LateEngine(UnreliableEngine):
    """Is long about the answer to the first question, whose first reply has come."""

    def __init__(self):
        super().__init__()
        self.questions = 0
        self.begun_before_the_first_answer = 0

    def begin(self, work, *given, results=1):
        self.questions += work is answer_question
        return super().begin(work, *given, results=results)

    async def arrived(self, begun):
        line = await super().arrived(begun)
        if not self.begun_before_the_first_answer:
            for _ in range(100):
                if self.questions > 1:
                    break
                await asyncio.sleep(0.05)
            self.begun_before_the_first_answer = self.questions
        return line


def test_others_follow_when_the_first_reply_has_come_and_not_the_first_answer(
    tmp_path, archive, monkeypatch
):
    with served(monkeypatch) as (_, prepared):
        engine = LateEngine()
        drive(archive, tmp_path / "a.jsonl", prepared, engine=engine, concurrency=4)
    assert engine.begun_before_the_first_answer > 1


def test_journals_and_the_ledger_work_in_object_storage(tmp_path, archive, monkeypatch, s3):
    with served(monkeypatch) as (server, prepared):
        report = drive(
            archive, tmp_path / "far.jsonl", prepared, engine=UnreliableEngine(4),
            journals=ObjectPath("bucket", "journals"), max_usd=50.0, questions=QUESTIONS[:4],
        )  # fmt: skip
        assert report.answered == 4
        assert report.usd == pytest.approx(server.bill.usd, abs=1e-6)
    assert sum(key.startswith("journals/batch-") for key in s3.keys("bucket")) > 4


def test_one_budget_limits_all_of_them(tmp_path, archive, monkeypatch):
    with served(monkeypatch) as (server, prepared):
        worst = prepared.worst_call_usd
        report = drive(
            archive, tmp_path / "far.jsonl", prepared, engine=UnreliableEngine(5),
            max_usd=2.5 * worst,
        )  # fmt: skip
        assert server.bill.usd <= 2.5 * worst
        assert report.usd == pytest.approx(server.bill.usd, abs=1e-6)
        again = drive(
            archive, tmp_path / "far.jsonl", prepared, engine=UnreliableEngine(6), max_usd=50.0
        )
        assert again.answered + again.kept >= len(TOWNS) - report.stopped
        assert len({id for id, *_ in answers(tmp_path / "far.jsonl")}) == len(TOWNS)


def test_a_ledger_that_died_learns_from_the_runs_what_is_held(tmp_path):
    names = JournalNames(tmp_path, "batch-1")
    kept = ForgetfulObject(BatchLedger, (1000, None, Cost(100), names, frozenset()))
    first = LedgerBudget(kept, tmp_path / "a.jsonl", spent=Cost())
    second = LedgerBudget(kept, tmp_path / "b.jsonl", spent=Cost())
    for _ in range(12):  # it is made anew in between
        held = [first.reserve(Cost(300)), second.reserve(Cost(400))]
        for budget, each in zip((first, second), held, strict=True):
            budget.settle(each, Cost())
    first.settle(first.reserve(Cost(300)), Cost(250))
    held = second.reserve(Cost(400))
    first.settle(first.reserve(Cost(100)), Cost(100))
    with pytest.raises(LimitReached):
        first.reserve(Cost(300))
    second.settle(held, Cost(10))
    first.settle(first.reserve(Cost(500)), Cost(500))
    assert first.tokens.spent == 850 and second.tokens.spent == 10


def test_what_an_engine_cannot_ask_is_refused(tmp_path, archive, monkeypatch):
    with served(monkeypatch) as (_, prepared):
        with pytest.raises(UsageError, match="message batches"):
            drive(
                archive, tmp_path / "a.jsonl", prepared, engine=UnreliableEngine(), by_batches=True
            )
        own = prepare(ScriptedModel([]), environment={})
        with pytest.raises(UsageError, match="by name"):
            drive(archive, tmp_path / "b.jsonl", own, engine=UnreliableEngine())
