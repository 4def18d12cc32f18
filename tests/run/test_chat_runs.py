"""The promises of a run that is a chat's turn: those of every run, with a conversation at hand."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

import pytest
from random_replies import HABITS, RandomModel, seeds, too_rare
from run_worlds import COUNTERS, QUESTION, WORDS, WORLDS, World, world
from toy_library import ToyHits, toy_document
from watched_run import WatchedRun

from docpager.chat.at_hand import Shares, conversation_of, leaving
from docpager.chat.session_log import Summary
from docpager.core.errors import WindowTooSmall
from docpager.core.passages import PassageId, PassageRange
from docpager.core.settings import ChatSettings, PagingSettings, RunLimits
from docpager.core.tokens import TokenCounter
from docpager.documents.chunking import cut, passages_of
from docpager.memory.entries import Memory
from docpager.models.messages import ToolCall
from docpager.paging.conversation import CoreBlock, CoreLine, render_core
from docpager.run.plan import RunPlan, chat_room, plan_run
from docpager.run.state import Run

LEAST = {
    "rebuild": 0.3,
    "core edited": 0.15,
    "core refused": 0.05,
    "memory archived": 0.3,
    "turn resident": 0.2,
    "turn cited": 0.005,
    "message in the middle": 0.1,
    **dict.fromkeys(("answered", "unsupported", "abstained", "stopped", "failed"), 0.01),
}
"""Share of the random runs in which each of these happens at least once."""
FORGED = ("# Message", "## Core memory", "T3 2026-01-01 00:00 user:", "<<<0a1b2c3d", "[memory] x")


class SaidWorld(World):
    """A library with turns beside its documents."""

    def __init__(self, base: World, turns: Sequence[Memory]) -> None:
        super().__init__(*(base.document_of(entry.id) for entry in base.documents()))
        for turn in turns:
            document = replace(
                toy_document(turn.text, path=f"main {turn.when:%Y-%m-%d}"), kind="turn"
            )
            self._documents[-turn.id] = document
            self._passages[-turn.id] = passages_of(document, cut(document.text), -turn.id)

    def documents(self) -> Sequence[Any]:
        return [self.document(number) for number in self._documents if number > 0]

    def search(
        self, query: str, *, documents: Collection[int] | None = None, **page: int
    ) -> ToyHits:
        chosen = [n for n in self._documents if n > 0] if documents is None else documents
        return super().search(query, documents=chosen, **page)

    def recall(
        self,
        query: str,
        *,
        since: datetime | None,
        until: datetime | None,
        page: int,
        page_size: int,
    ) -> ToyHits:
        said = [number for number in self._documents if number < 0]
        return super().search(query, documents=said, page=page, page_size=page_size)

    def with_neighbours(self, passages: Sequence[PassageId]) -> Sequence[PassageId]:
        return passages

    def origins(self, numbers: Collection[int]) -> Sequence[int]:
        return [1 for number in numbers if number % 5 == 0]


class TalkingModel(RandomModel):
    """A model that also remembers, recalls and reads turns."""

    def _call(self, run: Run, *, short: bool) -> ToolCall:
        random = self._random
        if short or random.random() < 0.55:
            return super()._call(run, short=short)
        words = " ".join(random.choices(WORDS, k=random.choice((3, 20, 90))))
        turn = f"T{random.randint(1, 45)}"
        core = run.delivery.remembering.core.blocks
        old = [line.text for block in core for line in block.lines] or ["nothing"]
        makers = (
            ("core_append", {"block": random.choice(("human", "persona", "no")), "text": words,
                             "sources": [turn]}),
            ("core_replace", {"block": "human", "old": random.choice(old), "new": words[:40],
                              "sources": []}),
            ("archive_memory", {"text": words, "sources": [turn, "D1:c1"], "replaces": ["M3"]}),
            ("recall", {"query": words, "since": random.choice(("", "2026-05", "never"))}),
            ("page_in", {"locator": turn}),
            ("page_in", {"locator": turn, "pin": True}),
            ("page_out", {"locators": [turn]}),
        )  # fmt: skip
        name, arguments = random.choice(makers)
        return self._named(name, **arguments)


def said_before(random: Random) -> list[Memory]:
    """Turns of all lengths, some of them forged."""
    start, turns = datetime(2026, 4, 1, tzinfo=UTC), []
    for id in range(1, random.randint(2, 45)):
        words = random.choices(WORDS, k=random.choice((1, 12, 40, 400)))
        lines = [" ".join(words), *random.sample(FORGED, k=random.randint(0, 3))]
        who = ("user", "assistant")[id % 2]
        sources = random.choice(((), ("D1:c1",), ("T1",)))
        when = start + timedelta(hours=5 * id)
        turns.append(Memory(id, "turn", who, when, "\n".join(lines), sources, "main"))
    return turns


def planned(
    random: Random, base: World, counter: TokenCounter
) -> tuple[RunPlan, SaidWorld, Shares]:
    """A chat's turn in a window that is just large enough, or a little larger."""
    turns = said_before(random)
    library = SaidWorld(base, turns)
    factor, max_output = random.choice((1.0, 1.0, 1.5)), random.choice((200, 512))
    core = [
        CoreBlock(name, tuple(
            CoreLine(" ".join(random.choices(WORDS, k=9)), random.choice(((), ("T1", "D2"))))
            for _ in range(random.choice((0, 2, 30)))
        ))
        for name in ("human", "persona")
    ]  # fmt: skip
    summary = random.choice((None, Summary(" ".join(random.choices(WORDS, k=20)), ("T1-2", "D1"))))
    window = 4_000
    while True:
        paging = PagingSettings(window=window, max_output=max_output,
                                functions=random.choice(("full", "full", "small")))  # fmt: skip
        room, sizer = chat_room(paging, counter=counter, factor=factor)
        shares = Shares.of(ChatSettings(), room, sizer)
        staying = turns[leaving(turns, shares) :]
        at_hand = conversation_of(
            core, summary, staying, shares,
            passages_of=lambda n: library.load_range(PassageRange(n, 1, 10**6)),
        )  # fmt: skip
        try:
            plan = plan_run(
                QUESTION, library.documents(), counter=counter, factor=factor, paging=paging,
                limits=RunLimits(max_steps=random.randint(2, 40)), conversation=at_hand,
            )  # fmt: skip
        except WindowTooSmall as refused:
            window = max(window + 100, refused.smallest)
            continue
        return plan, library, shares


