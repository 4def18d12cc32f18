from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from docpager.core.errors import FunctionError
from docpager.models.messages import ToolCall
from docpager.run.executor import check_arguments
from docpager.run.functions import functions_for

FUNCTIONS = {function.name: function for function in functions_for()}
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["locator", "quote", "query"]), inner, max_size=3)
    ),
)
NAMES = sorted({name for f in FUNCTIONS.values() for name in f.parameters["properties"]})


def checked(name: str, /, **arguments: Any) -> None:
    check_arguments(ToolCall("1", name, arguments), FUNCTIONS)


@pytest.mark.parametrize(
    ("name", "arguments", "sentence"),
    [
        ("fetch", {}, "no function 'fetch'; there are search, grep,"),
        ("search", {}, "search: Object missing required field `query`; it takes query,"),
        ("search", {"query": 3}, "Expected `str`, got `int` - at `$.query`"),
        ("search", {"query": "x", "page": True}, "Expected `int`, got `bool` - at `$.page`"),
        ("search", {"query": "x", "page": 0}, "Expected `int` >= 1 - at `$.page`"),
        ("search", {"query": "x", "page": 1.0}, "Expected `int`, got `float` - at `$.page`"),
        (
            "search",
            {"query": "x", "documents": "D1"},
            "Expected `array`, got `str` - at `$.documents`",
        ),
        (
            "search",
            {"query": "x", "documents": [1]},
            "Expected `str`, got `int` - at `$.documents[0]`",
        ),
        ("page_in", {"locator": "D1", "keep": 1}, "page_in has no 'keep'; it takes locator, pin"),
        ("page_in", {"locator": None}, "Expected `str`, got `null` - at `$.locator`"),
        (
            "answer",
            {"text": "x", "citations": [{"locator": "D1"}]},
            "missing required field `quote` - at `$.citations[0]`",
        ),
        (
            "answer",
            {"text": "x", "citations": ["D1"]},
            "Expected `object`, got `str` - at `$.citations[0]`",
        ),
        (
            "answer",
            {"text": "x", "citations": [], "found": "no"},
            "Expected `bool`, got `str` - at `$.found`",
        ),
        (
            "answer",
            {"text": "x", "citations": [{"locator": "D1", "quote": "y", "\ud83d": 1}]},
            "answer: a field's name holds half a character",
        ),
    ],
)
def test_what_is_wrong_is_said_in_a_sentence(
    name: str, arguments: dict[str, Any], sentence: str
) -> None:
    with pytest.raises(FunctionError) as error:
        checked(name, **arguments)

    assert sentence in str(error.value)


def test_right_arguments_pass() -> None:
    checked("search", query="x", documents=["D1", "*.pdf"], page=2)
    checked("contents")
    checked("answer", text="x", citations=[{"locator": "D1", "quote": "y"}], found=False)


@given(st.sampled_from([*FUNCTIONS, "other"]), st.dictionaries(st.sampled_from(NAMES), JSON))
def test_no_arguments_at_all_raise_anything_but_a_sentence(
    name: str, arguments: dict[str, Any]
) -> None:
    try:
        checked(name, **arguments)
    except FunctionError as error:
        assert str(error)
        assert len(str(error)) < 300
