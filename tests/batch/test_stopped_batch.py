"""Stopping a batch: replies under way are waited for, the rest is parked, nothing is paid twice."""

from __future__ import annotations

import asyncio

import pytest
from batch_worlds import CountedReader, World, price

from docpager.batch.session import Session
from docpager.batch.settings import BatchSettings
from docpager.run.request_hashes import request_hash


class SlowReader(CountedReader):
    """Replies once it is let; tells when it was asked so often."""

    def __init__(self, *, holds_from: int) -> None:
        super().__init__()
        self.holds_from = holds_from
        self.let = asyncio.Event()
        self.held = asyncio.Event()

    async def complete(self, request):
        if len(self.requests) >= self.holds_from:
            self.held.set()
            await self.let.wait()
        return await super().complete(request)


def drive_and_stop(world: World, *, patient: bool):
    """Stop it once a reply is held back; let that come, or stop again."""
    reader = SlowReader(holds_from=3)
    world.model = reader

    def begun(session: Session) -> None:
        async def stop() -> None:
            await reader.held.wait()
            session.stop("interrupted")
            if patient:
                reader.let.set()
            else:
                session.stop("interrupted")

        session.stopper = asyncio.ensure_future(stop())

    return world.drive(begun=begun, virtual=False, settings=BatchSettings(concurrency=2))


@pytest.fixture
def undisturbed(tmp_path):
    world = World(tmp_path / "undisturbed")
    world.drive()
    return world


def test_replies_under_way_are_waited_for(tmp_path, undisturbed):
    world = World(tmp_path / "stopped")
    report = drive_and_stop(world, patient=True)
    assert report.parked and report.waiting and report.why_stopped == "interrupted"

    first = world.model.requests
    world.model = CountedReader()
    assert world.drive().complete
    assert world.answers() == undisturbed.answers()
    asked = [request_hash(request) for request in (*first, *world.model.requests)]
    assert len(set(asked)) == len(asked), "nothing was asked twice"


def test_stopped_again_nobody_waits_and_what_may_be_billed_is_counted(tmp_path, undisturbed):
    world = World(tmp_path / "stopped", price=price())
    report = drive_and_stop(world, patient=False)
    assert report.parked

    world.model = CountedReader()
    resumed = world.drive()
    assert resumed.complete
    assert {id: answer[0] for id, answer in world.answers().items()} == {
        id: answer[0] for id, answer in undisturbed.answers().items()
    }
    lost = [line["lost"]["usd"] for line in world.lines().values() if "lost" in line]
    assert lost
    assert resumed.usd == pytest.approx(sum(line["cost_usd"] for line in world.lines().values()))
