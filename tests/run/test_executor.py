from __future__ import annotations

from typing import Any

import pytest
from toy_library import ToyLibrary, toy_document

from docpager.core.passages import PassageId, PassageRange
from docpager.core.tokens import BuiltInEstimator
from docpager.models.messages import ToolCall
from docpager.paging.epoch import PromptSizer
from docpager.run.executor import FunctionExecutor
from docpager.run.functions import functions_for
from docpager.run.render import present_found
from docpager.run.tool_results import (
    Found,
    Listed,
    Loaded,
    PassedThrough,
    PendingCall,
    QuotesChecked,
    Refused,
    TooLarge,
    ToolResult,
)

TEXT = "\n".join(f"Line {n} names the price of item {n}." for n in range(400))
PAGES = [TEXT.index(f"Line {n} ") for n in range(0, 400, 40)]
LIBRARY = ToyLibrary(
    toy_document(TEXT, path="prices/all.pdf", pdf_pages=PAGES, sections={"1": (0, 900)}),
    toy_document("A short one about apples.", path="short.txt"),
)


def execute(
    name: str,
    /,
    bound: int = 3_000,
    resident: frozenset[PassageId] = frozenset(),
    scope: list[int] | None = None,
    **arguments: Any,
) -> ToolResult:
    executor = FunctionExecutor(
        LIBRARY, functions=functions_for(), sizer=PromptSizer.of(BuiltInEstimator(), 1), scope=scope
    )
    (result,) = executor.execute_all([PendingCall(ToolCall("1", name, arguments), bound, resident)])
    return result


def refusal(name: str, /, scope: list[int] | None = None, **arguments: Any) -> str:
    result = execute(name, scope=scope, **arguments)
    assert isinstance(result, Refused)
    return result.message


@pytest.mark.parametrize(
    ("documents", "found"),
    [(None, {1, 2}), (["D2"], {2}), (["*.txt"], {2}), (["all.pdf"], {1}), (["D1", "D2"], {1, 2})],
)
def test_a_search_is_narrowed_by_name_path_or_glob(
    documents: list[str] | None, found: set[int]
) -> None:
    narrowed = {"documents": documents} if documents else {}
    result = execute("search", query="about price", **narrowed)

    assert isinstance(result, Found)
    assert {number for number, _ in result.paths} <= found
    assert {hit.passage.document for hit in result.hits} <= found


def test_documents_out_of_scope_are_neither_found_listed_nor_opened() -> None:
    found = execute("search", query="price about", scope=[2])
    listed = execute("contents", scope=[2])

    assert isinstance(found, Found)
    assert {hit.passage.document for hit in found.hits} == {2}
    assert isinstance(listed, Listed)
    assert listed.lines == ("D2 short.txt | 1 passages",)
    assert "among those that were asked about" in refusal("page_in", scope=[2], locator="D1:c1")
    outside = execute("grep", scope=[2], pattern=".", documents=["D1"])
    assert isinstance(outside, Found)
    assert {hit.passage.document for hit in outside.hits} == {2}
    assert outside.remark == "no document 'D1': all documents were searched."


@pytest.mark.parametrize(
    ("name", "arguments", "sentence"),
    [
        ("page_in", {"locator": "D9:c1"}, "no document D9"),
        ("page_in", {"locator": "D1:c999"}, "names nothing"),
        ("page_in", {"locator": "page 3"}, "is not a locator; write D3"),
        ("page_in", {"locator": "D1:c9-3"}, "runs backwards"),
        ("contents", {"locator": "N1"}, "is a note; a place in a document is needed"),
        ("grep", {"pattern": "("}, "bad pattern"),
        ("grep", {"pattern": " "}, "grep needs something to look for"),
        ("search", {"query": "price \ud83d"}, "holds half a character"),
        ("page_out", {"locators": ["D1:c1", "x"]}, "is not a locator"),
        ("write_note", {"text": "x", "sources": ["x"]}, "is not a locator"),
        ("write_note", {"text": "x", "sources": [], "replaces": "D2"}, "is no note"),
        ("nothing", {}, "no function 'nothing'"),
    ],
)
def test_what_a_model_can_correct_comes_back_as_a_sentence(
    name: str, arguments: dict[str, Any], sentence: str
) -> None:
    assert sentence in refusal(name, **arguments)


def test_only_what_is_not_resident_is_read() -> None:
    result = execute("page_in", locator="D1:c1-3", resident=frozenset({PassageId(1, 2)}))

    assert isinstance(result, Loaded)
    assert [passage.ordinal for passage in result.passages] == [1, 3]
    assert result.resident == (PassageId(1, 2),)


def test_a_range_larger_than_its_bound_is_not_read_and_its_beginning_is_named() -> None:
    result = execute("page_in", locator="D1", bound=1_000)

    assert isinstance(result, TooLarge)
    assert result.fits is not None
    fitting = execute("page_in", locator=str(result.fits), bound=1_000)
    assert isinstance(fitting, Loaded)
    longer = str(result.fits._replace(last=result.fits.last + 1))
    assert isinstance(execute("page_in", locator=longer, bound=1_000), TooLarge)


def test_a_bound_of_nothing_fits_nothing() -> None:
    result = execute("page_in", locator="D2", bound=0)

    assert isinstance(result, TooLarge)
    assert result.fits is None


