from __future__ import annotations

import asyncio
from random import Random

import pytest
from failing_models import (
    BARE_RATE_LIMIT,
    BROKEN_FOR_GOOD,
    BROKEN_STREAM,
    DAY_LONG_LIMIT,
    FAULTS,
    NO_KEY,
    OVERLOADED,
    PRICE,
    RATE_LIMIT,
    SPEND_LIMIT,
    TIMED_OUT,
    FailingModel,
    Fault,
)
from virtual_time import VirtualTime

from docpager.core.errors import AttemptFailed, LimitReached, ModelError
from docpager.models.budget import Budget
from docpager.models.limiter import AdaptiveLimiter
from docpager.models.messages import ChatModel, Lost, ModelReply, ModelRequest, Usage, UserTurn
from docpager.models.metered_model import MeteredModel
from docpager.models.pricing import Price
from docpager.models.scripted import ScriptedModel

REQUEST = ModelRequest("", (), (UserTurn("why?"),), max_output_tokens=100)
FINISHING = ModelRequest("", (), (UserTurn("why?"),), max_output_tokens=100, calls_allowed=False)
WORST_USD = (1_000 * 2.5 + 100 * 10) / 1e6
REAL_USD = (100 * 2.0 + 10 * 10) / 1e6


class Desk:
    """A caller with everything around it, in virtual time."""

    def __init__(
        self,
        *plan: Fault | None,
        spending: Budget | None = None,
        price: Price | None = PRICE,
        usage: Usage | None = None,
        model: ChatModel | None = None,
    ) -> None:
        self.time = VirtualTime()
        self.spending = spending or Budget()
        self.model = FailingModel(*["Not found: it."] * 9, plan=plan, usage=usage)
        self.limiter = AdaptiveLimiter(sleep=self.time.sleep, clock=self.time.clock)
        self.metered_model = MeteredModel(
            model or self.model,
            price=price,
            spending=self.spending,
            limiter=self.limiter,
            sleep=self.time.sleep,
            clock=self.time.clock,
        )

    def ask(
        self, request: ModelRequest = REQUEST, *, seconds_left: float | None = None
    ) -> ModelReply:
        return asyncio.run(
            self.metered_model.complete(request, prompt_tokens=1_000, seconds_left=seconds_left)
        )

    @property
    def reserved(self) -> tuple[float, float]:
        return self.spending.tokens.reserved, self.spending.usd.reserved


class Sleeping(ChatModel):
    """Never replies."""

    name = "sleeping"

    async def complete(self, request: ModelRequest) -> ModelReply:
        await asyncio.sleep(60)
        raise AssertionError("nobody waits this long")


def test_a_reply_is_settled_at_what_the_server_counted() -> None:
    desk = Desk()
    reply = desk.ask()

    assert (reply.cost_usd, reply.lost) == (pytest.approx(REAL_USD), Lost())
    assert desk.spending.tokens.spent == 110
    assert desk.spending.usd.spent == pytest.approx(REAL_USD)
    assert desk.reserved == (0, 0)


@pytest.mark.parametrize("fault", [OVERLOADED, RATE_LIMIT, BARE_RATE_LIMIT])
def test_an_attempt_that_was_not_billed_costs_nothing(fault: Fault) -> None:
    desk = Desk(fault, fault)
    reply = desk.ask()

    assert (len(desk.model.requests), reply.lost) == (3, Lost())
    assert desk.spending.usd.spent == pytest.approx(REAL_USD)


@pytest.mark.parametrize("fault", [BROKEN_STREAM, TIMED_OUT])
def test_an_attempt_that_may_be_billed_is_charged_at_its_worst(fault: Fault) -> None:
    desk = Desk(fault, OVERLOADED, fault)
    reply = desk.ask()

    assert reply.lost == Lost(2, 2_200, pytest.approx(2 * WORST_USD))
    assert reply.cost_usd == pytest.approx(REAL_USD)
    assert desk.spending.tokens.spent == 2_310
    assert desk.spending.usd.spent == pytest.approx(REAL_USD + 2 * WORST_USD)
    assert desk.reserved == (0, 0)
    assert desk.metered_model.take_lost() == Lost()


