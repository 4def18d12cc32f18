"""Numbers as spreadsheets show them: known cases of the codes, and what holds for every number."""

from datetime import date, timedelta
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from docpager.documents.office.number_formats import BUILT_IN, displayed, is_date_format
from docpager.documents.office.serial_dates import moment_of, serial_of


def shown(value, code, *, from_1904=False):
    return " ".join(displayed(value, code, from_1904=from_1904).split())


CASES = [
    (0.125, "0.0%", "12.5%"),
    (1234.5, "#,##0.00", "1,234.50"),
    (-1234.5, "#,##0.00_);(#,##0.00)", "(1,234.50)"),
    (-1234.5, "$#,##0.00;[Red]-$#,##0.00", "-$1,234.50"),
    (0, "#,##0;(#,##0);-", "-"),
    (0, "0;-0;;@", ""),
    (5, ";;;", ""),
    (1234567, "#,##0,", "1,235"),
    (1234567, '0.0,,"M"', "1.2M"),
    (1e15, "#,##0", "1,000,000,000,000,000"),
    (0.5, "# ?/?", "1/2"),
    (1.25, "# ?/?", "1 1/4"),
    (2, "# ?/?", "2"),
    (3.14159, "# ??/??", "3 14/99"),
    (1.3, "# ?/8", "1 2/8"),
    (0.75, "?/?", "3/4"),
    (12345, "0.00E+00", "1.23E+04"),
    (12345, "##0.0E+0", "12.3E+3"),
    (0.00012, "0.0E-0", "1.2E-4"),
    (999999, "0.0E+0", "1.0E+6"),
    (123456789, "000-00-0000", "123-45-6789"),
    (45000, "yyyy-mm-dd", "2023-03-15"),
    (45000.75, "d. mmmm yyyy hh:mm", "15. March 2023 18:00"),
    (45000.75, "h:mm AM/PM", "6:00 PM"),
    (45000, "dddd, ddd mmm mmmmm yy", "Wednesday, Wed Mar M 23"),
    (45000, "[$-409]d-mmm-yy;@", "15-Mar-23"),
    (1.5, "[h]:mm", "36:00"),
    (3661 / 86400, "mm:ss.0", "01:01.0"),
    (0.999999, "h:mm:ss", "0:00:00"),
    (0, "yyyy-mm-dd", "1900-01-00"),
    (60, "yyyy-mm-dd", "1900-02-29"),
    (61, "ddd yyyy-mm-dd", "Thu 1900-03-01"),
    (-1, "yyyy-mm-dd", "-1"),
    (0.1 + 0.2, "General", "0.3"),
    (1234567890.5, "General", "1234567890.5"),
    (2.5e-7, "General", "2.5E-07"),
    (1 / 3, "General", "0.3333333333"),
    (1e20, "General", "1E+20"),
    (3, 'General" pieces"', "3 pieces"),
    (5, '[Red][<0]-0;[>=5]"big" 0;0', "big 5"),
    (-5, "[<0]0;0", "5"),
    (-5, "[>100]0.0;0", "-5"),
    (12, "[$€-407] #,##0.00", "€ 12.00"),
    (12, "_-* #,##0\\ _€_-", "12"),
    (7, '0 "units"', "7 units"),
    (1.005, "0.00", "1.01"),
    (0.5, "#.##", ".5"),
    (0, "#", ""),
    (-0.3, "0", "-0"),
    ("00123", "@", "00123"),
    ("NA", "0.00", "NA"),
    ("abc", '0;0;0;"t: "@', "t: abc"),
    (True, "0", "TRUE"),
]


@pytest.mark.parametrize(("value", "code", "said"), CASES)
def test_a_number_is_shown_as_its_format_shows_it(value, code, said):
    assert shown(value, code) == said


def test_workbooks_may_count_their_days_from_1904():
    assert shown(43538 - 1462, "yyyy-mm-dd", from_1904=True) == "2019-03-14"
    assert shown(0, "d mmm yyyy", from_1904=True) == "1 Jan 1904"


@pytest.mark.parametrize(
    ("code", "is_date"),
    [
        ("yyyy-mm-dd", True),
        ("[h]:mm", True),
        ("0.00", False),
        ('0 "days"', False),
        ("General", False),
        ("[Red]0", False),
        ("#,##0\\ \\d", False),
    ],
)
def test_only_letters_of_dates_make_a_date_format(code, is_date):
    assert is_date_format(code) is is_date


@given(st.integers(-(10**14), 10**14), st.integers(0, 8))
def test_a_decimal_with_places_enough_is_written_as_it_is(units, places):
    number = Decimal(units).scaleb(-places)
    code = "#,##0." + "0" * places if places else "#,##0"
    written = displayed(number, code, from_1904=False)
    assert Decimal(written.replace(",", "")) == number
    assert written.replace("-", "").partition(".")[0] == f"{int(abs(number)):,}"


@given(st.floats(-1e307, 1e307))
def test_a_number_without_a_format_keeps_ten_decimals_or_ten_digits(number):
    written = float(displayed(number, "General", from_1904=False))
    small = 5e-11 if abs(number) >= 1e-4 else 0.0
    assert abs(written - number) <= max(abs(number) * 1e-9, small)


@given(st.integers(1, 2_958_465).filter(lambda day: day != 60))
def test_every_day_is_that_of_the_calendar(day):
    wanted = date(1899, 12, 31) + timedelta(day - (day > 60))
    assert shown(day, "yyyy-mm-dd") == wanted.isoformat()
    if day > 60:
        assert shown(day, "dddd d mmmm") == f"{wanted:%A} {wanted.day} {wanted:%B}"
        assert serial_of(wanted.isoformat()) == day


@given(st.integers(0, 86_399), st.integers(1, 60_000))
def test_every_second_of_a_day_is_shown(second, day):
    wanted = f"{second // 3600:02d}:{second // 60 % 60:02d}:{second % 60:02d}"
    assert shown(day + second / 86_400, "hh:mm:ss") == wanted
    assert shown(second / 86_400, "[ss]") == f"{second:02d}"


@given(st.fractions(0, 1000, max_denominator=99))
def test_fractions_of_two_digits_are_exact(number):
    written = shown(float(number), "# ??/??")
    whole, _, part = written.rpartition(" ") if " " in written else ("", "", written)
    assert Fraction(whole or 0) + Fraction(part.replace(" ", "")) == number


@given(st.floats(-1e300, 1e300), st.text('0#?.,%/E+-[]h:ymds;@"\\_* xGeneral<>=1', max_size=12))
def test_no_code_and_no_number_is_too_strange(number, code):
    assert isinstance(displayed(number, code, from_1904=False), str)
    assert isinstance(displayed("text", code, from_1904=False), str)


def test_every_built_in_format_shows_something():
    for code in BUILT_IN.values():
        assert shown(45000.5, code)
    assert moment_of(Decimal("1e300"), from_1904=False) is None
