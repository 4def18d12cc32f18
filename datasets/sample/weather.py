"""The weather book of the invented island; its sums agree with the report's monthly table."""

from __future__ import annotations

import datetime
import random

HEADER = ("Date", "°C", "hPa", "Wind", "Rain", "Vis.", "Remark")
SEED = 20210601
DIRECTIONS = ("N", "NE", "E", "SE", "S", "SW", "W", "NW")
RAIN_TENTHS = {6: 710, 7: 380, 8: 540}
WARMTH_TENTHS = {6: 76, 7: 112, 8: 125}
FIXED_WIND = {
    "6-1": "NW 7",
    "7-13": "NW 7",
    "7-17": "W 4",
    "7-27": "S 2",
    "7-30": "0",
    "8-3": "SE 1",
    "8-30": "SW 11",
}
FIXED_WARMTH = {"6-1": 14, "7-27": 187, "8-30": 98}
GALES = {"6-2", "6-8", "6-11", "6-12", "6-19", "6-27", "7-10", "7-12", "8-5", "8-14", "8-29"}
REMARKS = {
    "6-1": "Snow shower, 20 min",
    "6-5": "Halo round the sun",
    "6-9": "Terns gone",
    "6-14": "Core taken; no wind in the hollow",
    "6-20": "Eagle",
    "6-24": "Terne in",
    "6-28": "Fog all day",
    "7-2": "Generator failed 04:40",
    "7-8": "Thunder to the south",
    "7-13": "Swell, fifth day",
    "7-17": "Terne in",
    "7-19": "Olga running",
    "7-22": "Accident on the Stair",
    "7-27": "Tar on the screen; 23.4 at 15:00",
    "7-30": "Flat calm, pilot boat",
    "8-3": "Cable ship in the sound",
    "8-9": "Waterspout, 2 km west",
    "8-12": "Petrels, mist net",
    "8-16": "Dew in the rain gauge",
    "8-21": "First geese southward",
    "8-25": "Spring gives 12 l/h",
    "8-30": "Gust 38 m/s; anemometer lost",
}


def weather_rows() -> list[tuple[str, ...]]:
    """Ninety-two mornings, from 1 June to 31 August 2021, the header first."""
    dice = random.Random(SEED)
    rows = [HEADER]
    for month in RAIN_TENTHS:
        rows += _month(month, dice)
    return rows


def _month(month: int, dice: random.Random) -> list[tuple[str, ...]]:
    last = 30 if month == 6 else 31
    days = [datetime.date(2021, month, day) for day in range(1, last + 1)]
    rain = _rain(len(days), RAIN_TENTHS[month], dice)
    return [_morning(day, wet, dice) for day, wet in zip(days, rain, strict=True)]


def _rain(days: int, tenths: int, dice: random.Random) -> list[int]:
    """Falls of rain whose sum is exactly the month's."""
    weights = [max(0, dice.randrange(100) - 55) for _ in range(days)]
    falls = [weight * tenths // sum(weights) for weight in weights]
    falls[weights.index(max(weights))] += tenths - sum(falls)
    return falls


def _morning(day: datetime.date, rain: int, dice: random.Random) -> tuple[str, ...]:
    key = f"{day.month}-{day.day}"
    drift = dice.randrange(-28, 29)
    pressure = 1012 + dice.randrange(-14, 15) - (9 if key in GALES else 0)
    direction, force = dice.choice(DIRECTIONS), 8 if key in GALES else dice.randrange(1, 7)
    warmth = FIXED_WARMTH.get(key, WARMTH_TENTHS[day.month] + drift)
    sight = "0.2" if "Fog" in REMARKS.get(key, "") else str(dice.choice((4, 8, 12, 20, 30, 40)))
    wind = FIXED_WIND.get(key, f"{direction} {force}")
    date = f"{day.day} {day:%B}"
    return date, _tenths(warmth), str(pressure), wind, _tenths(rain), sight, REMARKS.get(key, "")


def _tenths(value: int) -> str:
    return f"{value // 10}.{value % 10}"
