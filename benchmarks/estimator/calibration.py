"""Runs against simulated servers that count by other tokenizers, and prints how sizes came out.

TIKTOKEN_CACHE_DIR=... python -m benchmarks.estimator.calibration --pdfs FOLDER --texts FOLDER
"""

from __future__ import annotations

import argparse
import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from math import ceil
from pathlib import Path
from statistics import median

from benchmarks.estimator.measure import (
    TextSample,
    generated_samples,
    samples_of_pdfs,
    samples_of_texts,
)
from docpager.core.passages import DocumentEntry, Hit, Passage, PassageRange
from docpager.core.settings import PagingSettings, RunLimits
from docpager.core.tokens import BuiltInEstimator, TokenCounter, cached_tiktoken
from docpager.models.messages import AssistantTurn, ModelReply, ModelRequest, ToolCall, Usage
from docpager.paging.epoch import canonical_json
from docpager.run.plan import plan_run
from docpager.run.state import Run
from docpager.run.tool_results import Found, Loaded, PassedThrough, PendingCall, ToolResult

HERE = Path(__file__).parent
PASSAGE_CHARACTERS = 1_100
LARGEST_SAMPLE = 200_000
STEPS = 40
WINDOWS = (16_000, 32_000, 64_000)
FACTORS = (1.0, 1.25, 1.5, 1.75, 2.0)
OWN_TOKENS, FRAMING_TOKENS = 500, 5
"""What the servers add to a prompt, and to each of its blocks."""


@dataclass(frozen=True)
class CountingServer:
    """Counts like another tokenizer, times a factor."""

    name: str
    count: Callable[[str], int]

    def prompt(self, request: ModelRequest) -> int:
        """The whole request, echoed thinking included."""
        blocks = [request.instructions]
        blocks += (
            f"{f.name} {f.description} {canonical_json(f.parameters)}" for f in request.functions
        )
        tokens = OWN_TOKENS
        for turn in request.turns:
            if isinstance(turn, AssistantTurn):
                tokens += sum(block["tokens"] for block in turn.raw)
            else:
                blocks += [*filter(None, [turn.text]), *(r.text for r in turn.results)]
        return tokens + sum(self.count(block) + FRAMING_TOKENS for block in blocks)


def servers(o200k: TokenCounter, others: Sequence[TokenCounter]) -> Iterator[CountingServer]:
    """o200k at every factor, then tokenizers of other makes."""
    for factor in FACTORS:
        yield CountingServer(f"o200k x {factor:g}", _scaled(o200k, factor))
    for other in others:
        yield CountingServer(other.name, _scaled(other, 1.0))


def _scaled(counter: TokenCounter, factor: float) -> Callable[[str], int]:
    return lru_cache(20_000)(lambda text: ceil(counter.count(text) * factor))


@dataclass
class SimulatedReader:
    """Pages in, searches, notes and pages out, over documents of the kinds of one mix."""

    documents: dict[int, list[Passage]]
    chance: random.Random
    calls: int = 0
    at: dict[int, int] = field(default_factory=dict)

    def reply(self, run: Run) -> tuple[ModelReply, list[ToolResult]]:
        """What the model says, and what comes of it."""
        makers = [self._page_in, self._page_in, self._page_in, self._search, self._note]
        makers += [lambda: self._page_out(run)] if run.context.table.ids else []
        number = self.chance.choice((1, 1, 2, 4))
        made = [maker() for maker in self.chance.choices(makers, k=number)]
        return ModelReply("", tuple(call for call, _ in made), "tool_use"), [r for _, r in made]

    def _named(self, name: str, **arguments: object) -> ToolCall:
        self.calls += 1
        return ToolCall(f"call-{self.calls}", name, arguments)

    def _next(self, number: int) -> list[Passage]:
        document = self.chance.choice(list(self.documents))
        passages = self.documents[document]
        first = self.at.get(document, 0)
        self.at[document] = (first + number) % max(1, len(passages) - number)
        return passages[first : first + number]

    def _page_in(self) -> tuple[ToolCall, ToolResult]:
        loaded = self._next(self.chance.choice((1, 2, 3, 8)))
        first, last = loaded[0], loaded[-1]
        name = PassageRange(first.document, first.ordinal, last.ordinal)
        call = self._named("page_in", locator=str(name), pin=self.chance.random() < 0.1)
        return call, Loaded(name, f"{first.document}.txt", tuple(loaded))

    def _search(self) -> tuple[ToolCall, ToolResult]:
        passages = [self._next(1)[0] for _ in range(10)]
        hits = tuple(Hit(p.id, p.text[:200], None, "words") for p in passages)
        paths = tuple((n, f"{n}.txt") for n in self.documents)
        return self._named("search", query="what was paid"), Found(hits, paths, 1, 3, 28, 0)

    def _note(self) -> tuple[ToolCall, ToolResult]:
        (passage,) = self._next(1)
        call = self._named("write_note", text=passage.text[:250], sources=[str(passage.id)])
        return call, PassedThrough()

    def _page_out(self, run: Run) -> tuple[ToolCall, ToolResult]:
        resident = sorted(run.context.table.ids)
        gone = self.chance.sample(resident, k=min(len(resident), 3))
        return self._named("page_out", locators=[str(id_) for id_ in gone]), PassedThrough()


