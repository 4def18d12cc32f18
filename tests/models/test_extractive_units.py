"""Which lines the built-in reader takes for sentences, rows, headings and running heads."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from shelf import read

from docpager.models.extractive import ExtractiveModel
from docpager.models.extractive.evidence import Scorer
from docpager.models.extractive.kinds import picked
from docpager.models.extractive.questions import read_question
from docpager.models.extractive.stretches import running_heads, stretches
from docpager.models.extractive.units import units
from docpager.models.extractive.view import SeenPassage
from docpager.models.extractive.words import Glossary
from docpager.run.outcome import Abstention


def told(text, furniture=()):
    return [
        (unit.kind, " ".join(text[unit.start : unit.end].split()))
        for unit in units(text, furniture)
    ]


def ask(question):
    return read_question(question, Glossary())


def found(question, *texts, pages=()):
    passages = [SeenPassage(1, n, text, pages) for n, text in enumerate(texts, 1)]
    return Scorer(ask(question)).evidence(passages, {})


def test_a_wrapped_sentence_that_breaks_after_a_number_stays_a_sentence():
    text = "The old mill was let to a baker and a cooper on 14\nMarch of that year, and burnt down."

    assert told(text) == [("sentence", " ".join(text.split()))]


def test_rows_of_one_figure_among_rows_are_rows():
    text = "Goods 2021 2020\nBarrels of tar 12 14\nWool for the looms 7\nRope 31 30"

    assert told(text) == [("row", line) for line in text.split("\n")]


def test_a_row_knows_the_caption_and_the_heads_above_it():
    text = "Some prose ends here.\nTable 4: Wages in 2019\nTrade Paid (crowns)\nCooper 1,200 4"
    (row,) = [unit for unit in units(text) if unit.kind == "row"]

    assert text[slice(*row.lead)] == "Table 4: Wages in 2019\nTrade Paid (crowns)"


def test_the_end_of_a_wrapped_cell_belongs_to_its_row():
    text = "Tar 2,400 1,985 Sold in the\nautumn\nRope 900 512 Kept"

    assert told(text)[0] == ("row", "Tar 2,400 1,985 Sold in the autumn")


def test_running_heads_are_told_by_their_repetition_and_are_no_units():
    pages = [
        SeenPassage(
            1,
            n,
            f"Prose {chr(96 + n)} ends.\nThe Mill: Report\n{n}\nMore prose {chr(70 + n)}.",
            ((0, n), (14, n + 1)),
        )
        for n in (1, 5)
    ]
    heads = running_heads(pages, [])

    assert heads == {"the mill: report"}
    assert told(pages[0].text, heads) == [
        ("sentence", "Prose a ends."),
        ("sentence", "More prose G."),
    ]


@given(st.lists(st.text("ab1. \n", max_size=30), min_size=1, max_size=5))
def test_joined_passages_keep_every_character_and_its_place(texts):
    passages = [SeenPassage(1, n, text) for n, text in enumerate(texts, 1)]
    (stretch,) = stretches(passages)

    for offset, passage in stretch.starts:
        assert stretch.text[offset : offset + len(passage.text)] == passage.text
        if passage.text:
            assert stretch.passage_at(offset)[1] == passage


def test_a_sentence_is_whole_across_the_border_of_two_passages():
    best = found(
        "What did the cooper sell to the abbey?",
        "In spring the cooper sold",
        "nine barrels to the abbey.",
    )

    assert best[0].quote == "In spring the cooper sold\nnine barrels to the abbey."
    assert best[0].locator == "D1:c1-2"


def test_the_sentence_with_the_asked_unit_is_preferred_to_its_neighbour():
    text = "A heron ringed in 1990 was caught at the weir. It was old, and weighed 1.6 kilograms."
    best = found("How heavy was the heron ringed in 1990 when it was caught?", text)

    assert best[0].quote == "It was old, and weighed 1.6 kilograms."


def test_a_quote_is_not_widened_to_an_earlier_pdf_page():
    text = "The heron stood at the weir. The heron weighed 1.6 kilograms."
    best = found("How heavy was the heron?", text, pages=((0, 1), (text.index("The heron w"), 2)))

    assert best[0].pdf_page == 2
    assert best[0].wide.startswith("The heron weighed")


def test_a_thing_with_another_number_is_weaker_evidence():
    text = "The Type {} engine reaches a speed of 90 kilometres an hour."
    question = "What speed does a Type R engine reach?"

    same, other = found(question, text.format("R")), found(question, text.format("T"))

    assert other[0].strength < 0.7 * same[0].strength


@pytest.mark.parametrize(
    ("question", "text", "value"),
    [
        ("How heavy was it?", "In 1990 it weighed 1.6 kilograms.", "1.6 kilograms"),
        ("How long is the notice?", "It comes twenty-one days ahead.", "twenty-one days"),
        ("Wie viele Stunden sind es?", "Jeder leistet 12 Stunden Dienst.", "12 Stunden"),
        ("Bis wann gilt es?", "Die Frist endet am 5. März 2022.", "5. März 2022"),
        ("Who mended the weir?", "The weir was mended by Ada Quist.", "Ada Quist"),
        ("How heavy was it?", "One weighed 2 kilograms, one 3 kilograms.", ""),
    ],
)
def test_the_one_value_of_the_wanted_kind_is_picked(question, text, value):
    assert picked(ask(question), text) == value


def test_the_year_before_another_is_the_asked_one():
    assert ask("What was sold in the year before 2021?").years == ("2020",)


def test_a_table_of_other_years_does_not_answer():
    table = "Counts of the reserve.\nTable 1: Nests\nSpecies 2021 2020\nHeron 34 31\nStork 12 14\n"

    asked = read("How many heron nests were counted in 2021?", {"r.md": table}, ExtractiveModel())
    other = read("How many heron nests were counted in 1995?", {"r.md": table}, ExtractiveModel())

    assert "34" in asked.answer
    assert isinstance(other.outcome, Abstention)
