"""Figures in answers with sign, scale, currency and unit, and whether two agree."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

__all__ = [
    "CURRENCIES",
    "SCALES",
    "SCALES_OF_MONEY",
    "TOLERANCE",
    "UNITS",
    "Figure",
    "Unit",
    "agree",
    "figures",
    "numeric_match",
    "only_figure",
]


class Unit(NamedTuple):
    """What a figure counts, and how many of the dimension's base unit one of it is."""

    dimension: str
    factor: float = 1.0


SCALES = {
    **dict.fromkeys(("thousand", "k"), 1e3),
    **dict.fromkeys(("million", "millions", "mn", "mio"), 1e6),
    **dict.fromkeys(("billion", "billions", "bn", "mrd"), 1e9),
    **dict.fromkeys(("trillion", "trillions", "tn"), 1e12),
    **dict.fromkeys(("lakh", "lakhs", "lac", "lacs"), 1e5),
    **dict.fromkeys(("crore", "crores"), 1e7),
}
"""Scales by their names in lower case."""

SCALES_OF_MONEY = {"m": 1e6, "mm": 1e6, "b": 1e9}
"""What means a scale only beside a currency: elsewhere `m` is a metre."""

CURRENCIES = {
    **dict.fromkeys(("us$", "$", "usd", "dollar", "dollars"), Unit("USD")),
    **dict.fromkeys(("€", "eur", "euro", "euros"), Unit("EUR")),
    **dict.fromkeys(("£", "gbp"), Unit("GBP")),
    **dict.fromkeys(("¥", "jpy", "yen"), Unit("JPY")),
    **dict.fromkeys(("₹", "inr", "rupee", "rupees"), Unit("INR")),
    **dict.fromkeys(("chf",), Unit("CHF")),
    **dict.fromkeys(("cny", "rmb", "yuan"), Unit("CNY")),
}

_PERCENT = {
    **dict.fromkeys(("%", "percent", "per cent", "pct", "pp"), Unit("%", 1e-2)),
    **dict.fromkeys(("percentage points", "percentage point"), Unit("%", 1e-2)),
    **dict.fromkeys(("basis points", "basis point", "bps"), Unit("%", 1e-4)),
}


def _named(dimension: str, factors: dict[str, float]) -> dict[str, Unit]:
    """A dimension's units: names that share a factor are separated by blanks."""
    return {
        name.replace("_", " "): Unit(dimension, factor)
        for names, factor in factors.items()
        for name in names.split()
    }


UNITS = {
    **CURRENCIES,
    **_PERCENT,
    **_named(
        "mass",
        {
            "mg milligram milligrams": 1e-6,
            "g gram grams gramme grammes": 1e-3,
            "kg kilogram kilograms": 1.0,
            "t tonne tonnes": 1e3,
            "lb lbs": 0.45359237,
        },
    ),
    **_named(
        "length",
        {
            "mm millimetre millimetres millimeter millimeters": 1e-3,
            "cm centimetre centimetres centimeter centimeters": 1e-2,
            "m metre metres meter meters": 1.0,
            "km kilometre kilometres kilometer kilometers": 1e3,
            "inch inches": 0.0254,
            "ft foot feet": 0.3048,
            "mile miles": 1609.344,
        },
    ),
    **_named(
        "area",
        {
            "hectare hectares ha": 1e4,
            "square_kilometres square_kilometers": 1e6,
            "square_mile square_miles": 2_589_988.110336,
        },
    ),
    **_named("volume", {"l litre litres liter liters": 1.0, "ml millilitre millilitres": 1e-3}),
    **_named("months", {"month months": 1.0, "year years": 12.0}),
    **_named(
        "time",
        {
            "sec second seconds": 1.0,
            "min minute minutes": 60.0,
            "h hour hours": 3600.0,
            "day days": 86_400.0,
            "week weeks": 604_800.0,
        },
    ),
    **_named("power", {"kw kilowatt kilowatts": 1e3, "mw megawatt megawatts": 1e6}),
    **_named(
        "energy",
        {
            "kwh kilowatt-hour kilowatt-hours": 1.0,
            "mwh megawatt-hour megawatt-hours": 1e3,
            "gwh gigawatt-hour gigawatt-hours": 1e6,
        },
    ),
    **_named("temperature in Celsius", {"°c": 1.0}),
}
"""Units by their names in lower case."""


TOLERANCE = 0.01
"""How far a figure may be off, as a share of the gold one: room for rounding."""

_UNSAID_SCALES = (1.0, 1e3, 1e6, 1e9)
_HEDGES = {"about", "almost", "approx", "approximately", "around", "circa", "nearly", "roughly"}


@dataclass(frozen=True, slots=True)
class Figure:
    """A number as it stands in a text."""

    number: float
    """With its sign, without scale and unit."""
    scale: float | None = None
    """1e6 for `million`; None where no scale is said."""
    unit: Unit | None = None
    decimal: bool = False
    """Whether it is written with a fraction."""

    @property
    def bare(self) -> bool:
        """A whole number and nothing else: a count, a year."""
        return self.scale is None and self.unit is None and not self.decimal


def numeric_match(
    answer: str, golds: Sequence[str], *, tolerance: float = TOLERANCE
) -> float | None:
    """1.0 if a figure of the answer agrees with a gold answer that is a figure; None without one.

    Any figure of the answer will do, as any place of it will for `best_subspan`.
    """
    wanted = [figure for gold in golds if (figure := only_figure(gold)) is not None]
    if not wanted:
        return None
    given = list(figures(answer))
    return float(any(agree(f, gold, tolerance=tolerance) for f in given for gold in wanted))


