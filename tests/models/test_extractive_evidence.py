"""Which words of a passage the built-in reader quotes, and which names it misses."""

import pytest
from shelf import read

from docpager.models.extractive import ExtractiveModel
from docpager.models.extractive.evidence import LONGEST_QUOTE, evidence_in, value_in
from docpager.models.extractive.question import read_question, years_in
from docpager.models.extractive.view import SeenPassage
from docpager.run.outcome import Abstention, Answer

FILLER = 12 * "The committee met again and spoke at length of weather, tea and the garden.\n"
LEDGER = {
    "weir.md": FILLER
    + "\nNorth Pole Trading sold 31 herons to 3M in 2023, said the USA.\n"
    + FILLER
}


def found(question, *texts, pages=(), ranks=()):
    passages = [SeenPassage(1, n, text, pages) for n, text in enumerate(texts, 1)]
    return evidence_in(read_question(question), passages, {(1, n): r for n, r in ranks})


def test_the_passage_that_search_ranks_higher_is_stronger_evidence():
    texts = ("A heron stood at the weir.", "A heron stood at the mill.")

    best = found("Where did the heron stand?", *texts, ranks=((1, 0.2), (2, 1.0)))

    assert best[0].locator == "D1:c2"


def test_the_sentence_that_shares_most_words_is_quoted():
    other = "The garden was green. " * 30

    best = found("Who mended the weir?", other + "Ada Quist mended the weir." + other)

    assert "Ada Quist mended the weir." in best[0].quote
    assert len(best[0].quote) <= LONGEST_QUOTE


def test_a_quote_begins_on_the_pdf_page_that_it_names():
    text = "The garden was green. " * 15 + "The heron weighed 1.6 kilograms."

    best = found("How heavy was the heron?", text, pages=((0, 1), (text.index("The heron"), 2)))

    assert (best[0].quote, best[0].pdf_page) == ("The heron weighed 1.6 kilograms.", 2)


@pytest.mark.parametrize("text", ["x" * 2000, "word " * 400, "12 34\n" * 300, ".\n" * 200, ""])
def test_every_quote_is_short_and_stands_in_its_passage(text):
    for each in found("How many words are in line 12?", text):
        assert each.quote in text
        assert len(each.quote) <= LONGEST_QUOTE


@pytest.mark.parametrize(
    ("question", "text", "value"),
    [
        ("How heavy was it?", "In 1990 it weighed 1.6 kilograms.", "1.6 kilograms"),
        ("How long is the notice?", "It comes twenty-one days ahead.", "twenty-one days"),
        ("How heavy was it?", "One weighed 2 kilograms, one 3 kilograms.", ""),
        ("Who sold it?", "One weighed 2 kilograms.", ""),
    ],
)
def test_the_one_value_with_the_asked_unit_is_picked(question, text, value):
    assert value_in(question, text) == value


def test_short_years_are_years():
    assert years_in("FY23, FY2019 and Q4'21 but not FY 20123") == ("2023", "2019", "2021")


@pytest.mark.parametrize(
    "question",
    [
        "How many herons did Lufthansa buy?",
        "How many herons did South Pole Trading sell?",
        "How many herons were sold in 1995?",
        "How many herons were sold to 3M in FY22?",
        "How many herons did Zebulon Quist's company sell?",
        "How many herons did the firm of ZTE sell?",
    ],
)
def test_a_name_or_year_that_stands_nowhere_is_not_answered_from_elsewhere(question):
    done = read(question, LEDGER, ExtractiveModel())

    assert isinstance(done.outcome, Abstention)
    assert "stands in none of the documents" in done.answer


@pytest.mark.parametrize(
    "question",
    [
        "How many herons were sold to 3M?",
        "How many herons did NPT sell in FY23?",
        "How many herons did North Pole Trading's people sell in 2023?",
        'How many herons are there under "Sold Birds"?',
        "Herons: how many were sold in the USA?",
        "HOW MANY HERONS WERE BOUGHT?",
    ],
)
def test_names_that_the_documents_write_otherwise_are_answered(question):
    done = read(question, LEDGER, ExtractiveModel())

    assert isinstance(done.outcome, Answer)
    assert "31 herons" in done.quotes[0]
