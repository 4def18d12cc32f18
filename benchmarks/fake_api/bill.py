"""What every request was billed, and the sums."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from benchmarks.fake_api.prices import PRICES, PriceBand, cost_usd
from benchmarks.fake_api.usage import Usage

__all__ = ["Bill", "BilledRequest"]


@dataclass(frozen=True, slots=True)
class BilledRequest:
    """One line of the bill."""

    number: int
    """Of the request to the messages endpoint; 0 for items of a batch."""
    message_id: str
    model: str
    usage: Usage
    usd: float | None
    """None where the model's price is unknown."""
    batch: bool = False
    delivered: bool = True
    """False where a fault kept the reply from the client; it is billed all the same."""


@dataclass(slots=True)
class Bill:
    """All lines, in the order in which they arose."""

    prices: Mapping[str, tuple[PriceBand, ...]] = field(default_factory=lambda: PRICES)
    requests: list[BilledRequest] = field(default_factory=list)

    def __len__(self) -> int:
        return len(self.requests)

    def __iter__(self) -> Iterator[BilledRequest]:
        return iter(self.requests)

    @property
    def usage(self) -> Usage:
        """Tokens of all requests."""
        return sum((each.usage for each in self.requests), Usage())

    @property
    def usd(self) -> float | None:
        """Dollars of all requests; None when the price of any is unknown."""
        return _sum(each.usd for each in self.requests)

    @property
    def delivered_usd(self) -> float | None:
        """Dollars of the requests whose reply reached the client."""
        return _sum(each.usd for each in self.requests if each.delivered)

    def add(
        self,
        body: Mapping[str, Any],
        usage: Usage,
        *,
        number: int,
        message_id: str,
        batch: bool = False,
        delivered: bool = True,
    ) -> BilledRequest:
        """Write a line."""
        usd = cost_usd(
            body["model"],
            usage,
            batch=batch,
            us_only=body.get("inference_geo") == "us",
            fast=body.get("speed") == "fast",
            prices=self.prices,
        )
        line = BilledRequest(number, message_id, body["model"], usage, usd, batch, delivered)
        self.requests.append(line)
        return line

    def mark_lost(self, message_id: str) -> None:
        """Note that a reply did not reach the client."""
        for n, line in enumerate(self.requests):
            if line.message_id == message_id:
                self.requests[n] = replace(line, delivered=False)


def _sum(dollars: Iterable[float | None]) -> float | None:
    total = 0.0
    for each in dollars:
        if each is None:
            return None
        total += each
    return total
