"""OpenStep: what stands between a reply and the request that answers it, and whether it fits."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum

from docpager.core.pictures import PageId, Picture
from docpager.models.messages import AssistantTurn, CallResult, ToolCall, UserTurn
from docpager.paging.epoch import BLOCK_TOKENS
from docpager.paging.page_table import PageTable, Residency
from docpager.paging.pressure import WindowBudget
from docpager.paging.rebuild import StepText, fence_tokens, frame_tokens, warning
from docpager.paging.rendering import fence, marker_for, one_line
from docpager.paging.token_meter import Meter
from docpager.paging.token_sizes import NOTHING, Size
from docpager.paging.working_memory import WorkingMemory

__all__ = ["NO_ROOM", "RESULTS_TITLE", "SKIPPED", "Fitting", "OpenStep", "Rebuild", "Remarks"]

NO_ROOM = "refused: no room"
"""The smallest result: what a call gets when nothing longer fits."""

SKIPPED = "skipped: at most 8 calls per reply"
"""What a call beyond the eighth gets."""


RESULTS_TITLE = "# Results of your calls"
"""Above results that answer calls which a model wrote as text."""

SHOWN_ARGUMENTS = 80
"""Characters of such a call's arguments beside its result: the model wrote them just before."""


REMARK_CHARACTERS = 300
"""Longest nudge, and longest remark (timer, user message), added to one step."""

REMARK_SHARE = 0.25
"""Largest share of `step_reserve`, in tokens, that one nudge or one remark may take."""


