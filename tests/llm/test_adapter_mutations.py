"""For each rule of the protocol, a break of the adapter that breaks it is noticed.

The breaks are listed in `mutations.py`; here the fake server must answer each with an error, or
the bill must rise above what the adapter's own requests cost.
"""

from __future__ import annotations

import pytest
from conversations import model_for, script, talk
from mutations import DEARER, REFUSED, Mutant

from docpager.errors import ModelError
from docpager.llm.claude import ClaudeModel
from docpager.testing.fake_api import FakeApi

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


@pytest.mark.parametrize("loss", DEARER)
def test_a_lost_saving_is_billed(loss, own_bill):
    assert bill(Mutant, mutation=DEARER[loss]) > 1.01 * own_bill


def test_nothing_is_noticed_where_nothing_is_broken(own_bill):
    assert bill(Mutant, mutation=lambda body, number: None) == pytest.approx(own_bill)