def check_shares(plan: RunPlan, shares: Shares, watch: WatchedRun) -> None:
    """Each part of the conversation at hand within its share, counted anew."""
    parts = dict.fromkeys(("core", "summary", "turns"), 0)
    part = ""
    for line in plan.said.splitlines():
        if line.startswith("## "):
            part = {"C": "core", "S": "summary", "N": "turns"}[line[3]]
        else:
            parts[part] += watch.count(line)
    assert parts["core"] <= shares.core
    assert parts["turns"] <= shares.turns + len(plan.said.splitlines())
    assert sum(line.startswith("## ") for line in plan.said.splitlines()) <= 3


def watched(random: Random) -> WatchedRun:
    base = world(random.choice(WORLDS))
    plan, library, shares = planned(random, base, random.choice(COUNTERS))
    watch = WatchedRun(plan, library, watch_counter(plan))
    check_shares(plan, shares, watch)
    ends, habit = random.choice((0.0, 0.1, 0.25)), random.choice(tuple(HABITS))
    model = TalkingModel(random, library, ends=ends, habit=habit)
    remembering = watch.run.delivery.remembering
    while watch.run.outcome is None:
        if random.random() < 0.05:
            watch.interrupt("T99: and in dollars? " * random.choice((1, 40)))
            watch.happened["message in the middle"] += 1
        request = watch.request()
        assert plan.said in request.turns[0].text
        before = len(remembering.edits)
        watch.answer(model.reply(watch.run))
        results = " ".join(result.text for result in watch._results)
        watch.happened["core refused"] += "core memory may take" in results
        new = remembering.edits[before:]
        watch.happened["core edited"] += any(e.function.startswith("core") for e in new)
        watch.happened["memory archived"] += any(e.function == "archive_memory" for e in new)
        watch.happened["turn resident"] += any(p.document < 0 for p in watch.run.context.table.ids)
        tokens = sum(watch.count(f"{line}\n") for line in render_core(remembering.core.blocks))
        old = sum(watch.count(f"{line}\n") for line in render_core(plan.conversation.core))
        assert tokens <= max(shares.core, old)
    cited = getattr(watch.run.outcome, "citations", ())
    watch.happened["turn cited"] += any((c.document or 0) < 0 for c in cited)
    watch.check_replay()
    return watch


def watch_counter(plan: RunPlan) -> TokenCounter:
    return next(counter for counter in COUNTERS if counter.name == plan.counter)


@pytest.mark.parametrize("seeds", seeds(120, always=40))
def test_random_turns_of_a_chat_keep_every_promise(seeds: range) -> None:
    runs: Counter[str] = Counter()
    for seed in seeds:
        watch = watched(Random(seed))  # asserts every promise on the way
        runs.update(key for key, times in watch.happened.items() if times)
        runs[watch.run.outcome.status] += 1
    print({name: f"{count / len(seeds):.0%}" for name, count in sorted(runs.items())})
    assert too_rare(runs, LEAST, len(seeds)) == {}
