"""MainContext: what the model sees now, what may join it, and when it is rebuilt."""

from __future__ import annotations

from collections.abc import Sequence

from docpager.llm.chat import (
    AssistantTurn,
    CallResult,
    FunctionSchema,
    ModelRequest,
    ToolCall,
    Usage,
    UserTurn,
)
from docpager.locators import covers, parse_locator
from docpager.pages import Passage, PassageId
from docpager.paging.epoch import Epoch, PromptSizer
from docpager.paging.framing import fence_tokens, frame_tokens, warning
from docpager.paging.page_table import PageTable, Residency
from docpager.paging.policies import EvictionPolicy
from docpager.paging.pressure import Budget
from docpager.paging.reading_log import ReadingLog
from docpager.paging.rebuild import Head, StepText, in_reading_order
from docpager.paging.rendering import one_line, render_passage
from docpager.paging.statistics import PagingStatistics
from docpager.paging.step import NO_ROOM, SKIPPED, OpenStep, Rebuild
from docpager.paging.working_memory import WorkingMemory

__all__ = ["MainContext"]

REMARK_CHARACTERS = 300
"""Longest nudge, and longest remark (timer, user message), added to one step."""

REMARK_SHARE = 0.25
"""Most of the reserve for the smallest step that a nudge, or a remark, may take in tokens."""

WORTHWHILE_SHARE = 0.1
"""A rebuild that drops released pages alone must leave this share of the window free."""

_ARGUMENT_LIMITS = (None, 40, 0)
"""How far a rebuild shortens the arguments of the newest calls, tried in this order."""


