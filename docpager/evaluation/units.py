"""What stands beside a number: scales such as `million`, percent, currencies, common units."""

from __future__ import annotations

from typing import NamedTuple

__all__ = ["CURRENCIES", "SCALES", "SCALES_OF_MONEY", "UNITS", "Unit"]


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
