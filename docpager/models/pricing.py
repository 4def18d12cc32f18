"""What a model's tokens cost: prices with a date, by band, which users may override."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, fields
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

from docpager.core.errors import UsageError
from docpager.models.messages import Usage

__all__ = ["Price", "PriceBand", "PriceList", "Rates", "built_in_prices", "price_of", "read_prices"]

_MILLION = 1_000_000
_DEAREST = 10**9
"""A price above this is a slip of the pen, and its sums would be no numbers."""
_DATED = re.compile(r"-\d{8}$")


@dataclass(frozen=True, slots=True)
class Rates:
    """Dollars per million tokens."""

    input: float
    output: float
    write_5m: float
    write_1h: float
    read: float

    def cost(self, usage: Usage) -> float:
        """Dollars that these tokens cost."""
        short = usage.cache_write_tokens - usage.cache_write_1h_tokens
        millionths = (
            usage.input_tokens * self.input
            + short * self.write_5m
            + usage.cache_write_1h_tokens * self.write_1h
            + usage.cache_read_tokens * self.read
            + usage.output_tokens * self.output
        )
        return millionths / _MILLION

    def dearest_input(self, *, hour: bool) -> float:
        """The most that one prompt token can cost; with `hour` it may be kept for an hour."""
        most = max(self.input, self.write_5m, self.read)
        return max(most, self.write_1h) if hour else most


@dataclass(frozen=True, slots=True)
class PriceBand:
    """The rates of every request whose prompt is so long."""

    rates: Rates
    up_to: int | None = None
    """The longest prompt of this band in tokens, cache reads counted; None for any."""


@dataclass(frozen=True, slots=True)
class Price:
    """What one model costs."""

    model: str
    bands: tuple[PriceBand, ...]
    """By rising length of prompt; the last one takes any."""
    as_of: str
    """The day these figures were read, ISO 8601."""
    source: str
    batch_share: float = 1.0
    """What a message batch costs, as a share of the same requests one by one."""
    largest_prompt: int | None = None
    """Tokens that the model takes at all; None where that decides nothing here."""

    @property
    def free(self) -> bool:
        """Whether nothing is ever charged."""
        return not any(max(_values(band.rates)) for band in self.bands)

    def band(self, prompt_tokens: int) -> PriceBand:
        """The band of a prompt of that length."""
        fitting = (b for b in self.bands if b.up_to is None or prompt_tokens <= b.up_to)
        return next(fitting)

    def cost(self, usage: Usage, *, batch: bool = False) -> float:
        """Dollars of one request."""
        cost = self.band(usage.prompt_tokens).rates.cost(usage)
        return cost * self.batch_share if batch else cost

    def worst_case(
        self, *, prompt_tokens: int, output_tokens: int, batch: bool = False, hour: bool = False
    ) -> float:
        """The most that a request of at most this size can cost: every prompt token written.

        `hour` says that parts of the prompt may be written to the cache for an hour.
        """
        reachable = self.bands[: self.bands.index(self.band(prompt_tokens)) + 1]
        cost = max(
            min(prompt_tokens, band.up_to or prompt_tokens) * band.rates.dearest_input(hour=hour)
            + output_tokens * band.rates.output
            for band in reachable
        )
        return cost / _MILLION * (self.batch_share if batch else 1.0)


@dataclass(frozen=True, slots=True)
class PriceList:
    """Prices by the names of models."""

    prices: Mapping[str, Price]

    def of(self, model_name: str) -> Price | None:
        """The price of a model, or of the family of a dated name; None where it is not known."""
        return self.prices.get(model_name) or self.prices.get(_DATED.sub("", model_name))


@cache
def built_in_prices() -> PriceList:
    """The prices that docpager was made with."""
    written = (files("docpager.models") / "pricing.toml").read_text("utf-8")
    return PriceList(_parsed(written, "pricing.toml"))


def read_prices(path: Path | None) -> PriceList:
    """The built-in prices; those in the file at `path` go before them.

    Raises:
        UsageError: the file cannot be read, or holds something that is no price.
    """
    built_in = built_in_prices()
    if path is None:
        return built_in
    try:
        written = path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"cannot read the prices in {str(path)!r}: {error}") from error
    return PriceList({**built_in.prices, **_parsed(written, str(path))})


def price_of(model_name: str, *, prices: PriceList | None = None) -> Price | None:
    """The price of a model; None where it is not known, and never a guess."""
    return (prices or built_in_prices()).of(model_name)


def _parsed(written: str, name: str) -> dict[str, Price]:
    try:
        content = tomllib.loads(written)
    except tomllib.TOMLDecodeError as error:
        raise UsageError(f"the prices in {name!r} are not valid TOML: {error}") from error
    if strange := sorted(content.keys() - {"models", "source"}):
        raise UsageError(
            f"the prices in {name!r} hold {strange[0]!r}; each model is a table [models.NAME]"
        )
    models = content.get("models", {})
    if not isinstance(models, dict) or not all(isinstance(each, dict) for each in models.values()):
        raise UsageError(f"the prices in {name!r} need a table [models.NAME] for each model")
    source = content.get("source", name)
    return {
        model: _price(model, {"source": source, **table}, where=f"model {model!r} in {name!r}")
        for model, table in models.items()
    }


def _price(model: str, table: dict[str, Any], *, where: str) -> Price:
    rates = frozenset[str]() if "bands" in table else _RATES
    _refuse_strange(table, known=_OF_MODEL | rates, where=where)
    bands = table.get("bands", [{name: table[name] for name in _RATES & table.keys()}])
    if not isinstance(bands, list) or not all(isinstance(band, dict) for band in bands):
        raise UsageError(f"{where}: `bands` is a list of tables")
    for band in bands:
        _refuse_strange(band, known=_RATES | {"up_to"}, where=where)
    return Price(
        model,
        _bands(bands, where=where),
        as_of=str(table.get("as_of", "undated")),
        source=str(table["source"]),
        batch_share=_number(table, "batch", where=where, default=1.0),
        largest_prompt=int(_number(table, "largest_prompt", where=where, default=0)) or None,
    )


def _refuse_strange(table: dict[str, Any], *, known: frozenset[str], where: str) -> None:
    if strange := sorted(table.keys() - known):
        raise UsageError(
            f"{where}: unknown key {strange[0]!r}; known are {', '.join(sorted(known))}"
        )


def _bands(tables: list[dict[str, Any]], *, where: str) -> tuple[PriceBand, ...]:
    lengths = [table.get("up_to") for table in tables]
    limits = [length for length in lengths[:-1] if type(length) is int and length > 0]
    if len(limits) != len(lengths) - 1 or limits != sorted(set(limits)) or lengths[-1] is not None:
        raise UsageError(f"{where}: each band but the last needs a longer `up_to`, in tokens")
    return tuple(
        PriceBand(_rates(table, where=where), limit)
        for table, limit in zip(tables, (*limits, None), strict=True)
    )


def _rates(table: dict[str, Any], *, where: str) -> Rates:
    given = {"input", "output"} | (_RATES & table.keys())
    rates = {name: _number(table, name, where=where) for name in given}
    return Rates(**{**dict.fromkeys(_RATES, rates["input"]), **rates})


def _number(table: dict[str, Any], name: str, *, where: str, default: float | None = None) -> float:
    value = table.get(name, default)
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise UsageError(f"{where}: {name!r} must be a number, not {value!r}")
    if not 0 <= value <= _DEAREST:
        raise UsageError(f"{where}: {name!r} must be from 0 to {_DEAREST:,}, not {value!r}")
    return float(value)


def _values(rates: Rates) -> list[float]:
    return [getattr(rates, name) for name in _RATES]


_RATES = frozenset(field.name for field in fields(Rates))
_OF_MODEL = frozenset({"as_of", "source", "batch", "bands", "largest_prompt"})
