from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest

from docpager.core.errors import UsageError
from docpager.core.settings import PagingSettings, RunLimits
from docpager.models.messages import BatchItem, ChatModel, ModelLike, ModelReply, ModelRequest
from docpager.models.registry import ModelSource
from docpager.models.scripted import ScriptedModel
from docpager.run.preparation import prepare

KEY = {"ANTHROPIC_API_KEY": "k"}


def test_a_model_that_costs_money_stops_at_one_dollar_unless_limits_say_otherwise() -> None:
    assert prepare(None, environment=KEY).settings.limits.max_usd == 1.0
    limits = RunLimits(max_steps=9)
    assert prepare(None, limits=limits, environment=KEY).settings.limits == limits
    filled = prepare(None, limits=limits, default_max_usd=True, environment=KEY)
    assert filled.settings.limits == RunLimits(max_steps=9, max_usd=1.0)


def test_the_reader_is_free_and_counted_by_its_own_tokenizer() -> None:
    prepared = prepare("extractive", environment={})

    assert (prepared.model.name, prepared.paid, prepared.worst_run_usd) == ("extractive", False, 0)
    assert prepared.settings.limits.max_usd is None
    assert (prepared.settings.counter.name, prepared.settings.factor) == ("builtin-1", 1.0)
    assert prepared.settings.paging == PagingSettings(
        window=32_000, max_output=512, functions="auto"
    )


@pytest.mark.parametrize("environment", [{}, {"ANTHROPIC_API_KEY": ""}])
def test_nobody_gets_the_reader_who_has_not_named_it(environment: dict[str, str]) -> None:
    with pytest.raises(UsageError, match=r"no model is named .* is not a language model") as caught:
        prepare(None, environment=environment)
    assert 'model="claude-sonnet-5-5"' in str(caught.value)
    assert 'model="extractive"' in str(caught.value)


def test_the_worst_run_is_its_steps_or_its_limit_whichever_is_less() -> None:
    prepared = prepare("claude-sonnet-5-5", environment=KEY)
    worst_call = ((64_000 - 8_192) * 2.5 + 8_192 * 10) / 1e6
    short = prepare("claude-sonnet-5-5", limits=RunLimits(max_steps=2), environment=KEY)

    assert prepared.worst_call_usd == pytest.approx(worst_call)
    assert prepared.worst_run_usd == 1.0
    assert short.worst_run_usd == pytest.approx(2 * worst_call)


def test_a_model_without_a_price_has_no_worst_case_and_no_limit_in_dollars() -> None:
    source = ModelSource(base_url="http://127.0.0.1:9")
    prepared = prepare("llama3.3:70b", source=source, environment={})

    assert (prepared.price, prepared.worst_run_usd, prepared.paid) == (None, None, False)
    assert prepared.settings.limits == RunLimits()
    assert prepared.settings.source == source


def test_only_prompts_that_may_cross_a_price_band_have_a_cheap_length() -> None:
    assert prepare("claude-haiku-5-5", environment=KEY).cheap_prompt is None
    assert prepare("claude-haiku-5-5", window=200_000, environment=KEY).cheap_prompt == 100_000
    assert prepare("claude-sonnet-5-5", window=200_000, environment=KEY).cheap_prompt is None


def test_a_model_of_the_callers_own_is_taken_as_it_is() -> None:
    model = ScriptedModel()
    prepared = prepare(model, environment=KEY)

    assert (prepared.model, prepared.owned, prepared.settings.factor) == (model, False, 1.0)
    assert prepare("extractive", environment={}).owned


class Duck:
    """Of no class of docpager's, but with what can be asked of a model."""

    name = "duck"
    why_no_batches = "this server sleeps"

    def __init__(self) -> None:
        self.closed = 0

    async def complete(self, request: ModelRequest) -> ModelReply:
        return ModelReply(f"{len(request.turns)} turns")

    async def submit(self, items: Sequence[BatchItem]) -> str:
        return f"batch of {len(items)}"

    async def close(self) -> None:
        self.closed += 1


def test_an_object_with_a_name_and_complete_is_adapted_and_keeps_its_abilities() -> None:
    duck = Duck()
    model = prepare(duck, environment={}).model

    async def ask() -> None:
        assert (await model.complete(ModelRequest("", (), (), 9))).text == "0 turns"
        assert await model.submit([]) == "batch of 0"
        assert await model.count_tokens(ModelRequest("", (), (), 9)) is None
        await model.close()

    asyncio.run(ask())
    assert isinstance(model, ChatModel) and model.name == "duck"
    assert (model.why_no_batches, model.rate_limit_left) == ("this server sleeps", None)
    assert duck.closed == 1


@pytest.mark.parametrize("nothing", [object(), 7, ModelSource()])
def test_what_cannot_be_asked_is_refused_with_what_can(nothing: ModelLike) -> None:
    with pytest.raises(UsageError, match=r"docpager\.ChatModel .* not \w+$"):
        prepare(nothing, environment={})


def test_settings_under_which_a_model_that_thinks_cannot_answer_are_refused() -> None:
    with pytest.raises(UsageError, match="no room for its answer"):
        prepare("claude-sonnet-5-5", paging=PagingSettings(), environment=KEY)
