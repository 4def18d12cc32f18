"""Whether another question may start: what is left of the budget, and what is owed.

Owed is what replies can cost that an earlier session asked for and that are still to be fetched.
"""

from __future__ import annotations

from collections.abc import Mapping

from docpager.core.errors import LimitReached
from docpager.models.budget import Budget, Cost, HeldBudget

__all__ = ["Admission", "UnfetchedReplies"]


class UnfetchedReplies:
    """What replies can cost that an earlier session had asked for and that are to be fetched: set
    aside until their runs go on, because the server bills them either way."""

    def __init__(self, spending: Budget, costs: Mapping[str, Cost]) -> None:
        self._spending = spending
        self._costs = costs
        self._held: dict[str, HeldBudget] = {}
        for question_id in costs:
            self.keep(question_id)

    def keep(self, question_id: str) -> None:
        """Set it aside, as much of it as is left."""
        cost = self._costs.get(question_id)
        if cost is None or question_id in self._held:
            return
        try:
            self._held[question_id] = self._spending.reserve(cost)
        # Less is left than the replies may cost: setting all of it aside at least keeps new
        # questions from being begun with money that is owed.
        except LimitReached:
            usd, tokens = self._spending.usd.left, self._spending.tokens.left
            self._held[question_id] = self._spending.reserve(
                Cost(
                    cost.tokens if tokens is None else min(cost.tokens, int(tokens)),
                    cost.usd if usd is None or cost.usd is None else min(cost.usd, usd),
                )
            )

    def release(self, question_id: str) -> None:
        """Its run goes on, and sets aside for itself what its next step can cost."""
        if (held := self._held.pop(question_id, None)) is not None:
            self._spending.free(held)


class Admission:
    """Lets fewer questions run at once as the money runs short, so that those that run finish well.

    Each run sets its own finishing call aside; this only decides whether it is worth beginning.
    """

    def __init__(self, spending: Budget, *, worst_call: Cost) -> None:
        self._spending = spending
        self._worst_call = worst_call
        self._finished = 0
        self._spent_before = Cost(int(spending.tokens.spent), spending.usd.spent)

    def may_start(self, *, running: int) -> bool:
        """Whether one more question is likely to get to a good end beside those that run."""
        held, usual = self._worst_call, self._usual
        # Half of what each of them usually takes is still to come.
        coming = running / 2 + 1 if running else 0.0
        return self._fits(
            held.tokens + coming * usual.tokens, (held.usd or 0.0) + coming * (usual.usd or 0.0)
        )

    @property
    def shortage(self) -> LimitReached:
        """That no further question can be begun, and which limit would have to be raised."""
        both = (self._spending.usd, self._spending.tokens)
        limited = [each for each in both if each.limit is not None]
        limits = " and ".join(each.written_limit for each in limited)
        return LimitReached(
            f"what is left of {limits} does not pay for another question",
            limits=[each.name for each in limited],
        )

    def finished(self) -> None:
        """A question that was begun has ended."""
        self._finished += 1

    @property
    def _usual(self) -> Cost:
        """What a question takes beside its finishing call: so far, or a guess at first."""
        if not self._finished:
            return self._worst_call
        tokens = self._spending.tokens.spent - self._spent_before.tokens
        usd = self._spending.usd.spent - (self._spent_before.usd or 0.0)
        return Cost(int(tokens / self._finished), usd / self._finished)

    def _fits(self, tokens: float, usd: float) -> bool:
        return self._spending.tokens.fits(tokens) and self._spending.usd.fits(usd)
