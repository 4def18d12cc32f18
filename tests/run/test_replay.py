from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from pathlib import Path
from typing import ClassVar

import pytest
from playing import long_library
from test_journal import sealed_again
from toy_library import ToyLibrary, toy_document

from docpager.core.errors import DocpagerError, JournalError
from docpager.core.settings import PagingSettings
from docpager.core.tokens import BuiltInEstimator
from docpager.models.messages import ModelReply
from docpager.models.scripted import ScriptedModel, call, reply
from docpager.run.journal import read_journal
from docpager.run.outcome import Answer
from docpager.run.replay import Replay
from docpager.run.service import AskSettings, ask_archive, open_replay

SETTINGS = AskSettings(paging=PagingSettings(window=5_000))
QUOTE = "Item 0 was bought for 0 dollars on day 0."
SCRIPT = (
    call("search", query="bought"),
    reply("A remark.", call("page_in", locator="D1:c1"), call("contents")),
    ModelReply(),
    ModelReply("word " * 600),
    call("grep", pattern="Item 1"),
    call("write_note", text=QUOTE, sources=["D1:c1"]),
    *(call("page_in", locator=f"D1:c{n}") for n in range(2, 12)),
    reply(call("page_out", locators=["D1:c2-11"]), call("recall", query="item")),
    call("page_in", locator="D1:c20-60"),
    call("answer", text="0", citations=[{"locator": "D1:c2", "quote": "not there"}]),
    call("answer", text="0", citations=[{"locator": "D1:c1", "quote": QUOTE}]),
)


@pytest.fixture(scope="module")
def library() -> ToyLibrary:
    return long_library()


