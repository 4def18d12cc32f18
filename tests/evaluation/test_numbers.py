"""Figures are read with sign, scale and unit, and agree where the amounts do."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from shared_questions import gold_figures

from docpager.evaluation.numbers import figures, numeric_match, only_figure


def amounts(text):
    """What the figures of a text amount to, units converted."""
    return [f.number * (f.scale or 1) * (f.unit.factor if f.unit else 1) for f in figures(text)]


@pytest.mark.parametrize(
    ("text", "amount"),
    [
        ("$1577.00", 1577),
        ("$2,018mn", 2_018_000_000),
        ("US$ 3.2 bn", 3.2e9),
        ("$5m", 5e6),
        ("5 million dollars", 5e6),
        ("1.577,50 €", 1577.5),
        ("1\u00a0577 EUR", 1577),
        ("0,5 %", 0.005),
        ("-14.76%", -0.1476),
        ("−3 percentage points", -0.03),
        ("25 basis points", 0.0025),
        ("(370)", -370),
        ("$(370) million", -370e6),
        ("($1.5 million)", -1.5e6),
        ("(1.5%)", -0.015),
        ("5 m", 5),
        ("391 megawatt-hours", 391_000),
        ("about 26 grams", 0.026),
    ],
)
def test_one_figure_is_read_as_what_it_amounts_to(text, amount):
    assert amounts(text) == [pytest.approx(amount)]
    assert only_figure(text) is not None


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("FY2018, 777X, ISO9001 and v1.2.3", []),
        ("2015-2016", [2015, 2016]),
        ("36.8%–34.6%", [0.368, 0.346]),
        ("in the year (2017)", [2017]),
        ("rose by $5 million (6.3%)", [5e6, 0.063]),
        ("a net loss of (12.5)", [-12.5]),
        ("improved from 0.67 to 0.69.(3.4% jump)", [0.67, 0.69, 0.034]),
        ("items:\n- 5 boats", [5]),
    ],
)
def test_figures_in_sentences(text, found):
    assert amounts(text) == pytest.approx(found)
    assert only_figure(text) is None


@pytest.mark.parametrize(
    ("answer", "gold"),
    [
        ("Capital expenditure was $1,577 million in 2018.", "$1577.00"),
        ("$1.577 billion", "$1577.00"),
        ("1,577", "1,577 million"),
        ("65.37%", "65.4%"),
        ("0.654", "65.4%"),
        ("65.4", "65.4%"),
        ("654 bps", "6.54%"),
        ("83.7 million", "83672770"),
        ("0.026 kg", "26 grams"),
        ("155.98 lacs", "155.98"),
        ("(370)", "-370"),
        ("0.00", "0"),
    ],
)
def test_the_same_amount_written_otherwise_agrees(answer, gold):
    assert numeric_match(answer, [gold]) == 1.0


@pytest.mark.parametrize(
    ("answer", "gold"),
    [
        ("1955", "1954"),
        ("542", "538"),
        ("$65.4", "65.4%"),
        ("€5 million", "$5 million"),
        ("26 kg", "26 grams"),
        ("(370)", "370"),
        ("1.5 million", "1.5 billion"),
        ("66.5%", "65.4%"),
        ("11577", "1577"),
        ("no figure at all", "5"),
        ("", "5"),
    ],
)
def test_another_amount_does_not(answer, gold):
    assert numeric_match(answer, [gold]) == 0.0


def test_the_tolerance_is_a_share_of_the_gold_figure():
    assert numeric_match("104.9%", ["100%"], tolerance=0.05) == 1.0
    assert numeric_match("105.1%", ["100%"], tolerance=0.05) == 0.0
    assert numeric_match("65.4%", ["65.4%"], tolerance=0.0) == 1.0


def test_words_are_not_asked_for_a_figure():
    assert numeric_match("5", ["five boats", "The margin fell by 1.7%"]) is None
    assert numeric_match("5", ["five boats", "5"]) == 1.0


def test_every_figure_of_the_shared_questions_is_read():
    golds = gold_figures()

    assert len(golds) > 40
    assert [gold for gold in golds if only_figure(gold) is None] == []
    assert all(numeric_match(f"It is {gold}, as the report says.", [gold]) for gold in golds)


@given(
    st.integers(-(10**9), 10**9),
    st.sampled_from(["", "$"]),
    st.sampled_from(["", " million", "bn", "%", " kg"]),
)
def test_any_whole_number_is_read_back(number, currency, suffix):
    sign = "-" if number < 0 else ""
    (figure,) = figures(f"It was {sign}{currency}{abs(number):,}{suffix}, they say.")

    assert figure.number == number
    assert figure.scale == {" million": 1e6, "bn": 1e9}.get(suffix)


@given(st.text(st.sampled_from("0123456789.,-()$%€ mkbnXé\n"), max_size=40))
def test_no_text_is_too_odd_to_be_read(text):
    assert numeric_match(text, ["5%"]) in (0.0, 1.0)
    assert all(figure.number == figure.number for figure in figures(text))
