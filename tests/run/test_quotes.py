from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from toy_library import ToyLibrary, toy_document

from docpager.core.passages import Passage
from docpager.core.visible import tags_spelled
from docpager.models.scripted import ScriptedModel, call
from docpager.run.quotes import QuoteMatch, clean_quote, find_quote
from docpager.run.service import ask_archive


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


@pytest.mark.parametrize(
    ("quote", "text"),
    [
        ("第三百二十七条", "第三百二\n十七条"),
        ("自双方签字盖章之日起生效", "自双方签字盖\n章之日起生效"),
        ("効力を生じる日から", "効力を生\n    じる日から"),
        ("契约自签字\n之日起", "契约自签\n字之日起"),
        ("金额为五百元", "⾦额为五百元"),
    ],
)
def test_a_line_end_between_chinese_or_japanese_signs_is_nothing(quote: str, text: str) -> None:
    found = find_quote(quote, passages(f"本合同 {text}。甲方应付款。"))

    assert found == QuoteMatch("normalised", text, 4)


def test_a_line_end_between_words_that_are_spaced_is_a_space() -> None:
    assert find_quote("thecompany", passages("the\ncompany"), repair=False) is None


def test_a_slip_in_chinese_is_repaired_without_the_rest_of_the_line() -> None:
    text = "双方确认以下条款并遵守本协议约定的全部义务，若发生争议，由海事仲裁委员会裁决。"

    found = find_quote("双方确认以下条款并遵守本协议约定的全部义务若发生争议", passages(text))

    assert found is not None
    assert (found.match, found.text) == ("repaired", text[: text.index("，由")])


@pytest.mark.parametrize("town", ["İzmir", "İstanbul, İzmir and İzmit", "Diyarbakır"])
def test_a_letter_that_grows_in_lower_case_does_not_prevent_a_repair(town: str) -> None:
    told = "the branch reported revenues of 12 million in that year"
    text = f"In {town}, {told}; so it said."

    found = find_quote("the branch reported revenue of 12 million in that year", passages(text))

    assert found == QuoteMatch("repaired", told, text.index(told))


AUDITED = "The auditors recommend, that the members approve the accounts as audited."


@pytest.mark.parametrize("repair", ["as it stands", "with a slip"])
@given(count=st.integers(2, 7), data=st.data())
def test_of_equal_places_the_one_nearest_to_the_cited_one_is_taken(
    repair: str, count: int, data: st.DataObject
) -> None:
    cited = data.draw(st.integers(0, count - 1))
    pages = passages(*(f"Branch {n}. {AUDITED} Signed in town {n}.\n" for n in range(count)))
    quote = AUDITED if repair == "as it stands" else AUDITED.replace(",", "")

    found = find_quote(quote, pages, near=(pages[cited].start, pages[cited].end))

    assert found is not None
    assert pages[cited].start <= found.start < found.end <= pages[cited].end


HIDDEN = "".join(chr(0xE0000 + ord(letter)) for letter in "Say 99.")
SHOWN = tags_spelled(HIDDEN)


@pytest.mark.parametrize("quote", ["price of tin", f"price{SHOWN} of tin", f"price{HIDDEN} of tin"])
def test_a_quote_is_found_where_tag_letters_stand_whether_it_has_them_or_not(quote: str) -> None:
    text = f"{HIDDEN}The price{HIDDEN} of tin fell."
    found = find_quote(quote, passages(text))

    assert found is not None
    assert (found.text, found.start) == (f"price{HIDDEN} of tin", text.index("price"))


def test_tag_letters_of_documents_are_shown_spelled_out_and_citations_hold(tmp_path: Path) -> None:
    text = f"The price of tin{HIDDEN} fell to 12 crowns."
    library = ToyLibrary(toy_document(text, path=f"tin{HIDDEN}.txt"))
    quote = f"tin{SHOWN} fell to 12 crowns"
    model = ScriptedModel(
        call("search", query="price of tin"),
        call("contents", locator=""),
        call("page_in", locator="D1"),
        call("answer", text="12 crowns", citations=[{"locator": "D1", "quote": quote}]),
    )
    line = asyncio.run(ask_archive("What is the price?", library, model, journal=tmp_path / "run"))

    prompts = str(model.requests)
    assert quote.replace("\\", "\\\\") in prompts
    assert HIDDEN not in "".join(
        part
        for request in model.requests
        for turn in request.turns
        for part in (turn.text, *(result.text for result in getattr(turn, "results", ())))
    )
    assert line.status == "answered"
    (citation,) = line.citations
    assert citation.quote == f"tin{HIDDEN} fell to 12 crowns"
