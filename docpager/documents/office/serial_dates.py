"""Days counted from 1900 or 1904, as spreadsheets hold dates, and the parts that formats show.

Stands alone: the calendar of spreadsheets, with the day that never was, is no part of how numbers
are written.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from decimal import Decimal

__all__ = ["Moment", "date_token", "moment_of", "serial_of"]

_MS_A_DAY = 86_400_000
_LAST_DAY = 2_958_465
"""31 December 9999, counted from 1900."""
_NEVER = 60
"""29 February 1900, which was not: Lotus 1-2-3 counted it, and everyone after it."""
_FROM_1904 = 1_462
"""Days between the two first days."""
_MONTHS = "January February March April May June July August September October November December"
_DAYS = "Monday Tuesday Wednesday Thursday Friday Saturday Sunday"


@dataclass(frozen=True, slots=True)
class Moment:
    """A number of days as a date and a time of day."""

    days: int
    """Since the day 0 of 1900, the day that never was among them."""
    milliseconds: int
    """Of the day; of all days together where time has elapsed."""

    def to_whole_seconds(self) -> Moment:
        """The nearest full second, which may be on the next day."""
        whole = (self.milliseconds + 500) // 1000 * 1000
        if whole >= _MS_A_DAY and self.days >= 0:
            return Moment(self.days + 1, whole - _MS_A_DAY)
        return replace(self, milliseconds=whole)

    @property
    def year_month_day(self) -> tuple[int, int, int]:
        """As the calendar of spreadsheets has it: day 0 is 0 January, day 60 is 29 February."""
        if self.days <= 0:
            return 1900, 1, 0
        if self.days == _NEVER:
            return 1900, 2, 29
        day = date(1899, 12, 31) + timedelta(self.days - (self.days > _NEVER))
        return day.year, day.month, day.day

    @property
    def weekday(self) -> int:
        """0 for Monday. Day 1 of 1900 counts as a Sunday, or later days would not fit."""
        return (self.days + 5) % 7


def moment_of(number: Decimal, *, from_1904: bool, elapsed: bool = False) -> Moment | None:
    """The moment that a number of days stands for; None where no date can be shown for it.

    >>> moment_of(Decimal("45000.75"), from_1904=False).year_month_day
    (2023, 3, 15)
    """
    if elapsed:
        if abs(number) > _LAST_DAY:
            return None
        return Moment(-1, int((number * _MS_A_DAY).to_integral_value()))
    days = number + (_FROM_1904 if from_1904 else 0)
    if not 0 <= days < _LAST_DAY + 1:
        return None
    milliseconds = int((days * _MS_A_DAY).to_integral_value())
    moment = Moment(*divmod(milliseconds, _MS_A_DAY))
    return moment if moment.days <= _LAST_DAY else None


def serial_of(written: str) -> Decimal | None:
    """The number of days, from 1900, that a date or a time in ISO 8601 stands for; None for others.

    >>> serial_of("2023-03-15T18:00:00")
    Decimal('45000.75')
    """
    try:
        moment = datetime.fromisoformat(written)
    except ValueError:
        return None
    past = moment.replace(tzinfo=None) - datetime(1899, 12, 30)
    seconds = Decimal(past.seconds) + Decimal(past.microseconds).scaleb(-6)
    return past.days + seconds / 86_400


def date_token(moment: Moment, token: str, *, elapsed: bool, half_days: bool) -> str:
    """What one letter of a date format, repeated or not, shows: `yyyy`, `mmm`, `n` for minutes."""
    total = abs(moment.milliseconds)
    seconds = total // 1000
    if elapsed:
        whole = {"h": seconds // 3600, "m": seconds // 60, "s": seconds}[token[0]]
        sign = "-" if moment.milliseconds < 0 else ""
        return f"{sign}{whole:0{len(token)}d}"
    if token[0] in "AaPp上":
        after = seconds % 86_400 >= 43_200
        return ("P" if after else "A") + ("" if len(token) == 3 else "M")
    if token[0] in "hns":
        return _of_the_day(token, total, half_days=half_days)
    year, month, day = moment.year_month_day
    match token[0]:
        case "y":
            return f"{year % 100:02d}" if len(token) < 3 else f"{year:04d}"
        case "e":
            return str(year)
        case "b":
            return str(year + 543)
        case "m":
            return _named(month, _MONTHS.split()[month - 1], len(token))
        case "d":
            return _named(day, _DAYS.split()[moment.weekday], len(token))
    return ""


def _of_the_day(token: str, milliseconds: int, *, half_days: bool) -> str:
    seconds = milliseconds // 1000
    letters = len(token.partition(".")[0])
    width = min(2, letters)
    if token[0] == "h":
        hour = seconds // 3600 % 24
        hour = (hour % 12 or 12) if half_days else hour
        return f"{hour:0{width}d}"
    if token[0] == "n":
        return f"{seconds // 60 % 60:0{width}d}"
    places = min(3, len(token) - letters - 1) if "." in token else 0
    fraction = f".{milliseconds % 1000:03d}"[: places + 1] if places else ""
    return f"{seconds % 60:0{width}d}{fraction}"


def _named(number: int, name: str, letters: int) -> str:
    """A month or a day of the week by the number of its letters: 1, 01, Jan, January, J."""
    if letters <= 2:
        return f"{number:0{letters}d}"
    return {3: name[:3], 5: name[:1]}.get(letters, name)
