"""Run: one question on its way to an answer. A state machine without I/O."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from docpager.core.passages import PassageId, counted
from docpager.core.settings import RunLimits
from docpager.core.tokens import TokenCounter
from docpager.models.budget import Cost
from docpager.models.messages import (
    AssistantTurn,
    Lost,
    ModelReply,
    ModelRequest,
    ToolCall,
    Usage,
)
from docpager.models.pricing import Price
from docpager.models.server_tokens import CutWatch
from docpager.paging.main_context import MainContext
from docpager.paging.policies import POLICIES
from docpager.paging.rebuild import LAST_REPLY
from docpager.paging.token_meter import Meter
from docpager.run import reminders
from docpager.run.apply_results import PLAIN_TEXT, ResultApplier
from docpager.run.argument_repair import repair
from docpager.run.outcome import Abstention, Failure, Outcome, Stopped
from docpager.run.plan import RunPlan
from docpager.run.read_ahead import ReadAhead
from docpager.run.remembering import remembering_of
from docpager.run.text_calls import own_words, read_text_calls
from docpager.run.tool_results import PendingCall, ToolResult

__all__ = ["MOST_CALLS", "Run"]

MOST_CALLS = 8
"""Calls of one reply that are executed."""

MOST_NARROWED = 4
"""Times that one request is made smaller because its server does not hold it."""

_THINKING = frozenset({"thinking", "redacted_thinking"})
"""Blocks that a reply is echoed with, and that no text or call shows."""


class Run:
    """One question: knows what to ask next, never talks to a model, an archive or a clock.

    Call `next_request`, `receive` and `deliver` in turn until `outcome` is set.
    """

    def __init__(self, plan: RunPlan, counter: TokenCounter, *, price: Price | None = None) -> None:
        self.plan = plan
        self.price = price
        self.meter = Meter(counter, plan.factor)
        self.context = MainContext(
            budget=plan.budget(self.meter),
            meter=self.meter,
            instructions=plan.instructions,
            functions=plan.offered,
            document_map=plan.document_map,
            question=plan.question,
            policy=POLICIES[plan.policy],
            closing=plan.closing,
            conversation=plan.said,
        )
        self.outcome: Outcome | None = None
        self.steps = 0
        """Replies received."""
        self.usage = Usage(source="server")
        self.cost_usd: float | None = 0.0
        """Lost attempts included; None where no price is known."""
        self.lost = Lost()
        """Attempts that failed and may have been billed."""
        self.overruns = 0
        """Prompts that the server counted as larger than the run did."""
        self.elapsed_seconds = 0.0
        self.delivery = ResultApplier(
            self.context,
            rules=plan.rules,
            question=plan.question,
            plain=plan.paging.plain,
            remembering=remembering_of(plan, self.meter.count),
        )
        self._awaiting_reply = False
        self._narrowed = 0
        self._cuts = CutWatch()
        self._finish_reason = self._finish_limit = self._forced_by = ""
        self._finished = False
        self._costliest = Cost()
        self._useless = reminders.UselessReplies()
        self._interrupts: list[str] = []
        self._calls_natively = self._prefetched = False
        self._ahead = ReadAhead(
            plan.paging, plan.question, look="recall" if plan.is_chat else "search"
        )
        self._calls: tuple[ToolCall, ...] = ()
        self._resident: frozenset[PassageId] = frozenset()

    @property
    def finishing(self) -> bool:
        """Whether the next reply is the last one allowed: it may only answer."""
        return bool(self._finish_reason) or bool(self._limit_ahead)

    @property
    def awaits_reply(self) -> bool:
        """Whether a request was made that has no reply yet."""
        return self._awaiting_reply

    @property
    def seconds_left(self) -> float | None:
        """What is left of the time limit; None where there is none."""
        limit = self.plan.limits.timeout_seconds
        return None if limit is None else max(0.0, limit - self.elapsed_seconds)

    @property
    def spent(self) -> Cost:
        """Tokens and dollars so far, lost attempts included."""
        usage = self.usage
        tokens = usage.prompt_tokens + usage.output_tokens + self.lost.tokens
        return Cost(tokens, self.cost_usd)

    @property
    def largest_prompt(self) -> int:
        """Tokens of the largest prompt that this run can ever send."""
        return self.plan.paging.window - self.plan.paging.max_output

    def next_request(self) -> ModelRequest:
        """What to send next: this epoch, or a new one when the worst case would no longer fit."""
        if not self.context.sealed:
            self.context.seal(step=self.steps)
        request = self.context.request(calls_allowed=not self.finishing)
        # Asked again after a failed attempt or in a resumed run, the same request must not count
        # twice.
        if not self._awaiting_reply:
            self.context.sent()
            self._awaiting_reply = True
        return request

    def count(self, prompt_tokens: int) -> None:
        """Take a server's count of the request that is about to be sent; where it does not fit,
        `next_request` gives a smaller one."""
        self.context.settle(Usage(input_tokens=prompt_tokens, source="server"))
        if self.plan.rules >= 3 and not self.context.budget.fits(prompt_tokens):
            self.narrow()

    def narrow(self, context: int | None = None) -> None:
        """Make the next request smaller than the last one, which the server does not hold; its
        context may have been told. Where nothing smaller is left the run ends."""
        self._narrowed += 1
        self._awaiting_reply = False
        window = self.plan.paging.window if context is None else context
        fits = self.context.shrink(window=window, step=self.steps)
        if not fits or self._narrowed > MOST_NARROWED:
            self.stop(
                f"the server's context of {self.context.budget.window:,} tokens does not hold the "
                "next prompt; raise it there, or begin again with a smaller `window=`",
                limit="window",
            )

    @property
    def wants_prefetch(self) -> bool:
        """Whether a search is to be made before the first request."""
        begun = self._prefetched or self._awaiting_reply or self.steps or self.outcome
        return bool(self.plan.paging.ahead) and not begun

    def prefetch(self, results: Sequence[ToolResult]) -> None:
        """Begin with a search already made and its best passages resident, as far as they fit.

        `results` are of the search for the question, then of the passages. It is no look: a model
        that says "not found" has not searched for it.
        """
        self._prefetched = True
        if shown := self._ahead.begin(results):
            calls = [call for call, _ in shown]
            self.context.open_prefetch(calls)
            self.delivery.apply_prefetch(calls, [result for _, result in shown])
            self.context.seal(step=0)

    def receive(self, reply: ModelReply) -> Sequence[PendingCall]:
        """Take a reply; returns the calls to execute, in order."""
        assert self._awaiting_reply, "receive follows next_request"
        # Read before `steps` moves: whether this reply was the last allowed one was decided when it
        # was asked for.
        finishing, self._awaiting_reply, self._narrowed = self.finishing, False, 0
        self._forced_by = self._limit_ahead
        self._finished = bool(self._finish_reason)
        self._account(reply)
        self.steps += 1
        if self.outcome is not None:
            self._calls = ()
            return []
        # As the model saw it: what a call of this same reply pages in or out must not change what
        # the next call may quote.
        self._resident = self.context.table.ids
        self._calls = self._mended(self._accept(reply, finishing))
        # The same bound for every call: calls are executed together, and which of them fit is
        # decided in `deliver`, in call order.
        bound = self.context.bound() if self._calls else 0
        # Before any result is admitted: these are the pictures that the model has been shown.
        pictures, viewed = self.context.table.pictures, self.context.shown_pictures
        return [PendingCall(call, bound, self._resident, pictures, viewed) for call in self._calls]

    def deliver(self, results: Sequence[ToolResult]) -> None:
        """Apply the results of the calls, in call order; nothing else changes main context."""
        if len(results) != len(self._calls):
            raise ValueError(f"{len(results)} results for {len(self._calls)} calls")
        for call, result in zip(self._calls, results, strict=True):
            if self.outcome is None:
                outcome = self.delivery.apply(
                    call, result, step=self.steps, resident=self._resident, last=self._is_over
                )
                self.outcome = self._unless_forced(outcome)
        if self.outcome is None and self._is_over:
            self.outcome = self._stopped(*self._why_over)

    def interrupt(self, message: str) -> None:
        """Tell the model something at the next step boundary."""
        self._interrupts.append(f"[user] {message}")

    def finish(self, reason: str, *, limit: str = "") -> None:
        """Make the next request the finishing one: `limit` allows no other."""
        self._finish_reason, self._finish_limit = reason, limit

    def charge(self, lost: Lost) -> None:
        """Count attempts that failed and may have been billed."""
        self.lost += lost
        self._pay(lost.usd)

    def extend(self, limits: RunLimits) -> None:
        """Go on within other limits, also after one of them stopped the run."""
        told_last = self.finishing
        self.plan = replace(self.plan, limits=limits)
        self.outcome = None
        self._finish_reason = self._finish_limit = self._forced_by = ""
        self._finished = False
        if told_last and self.context.go_on(reminders.GO_ON, step=self.steps):
            self._awaiting_reply = False

    def stop(self, reason: str, *, limit: str = "") -> None:
        """End the run from outside: `limit` was reached."""
        self.outcome = self._stopped(reason, limit)

    def park(self, reason: str) -> None:
        """Let the run rest because its model cannot be asked now; a resumed one goes on."""
        self.outcome = Failure(reason, parked=True)

    @property
    def _limit_ahead(self) -> str:
        """The limit that allows only one more reply; empty where none does."""
        if self._finish_reason:
            return self._finish_limit
        if self.steps + 1 >= self.plan.limits.max_steps:
            return "max_steps"
        late = reminders.is_time_to_finish(self.plan.limits, self.elapsed_seconds)
        return "timeout_seconds" if late else ""

    @property
    def _out_of_steps(self) -> bool:
        return self.steps >= self.plan.limits.max_steps

    @property
    def _is_over(self) -> bool:
        limit = self.plan.limits.timeout_seconds
        late = limit is not None and self.elapsed_seconds >= limit
        return self._finished or self._out_of_steps or late

    @property
    def _why_over(self) -> tuple[str, str]:
        """In words, and the limit's name."""
        if self._finished:
            return self._finish_reason, self._finish_limit
        if self._out_of_steps:
            return "no step is left", "max_steps"
        return "no time is left", "timeout_seconds"

    def _stopped(self, reason: str, limit: str = "") -> Stopped:
        limit = "" if self.plan.rules < 2 else limit
        return Stopped(reason, self.context.notes.notes, limit=limit)

    def _unless_forced(self, outcome: Outcome | None) -> Outcome | None:
        """`outcome`, unless a limit forced the model to give up before it had found anything.

        "The documents do not say" is a claim about all of them; a run that was cut short has not
        looked everywhere and must not make it.
        """
        if not isinstance(outcome, Abstention) or not self._forced_by or self.plan.rules < 2:
            return outcome
        why = self._finish_reason or {
            "max_steps": f"the limit of {counted(self.plan.limits.max_steps, 'step')} was reached",
            "timeout_seconds": f"the limit of {self.plan.limits.timeout_seconds} s was near",
        }.get(self._forced_by, "a limit was reached")
        said = " ".join(outcome.text.split())
        return self._stopped(f"{why} before an answer was found ({said})", self._forced_by)

    def _account(self, reply: ModelReply) -> None:
        estimate = Usage(
            input_tokens=self.context.epoch.tokens,
            output_tokens=self.meter.reply(reply.text, reply.calls),
        )
        # A server that does not count is charged at the upper bound of its prompt.
        usage = reply.usage or estimate
        self.usage += usage
        self.elapsed_seconds += reply.elapsed_seconds
        self.overruns += usage.source == "server" and usage.prompt_tokens > estimate.input_tokens
        cut = self.plan.rules >= 3 and self._watch(reply.usage)
        self.context.settle(None if cut else reply.usage)
        self._pay(reply.cost_usd)
        self.charge(reply.lost)
        self._costliest = Cost(
            max(self._costliest.tokens, usage.prompt_tokens + usage.output_tokens),
            max(self._costliest.usd or 0.0, reply.cost_usd or 0.0),
        )

    def _watch(self, usage: Usage | None) -> bool:
        """Whether the server seems to have read less than it was sent; ends the run once it is
        certain: what it was not shown it cannot answer from."""
        if usage is None or not usage.prompt_tokens:
            return False
        epoch = self.context.epoch
        sent = self.meter.plain_turns(epoch.turns)
        suspected = self._cuts.see(usage.prompt_tokens, sent=sent, epoch=epoch.number)
        if self._cuts.certain:
            self.stop(
                f"the server counted {usage.prompt_tokens:,} tokens of a prompt of about "
                f"{sent:,}, no more than of the shorter one before: it cuts prompts without saying "
                "so; raise its context (Ollama: OLLAMA_CONTEXT_LENGTH), or pass "
                f"`window={usage.prompt_tokens}` or less",
                limit="window",
            )
        return suspected

    def _pay(self, usd: float | None) -> None:
        known = self.cost_usd is not None and usd is not None
        self.cost_usd = (self.cost_usd or 0.0) + (usd or 0.0) if known else None

    def _accept(self, reply: ModelReply, finishing: bool) -> tuple[ToolCall, ...]:
        """Open the step that answers `reply`; returns the calls that are executed."""
        if reply.stop_reason == "refusal":
            category = f" ({reply.stop_detail})" if reply.stop_detail else ""
            self.outcome = Failure(
                f"the model refused{category}: {reply.text or 'no reason given'}"
            )
            return ()
        tokens = self._reply_tokens(reply)
        # The arithmetic of the window reserved R for a reply; a longer one (servers that ignore the
        # limit exist) would break its guarantee, so it is not kept.
        if tokens > self.plan.paging.max_output and not self._may_be_within(reply):
            return self._useless_reply(
                "Your reply was longer than allowed and was dropped. Be shorter.",
                "were longer than allowed",
            )
        if reply.is_cut_off:
            return self._useless_reply(
                "Your reply was cut off at its greatest length and was dropped; none of its calls "
                "was executed. Be shorter.",
                "were cut off at their greatest length",
            )
        in_text = self._calls_in_text(reply)
        if written := self._last_calls(in_text) if finishing else in_text:
            self._useless = reminders.UselessReplies()
            said_calls = AssistantTurn(reply.text, (), reply.raw)
            skipped = written[MOST_CALLS:]
            self._open_step(said_calls, tokens=tokens, skipped=skipped, written=written)
            return written[:MOST_CALLS]
        if in_text:
            return self._useless_reply(
                "Your last reply called functions instead of answering.",
                "called functions instead of answering",
            )
        calls = self._last_calls(reply.calls) if finishing else reply.calls
        # A call that nobody answers must not be echoed either.
        turn: AssistantTurn | None = AssistantTurn(
            reply.text, calls, reply.raw if calls == reply.calls else ()
        )
        if calls:
            self._useless = reminders.UselessReplies()
            self._open_step(turn, tokens=tokens, skipped=calls[MOST_CALLS:])
            return calls[:MOST_CALLS]
        if reply.stop_reason == "pause_turn":
            return self._useless_reply("You paused. Go on: call a function, or answer.", "paused")
        if said := self._own_words(reply.text):
            arguments = self.plan.answer_of(said)
            if self.plan.paging.plain:
                # Dropped: a small model that reads its own answer once more repeats it.
                turn, tokens = None, 0
            if not finishing and (ahead := self._ahead.after(arguments, step=self.steps)):
                self._open_step(turn, tokens=tokens, written=ahead)
                self.context.nudge("[run] Nothing was found there; these are other passages.")
                return ahead
            self._open_step(turn, tokens=tokens)
            return (ToolCall(PLAIN_TEXT, "answer", arguments),)
        return self._useless_reply(
            "Your reply held no call and no answer. Call a function.", reminders.EMPTY
        )

    def _last_calls(self, calls: tuple[ToolCall, ...]) -> tuple[ToolCall, ...]:
        """What is executed of a last reply: its answer, though it was to be in plain text."""
        answers = tuple(call for call in calls if call.name == "answer")
        return answers[:1] if self.plan.rules >= 2 else ()

    def _calls_in_text(self, reply: ModelReply) -> tuple[ToolCall, ...]:
        """Calls that the reply makes in its text, of a model that makes none in its protocol."""
        self._calls_natively = self._calls_natively or bool(reply.calls)
        if self._calls_natively or self.plan.rules < 3:
            return ()
        names = {function.name for function in self.plan.functions}
        return read_text_calls(reply.text, names, step=self.steps, was_shown=self.context.was_shown)

    def _mended(self, calls: tuple[ToolCall, ...]) -> tuple[ToolCall, ...]:
        """The calls as they are executed: arguments that are nearly right are taken."""
        if self.plan.rules < 3:
            return calls
        mended = [repair(call, self.plan.functions) for call in calls]
        if remarks := dict.fromkeys(each.remark for each in mended if each.remark):
            self.context.nudge(" ".join(remarks))
        return tuple(each.call for each in mended)

    def _own_words(self, text: str) -> str:
        """What the model says itself: not what it thought, nor what the run said and it repeats."""
        if self.plan.rules < 3:
            return text if text.strip() else ""
        return own_words(text)

    def _useless_reply(self, nudge: str, what: str) -> tuple[ToolCall, ...]:
        """Drop a reply that leads nowhere; `what` says of several such ones what they did."""
        # The reply is dropped from the conversation, since a cut call or an empty turn would be
        # refused by the server, and only the nudge is added.
        self._open_step(None, tokens=0)
        self.context.nudge(f"[run] {nudge}")
        if too_many := self._useless.add(what, named=self.plan.rules >= 4):
            self.outcome = Failure(too_many)
        return ()

    def _open_step(
        self,
        turn: AssistantTurn | None,
        *,
        tokens: int,
        skipped: tuple[ToolCall, ...] = (),
        written: tuple[ToolCall, ...] = (),
    ) -> None:
        remarks = self._remarks()
        self._interrupts.clear()
        self.context.open_step(
            turn, tokens=tokens, skipped=skipped, remarks=remarks, written=written
        )

    def _reply_tokens(self, reply: ModelReply) -> int:
        if reply.usage is not None and reply.usage.source == "server":
            return reply.usage.output_tokens
        shown = self.meter.reply(reply.text, reply.calls)
        if any(block.get("type") in _THINKING for block in reply.raw):
            return max(shown, self.plan.paging.max_output)  # nobody has counted what it thought
        return shown

    def _may_be_within(self, reply: ModelReply) -> bool:
        """Whether a reply that nobody counted may be as long as was allowed: its server was told
        when to stop, so what is too long at the safety factor alone is taken. In main context it
        has the size of its upper bound all the same."""
        counted = reply.usage is not None and reply.usage.source == "server"
        if self.plan.rules < 3 or counted:
            return False
        plain = self.meter.plain_turn(AssistantTurn(reply.text, reply.calls))
        return plain <= self.plan.paging.max_output

    def _remarks(self) -> list[str]:
        return [*self._timer(), *self._interrupts]

    def _timer(self) -> list[str]:
        if self.plan.paging.plain:
            return []  # what each prompt ends with asks for an answer anyway
        if self.finishing:
            return [LAST_REPLY]
        account = reminders.Account(
            steps=self.steps,
            elapsed_seconds=self.elapsed_seconds,
            spent=self.spent,
            costliest=self._costliest,
            next_call=self._worst_call(self.context.epoch.tokens),
            kept=self._worst_call(self.largest_prompt),
        )
        return reminders.timer_lines(self.plan.limits, account)

    def _worst_call(self, prompt_tokens: int) -> Cost:
        output = self.plan.paging.max_output
        if self.price is None:
            return Cost(prompt_tokens + output, None)
        usd = self.price.worst_case(prompt_tokens=prompt_tokens, output_tokens=output)
        return Cost(prompt_tokens + output, usd)
