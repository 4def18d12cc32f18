"""What a request costs: dollars per million tokens, as published on 2026-10-10."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from benchmarks.fake_api.usage import Usage

__all__ = ["PRICES", "PRICES_DATE", "Price", "PriceBand", "cost_usd"]

PRICES_DATE = "2026-10-10"


@dataclass(frozen=True, slots=True)
class Price:
    """Dollars per million tokens."""

    input: float
    output: float
    cache_read: float
    write_5m: float
    write_1h: float

    def of(self, usage: Usage) -> float:
        """Dollars for `usage`, before any discount or surcharge."""
        millionths = (
            usage.input_tokens * self.input
            + usage.cache_read_tokens * self.cache_read
            + usage.write_5m_tokens * self.write_5m
            + usage.write_1h_tokens * self.write_1h
            + usage.output_tokens * self.output
        )
        return millionths / 1_000_000


@dataclass(frozen=True, slots=True)
class PriceBand:
    """The price of requests whose whole prompt, cache reads included, is at most `up_to` tokens."""

    price: Price
    up_to: float = float("inf")


def _price(base: float, output: float, read_share: float = 0.1) -> Price:
    return Price(base, output, base * read_share, base * 1.25, base * 2)


def _flat(base: float, output: float, read_share: float = 0.1) -> tuple[PriceBand, ...]:
    return (PriceBand(_price(base, output, read_share)),)


PRICES: Mapping[str, tuple[PriceBand, ...]] = {
    "claude-fable-5-1": _flat(10, 50, 0.025),
    "claude-opus-5-5": _flat(4, 20, 0.05),
    "claude-opus-5": _flat(5, 25),
    "claude-opus-4-8": _flat(5, 25),
    "claude-opus-4-7": _flat(5, 25),
    "claude-opus-4-6": _flat(5, 25),
    "claude-opus-4-5": _flat(5, 25),
    "claude-opus-4-5-20251101": _flat(5, 25),
    "claude-sonnet-5-5": _flat(2, 10, 0.05),
    "claude-sonnet-5": _flat(2, 10),
    "claude-sonnet-4-6": _flat(3, 15),
    "claude-haiku-5-5": (
        PriceBand(_price(0.10, 0.50), up_to=100_000),
        PriceBand(_price(0.50, 2.50)),
    ),
    "claude-haiku-4-5": _flat(1, 5),
    "claude-haiku-4-5-20251001": _flat(1, 5),
}


def cost_usd(
    model: str,
    usage: Usage,
    *,
    batch: bool = False,
    us_only: bool = False,
    fast: bool = False,
    prices: Mapping[str, tuple[PriceBand, ...]] = PRICES,
) -> float | None:
    """Dollars for one request; None where the model's price is unknown."""
    bands = prices.get(model)
    if bands is None:
        return None
    band = next(band for band in bands if usage.prompt_tokens <= band.up_to)
    factor = (0.5 if batch else 1.0) * (1.1 if us_only else 1.0) * (2.0 if fast else 1.0)
    return band.price.of(usage) * factor