def agree(figure: Figure, gold: Figure, *, tolerance: float = TOLERANCE) -> bool:
    """Whether two figures are the same amount.

    A scale or a unit counts only where both say one: questions ask for figures "in USD millions".
    Whole numbers without either are counts or years and must be equal.
    """
    if figure.unit and gold.unit and figure.unit.dimension != gold.unit.dimension:
        return False
    if figure.bare and gold.bare:
        return figure.number == gold.number
    return any(
        abs(value - wanted) <= tolerance * abs(wanted) + 1e-12 * abs(wanted)
        for value, wanted in _readings(figure, gold)
    )


def only_figure(answer: str) -> Figure | None:
    """The figure that an answer consists of, hedges such as `about` aside; None if it says more.

    >>> only_figure("about $(1.5) million")
    Figure(number=-1.5, scale=1000000.0, unit=Unit(dimension='USD', factor=1.0), decimal=True)
    """
    found = list(_NUMBER.finditer(answer))
    if len(found) != 1:
        return None
    around = answer[: found[0].start()] + " " + answer[found[0].end() :]
    words = re.findall(r"[^\W_]+|[/:]", around.lower())
    return None if set(words) - _HEDGES else _figure(found[0], aside=False)


def figures(text: str) -> Iterator[Figure]:
    """Every number of a text; those that are pieces of names (`FY2018`, `777X`) are none."""
    end = None
    for match in _NUMBER.finditer(text):
        # "rose by $5 million (6.3%)": brackets after a figure hold an aside, not a loss.
        aside = end is not None and not text[end : match.start()].strip()
        yield _figure(match, aside=aside)
        end = match.end()


def _readings(figure: Figure, gold: Figure) -> Iterator[tuple[float, float]]:
    """Pairs of amounts that the two may mean."""
    for a, b in _without_unit(figure, gold):
        if (figure.scale is None) == (gold.scale is None):
            yield a * (figure.scale or 1), b * (gold.scale or 1)
        else:
            said = figure.scale or gold.scale or 1
            for unsaid in {*_UNSAID_SCALES, said}:
                yield a * (said if figure.scale else unsaid), b * (said if gold.scale else unsaid)


def _without_unit(figure: Figure, gold: Figure) -> Iterator[tuple[float, float]]:
    """The two numbers in one unit; where only one names a unit, the other may mean it."""
    converted = (_in_base_unit(figure), _in_base_unit(gold))
    if figure.unit and gold.unit:
        yield converted
        return
    yield figure.number, gold.number
    unit = figure.unit or gold.unit
    if unit is not None and unit.dimension == "%":
        yield converted  # 0.654 is 65.4 %


def _in_base_unit(figure: Figure) -> float:
    return figure.number * (figure.unit.factor if figure.unit else 1.0)


def _figure(match: re.Match[str], *, aside: bool) -> Figure:
    digits = match["digits"]
    number = float(_plain(digits))
    in_brackets = bool((match["open"] and (match["close"] or match["end"])) or match["inner_open"])
    year = bool(re.fullmatch(r"(?:19|20)\d\d", digits)) and not match["currency"]
    if match["sign"] or match["inner_sign"] or (in_brackets and not aside and not year):
        number = -number
    currency = CURRENCIES.get((match["currency"] or "").strip().lower())
    scale, unit = (match["scale"] or "").lower(), (match["unit"] or "").lower()
    money = currency or CURRENCIES.get(unit)
    if money and match["short_scale"]:
        scale = match["short_scale"].lower()
    elif match["short_scale"]:
        unit = match["short_scale"].lower()
    return Figure(
        number,
        scale=SCALES.get(scale) or SCALES_OF_MONEY.get(scale),
        unit=money or UNITS.get(unit),
        decimal="." in _plain(digits),
    )


def _plain(digits: str) -> str:
    """Digits as Python reads them: `1,577.5`, `1.577,5` and `1577,5` are the same number."""
    if re.fullmatch(r"\d{1,3}(?:\.\d{3})+,\d+|\d+,\d{1,2}", digits):
        return digits.replace(".", "").replace(",", ".")
    return re.sub(r"[^\d.]", "", digits)


def _one_of(names: Iterable[str]) -> str:
    longest_first = sorted(names, key=len, reverse=True)
    return "|".join(re.escape(name).replace(r"\ ", r"\s") for name in longest_first)


_NUMBER = re.compile(
    rf"""
    (?<![\w.,])
    (?P<open>\()?
    (?:(?<![%)])(?P<sign>[-−–])|\+)?               # "36.8%-34.6%" is a range
    (?P<currency>(?:{_one_of(CURRENCIES)})\s?)?
    (?P<inner_open>\()?
    (?(currency)(?P<inner_sign>[-−–])?)
    (?P<digits>
        \d{{1,3}}(?:,\d{{3}})+(?:\.\d+)?          # 1,577.50
      | \d{{1,3}}(?:\.\d{{3}})+,\d+               # 1.577,50
      | \d{{1,3}}(?:[\u00a0\u202f]\d{{3}})+(?:\.\d+)?
      | \d+,\d{{1,2}}                             # 1577,5
      | \d+(?:\.\d+)?
    )
    (?!\d|[.,]\d)
    (?P<close>\))?
    (?:[\s-]?(?:(?P<scale>{_one_of(SCALES)})|(?P<short_scale>{_one_of(SCALES_OF_MONEY)}))(?!\w)\.?)?
    (?:[\s-]?(?P<unit>{_one_of(UNITS)})(?!\w))?
    (?P<end>\))?
    (?!\w)
    """,
    re.VERBOSE | re.IGNORECASE,
)
