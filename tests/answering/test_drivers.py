from __future__ import annotations

import asyncio
from pathlib import Path

from playing import long_library

from docpager.answering.asking import ask_archive, open_replay
from docpager.answering.journal import read_journal
from docpager.errors import ModelError
from docpager.llm.chat import ModelReply, ModelRequest
from docpager.llm.scripted import ScriptedModel, call


class FailingModel:
    """Replies once, then is out of reach."""

    name = "failing"

    def __init__(self) -> None:
        self._first = ScriptedModel(call("contents"))
        self._asked = 0

    async def complete(self, request: ModelRequest) -> ModelReply:
        self._asked += 1
        if self._asked > 1:
            raise ModelError("the server is gone")
        return await self._first.complete(request)


def test_a_model_that_fails_ends_the_run_as_failed_and_the_journal_says_so(
    tmp_path: Path,
) -> None:
    path = tmp_path / "run.jsonl"
    line = asyncio.run(ask_archive("why?", long_library(2), FailingModel(), journal=path))

    assert (line.status, line.error, line.steps) == ("failed", "the server is gone", 1)
    assert read_journal(path).outcome == open_replay(path).finish().outcome


def test_the_reply_is_written_down_before_its_calls_are_executed(tmp_path: Path) -> None:
    path, library = tmp_path / "run.jsonl", long_library(2)
    written: list[str] = []
    search = library.search

    def watching(query: str, **options: object) -> object:
        written.append(read_journal(path).entries[-1].kind)
        return search(query, **options)  # type: ignore[arg-type]

    library.search = watching  # type: ignore[method-assign,assignment]
    model = ScriptedModel(call("search", query="item"), "Not found: it.")
    asyncio.run(ask_archive("why?", library, model, journal=path))

    assert written == ["reply"]


def test_an_answer_line_says_what_was_searched_and_read(tmp_path: Path) -> None:
    model = ScriptedModel(
        call("search", query="item"), call("page_in", locator="D1:c1-2"), "Not found: it."
    )
    library = long_library(20)
    line = asyncio.run(
        ask_archive("why?", library, model, journal=tmp_path / "run.jsonl", scope=[1])
    )
    (entry,) = library.documents()

    assert line.coverage.read == 2
    assert line.coverage.searched == 8
    assert line.coverage.never_seen == entry.passages - 10
    assert line.as_json()["paging"]["faults"] == 2
