from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import docpager
from docpager.core.errors import FunctionError
from docpager.core.passages import DocumentEntry
from docpager.models.messages import ToolCall
from docpager.run.argument_repair import documents_named, repair
from docpager.run.cited_places import cited_place
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


def mended(name: str, /, **arguments: Any) -> tuple[Any, str]:
    call, remark = repair(ToolCall("1", name, arguments), functions_for())
    check_arguments(call, FUNCTIONS)
    return call.arguments, remark


@pytest.mark.parametrize(
    ("name", "given", "taken"),
    [
        ("search", {"query": "x", "documents": "D1, D2"}, {"documents": ["D1", "D2"]}),
        ("search", {"query": "x", "documents": "a, b.txt"}, {"documents": ["a, b.txt"]}),
        ("search", {"query": "x", "documents": '["D1"]'}, {"documents": ["D1"]}),
        ("search", {"query": "x", "document": "D1"}, {"documents": ["D1"]}),
        ("search", {"query": "x", "page": "2"}, {"page": 2}),
        ("search", {"query": "x", "page": 2.0}, {"page": 2}),
        ("search", {"query": "x", "page": 0}, {"page": 1}),
        ("search", {"q": "x", "documents": None}, {"query": "x"}),
        ("search", {"query": ["x"]}, {"query": "x"}),
        ("search", {"query": 1986}, {"query": "1986"}),
        ("page_in", {"locator": "[D3:c120 p45]"}, {"locator": "D3:c120"}),
        ("page_in", {"locator": " d1: C3 – 5"}, {"locator": "D1:c3-5"}),
        ("page_in", {"locator": "D1 page 45"}, {"locator": "D1:p45"}),
        ("page_in", {"locators": ["D1:c3"]}, {"locator": "D1:c3"}),
        ("page_in", {"locator": "D1:c3", "pin": "true"}, {"locator": "D1:c3", "pin": True}),
        ("page_out", {"locators": "D1:c3; N2"}, {"locators": ["D1:c3", "N2"]}),
        ("write_note", {"text": "x", "source": "D1:c3"}, {"text": "x", "sources": ["D1:c3"]}),
        (
            "answer",
            {"answer": "26 g", "citations": '[D1:c3] "26 grams"'},
            {"text": "26 g", "citations": [{"locator": "D1:c3", "quote": "26 grams"}]},
        ),
        (
            "answer",
            {"text": "26 g", "citations": {"location": "D1:c3", "text": "26 grams", "page": 4}},
            {"text": "26 g", "citations": [{"locator": "D1:c3", "quote": "26 grams"}]},
        ),
        ("answer", {"text": "no", "found": "False"}, {"citations": [], "found": False}),
    ],
)
def test_arguments_that_are_nearly_right_are_taken(
    name: str, given: dict[str, Any], taken: dict[str, Any]
) -> None:
    arguments, remark = mended(name, **given)

    assert {key: arguments[key] for key in taken} == taken
    assert remark == ""


def test_an_argument_that_has_no_use_is_left_out_with_a_remark() -> None:
    arguments, remark = mended("search", query="x", top_k=5, sort="date")

    assert arguments == {"query": "x"}
    assert remark == "[run] search has no top_k, sort: left out."


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("search", {"query": "x", "documents": ["D1"], "page": 2}),
        ("page_in", {"locator": "N2", "pin": False}),
        ("page_in", {"locator": "the page that D3:c1 follows"}),
        ("fetch", {"anything": [1]}),
        ("answer", {"text": "x", "citations": [{"locator": "D1", "quote": "[D1:c3] was said"}]}),
    ],
)
def test_what_is_right_or_cannot_be_mended_stays_as_it_is(
    name: str, arguments: dict[str, Any]
) -> None:
    call = ToolCall("1", name, arguments)

    assert repair(call, functions_for()) == (call, "")


@given(st.sampled_from([*FUNCTIONS]), st.dictionaries(st.sampled_from([*NAMES, "more"]), JSON))
def test_mending_never_fails_and_mends_what_it_mended_no_further(
    name: str, arguments: dict[str, Any]
) -> None:
    once, _ = repair(ToolCall("1", name, arguments), functions_for())

    assert repair(once, functions_for()).call == once


def test_a_file_whose_name_is_a_glob_is_meant_by_its_name():
    paths = ["a1.pdf", "a[1].pdf", "in/b*.txt", "in/b2.txt"]
    entries = [
        DocumentEntry(n, path, title="", kind="text", passages=1, tokens=1, pdf_pages=0)
        for n, path in enumerate(paths, 1)
    ]

    def found(name: str) -> set[int]:
        numbers, remark = documents_named([name], entries)
        assert not remark
        return set(numbers or ())

    assert [found(name) for name in ("a[1].pdf", "./a[1].pdf", "b*.txt", "in/b*.txt")] == [
        {2}, {2}, {3}, {3}]  # fmt: skip
    assert found("a*.pdf") == {1, 2} and found("*.txt") == {3, 4}


def test_a_file_whose_name_is_a_glob_can_be_cited(tmp_path):
    for name, said in (("a1.txt", "Tin is soft."), ("a[1].txt", "Zinc is blue."), ("*", "Gold.")):
        (tmp_path / name).write_text(said)
    docpager.ingest(tmp_path, tmp_path / "archive", embedder="hashing")
    with docpager.Archive.open(tmp_path / "archive") as archive:
        place = cited_place(archive, "a[1].txt", "Zinc is blue")
        again = cited_place(archive, str(place.entry.path), None)
        named = archive.documents_named("a[1].txt")

    assert (place.entry.path, place.quote) == ("a[1].txt", "Zinc is blue")
    assert again.entry == place.entry and named == [place.entry.id]
