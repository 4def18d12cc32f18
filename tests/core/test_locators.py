from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from docpager.core.errors import UsageError
from docpager.core.locators import Locator, LocatorKind, covers, find_locators, parse_locator
from docpager.core.passages import Passage

NUMBERS = st.integers(1, 999_999_999)
LOCATORS = st.one_of(
    st.builds(Locator, st.just(LocatorKind.DOCUMENT), NUMBERS),
    st.builds(Locator, st.just(LocatorKind.NOTE), NUMBERS),
    st.builds(
        lambda kind, number, ends: Locator(kind, number, min(ends), max(ends)),
        st.sampled_from([LocatorKind.PDF_PAGES, LocatorKind.PASSAGES]),
        NUMBERS,
        st.tuples(NUMBERS, NUMBERS),
    ),
    st.builds(
        lambda number, path: Locator(LocatorKind.SECTION, number, section=path),
        NUMBERS,
        st.lists(NUMBERS, min_size=1, max_size=4).map(tuple),
    ),
)


@given(LOCATORS)
def test_what_is_printed_is_read_again(locator: Locator) -> None:
    assert parse_locator(str(locator)) == locator
    assert parse_locator(f" [{locator}] ") == locator


@given(st.lists(LOCATORS, max_size=5))
def test_locators_are_found_in_text_with_their_places(locators: list[Locator]) -> None:
    text = "see " + ", and (".join(map(str, locators)) + ") there"
    found = find_locators(text)

    assert [locator for locator, _, _ in found] == locators
    assert [text[start:end] for _, start, end in found] == list(map(str, locators))


@pytest.mark.parametrize(
    "text",
    ["", "D", "D0", "D01", "d3", "D3:", "D3:c0", "D3:x4", "D3:c4-", "D3:s", "D3:s1.", "N0", "N2:c1",
     "D3:c1,D4", "D3 c1", "D1234567890", "page 3"],
)  # fmt: skip
def test_what_is_no_locator_is_refused_with_examples(text: str) -> None:
    with pytest.raises(UsageError, match="is not a locator; write D3"):
        parse_locator(text)


def test_a_range_that_runs_backwards_is_refused() -> None:
    with pytest.raises(UsageError, match="'D3:c9-2' runs backwards"):
        parse_locator("D3:c9-2")
    assert find_locators("D3:c9-2 and D4") == [(parse_locator("D4"), 12, 14)]


def test_the_letter_may_be_repeated_in_a_range() -> None:
    assert str(parse_locator("D3:p45-p47")) == "D3:p45-47"


def test_words_that_only_look_like_locators_are_not_found() -> None:
    assert find_locators("3D3 aN2 D3x v1.D4 D3:q") == [(parse_locator("D3"), 18, 20)]


@pytest.mark.parametrize(
    ("locator", "covered"),
    [
        ("D1", True), ("D2", False), ("N1", False), ("D1:c7", True), ("D1:c6-8", True),
        ("D1:c8", False), ("D1:p4", True), ("D1:p5", True), ("D1:p6-9", False), ("D1:s2", True),
    ],
)  # fmt: skip
def test_a_locator_covers_what_it_names(locator: str, covered: bool) -> None:
    passage = Passage(1, 7, "four. five", 3, 0, 4, ((6, 5),))

    assert covers(parse_locator(locator), passage) is covered


def test_pdf_pages_cover_nothing_in_a_document_without_them() -> None:
    assert not covers(parse_locator("D1:p1"), Passage(1, 1, "text", 1, 0))
