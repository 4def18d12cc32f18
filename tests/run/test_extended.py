"""A run that stopped at a limit goes on when that limit is raised, and replays word for word."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest
from playing import long_library
from test_replay import SCRIPT, SETTINGS
from toy_library import ToyLibrary

from docpager.core.errors import UsageError
from docpager.core.settings import RunLimits
from docpager.models.messages import ModelReply, ModelRequest
from docpager.models.scripted import ScriptedModel, call, reply
from docpager.paging.rebuild import LAST_REPLY
from docpager.run.answer_line import AnswerLine
from docpager.run.journal import read_journal
from docpager.run.redaction import redact_journals
from docpager.run.replay import Replay
from docpager.run.service import AskSettings, ask_archive, open_replay, resume_run
from docpager.run.trace import TracedStep, trace

GIVES_UP = "Not found: no time."
GAVE_UP_BY_CALL = reply(call("answer", text="nothing", found=False, citations=[]))
SAYS_NOTHING = ModelReply()
CALLS_ON = reply(call("search", query="item"), call("search", query="roof"))
FINDS = [
    reply(call("search", query="item")),
    reply(call("page_in", locator="D1:c1")),
    "Not found: it is not there.",
]


@pytest.fixture(scope="module")
def library() -> ToyLibrary:
    return long_library(20)


def stopped(library: ToyLibrary, path: Path, *said: object, settings: AskSettings) -> AnswerLine:
    model = ScriptedModel(*said)
    line = asyncio.run(ask_archive("why?", library, model, settings=settings, journal=path))
    assert line.status == "stopped"
    return line


def extended(
    library: ToyLibrary, path: Path, *said: object, **limits: object
) -> tuple[AnswerLine, ScriptedModel]:
    model = ScriptedModel(*said)
    raised = replace(read_journal(path).limits, **limits)
    return asyncio.run(resume_run(path, library, model, limits=raised)), model


@pytest.mark.parametrize("steps", [1, 2, 3])
@pytest.mark.parametrize(
    "last", [GIVES_UP, GAVE_UP_BY_CALL, SAYS_NOTHING, CALLS_ON], ids=["text", "call", "empty", "on"]
)
def test_a_run_out_of_steps_goes_on_and_may_call_again(
    library: ToyLibrary, tmp_path: Path, steps: int, last: object
) -> None:
    path = tmp_path / "run.jsonl"
    settings = replace(SETTINGS, limits=RunLimits(max_steps=steps))
    first = [reply(call("search", query=f"item {n}")) for n in range(steps - 1)]
    before = stopped(library, path, *first, last, settings=settings)
    written = path.read_bytes()

    line, model = extended(library, path, *FINDS, max_steps=20)

    assert (line.status, line.answer) == ("abstained", "Not found: it is not there.")
    assert line.steps == before.steps + 3
    request = model.requests[0]
    assert request.calls_allowed
    assert LAST_REPLY not in str(request.turns[-1])  # earlier ones may say so
    assert path.read_bytes().startswith(written)
    assert read_journal(path).limits.max_steps == 20
    assert read_journal(path).header.plan.limits.max_steps == steps
    replayed = open_replay(path, against=library)
    assert replayed.finish().outcome == read_journal(path).outcome


def test_an_extended_run_killed_at_any_line_goes_on_to_the_same_answer(
    library: ToyLibrary, tmp_path: Path
) -> None:
    path, cut = tmp_path / "run.jsonl", tmp_path / "cut.jsonl"
    stopped(library, path, GIVES_UP, settings=AskSettings(limits=RunLimits(max_steps=1)))
    before = len(path.read_bytes().splitlines())
    line, _ = extended(library, path, *FINDS, max_steps=9)
    lines = path.read_bytes().splitlines(keepends=True)
    for end in range(before + 1, len(lines)):
        cut.write_bytes(b"".join(lines[:end]))
        replied = sum(each.kind == "reply" for each in read_journal(cut).entries) - 1

        rest = ScriptedModel(*FINDS[replied:])
        again = asyncio.run(resume_run(cut, library, rest))

        assert (again.answer, again.steps) == (line.answer, line.steps)
        Replay(read_journal(cut)).finish()


def test_a_run_that_ran_out_of_time_while_the_model_thought_goes_on(
    library: ToyLibrary, tmp_path: Path
) -> None:
    class Slow(ScriptedModel):
        async def complete(self, request: ModelRequest) -> ModelReply:
            await asyncio.sleep(30)
            raise AssertionError

    path = tmp_path / "run.jsonl"
    settings = AskSettings(limits=RunLimits(timeout_seconds=0.1))
    line = asyncio.run(ask_archive("why?", library, Slow(), settings=settings, journal=path))
    assert line.limit == "timeout_seconds"

    line, model = extended(library, path, *FINDS, timeout_seconds=100)

    assert line.status == "abstained"
    assert model.requests[0].calls_allowed
    Replay(read_journal(path)).finish()


def test_limits_may_be_raised_again_and_the_newest_hold(
    library: ToyLibrary, tmp_path: Path
) -> None:
    path = tmp_path / "run.jsonl"
    stopped(library, path, GIVES_UP, settings=AskSettings(limits=RunLimits(max_steps=1)))
    line, _ = extended(library, path, FINDS[0], GIVES_UP, max_steps=3)
    assert (line.status, line.limit, line.steps) == ("stopped", "max_steps", 3)

    line, _ = extended(library, path, *FINDS, max_steps=9)

    assert (line.status, line.steps) == ("abstained", 6)
    assert read_journal(path).limits == RunLimits(max_steps=9)
    steps = [each for each in trace(open_replay(path)) if isinstance(each, TracedStep)]
    assert sum("the run goes on with other limits" in each.interrupts for each in steps) == 2


def test_what_cannot_be_extended_says_why_and_writes_nothing(
    library: ToyLibrary, tmp_path: Path
) -> None:
    path, answered = tmp_path / "run.jsonl", tmp_path / "answered.jsonl"
    stopped(library, path, GIVES_UP, settings=AskSettings(limits=RunLimits(max_steps=1)))
    asyncio.run(
        ask_archive("why?", library, ScriptedModel(*SCRIPT), settings=SETTINGS, journal=answered)
    )
    before = path.read_bytes(), answered.read_bytes()

    with pytest.raises(UsageError, match=r"stopped at `max_steps=1`; name a higher one"):
        extended(library, path, max_steps=1, max_tokens=5_000_000)
    with pytest.raises(UsageError, match=r"has ended \(answered\)"):
        extended(library, answered, max_steps=99)
    assert (path.read_bytes(), answered.read_bytes()) == before


def test_an_extended_journal_is_redacted_like_any_other(
    library: ToyLibrary, tmp_path: Path
) -> None:
    path = tmp_path / "runs" / "run.jsonl"
    stopped(library, path, FINDS[0], GIVES_UP, settings=AskSettings(limits=RunLimits(max_steps=2)))
    extended(library, path, *FINDS, max_steps=9)
    header = read_journal(path).header

    done = redact_journals(path.parent, header.archive_id, [1])

    assert done.journals == (path,)
    assert b"it is not there" not in path.read_bytes()


def test_a_last_request_that_was_never_answered_is_made_again_without_its_remark(
    library: ToyLibrary, tmp_path: Path
) -> None:
    class SlowAtLast(ScriptedModel):
        async def complete(self, request: ModelRequest) -> ModelReply:
            if not request.calls_allowed:
                await asyncio.sleep(30)
            return await super().complete(request)

    path = tmp_path / "run.jsonl"
    settings = AskSettings(limits=RunLimits(max_steps=3, timeout_seconds=1))
    model = SlowAtLast(*FINDS[:2])
    line = asyncio.run(ask_archive("why?", library, model, settings=settings, journal=path))
    assert (line.status, line.limit, line.steps) == ("stopped", "timeout_seconds", 2)

    line, again = extended(library, path, *FINDS, timeout_seconds=100, max_steps=20)

    assert (line.status, line.steps) == ("abstained", 5)
    assert again.requests[0].calls_allowed
    assert LAST_REPLY not in str(again.requests[0].turns)
    Replay(read_journal(path)).finish()
