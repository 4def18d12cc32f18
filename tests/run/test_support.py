"""An answer is what was found: looks, support, repeated calls, names that a page does not hold."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from playing import Play, long_library
from toy_library import ToyLibrary, toy_document

from docpager.core.settings import PagingSettings, RunLimits
from docpager.models.messages import ToolCall
from docpager.models.scripted import ScriptedModel, call
from docpager.run.answer_line import AnswerLine, parse_answer
from docpager.run.outcome import Abstention, Answer, Failure, Stopped
from docpager.run.question_names import missing_names, names_in
from docpager.run.service import ask_archive

SMALL = PagingSettings(window=6_000)
QUOTE = "Item 0 was bought for 0 dollars on day 0."
CITED = [{"locator": "D1:c1", "quote": QUOTE}]


@pytest.fixture(scope="module")
def library() -> ToyLibrary:
    return long_library()


@pytest.fixture
def play(library: ToyLibrary) -> Play:
    return Play(library, paging=SMALL)


UNREAD: list[ToolCall | str] = [
    "26 grams",
    "Not found: the documents do not say.",
    call("answer", text="26 grams", citations=CITED),
    call("answer", text="nothing there", citations=[], found=False),
]


@pytest.mark.parametrize("said", UNREAD)
def test_what_is_said_before_anything_was_looked_up_is_sent_back(
    play: Play, said: ToolCall | str
) -> None:
    play.say(said)

    assert play.run.outcome is None
    shown = play.newest.text or play.newest.results[-1].text
    assert 'nothing was looked up yet; begin with search(query="What was paid?")' in shown


@pytest.mark.parametrize("said", UNREAD)
def test_who_persists_in_answering_without_a_look_has_failed(
    play: Play, said: ToolCall | str
) -> None:
    for _ in range(3):
        assert play.run.outcome is None
        play.say(said)

    assert isinstance(play.run.outcome, Failure)
    assert "answered without looking anything up" in play.run.outcome.reason


@pytest.mark.parametrize(
    ("look", "counts"),
    [
        (call("search", query="zebra"), True),
        (call("grep", pattern="zebra"), True),
        (call("page_in", locator="D1:c2"), True),
        (call("contents"), False),
        (call("recall", query="zebra"), False),
        (call("page_in", locator="D9:c1"), False),
        (call("search", query=" "), False),
    ],
)
def test_a_look_is_a_search_a_grep_or_a_page_in_that_ran(
    play: Play, look: ToolCall, counts: bool
) -> None:
    play.say(look)
    play.say("Not found: it.")

    assert isinstance(play.run.outcome, Abstention) == counts


def test_an_abstention_without_a_look_at_the_last_step_is_no_claim_about_the_documents(
    library: ToyLibrary,
) -> None:
    play = Play(library, limits=RunLimits(max_steps=1))
    play.say("Not found: it.")

    assert isinstance(play.run.outcome, Stopped)
    assert play.run.outcome.limit == "max_steps"


@pytest.mark.parametrize(
    ("citations", "seen"),
    [
        ([], None),
        ([{"locator": "D1:c1", "quote": "never said anywhere"}], True),
        ([{"locator": "D1:c40", "quote": "Item"}], False),
    ],
)
def test_an_answer_that_no_citation_supports_is_unsupported(
    play: Play, citations: list[dict[str, str]], seen: bool | None
) -> None:
    play.say(call("page_in", locator="D1:c1"))
    answer = call("answer", text="26 grams", citations=citations)
    (sent_back,) = play.say(answer)
    play.say(answer)

    assert sent_back.is_error
    assert isinstance(play.run.outcome, Answer)
    assert play.run.outcome.status == "unsupported"
    assert [check.seen for check in play.run.outcome.citations] == ([] if seen is None else [seen])


def test_one_citation_that_stands_and_was_read_supports_an_answer(play: Play) -> None:
    play.say(call("page_in", locator="D1:c1"))
    wrong = {"locator": "D1:c1", "quote": "never said anywhere"}
    for _ in range(2):
        play.say(call("answer", text="0", citations=[wrong, *CITED]))

    assert isinstance(play.run.outcome, Answer)
    assert play.run.outcome.status == "answered"


def test_a_quote_that_stood_when_an_answer_was_sent_back_still_counts_after_a_rebuild(
    play: Play,
) -> None:
    play.say(call("page_in", locator="D1:c1"))
    wrong = {"locator": "D1:c1", "quote": "never said anywhere"}
    play.say(call("answer", text="0", citations=[wrong, *CITED]))
    play.fill(range(2, 20))
    assert "D1:c1" not in play.resident

    play.say(call("answer", text="0", citations=CITED))

    assert isinstance(play.run.outcome, Answer)
    assert play.run.outcome.status == "answered"


@pytest.mark.parametrize(
    ("again", "instead"),
    [
        (call("search", query="bought", page=1), "See page=2 of its results. Use other words"),
        (call("grep", pattern="zebra"), "Use another pattern"),
        (call("contents"), "Search, or page_in something that it lists."),
        (call("page_in", locator="D9:c1"), "Page in another range"),
        (call("drop_everything", now=True), "Do something else, or answer"),
    ],
)
def test_a_call_repeated_word_for_word_gets_another_answer_the_third_time(
    play: Play, again: ToolCall, instead: str
) -> None:
    first, second, third = (play.say(again)[0] for _ in range(3))

    assert first.text == second.text
    assert third.text != first.text
    assert instead in third.text


def test_a_call_whose_answer_has_changed_or_that_was_not_made_in_a_row_goes_on(
    play: Play,
) -> None:
    out = call("page_out", locators=["D1:c1"])
    for _ in range(4):
        play.say(call("grep", pattern=f"zebra {play.run.steps}"))
        assert "you made this call" not in play.say(out)[0].text


def test_after_a_rebuild_an_old_search_may_be_made_again(play: Play) -> None:
    search = call("search", query="bought")
    play.say(search)
    play.say(search)
    play.fill(range(1, 20))
    assert play.run.context.epoch.number > 1

    assert not play.say(search)[0].is_error


def test_under_the_second_rules_a_repeated_call_is_answered_as_before(library: ToyLibrary) -> None:
    play = Play(library, paging=SMALL, rules=2)

    assert len({play.say(call("contents"))[0].text for _ in range(3)}) == 1


def answered(question: str, tmp_path: Path) -> AnswerLine:
    text = "The mill was sold to Bolt for 41 million in 2019. " * 3
    library = ToyLibrary(toy_document(text, path="ACMEMILLS_2018.txt"))
    quote = "The mill was sold to Bolt for 41 million in 2019."
    model = ScriptedModel(
        call("page_in", locator="D1:c1"),
        call("answer", text="41 million", citations=[{"locator": "D1:c1", "quote": quote}]),
    )
    return asyncio.run(ask_archive(question, library, model, journal=tmp_path / "run.jsonl"))


def test_names_of_the_question_that_no_cited_page_holds_are_told(tmp_path: Path) -> None:
    line = answered("What did Bolt pay Acme Mills, led by Ada Quill, in 2020?", tmp_path)

    assert line.status == "answered"
    assert line.names_missing == ("Ada Quill", "2020")
    assert line.as_json()["names_missing"] == ["Ada Quill", "2020"]
    assert line.as_json()["citations"][0]["seen"] is True


def test_nothing_is_told_where_every_name_is_there(tmp_path: Path) -> None:
    line = answered("What did Bolt pay Acme Mills in FY2018?", tmp_path)

    assert line.names_missing == ()
    assert "names_missing" not in line.as_json()


@pytest.mark.parametrize(
    ("question", "names"),
    [
        ("How heavy was the storm petrel that had been ringed in 1986?", ("1986",)),
        ("What is the FY2018 CAPEX (in USD millions) for 3M?", ("2018",)),
        ("Does Adobe's free cash flow show growth in Q2 of FY2016?", ("Adobe", "2016")),
        ("Did Johnson & Johnson pay MGM Resorts?", ("Johnson Johnson", "MGM Resorts")),
        ("Wie hoch war der Umsatz der Siemens AG im Jahr 2019?", ("2019",)),
        ("what was paid", ()),
    ],
)
def test_names_are_found_by_their_form(question: str, names: tuple[str, ...]) -> None:
    assert names_in(question) == names


def test_a_name_run_together_in_a_path_is_there() -> None:
    question = "What did MGM Resorts earn in 2018?"
    assert missing_names(question, "nothing", "MGMRESORTS_2018_10K.pdf") == ()


def test_an_unsupported_line_is_read_back() -> None:
    cited = {"document": "a.pdf", "pdf_page": 3, "quote": "x", "seen": False}
    line = parse_answer({"id": "q", "status": "unsupported", "answer": "x", "citations": [cited]})

    assert not line.answered
    assert [citation.seen for citation in line.citations] == [False]
