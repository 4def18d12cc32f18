from __future__ import annotations

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from docpager.core.passages import Passage
from docpager.run.quotes import QuoteMatch, clean_quote, find_quote


def passages(*texts: str) -> list[Passage]:
    found: list[Passage] = []
    for text in texts:
        found.append(Passage(1, len(found) + 1, text, 9, found[-1].end if found else 0))
    return found


PAID = "In 2018 the company acquired Bolt for $41 million in cash, net of 1,577 in debt."


def test_a_quote_copied_exactly_is_exact() -> None:
    found = find_quote("acquired Bolt for $41 million", passages(PAID))

    assert found == QuoteMatch("exact", "acquired Bolt for $41 million", PAID.index("acquired"))


@pytest.mark.parametrize(
    ("quote", "text"),
    [
        ("ACQUIRED bolt", "acquired Bolt"),
        ("acquired \n Bolt", "acquired Bolt"),
        ("the company’s “own” words", 'the company\'s "own" words'),
        ("year-end", "year–end"),
        ("coop\u00aderate", "cooperate"),
    ],
)
def test_typography_white_space_and_case_are_normalised(quote: str, text: str) -> None:
    assert find_quote(quote, passages(f"Before {text} after")) == QuoteMatch("normalised", text, 7)


def test_a_quote_with_a_slip_is_replaced_by_the_wording_of_the_archive() -> None:
    found = find_quote("the compny acquired Bolt for $41 million in cash", passages(PAID))

    assert found is not None
    assert (found.match, found.text) == (
        "repaired",
        "the company acquired Bolt for $41 million in cash",
    )


@pytest.mark.parametrize(
    "quote",
    [
        "the company acquired Bolt for $47 million in cash",
        "In 2019 the company acquired Bolt for $41 million",
        "million in cash, net of 1,567 in debt",
        "million in cash, net of 1577 in debt",
        "acquired Bolt for $41 million in 3 cash",
    ],
)
def test_a_quote_is_never_repaired_across_different_numbers(quote: str) -> None:
    assert find_quote(quote, passages(PAID)) is None


@given(st.integers(0, 10**9), st.integers(0, 10**9))
def test_no_number_is_ever_repaired_into_another(said: int, stands: int) -> None:
    assume(str(said) not in str(stands))
    text = f"The total of all purchases in that year was {stands} dollars, the report says."
    quote = f"total of all purchases in that year was {said} dollars"

    assert find_quote(quote, passages(text)) is None


@given(st.data())
def test_what_differs_in_more_than_a_tenth_is_not_repaired(data: st.DataObject) -> None:
    quote = "company acquired Bolt for"
    changed = data.draw(
        st.lists(st.sampled_from(range(len(quote))), unique=True, min_size=6, max_size=20)
    )
    said = "".join("#" if n in changed else letter for n, letter in enumerate(quote))

    assert find_quote(said, passages(PAID)) is None


def test_repair_can_be_forbidden() -> None:
    assert find_quote("the compny acquired Bolt", passages(PAID), repair=False) is None


def test_a_quote_is_found_across_passages() -> None:
    found = find_quote("end of one. Start of two", passages("The end of one. ", "Start of two."))

    assert found == QuoteMatch("exact", "end of one. Start of two", 4)


@pytest.mark.parametrize("border", ["", " ", "\n\n"])
def test_headers_and_page_marks_of_main_context_are_not_part_of_a_quote(border: str) -> None:
    quote = "first words\n[D1:c2 p61]\nsecond [p62]words"

    found = find_quote(quote, passages(f"The first words{border}", "second words end."))

    assert found is not None
    assert found.text == f"first words{border}second words"
    assert clean_quote(quote) == "first words\nsecond words"


@pytest.mark.parametrize("own", ["see [p3] for more", "[D1:c2] is a locator"])
def test_text_that_looks_like_a_mark_can_be_quoted(own: str) -> None:
    assert find_quote(own, passages(f"Text: {own}.")) == QuoteMatch("exact", own, 6)


@pytest.mark.parametrize(
    "quote", ["", " ", "a", "\u200b\u200b", "\ufeff \u00ad", "[p3]", "[D1:c2]"]
)
def test_a_quote_that_proves_nothing_is_not_found(quote: str) -> None:
    assert find_quote(quote, passages("a b c")) is None


@given(st.text(max_size=30), st.text(max_size=60))
def test_whatever_is_found_stands_where_it_was_found(quote: str, text: str) -> None:
    found = find_quote(quote, passages(text))

    if found is not None:
        assert text[found.start : found.end] == found.text != ""