def test_pdf_pages_and_sections_are_ranges_of_passages() -> None:
    for locator in ("D1:p2-3", "D1:s1"):
        result = execute("page_in", locator=locator)
        assert isinstance(result, Loaded)
        assert isinstance(result.range, PassageRange)


def test_contents_shows_the_outline_or_says_that_there_is_none() -> None:
    outline, none = execute("contents", locator="D1"), execute("contents", locator="D2")

    assert isinstance(outline, Listed)
    assert outline.lines[0].startswith("D1:s1 Section 1 (")
    assert isinstance(none, Listed)
    assert none.lines == ("D2 short.txt | 1 passages; no outline: read D2:c1-1",)


def test_a_list_longer_than_its_bound_counts_what_is_missing() -> None:
    result = execute("contents", bound=25)

    assert isinstance(result, Listed)
    assert (len(result.lines), result.more) == (1, 1)


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("page_out", {"locators": ["D1:c1", "N3", "D1:s1"]}),
        ("write_note", {"text": "x", "sources": ["D1:c1"], "replaces": "N1"}),
        ("recall", {"query": "x"}),
        ("page_in", {"locator": "N4"}),
    ],
)
def test_calls_about_the_run_itself_are_passed_through(
    name: str, arguments: dict[str, Any]
) -> None:
    assert execute(name, **arguments) == PassedThrough()


def quoted(locator: str, quote: str) -> Any:
    result = execute("answer", text="x", citations=[{"locator": locator, "quote": quote}])
    assert isinstance(result, QuotesChecked)
    return result.checks[0]


def test_a_quote_names_the_page_and_the_passages_it_stands_on() -> None:
    check = quoted("D1:p3", "Line 80 names the price of item 80.")

    assert (check.match, check.place.page, check.place.label) == ("exact", 3, "3")
    (id_,) = check.passages
    (passage,) = LIBRARY.load_range(PassageRange(1, id_.ordinal, id_.ordinal))
    assert check.quote in passage.text


def test_a_quote_across_pages_and_passages_is_on_the_page_where_it_begins() -> None:
    check = quoted("D1", "of item 39. Line 40 names")
    (first,) = LIBRARY.load_range(PassageRange(1, 1, 1))
    border = TEXT[first.end - 20 : first.end + 20].strip()
    across = quoted("D1:c2", border)

    assert (check.match, check.place.page) == ("normalised", 1)
    assert across.passages == (PassageId(1, 1), PassageId(1, 2))


def test_a_quote_cited_beside_its_place_is_found_where_it_stands() -> None:
    check = quoted("D1:p1", "Line 390 names the price")

    assert (check.match, check.place.page) == ("exact", 10)


@pytest.mark.parametrize(
    ("locator", "quote"),
    [("D1", "never written"), ("D9", "Line 1"), ("N1", "Line 1"), ("x", "Line 1"), ("D2", "Line 1"),
     ("D1", "\u200b\u200b"), ("D1", "")],
)  # fmt: skip
def test_a_quote_that_stands_nowhere_fails_and_says_why(locator: str, quote: str) -> None:
    check = quoted(locator, quote)

    assert check.match == "failed"
    assert check.problem


FILES = ToyLibrary(
    *(
        toy_document(f"The price in {path} is {n}.", path=path)
        for n, path in enumerate(
            ("reports/2018/acme.txt", "reports/2019/acme.txt", "letters/bolt, inc.txt", "d2 x.txt"),
            1,
        )
    )
)


@pytest.mark.parametrize(
    ("names", "found", "remark"),
    [
        (["./"], {1, 2, 3, 4}, ""),
        (["."], {1, 2, 3, 4}, ""),
        ([], {1, 2, 3, 4}, ""),
        (["reports"], {1, 2}, ""),
        (["./reports/2019/"], {2}, ""),
        (["2018"], {1}, ""),
        (["Bolt"], {3}, ""),
        (["letters/bolt, inc.txt"], {3}, ""),
        (["d2 x.txt"], {4}, ""),
        (["[D3]"], {3}, ""),
        (["D3:c1"], {3}, ""),
        (["D1", "nothing.pdf"], {1}, "no document 'nothing.pdf': only the others were searched."),
        (["D99"], {1, 2, 3, 4}, "no document 'D99': all documents were searched."),
        (["tx"], {1, 2, 3, 4}, "no document 'tx': all documents were searched."),
    ],
)
def test_names_of_documents_that_are_nearly_right_are_taken(
    names: list[str], found: set[int], remark: str
) -> None:
    executor = FunctionExecutor(
        FILES, functions=functions_for(), sizer=PromptSizer.of(BuiltInEstimator(), 1)
    )
    call = ToolCall("1", "search", {"query": "price", "documents": names})
    result = executor.execute(PendingCall(call, 9_000, frozenset()))

    assert isinstance(result, Found)
    assert {hit.passage.document for hit in result.hits} == found
    assert result.remark == remark
    assert remark in present_found(result, subject="search")


def test_under_the_second_rules_an_unknown_document_is_refused_as_it_was() -> None:
    executor = FunctionExecutor(
        FILES, functions=functions_for(), sizer=PromptSizer.of(BuiltInEstimator(), 1), rules=2
    )
    call = ToolCall("1", "search", {"query": "price", "documents": ["*.doc"]})
    result = executor.execute(PendingCall(call, 9_000, frozenset()))

    assert isinstance(result, Refused)
    assert "no document '*.doc'" in result.message
