"""A trace says what a run did, from its journal alone."""

from __future__ import annotations

import asyncio
from pathlib import Path

from toy_library import ToyLibrary, toy_document

from docpager.core.passages import PassageId
from docpager.core.settings import PagingSettings
from docpager.models.scripted import ScriptedModel, call, reply
from docpager.run.service import AskSettings, ask_archive, open_replay
from docpager.run.trace import TracedStep, trace

WORDS = "harbour crane ledger tide mooring captain barge quay signal lantern".split()  # noqa: SIM905


def library(folder):
    lines = [f"{word} {n} stood by the {WORDS[n % 10]}." for n in range(900) for word in WORDS[:2]]
    return ToyLibrary(toy_document("\n".join(lines)), directory=folder)


def traced(folder, *script, window=8000):
    settings = AskSettings(paging=PagingSettings(window=window))
    line = asyncio.run(
        ask_archive("where?", library(folder), ScriptedModel(*script), settings=settings)
    )
    *steps, outcome = trace(open_replay(Path(line.journal)))
    return steps, outcome


GIVE_UP = call("answer", text="nowhere", citations=[], found=False)


def test_each_step_names_its_calls_and_what_became_resident(tmp_path):
    steps, outcome = traced(
        tmp_path,
        reply("I look first.", call("search", query="crane")),
        reply(call("page_in", locator="D1:c2-3"), call("page_in", locator="D9")),
        reply(call("page_out", locators=["D1:c2"])),
        GIVE_UP,
    )

    assert [step.number for step in steps] == [1, 2, 3, 4]
    assert steps[0].text == "I look first."
    assert steps[0].calls[0].call == 'search(query="crane")'
    assert steps[1].paged_in == (PassageId(1, 2), PassageId(1, 3))
    assert [each.refused for each in steps[1].calls] == [False, True]
    assert steps[2].released == (PassageId(1, 2),)
    assert steps[3].resident == 2
    assert outcome.status == "abstained"


def test_warnings_rebuilds_and_evictions_are_shown_at_the_request_that_has_them(tmp_path):
    steps, _ = traced(
        tmp_path,
        *[call("page_in", locator=f"D1:c{n}-{n + 4}") for n in (1, 6, 11, 16, 21)],
        GIVE_UP,
    )

    rebuilt = [step for step in steps if step.rebuilt]
    assert rebuilt
    assert rebuilt[0].evicted
    assert not rebuilt[0].warned
    assert any(step.warned for step in steps[: rebuilt[0].number - 1])
    assert all(step.prompt_tokens <= step.window - 512 for step in steps)


def test_a_run_without_an_end_is_traced_as_far_as_it_went(tmp_path):
    line = asyncio.run(
        ask_archive(
            "where?", library(tmp_path), ScriptedModel(call("search", query="tide"), GIVE_UP)
        )
    )
    journal = Path(line.journal)
    journal.write_bytes(b"".join(journal.read_bytes().splitlines(keepends=True)[:4]))

    events = list(trace(open_replay(journal)))

    assert len(events) == 1
    assert isinstance(events[0], TracedStep)
