from __future__ import annotations

from dataclasses import replace

import pytest

from docpager.models.messages import (
    AssistantTurn,
    CallResult,
    FunctionSchema,
    ModelRequest,
    ToolCall,
    UserTurn,
)
from docpager.run.request_hashes import RequestHasher, request_hash

TURNS = (
    UserTurn("head", shared_length=2),
    AssistantTurn("so", (ToolCall("1", "grep", {"b": 1, "a": 2}),), ({"type": "text"},)),
    UserTurn(results=(CallResult("1", "found", is_error=False),)),
)
REQUEST = ModelRequest("be good", (FunctionSchema("f", "does", {"type": "object"}),), TURNS, 512)


def test_a_growing_request_hashes_as_if_it_were_new() -> None:
    hasher = RequestHasher()
    for length in (1, 2, 3):
        request = replace(REQUEST, turns=TURNS[:length])
        assert hasher.hash(request) == request_hash(request)
    rebuilt = replace(REQUEST, turns=(UserTurn("another head"),))
    assert hasher.hash(rebuilt) == request_hash(rebuilt)
    assert hasher.hash(REQUEST) == request_hash(REQUEST)


def test_turns_of_another_request_are_not_taken_for_its_own() -> None:
    hasher = RequestHasher()
    hasher.hash(REQUEST)
    other = replace(REQUEST, turns=(TURNS[0], replace(TURNS[1], text="no"), TURNS[2]))

    assert hasher.hash(other) == request_hash(other) != request_hash(REQUEST)


@pytest.mark.parametrize(
    "changed",
    [
        replace(REQUEST, instructions="be bad"),
        replace(REQUEST, functions=()),
        replace(REQUEST, turns=TURNS[:2]),
        replace(REQUEST, turns=(replace(TURNS[0], shared_length=3), *TURNS[1:])),
        replace(REQUEST, turns=(*TURNS[:2], UserTurn(results=(CallResult("1", "found", True),)))),
        replace(REQUEST, turns=(UserTurn("head", shared_length=2), AssistantTurn("head"))),
        replace(REQUEST, max_output_tokens=513),
        replace(REQUEST, calls_allowed=False),
    ],
)
def test_every_part_of_a_request_changes_its_hash(changed: ModelRequest) -> None:
    hasher = RequestHasher()
    hasher.hash(REQUEST)

    assert hasher.hash(changed) != request_hash(REQUEST)


def test_the_order_of_arguments_does_not_matter() -> None:
    call = ToolCall("1", "grep", {"a": 2, "b": 1})
    other = replace(REQUEST, turns=(TURNS[0], replace(TURNS[1], calls=(call,)), TURNS[2]))

    assert request_hash(other) == request_hash(REQUEST)
