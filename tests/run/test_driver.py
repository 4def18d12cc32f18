from __future__ import annotations

import asyncio
from pathlib import Path

from playing import long_library

from docpager.core.errors import ModelError
from docpager.core.settings import RunLimits
from docpager.models.messages import ChatModel, ModelReply, ModelRequest
from docpager.models.scripted import ScriptedModel, call, reply
from docpager.run.coverage import Coverage
from docpager.run.driver import Driver
from docpager.run.journal import read_journal
from docpager.run.service import AskSettings, ask_archive, open_replay, resume_run


class FailingModel(ChatModel):
    """Is out of reach when it is asked for the second time."""

    name = "failing"

    def __init__(self) -> None:
        self._script = ScriptedModel(call("grep", pattern="x"), "Not found: it.")
        self._asked = 0

    async def complete(self, request: ModelRequest) -> ModelReply:
        self._asked += 1
        if self._asked == 2:
            raise ModelError("the server is gone")
        return await self._script.complete(request)


def test_a_run_whose_model_fails_is_parked_and_can_be_resumed(tmp_path: Path) -> None:
    path, library, model = tmp_path / "run.jsonl", long_library(2), FailingModel()
    line = asyncio.run(ask_archive("why?", library, model, journal=path))

    assert (line.status, line.error, line.steps) == ("failed", "the server is gone", 1)
    assert line.resumable
    assert open_replay(path).finish().outcome is None

    resumed = asyncio.run(resume_run(path, library, model))

    assert (resumed.status, resumed.steps, resumed.resumable) == ("abstained", 2, False)
    assert open_replay(path).finish().outcome == read_journal(path).outcome


def test_a_message_to_a_live_run_is_written_down_and_replayed(tmp_path: Path) -> None:
    path, library = tmp_path / "run.jsonl", long_library(2)
    drivers: list[Driver] = []

    def interrupting(request: ModelRequest) -> ModelReply:
        drivers[0].interrupt("only the second half, please")
        return reply(call("contents"))

    model = ScriptedModel(interrupting, "Not found: it.")
    asyncio.run(ask_archive("why?", library, model, journal=path, on_driver=drivers.append))

    (result,) = model.requests[1].turns[-1].results
    assert "[user] only the second half, please" in result.text
    assert open_replay(path).finish().outcome == read_journal(path).outcome


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
    assert str(line.coverage) == f"read 2 of {entry.passages} passages"
    (met,) = line.coverage.documents
    assert (met.document_id, met.document, met.read) == ("D1", entry.path, ("D1:c1-2",))
    assert sum(_size(each) for each in met.seen) == 8


def _size(locator: str) -> int:
    """Passages of a range such as D1:c4-7."""
    first, _, last = locator.partition(":c")[2].partition("-")
    return int(last or first) - int(first) + 1


def test_coverage_says_pages_where_every_document_has_them() -> None:
    pages = Coverage(searched=2, read=8, never_seen=90, unreadable=3, pages=2598, pages_read=14)

    assert str(pages) == "read 14 of 2,598 pages; 3 could not be read"
    assert str(Coverage(read=1, never_seen=1200)) == "read 1 of 1,201 passages"
    mixed = Coverage(read=1, never_seen=1200, unreadable=1)
    assert str(mixed) == "read 1 of 1,201 passages; 1 page could not be read"


def test_a_model_that_never_replies_is_stopped_when_time_is_up(tmp_path: Path) -> None:
    class SleepingModel(ChatModel):
        name = "sleeping"

        async def complete(self, request: ModelRequest) -> ModelReply:
            await asyncio.sleep(60)
            raise AssertionError("nobody waits this long")

    path = tmp_path / "run.jsonl"
    settings = AskSettings(limits=RunLimits(timeout_seconds=0.05))
    line = asyncio.run(
        ask_archive("why?", long_library(2), SleepingModel(), settings=settings, journal=path)
    )

    assert (line.status, line.error, line.steps) == ("stopped", "no time is left", 0)
    assert open_replay(path).finish().outcome == read_journal(path).outcome


class CountingModel(ScriptedModel):
    """A scripted model whose server counts prompts."""

    def __init__(self, *script: ModelReply) -> None:
        super().__init__(*script)
        self.counted: list[ModelRequest] = []

    async def count_tokens(self, request: ModelRequest) -> int | None:
        self.counted.append(request)
        return 4_321


def test_the_first_request_is_counted_by_the_server_once_and_replayed(tmp_path: Path) -> None:
    path = tmp_path / "run.jsonl"
    script = (reply(call("contents")), reply("Nothing."), reply("Nothing."), reply("Nothing."))
    model = CountingModel(*script)
    settings = AskSettings(factor=2.0, limits=RunLimits(max_steps=3))
    line = asyncio.run(
        ask_archive("What was paid?", long_library(), model, settings=settings, journal=path)
    )

    assert model.counted == model.requests[:1]
    assert line.paging["peak_tokens"] > 4_321
    kinds = [(entry.kind, entry.prompt_tokens) for entry in read_journal(path).entries]
    assert kinds[1] == ("counted", 4_321)
    again = open_replay(path).finish()
    assert again.context.statistics.peak_tokens == line.paging["peak_tokens"]
