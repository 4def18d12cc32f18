from __future__ import annotations

import pytest

from docpager.llm.chat import AssistantTurn, CallResult, FunctionSchema, ToolCall, UserTurn
from docpager.paging.epoch import BLOCK_TOKENS, Epoch, PromptSizer, canonical_json
from docpager.paging.sizes import Size

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