@pytest.mark.parametrize(
    ("fault", "message", "lost"),
    [
        (SPEND_LIMIT, "spend limit", 0),
        (NO_KEY, "no key", 0),
        (BROKEN_FOR_GOOD, "the stream broke", 1),
    ],
)
def test_what_cannot_pass_is_tried_once(fault: Fault, message: str, lost: int) -> None:
    desk = Desk(fault)
    with pytest.raises(ModelError) as failed:
        desk.ask()

    assert str(failed.value) == message
    assert len(desk.model.requests) == 1
    assert desk.metered_model.take_lost().attempts == lost
    assert desk.reserved == (0, 0)


def test_six_failures_give_up_and_what_was_lost_is_told_with_the_next_reply() -> None:
    desk = Desk(*[BROKEN_STREAM] * 6)
    with pytest.raises(ModelError, match=r"the stream broke \(tried 6 times\)"):
        desk.ask()
    reply = desk.ask()

    assert reply.lost.attempts == 6
    assert desk.spending.usd.spent == pytest.approx(REAL_USD + 6 * WORST_USD)


def test_a_rate_limit_holds_everybody_back_as_long_as_the_server_asks() -> None:
    desk = Desk(RATE_LIMIT)
    desk.ask()

    assert desk.time.now == pytest.approx(20)
    assert desk.limiter.places < 4


def test_a_rate_limit_past_the_deadline_gives_up_and_says_so() -> None:
    desk = Desk(DAY_LONG_LIMIT)
    with pytest.raises(ModelError, match="asks to wait 86,400 s, and 30 s are left"):
        desk.ask(seconds_left=30)

    assert desk.time.now == 0


def test_another_attempt_that_does_not_fit_is_not_made() -> None:
    desk = Desk(BROKEN_STREAM, spending=Budget(max_usd=1.5 * WORST_USD))
    with pytest.raises(LimitReached):
        desk.ask()

    assert len(desk.model.requests) == 1
    assert desk.spending.usd.spent == pytest.approx(WORST_USD)


def test_the_finishing_call_is_paid_for_whatever_the_others_cost() -> None:
    spending = Budget(max_usd=3 * WORST_USD, max_tokens=3_300)
    desk = Desk(BROKEN_STREAM, BROKEN_STREAM, spending=spending)
    desk.metered_model.keep(prompt_tokens=1_000, output_tokens=100)

    with pytest.raises(LimitReached, match="set aside"):
        desk.ask()
    assert len(desk.model.requests) == 2
    reply = desk.ask(FINISHING)

    assert reply.lost.attempts == 2
    assert desk.reserved == (0, 0)
    assert spending.usd.spent <= 3 * WORST_USD


def test_what_was_kept_is_given_back() -> None:
    desk = Desk()
    desk.metered_model.keep(prompt_tokens=1_000, output_tokens=100)
    assert desk.reserved == (1_100, pytest.approx(WORST_USD))

    desk.metered_model.release()
    desk.metered_model.release()

    assert desk.reserved == (0, 0)


def test_a_call_that_is_cancelled_may_have_been_billed() -> None:
    desk = Desk(model=Sleeping())

    async def story() -> None:
        async with asyncio.timeout(0.01):
            await desk.metered_model.complete(REQUEST, prompt_tokens=1_000)

    with pytest.raises(TimeoutError):
        asyncio.run(story())

    assert desk.metered_model.take_lost() == Lost(1, 1_100, pytest.approx(WORST_USD))
    assert desk.spending.usd.spent == pytest.approx(WORST_USD)
    assert desk.reserved == (0, 0)
    assert desk.limiter.under_way == 0


def test_a_reply_without_a_count_is_charged_at_its_worst() -> None:
    desk = Desk(model=ScriptedModel("Not found: it."))

    assert desk.ask().cost_usd == pytest.approx(WORST_USD)
    assert desk.spending.tokens.spent == 1_100


