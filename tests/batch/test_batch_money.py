"""Money: what all questions of a batch together may cost."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from batch_worlds import BatchServer, CountedReader, World, price, town_questions
from hypothesis import given, settings
from hypothesis import strategies as st

from docpager.batch.admission import Admission, UnfetchedReplies
from docpager.batch.session import Session
from docpager.batch.settings import BatchSettings
from docpager.core.errors import UsageError
from docpager.core.settings import PagingSettings, RunLimits
from docpager.models.budget import Budget, Cost
from docpager.models.messages import ChatModel, ModelReply, ModelRequest, Usage
from docpager.models.scripted import call, reply
from docpager.run.preparation import AskSettings

SMALL = AskSettings(paging=PagingSettings(window=8_000))


def world_at(folder, rate: float, *, by_batches: bool) -> World:
    model = CountedReader()
    return World(
        folder,
        model=BatchServer(model) if by_batches else model,
        questions=town_questions(24),
        price=price(rate),
        settings=SMALL,
    )


@settings(max_examples=12)
@given(
    rate=st.floats(0.2, 20.0),
    calls=st.floats(0.5, 60.0),
    concurrency=st.integers(1, 12),
    by_batches=st.booleans(),
)
def test_a_batch_never_spends_more_than_it_may(
    tmp_path_factory, rate, calls, concurrency, by_batches
):
    world = world_at(tmp_path_factory.mktemp("money"), rate, by_batches=by_batches)
    dearest = world.price.worst_case(
        prompt_tokens=7_488, output_tokens=512, batch=by_batches, hour=by_batches
    )
    max_usd = calls * dearest
    report = world.drive(
        settings=BatchSettings(concurrency=concurrency, by_batches=by_batches, max_usd=max_usd)
    )
    lines = world.lines().values()
    spent = sum(line["cost_usd"] for line in lines)

    assert report.usd <= max_usd + 1e-9
    assert spent == pytest.approx(report.usd)
    assert {line["status"] for line in lines} <= {"answered", "abstained", "stopped"}
    assert not report.parked
    if report.waiting:
        # A question needs its finishing call and a first one: at most twice the dearest.
        assert max_usd - spent < 2 * dearest
        assert report.why_stopped


def test_what_could_not_be_begun_is_begun_with_more_money(tmp_path):
    world = world_at(tmp_path, 1.0, by_batches=False)
    first = world.drive(settings=BatchSettings(max_usd=0.1))
    assert first.waiting and not first.succeeded
    assert "`max_usd=`" in first.why_stopped
    assert not first.stopped, "no question is begun that cannot be paid for"

    second = world.drive(settings=BatchSettings(max_usd=10.0))
    assert second.complete
    assert second.kept == 24 - first.waiting
    assert second.usd == pytest.approx(sum(line["cost_usd"] for line in world.lines().values()))


def test_fewer_run_at_once_as_the_money_runs_short():
    spending = Budget(max_usd=10.0)
    admission = Admission(spending, worst_call=Cost(8_000, 1.0))
    running = 0
    while admission.may_start(running=running):
        spending.reserve(Cost(8_000, 1.0))  # what the run keeps for its finishing call
        running += 1
    assert 1 < running < 10

    spent = Budget(max_usd=10.0, spent=Cost(0, 8.5))
    assert Admission(spent, worst_call=Cost(8_000, 1.0)).may_start(running=0)
    assert not Admission(spent, worst_call=Cost(8_000, 1.0)).may_start(running=1)


def test_what_earlier_sessions_took_counts(tmp_path):
    world = world_at(tmp_path, 1.0, by_batches=False)
    usd = world.drive(settings=BatchSettings(max_usd=0.1)).usd
    again = world.drive(settings=BatchSettings(max_usd=0.1))

    assert again.steps == 0
    assert again.usd == pytest.approx(usd)


def test_tokens_of_a_batch_are_limited_too(tmp_path):
    world = replace(world_at(tmp_path, 1.0, by_batches=False), price=None)
    report = world.drive(settings=BatchSettings(max_tokens=60_000))
    tokens = sum(
        line["usage"]["input_tokens"] + line["usage"]["output_tokens"]
        for line in world.lines().values()
    )

    assert report.waiting and tokens <= 60_000


class Tireless(ChatModel):
    """Searches as long as it may."""

    name = "counted"

    async def complete(self, request: ModelRequest) -> ModelReply:
        said = reply(call("search", query="bridge") if request.calls_allowed else "Not found: it.")
        usage = Usage(len(str(request)) // 4, 0, 0, 50, "server")
        return replace(said, usage=usage, cost_usd=None)


def searching(folder: Path, limits: RunLimits, *, by_batches: bool) -> World:
    model = BatchServer(Tireless()) if by_batches else Tireless()
    asked = replace(SMALL, limits=limits)
    return World(folder, model=model, price=price(1.0), settings=asked)


@pytest.mark.parametrize("by_batches", [False, True])
def test_a_limit_on_each_question_holds_beside_that_of_the_batch(tmp_path, by_batches):
    driven = BatchSettings(by_batches=by_batches, max_usd=10.0)
    usual = searching(tmp_path / "usual", RunLimits(max_steps=30), by_batches=by_batches)
    usual.drive(settings=driven)
    limits = RunLimits(max_steps=30, max_usd=0.02)
    world = searching(tmp_path / "limited", limits, by_batches=by_batches)
    report = world.drive(settings=driven)
    costs = [line["cost_usd"] for line in world.lines().values()]

    assert min(line["cost_usd"] for line in usual.lines().values()) > 0.02, "it is never met"
    assert len(costs) == 8 and min(costs) > 0.005 and max(costs) <= 0.02
    assert report.usd == pytest.approx(sum(costs)), "the books of the batch are kept beside"
    assert {line["steps"] for line in world.lines().values()} < set(range(2, 30))


def test_a_limit_on_the_tokens_of_each_question_holds(tmp_path):
    limits = RunLimits(max_steps=30, max_tokens=30_000)
    world = searching(tmp_path, limits, by_batches=False)
    world.drive(settings=BatchSettings(max_usd=10.0))
    tokens = [
        line["usage"]["input_tokens"] + line["usage"]["output_tokens"]
        for line in world.lines().values()
    ]

    assert len(tokens) == 8 and min(tokens) > 15_000 and max(tokens) <= 30_000


def test_questions_whose_own_limit_pays_for_nothing_end_as_stopped(tmp_path):
    world = world_at(tmp_path, 1.0, by_batches=False)
    world.settings = replace(SMALL, limits=RunLimits(max_usd=0.001))
    report = world.drive(settings=BatchSettings(max_usd=10.0))

    assert (report.stopped, report.waiting, report.usd) == (24, 0, 0.0)
    assert report.why_stopped is None, "the batch has money enough"
    assert "of $0.0010 is left" in world.lines()["q1"]["error"]


def test_a_limit_in_dollars_on_each_question_needs_a_price(tmp_path):
    world = replace(world_at(tmp_path, 1.0, by_batches=False), price=None)
    world.settings = replace(SMALL, limits=RunLimits(max_usd=0.02))
    with pytest.raises(UsageError, match="no price is known for 'counted'"):
        world.drive(settings=BatchSettings())
    assert not world.model.requests


def test_what_each_question_may_cost_belongs_to_the_settings_of_a_batch(tmp_path):
    world = world_at(tmp_path, 1.0, by_batches=False)
    world.drive(settings=BatchSettings(max_usd=10.0))
    world.settings = replace(SMALL, limits=RunLimits(max_usd=0.02))
    with pytest.raises(UsageError, match=r"max-usd of each question was not set and is 0\.02"):
        world.drive(settings=BatchSettings(max_usd=10.0))


class Snapshot(list):
    """Told of rounds; keeps what is on the disk once the second one is on its way, as a process
    leaves it that is killed there."""

    def __init__(self, folder: Path) -> None:
        super().__init__()
        self.folder = folder

    def append(self, said: str) -> None:
        if said.startswith("round 2:"):
            shutil.copytree(self.folder, self.folder.with_name("killed"))
        super().append(said)


def test_replies_that_nobody_has_fetched_yet_stay_set_aside(tmp_path):
    folder, model = tmp_path / "world", BatchServer(CountedReader())
    world = World(folder, model=model, price=price(20.0), settings=SMALL, told=Snapshot(folder))
    world.drive(settings=BatchSettings(by_batches=True, max_usd=1_000.0))
    world = replace(world, folder=tmp_path / "killed", told=[])
    aside: list[float] = []

    def begun(session: Session) -> None:
        spent, reserved = session.spending.usd.spent, session.spending.usd.reserved
        aside.extend([spent, reserved, session.spending.usd.left])

    report = world.drive(settings=BatchSettings(max_usd=5.0), begun=begun)
    spent, reserved, left = aside
    on_its_way = len(list(world.model.sent.values())[1].items)

    # Each may cost the whole window at the live price, at worst.
    assert on_its_way == 8 and reserved > on_its_way * 0.05
    assert spent + reserved + left == pytest.approx(5.0)
    assert report.succeeded
    really = sum(line["cost_usd"] for line in world.lines().values())
    assert report.usd == pytest.approx(really), "settled at what it really was"


def test_less_than_is_owed_is_set_aside_where_no_more_is_left():
    spending = Budget(max_usd=1.0)
    unfetched = UnfetchedReplies(spending, {"a": Cost(10, 0.7), "b": Cost(10, 0.7)})
    assert spending.usd.left == 0
    unfetched.release("b")
    assert spending.usd.left == pytest.approx(0.3)
    unfetched.release("a")
    unfetched.release("a")
    assert spending.usd.left == 1.0
    unfetched.keep("a")
    assert spending.usd.left == pytest.approx(0.3)
