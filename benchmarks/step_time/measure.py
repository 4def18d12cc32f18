"""Measures the processor time of docpager's own code for each step at a context of 60k tokens.

python -m benchmarks.step_time.measure

No model, archive or network: replies and results are made beforehand and fed in. Timed are the run,
its journal, the request's hash, and what the adapter adds to the bare SDK, which is asked the same
requests in the same run.
"""

from __future__ import annotations

import argparse
import gc
import random
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from statistics import mean, median, quantiles
from typing import TypeVar

from benchmarks.step_time.asking import TwoWays
from docpager.core.passages import DocumentEntry, Hit, Passage, PassageId, PassageRange
from docpager.core.settings import PagingSettings, RunLimits
from docpager.core.tokens import BuiltInEstimator
from docpager.models.messages import ModelReply, ToolCall, Usage
from docpager.paging.epoch import BLOCK_TOKENS
from docpager.run.journal import Entry, Header, Journal
from docpager.run.plan import plan_run
from docpager.run.request_hashes import RequestHasher
from docpager.run.state import Run
from docpager.run.tool_results import Found, Loaded, PassedThrough, ToolResult

FILLING_CALLS = 8
PASSAGE_TOKENS = 300
REPLY_TOKENS = 60
DOCUMENT = DocumentEntry(1, "report.pdf", "Annual report", "pdf", 4_000, 1_200_000, 400)

WHOLE = "whole step, without the SDK"
BARE = "the bare SDK"

T = TypeVar("T")
count = BuiltInEstimator().count


@dataclass
class Stopwatch:
    """Processor time by part of a step, in milliseconds."""

    spent: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    _step: dict[str, float] = field(default_factory=lambda: defaultdict(float))
    _looking: float = field(default_factory=lambda: median(_look() for _ in range(200)))
    """What looking at the clock takes: on some virtual machines more than a part of a step."""

    def time(self, part: str, work: Callable[[], T]) -> T:
        """Do some work of the step under way."""
        started = time.process_time_ns()
        done = work()
        spent = (time.process_time_ns() - started) / 1e6
        self._step[part] += max(0.0, spent - self._looking)
        return done

    def add(self, part: str, milliseconds: float) -> None:
        """Something that was timed elsewhere."""
        self._step[part] += milliseconds

    def end_step(self) -> None:
        for part, milliseconds in self._step.items():
            self.spent[part].append(milliseconds)
        bare = self._step.get(BARE, 0.0)
        self.spent[WHOLE].append(sum(self._step.values()) - bare)
        self._step.clear()


def _look() -> float:
    started = time.process_time_ns()
    return (time.process_time_ns() - started) / 1e6


