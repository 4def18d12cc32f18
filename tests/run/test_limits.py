"""Limits on dollars and tokens, and what failed attempts cost, as a whole run meets them."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path
from random import Random

import pytest
from failing_models import (
    BROKEN_AT_ONCE,
    BROKEN_FOR_GOOD,
    OVERLOADED_AT_ONCE,
    PRICE,
    SPEND_LIMIT,
    FailingModel,
    Fault,
)
from hypothesis import given, settings
from hypothesis import strategies as st
from playing import long_library
from test_metered_model import Sleeping
from toy_library import ToyLibrary

from docpager.core.errors import UsageError
from docpager.core.settings import PagingSettings, RunLimits
from docpager.core.tokens import BuiltInEstimator
from docpager.models.messages import ModelReply, ModelRequest, ToolCall, Usage
from docpager.models.pricing import PriceList
from docpager.models.scripted import Script, call, reply
from docpager.run.answer_line import AnswerLine
from docpager.run.journal import Entry, read_journal
from docpager.run.service import AskSettings, ask_archive, open_replay, resume_run
from docpager.run.trace import trace

WINDOW, OUTPUT = 6_000, 500
WORST_USD = PRICE.worst_case(prompt_tokens=WINDOW - OUTPUT, output_tokens=OUTPUT)
PRICES = PriceList({"failing": PRICE, "sleeping": replace(PRICE, model="sleeping")})
PAGING = PagingSettings(window=WINDOW, max_output=OUTPUT)


@pytest.fixture(scope="module")
def library() -> ToyLibrary:
    return long_library(20)


def asked_with(limits: RunLimits) -> AskSettings:
    return AskSettings(paging=PAGING, limits=limits, prices=PRICES)


def ask(
    library: ToyLibrary, model: FailingModel, path: Path, limits: RunLimits | None = None
) -> AnswerLine:
    chosen = asked_with(limits or RunLimits())
    return asyncio.run(ask_archive("why?", library, model, settings=chosen, journal=path))


def entries(path: Path, kind: str) -> list[Entry]:
    return [entry for entry in read_journal(path).entries if entry.kind == kind]


def replayed(path: Path) -> tuple[object, float | None]:
    run = open_replay(path).finish()
    return run.outcome, run.cost_usd


def test_a_run_that_cannot_pay_for_a_call_and_the_finishing_one_costs_nothing(
    library: ToyLibrary, tmp_path: Path
) -> None:
    path = tmp_path / "run.jsonl"
    for limit in (0.5, 1.2):
        model = FailingModel("Not found: it.")
        line = ask(library, model, path, RunLimits(max_usd=limit * WORST_USD))

        assert (line.status, line.steps, line.cost_usd, model.requests) == ("stopped", 0, 0, [])
        assert "(`max_usd=`)" in str(line.error)
        assert "raise the limit, or make `window=` or `max_output=` smaller" in str(line.error)
        assert replayed(path) == (read_journal(path).outcome, 0)
        path.unlink()


@pytest.mark.parametrize(
    ("limits", "limit"),
    [
        (RunLimits(max_usd=2 * WORST_USD + 0.001), "max_usd"),
        (RunLimits(max_tokens=9_000), "max_tokens"),
    ],
)
def test_the_finishing_call_is_made_from_what_was_kept_for_it(
    library: ToyLibrary, tmp_path: Path, limits: RunLimits, limit: str
) -> None:
    path = tmp_path / "run.jsonl"
    usage = Usage(input_tokens=1_000, output_tokens=100, source="server")

    def answer_when_asked(request: ModelRequest) -> ModelReply:
        # Another short call each time: the model's count of a prompt stays the same here, and a
        # prompt that grows much while its count does not would be taken for one that was cut.
        asked = reply(call("grep", pattern=f"x{len(request.turns)}"))
        return asked if request.calls_allowed else reply("Not found: it.")

    model = FailingModel(*[answer_when_asked] * 99, usage=usage)
    line = ask(library, model, path, limits)

    assert (line.status, line.limit) == ("stopped", limit)
    assert [request.calls_allowed for request in model.requests[-2:]] == [True, False]
    assert line.steps > 2
    assert line.cost_usd == pytest.approx(line.steps * PRICE.cost(usage))
    (finish,) = entries(path, "finish")
    assert "is left" in finish.message
    *steps, _ = trace(open_replay(path))
    assert "the next reply is the last" in steps[-1].interrupts[0]
    assert replayed(path) == (read_journal(path).outcome, pytest.approx(line.cost_usd))


def test_a_finishing_reply_that_is_no_answer_stops_the_run_with_its_notes(
    library: ToyLibrary, tmp_path: Path
) -> None:
    path = tmp_path / "run.jsonl"
    script = (call("write_note", text="seen", sources=["D1"]), *[call("contents")] * 99)
    usage = Usage(input_tokens=1_000, output_tokens=100, source="server")
    model = FailingModel(*script, usage=usage)
    line = ask(library, model, path, RunLimits(max_usd=2 * WORST_USD))

    assert line.status == "stopped"
    assert "(`max_usd=`)" in str(line.error)
    assert [note.text for note in line.notes] == ["seen"]
    assert not model.requests[-1].calls_allowed
    assert replayed(path)[0] == read_journal(path).outcome


def test_the_model_is_told_that_money_runs_short_unless_timers_are_off(
    library: ToyLibrary, tmp_path: Path
) -> None:
    usage = Usage(input_tokens=1_000, output_tokens=100, source="server")
    for timers in (True, False):
        model = FailingModel(*[call("contents")] * 99, usage=usage)
        limits = RunLimits(max_usd=2 * WORST_USD, timers=timers)
        ask(library, model, tmp_path / f"{timers}.jsonl", limits)

        assert ("can be paid for: answer soon" in str(model.requests[-1])) == timers


def test_lost_attempts_stand_in_the_answer_line_and_in_the_cost(
    library: ToyLibrary, tmp_path: Path
) -> None:
    path = tmp_path / "run.jsonl"
    plan = (BROKEN_AT_ONCE, OVERLOADED_AT_ONCE, None, BROKEN_AT_ONCE)
    model = FailingModel(call("grep", pattern="x"), "Not found: it.", plan=plan)
    line = ask(library, model, path)

    assert line.lost is not None
    assert line.lost.attempts == 2
    assert line.cost_usd == pytest.approx(2 * PRICE.cost(model.usage) + (line.lost.usd or 0))
    assert line.as_json()["lost"]["attempts"] == 2
    assert replayed(path)[1] == pytest.approx(line.cost_usd)


def test_every_wait_is_written_down_with_its_reason_and_its_loss_at_once(
    library: ToyLibrary, tmp_path: Path
) -> None:
    path = tmp_path / "run.jsonl"
    plan = (BROKEN_AT_ONCE, OVERLOADED_AT_ONCE)
    ask(library, FailingModel(call("grep", pattern="x"), "Not found: it.", plan=plan), path)

    kinds = [entry.kind for entry in read_journal(path).entries]
    assert kinds[:5] == ["request", "lost", "waiting", "waiting", "reply"]
    first, second = entries(path, "waiting")
    assert (first.message, second.message) == (
        "the stream broke; waits 0 s",
        "overloaded; waits 0 s",
    )
    step, *_ = trace(open_replay(path))
    assert step.interrupts[0] == "failed attempts that may have been billed: 1"
    assert step.interrupts[1:] == (first.message, second.message)


def test_a_process_killed_while_it_tried_again_may_have_been_billed_twice(
    library: ToyLibrary, tmp_path: Path
) -> None:
    path = tmp_path / "run.jsonl"
    ask(library, FailingModel("Not found: it.", plan=(BROKEN_AT_ONCE,)), path)
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join(lines[:4]))
    assert [entry.kind for entry in read_journal(path).entries] == ["request", "lost", "waiting"]

    line = asyncio.run(resume_run(path, library, FailingModel("Not found: it.")))

    assert line.lost is not None
    assert line.lost.attempts == 2


def test_what_a_parked_run_lost_counts_when_it_is_resumed(
    library: ToyLibrary, tmp_path: Path
) -> None:
    path = tmp_path / "run.jsonl"
    plan = (None, BROKEN_FOR_GOOD)
    model = FailingModel(call("grep", pattern="x"), "Not found: it.", plan=plan)
    parked = ask(library, model, path, RunLimits(max_usd=1.0))
    assert (parked.status, parked.steps) == ("failed", 1)
    assert parked.lost is not None

    line = asyncio.run(resume_run(path, library, model))

    assert (line.status, line.steps, line.lost) == ("abstained", 2, parked.lost)
    assert line.cost_usd == pytest.approx(2 * PRICE.cost(model.usage) + (parked.lost.usd or 0))
    assert replayed(path)[1] == pytest.approx(line.cost_usd)


def test_a_resumed_run_keeps_its_limit_and_counts_what_it_spent(
    library: ToyLibrary, tmp_path: Path
) -> None:
    usage = Usage(input_tokens=1_000, output_tokens=500, source="server")
    limits = RunLimits(max_usd=3 * WORST_USD)
    script = [call("contents")] * 99
    whole = ask(library, FailingModel(*script, usage=usage), tmp_path / "whole.jsonl", limits)
    path, plan = tmp_path / "run.jsonl", (None, None, SPEND_LIMIT)
    assert ask(library, FailingModel(*script, plan=plan, usage=usage), path, limits).steps == 2

    line = asyncio.run(resume_run(path, library, FailingModel(*script, usage=usage)))

    assert entries(path, "finish")[0].step > 2
    assert (line.status, line.steps) == ("stopped", whole.steps)
    assert line.cost_usd == pytest.approx(line.steps * PRICE.cost(usage))
    assert line.cost_usd <= 3 * WORST_USD


def test_a_request_that_was_under_way_when_the_process_was_killed_may_have_been_billed(
    library: ToyLibrary, tmp_path: Path
) -> None:
    path = tmp_path / "run.jsonl"
    script = (call("grep", pattern="x"), "Not found: it.")
    ask(library, FailingModel(*script), path)
    lines = path.read_bytes().splitlines(keepends=True)
    kinds = [entry.kind for entry in read_journal(path).entries]
    killed_at = len(kinds) - 1 - kinds[::-1].index("request")
    path.write_bytes(b"".join(lines[: killed_at + 2]))

    line = asyncio.run(resume_run(path, library, FailingModel("Not found: it.")))

    assert line.lost is not None
    assert line.lost.attempts == 1
    assert len(entries(path, "lost")) == 1
    assert replayed(path)[1] == pytest.approx(line.cost_usd)


def test_a_call_that_time_cut_short_is_charged(library: ToyLibrary, tmp_path: Path) -> None:
    path = tmp_path / "run.jsonl"
    chosen = asked_with(RunLimits(timeout_seconds=0.05, max_usd=1.0))
    line = asyncio.run(ask_archive("why?", library, Sleeping(), settings=chosen, journal=path))

    assert (line.status, line.error) == ("stopped", "no time is left")
    assert line.lost is not None
    assert line.cost_usd == line.lost.usd
    assert replayed(path) == (read_journal(path).outcome, pytest.approx(line.cost_usd))


def test_dollars_of_a_model_without_a_price_are_null_and_cannot_be_limited(
    library: ToyLibrary, tmp_path: Path
) -> None:
    model = FailingModel(call("grep", pattern="x"), "Not found: it.")
    chosen = AskSettings(paging=PAGING, prices=PriceList({}))
    path = tmp_path / "run.jsonl"
    line = asyncio.run(ask_archive("why?", library, model, settings=chosen, journal=path))

    assert (line.status, line.cost_usd) == ("abstained", None)
    assert line.usage.prompt_tokens == 200
    limited = replace(chosen, limits=RunLimits(max_usd=1.0))
    with pytest.raises(UsageError, match="no price is known for 'failing'"):
        asyncio.run(ask_archive("why?", library, model, settings=limited, journal=path))


class SpendingModel(FailingModel):
    """Counts each request as a server would, up to all that was estimated, and fails at random."""

    def __init__(self, random: Random, share: float, *script: Script) -> None:
        faults: tuple[Fault | None, ...] = (None, None, BROKEN_AT_ONCE, OVERLOADED_AT_ONCE)
        super().__init__(*script, plan=tuple(random.choices(faults, k=300)))
        self._random = random
        self._share = share

    async def complete(self, request: ModelRequest) -> ModelReply:
        said = await super().complete(request)
        counted = sum(BuiltInEstimator().count(str(turn)) for turn in request.turns)
        prompt = int(self._share * min(counted, WINDOW - OUTPUT) * 0.5)
        read = self._random.randint(0, prompt)
        written = self._random.randint(0, prompt - read)
        output = self._random.randint(1, OUTPUT)
        usage = Usage(prompt - read - written, read, written, output, "server")
        return replace(said, usage=usage)


SCRIPTS: tuple[Script, ...] = (
    call("contents"),
    call("search", query="item"),
    call("page_in", locator="D1:c1-3"),
    call("page_in", locator="D1:c4-9"),
    call("write_note", text="seen", sources=["D1"]),
    ModelReply(),
    ModelReply("cut", (ToolCall("", "contents", {}),), "max_tokens"),
)


@settings(max_examples=60)
@given(
    st.randoms(use_true_random=False),
    st.floats(0.1, 30),
    st.one_of(st.none(), st.integers(1_000, 200_000)),
    st.floats(0.1, 1),
)
def test_no_limit_is_exceeded_whatever_fails_and_each_run_has_an_end(
    tmp_path_factory: pytest.TempPathFactory,
    random: Random,
    worst_calls: float,
    max_tokens: int | None,
    share: float,
) -> None:
    path = tmp_path_factory.mktemp("run") / "run.jsonl"
    library = long_library(20)
    script = random.choices(SCRIPTS, k=random.randint(0, 25))
    limits = RunLimits(max_usd=worst_calls * WORST_USD, max_tokens=max_tokens)
    line = ask(library, SpendingModel(random, share, *script, "Not found: it."), path, limits)

    assert limits.max_usd is not None
    assert line.cost_usd is not None
    assert line.cost_usd <= limits.max_usd + 1e-9
    run = open_replay(path).finish()
    assert run.spent.tokens <= (max_tokens or run.spent.tokens)
    assert run.cost_usd == pytest.approx(line.cost_usd)
    if entries(path, "failure"):
        assert run.outcome is None  # parked: every attempt at a call failed
    else:
        assert run.outcome == read_journal(path).outcome
