"""The built-in estimator keeps its promises, and tiktoken is used only where its file is whole."""

import hashlib
import math
import time
from unittest import mock

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from docpager.core.tokens import (
    BuiltInEstimator,
    ScaledCounter,
    TiktokenCounter,
    _accents,
    _words,
    cached_tiktoken,
    rank_file,
)

ESTIMATOR = BuiltInEstimator()

TRICKY = st.text(alphabet="abzABZ019 \t\n\r.,-_'\"{}äßéčя中あ한ع😀\u0301\xa0", max_size=40)
ANY_TEXT = st.one_of(TRICKY, st.text(max_size=40))


@settings(max_examples=1_500)
@given(ANY_TEXT, ANY_TEXT)
def test_the_whole_never_counts_more_than_its_parts(first, second):
    assert ESTIMATOR.count(first + second) <= ESTIMATOR.count(first) + ESTIMATOR.count(second)


@given(ANY_TEXT, st.text(alphabet="abzAZ019.,-ä中я", max_size=20))
def test_appending_words_never_lowers_the_count(text, appended):
    assert ESTIMATOR.count(text + appended) >= ESTIMATOR.count(text)


@given(st.text(max_size=60))
def test_only_the_empty_text_counts_nothing(text):
    assert (ESTIMATOR.count(text) == 0) == (text == "")


@given(ANY_TEXT)
def test_every_run_is_weighed_in_reading_order(text):
    weighed = ESTIMATOR.weigh(text)
    ends = weighed.offsets.tolist()

    assert ends == sorted(set(ends))
    assert all(0 <= end <= len(text) for end in ends)
    assert weighed.hundredths.tolist() == sorted(weighed.hundredths)


PIECES = st.sampled_from(
    [
        *("the", "in", "A", "IBM", "x1y2", "é", "word " * 9, "中文 ", "😀", "\xa0", "\u3000"),
        *("2018", "$1,234.50", "(2", " 7", "(see", "note)", "--", ". "),
        *(" ", "  ", " ", "\n", "\t", "\r\n", "\n[", "[", "McIntosh", "_a", "\u0663"),
    ]
)


@settings(max_examples=1_000)
@given(st.one_of(ANY_TEXT, st.lists(PIECES, max_size=40).map("".join)), st.data())
def test_a_part_counts_the_same_within_its_text_as_alone(text, data):
    start = data.draw(st.integers(0, len(text)))
    end = data.draw(st.integers(start, len(text)))

    weighed = ESTIMATOR.weigh(text)

    assert weighed.count(start, end) == ESTIMATOR.count(text[start:end])


@settings(max_examples=300)
@given(st.lists(PIECES, max_size=40).map("".join))
def test_a_long_text_is_weighed_in_blocks_as_in_one(text):
    whole = ESTIMATOR.weigh(text)
    with mock.patch("docpager.core.tokens._BLOCK", 5):
        in_blocks = ESTIMATOR.weigh(text)

    assert in_blocks.offsets == whole.offsets
    assert in_blocks.hundredths == whole.hundredths


