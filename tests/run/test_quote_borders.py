"""A quote is found wherever it stands: across lines, passages and PDF pages, as copied."""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import replace
from functools import cache

from hypothesis import assume, given, settings
from hypothesis import strategies as st
from toy_library import ToyLibrary, toy_document

from docpager.core.locators import parse_locator
from docpager.core.passages import Passage, PassageRange
from docpager.documents.reasons import Reason
from docpager.paging.rendering import render_passages
from docpager.run.quotes import QuoteChecker, find_quote

WORDS = ["revenue", "of", "copper", "rose", "to", "1,577", "—", "“plant”", "(see", "note", "12)"]
PAGE_STARTS = tuple(range(0, 16_000, 701))


@cache
def library() -> ToyLibrary:
    """A document of 23 PDF pages whose every stretch of some words is unlike any other."""
    lines = [
        f"{n} " + " ".join(WORDS[(n * k + k) % len(WORDS)] for k in range(3, 3 + n % 9)) + f" {n}."
        for n in range(700)
    ]
    text = "\n".join(lines)[: PAGE_STARTS[-1] + 500]
    return ToyLibrary(toy_document(text, path="a.pdf", pdf_pages=PAGE_STARTS))


def passages() -> list[Passage]:
    found = library().load_range(PassageRange(1, 1, library().document(1).passages))
    assert len(found) > 8
    return list(found)


def text() -> str:
    return "".join(passage.text for passage in passages())


@st.composite
def stretches(draw: st.DrawFn) -> tuple[int, int]:
    """Where a stretch begins and ends; every other one lies across a border."""
    borders = [passage.start for passage in passages()[1:]] + list(PAGE_STARTS[1:])
    if draw(st.booleans()):
        border = draw(st.sampled_from(borders))
        start = border - draw(st.integers(1, 400))
        end = border + draw(st.integers(1, 400))
    else:
        start = draw(st.integers(0, len(text()) - 30))
        end = start + draw(st.integers(12, 900))
    start, end = max(0, start), min(end, len(text()))
    quote = text()[start:end]
    start += len(quote) - len(quote.lstrip())
    end -= len(quote) - len(quote.rstrip())
    assume(end - start >= 12)
    return start, end


def page_of(offset: int) -> int:
    return bisect_right(PAGE_STARTS, offset)


@given(stretches())
@settings(max_examples=150, deadline=None)
def test_every_stretch_is_found_exactly_where_it_stands(stretch):
    start, end = stretch
    quote = text()[start:end]

    found = find_quote(quote, passages(), repair=False)

    assert found is not None
    assert (found.match, found.text) == ("exact", quote)
    assert text()[found.start : found.end] == quote
    assert found.start == text().find(quote)


@given(stretches(), st.sampled_from([" ", "\n", "  \n "]))
@settings(max_examples=100, deadline=None)
def test_white_space_does_not_matter(stretch, space):
    start, end = stretch
    quote = space.join(text()[start:end].split())

    found = find_quote(quote, passages(), repair=False)

    assert found is not None
    assert found.text.split() == quote.split()
    assert text()[found.start : found.end] == found.text


@given(stretches())
@settings(max_examples=150, deadline=None)
def test_what_is_copied_from_main_context_is_found(stretch):
    """Headers stand between passages there, and a mark where a PDF page begins."""
    start, end = stretch
    touched = [passage for passage in passages() if passage.start < end and passage.end > start]
    shown = render_passages(touched)
    first, last = _shown_at(touched, start), _shown_at(touched, end - 1) + 1

    found = find_quote(shown[first:last], passages(), repair=False)

    assert found is not None
    assert "".join(found.text.split()) == "".join(text()[start:end].split())


@given(stretches())
@settings(max_examples=100, deadline=None)
def test_a_citation_of_any_passage_it_touches_names_the_page_where_it_begins(stretch):
    start, end = stretch
    quote = text()[start:end]
    assume(text().count(quote) == 1)
    touched = [p.id for p in passages() if p.start < end and p.end > start]
    checker = QuoteChecker(library(), parse_locator)

    checks = checker.check_all([{"locator": str(each), "quote": quote} for each in touched]).checks

    for check in checks:
        assert (check.match, check.quote) == ("exact", quote)
        assert check.place is not None
        assert check.place.page == page_of(start)
        assert (check.place.start, check.place.end) == (start, end)
        assert list(check.passages) == touched


@given(stretches(), st.data())
@settings(max_examples=100, deadline=None)
def test_another_number_is_never_found(stretch, data):
    start, end = stretch
    quote = text()[start:end]
    digits = [at for at, character in enumerate(quote) if character.isdigit()]
    assume(digits)
    at = data.draw(st.sampled_from(digits))
    other = data.draw(st.sampled_from([d for d in "0123456789" if d != quote[at]]))
    wrong = quote[:at] + other + quote[at + 1 :]
    assume(wrong not in text())

    found = find_quote(wrong, passages())

    assert found is None or _numbers(found.text) == _numbers(wrong)


def _numbers(quote: str) -> list[str]:
    return [word.strip("(.)") for word in quote.split() if any(c.isdigit() for c in word)]


def _shown_at(touched: list[Passage], offset: int) -> int:
    """Where the character at `offset` of the document stands in the rendered passages."""
    position = 0
    for passage in touched:
        shown = render_passages([passage])
        position += shown.index("\n") + 1
        if offset < passage.end:
            within = offset - passage.start
            marks = [page for place, page in passage.page_starts if 0 < place <= within]
            return position + within + sum(len(f"[p{page}]") for page in marks)
        position += len(shown) - shown.index("\n") - 1 + 1
    raise AssertionError(f"no passage holds {offset}")


def test_a_quote_from_a_page_whose_text_may_be_wrong_says_why() -> None:
    document = library().document_of(1)
    pages = tuple(
        replace(page, doubt=Reason.ORDER) if page.number == 2 else page
        for page in document.pdf_pages
    )
    checker = QuoteChecker(ToyLibrary(replace(document, pdf_pages=pages)), parse_locator)
    first, second = (
        document.text[page.start : page.start + 40].split("\n")[0] for page in pages[:2]
    )

    checks = checker.check_all(
        [{"locator": "D1:p1", "quote": first}, {"locator": "D1:p2", "quote": second}]
    ).checks

    assert [(check.place.page, check.doubt) for check in checks if check.place] == [
        (1, None),
        (2, "order uncertain"),
    ]
