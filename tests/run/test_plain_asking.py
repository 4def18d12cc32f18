"""A model without functions: the run searches and reads ahead, the model quotes."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest
from playing import Play, long_library
from toy_library import ToyLibrary

from docpager.core.settings import PLAIN_UP_TO, PagingSettings
from docpager.core.tokens import BuiltInEstimator
from docpager.models.messages import ModelReply
from docpager.models.scripted import ScriptedModel, call
from docpager.paging.conversation import Conversation
from docpager.run.functions import parse_plain_answer
from docpager.run.journal import read_journal
from docpager.run.outcome import Abstention, Answer, Failure
from docpager.run.plan import plan_run
from docpager.run.service import AskSettings, ask_archive, open_replay

QUESTION = "How much was item 0 bought for?"
QUOTE = "Item 0 was bought for 0 dollars on day 0."
PLAIN = PagingSettings(window=8_000, functions="plain")


@pytest.fixture(scope="module")
def library() -> ToyLibrary:
    return long_library()


def plain(library: ToyLibrary, paging: PagingSettings = PLAIN) -> Play:
    return Play(library, question=QUESTION, paging=paging, prefetch=True)


def seen_with(library: ToyLibrary, locator: str) -> Play:
    """A run that has D1:c1 in main context, answered with its words and this locator."""
    play = plain(library, PagingSettings(window=8_000, functions="plain", prefetch=10))
    assert "D1:c1" in play.resident
    play.say(f'0 dollars\n{locator} "{QUOTE}"')
    return play


def test_passages_stand_as_pages_and_the_question_stands_below_them(library: ToyLibrary) -> None:
    play = plain(library)

    assert play.requests[0].functions == ()
    assert len(play.resident) == 4
    assert "# Pages in main context\n<<<" in play.head
    assert "# Newest step" not in play.head and "# Reading log" not in play.head
    asked = play.head.rpartition(">>>\n")[2]
    assert asked.startswith(f"Question: {QUESTION}\nWrite the sentence")
    assert '[D1:c88] "exact quote"' in asked


def test_a_long_question_is_cut_below_the_passages_and_what_is_asked_is_not(
    library: ToyLibrary,
) -> None:
    question = "How much was bought, " + "and why, " * 40
    play = Play(library, question=question, paging=PLAIN, prefetch=True)
    asked = play.head.rpartition(">>>\n")[2]

    assert asked.startswith("Question: How much was bought")
    assert asked.splitlines()[0].endswith("…")
    assert asked.endswith("Above it write the answer in a few words.")


def test_where_nothing_is_found_the_next_passages_are_brought_then_it_is_believed(
    library: ToyLibrary,
) -> None:
    play = plain(library)
    first = set(play.resident)
    play.say("Not found")

    assert play.run.outcome is None
    assert first < set(play.resident)
    assert len(play.resident) == 8
    assert "Not found" not in str(play.requests[-1].turns), "its own words would be repeated"
    assert f"Question: {QUESTION}\n" in play.newest.text.rpartition(">>>\n")[2]

    play.say("Not found")
    assert len(play.resident) == 10
    play.say("Not found")
    assert isinstance(play.run.outcome, Abstention)


def test_a_quote_that_is_asked_for_alone_supports_the_answer_before_it(
    library: ToyLibrary,
) -> None:
    play = plain(library, PagingSettings(window=8_000, functions="plain", prefetch=10))
    play.say("nothing at all")
    play.say(f'[D1:c1] "{QUOTE}"')

    assert isinstance(play.run.outcome, Answer)
    assert (play.run.outcome.status, play.run.outcome.text) == ("answered", "nothing at all")


def test_an_invented_quote_is_no_answer_beside_one_that_stands(library: ToyLibrary) -> None:
    play = plain(library, PagingSettings(window=8_000, functions="plain", prefetch=10))
    play.say('[D1:c1] "It was bought for nothing whatsoever."')
    play.say(f'[D1:c1] "{QUOTE}"')

    assert (play.run.outcome.status, play.run.outcome.text) == ("answered", QUOTE)


def test_calls_that_such_a_model_writes_all_the_same_are_answered(library: ToyLibrary) -> None:
    play = plain(library)
    play.say('answer(text="0 dollars", citations=[])')
    assert "not accepted" in play.newest.text
    play.say('search(query="item 5")')
    assert "passages match" in play.newest.text
    play.say(f'answer(text="0 dollars", citations=[{{"locator": "D1:c1", "quote": "{QUOTE}"}}])')

    assert isinstance(play.run.outcome, Answer)


def test_without_a_passage_there_is_nothing_to_answer_from() -> None:
    play = Play(long_library(), question="zebra?", paging=PLAIN, prefetch=True)
    play.say("a horse")

    assert play.run.outcome is None
    assert "nothing was looked up yet" in play.newest.text


def test_an_answer_without_a_quote_is_asked_for_once_more_and_is_unsupported(
    library: ToyLibrary,
) -> None:
    play = plain(library)
    play.say("0 dollars")
    asked = play.newest.text
    assert asked.startswith(f"Question: {QUESTION}\nAnswer: 0 dollars\nCopy the sentence")
    play.say("0 dollars")

    assert isinstance(play.run.outcome, Answer)
    assert play.run.outcome.status == "unsupported"


@pytest.mark.parametrize("locator", ["[D1:c1]", "[D1:c1 p7]", "[D1:c30]", "[D7:c1]"])
def test_a_quote_that_stands_in_a_shown_passage_is_found_under_any_locator(
    library: ToyLibrary, locator: str
) -> None:
    outcome = seen_with(library, locator).run.outcome

    assert isinstance(outcome, Answer)
    assert (outcome.status, outcome.text) == ("answered", "0 dollars")
    assert [str(p) for p in outcome.citations[0].passages] == ["D1:c1"]
    assert outcome.citations[0].locator == locator.strip("[]").partition(" ")[0]


def test_a_quote_that_was_not_shown_is_found_under_no_other_locator(library: ToyLibrary) -> None:
    play = Play(library, question=QUESTION, paging=PagingSettings(window=8_000))
    play.say(call("page_in", locator="D1:c30"))
    for _ in range(2):
        play.say(f'0 dollars\n[D7:c1] "{QUOTE}"')

    assert play.run.outcome.status == "unsupported"


def test_runs_under_earlier_rules_look_no_further_than_the_document(library: ToyLibrary) -> None:
    play = Play(library, question=QUESTION, rules=3)
    play.say(call("page_in", locator="D1:c1"))
    for _ in range(2):
        play.say(f'0 dollars\n[D7:c1] "{QUOTE}"')

    assert play.run.outcome.status == "unsupported"


def test_a_label_is_no_word_of_an_answer_and_a_quote_alone_is_one() -> None:
    said = parse_plain_answer('Answer: 0 dollars\n[D1:c1 p3] "for 0 dollars"', labelled=True)
    assert (said["text"], said["citations"]) == (
        "0 dollars", [{"locator": "D1:c1", "quote": "for 0 dollars"}],
    )  # fmt: skip
    assert parse_plain_answer('[D1:c1] "for 0 dollars"', labelled=True)["text"] == "for 0 dollars"
    assert parse_plain_answer('[D1:c1] "x y"')["text"] == '[D1:c1] "x y"'


def test_a_model_with_four_functions_is_told_of_no_other() -> None:
    library = long_library(200)
    play = Play(library, paging=PagingSettings(window=4_500, functions="small"))
    play.fill(range(1, 40))
    told = "\n".join(
        text
        for request in play.requests
        for turn in request.turns
        for text in (turn.text, *(result.text for result in getattr(turn, "results", ())))
    )

    assert "[memory] Main context is" in told
    assert "page_out" not in told


def test_replies_that_were_cut_are_not_said_to_have_been_empty(library: ToyLibrary) -> None:
    play = Play(library)
    for _ in range(3):
        play.say(ModelReply("cut", stop_reason="max_tokens"))

    assert play.run.outcome == Failure("3 replies in a row were cut off at their greatest length")


class Sized(ScriptedModel):
    """A model whose server tells its size."""

    def __init__(self, size: int | None, *script: object) -> None:
        super().__init__(*script)
        self.size = size
        self.told: list[str] = []
        self.notify = self.told.append

    async def parameters(self) -> int | None:
        return self.size


@pytest.mark.parametrize(
    ("size", "chosen"),
    [(494_000_000, "plain"), (PLAIN_UP_TO, "plain"), (PLAIN_UP_TO + 1, "full"), (None, "full")],
)
def test_what_a_model_is_offered_follows_its_size_and_is_written_down(
    size: int | None, chosen: str, tmp_path: Path
) -> None:
    model = Sized(size, "Not found: it.", "Not found: it.", "Not found: it.", "Not found: it.")
    path = tmp_path / "run.jsonl"
    settings = AskSettings(PagingSettings(window=8_000, functions="auto"))
    asyncio.run(ask_archive(QUESTION, long_library(), model, settings=settings, journal=path))

    assert read_journal(path).header.plan.paging.functions == chosen
    assert bool(model.requests[0].functions) is (chosen == "full")
    assert bool(model.told) is (chosen == "plain")
    again = tmp_path / "again.jsonl"
    asyncio.run(ask_archive(QUESTION, long_library(), model, settings=settings, journal=again))
    assert len(model.told) <= 1
    replay = open_replay(path)
    assert replay.finish().outcome is not None


@pytest.mark.parametrize("dots", ["...", " …"])
def test_the_dots_of_what_was_asked_are_no_answer(dots: str) -> None:
    said = parse_plain_answer(f'Answer:{dots}\n[T12:c1] "on 4 May"', True, said=True)
    assert said["text"] == "on 4 May"
    assert parse_plain_answer("Answer: 4 May ...", True, said=True)["text"] == "4 May ..."


def test_a_locator_that_ends_an_answer_without_a_quote_is_none_of_its_words() -> None:
    text = 'Answer: freedom [T12:c1]\n[T9:c1] "it means freedom"'
    said = parse_plain_answer(text, True, said=True, bare=False)
    assert said["text"] == "freedom"
    assert said["citations"] == [{"locator": "T9:c1", "quote": "it means freedom"}]
    for kept in ("see [T12:c1] and the note", "list[T12] of all"):
        assert parse_plain_answer(kept, True, said=True, bare=False)["text"] == kept
    assert parse_plain_answer("freedom [T12]", True, said=True)["text"] == "freedom [T12]"


def test_a_chat_asks_for_a_labelled_answer_and_an_older_one_replays_as_it_was_asked() -> None:
    paging = PagingSettings(8_000, 400, functions="plain")
    plan = plan_run(
        "When do I fly?", [], counter=BuiltInEstimator(), paging=paging,
        conversation=Conversation("## Newest turns"),
    )  # fmt: skip
    assert plan.closing.startswith("Question: When do I fly?\nReply with two lines")
    older = replace(plan, rules=4).closing
    assert older.endswith('[T12:c1] "exact quote"\nAbove it write the answer in a few words.')
