from __future__ import annotations

import pytest

from docpager.models.messages import AssistantTurn, CallResult, FunctionSchema, ToolCall, UserTurn
from docpager.paging.epoch import BLOCK_TOKENS, Epoch, PromptSizer, blocks_of, canonical_json
from docpager.paging.token_sizes import Size

SIZER = PromptSizer(len)
CALL = ToolCall("1", "grep", {"pattern": "ü", "page": 2})


def test_json_has_one_spelling() -> None:
    assert canonical_json({"b": [1, None], "a": "ü"}) == '{"a":"ü","b":[1,null]}'


def test_every_block_of_a_turn_is_counted_with_its_framing() -> None:
    call = len('grep {"page":2,"pattern":"ü"}') + BLOCK_TOKENS
    assert SIZER.call(CALL) == call
    assert SIZER.turn(AssistantTurn("hello", (CALL, CALL))) == 5 + BLOCK_TOKENS + 2 * call
    results = (CallResult("1", "abc"), CallResult("2", ""))
    assert SIZER.turn(UserTurn("", results)) == 3 + 2 * BLOCK_TOKENS
    schema = FunctionSchema("f", "does", {"type": "object"})
    assert SIZER.fixed("be good", [schema]) == 7 + len('f does {"type":"object"}') + 16


@pytest.mark.parametrize(("factor", "size"), [(1.0, 3), (1.5, 5), (2.25, 7)])
def test_a_factor_is_applied_once_and_rounded_up(factor: float, size: int) -> None:
    class Letters:
        name = "letters"

        def count(self, text: str) -> int:
            return len(text)

    assert PromptSizer.of(Letters(), factor).count("abc") == size


def test_an_epoch_only_grows() -> None:
    epoch = Epoch(UserTurn("head"), number=1, size=Size.exact(10))
    before = epoch.render(instructions="i", functions=(), max_output_tokens=5, calls_allowed=True)
    epoch.append(UserTurn("more"), size=Size(7, 5))
    after = epoch.render(instructions="i", functions=(), max_output_tokens=5, calls_allowed=False)

    assert before.turns == after.turns[:1] == (UserTurn("head"),)
    assert epoch.tokens == 17
    assert epoch.size == Size(17, 15)


def grown() -> Epoch:
    """An epoch of 100 tokens by the server's count, then a reply of 30 and a turn of at most 80."""
    epoch = Epoch(UserTurn("head"), number=1, size=Size.exact(120))
    epoch.settle(100)
    epoch.append_reply(AssistantTurn("so"), tokens=30)
    epoch.append(UserTurn("more"), size=Size(80, 50))
    return epoch


def test_what_was_sent_is_exact_and_only_the_tail_is_estimated() -> None:
    epoch = grown()
    assert epoch.size == Size(210, 180)
    assert epoch.uncounted == ("more",)

    assert epoch.settle(185) == 55
    assert epoch.size == Size.exact(185)
    assert epoch.uncounted == ()


def test_a_first_count_says_nothing_of_a_single_part() -> None:
    epoch = Epoch(UserTurn("head"), number=1, size=Size.exact(120))

    assert epoch.settle(100) is None
    assert epoch.counted == 100


@pytest.mark.parametrize("counted", [0, 12, 99, 119])
def test_a_count_that_leaves_out_what_was_sent_is_ignored(counted: int) -> None:
    epoch = grown()

    assert epoch.settle(counted) is None
    assert epoch.size == Size(210, 180)
    assert epoch.settle(190) == 60


def test_what_questions_share_is_a_block_of_its_own() -> None:
    assert blocks_of(UserTurn("map and question", shared_length=4)) == ["map ", "and question"]