@pytest.fixture(scope="module")
def finished(library: ToyLibrary, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("journals") / "run.jsonl"
    model = ScriptedModel(*SCRIPT)
    line = asyncio.run(
        ask_archive("What was paid?", library, model, settings=SETTINGS, journal=path)
    )
    assert (line.status, line.citations[0].match) == ("answered", "exact")
    assert line.paging["rebuilds"] >= 1
    assert line.steps == len(SCRIPT)
    return path


def test_a_replay_needs_neither_model_nor_archive_and_comes_to_the_same_answer(
    finished: Path,
) -> None:
    run = open_replay(finished).finish()

    assert isinstance(run.outcome, Answer)
    assert run.outcome == read_journal(finished).outcome
    assert run.steps == len(SCRIPT)


def test_a_run_without_a_reading_log_is_replayed_without_one(
    library: ToyLibrary, tmp_path: Path
) -> None:
    settings = AskSettings(paging=PagingSettings(window=5_000, reading_log=False))
    journal = tmp_path / "run.jsonl"
    question, model = "What was paid?", ScriptedModel(*SCRIPT)
    line = asyncio.run(ask_archive(question, library, model, settings=settings, journal=journal))

    replay = open_replay(journal)
    run = replay.finish()

    assert line.paging["rebuilds"] >= 1
    assert not run.plan.paging.reading_log
    assert run.outcome == read_journal(journal).outcome
    assert not any("# Reading log" in turn.text for turn in run.context.epoch.turns)


def test_a_replay_against_the_archive_executes_every_call_again(
    finished: Path, library: ToyLibrary
) -> None:
    replay = open_replay(finished, against=library)

    assert replay.finish().outcome is not None
    calls = [part.calls if isinstance(part, ModelReply) else (part,) for part in SCRIPT]
    assert replay.executed == sum(map(len, calls))
    assert open_replay(finished).executed == 0


def test_a_replay_against_a_changed_archive_names_the_first_call_that_differs(
    finished: Path,
) -> None:
    text = "\n".join(f"Item {n} was sold for {n * 7} dollars on day {n}." for n in range(1_440))
    other = ToyLibrary(toy_document(text, path="ledger.txt"))

    with pytest.raises(
        JournalError, match=r"fails at step 1: search\(bought\) now gives another result"
    ):
        open_replay(finished, against=other).finish()


class SameResults(ToyLibrary):
    """A library in which no call meets the part of the text that other rules read otherwise."""

    def text_sha256(self, number: int) -> str:
        return "0" * 64


def test_a_replay_against_another_text_of_the_same_file_fails_though_every_result_is_equal(
    finished: Path, library: ToyLibrary
) -> None:
    other = SameResults(library.document_of(1))

    with pytest.raises(JournalError, match=r"at step 1: the text of D1 is not the one that was"):
        open_replay(finished, against=other).finish()


def test_a_result_that_differs_by_other_rules_names_them(finished: Path) -> None:
    class Newer(ToyLibrary):
        versions: ClassVar = {"reader": "1", "analyzer": "7", "embedder none": "1"}

    with pytest.raises(JournalError, match=r"\(made by other rules: analyzer 7, then 1\)"):
        open_replay(finished, against=Newer(toy_document("Other.", path="ledger.txt"))).finish()


def _strings(value: object, path: tuple[object, ...] = ()) -> list[tuple[object, ...]]:
    """Where the strings and numbers of a JSON value stand."""
    if isinstance(value, dict):
        return [at for key, item in value.items() for at in _strings(item, (*path, key))]
    if isinstance(value, list):
        return [at for n, item in enumerate(value) for at in _strings(item, (*path, n))]
    return [path] if isinstance(value, str | int | float) and value != "" else []


def _changed(value: object) -> object:
    if isinstance(value, bool):
        return not value
    return value[:-1] + chr(ord(value[-1]) ^ 1) if isinstance(value, str) else value + 1  # type: ignore[operator]


def _changing(number: int, place: tuple[object, ...]) -> Callable[[int, dict[str, object]], None]:
    def change(at: int, parsed: dict[str, object]) -> None:
        if at == number:
            *way, last = place
            target: object = parsed
            for key in way:
                target = target[key]  # type: ignore[index]
            target[last] = _changed(target[last])  # type: ignore[index]

    return change


def test_any_changed_value_of_a_reply_or_a_result_fails_and_names_the_step(
    finished: Path, tmp_path: Path
) -> None:
    content = finished.read_bytes()
    lines = [json.loads(line.partition(b" ")[2]) for line in content.splitlines()]
    path = tmp_path / "changed.jsonl"
    tried = 0
    for number, line in enumerate(lines):
        if line.get("kind") not in ("reply", "results"):
            continue
        places = _strings({key: line[key] for key in ("reply", "results") if key in line})
        # Long results repeat one shape: some of their values stand for all.
        for place in places[:: max(1, len(places) // 6)]:
            path.write_bytes(sealed_again(content, _changing(number, place)))
            step = line["step"] + (line["kind"] == "reply")
            with pytest.raises(JournalError, match=f"at step {step}:|written by another version"):
                Replay(read_journal(path)).finish()
            tried += 1
    assert tried > 100


def test_a_changed_request_hash_and_a_changed_outcome_are_found(
    finished: Path, tmp_path: Path
) -> None:
    path = tmp_path / "changed.jsonl"
    for kind, key, step in (("request", "request_sha256", 0), ("outcome", "outcome", len(SCRIPT))):

        def change(at: int, parsed: dict[str, object], kind: str = kind, key: str = key) -> None:
            if parsed.get("kind") == kind:
                before = parsed[key]
                parsed[key] = {**before, "text": "1"} if isinstance(before, dict) else "0" * 64

        path.write_bytes(sealed_again(finished.read_bytes(), change))
        with pytest.raises(JournalError, match=f"at step {step}: the .* differs"):
            Replay(read_journal(path)).finish()


class CountingFile:
    """A counter that needs a file which the machine of the replay does not have."""

    name = "tiktoken-of-elsewhere"

    def __init__(self) -> None:
        self.count = BuiltInEstimator().count


def test_a_replay_uses_the_recorded_counts_where_the_tokenizer_is_missing(
    library: ToyLibrary, tmp_path: Path
) -> None:
    settings = AskSettings(paging=PagingSettings(window=8_000), counter=CountingFile(), factor=2.0)
    path = tmp_path / "run.jsonl"
    line = asyncio.run(
        ask_archive(
            "What was paid?", library, ScriptedModel(*SCRIPT), settings=settings, journal=path
        )
    )

    assert open_replay(path).finish().outcome == read_journal(path).outcome
    assert line.status == "answered"


def test_a_recorded_counter_without_a_count_says_so(finished: Path, tmp_path: Path) -> None:
    def change(at: int, parsed: dict[str, object]) -> None:
        if at == 0:
            parsed["header"]["plan"]["counter"] = "tiktoken-of-elsewhere"  # type: ignore[index]

    path = tmp_path / "changed.jsonl"
    path.write_bytes(sealed_again(finished.read_bytes(), change))

    with pytest.raises(DocpagerError, match="holds no count by 'tiktoken-of-elsewhere'"):
        open_replay(path)
