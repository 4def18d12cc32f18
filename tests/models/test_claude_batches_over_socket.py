"""Message batches through a server that speaks the real protocol."""

from __future__ import annotations

import asyncio

import pytest
from conversations import INSTRUCTIONS, model_for
from messages_api import asked

from benchmarks.fake_api import FakeApi, FakeClock
from docpager.models.messages import BatchItem


def test_a_batch_from_beginning_to_end():
    clock = FakeClock()
    items = [BatchItem(f"q{n}-1", asked(f"q{n}", instructions=INSTRUCTIONS)) for n in range(3)]
    with FakeApi(brain=["a", "b", "c"], clock=clock) as api:
        model = model_for(api)

        async def whole():
            batch_id = await model.submit(items)
            before = await model.status(batch_id)
            clock.advance(3_600)
            after = await model.status(batch_id)
            return before, after, await model.results(batch_id)

        before, after, results = asyncio.run(whole())

        assert (before.ended, before.waiting) == (False, 3)
        assert (after.ended, after.waiting) == (True, 0)
        assert {each.custom_id for each in results} == {"q0-1", "q1-1", "q2-1"}
        assert {each.reply.text for each in results} == {"a", "b", "c"}
        assert sum(each.reply.cost_usd for each in results) == pytest.approx(api.bill.usd)