@dataclass
class ReplyMaker:
    """Makes replies and their results: pages in, searches, notes and pages out in turn."""

    words: Sequence[str]
    chance: random.Random
    passages: int = 0
    calls: int = 0

    def fill(self) -> tuple[ModelReply, list[ToolResult]]:
        """A reply that pages in much at once."""
        return self._reply([self._page_in(2) for _ in range(FILLING_CALLS)])

    def steps(self, number: int) -> Iterator[tuple[ModelReply, list[ToolResult]]]:
        makers = (lambda: self._page_in(1), self._search, self._note, self._page_out)
        for step in range(number):
            yield self._reply([makers[step % len(makers)]()])

    def _reply(
        self, made: Sequence[tuple[ToolCall, ToolResult]]
    ) -> tuple[ModelReply, list[ToolResult]]:
        calls = tuple(call for call, _ in made)
        return ModelReply("Let me see.", calls, "tool_use", cost_usd=0.0), [r for _, r in made]

    def _named(self, name: str, **arguments: object) -> ToolCall:
        self.calls += 1
        return ToolCall(f"toolu_{self.calls:024}", name, arguments)

    def _page_in(self, number: int) -> tuple[ToolCall, ToolResult]:
        first, last = self.passages + 1, self.passages + number
        self.passages = last
        loaded = tuple(self._passage(n) for n in range(first, last + 1))
        call = self._named("page_in", locator=f"D1:c{first}-{last}")
        return call, Loaded(PassageRange(1, first, last), DOCUMENT.path, loaded, (), ())

    def _search(self) -> tuple[ToolCall, ToolResult]:
        hits = tuple(
            Hit(PassageId(1, self.chance.randrange(1, 4_000)), self._text(30), 7, "words")
            for _ in range(10)
        )
        found = Found(hits, ((1, DOCUMENT.path),), 1, 12, 118, 9)
        return self._named("search", query=self._text(4)), found

    def _note(self) -> tuple[ToolCall, ToolResult]:
        call = self._named("write_note", text=self._text(40), sources=[f"D1:c{self.passages}"])
        return call, PassedThrough()

    def _page_out(self) -> tuple[ToolCall, ToolResult]:
        return self._named("page_out", locators=[f"D1:c{self.passages}"]), PassedThrough()

    def _passage(self, ordinal: int) -> Passage:
        return Passage(1, ordinal, self._text(PASSAGE_TOKENS * 3 // 4), PASSAGE_TOKENS, 0, 5)

    def _text(self, words: int) -> str:
        return " ".join(self.chance.choices(self.words, k=words))


@dataclass
class SteppedRun:
    """One run that is moved by hand, with its journal."""

    run: Run
    journal: Journal
    reader: ReplyMaker
    ratio: float
    """Server's tokens for each counted one; 0 for a server that counts nothing."""
    server: TwoWays = field(default_factory=TwoWays)
    watch: Stopwatch = field(default_factory=Stopwatch)
    hasher: RequestHasher = field(default_factory=RequestHasher)
    _prompt: int = 0

    def step(self, reply: ModelReply, results: list[ToolResult]) -> None:
        """One whole step, as a driver makes it."""
        run, timed = self.run, self.watch.time
        request = timed("next_request", run.next_request)
        sha256 = timed("request's hash", lambda: self.hasher.hash(request))
        self._write(Entry("request", run.steps, request_sha256=sha256, prompt_tokens=1))
        reply = self._counted(reply)
        adapter, bare = self.server.ask(request, reply)
        self.watch.add(BARE, bare)
        self.watch.add("adapter, beside the SDK", adapter - bare)
        self._write(Entry("reply", run.steps, reply=reply))
        timed("receive", lambda: run.receive(reply))
        self._write(Entry("results", run.steps, results=tuple(results)))
        timed("deliver", lambda: run.deliver(results))
        self.watch.end_step()

    def _write(self, entry: Entry) -> None:
        self.watch.time("journal", lambda: self.journal.write(entry))

    def _counted(self, reply: ModelReply) -> ModelReply:
        """The reply with a server's usage: what is new costs `ratio` for each counted token."""
        if not self.ratio:
            return reply
        epoch = self.run.context.epoch
        new = sum(BLOCK_TOKENS + int(self.ratio * count(text)) for text in epoch.uncounted)
        self._prompt = self._prompt + REPLY_TOKENS + new if self._prompt else 3_000
        usage = Usage(input_tokens=self._prompt, output_tokens=REPLY_TOKENS, source="server")
        return replace(reply, usage=usage)


def measure(*, context: int, steps: int, ratio: float, seed: int) -> tuple[Stopwatch, int, int]:
    """Times the steps; returns the context in tokens at their beginning and at their end too."""
    counter, factor = BuiltInEstimator(), 2.25 if ratio else 1.0
    plan = plan_run(
        "What was paid for acquisitions in each year?",
        [DOCUMENT],
        counter=counter,
        factor=factor,
        paging=PagingSettings(window=4 * context, max_output=1_024),
        limits=RunLimits(max_steps=100_000),
    )
    words = "revenue of the segment rose by 12 percent while costs of 3,400 fell".split()  # noqa: SIM905
    with tempfile.TemporaryDirectory() as folder:
        header = Header(plan, "none", "none", "none", 1, "0")
        with Journal.create(Path(folder) / "run.jsonl", header) as journal:
            bench = SteppedRun(
                Run(plan, counter), journal, ReplyMaker(words, random.Random(seed)), ratio
            )
            while bench.run.context.epoch.size.likely < context:
                bench.step(*bench.reader.fill())
            bench.watch = Stopwatch()
            # One look of the collector through all imported modules takes as long as 20 steps, and
            # would be counted for whoever is at work when it comes.
            gc.collect()
            gc.freeze()
            before = bench.run.context.epoch.size.likely
            for reply, results in bench.reader.steps(steps):
                bench.step(reply, results)
            assert bench.run.context.epoch.number == 1, "no rebuild was to be measured"
            return bench.watch, before, bench.run.context.epoch.size.likely


def markdown(watch: Stopwatch) -> str:
    """The table for the README."""
    lines = ["| part of a step | median ms | 95 % below ms |", "|---|---:|---:|"]
    for part, spent in watch.spent.items():
        lines.append(f"| {part} | {median(spent):.2f} | {quantiles(spent, n=20)[-1]:.2f} |")
    ratio = mean(watch.spent[WHOLE]) / mean(watch.spent[BARE])
    return "\n".join([*lines, f"\nOurs is {ratio:.2f} of the bare SDK's."])


def main() -> None:
    """Print a table for a server that counts and for a model that does not."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--context", type=int, default=60_000, help="tokens when timing begins")
    parser.add_argument("--steps", type=int, default=48)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    for title, ratio in (("a server that counts", 1.4), ("a model that does not count", 0.0)):
        watch, before, after = measure(
            context=options.context, steps=options.steps, ratio=ratio, seed=options.seed
        )
        print(f"{title}: {options.steps} steps at {before:,} to {after:,} tokens\n")
        print(markdown(watch), end="\n\n")


if __name__ == "__main__":
    main()
