"""The other ways: append and never evict, or evict as little as possible at every step.

Both send the same first request and the same kind of turns through the same adapter.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

from benchmarks.cost.epochs import first_request
from benchmarks.cost.replies import Speaker, joined, pages_of
from benchmarks.cost.server import Bill, BillingServer
from benchmarks.cost.sized import SizedLibrary, filler
from benchmarks.cost.strings import ReferenceString
from docpager.core.locators import parse_locator
from docpager.core.passages import PassageId, PassageRange
from docpager.core.settings import PagingSettings
from docpager.models.messages import AssistantTurn, CallResult, ModelRequest, ToolCall, UserTurn
from docpager.run.render import present_loaded
from docpager.run.tool_results import Loaded

__all__ = ["AppendOnly", "EvictEveryStep"]


@dataclass
class Exchange:
    """A reply and its results: what is kept or evicted as a whole."""

    reply: AssistantTurn
    results: UserTurn
    pages: frozenset[PassageId]
    tokens: int
    used: int
    """Number of the latest request that needed it."""


class AppendOnly:
    """Everything stays. The reader writes no notes and releases nothing: it need not."""

    name = "append-only"
    keeps_books = False

    def __init__(self, string: ReferenceString, paging: PagingSettings) -> None:
        self._string = string
        self._library = SizedLibrary(string)
        self._server = BillingServer(string.server_ratio)
        self._speaker = Speaker()
        self._first = first_request(string, paging)
        self._first_tokens = self._server.prompt_tokens(self._first)
        self._kept: list[Exchange] = []
        self.bill = Bill(self.name)

    def play(self) -> Bill:
        """The bill of the whole string."""
        wanted: list[PassageId] = []
        for step in self._string.steps:
            self.bill.begin_step()
            self._bring_in([*wanted, *pages_of(step.again)])
            self._send(self._speaker.step(step, keeps_books=self.keeps_books), step.found)
            wanted = pages_of(step.new)
        return self.bill

    def make_room(self, needed: frozenset[PassageId]) -> None:
        """Evict what a request does not need, where it must."""

    def mark(self, body: dict[str, Any]) -> None:
        """Place cache breakpoints otherwise than the adapter does."""

    def _bring_in(self, pages: list[PassageId]) -> None:
        needed = frozenset(pages)
        seen = self._resident
        self.make_room(needed)
        if missing := needed - seen - self._resident:
            self.bill.extra_steps += 1
            self.bill.refaults += len(missing)
            self._send(self._speaker.page_in(joined(list(missing))), ())
            seen |= self._resident
            self.make_room(needed)
        self.bill.unserved += bool(needed - seen - self._resident)
        for each in self._kept:
            if each.pages & needed:
                each.used = self.bill.requests

    @property
    def _resident(self) -> frozenset[PassageId]:
        return frozenset().union(*(each.pages for each in self._kept))

    @property
    def _prompt_tokens(self) -> int:
        return self._first_tokens + sum(each.tokens for each in self._kept)

    def _request(self) -> ModelRequest:
        turns = [turn for each in self._kept for turn in (each.reply, each.results)]
        return replace(self._first, turns=(*self._first.turns, *turns))

    def _send(self, reply: AssistantTurn, found: Iterable[int]) -> None:
        body = self._server.body(self._request())
        self.mark(body)
        self.bill.add(self._server.bill(body, reply))
        results, pages = self._answers(reply, found)
        tokens = self._server.turn_tokens(self._first, (reply, results))
        exchange = Exchange(reply, results, frozenset(pages), tokens, self.bill.requests)
        self._kept.append(exchange)

    def _answers(
        self, reply: AssistantTurn, found: Iterable[int]
    ) -> tuple[UserTurn, set[PassageId]]:
        paged_in: set[PassageId] = set()
        sizes = iter(found)
        results = []
        for call in reply.calls:
            text = filler(next(sizes)) if call.name == "search" else self._said(call, paged_in)
            results.append(CallResult(call.id, text))
        return UserTurn("" if results else "Continue.", tuple(results)), paged_in

    def _said(self, call: ToolCall, paged_in: set[PassageId]) -> str:
        if call.name != "page_in":
            return "noted as N10." if call.name == "write_note" else "released 9 passages."
        place = parse_locator(call.arguments["locator"])
        wanted = PassageRange(place.number, place.first, place.last)
        here = self._resident | paged_in
        fresh = tuple(p for p in self._library.load_range(wanted) if p.id not in here)
        already = tuple(id_ for id_ in wanted.ids() if id_ in here)
        paged_in.update(passage.id for passage in fresh)
        path = self._library.document(wanted.document).path
        return present_loaded(Loaded(wanted, path, fresh, already))


class EvictEveryStep(AppendOnly):
    """The least recently used exchanges leave, as few as must, before each request.

    Made as cheap as it can be: what leaves takes its notes with it and is summarised nowhere, and
    a breakpoint stands where the conversation was last cut.
    """

    name = "evict every step"
    keeps_books = True

    def __init__(self, string: ReferenceString, paging: PagingSettings) -> None:
        super().__init__(string, paging)
        self._budget = paging.window - paging.max_output
        self._sent: list[Exchange] = []

    def make_room(self, needed: frozenset[PassageId]) -> None:
        """Evict until the prompt fits beside the reserved output."""
        while self._prompt_tokens > self._budget:
            others = [each for each in self._kept[:-1] if not each.pages & needed]
            if not others:
                return
            self._kept.remove(min(others, key=lambda each: each.used))

    def mark(self, body: dict[str, Any]) -> None:
        """The fourth breakpoint: the end of what the last request began with too."""
        common = 0
        for before, now in zip(self._sent, self._kept, strict=False):
            if before is not now:
                break
            common += 1
        self._sent = list(self._kept)
        users = [each["content"] for each in body["messages"] if each["role"] == "user"]
        if 0 < common < len(users) - 2:
            users[-2][-1].pop("cache_control", None)
            users[common][-1]["cache_control"] = {"type": "ephemeral"}