@settings(max_examples=300)
@given(st.lists(PIECES, max_size=40).map("".join))
def test_each_run_costs_what_the_text_counts_more_up_to_its_end(text):
    """Runs that nothing behind them can change: those that a space and a letter follow."""
    weighed = ESTIMATOR.weigh(text)
    plain = text.isascii()
    for offset, hundredths in zip(weighed.offsets[1:], weighed.hundredths[1:], strict=True):
        if plain and text[offset : offset + 1] == " " and text[offset + 1 : offset + 2].isalpha():
            assert max(1, -(-hundredths // 100)) == ESTIMATOR.count(text[:offset])


@settings(max_examples=1_500)
@given(st.one_of(ANY_TEXT, st.lists(PIECES, max_size=40).map("".join)))
def test_a_text_counts_what_its_runs_cost_one_by_one(text):
    """Plain runs are counted by kind, and parts of a text for themselves: it is the same."""
    costs = sum(_words().weighed(text)[1::2]) + _accents(text)

    assert ESTIMATOR.count(text) == (max(1, math.ceil(costs / 100)) if text else 0)


@given(ANY_TEXT)
def test_the_scripts_of_a_text_make_up_its_count(text):
    scripts = ESTIMATOR.by_script(text)

    assert max(1, -(-sum(scripts.values()) // 100)) == max(1, ESTIMATOR.count(text))


def test_every_kind_of_text_has_its_script():
    text = "Word 12 aB3xY 中文 かな слово ελλ 😀 -- \n\n"

    assert list(ESTIMATOR.by_script(text)) == [
        "words", "digits", "identifiers", "marks", "spaces", "ideographs", "syllables",
        "cyrillic", "alphabets", "rare",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("text", "o200k"),
    [
        # Token counts of o200k_base, written down once with tiktoken 0.14.
        ("Net sales of $32,765 million increased 3.5 percent in 2018.", 19),
        ('{"3f2a9b1c-77de-4b10-9f6e-0c5d2a1b8e44": "b7e1d0aa-5c2f-4e8b-a9c3-61f08d7e2b95"}', 67),
        ("Die Umsatzerlöse der Gesellschaft stiegen im Geschäftsjahr deutlich an.", 17),
        ("公司的年度报告显示，本财年净利润有所增长。", 12),
        ("def area(width: float, height: float) -> float:\n    return width * height\n", 19),
    ],
)
def test_the_estimate_is_near_o200k(text, o200k):
    assert 0.9 * o200k <= ESTIMATOR.count(text) <= 1.6 * o200k


@pytest.mark.parametrize(
    "text", ["a" * 300_000, " \xa0" * 150_000, "\n \t" * 100_000, '","' * 100_000]
)
def test_unusual_text_is_counted_in_linear_time(text):
    started = time.perf_counter()

    assert ESTIMATOR.count(text) > 0
    assert time.perf_counter() - started < 5


def test_a_scaled_count_is_rounded_up_and_says_its_factor():
    counter = ScaledCounter(ESTIMATOR, 2.25)

    assert counter.name == "builtin-1 x 2.25"
    assert counter.count("one two three") == math.ceil(ESTIMATOR.count("one two three") * 2.25)
    assert counter.count("") == 0


def test_a_missing_rank_file_is_not_fetched(tmp_path, monkeypatch):
    monkeypatch.setenv("TIKTOKEN_CACHE_DIR", str(tmp_path))

    assert cached_tiktoken() is None
    assert list(tmp_path.iterdir()) == []


def test_a_damaged_rank_file_is_left_alone(tmp_path, monkeypatch):
    monkeypatch.setenv("TIKTOKEN_CACHE_DIR", str(tmp_path))
    path = rank_file()
    path.write_bytes(b"not the ranks")

    assert cached_tiktoken() is None
    assert path.read_bytes() == b"not the ranks"


def test_an_unknown_encoding_has_no_counter():
    assert cached_tiktoken("no_such_encoding") is None


def test_a_cache_that_is_switched_off_holds_no_ranks(monkeypatch):
    monkeypatch.setenv("TIKTOKEN_CACHE_DIR", "")

    assert rank_file() is None
    assert cached_tiktoken() is None


def test_the_rank_file_has_the_name_tiktoken_gives_it(tmp_path, monkeypatch):
    monkeypatch.delenv("TIKTOKEN_CACHE_DIR", raising=False)
    monkeypatch.setenv("DATA_GYM_CACHE_DIR", str(tmp_path))

    assert rank_file() == tmp_path / "fb374d419588a4632f3f557e76b4b70aebbca790"


def test_special_tokens_count_as_plain_text():
    counter = cached_tiktoken()
    if counter is None:
        pytest.skip("tiktoken's o200k_base file is not in its cache on this machine")

    assert isinstance(counter, TiktokenCounter)
    assert counter.name == "tiktoken-o200k_base"
    assert counter.count("<|endoftext|>") > 1
    assert hashlib.sha256(rank_file().read_bytes()).hexdigest().startswith("446a9538")
