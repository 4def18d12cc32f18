from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest
from playing import long_library
from test_replay import SCRIPT as UNNUMBERED
from test_replay import SETTINGS
from toy_library import ToyLibrary, toy_document

from docpager.core.errors import JournalError
from docpager.core.settings import RunLimits
from docpager.models.messages import ModelReply, ToolCall
from docpager.models.scripted import ScriptedModel, call, reply
from docpager.run.answer_line import AnswerLine
from docpager.run.journal import read_journal
from docpager.run.replay import Replay
from docpager.run.service import AskSettings, ask_archive, resume_run

QUESTION = "What was paid?"


def numbered(n: int, said: ModelReply | ToolCall) -> ModelReply:
    """A reply whose calls have ids of their own, whenever they are made."""
    said = reply(said) if isinstance(said, ToolCall) else said
    calls = (ToolCall(f"{n}-{at}", c.name, c.arguments) for at, c in enumerate(said.calls))
    return ModelReply(said.text, tuple(calls), said.stop_reason, cost_usd=0.0)


SCRIPT = tuple(numbered(n, said) for n, said in enumerate(UNNUMBERED))


def ask(library: ToyLibrary, model: ScriptedModel, path: Path, settings: AskSettings) -> AnswerLine:
    return asyncio.run(ask_archive(QUESTION, library, model, settings=settings, journal=path))


def told(line: AnswerLine) -> dict[str, object]:
    """What must be equal however often a run was interrupted: all but the clock."""
    return {k: v for k, v in line.as_json().items() if k not in ("seconds", "journal")}


def check_every_cut(
    library: ToyLibrary, script: tuple[object, ...], settings: AskSettings, tmp_path: Path
) -> None:
    """Kill a run after every line of its journal and within it; each resumed run ends the same."""
    whole = tmp_path / "whole.jsonl"
    model = ScriptedModel(*script)
    line = ask(library, model, whole, settings)
    content, cut = whole.read_bytes(), tmp_path / "cut.jsonl"
    ends = [at + 1 for at, byte in enumerate(content) if byte == 10]
    for first, second in zip(ends, [*ends[1:], ends[-1]], strict=True):
        for end in {first, (first + second) // 2}:
            cut.write_bytes(content[:end])
            replied = sum(entry.kind == "reply" for entry in read_journal(cut).entries)
            rest = ScriptedModel(*script[replied:])

            again = asyncio.run(resume_run(cut, library, rest))

            assert told(again) == told(line)
            assert rest.requests == model.requests[replied:]
            record = read_journal(cut)
            assert record.outcome == read_journal(whole).outcome
            replies = [entry.reply for entry in record.entries if entry.kind == "reply"]
            assert len(replies) == line.steps
            assert Replay(record).finish().outcome == record.outcome


@pytest.fixture(scope="module")
def library() -> ToyLibrary:
    return long_library(20)


def test_a_run_killed_at_any_line_goes_on_to_the_same_answer(
    library: ToyLibrary, tmp_path: Path
) -> None:
    check_every_cut(library, SCRIPT, SETTINGS, tmp_path)


def test_a_run_killed_before_its_last_useless_reply_was_answered_takes_no_step_too_many(
    library: ToyLibrary, tmp_path: Path
) -> None:
    settings = AskSettings(limits=RunLimits(max_steps=3))
    said = (call("contents"), ModelReply(), ModelReply(), call("contents"))
    script = tuple(numbered(n, each) for n, each in enumerate(said))
    check_every_cut(library, script, settings, tmp_path)


def test_a_run_killed_while_failing_fails_the_same(library: ToyLibrary, tmp_path: Path) -> None:
    check_every_cut(library, (ModelReply(),) * 3, AskSettings(), tmp_path)


def test_a_finished_run_is_told_again_without_asking_the_model(
    library: ToyLibrary, tmp_path: Path
) -> None:
    path = tmp_path / "run.jsonl"
    line = ask(library, ScriptedModel(*SCRIPT), path, SETTINGS)
    content, silent = path.read_bytes(), ScriptedModel()

    assert told(asyncio.run(resume_run(path, library, silent))) == told(line)
    assert silent.requests == []
    assert path.read_bytes() == content


def unfinished(library: ToyLibrary, tmp_path: Path) -> Path:
    path = tmp_path / "run.jsonl"
    ask(library, ScriptedModel(*SCRIPT), path, SETTINGS)
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join(lines[:12]))
    return path


def test_another_archive_another_model_and_a_changed_document_are_refused(
    library: ToyLibrary, tmp_path: Path
) -> None:
    path = unfinished(library, tmp_path)
    changed = ToyLibrary(toy_document("short now", path="ledger.txt"))
    elsewhere = long_library(20)
    elsewhere.id = "other"
    stranger = ScriptedModel()
    stranger.name = "stranger"

    with pytest.raises(JournalError, match="D1 changed since"):
        asyncio.run(resume_run(path, changed, ScriptedModel()))
    with pytest.raises(JournalError, match="belongs to archive toy"):
        asyncio.run(resume_run(path, elsewhere, ScriptedModel()))
    with pytest.raises(JournalError, match="is of model 'scripted', not 'stranger'"):
        asyncio.run(resume_run(path, library, stranger))


def with_another_text(library: ToyLibrary) -> ToyLibrary:
    """The same files, read by rules that make another text of the first one."""
    document = library.document_of(1)
    return ToyLibrary(replace(document, text=document.text.replace("dollars", "do11ars")))


def test_another_text_of_the_same_file_is_refused(library: ToyLibrary, tmp_path: Path) -> None:
    path = unfinished(library, tmp_path)
    changed = with_another_text(library)
    assert changed.sha256(1) == library.sha256(1)
    assert read_journal(path).texts == {1: library.text_sha256(1)}

    with pytest.raises(JournalError, match="D1 changed since"):
        asyncio.run(resume_run(path, changed, ScriptedModel()))


def test_a_journal_names_the_versions_of_its_archives_rules(
    library: ToyLibrary, tmp_path: Path
) -> None:
    path = unfinished(library, tmp_path)

    assert read_journal(path).header.versions == dict(library.versions)


def test_a_changed_document_can_be_overridden(library: ToyLibrary, tmp_path: Path) -> None:
    path = unfinished(library, tmp_path)
    changed = ToyLibrary(toy_document("short now", path="ledger.txt"))
    model = ScriptedModel("Not found: nothing.")

    line = asyncio.run(resume_run(path, changed, model, on_new_archive=True))

    assert line.status == "abstained"
