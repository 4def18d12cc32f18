"""The server counts the first prompt of each question of a batch, as it does for a single one."""

from __future__ import annotations

import asyncio
import shutil
from pathlib import Path

import pytest
from batch_worlds import BatchServer, CountingReader, World, price

import docpager
from docpager.batch.session import Session
from docpager.batch.settings import BatchSettings
from docpager.models.extractive import ExtractiveModel
from docpager.models.messages import ChatModel, ModelReply, ModelRequest
from docpager.run.journal import read_journal
from docpager.run.request_hashes import request_hash

QUESTION = "What did the bridge of Ulm cost?"


def hashes(requests: list[ModelRequest]) -> list[str]:
    return [request_hash(request) for request in requests]


@pytest.mark.parametrize("by_batches", [False, True])
def test_each_question_has_its_first_request_counted_once(tmp_path, by_batches):
    reader = CountingReader()
    world = World(tmp_path, model=BatchServer(reader) if by_batches else reader)
    assert world.drive(settings=BatchSettings(by_batches=by_batches)).succeeded

    first = [request for request in reader.requests if len(request.turns) == 1]
    assert len(first) == 8
    assert sorted(hashes(reader.counted)) == sorted(hashes(first))


class Counting(ExtractiveModel):
    """The rule-based reader behind a server that counts."""

    def __init__(self) -> None:
        super().__init__()
        self.counted: list[ModelRequest] = []

    async def count_tokens(self, request: ModelRequest) -> int | None:
        self.counted.append(request)
        return 1_234


class Duck:
    """The same, of no class of docpager's."""

    name = "extractive"

    def __init__(self) -> None:
        self._reader = ExtractiveModel()
        self.counted: list[ModelRequest] = []

    async def complete(self, request: ModelRequest) -> ModelReply:
        return await self._reader.complete(request)

    async def count_tokens(self, request: ModelRequest) -> int | None:
        self.counted.append(request)
        return 1_234


@pytest.mark.parametrize("kind", [Counting, Duck])
def test_ask_and_ask_many_have_the_same_request_counted(tmp_path, kind):
    documents, archive = tmp_path / "documents", tmp_path / "archive"
    documents.mkdir()
    (documents / "Ulm.txt").write_text("The bridge of Ulm cost 14 million dollars.")
    alone, many = kind(), kind()
    line = docpager.ask(QUESTION, documents, model=alone, archive=archive)
    answers = docpager.ask_many([QUESTION], documents, model=many, archive=archive)

    assert line.answer == answers.lines[0].answer == "14 million dollars"
    assert len(alone.counted) == 1
    assert hashes(alone.counted) == hashes(many.counted)
    for each in (line, answers.lines[0]):
        entries = read_journal(Path(each.journal)).entries
        assert [e.prompt_tokens for e in entries if e.kind == "counted"] == [1_234]


class Snapshot(list):
    """Told of rounds; keeps what is on the disk once the first one is on its way, as a process
    leaves it that is killed there."""

    def __init__(self, folder: Path) -> None:
        super().__init__()
        self.folder = folder

    def append(self, said: str) -> None:
        if said.startswith("round 1:"):
            shutil.copytree(self.folder, self.folder.with_name("killed"))
        super().append(said)


def test_a_counted_request_that_was_sent_in_a_round_is_not_sent_again(tmp_path):
    folder, model = tmp_path / "world", BatchServer(CountingReader())
    World(folder, model=model, told=Snapshot(folder)).drive(settings=BatchSettings(by_batches=True))
    batches = len(model.sent)
    killed = World(tmp_path / "killed", model=model)

    assert killed.drive(settings=BatchSettings(by_batches=True)).succeeded
    assert len(model.sent) == 2 * batches - 1, "the first round was fetched, not sent"


class HeldCount(CountingReader):
    """Whose server does not come back from counting."""

    def __init__(self) -> None:
        super().__init__()
        self.asked = asyncio.Event()

    async def count_tokens(self, request: ModelRequest) -> int | None:
        self.asked.set()
        await asyncio.Event().wait()
        raise AssertionError("nobody waits this long")


def test_a_batch_that_is_stopped_while_a_prompt_is_counted_owes_nothing(tmp_path):
    model = HeldCount()
    world = World(tmp_path, model=model, price=price())

    def begun(session: Session) -> None:
        async def stop() -> None:
            await model.asked.wait()
            session.stop("interrupted")
            session.stop("interrupted")

        session.stopper = asyncio.ensure_future(stop())

    report = world.drive(begun=begun, virtual=False)
    assert (report.waiting, report.usd, report.why_stopped) == (8, 0.0, "interrupted")
    assert report.seconds < 1, "nobody waits for a count"

    world.model = CountingReader()
    resumed = world.drive()
    assert resumed.complete
    assert not any("lost" in line for line in world.lines().values())


def test_a_model_keeps_its_defaults_where_nothing_is_said():
    class Least(ChatModel):
        name = "least"

        async def complete(self, request: ModelRequest) -> ModelReply:
            return ModelReply("Not found: it.")

    async def ask() -> None:
        least = Least()
        await least.check(window=1, max_output=1)
        await least.close()
        assert await least.count_tokens(ModelRequest("", (), (), 1)) is None
        assert (least.rate_limit_left, least.batch_ttl) == (None, None)
        for refused in (least.submit([]), least.status("b"), least.results("b"), least.recent(0)):
            with pytest.raises(
                docpager.DocpagerError, match="'least' does not take message batches"
            ):
                await refused

    asyncio.run(ask())
