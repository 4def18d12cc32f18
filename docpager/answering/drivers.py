"""Moves a run until it has an outcome: model, executor and journal in turn."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Collection, Sequence
from dataclasses import replace

from docpager.answering.counting import RecordingCounter
from docpager.answering.executor import FunctionExecutor
from docpager.answering.journal import Entry, Journal, request_hash
from docpager.answering.outcome import Outcome
from docpager.answering.results import Found, Loaded, ToolResult
from docpager.answering.run import PendingCall, Run
from docpager.errors import ModelError
from docpager.llm.chat import ChatModel, ModelReply

__all__ = ["Driver"]


class Driver:
    """One live run: asks the model, executes its calls, writes everything down first."""

    def __init__(
        self,
        run: Run,
        *,
        model: ChatModel,
        executor: FunctionExecutor,
        journal: Journal,
        sha256_of: Callable[[int], str],
        counter: RecordingCounter | None = None,
        met: Collection[int] = (),
    ) -> None:
        self._run = run
        self._model = model
        self._executor = executor
        self._journal = journal
        self._sha256_of = sha256_of
        self._counter = counter
        self._met = set(met)
        self._clock = time.monotonic()

    async def drive(self, pending: Sequence[PendingCall] | None = None) -> Outcome:
        """Move the run until it has an outcome; `pending` calls of a resumed run come first."""
        run = self._run
        if pending is not None:
            await self._execute(pending)
        elif run.outcome is not None:
            self._end()  # killed after the last results, before the outcome was written
        while run.outcome is None:
            reply = await self._complete()
            if reply is not None:
                await self._execute(run.receive(reply))
        return run.outcome

    def interrupt(self, message: str) -> None:
        """Tell the model something at the next step boundary."""
        self._write(Entry("interrupt", self._run.steps, message=message))
        self._run.interrupt(message)

    async def _complete(self) -> ModelReply | None:
        run = self._run
        request = run.next_request()
        prompt = run.context.epoch.tokens
        self._write(
            Entry("request", run.steps, request_sha256=request_hash(request), prompt_tokens=prompt)
        )
        try:
            async with asyncio.timeout(run.seconds_left):
                reply = await self._model.complete(request)
        except TimeoutError:
            self._write(Entry("stopped", run.steps, message="no time is left"))
            run.stop("no time is left")
            self._end()
            return None
        except ModelError as error:
            # No outcome is written: the run is parked, and resume asks the model again.
            run.fail(str(error))
            self._write(Entry("failure", run.steps, message=str(error)), sync=True)
            return None
        now = time.monotonic()
        reply = replace(reply, elapsed_seconds=round(now - self._clock, 3))
        self._clock = now
        self._write(Entry("reply", run.steps, reply=reply))
        return reply

    async def _execute(self, pending: Sequence[PendingCall]) -> None:
        run = self._run
        results = tuple(await asyncio.to_thread(self._executor.execute_all, pending))
        documents = {str(n): self._sha256_of(n) for n in self._newly_met(results)}
        self._write(Entry("results", run.steps, results=results, documents=documents))
        run.deliver(results)
        if run.outcome is not None:
            self._end()

    def _newly_met(self, results: Sequence[ToolResult]) -> list[int]:
        met = set()
        for result in results:
            if isinstance(result, Loaded):
                met.add(result.range.document)
            if isinstance(result, Found):
                met.update(number for number, _ in result.paths)
        new = sorted(met - self._met)
        self._met |= met
        return new

    def _end(self) -> None:
        run = self._run
        self._write(Entry("outcome", run.steps, outcome=run.outcome), sync=True)

    def _write(self, entry: Entry, *, sync: bool = False) -> None:
        if self._counter is not None:
            entry = replace(entry, counts=self._counter.take())
        self._journal.write(entry, sync=sync)
