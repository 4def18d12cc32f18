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
        # Scripts without spaces, also where a line ends within a word.
        ("โรงพยาบาลเปิดทุกวันเสาร์", "พยาบาล"),
        ("ໂຮງຮຽນເປີດວັນຈັນ", "ຮຽນ"),
        ("សាលារៀនបើកថ្ងៃចន្ទ។", "រៀន"),
        ("សាលា\u200bរៀន", "សាលារៀន"),
        ("ကျောင်းဖွင့်သည်။", "ဖွင့်"),
        ("โรงพยา\nบาล", "พยาบาล"),
        ("保险公司应当赔\n偿损失", "赔偿"),
        ("損害賠\r\n  償の請求", "賠償"),
        ("사용자의 동\n의를", "동의"),
        ("⽅法与⼈⼯", "方法"),
        ("⻓期", "长期"),
        ("人々と時々", "時々"),
        ("ﾃﾞｰﾀ", "データ"),
        # Arabic, Persian, Hebrew: marks, forms and half-spaces.
        ("ذَهَبَ الوَلَدُ إلى السُّوقِ", "السوق"),
        ("مـــحـــاسبة", "محاسبه"),
        ("أحكام آخرى", "احكام اخري"),
        ("نمی‌دانم", "نمیدانم"),
        ("خانه‌های بزرگ", "خانه"),
        ("يک", "یك"),
        ("سنة ٢٠٢٣", "2023"),
        ("۱۲٬۳۴۵٫۵", "12345.5"),
        ("שָׁלוֹם", "שלום"),
        ("בית־משפט", "משפט"),
        ('דו"ח', "דו״ח"),
        ("यह नियम है।", "है"),
        ("มาตรา ๔๒", "42"),
        # Letters that accents cannot be taken from.
        ("Rødby, Kołobrzeg, Đakovo", "rodby kolobrzeg dakovo"),
        ("ISPARTA ILI, Isparta ili, ısparta", "ısparta"),
        ("cœur et nævus, Þór", "coeur naevus thor"),
        ("Weiß, WEISS", "weiss"),
        # Abbreviations.
        ("the U.N. and the E.U.", "UN EU"),
        ("the UN and the EU", "U.N. E.U."),
        ("an M.Sc. or a B.A.", "MSc BA"),
        ("an MSc or a BA", "M.Sc. B.A."),
        # Numbers.
        ("7.654.321 kr.", "7,654,321"),
        ("7,654,321", "7.654.321"),
        ("765,4 km", "765.4"),
        ("98.765,43 EUR", "98765.43"),
        ("3 210 987 kr", "3210987"),
        ("3\u202f210\u00a0987,50 €", "3,210,987.5"),
        ("3'210'987.50", "3210987.50"),
        ("4.321 Stück", "4,321"),
        ("45,6 %", "45.6"),
        ("9,876²", "9,876"),
        ("Turnover³ rose", "turnover"),
        ("about 10⁹ cells", "10⁹"),
        ("about 10^9 cells", "10⁹"),
        ("about 10⁹ cells", "10^9"),
        ("8 m^2", "m²"),
        ("8 m²", "m2"),
        ("77 km²", "km2"),
        ("85½ tons", "85"),
        # Names in capitals.
        ("as in Exhibit I", "Exhibit I"),
        ("Vitamin E and AM radio", "What is vitamin E? And AM radio?"),
        ("sold in the U.S. market", "US market"),
    ],
)
def test_what_is_written_is_found(written, sought):
    analyzer = Analyzer()

    assert analyzer.query_terms(sought)
    assert set(analyzer.query_terms(sought)) <= set(analyzer.terms(written))


@pytest.mark.parametrize(
    ("written", "sought"),
    [
        ("Article 7.20", "7.2"),
        ("Article 7.2", "7.20"),
        ("HTTP 2.0", "2"),
        ("version 4.0", "4"),
        ("about 10⁹ cells", "109"),
        ("9,876²", "98762"),
        ("85½ tons", "851"),
        ("Exhibit F", "I"),
        ("a clause", "Clause A"),
        ("who it was", "WHO advice"),
        ("in 1999 123 456 persons", "1999123456"),
    ],
)
def test_what_is_not_written_is_not_found(written, sought):
    analyzer = Analyzer()

    assert not set(analyzer.query_terms(sought)) <= set(analyzer.terms(written))


@pytest.mark.parametrize(
    ("query", "terms"),
    [
        ("What does Exhibit E say?", ["exhibit", "E", "say"]),
        ("IT spending", ["IT", "spending"]),
        ("Which WHO advice is new?", ["WHO", "advice", "new"]),
        ("Who gave the advice?", ["gave", "advice"]),
        ("WHO GAVE THE ADVICE", ["gave", "advice"]),
        ("US GAAP", ["US", "gaap"]),
        ("tell us why", ["tell"]),
        ("A plan for Plan A", ["plan", "A"]),
        ("What can I do under Part I?", ["under", "part", "I"]),
        ("vitamin e", ["vitamin", "e"]),
        ("Article 7.20", ["article", "7.20"]),
        ("sales of 3 210 987", ["sale", "3210987"]),
        ("pages 12 345", ["page", "12345", "12", "345"]),
        ("2019,2020", ["2019.2020", "2019", "2020"]),
    ],
)
def test_what_is_looked_for(query, terms):
    assert Analyzer().query_terms(query) == terms


def test_places_in_scripts_without_spaces_are_exact():
    text = "x น้ำ\nมัน ⽅法"

    found = [(text[place.start : place.end], place.term) for place in Analyzer().places(text)]

    assert ("ำ\nม", "าม") in found
    assert ("⽅法", "方法") in found


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


@given(st.text(alphabet="aB1 -_.,'&/@:+^\n$(%"))
def test_words_of_ascii_are_the_same_beside_other_scripts(text):
    analyzer = Analyzer()

    assert analyzer.terms(text) == analyzer.terms(text + " é")[:-1]


@given(
    st.text(alphabet="ab é北京-1\n \u2003\u200b"),
    st.frozensets(st.sampled_from(["a", "ab", "北", "1"])),
)
def test_places_of_terms_are_those_among_all_places(text, terms):
    analyzer = Analyzer()

    found = analyzer.places_of(terms, text)

    assert found == [place for place in analyzer.places(text) if place.term in terms]
