"""The budget of a run or a batch: tokens and dollars, reserved before a call and settled after it.

Plain code for one thread: between two awaits of an event loop nothing else runs, so a reservation
that was checked is made.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

from docpager.core.errors import LimitReached

__all__ = ["Budget", "Cost", "HeldBudget", "Ledger", "Reservation"]


@dataclass(frozen=True, slots=True)
class Cost:
    """An amount in both ledgers."""

    tokens: int = 0
    usd: float | None = 0.0
    """None where no price is known."""


class _Unit(NamedTuple):
    """What a ledger counts."""

    limit: str
    """The setting that limits it, by its name in `RunLimits`."""
    grain: float
    """The smallest amount: whole numbers of it are kept, so that sums stay exact."""
    written: Callable[[float], str]


TOKENS = _Unit("max_tokens", 1, lambda amount: f"{amount:,.0f} tokens")
DOLLARS = _Unit("max_usd", 1e-12, lambda amount: f"${amount:,.4f}")


@dataclass(eq=False, slots=True)
class Reservation:
    """An amount that is set aside until it is settled."""

    grains: int
    open: bool = True


class Ledger:
    """One limit: what was spent, and what is set aside for calls that are under way.

    Spent and reserved together never exceed the limit, unless a call cost more than was reserved
    for it: `overrun` says by how much.
    """

    def __init__(self, unit: _Unit, *, limit: float | None = None, spent: float = 0) -> None:
        self._unit = unit
        self._limit = None if limit is None else self._grains(limit)
        self._spent = self._grains(spent)
        self._reserved = 0
        self._overrun = 0

    @property
    def limit(self) -> float | None:
        """None for no limit."""
        return None if self._limit is None else self._limit * self._unit.grain

    @property
    def name(self) -> str:
        """The setting that limits it: `max_usd` or `max_tokens`."""
        return self._unit.limit

    @property
    def written_limit(self) -> str:
        """The setting and its amount, for people."""
        return f"`{self._unit.limit}=` ({self._unit.written(self.limit or 0)})"

    @property
    def spent(self) -> float:
        return self._spent * self._unit.grain

    @property
    def reserved(self) -> float:
        return self._reserved * self._unit.grain

    @property
    def overrun(self) -> float:
        """What settled calls cost beyond their reservations, in all."""
        return self._overrun * self._unit.grain

    @property
    def left(self) -> float | None:
        """What may still be reserved; None for no limit."""
        if self._limit is None:
            return None
        return max(0, self._limit - self._spent - self._reserved) * self._unit.grain

    def fits(self, amount: float) -> bool:
        """Whether so much may be reserved."""
        grains = self._grains(amount)
        # Nothing always fits, also where a call has overrun the limit: a free call must not be
        # refused.
        return not grains or self._limit is None or self._total + grains <= self._limit

    def reserve(self, amount: float) -> Reservation:
        """Set an amount aside.

        Raises:
            LimitReached: more than is left.
        """
        if not self.fits(amount):
            written, limit, left = self._unit.written, self.limit or 0, self.left or 0
            aside = f" beside {written(self.reserved)} set aside" if self._reserved else ""
            raise LimitReached(
                f"the next call could take {written(amount)}, but {written(left)} of "
                f"{written(limit)} is left{aside} (`{self._unit.limit}=`)",
                limits=[self._unit.limit],
                needed=amount,
                left=left,
            )
        reservation = Reservation(self._grains(amount))
        self._reserved += reservation.grains
        return reservation

    def settle(self, reservation: Reservation, actual: float) -> None:
        """Replace a reservation by what was really used."""
        if not reservation.open:
            raise ValueError("this reservation was settled before")
        reservation.open = False
        grains = self._grains(actual)
        self._reserved -= reservation.grains
        self._spent += grains
        # Kept apart instead of being refused: the money is gone, and whoever reads the report must
        # see that the limit did not hold.
        self._overrun += max(0, grains - reservation.grains)

    def free(self, reservation: Reservation) -> None:
        """Give a reservation back: nothing was used."""
        self.settle(reservation, 0)

    @property
    def _total(self) -> int:
        return self._spent + self._reserved

    def _grains(self, amount: float) -> int:
        # Written this way round so that NaN is refused too.
        if not amount >= 0:
            raise ValueError(f"not an amount: {amount!r}")
        # Integers of 1e-12 dollars: ten thousand floats summed in another order (a resumed batch)
        # would differ, and a limit could be missed by a hair.
        return round(amount / self._unit.grain)


@dataclass(frozen=True, slots=True)
class HeldBudget:
    """What is set aside for one call."""

    tokens: Reservation
    usd: Reservation
    within: HeldBudget | None = None


class Budget:
    """Both ledgers of a run; those of the batch that it belongs to are kept along with them."""

    def __init__(
        self,
        *,
        max_tokens: int | None = None,
        max_usd: float | None = None,
        spent: Cost | None = None,
        within: Budget | None = None,
    ) -> None:
        spent = spent or Cost()
        self.tokens = Ledger(TOKENS, limit=max_tokens, spent=spent.tokens)
        self.usd = Ledger(DOLLARS, limit=max_usd, spent=spent.usd or 0.0)
        self._within = within

    def reserve(self, cost: Cost) -> HeldBudget:
        """Set aside what a call can cost at worst, in every ledger or in none.

        Raises:
            LimitReached: more than is left, or a limit on dollars where no price is known; says
                whether the batch is short, or these books alone.
        """
        if cost.usd is None and self.usd.limit is not None:
            raise LimitReached(
                "no price is known for this model, so a limit on dollars cannot be kept; name its "
                "prices with `prices=`, or limit it with `max_tokens=`",
                limits=[DOLLARS.limit],
            )
        # The batch's books first, and given back if the run's own refuse: a reservation stands in
        # all ledgers or in none.
        within = self._reserve_within(cost)
        tokens: Reservation | None = None
        try:
            tokens = self.tokens.reserve(cost.tokens)
            return HeldBudget(tokens, self.usd.reserve(cost.usd or 0.0), within)
        except LimitReached:
            if tokens is not None:
                self.tokens.free(tokens)
            if self._within is not None and within is not None:
                self._within.free(within)
            raise

    def _reserve_within(self, cost: Cost) -> HeldBudget | None:
        if self._within is None:
            return None
        try:
            return self._within.reserve(cost)
        except LimitReached as limit:
            raise LimitReached(
                str(limit), limits=limit.limits, needed=limit.needed, left=limit.left, shared=True
            ) from limit

    def settle(self, held: HeldBudget, actual: Cost) -> None:
        """Replace what was set aside by what a call really cost."""
        self.tokens.settle(held.tokens, actual.tokens)
        self.usd.settle(held.usd, actual.usd or 0.0)
        if self._within is not None and held.within is not None:
            self._within.settle(held.within, actual)

    def free(self, held: HeldBudget) -> None:
        """Give back what was set aside: nothing was used."""
        self.settle(held, Cost())
