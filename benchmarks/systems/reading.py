"""One request without functions: the way in which every system but docpager reads.

Instructions and functions are docpager's own, so that the same model is told the same and both
count against everybody's window; text stands where docpager would put resident pages. The built-in
reader, which is not a language model, reads only this form.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache, reduce

from benchmarks.samples import SystemQuestion
from benchmarks.systems.system import Setup, SystemAnswer, scope_of, stretches
from benchmarks.systems.text_cutting import appended, cut_after, cut_before, joined
from docpager import Archive, PagingSettings
from docpager.core.errors import AttemptFailed, ModelError
from docpager.core.locators import parse_locator
from docpager.core.passages import Passage, PassageRange
from docpager.core.retries import with_retries_async
from docpager.core.tokens import BuiltInEstimator
from docpager.models.messages import FunctionSchema, ModelReply, ModelRequest, Turn, Usage, UserTurn
from docpager.models.pricing import price_of
from docpager.paging.epoch import PromptSizer
from docpager.paging.rebuild import LAST_REPLY, Head
from docpager.run.answer_line import citations_of
from docpager.run.functions import parse_plain_answer
from docpager.run.plan import plan_run
from docpager.run.quotes import QuoteChecker
from docpager.run.tool_results import QuoteCheck

__all__ = ["ModelReader", "ModelReading"]

_COUNTED = 1_024
"""Texts whose sizes are remembered: the turns of one conversation."""
_FENCE = 40
"""Tokens of the fence around pages, whatever its marker."""


@dataclass(frozen=True, slots=True)
class ModelReading:
    """What one request gave."""

    text: str
    found: bool
    checks: tuple[QuoteCheck, ...]
    """Its quotes, looked up in the archive."""


class ModelReader:
    """Asks a model one question, as often as a system likes, and keeps count."""

    def __init__(self, question: SystemQuestion, archive: Archive, setup: Setup) -> None:
        self._archive, self._setup = archive, setup
        self.documents = scope_of(question, archive)
        entries = archive.documents()
        if self.documents is not None:
            entries = [entry for entry in entries if entry.id in set(self.documents)]
        self.order = [entry.id for entry in entries]
        """The documents, in reading order."""
        counter = BuiltInEstimator()
        self._plan = plan_run(
            question.text,
            entries,
            counter=counter,
            factor=setup.factor,
            paging=PagingSettings(window=setup.window, max_output=setup.max_output),
        )
        # The same turns are sized before every request of a conversation.
        counted_once = lru_cache(maxsize=_COUNTED)(PromptSizer.of(counter, setup.factor).count)
        self.sizer = PromptSizer(counted_once)
        self.count = self.sizer.count
        self._quotes = QuoteChecker(archive, parse_locator)
        self._seen: dict[tuple[int, int, int], Passage] = {}
        self._usage, self._cost, self._requests, self._peak = Usage(source="server"), 0.0, 0, 0
        self._priced = True

    @property
    def room(self) -> int:
        """Tokens for text beside everything else that a request holds."""
        empty = self.size([UserTurn(self.head((), last=True))])
        return self._setup.window - self._setup.max_output - empty - _FENCE

    async def read(self, passages: Sequence[Passage]) -> ModelReading:
        """Ask once over these passages; pieces of one passage are shown as one."""
        self.saw(passages)
        reply = await self.complete([UserTurn(self.head(joined(passages), last=True))])
        return self.parsed(reply.text)

    async def complete(
        self,
        turns: Sequence[Turn],
        *,
        functions: tuple[FunctionSchema, ...] | None = None,
        calls_allowed: bool = False,
    ) -> ModelReply:
        """The model's reply to a conversation, within the window."""
        offered = self._plan.functions if functions is None else functions
        prompt = self.size(turns, functions=offered)
        self._peak = max(self._peak, prompt + self._setup.max_output)
        assert self._peak <= self._setup.window, "a system overran its window"
        request = ModelRequest(
            self._plan.instructions, offered, tuple(turns), self._setup.max_output, calls_allowed
        )
        reply = await with_retries_async(lambda: self._setup.model.complete(request))
        self._account(reply, prompt)
        return reply

    def parsed(self, text: str) -> ModelReading:
        """A reply in plain text, its quotes looked up."""
        parsed = parse_plain_answer(text)
        checks = self._quotes.check_all(parsed["citations"]).checks
        return ModelReading(parsed["text"], bool(parsed["found"]), checks)

    def saw(self, passages: Sequence[Passage]) -> None:
        """Remember what stood in a prompt."""
        for passage in passages:
            self._seen[passage.document, passage.start, passage.end] = passage

    def answer(self, reading: ModelReading) -> SystemAnswer:
        """The system's answer, with all that was spent."""
        return SystemAnswer(
            status="answered" if reading.found else "abstained",
            text=reading.text,
            citations=citations_of(reading.checks),
            requests=self._requests,
            usage=self._usage,
            cost_usd=self._cost if self._priced else None,
            peak_tokens=self._peak,
            shown=stretches(self._seen.values(), self._archive),
        )

    def failed(self, error: ModelError | AttemptFailed) -> SystemAnswer:
        """What is left where the model failed: the books."""
        return replace(self.answer(ModelReading("", False, ())), status="failed", error=str(error))

    def quotes_of(self, reading: ModelReading) -> list[Passage]:
        """What a reading quoted, as passages that hold nothing else: the notes of systems."""
        if not reading.found:
            return []
        return [self._quote(check) for check in reading.checks if check.passages]

    def _quote(self, check: QuoteCheck) -> Passage:
        first, last = check.passages[0], check.passages[-1]
        touched = PassageRange(first.document, first.ordinal, last.ordinal)
        whole = reduce(appended, self._archive.load_range(touched))
        after = len(whole.text) - max(0, whole.text.find(check.quote))
        quote = cut_after(cut_before(whole, after), len(check.quote))
        return replace(quote, tokens=self.count(check.quote))

    def head(self, passages: Sequence[Passage], *, last: bool = False) -> str:
        """Document map, question and pages, as docpager writes them; `last` asks for an answer."""
        plan, remark = self._plan, LAST_REPLY if last else ""
        return Head(plan.document_map, plan.question, pages=tuple(passages), remark=remark).render()

    def size(
        self, turns: Sequence[Turn], *, functions: tuple[FunctionSchema, ...] | None = None
    ) -> int:
        """Tokens of a prompt, instructions and functions included."""
        offered = self._plan.functions if functions is None else functions
        fixed = self.sizer.fixed(self._plan.instructions, offered)
        return fixed + sum(map(self.sizer.turn, turns))

    def _account(self, reply: ModelReply, prompt: int) -> None:
        estimate = Usage(input_tokens=prompt, output_tokens=self.sizer.reply(reply.text, ()))
        usage = reply.usage or estimate
        self._usage += usage
        self._requests += 1
        price = price_of(self._setup.model.name)
        cost = reply.cost_usd if price is None else price.cost(usage)
        self._priced = self._priced and cost is not None
        self._cost += cost or 0.0