class MainContext:
    """One run's window: epoch, page table, notes and reading log, kept within a budget."""

    def __init__(
        self,
        *,
        budget: Budget,
        sizer: PromptSizer,
        instructions: str,
        functions: tuple[FunctionSchema, ...],
        document_map: str,
        question: str,
        policy: EvictionPolicy,
    ) -> None:
        self.budget = budget
        self.table = PageTable()
        self.notes = WorkingMemory(cap=budget.notes_cap, count=sizer.count)
        self.log = ReadingLog()
        self.statistics = PagingStatistics(window=budget.window)
        self.warned = False
        """Whether the newest request carried the warning."""
        self._sizer = sizer
        self._instructions = instructions
        self._functions = functions
        self._map = document_map
        self._question = question
        self._policy = policy
        self._head_tokens = frame_tokens(sizer) + sizer.count(document_map) + sizer.count(question)
        self._fence_tokens = fence_tokens(sizer)
        self._warning_tokens = sizer.text(warning(1.0))
        self._step: OpenStep | None = None
        head = UserTurn(Head(document_map, question).render())
        self.epoch = Epoch(head, number=1, tokens=budget.fixed + sizer.turn(head))

    @property
    def sealed(self) -> bool:
        """Whether the newest step has become part of an epoch."""
        return self._step is None

    @property
    def newest_results(self) -> tuple[CallResult, ...]:
        """Results admitted in the open step, in call order."""
        return tuple(self._step.results) if self._step is not None else ()

    def request(self, *, calls_allowed: bool) -> ModelRequest:
        """What to send: the epoch as it stands."""
        return self.epoch.render(
            instructions=self._instructions,
            functions=self._functions,
            max_output_tokens=self.budget.reserved_output,
            calls_allowed=calls_allowed,
        )

    def settle(self, usage: Usage | None) -> None:
        """Take the prompt's size from a server that counted it: only the tail stays estimated."""
        if usage is not None and usage.source == "server":
            self.epoch.tokens = usage.prompt_tokens

    # What one step does: open it, admit a result for each call, seal it.

    def open_step(
        self,
        reply: AssistantTurn | None,
        *,
        tokens: int,
        skipped: Sequence[ToolCall] = (),
        remarks: Sequence[str] = (),
    ) -> None:
        """Begin to answer a reply; None for one that cannot be kept, such as an empty one.

        `remarks` (a timer, a user's message) will stand in the step's newest result.
        """
        calls = reply.calls[: len(reply.calls) - len(skipped)] if reply else ()
        self._step = OpenStep(reply, tokens if reply else 0, calls, tuple(skipped))
        self._step.remark = self._cut(" ".join(remarks))
        self._step.log_tokens = self._sizer.count(self._log(self.budget.log_cap))
        self._shorten_arguments()
        if not self.budget.fits(self._appended(0)):
            self._step.rebuild = Rebuild.EVICT if self.warned else Rebuild.CROWDED

    def nudge(self, text: str) -> None:
        """Tell the model something that answers no call."""
        self._open.nudge = self._cut(text)

    def bound(self) -> int:
        """The most that one result of this step can ever take."""
        return max(0, self._free_after(Rebuild.EVICT))

    def free(self) -> int:
        """Tokens that the next result may take without evicting anything unreleased."""
        if kind := self._open.rebuild:
            return max(0, self._free_after(kind))
        appended = self.budget.window - self.budget.worst_case(self._appended(0))
        if self.table.released:
            appended = max(appended, self._free_after(Rebuild.RELEASED))
        return max(0, min(appended, self.bound()))

    def admit(
        self, text: str, *, is_error: bool = False, notes: WorkingMemory | None = None
    ) -> bool:
        """Add the result of the next call if it fits, together with the notes it would change."""
        step = self._open
        before = step.rebuild, step.log_tokens
        if not self._make_room(self._sizer.text(text), notes or self.notes):
            step.rebuild, step.log_tokens = before
            return False
        self.notes = notes or self.notes
        step.add(text, is_error=is_error)
        return True

    def would_admit(self, text: str) -> bool:
        """Whether the next call's result fits, without deciding anything."""
        step = self._open
        before = step.rebuild, step.log_tokens
        fits = self._make_room(self._sizer.text(text), self.notes)
        step.rebuild, step.log_tokens = before
        return fits

    def refuse(self, *sentences: str, warn: bool = False) -> None:
        """Answer the next call with the first of these sentences that fits.

        `warn` lets the next request carry the warning: it was refused for want of room.
        """
        self._open.warn = self._open.warn or warn
        if not any(self.admit(sentence, is_error=True) for sentence in sentences):
            self._open.add(NO_ROOM, is_error=True)

    def enter(self, passages: Sequence[Passage], *, step: int, pin: bool) -> None:
        """Make passages resident whose text was just admitted."""
        for passage in passages:
            self.table.page_in(passage, tokens=self.page_tokens(passage), step=step, pin=pin)
            self._open.loaded.add(passage.id)

    def page_tokens(self, passage: Passage) -> int:
        """What a passage takes in main context."""
        return self._sizer.count(render_passage(passage) + "\n")

    def seal(self, *, step: int) -> None:
        """Make the step part of an epoch: append it, or start a new one that carries it."""
        opened = self._open
        turn = opened.user_turn()
        tokens = self.epoch.tokens + opened.reply_tokens + self._sizer.turn(turn)
        if kind := opened.rebuild or self._rebuild_wanted(tokens):
            self._start_epoch(kind, step=step)
        else:
            self._append(turn, tokens)
        self._step = None

    # What fits.

    def _make_room(self, tokens: int, notes: WorkingMemory) -> bool:
        """Whether a result of that size can join, deciding on the rebuild that it takes."""
        step = self._open
        lacking = tokens - self._free_after(Rebuild.EVICT, notes)
        if lacking > step.log_tokens:
            return False
        # The log's share is a cap, not a reservation: its oldest lines make room.
        step.log_tokens -= max(0, lacking)
        if step.rebuild is not None:
            return tokens <= self._free_after(step.rebuild, notes)
        if self.budget.fits(self._appended(tokens)):
            return True
        if self.table.released and tokens <= self._free_after(Rebuild.RELEASED, notes):
            step.rebuild = Rebuild.RELEASED
        elif self.warned:
            step.rebuild = Rebuild.EVICT
        return step.rebuild is not None

    def _free_after(self, kind: Rebuild, notes: WorkingMemory | None = None) -> int:
        """Tokens that one more result may take if the step ends with that rebuild."""
        staying = self._unpinned() if kind is Rebuild.RELEASED else []
        return self.budget.limit_after_rebuild - self._rebuilt(staying, notes)

    def _unpinned(self) -> list[Residency]:
        """Unreleased pages that a rebuild would have to render: not pinned, not of this step."""
        new = self._open.loaded
        return [e for e in self.table.unreleased if not e.pinned and e.passage.id not in new]

    def _appended(self, tokens: int) -> int:
        """The prompt if the step is appended: one more result, the smallest for the others."""
        step = self._open
        results = sum(self._sizer.result(result) for result in step.results)
        others = max(0, step.waiting - (tokens > 0)) * self._sizer.text(NO_ROOM)
        skipped = len(step.skipped) * self._sizer.text(SKIPPED)
        own = step.reply_tokens + results + tokens + others + skipped
        return self.epoch.tokens + own + self._warning_tokens + self._remark_tokens()

    def _rebuilt(self, staying: Sequence[Residency], notes: WorkingMemory | None = None) -> int:
        """An upper bound of the prompt that a rebuild would make now, without one more result."""
        step, count = self._open, self._sizer.count
        pinned = [entry for entry in self.table.pinned if entry.passage.id not in step.loaded]
        pages = sum(entry.tokens for entry in (*pinned, *staying))
        results = sum(count(result.text) for result in step.results)
        others = max(0, step.waiting - 1) * count(NO_ROOM)
        remarks = self._remark_tokens() + count(step.skipped_remark)
        head = self._head_tokens + count((notes or self.notes).render()) + step.log_tokens
        return self.budget.fixed + head + pages + self._call_lines() + results + others + remarks

    def _remark_tokens(self) -> int:
        step = self._open
        return self._sizer.count(f"{step.nudge} {step.remark}\n")

    def _call_lines(self) -> int:
        step = self._open
        lines = (StepText(call, "", step.argument_limit).call_line for call in step.calls)
        return sum(self._sizer.count(line) + self._fence_tokens for line in lines)

    def _shorten_arguments(self) -> None:
        """Cut the calls' arguments, then the log, until the smallest results would fit."""
        step = self._open
        for limit in _ARGUMENT_LIMITS:
            step.argument_limit = limit
            if self._free_after(Rebuild.EVICT) >= self._sizer.count(NO_ROOM):
                return
        step.log_tokens = 0

    # How a step ends.

    def _rebuild_wanted(self, tokens: int) -> Rebuild | None:
        pressed = self.budget.must_warn(tokens)
        worthwhile = WORTHWHILE_SHARE * self.budget.window
        if pressed and self.table.released and self._free_after(Rebuild.RELEASED) >= worthwhile:
            return Rebuild.RELEASED
        if pressed and self.warned and self.budget.may_evict(tokens):
            return Rebuild.EVICT
        return None

    def _append(self, turn: UserTurn, tokens: int) -> None:
        opened = self._open
        self.warned = opened.warn or self.budget.must_warn(tokens)
        if self.warned:
            self.statistics.warnings += 1
            turn = opened.user_turn(warning(self.budget.pressure(tokens)))
        if opened.reply is not None:
            self.epoch.append(opened.reply, tokens=opened.reply_tokens)
        self.epoch.append(turn, tokens=self._sizer.turn(turn))

    def _start_epoch(self, kind: Rebuild, *, step: int) -> None:
        """A new epoch: the head, the pages that stay, the newest step as text."""
        opened = self._open
        staying = self._survivors(kind)
        self._evict_others({entry.passage.id for entry in staying}, step=step)
        spare = self.budget.limit_after_rebuild - self._rebuilt(staying)
        pages = [e.passage for e in self.table.unreleased if e.passage.id not in opened.loaded]
        head = Head(
            self._map,
            self._question,
            self.notes.render(),
            self._log(min(self.budget.log_cap, opened.log_tokens + max(0, spare))),
            in_reading_order(pages),
            opened.texts(),
            " ".join(filter(None, (opened.skipped_remark, opened.nudge, opened.remark))),
        )
        turn = UserTurn(head.render())
        tokens = self.budget.fixed + self._sizer.turn(turn)
        self.epoch = Epoch(turn, number=self.epoch.number + 1, tokens=tokens)
        self.statistics.rebuilds += 1
        self.warned = False

    def _survivors(self, kind: Rebuild) -> list[Residency]:
        """The unpinned pages that stay."""
        pages = self._unpinned()
        if kind is Rebuild.RELEASED:
            return pages
        limit = self.budget.limit_after_rebuild
        if kind is Rebuild.EVICT:
            limit = min(limit, self.budget.survivors_limit)
        chosen = set(self._policy.survivors(pages, limit - self._rebuilt([])))
        return [page for page in pages if page.passage.id in chosen]

    def _evict_others(self, staying: set[PassageId], *, step: int) -> None:
        pinned = {entry.passage.id for entry in self.table.pinned}
        left = self.table.keep_only(staying | pinned | self._open.loaded)
        sources = [parse_locator(s) for note in self.notes.notes for s in note.sources]
        noted = {e.passage.id for e in left if any(covers(s, e.passage) for s in sources)}
        self.statistics.evict([entry.passage.id for entry in left], step=step, noted=noted)

    def _log(self, cap: int) -> str:
        return self.log.render(cap=cap, count=self._sizer.count, resident=self.table.ids)

    def _cut(self, remark: str) -> str:
        """A remark on one line, as long as it may be in characters and in tokens."""
        remark = one_line(remark, limit=REMARK_CHARACTERS)
        while self._sizer.count(remark) > REMARK_SHARE * self.budget.step_reserve:
            remark = one_line(remark, limit=max(1, len(remark) * 3 // 4))
        return remark

    @property
    def _open(self) -> OpenStep:
        assert self._step is not None, "no step is open"
        return self._step