class Remarks:
    """Makes what is said beside results as short as the arithmetic of a step allows."""

    def __init__(self, meter: Meter, *, step_reserve: int, closing: str) -> None:
        self._meter = meter
        self._most = REMARK_SHARE * step_reserve
        self.closing = closing
        """What every prompt but one without passages ends with; empty where nothing does."""

    def may_say(self, text: str) -> bool:
        """Whether a text is no longer than remarks may be."""
        return self._meter.count(text) <= self._most

    def closed(self, remarks: str) -> str:
        """Remarks, and what the prompt ends with; together as long as remarks may be."""
        if not self.closing:
            return self.cut(remarks)
        closing = self.closing
        while not self.may_say(closing):
            # A long question is cut, at its end; what is asked of the model is not.
            question, _, rest = closing.partition("\n")
            shorter = one_line(question, limit=len(question) * 3 // 4)
            if shorter == question:
                break
            closing = f"{shorter}\n{rest}"
        room = self._most - self._meter.count(closing)
        remarks = self.cut(remarks)
        return f"{remarks}\n{closing}" if remarks and self._meter.count(remarks) < room else closing

    def cut(self, remark: str) -> str:
        """A remark on one line, as long as it may be in characters and in tokens."""
        remark = one_line(remark, limit=REMARK_CHARACTERS)
        # Characters do not bound tokens: some scripts take two or three for each.
        while not self.may_say(remark):
            remark = one_line(remark, limit=max(1, len(remark) * 3 // 4))
        return remark


class Rebuild(StrEnum):
    """Why a new epoch starts, and so which pages stay."""

    RELEASED = "released"
    """Only released pages leave."""
    EVICT = "evict"
    """After an answered warning: the policy chooses who stays."""
    CROWDED = "crowded"
    """A reply made more calls than can be appended: pages stay while they fit."""


@dataclass(slots=True)
class OpenStep:
    """A reply, the results of its calls so far, and what was decided about them."""

    reply: AssistantTurn | None = None
    """None for a reply that cannot be kept in the conversation, such as an empty one."""
    reply_tokens: int = 0
    calls: tuple[ToolCall, ...] = ()
    """Those that are executed."""
    skipped: tuple[ToolCall, ...] = ()
    results: list[CallResult] = field(default_factory=list)
    results_size: Size = NOTHING
    """Of the texts of the results, without framing, and of their pictures, with it."""
    loaded: set[PageId] = field(default_factory=set)
    """Passages whose text stands in the results, and pictures that stand there."""
    kept: set[PageId] = field(default_factory=set)
    """Pages that a result says are in main context: unless released, they stay."""
    argument_limit: int | None = None
    """Characters of a call's arguments that a rebuild shows; None for all."""
    log_tokens: int = 0
    """What the reading log may take in a rebuild."""
    rebuild: Rebuild | None = None
    """The rebuild that this step must end with, once a result was admitted because of it."""
    nudge: str = ""
    """A sentence that answers no call."""
    remark: str = ""
    """Lines of a timer or a user, for the newest result."""
    warn: bool = False
    """Whether something was refused for want of room."""
    written_for: str | None = None
    """The run's question, where the calls were written as text and are answered as text: a
    provider accepts results only for calls of its own."""

    def add(self, text: str, *, size: Size, is_error: bool, picture: Picture | None = None) -> None:
        """Answer the next call."""
        self.results_size += size
        self.results.append(CallResult(self.calls[len(self.results)].id, text, is_error, picture))

    @property
    def pictures(self) -> tuple[Picture, ...]:
        """Those of the results."""
        return tuple(result.picture for result in self.results if result.picture is not None)

    @property
    def waiting(self) -> int:
        """Calls without a result."""
        return len(self.calls) - len(self.results)

    @property
    def skipped_remark(self) -> str:
        return f"[run] {len(self.skipped)} calls were {SKIPPED}." if self.skipped else ""

    def user_turn(self, warning: str = "") -> UserTurn:
        """The step's results; remarks stand in the newest one, or alone where there is none."""
        if self.written_for is not None:
            return self._text_turn(self.written_for, warning)
        results = [*self.results, *(CallResult(c.id, SKIPPED, is_error=True) for c in self.skipped)]
        text = " ".join(filter(None, (self.nudge, self.remark, warning)))
        if not results:
            return UserTurn(text or "[run] Continue.")
        if text:
            last = results[-1]
            results[-1] = replace(last, text=f"{last.text}\n{text}")
        return UserTurn(results=tuple(results))

    def _text_turn(self, question: str, warning: str) -> UserTurn:
        """Results as text between fences, as a rebuild shows them, then the remarks."""
        steps = [
            StepText(call, result.text, SHOWN_ARGUMENTS)
            for call, result in zip(self.calls, self.results, strict=True)
        ]
        marker = marker_for(question, [t for step in steps for t in (step.call_line, step.result)])
        shown = [f"{step.call_line}\n{fence(step.result, marker)}" for step in steps]
        said = " ".join(filter(None, (self.skipped_remark, self.nudge, self.remark, warning)))
        text = "\n".join([RESULTS_TITLE, *shown, *([said] if said else [])])
        return UserTurn(text, pictures=self.pictures)

    def texts(self) -> tuple[StepText, ...]:
        """Each call with its result, for a rebuild."""
        pairs = zip(self.calls, self.results, strict=True)
        return tuple(StepText(call, r.text, self.argument_limit) for call, r in pairs)


_ARGUMENT_LIMITS = (None, 40, 0)
"""How far a rebuild shortens the arguments of the newest calls, tried in this order."""


class Fitting:
    """Whether results fit into main context, and which rebuild they take.

    Every size is an upper bound of what is sent, so that a result which was admitted always fits.
    """

    def __init__(
        self,
        step: OpenStep,
        *,
        table: PageTable,
        budget: WindowBudget,
        meter: Meter,
        conversation: Size,
        opening: Size,
        warned: bool,
    ) -> None:
        self._step = step
        self._table = table
        self._budget = budget
        self._meter = meter
        self._conversation = conversation
        """What was sent already."""
        self._opening = opening
        """Instructions, functions, document map and question."""
        self._warned = warned
        self._no_room = Size.exact(meter.count(NO_ROOM))
        self._warning = Size.exact(meter.text(warning(1.0)))
        self._skipped = Size.exact(len(step.skipped) * meter.text(SKIPPED))
        self._frame = Size.exact(frame_tokens(meter))
        self._fence = Size.exact(fence_tokens(meter))
        self._notes: tuple[WorkingMemory, Size] | None = None
        """Notes that were measured last: they are looked at several times a step."""
        self._measured_calls: dict[int | None, Size] = {}
        """What the lines of the calls take, by the limit of their arguments."""

    def shorten_arguments(self, notes: WorkingMemory) -> None:
        """Cut the calls' arguments, then the log, until the smallest results would fit."""
        step = self._step
        for limit in _ARGUMENT_LIMITS:
            step.argument_limit = limit
            if self._no_room.lacking(self.free_after(Rebuild.EVICT, notes)) <= 0:
                return
        step.log_tokens = 0

    def make_room(self, size: Size, notes: WorkingMemory, *, may_append: bool = True) -> bool:
        """Whether a result of that size can join, deciding on the rebuild that it takes, which it
        does where it may not be appended."""
        step = self._step
        lacking = size.lacking(self.free_after(Rebuild.EVICT, notes))
        if lacking > step.log_tokens:
            return False
        # The log's share is a cap, not a reservation: its oldest lines make room.
        step.log_tokens -= max(0, lacking)
        # A result was admitted because of this rebuild, so the step ends with it: later results are
        # measured against it too.
        if step.rebuild is not None:
            return size.lacking(self.free_after(step.rebuild, notes)) <= 0
        if may_append and self._budget.fits(self.appended(size).most):
            return True
        if self._table.released and size.lacking(self.free_after(Rebuild.RELEASED, notes)) <= 0:
            step.rebuild = Rebuild.RELEASED
        # Pages that were not released may leave only after the model has answered a warning.
        elif self._warned:
            step.rebuild = Rebuild.EVICT
        return step.rebuild is not None

    def free_after(self, kind: Rebuild, notes: WorkingMemory) -> Size:
        """Tokens that one more result may take if the step ends with that rebuild."""
        staying = self.unpinned() if kind is Rebuild.RELEASED else []
        return self._budget.limits_after_rebuild - self.rebuilt(staying, notes)

    def unpinned(self) -> list[Residency]:
        """Unreleased pages that an evicting rebuild may drop."""
        # Pages that stand in this step's results are in no head.
        rendered = self._table.unreleased_but(self._step.loaded)
        return [entry for entry in rendered if not self._must_stay(entry)]

    def must_stay(self) -> list[Residency]:
        """Pages that every rebuild renders: pinned, or named by a result of this step."""
        step = self._step
        return self._table.unreleased_but(step.loaded, kept=step.kept)

    def appended(self, size: Size | None = None) -> Size:
        """The prompt if the step is appended: one more result, the smallest for the others."""
        step = self._step
        own = self._conversation + Size.exact(step.reply_tokens) + step.results_size
        blocks = len(step.results) * BLOCK_TOKENS
        if size is not None:
            own += size + Size.exact(BLOCK_TOKENS)
        # The call that is asked about brings its own size; each other one will get at least the
        # shortest refusal.
        others = max(0, step.waiting - (size is not None))
        own += _times(self._no_room + Size.exact(BLOCK_TOKENS), others) + Size.exact(blocks)
        if step.written_for is not None:
            own += self._call_lines(SHOWN_ARGUMENTS) + self._meter.size(
                f"{RESULTS_TITLE}\n{step.skipped_remark}\n"
            )
        return own + self._skipped + self._warning + self._remarks()

    def rebuilt(self, staying: Sequence[Residency], notes: WorkingMemory) -> Size:
        """An upper bound of the prompt that a rebuild would make now, without one more result."""
        step = self._step
        rendered = (*self.must_stay(), *staying)
        pages = _total([Size(entry.size.most, entry.tokens) for entry in rendered])
        head = self._opening + self._frame + self._notes_size(notes)
        # - 1: the result that is asked about replaces the shortest refusal of its own call.
        results = step.results_size + _times(self._no_room, max(0, step.waiting - 1))
        remarks = self._remarks() + self._meter.size(step.skipped_remark)
        return head + Size.exact(step.log_tokens) + pages + self._calls() + results + remarks

    def _notes_size(self, notes: WorkingMemory) -> Size:
        # Nothing is learned of a server's tokens while a step is open, so sizes stay what they are.
        if self._notes is None or self._notes[0] is not notes:
            self._notes = (notes, self._meter.lines(notes.lines))
        return self._notes[1]

    def _must_stay(self, entry: Residency) -> bool:
        return entry.pinned or entry.id in self._step.kept

    def _remarks(self) -> Size:
        return self._meter.size(f"{self._step.nudge} {self._step.remark}\n")

    def _calls(self) -> Size:
        return self._call_lines(self._step.argument_limit)

    def _call_lines(self, argument_limit: int | None) -> Size:
        """The lines that name the calls, and the fences around their results."""
        if (known := self._measured_calls.get(argument_limit)) is not None:
            return known
        lines = [StepText(call, "", argument_limit).call_line for call in self._step.calls]
        size = self._meter.lines(lines) + _times(self._fence, len(lines))
        return self._measured_calls.setdefault(argument_limit, size)


def _total(sizes: Sequence[Size]) -> Size:
    return Size(sum(size.most for size in sizes), sum(size.likely for size in sizes))


def _times(size: Size, number: int) -> Size:
    return Size(size.most * number, size.likely * number)
