"""Moves a run until it has an outcome: caller, executor and journal in turn."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace

from docpager.core.errors import ContextExceeded, LimitReached, ModelError
from docpager.models.messages import Lost, ModelReply, ModelRequest
from docpager.models.metered_model import MeteredModel
from docpager.paging.reading_log import written_call
from docpager.run.executor import FunctionExecutor
from docpager.run.journal import Entry, Journal
from docpager.run.observer import RunObserver
from docpager.run.outcome import Outcome
from docpager.run.page_pictures import PictureStore
from docpager.run.replay import RecordingCounter
from docpager.run.request_hashes import RequestHasher
from docpager.run.state import Run
from docpager.run.tool_results import Found, Loaded, PendingCall, ToolResult, Viewed

__all__ = ["Driver", "OnStep", "StepNow"]

_WAITS = "waits for the model"


@dataclass(frozen=True, slots=True)
class StepNow:
    """What a run does now, for somebody who watches it."""

    step: int
    """Counted from 1."""
    max_steps: int
    doing: str
    """That it waits for the model, or the calls that are executed."""
    used: int = 0
    """Tokens of the newest prompt and of what is reserved for its reply."""
    window: int = 0
    tokens_in: int = 0
    tokens_out: int = 0
    cost_usd: float | None = None

    @property
    def waits(self) -> bool:
        """Whether it waits for the model."""
        return self.doing == _WAITS


OnStep = Callable[[StepNow], None]
"""Told what a run does: whenever that changes."""

_TOO_LITTLE = (
    "a run begins only when its first call and its finishing one, of a full window, can both be "
    "paid for: raise the limit, or make `window=` or `max_output=` smaller"
)


class Driver:
    """One live run: asks the model, executes its calls, writes everything down first."""

    def __init__(
        self,
        run: Run,
        *,
        metered_model: MeteredModel,
        executor: FunctionExecutor,
        journal: Journal,
        sha256_of: Callable[[int], str],
        text_sha256_of: Callable[[int], str],
        pictures: PictureStore,
        counter: RecordingCounter | None = None,
        met: Collection[int] = (),
        observer: RunObserver | None = None,
    ) -> None:
        self._run = run
        self._metered_model = metered_model
        self._executor = executor
        self._journal = journal
        self._pictures = pictures
        self._sha256_of = sha256_of
        self._text_sha256_of = text_sha256_of
        self._counter = counter
        self._met = set(met)
        self._observer = observer or RunObserver()
        self._on_retry: Callable[[str], None] | None = None
        self._on_step: OnStep = lambda now: None
        self._clock = time.monotonic()
        self._hasher = RequestHasher()

    def write_prefetched(self, results: Sequence[ToolResult]) -> None:
        """Write down what the run begins with; it was given to the run before."""
        self._write_results("prefetched", results)

    async def drive(self, pending: Sequence[PendingCall] | None = None) -> Outcome:
        """Move the run until it has an outcome; `pending` calls of a resumed run come first."""
        with self._observer.running(self._run):
            return await self._drive(pending)

    async def _drive(self, pending: Sequence[PendingCall] | None) -> Outcome:
        run = self._run
        if pending is not None:
            await self._execute(pending)
        elif run.outcome is not None:
            self._end()  # killed after the last results, before the outcome was written
        try:
            self._keep_finishing_call()
            while run.outcome is None:
                reply = await self._complete()
                if reply is not None:
                    await self._execute(run.receive(reply))
        finally:
            self._metered_model.release()
        return run.outcome

    def charge_unanswered(self) -> None:
        """Count a request that was under way when the process ended: it may have been billed."""
        run, price = self._run, self._run.price
        # Nothing to count: without a price dollars are not counted, and a free model bills none.
        if price is None or price.free:
            return
        worst = self._metered_model.worst_case(
            prompt_tokens=run.context.epoch.tokens, output_tokens=run.plan.paging.max_output
        )
        self._charge(Lost(1, worst.tokens, worst.usd))

    def interrupt(self, message: str) -> None:
        """Tell the model something at the next step boundary."""
        self._write(Entry("interrupt", self._run.steps, message=message))
        self._run.interrupt(message)

    def tell_retries(self, on_retry: Callable[[str], None] | None) -> None:
        """From now on tell `on_retry` too what failed and how long nothing happens."""
        self._on_retry = on_retry

    def tell_steps(self, on_step: OnStep) -> None:
        """From now on tell `on_step` too at which step the run is, and what it does."""
        self._on_step = on_step

    def _tell_step(self, step: int, doing: str) -> None:
        run = self._run
        now = StepNow(
            step,
            run.plan.limits.max_steps,
            doing,
            used=run.context.estimate + run.plan.paging.max_output,
            window=run.context.budget.window,
            tokens_in=run.usage.prompt_tokens,
            tokens_out=run.usage.output_tokens,
            cost_usd=run.cost_usd,
        )
        self._on_step(now)

    def _keep_finishing_call(self) -> None:
        """From now on the finishing call is paid for, or the run ends before it costs anything."""
        run = self._run
        if run.outcome is not None or self._metered_model.keeps:
            return
        try:
            self._metered_model.keep(
                prompt_tokens=run.largest_prompt, output_tokens=run.plan.paging.max_output
            )
        except LimitReached as limit:
            self._run_short(limit)

    async def _complete(self) -> ModelReply | None:
        """The next reply; None where the run is to ask again, was stopped, or stays resumable."""
        run = self._run
        try:
            return await self._ask()
        except TimeoutError:
            self._stop("no time is left", limit="timeout_seconds")
        except LimitReached as limit:
            self._run_short(limit)
        except asyncio.CancelledError:
            # Ctrl-C or a batch that stops: the attempt may have been billed, and nobody else will
            # write that down.
            self._charge(self._metered_model.take_lost())
            raise
        except ModelError as error:
            # No outcome is written: the run stays resumable, and resume asks the model again.
            self._charge(self._metered_model.take_lost())
            run.park(str(error))
            self._write(Entry("failure", run.steps, message=str(error)), sync=True)
        return None

    async def _ask(self) -> ModelReply | None:
        run = self._run
        left = run.seconds_left
        self._tell_step(run.steps + 1, _WAITS)
        async with asyncio.timeout(left):
            reply = await self._send(left)
        if reply is None:
            return None
        now = time.monotonic()
        # Since the last reply, so that waiting, counting and executing are in it: the time limit is
        # of the whole run. Rounded as it is written, or a replay would add up to another time.
        reply = replace(reply, elapsed_seconds=round(now - self._clock, 3))
        self._clock = now
        # Before anything is done with it: what was paid for survives a crash in the very next line.
        self._write(Entry("reply", run.steps, reply=reply))
        return reply

    async def _send(self, seconds_left: float | None) -> ModelReply | None:
        """The reply to the next request, made smaller while its server does not hold it; None
        where that ended the run."""
        run = self._run
        while run.outcome is None:
            request = run.next_request()
            # Before it is written down as under way: nothing is sent where one is missing.
            request = replace(request, picture_files=self._pictures.files(request))
            estimate, sha256 = run.context.estimate, self._hasher.hash(request)
            # Before it is sent: a journal that ends here says that a request was under way and may
            # have been billed.
            self._write(Entry("request", run.steps, request_sha256=sha256, prompt_tokens=estimate))
            await self._count(request)
            if not run.awaits_reply:
                continue  # it does not fit by the server's count
            try:
                with self._observer.asking(request, run) as tell_reply:
                    reply = await self._metered_model.complete(
                        request,
                        prompt_tokens=run.context.epoch.tokens,
                        seconds_left=seconds_left,
                        before_wait=self._tell_wait,
                    )
                    tell_reply(reply)
                return reply
            except ContextExceeded as exceeded:
                self._charge(self._metered_model.take_lost())
                context = exceeded.context or 0
                told = Entry("narrowed", run.steps, message=str(exceeded), window=context)
                self._write(told)
                run.narrow(exceeded.context)
        self._end()
        return None

    async def _count(self, request: ModelRequest) -> None:
        """Have the request counted, where the server does that: the first one, or each."""
        if self._run.steps and not self._run.plan.counts_each:
            return
        tokens = await self._metered_model.count_tokens(request)
        if tokens is not None:
            self._write(Entry("counted", self._run.steps, prompt_tokens=tokens))
            self._run.count(tokens)

    def _tell_wait(self, failed: str, seconds: float) -> None:
        """Write down why nothing happens for a while, and what it may have cost."""
        self._charge(self._metered_model.take_lost())
        self._observer.retrying(failed)
        message = f"{failed}; waits {seconds:.0f} s"
        self._write(Entry("waiting", self._run.steps, message=message))
        if self._on_retry is not None:
            self._on_retry(message)

    def _run_short(self, limit: LimitReached) -> None:
        """The next call does not fit: finish with the one that was kept, or stop with the notes."""
        run = self._run
        # Nothing was read yet: the finishing call would be paid for an answer from nothing.
        if not run.steps:
            self._stop(f"{limit}; {_TOO_LITTLE}", limit=limit.limit)
            return
        if run.finishing:
            self._stop(str(limit), limit=limit.limit)
            return
        self._write(Entry("finish", run.steps, message=str(limit), limit=limit.limit))
        run.finish(str(limit), limit=limit.limit)

    def _stop(self, reason: str, *, limit: str) -> None:
        self._charge(self._metered_model.take_lost())
        self._write(Entry("stopped", self._run.steps, message=reason, limit=limit))
        self._run.stop(reason, limit=limit)
        self._end()

    def _charge(self, lost: Lost) -> None:
        if lost.attempts:
            self._write(Entry("lost", self._run.steps, lost=lost))
            self._run.charge(lost)

    async def _execute(self, pending: Sequence[PendingCall]) -> None:
        run = self._run
        self._tell_step(run.steps, "; ".join(written_call(each.call) for each in pending))
        # In a thread: a search of a large archive takes long enough to hold up the other runs of a
        # batch.
        execute_all = self._executor.execute_all
        results = tuple(await asyncio.to_thread(execute_all, pending, self._observer))
        # Before they are delivered: `deliver` changes the run, and a replay must be able to do the
        # same change.
        self._write_results("results", results)
        run.deliver(results)
        if run.outcome is not None:
            self._end()

    def _write_results(self, kind: str, results: Sequence[ToolResult]) -> None:
        new = self._newly_met(results)
        documents = {str(n): self._sha256_of(n) for n in new}
        texts = {str(n): self._text_sha256_of(n) for n in new}
        step = self._run.steps
        # First: a journal never names a picture that is not there.
        for result in results:
            if isinstance(result, Viewed):
                self._pictures.keep(result)
        self._write(Entry(kind, step, results=tuple(results), documents=documents, texts=texts))

    def _newly_met(self, results: Sequence[ToolResult]) -> list[int]:
        met = set()
        for result in results:
            if isinstance(result, Loaded):
                met.add(result.range.document)
            if isinstance(result, Viewed):
                met.add(result.document)
            if isinstance(result, Found):
                met.update(number for number, _ in result.paths)
        # Of turns and memories, whose numbers are below 0, no text ever changes.
        new = sorted(number for number in met - self._met if number > 0)
        self._met |= met
        return new

    def _end(self) -> None:
        run = self._run
        self._write(Entry("outcome", run.steps, outcome=run.outcome), sync=True)

    def _write(self, entry: Entry, *, sync: bool = False) -> None:
        if self._counter is not None:
            entry = replace(entry, counts=self._counter.take())
        self._journal.write(entry, sync=sync)
