"""What a batch will take, and what rounds cost beside live runs."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest
from batch_worlds import CountedReader, TownLibrary, World, price, town_questions

from docpager.batch.batch_pricing import compare, live_usd, rounds_usd
from docpager.batch.estimate import Estimate, Sample, estimate, estimate_job
from docpager.batch.job import BatchJob
from docpager.batch.run_profiles import RunProfile, Step
from docpager.batch.settings import BatchSettings
from docpager.core.errors import UsageError
from docpager.core.settings import PagingSettings, RunLimits
from docpager.models.pricing import price_of
from docpager.run.preparation import AskSettings, PreparedModel


def estimated(world: World, **settings) -> Estimate:
    prepared = PreparedModel(world.model, world.settings, world.price)
    return asyncio.run(
        estimate_job(
            BatchJob(world.questions, world.output),
            TownLibrary(directory=world.folder / "archive"),
            prepared,
            BatchSettings(**settings),
        )
    )


@pytest.fixture
def world(tmp_path):
    return World(tmp_path, questions=town_questions(24), price=price(3.0))


def test_an_estimate_asks_nobody_and_writes_nothing(world):
    made = estimated(world)

    assert not world.model.requests
    assert not list(world.folder.rglob("*"))
    assert made.source == "12 questions put to the rule-based reader, which costs nothing"


def test_what_is_taken_is_inside_the_band(world):
    before = estimated(world)
    report = world.drive(settings=BatchSettings(max_usd=100.0))

    assert report.steps in before.steps
    assert report.usd in before.usd


def test_past_runs_of_the_same_model_give_a_narrower_band(world):
    rehearsed = estimated(world)
    everything = world.questions
    world.questions = everything[:10]
    first = world.drive(settings=BatchSettings(max_usd=100.0))
    world.questions = everything
    informed = estimated(world)
    report = world.drive(settings=BatchSettings(max_usd=100.0))

    assert informed.source == "10 runs with this model"
    assert informed.questions == 14
    assert report.usd - first.usd in informed.usd
    width = informed.usd.high / informed.usd.low
    assert width < rehearsed.usd.high / rehearsed.usd.low


@pytest.mark.parametrize("what", ["settings", "questions", "model"])
def test_an_output_that_was_begun_otherwise_is_refused_as_by_the_batch(world, what):
    world.drive(settings=BatchSettings(max_usd=100.0))
    if what == "settings":
        world.settings = replace(world.settings, paging=PagingSettings(window=16_000))
    elif what == "questions":
        world.questions = world.questions[1:]
    else:
        world.model.name = "another"

    with pytest.raises(UsageError, match="was started with other settings") as estimating:
        estimated(world)
    with pytest.raises(UsageError) as driving:
        world.drive()

    assert str(estimating.value) == str(driving.value)


def test_answers_that_no_batch_wrote_are_not_taken_for_its_own(world):
    world.output.write_text('{"id": "q1"}\n', "utf-8")

    with pytest.raises(UsageError, match="was not written by a batch") as estimating:
        estimated(world)
    with pytest.raises(UsageError) as driving:
        world.drive()

    assert str(estimating.value) == str(driving.value)


def test_without_a_price_no_dollars_are_guessed(world):
    world.price = None
    world.model = CountedReader()

    assert estimated(world).usd is None


@pytest.mark.parametrize(
    ("limits", "figure", "each_at_most"),
    [
        (RunLimits(max_steps=2), "steps", 2),
        (RunLimits(max_tokens=5_000), "prompt_tokens", 5_000),
        (RunLimits(max_usd=0.01), "usd", 0.01),
    ],
)
@pytest.mark.parametrize("before", [0, 8])
def test_no_question_takes_more_than_its_own_limit(world, limits, figure, each_at_most, before):
    """Also where past runs without that limit are the sample."""
    everything = world.questions
    world.questions = everything[:before]
    if before:
        world.drive(settings=BatchSettings(max_usd=100.0))
        world.output.rename(world.folder / "before.jsonl")
        (world.folder / "answers.jsonl.batch").rename(world.folder / "before.jsonl.batch")
    world.questions = everything
    unlimited = getattr(estimated(world), figure)
    world.settings = replace(world.settings, limits=limits)

    band = getattr(estimated(world), figure)

    assert unlimited.likely > each_at_most * len(everything), "the limit would change nothing"
    assert 0 < band.low <= band.likely <= band.high <= each_at_most * len(everything)


def test_time_is_bounded_by_the_limit_on_a_question(world):
    slow = replace(straight(9), steps=tuple(replace(s, seconds=30.0) for s in straight(9).steps))
    limits = RunLimits(timeout_seconds=60.0)
    prepared = PreparedModel(CountedReader(), AskSettings(limits=limits), price())

    made = estimate(16, Sample((slow,) * 5), prepared, BatchSettings())

    assert made.seconds.high <= 2 * 60.0
    assert made.steps.likely == 16 * 2


def straight(steps: int, *, step: int = 3_000, head: int = 2_000) -> RunProfile:
    """A run that only grows."""
    sizes = [head + number * step for number in range(steps)]
    return RunProfile(
        tuple(
            Step(size, sizes[number - 1] if number else head - 100, 300, 5.0)
            for number, size in enumerate(sizes)
        )
    )


def test_rounds_pay_for_few_steps_and_not_for_many():
    sonnet = price_of("claude-sonnet-5-5")
    ratios = [compare([straight(steps)], sonnet, following=0.0).ratio for steps in (1, 2, 8, 30)]

    assert ratios == sorted(ratios)
    assert ratios[0] < 1 < ratios[2]


def test_caching_in_rounds_is_worth_its_writes_only_if_it_hits():
    sonnet = price_of("claude-sonnet-5-5")
    profile = straight(12)

    assert rounds_usd(profile, sonnet, hit_rate=0.0) > rounds_usd(profile, sonnet, hit_rate=None)
    assert rounds_usd(profile, sonnet, hit_rate=1.0) < rounds_usd(profile, sonnet, hit_rate=None)
    assert rounds_usd(profile, sonnet, hit_rate=1.0) < live_usd(profile, sonnet)
    assert not compare([profile], sonnet, hit_rate=0.5).cached
    assert compare([profile], sonnet, hit_rate=0.95).cached


def test_what_a_run_really_cost_goes_before_what_it_would_have():
    profile = replace(straight(3), live_usd=1.5)

    assert live_usd(profile, price()) == 1.5


def test_a_larger_sample_gives_a_narrower_band():
    profiles = tuple(straight(steps) for steps in (2, 3, 5, 8, 4, 6))
    prepared = PreparedModel(CountedReader(), AskSettings(), price())
    few = estimate(100, Sample(profiles), prepared, BatchSettings())
    many = estimate(100, Sample(profiles * 8), prepared, BatchSettings())

    assert few.steps.low < many.steps.low <= many.steps.likely <= many.steps.high < few.steps.high
    assert few.steps.likely == pytest.approx(many.steps.likely)
