"""Batches driven in this process against a fake API whose bill can be read."""

from __future__ import annotations

import asyncio
import json
import os
from dataclasses import replace
from pathlib import Path
from typing import Any

from benchmarks.fake_api import FakeApi
from benchmarks.messages_api.skipping_loop import SkippingLoop
from docpager.api.ask_many import batch_session
from docpager.batch.job import BatchJob
from docpager.batch.progress import BatchReport
from docpager.batch.questions import Question
from docpager.batch.session import SessionHooks
from docpager.batch.settings import BatchSettings
from docpager.core.settings import RunLimits
from docpager.models.claude import ClaudeModel
from docpager.models.messages import ChatModel, ModelReply, ModelRequest
from docpager.models.registry import ModelSource
from docpager.run.preparation import prepare

os.environ.setdefault("ANTHROPIC_API_KEY", "x")


class ServerTime:
    """Waiting lets time pass on the server's clock, at once."""

    def __init__(self, api: FakeApi) -> None:
        self._clock: Any = api.clock

    async def sleep(self, seconds: float) -> None:
        """Let the server's clock run."""
        await asyncio.sleep(0)
        self._clock.advance(seconds)


class BusyClaude(ClaudeModel):
    """Claude, who knows whether somebody waits for a reply."""

    under_way = 0

    async def complete(self, request: ModelRequest) -> ModelReply:
        """The reply."""
        self.under_way += 1
        try:
            return await super().complete(request)
        finally:
            self.under_way -= 1


def drive(
    questions: list[Question],
    output: Path,
    archive: Path,
    api: FakeApi,
    *,
    model: str | ChatModel,
    settings: BatchSettings,
    window: int | None = None,
    max_steps: int = 60,
    frozen: bool = False,
    skipping: bool = False,
    **job: Any,
) -> BatchReport:
    """One session of a batch; with `frozen`, the server's clock runs only while we wait, and with
    `skipping` our own waits take no time while nobody is asked."""
    busy = None
    if skipping:
        assert isinstance(model, str)
        model = busy = BusyClaude(model, base_url=api.url, backend="anthropic")
    prepared = prepare(
        model,
        source=ModelSource(api.url, "anthropic", ""),
        window=window,
        limits=RunLimits(max_steps=max_steps),
        environment=os.environ,
    )
    hooks = SessionHooks()
    if frozen:
        hooks = replace(hooks, sleep=ServerTime(api).sleep, now=api.clock.now)

    async def session() -> BatchReport:
        asked = BatchJob(questions, output, journals=output.parent / f"{output.stem}-runs", **job)
        opening = batch_session(asked, prepared, settings, archive=archive, hooks=hooks)
        async with opening as opened:
            report = await opened.drive()
        await prepared.model.close()
        return report

    if busy is None:
        return asyncio.run(session())
    loop = SkippingLoop(may_skip=lambda: not busy.under_way)
    hooks = replace(hooks, clock=loop.time)
    with asyncio.Runner(loop_factory=lambda: loop) as runner:
        return runner.run(session())


def answers_in(output: Path) -> dict[str, list[Any]]:
    """What must not depend on how a batch was driven."""
    lines = [json.loads(line) for line in output.read_bytes().splitlines()]
    assert len({line["id"] for line in lines}) == len(lines), f"{output}: two lines for a question"
    return {line["id"]: [line["answer"], line["status"], line["citations"]] for line in lines}