def test_without_a_price_tokens_are_counted_and_dollars_are_not_known() -> None:
    desk = Desk(BROKEN_STREAM, price=None)
    reply = desk.ask()

    assert (reply.cost_usd, reply.lost) == (None, Lost(1, 1_100, None))
    assert desk.spending.tokens.spent == 1_210
    with pytest.raises(LimitReached, match="no price is known"):
        Desk(price=None, spending=Budget(max_usd=1.0)).ask()


def test_a_reply_above_its_reservation_is_recorded() -> None:
    desk = Desk(usage=Usage(input_tokens=5_000, output_tokens=10, source="server"))
    desk.ask()

    assert desk.spending.tokens.overrun == 5_010 - 1_100
    assert desk.spending.usd.overrun > 0


def test_many_runs_with_mixed_faults_stay_within_the_books_of_all() -> None:
    """Every call ends in a reply or a named failure, and nothing stays reserved."""
    time, random, limit = VirtualTime(), Random(7), 0.5
    spending = Budget(max_usd=limit)
    limiter = AdaptiveLimiter(sleep=time.sleep, clock=time.clock)
    ended: list[str] = []

    async def run_of(n: int) -> None:
        plan = tuple(random.choice(FAULTS) if random.random() < 0.3 else None for _ in range(60))
        model = FailingModel(*["Not found: it."] * 60, plan=plan)
        metered_model = MeteredModel(
            model,
            price=PRICE,
            spending=Budget(max_usd=0.02, within=spending),
            limiter=limiter,
            sleep=time.sleep,
            clock=time.clock,
        )
        for _ in range(9):
            try:
                reply = await metered_model.complete(REQUEST, prompt_tokens=1_000)
            except ModelError as error:
                ended.append(type(error).__name__)
            else:
                ended.append("reply")
                assert reply.text
            assert spending.usd.spent + spending.usd.reserved <= limit

    async def all_of_them() -> None:
        await asyncio.gather(*(run_of(n) for n in range(40)))

    asyncio.run(all_of_them())

    assert len(ended) == 360
    assert {"reply", "LimitReached"} <= set(ended)
    assert spending.usd.reserved == 0
    assert spending.usd.overrun == 0
    assert limiter.under_way == 0


LOADING = AttemptFailed("is still loading", retryable=True, may_be_billed=False, loading=True)
UNREAD = AttemptFailed("had closed it", retryable=True, may_be_billed=True, unread=True)


class FailsFirst(ChatModel):
    """Raises each of these before it replies."""

    name = "fails-first"

    def __init__(self, *errors: AttemptFailed) -> None:
        self.errors = list(errors)
        self.asked = 0

    async def complete(self, request: ModelRequest) -> ModelReply:
        self.asked += 1
        if self.errors:
            raise self.errors.pop(0)
        return ModelReply("ready", usage=Usage(100, output_tokens=10, source="server"))


def test_a_server_that_loads_is_waited_for_as_long_as_it_takes() -> None:
    desk = Desk(model=FailsFirst(*[LOADING] * 40))

    assert desk.ask().text == "ready"
    assert desk.time.now > 300
    assert desk.spending.tokens.spent == 110


def test_it_is_not_waited_for_longer_than_there_is_time() -> None:
    desk = Desk(model=FailsFirst(*[LOADING] * 40))

    with pytest.raises(ModelError, match="is still loading; no time is left to wait for it"):
        desk.ask(seconds_left=30.0)


def test_a_reused_connection_that_ended_is_tried_again_at_once() -> None:
    desk = Desk(model=(model := FailsFirst(UNREAD)))

    reply = desk.ask()

    assert model.asked == 2
    assert desk.time.now == 0
    # Where tokens have a price, what may have been worked on stays charged.
    assert reply.lost == Lost(1, 1_100, WORST_USD)


def test_where_tokens_have_no_price_it_costs_nothing() -> None:
    desk = Desk(model=FailsFirst(UNREAD), price=None)

    assert desk.ask().lost == Lost()
    assert desk.spending.tokens.spent == 110


def test_only_the_first_is_tried_again_at_once() -> None:
    desk = Desk(model=(model := FailsFirst(UNREAD, UNREAD)))

    assert desk.ask().lost.attempts == 2
    assert model.asked == 3
    assert desk.time.now > 0
