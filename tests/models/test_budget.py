from __future__ import annotations

import asyncio
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from docpager.core.errors import LimitReached
from docpager.models.budget import Budget, Cost, HeldBudget

amounts = st.builds(
    Cost, st.integers(0, 500), st.floats(0, 0.5, allow_nan=False, allow_infinity=False)
)


class BooksUnderWay(RuleBasedStateMachine):
    """Runs of one batch reserve and settle in any order; a plain list keeps the same account."""

    @initialize(tokens=st.integers(0, 2_000), usd=st.floats(0, 2))
    def open(self, tokens: int, usd: float) -> None:
        self.batch = Budget(max_tokens=tokens, max_usd=usd)
        self.runs = [Budget(max_tokens=700, within=self.batch) for _ in range(2)]
        self.held: list[tuple[Budget, HeldBudget, Cost]] = []
        self.spent = [Cost()]
        self.over = Cost()

    @rule(cost=amounts, which=st.integers(0, 1))
    def reserve(self, cost: Cost, which: int) -> None:
        run = self.runs[which]
        left = self.batch.usd.left, self.batch.tokens.left, run.tokens.left
        assert None not in left
        try:
            held = run.reserve(cost)
        except LimitReached:
            usd, tokens, own = left
            assert cost.usd > usd - 1e-9 or cost.tokens > min(tokens, own)
        else:
            self.held.append((run, held, cost))

    @precondition(lambda self: self.held)
    @rule(at=st.integers(0, 99), share=st.floats(0, 1))
    def settle(self, at: int, share: float) -> None:
        run, held, cost = self.held.pop(at % len(self.held))
        actual = Cost(int(cost.tokens * share), cost.usd * share)
        run.settle(held, actual)
        self.spent.append(actual)

    @precondition(lambda self: self.held)
    @rule(at=st.integers(0, 99), more=amounts)
    def settle_above_the_reservation(self, at: int, more: Cost) -> None:
        run, held, cost = self.held.pop(at % len(self.held))
        actual = Cost(cost.tokens + more.tokens, cost.usd + more.usd)
        run.settle(held, actual)
        self.spent.append(actual)
        self.over = Cost(self.over.tokens + more.tokens, self.over.usd + more.usd)

    @precondition(lambda self: self.held)
    @rule(at=st.integers(0, 99))
    def free(self, at: int) -> None:
        run, held, _ = self.held.pop(at % len(self.held))
        run.free(held)

    @invariant()
    def no_limit_is_exceeded_but_by_what_was_recorded_as_an_overrun(self) -> None:
        if not hasattr(self, "batch"):
            return
        for ledger in (self.batch.tokens, self.batch.usd, *(run.tokens for run in self.runs)):
            assert ledger.limit is not None
            assert ledger.spent + ledger.reserved <= ledger.limit + ledger.overrun + 1e-9
        assert self.batch.tokens.overrun == self.over.tokens
        assert self.batch.usd.overrun == pytest.approx(self.over.usd, abs=1e-9)

    @invariant()
    def the_books_hold_what_was_reserved_and_spent_and_nothing_else(self) -> None:
        if not hasattr(self, "batch"):
            return
        batch = self.batch
        assert batch.tokens.spent == sum(cost.tokens for cost in self.spent)
        assert batch.tokens.reserved == sum(cost.tokens for _, _, cost in self.held)
        assert batch.usd.spent == pytest.approx(sum(cost.usd for cost in self.spent), abs=1e-9)
        assert batch.usd.reserved == pytest.approx(
            sum(cost.usd for _, _, cost in self.held), abs=1e-9
        )
        assert sum(run.tokens.reserved for run in self.runs) == batch.tokens.reserved


TestBooksUnderWay = BooksUnderWay.TestCase


def test_the_refusal_says_what_is_asked_what_is_left_and_which_option_it_is() -> None:
    spending = Budget(max_usd=1.0, spent=Cost(0, 0.9))

    with pytest.raises(
        LimitReached, match=r"could take \$0.2000, but \$0.1000 of \$1.0000 is left"
    ):
        spending.reserve(Cost(10, 0.2))


def test_a_limit_on_dollars_without_a_price_is_refused_and_leaves_nothing_reserved() -> None:
    outer = Budget(max_tokens=100)

    with pytest.raises(LimitReached, match="no price is known"):
        Budget(max_usd=1.0, within=outer).reserve(Cost(10, None))

    assert outer.tokens.reserved == 0


def test_what_does_not_fit_in_dollars_is_not_reserved_in_tokens_either() -> None:
    outer = Budget(max_tokens=100)
    spending = Budget(max_usd=0.1, within=outer)

    with pytest.raises(LimitReached, match="`max_usd=`"):
        spending.reserve(Cost(10, 0.2))

    assert (spending.tokens.reserved, outer.tokens.reserved) == (0, 0)


def test_a_reservation_is_settled_once() -> None:
    spending = Budget()
    held = spending.reserve(Cost(10, 0.1))
    spending.settle(held, Cost(4, 0.05))

    with pytest.raises(ValueError, match="settled before"):
        spending.free(held)

    assert spending.tokens.spent == 4


@given(st.lists(st.floats(0, 1e-4), max_size=200))
def test_thousands_of_tiny_sums_leave_no_crumbs(costs: list[float]) -> None:
    spending = Budget(max_usd=1.0)
    for held in [spending.reserve(Cost(1, usd)) for usd in costs]:
        spending.free(held)

    assert (spending.usd.reserved, spending.usd.spent, spending.usd.left) == (0, 0, 1.0)


def test_many_tasks_of_one_event_loop_never_exceed_the_limit_together() -> None:
    spending, random = Budget(max_usd=1.0), Random(1)
    refused: list[LimitReached] = []

    async def call() -> None:
        try:
            held = spending.reserve(Cost(1, 0.03))
        except LimitReached as limit:
            refused.append(limit)
            return
        await asyncio.sleep(0)
        assert spending.usd.spent + spending.usd.reserved <= 1.0
        spending.settle(held, Cost(1, random.uniform(0, 0.03)))

    async def all_calls() -> None:
        for _ in range(5):
            await asyncio.gather(*(call() for _ in range(60)))

    asyncio.run(all_calls())

    assert refused
    assert 0.9 < spending.usd.spent <= 1.0
    assert spending.usd.reserved == 0
