"""What counts as a word."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from docpager.archive.analyzer import Analyzer, stem, without_stop_words

UUID = "3fa85f64-5717-4562-b3fc-2c963f66afa6"


@pytest.mark.parametrize(
    ("written", "sought"),
    [
        ("PP&E of $1,577 million", "1577"),
        ("total 1577.00", "1,577"),
        ("in FY2018", "2018"),
        ("in FY2018", "fy2018"),
        ("Form 10-K", "10K"),
        ("capital expenditures", "Capital Expenditure"),
        ("expen-\nditures", "expenditure"),
        ("3M's sales", "3m"),
        ("un résumé", "RESUME"),
        ("e\u0301tude", "étude"),
        ("die Straße", "STRASSE"),
        (f"key {UUID}.", UUID.upper()),
        (f"key {UUID}.", "2c963f66afa6"),
        ("我在北京大学学习", "北京"),
        ("我在北京大学学习", "京"),
        ("3M_2018_10K", "2018"),
        ("state-of-the-art", "art"),
    ],
)
def test_what_is_written_is_found(written, sought):
    analyzer = Analyzer()

    assert set(analyzer.query_terms(sought)) <= set(analyzer.terms(written))


def test_a_uuid_is_sought_as_a_whole():
    assert Analyzer().query_terms(UUID) == [UUID]


def test_stop_words_are_dropped_unless_nothing_else_remains():
    assert Analyzer().query_terms("What was the revenue of the company?") == ["revenue", "company"]
    assert Analyzer().query_terms("Who are they?") == ["who", "are", "they"]


def test_stop_words_of_another_language_are_words():
    assert without_stop_words(["how", "did", "they", "die"]) == ["die"]
    assert without_stop_words(["wie", "hoch", "ist", "die", "Miete"]) == ["hoch", "Miete"]


def test_endings_that_are_no_plural_stay():
    assert [stem(word) for word in ("business", "analysis", "gas", "is", "status")] == [
        "business",
        "analysis",
        "gas",
        "is",
        "status",
    ]


@given(st.text())
def test_every_word_of_a_text_finds_it(text):
    analyzer = Analyzer()

    assert set(analyzer.query_terms(text)) <= set(analyzer.terms(text))


@given(st.text(alphabet=st.characters(codec="utf-8")))
def test_places_name_the_same_terms(text):
    analyzer = Analyzer()

    assert {place.term for place in analyzer.places(text)} == set(analyzer.terms(text))


@given(st.text(alphabet="aB1 -_.,'&/@:+\n$(%"))
def test_words_of_ascii_are_the_same_beside_other_scripts(text):
    analyzer = Analyzer()

    assert analyzer.terms(text) == analyzer.terms(text + " é")[:-1]


@given(st.text(alphabet="ab é北京-1\n "), st.frozensets(st.sampled_from(["a", "ab", "北", "1"])))
def test_places_of_terms_are_those_among_all_places(text, terms):
    analyzer = Analyzer()

    found = analyzer.places_of(terms, text)

    assert found == [place for place in analyzer.places(text) if place.term in terms]
