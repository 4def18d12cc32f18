"""For each rule of the protocol, a break of the adapter that breaks it is noticed.

The breaks are listed in `mutations.py`; here the fake server must answer each with an error, or
the bill must rise above what the adapter's own requests cost.
"""

from __future__ import annotations

import asyncio

import pytest
from conversations import model_for, script, talk
from messages_api import asked
from mutations import DEARER, REFUSED, REFUSED_IN_BATCHES, Mutant

from benchmarks.fake_api import FakeApi, FakeClock
from docpager.core.errors import AttemptFailed, ModelError
from docpager.models.claude import ClaudeModel
from docpager.models.messages import BatchItem

QUESTIONS = ("What was revenue?", "What were costs?")


def bill(kind=ClaudeModel, **settings):
    """Dollars of two conversations on the same documents."""
    with FakeApi(brain=script() * len(QUESTIONS)) as api:
        for question in QUESTIONS:
            talk(model_for(api, kind, **settings), question=question)
        return api.bill.usd


@pytest.fixture(scope="module")
def own_bill():
    return bill()


@pytest.mark.parametrize("rule", REFUSED)
def test_a_broken_rule_is_refused(rule):
    with FakeApi(brain=script()) as api:
        with pytest.raises(ModelError, match=r"said 40[04]") as error:
            talk(model_for(api, Mutant, mutation=REFUSED[rule]))

        assert not getattr(error.value, "retryable", False)
        assert api.requests[-1].status in (400, 404)


@pytest.mark.parametrize("rule", REFUSED_IN_BATCHES)
def test_a_broken_rule_is_told_at_the_end_of_a_batch(rule):
    clock = FakeClock()
    with FakeApi(brain=["hello"], clock=clock) as api:
        model = model_for(api, Mutant, mutation=REFUSED_IN_BATCHES[rule])

        async def whole():
            batch_id = await model.submit([BatchItem("a-1", asked())])
            clock.advance(24 * 3_600)
            return await model.results(batch_id)

        (result,) = asyncio.run(whole())

    assert result.error.startswith("invalid_request_error")
    assert not result.again


@pytest.mark.parametrize("custom_ids", [["a b"], [""], ["a" * 65], ["a", "a"]])
def test_custom_ids_that_are_wrong_or_shared_are_refused_at_once(custom_ids):
    items = [BatchItem(custom_id, asked()) for custom_id in custom_ids]
    with FakeApi() as api, pytest.raises(AttemptFailed, match="said 400") as error:
        asyncio.run(model_for(api).submit(items))

    assert not error.value.retryable


@pytest.mark.parametrize("loss", DEARER)
def test_a_lost_saving_is_billed(loss, own_bill):
    assert bill(Mutant, mutation=DEARER[loss]) > 1.01 * own_bill


def test_nothing_is_noticed_where_nothing_is_broken(own_bill):
    assert bill(Mutant, mutation=lambda body, number: None) == pytest.approx(own_bill)
