"""Batches of the Claude adapter against the fake API: same answers, and the server's own bill."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

import pytest
from batch_worlds import World, town_questions

from benchmarks.fake_api import ExtractiveBrain, FakeApi
from benchmarks.fake_api.batches import BatchSettings as ServerBatches
from docpager.batch.settings import BatchSettings
from docpager.models.claude import ClaudeModel
from docpager.models.pricing import price_of
from docpager.models.registry import model_defaults
from docpager.run.preparation import AskSettings

MODELS = ("claude-haiku-4-5", "claude-sonnet-5-5")
ROUNDS = BatchSettings(by_batches=True, max_usd=100.0)
LIVE = BatchSettings(max_usd=100.0)


class ServerTime:
    """Waiting lets time pass on the server, at once."""

    def __init__(self, api: FakeApi) -> None:
        self._clock = api.clock
        self.clock = api.clock.now

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(0)
        self._clock.advance(seconds)


@contextmanager
def served(folder, name: str, **api) -> Iterator[tuple[World, FakeApi]]:
    """A world whose model is Claude on a fake server."""
    with FakeApi(ExtractiveBrain(), **api) as server:
        model = ClaudeModel(name, base_url=server.url, backend="anthropic")
        defaults = model_defaults(name)
        counter, factor = defaults.counter()
        settings = AskSettings(paging=defaults.paging(), counter=counter, factor=factor)
        world = World(folder, model=model, price=price_of(name), settings=settings)
        world.questions = town_questions(4)
        world.time = ServerTime(server)
        world.now = server.clock.now
        yield world, server


@pytest.fixture(autouse=True)
def key(monkeypatch, no_key):
    monkeypatch.setenv("ANTHROPIC_API_KEY", "x")


@pytest.mark.parametrize("name", MODELS)
def test_rounds_give_the_answers_of_a_live_batch_and_both_bills_are_right(tmp_path, name):
    with served(tmp_path / "live", name) as (live, server):
        report = live.drive(settings=LIVE)
        assert report.succeeded
        assert report.usd == pytest.approx(server.bill.usd, abs=1e-6)

    with served(tmp_path / "rounds", name) as (rounds, server):
        report = rounds.drive(settings=ROUNDS)
        assert report.succeeded
        assert report.usd == pytest.approx(server.bill.usd, abs=1e-6)

    assert rounds.answers() == live.answers()


@pytest.mark.parametrize(
    "fault", ["errored", "expired", "no_results_url", "duplicate_lines", "missing_lines"]
)
def test_whatever_is_wrong_with_batches_every_question_ends(tmp_path, fault):
    faulty = ServerBatches(faults=frozenset({fault}), fault_share=0.3, seed=5)
    with served(tmp_path, MODELS[0], batches=faulty) as (world, server):
        report = world.drive(settings=replace(ROUNDS, finish_live_after_seconds=3_000.0))

        assert report.complete
        assert set(world.lines()) == {each.id for each in world.questions}
        assert report.usd <= 100.0
        if fault not in ("missing_lines", "no_results_url"):
            assert report.usd == pytest.approx(server.bill.usd, abs=1e-6)


def test_a_batch_that_is_stuck_is_finished_live(tmp_path):
    stuck = ServerBatches(faults=frozenset({"stuck"}))
    with served(tmp_path, MODELS[0], batches=stuck) as (world, _):
        report = world.drive(settings=replace(ROUNDS, finish_live_after_seconds=600.0))

    assert report.succeeded
