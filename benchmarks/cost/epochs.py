"""Ours: a reference string played through the real run, executor and adapter."""

from __future__ import annotations

import re
from collections.abc import Sequence

from benchmarks.cost.replies import Speaker, joined, pages_of
from benchmarks.cost.server import MODEL, Bill, BillingServer
from benchmarks.cost.sized import ESTIMATOR, SizedLibrary
from benchmarks.cost.strings import ReferenceString
from docpager.core.locators import parse_locator
from docpager.core.passages import PassageId, PassageRange
from docpager.core.settings import PagingSettings, RunLimits
from docpager.models.messages import AssistantTurn, ModelReply, ModelRequest, Usage
from docpager.models.registry import model_defaults
from docpager.paging.epoch import PromptSizer
from docpager.run.executor import FunctionExecutor
from docpager.run.plan import plan_run
from docpager.run.state import Run

_WOULD_FIT = re.compile(r"(D\d+:c[\d-]+) would fit")

__all__ = ["Epochs", "first_request", "run_of"]

QUESTION = "What do these documents say?"
MOST_TRIES = 8
"""Replies that may go by until pages are resident, refusals among them."""


def run_of(
    string: ReferenceString, library: SizedLibrary, paging: PagingSettings, policy: str = "recent"
) -> Run:
    """A run as one with Claude begins."""
    counter = ESTIMATOR
    plan = plan_run(
        QUESTION,
        library.documents(),
        counter=counter,
        factor=model_defaults(MODEL).factor,
        paging=paging,
        limits=RunLimits(max_steps=100 * len(string.steps)),
        policy=policy,
    )
    return Run(plan, counter)


def first_request(string: ReferenceString, paging: PagingSettings) -> ModelRequest:
    """What every way of keeping the conversation begins with."""
    return run_of(string, SizedLibrary(string), paging).next_request()


class Epochs:
    """Plays one string through one run."""

    def __init__(
        self, string: ReferenceString, paging: PagingSettings, *, policy: str = "recent"
    ) -> None:
        self._string = string
        self._library = SizedLibrary(string)
        self._server = BillingServer(string.server_ratio)
        self._run = run_of(string, self._library, paging, policy)
        plan = self._run.plan
        self._executor = FunctionExecutor(
            self._library,
            functions=plan.functions,
            sizer=PromptSizer.of(ESTIMATOR, plan.factor),
        )
        self._speaker = Speaker()
        self._visible: frozenset[PassageId] = frozenset()
        """What the newest request showed."""
        self.bill = Bill("epochs (ours)")

    def play(self) -> Bill:
        """The bill of the whole string."""
        wanted: list[PassageId] = []
        for step in self._string.steps:
            self.bill.begin_step()
            self._bring_in([*wanted, *pages_of(step.again)])
            self._library.found.extend(step.found)
            self._send(self._speaker.step(step, keeps_books=True))
            wanted = pages_of(step.new)
        statistics = self._run.context.statistics
        self.bill.rebuilds, self.bill.refaults = statistics.rebuilds, statistics.refaults
        return self.bill

    def _bring_in(self, pages: Sequence[PassageId]) -> None:
        """Page in what the next reply needs and the model has not just seen; each try a reply."""
        seen = set(self._visible)
        for _ in range(MOST_TRIES):
            seen |= self._look()
            missing = [page for page in pages if page not in seen]
            if not missing:
                return
            self.bill.extra_steps += 1
            self._send(self._speaker.page_in([self._hint or joined(missing)[0]]))
        self.bill.unserved += any(page not in seen | self._look() for page in pages)

    def _look(self) -> frozenset[PassageId]:
        """What the next request shows: a rebuild may come before it."""
        self._run.next_request()
        return self._run.context.table.ids

    @property
    def _hint(self) -> PassageRange | None:
        """What the newest refusal said would fit."""
        context = self._run.context
        texts = [result.text for result in context.epoch.turns[-1].results]
        found = _WOULD_FIT.search(texts[-1] if texts else context.epoch.turns[-1].text)
        place = parse_locator(found[1]) if found else None
        return PassageRange(place.number, place.first, place.last) if place else None

    def _send(self, reply: AssistantTurn) -> None:
        run = self._run
        request = run.next_request()
        self._visible = run.context.table.ids
        usage = self._server.bill(self._server.body(request), reply)
        self.bill.add(usage)
        counted = Usage(
            usage.input_tokens,
            usage.cache_read_tokens,
            usage.cache_write_tokens,
            usage.output_tokens,
            "server",
        )
        calls = run.receive(ModelReply(reply.text, reply.calls, "tool_use", counted, cost_usd=0.0))
        run.deliver(self._executor.execute_all(calls))
        assert run.outcome is None, run.outcome
