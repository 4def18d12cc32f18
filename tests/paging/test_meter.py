from __future__ import annotations

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from docpager.core.tokens import BuiltInEstimator
from docpager.models.messages import AssistantTurn, CallResult, ToolCall, UserTurn
from docpager.paging.epoch import BLOCK_TOKENS
from docpager.paging.token_meter import Meter
from docpager.paging.token_sizes import Size

ENGLISH = "The revenue of the segment rose in the third quarter and is expected to grow. "
CHINESE = "公司的年度报告显示，本财年净利润有所增长。"


class Counting:
    """The built-in estimator, and how often it was asked for each text."""

    name = "counting"

    def __init__(self) -> None:
        self.asked: Counter[str] = Counter()

    def count(self, text: str) -> int:
        self.asked[text] += 1
        return BuiltInEstimator().count(text)


def test_until_a_server_counts_the_estimate_is_the_bound() -> None:
    meter, counted = Meter(BuiltInEstimator(), 2.0), BuiltInEstimator().count(ENGLISH)

    assert meter.size(ENGLISH) == Size.exact(2 * counted)
    assert meter.lines([ENGLISH, "x"]) == Size.exact(2 * counted + 2)
    turn = UserTurn("hello", (CallResult("1", "x"), CallResult("2", "x")))
    assert meter.user_turn(turn) == Size.exact(meter.turn(turn))


def test_what_a_server_has_counted_lowers_the_estimate_and_never_the_bound() -> None:
    meter = Meter(BuiltInEstimator(), 2.0)
    before = meter.size(ENGLISH * 9)
    texts = [ENGLISH * 20, ENGLISH * 30]
    true = [round(1.2 * BuiltInEstimator().count(text)) for text in texts]
    meter.observe(texts, sum(true) + 2 * BLOCK_TOKENS)

    after = meter.size(ENGLISH * 9)
    assert after.most == before.most
    assert abs(after.likely - 0.6 * before.most) < 0.02 * before.most
    assert meter.knows([ENGLISH * 5])
    assert not meter.knows([ENGLISH * 5, CHINESE * 5])
    assert meter.size(CHINESE * 5).likely == meter.size(CHINESE * 5).most


@given(st.lists(st.tuples(st.text(max_size=300), st.integers(1, 900)), max_size=5), st.text())
def test_no_estimate_is_above_its_bound(observed: list[tuple[str, int]], text: str) -> None:
    meter = Meter(BuiltInEstimator(), 1.5)
    for other, tokens in observed:
        meter.observe([other * 3], tokens)

    for size in (meter.size(text), meter.lines([text, text]), meter.block(text)):
        assert 0 <= size.likely <= size.most


def test_a_counter_that_is_the_models_own_tokenizer_is_never_corrected() -> None:
    meter = Meter(BuiltInEstimator(), 1.0)

    assert meter.observe([ENGLISH * 40], BuiltInEstimator().count(ENGLISH * 40)) == 1.0
    assert meter.size(ENGLISH) == Size.exact(BuiltInEstimator().count(ENGLISH))
    assert meter.ceiling == 1.0


def test_a_text_is_counted_once() -> None:
    counter = Counting()
    meter = Meter(counter, 2.0)
    for _ in range(3):
        meter.size(ENGLISH)
        meter.block(ENGLISH)
        meter.lines([ENGLISH, CHINESE])
        meter.observe([ENGLISH * 20], 900)

    assert set(counter.asked.values()) == {1}


def test_turns_that_were_counted_are_not_counted_again_and_others_are() -> None:
    meter = Meter(BuiltInEstimator(), 2.0)
    calls = (ToolCall("1", "search", {"query": ENGLISH}),)
    first = (UserTurn(ENGLISH), AssistantTurn("yes", calls), UserTurn(CHINESE))
    grown = (*first, AssistantTurn(ENGLISH, ()))
    for turns in (first, grown, grown[:2], (UserTurn(CHINESE), *grown[1:])):
        assert meter.plain_turns(turns) == sum(map(meter.plain_turn, turns))


def test_a_factor_that_rises_raises_the_sizes_of_texts_that_were_measured() -> None:
    meter = Meter(BuiltInEstimator(), 2.0)
    before, counted = meter.size(ENGLISH).most, BuiltInEstimator().count(ENGLISH * 40)

    meter.observe([ENGLISH * 40], 5 * counted)

    assert meter.ceiling > 5.0
    assert meter.size(ENGLISH).most > 2 * before
