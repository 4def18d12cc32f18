"""Moves a run by hand, without a model, a journal or an event loop."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

from run_worlds import drawn
from toy_library import ToyLibrary, toy_document

from docpager.core.pictures import PicturePrice
from docpager.core.settings import PagingSettings, RunLimits
from docpager.core.tokens import BuiltInEstimator, TokenCounter
from docpager.models.messages import CallResult, ModelReply, ModelRequest, ToolCall, UserTurn
from docpager.models.scripted import reply
from docpager.paging.epoch import PromptSizer
from docpager.run.executor import FunctionExecutor
from docpager.run.plan import RULES, plan_run
from docpager.run.state import Run


class Play:
    """One run over a toy library; each `say` is a whole step."""

    def __init__(
        self,
        library: ToyLibrary,
        *,
        question: str = "What was paid?",
        paging: PagingSettings | None = None,
        limits: RunLimits | None = None,
        policy: str = "recent",
        counter: TokenCounter | None = None,
        scope: list[int] | None = None,
        rules: int = RULES,
        prefetch: bool = False,
        pictures: PicturePrice | None = None,
    ) -> None:
        counter = counter or BuiltInEstimator()
        plan = plan_run(
            question,
            library.documents(),
            counter=counter,
            paging=paging,
            limits=limits,
            policy=policy,
            pictures=pictures,
        )
        plan = replace(plan, rules=rules)
        self.run = Run(plan, counter)
        self.executor = FunctionExecutor(
            library,
            functions=plan.functions,
            sizer=PromptSizer.of(counter, 1),
            scope=scope,
            rules=rules,
            pictures=plan.pictures,
            draw=partial(drawn, price=plan.pictures) if plan.pictures else None,
        )
        if prefetch:
            self.run.prefetch(self.executor.prefetch(self.run))
        self.requests: list[ModelRequest] = [self.run.next_request()]
        self._named = 0

    def say(self, *parts: ToolCall | str | ModelReply) -> list[CallResult]:
        """Make a reply, deliver its results, make the next request; returns the results."""
        said = parts[0] if isinstance(parts[0], ModelReply) else reply(*parts)
        pending = self.run.receive(self._with_ids(said))
        self.run.deliver(self.executor.execute_all(pending))
        results = [] if self.run.context.sealed else list(self.run.context.newest_results)
        if self.run.outcome is None:
            self.requests.append(self.run.next_request())
        return results

    def fill(self, numbers: range | list[int], document: int = 1) -> None:
        """Page in one passage a step."""
        for n in numbers:
            self.say(ToolCall("", "page_in", {"locator": f"D{document}:c{n}"}))

    @property
    def head(self) -> str:
        """The first turn of the newest request."""
        turn = self.requests[-1].turns[0]
        assert isinstance(turn, UserTurn)
        return turn.text

    @property
    def newest(self) -> UserTurn:
        turn = self.requests[-1].turns[-1]
        assert isinstance(turn, UserTurn)
        return turn

    @property
    def warned(self) -> bool:
        shown = [self.newest.text, *(result.text for result in self.newest.results)]
        return any("[memory] Main context is" in text for text in shown)

    @property
    def resident(self) -> list[str]:
        return [str(passage) for passage in sorted(self.run.context.table.ids)]

    def _with_ids(self, said: ModelReply) -> ModelReply:
        calls = []
        for call in said.calls:
            self._named += 1
            calls.append(ToolCall(f"call-{self._named}", call.name, call.arguments))
        return replace(said, calls=tuple(calls))


def long_library(passages: int = 60) -> ToyLibrary:
    """One document of at least so many passages, every sentence another one."""
    sentences = [
        f"Item {n} was bought for {n * 7} dollars on day {n}." for n in range(passages * 24)
    ]
    return ToyLibrary(toy_document("\n".join(sentences), path="ledger.txt"))
