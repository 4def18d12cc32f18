"""The part of a passage that matched."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from docpager.archive.analyzer import Analyzer
from docpager.archive.snippets import excerpt, snippet

FILLER = "lorem ipsum dolor sit amet " * 60


def test_the_stretch_with_most_distinct_words_is_shown():
    text = f"revenue revenue revenue {FILLER} revenue grew in\nFlorida {FILLER}"

    shown = snippet(text, ["revenue", "florida"], Analyzer())

    assert "revenue grew in Florida" in shown.text
    assert text[shown.offset :].startswith("revenue grew")


def test_a_record_is_shown_alone():
    text = '{"a1": "first value", "b2": "second value", "c3": 14, "d4": "last"}'

    assert snippet(text, ["b2"], Analyzer()).text == '"b2": "second value"'
    assert snippet(text, ["14"], Analyzer()).text == '"c3": 14'


def test_a_passage_without_the_words_shows_its_beginning():
    assert snippet(f"\n\n  First words. {FILLER}", ["absent"], Analyzer()).text.startswith("First")


def test_an_endless_word_is_cut():
    assert 0 < len(snippet("x" * 5000, ["absent"], Analyzer()).text) <= 300


@given(
    st.text(alphabet=st.sampled_from('ab "\n:,{}é北'), max_size=900),
    st.sampled_from(["a", "b", "ab", "北", "zz"]),
)
def test_a_snippet_is_one_short_line_of_the_passage(text, term):
    shown = snippet(text, [term], Analyzer())

    assert len(shown.text) <= 300
    assert len(shown.text.split()) <= 42
    assert "\n" not in shown.text
    bare = shown.text.removeprefix("… ").removesuffix(" …")
    assert bare in " ".join(text.split())


@given(st.text(max_size=900), st.integers(0, 900), st.integers(0, 900))
def test_an_excerpt_is_never_too_long(text, start, length):
    start = min(start, len(text))

    assert len(excerpt(text, start, min(len(text), start + length))) <= 300