@dataclass
class Sizes:
    """How the sizes of prompts came out."""

    worst: float = 0.0
    """Largest share of a window that a prompt took with the reserved output."""
    fullest: list[float] = field(default_factory=list)
    """The same of each run, by the server's count."""
    calibrated: list[float] = field(default_factory=list)
    """Errors of estimates from an epoch's second request, where only known scripts were new."""
    elsewhere: list[float] = field(default_factory=list)
    """Errors of all other estimates."""
    bounds: list[float] = field(default_factory=list)
    """Excess of the upper bounds."""
    rebuilds: int = 0

    def note(self, run: Run, true: int) -> None:
        """Take in the request that is about to be sent."""
        context, epoch = run.context, run.context.epoch
        self.worst = max(self.worst, context.budget.pressure(true))
        error = context.estimate / true - 1
        second = epoch.counted is not None and len(epoch.turns) > 1
        known = second and run.meter.knows(epoch.uncounted)
        (self.calibrated if known else self.elsewhere).append(error)
        self.bounds.append(epoch.size.most / true - 1)


def play(
    server: CountingServer, counter: TokenCounter, factor: float, mix: Sequence[TextSample],
    sizes: Sizes, *, window: int, seed: int,
) -> None:  # fmt: skip
    """One run over documents of these kinds; adds what its requests came to."""
    chance = random.Random(seed)
    documents = {n: passages(n, sample.text) for n, sample in enumerate(mix, 1)}
    entries = [
        DocumentEntry(n, f"{n}.txt", mix[n - 1].kind, "text", len(each), 300 * len(each), 0)
        for n, each in documents.items()
    ]
    output = min(4_096, window // 8)
    plan = plan_run(
        "What was paid, to whom, and when?", entries, counter=counter, factor=factor,
        paging=PagingSettings(window=window, max_output=output), limits=RunLimits(max_steps=999),
    )  # fmt: skip
    run, reader, fullest = Run(plan, counter), SimulatedReader(documents, chance), 0.0
    for _ in range(STEPS):
        request = run.next_request()
        true = server.prompt(request)
        sizes.note(run, true)
        fullest = max(fullest, run.context.budget.pressure(true))
        reply, results = reader.reply(run)
        thinking = chance.choice((60, 200, output // 2))
        usage = Usage(input_tokens=true, output_tokens=thinking, source="server")
        raw = ({"type": "thinking", "tokens": thinking},)
        pending: Sequence[PendingCall] = run.receive(
            ModelReply(reply.text, reply.calls, "tool_use", usage, raw)
        )
        run.deliver(results[: len(pending)])
    sizes.fullest.append(fullest)
    sizes.rebuilds += run.context.statistics.rebuilds


def passages(document: int, text: str) -> list[Passage]:
    """Slices of a text, repeated so that a run never comes to its end."""
    text = text * (1 + 20 * PASSAGE_CHARACTERS // len(text))
    starts = range(0, len(text) - PASSAGE_CHARACTERS, PASSAGE_CHARACTERS)
    return [
        Passage(document, n, text[at : at + PASSAGE_CHARACTERS], 300, at)
        for n, at in enumerate(starts, 1)
    ]


def mixes(samples: Sequence[TextSample]) -> Iterator[list[TextSample]]:
    """Every kind alone, each two neighbours, each three in a wider step, and all of them."""
    ring = [*samples, *samples]
    for at in range(len(samples)):
        yield [ring[at]]
        yield ring[at : at + 2]
        yield ring[at : at + 9 : 4][:3]
    yield list(samples)


def row(name: str, sizes: Sizes) -> str:
    """One line of the table."""
    calibrated, elsewhere = sorted(sizes.calibrated), sorted(sizes.elsewhere)
    within = sum(abs(error) <= 0.05 for error in calibrated) / len(calibrated)
    return (
        f"| {name} | {len(calibrated) + len(elsewhere):,} | {sizes.rebuilds:,} | {sizes.worst:.1%} "
        f"| {median(sizes.fullest):.0%} | {calibrated[0]:+.1%} to {calibrated[-1]:+.1%} "
        f"| {within:.2%} | {elsewhere[0]:+.1%} | {median(elsewhere):+.0%} | {elsewhere[-1]:+.0%} "
        f"| {median(sizes.bounds):+.1%} | {min(sizes.bounds):+.1%} |"
    )


HEADER = (
    "| server | requests | rebuilds | largest worst case / window | fullest of a run, median "
    "| error, calibrated | within 5 % | least elsewhere | excess elsewhere, median | largest "
    "| excess of the bound, median | least |\n"
    "|---|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|"
)


def english() -> TextSample:
    """English that every checkout holds."""
    root = HERE.parent.parent
    return TextSample("English", (root / "LICENSE").read_text("utf-8"))


def main() -> None:
    """Print a table for each of our counters."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--pdfs", type=Path, help="folder of PDF files")
    parser.add_argument("--texts", type=Path, help="folder of UTF-8 text files")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    o200k, cl100k = cached_tiktoken("o200k_base"), cached_tiktoken("cl100k_base")
    if o200k is None:
        parser.error("tiktoken's o200k_base file is not cached; set TIKTOKEN_CACHE_DIR")
    samples = [english(), *generated_samples(options.seed)]
    samples += samples_of_pdfs(options.pdfs) if options.pdfs else []
    samples += samples_of_texts(options.texts) if options.texts else []
    samples = [TextSample(s.kind, s.text[:LARGEST_SAMPLE]) for s in samples if s.text.strip()]
    print("Kinds:", ", ".join(sample.kind for sample in samples))
    for counter, factor in ((BuiltInEstimator(), 2.25), (o200k, 2.0)):
        print(f"\nOur counter: {counter.name}, uncalibrated factor {factor}\n\n{HEADER}")
        for server in servers(o200k, [cl100k] if cl100k else []):
            sizes = Sizes()
            for at, mix in enumerate(mixes(samples)):
                window, seed = WINDOWS[at % len(WINDOWS)], options.seed + at
                play(server, counter, factor, mix, sizes, window=window, seed=seed)
            print(row(server.name, sizes), flush=True)


if __name__ == "__main__":
    main()
