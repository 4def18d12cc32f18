"""A run that begins with its first search already made, and one with a small set of functions."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest
from playing import Play, long_library
from toy_library import ToyLibrary
from watched_run import split_head

from docpager.core.errors import UsageError
from docpager.core.settings import PagingSettings
from docpager.core.tokens import BuiltInEstimator
from docpager.models.scripted import ScriptedModel, call
from docpager.run.journal import read_journal
from docpager.run.outcome import Abstention, Answer
from docpager.run.plan import plan_run
from docpager.run.service import AskSettings, ask_archive, open_replay, resume_run

QUESTION = "How much was item 0 bought for?"
QUOTE = "Item 0 was bought for 0 dollars on day 0."
AHEAD = PagingSettings(window=8_000, prefetch=3)


@pytest.fixture(scope="module")
def library() -> ToyLibrary:
    return long_library()


def begun(library: ToyLibrary, paging: PagingSettings) -> Play:
    return Play(library, question=QUESTION, paging=paging, prefetch=True)


def test_the_first_request_holds_the_search_and_its_best_passages_between_fences(
    library: ToyLibrary,
) -> None:
    play = begun(library, AHEAD)
    outside, blocks = split_head(play.head)

    assert len(play.requests[0].turns) == 1
    assert len(play.resident) == 3
    assert blocks[0].startswith(f'search "{QUESTION}"')
    assert [block.split()[0] for block in blocks[1:]] == [
        line.split()[1] for line in blocks[0].splitlines()[1:4]
    ]
    assert all(f"[{id_}" in "".join(blocks) for id_ in play.resident)
    assert outside.endswith("[run] This search was made for you: read it, search on, or answer.")
    assert play.run.context.epoch.number == 1
    assert play.run.context.statistics.rebuilds == 0


@pytest.mark.parametrize("window", [3_900, 4_000, 4_500, 6_000, 12_000])
def test_what_is_prefetched_counts_in_the_window_and_leaves_no_warning(
    library: ToyLibrary, window: int
) -> None:
    play = begun(library, PagingSettings(window=window, prefetch=10))
    context = play.run.context

    assert context.epoch.tokens + 512 <= window
    assert not play.warned
    assert context.budget.pressure(context.epoch.tokens) < 0.7
    play.fill(range(20, 40))
    assert play.run.context.epoch.tokens + 512 <= window


def test_what_was_prefetched_may_be_quoted_but_is_no_look_for_an_abstention(
    library: ToyLibrary,
) -> None:
    citations = [{"locator": "D1:c1", "quote": QUOTE}]
    play = begun(library, PagingSettings(window=12_000, prefetch=10))
    assert "D1:c1" in play.resident
    play.say("Not found: it.")
    assert play.run.outcome is None
    assert "nothing was looked up yet" in play.newest.text

    play.say(call("answer", text="0 dollars", citations=citations))
    assert isinstance(play.run.outcome, Answer)
    assert play.run.outcome.status == "answered"

    again = begun(library, AHEAD)
    again.say(call("search", query="another"))
    again.say("Not found: it.")
    assert isinstance(again.run.outcome, Abstention)


def test_without_a_hit_a_run_begins_as_ever(library: ToyLibrary) -> None:
    play = Play(library, question="zebra?", paging=AHEAD, prefetch=True)
    plain = Play(library, question="zebra?", paging=PagingSettings(window=8_000))

    assert play.requests == plain.requests


def test_a_prefetch_is_journaled_and_replayed_without_an_archive(tmp_path: Path) -> None:
    path, library = tmp_path / "run.jsonl", long_library(20)
    model = ScriptedModel(call("search", query="bought"), "Not found: it.")
    settings = AskSettings(AHEAD)
    line = asyncio.run(ask_archive(QUESTION, library, model, settings=settings, journal=path))

    assert (line.status, line.steps) == ("abstained", 2)
    entries = read_journal(path).entries
    assert [entry.kind for entry in entries][:2] == ["prefetched", "request"]
    assert [type(result).__name__ for result in entries[0].results] == ["Found"] + ["Loaded"] * 3
    replay = open_replay(path)
    assert replay.finish().outcome == entries[-1].outcome
    against = open_replay(path, against=library)
    assert against.finish().outcome == entries[-1].outcome
    assert against.executed > 4


def test_a_run_killed_before_its_prefetch_was_written_makes_it_when_it_is_resumed(
    tmp_path: Path,
) -> None:
    path, library = tmp_path / "run.jsonl", long_library(20)
    script = (call("search", query="x"), "Not found: it.")
    settings = AskSettings(AHEAD)
    asyncio.run(
        ask_archive(QUESTION, library, ScriptedModel(*script), settings=settings, journal=path)
    )
    header = path.read_bytes().splitlines(keepends=True)[0]
    path.write_bytes(header)
    model = ScriptedModel(*script)
    line = asyncio.run(resume_run(path, library, model))

    assert line.status == "abstained"
    assert "# Newest step\nsearch" in model.requests[0].turns[0].text
    assert open_replay(path).finish().outcome == read_journal(path).outcome


def test_the_small_set_has_four_functions_under_shorter_instructions(library: ToyLibrary) -> None:
    def plan(functions: str):
        paging = PagingSettings(functions=functions)
        return plan_run(QUESTION, library.documents(), counter=BuiltInEstimator(), paging=paging)

    small, full = plan("small"), plan("full")

    assert [each.name for each in small.functions] == ["search", "page_in", "write_note", "answer"]
    assert len(small.instructions) < 0.6 * len(full.instructions)
    assert {name for each in small.functions for name in each.parameters["properties"]} == {
        "query", "documents", "locator", "text", "sources", "citations", "found",
    }  # fmt: skip
    assert "page_out" not in json.dumps([small.instructions, *map(str, small.functions)])


@pytest.mark.parametrize("settings", [{"prefetch": 11}, {"prefetch": -1}, {"functions": "tiny"}])
def test_settings_that_are_none_are_refused(settings: dict[str, object]) -> None:
    with pytest.raises(UsageError):
        PagingSettings(**settings)
