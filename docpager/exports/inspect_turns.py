"""Turns of a run as messages of Inspect, its calls as events.

Where main context was rebuilt, the next message of the user is the new one: every turn that the
model saw or said is a message, epoch after epoch.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from docpager.core.visible import visible
from docpager.models.messages import AssistantTurn, CallResult, ModelReply, ToolCall, Turn, Usage
from docpager.report.watching import WatchedRun

if TYPE_CHECKING:
    from inspect_ai.event import ModelEvent, ToolEvent
    from inspect_ai.model import ChatMessage, ChatMessageAssistant, ModelOutput, ModelUsage
    from inspect_ai.tool import ToolInfo

__all__ = ["RunTurns", "began_of", "model_usage", "said_by_model", "shown", "stable_id"]

_STOPPED: Mapping[str, Any] = {
    "end_turn": "stop",
    "stop": "stop",
    "tool_use": "tool_calls",
    "tool_calls": "tool_calls",
    "max_tokens": "max_tokens",
    "length": "max_tokens",
    "model_context_window_exceeded": "model_length",
    "refusal": "content_filter",
}
"""What Inspect calls the reasons why a model stopped."""
_UNKNOWN = datetime(1970, 1, 1, tzinfo=UTC)


class RunTurns:
    """One run on its way to messages and events; `messages` is filled by going through `events`."""

    def __init__(self, run: WatchedRun) -> None:
        self.messages: list[ChatMessage] = []
        self._run = run
        # By epoch and place in it: a turn is the same message in every request that holds it, and
        # so it is written once.
        self._made: dict[tuple[int, int], list[ChatMessage]] = {}
        self._calls: dict[str, ToolCall] = {}

    def events(self) -> Iterator[ModelEvent | ToolEvent]:
        """The calls of the model and of functions, in order."""
        from inspect_ai.event import ModelEvent
        from inspect_ai.model import ChatMessageSystem, GenerateConfig

        run = self._run
        instructions = ChatMessageSystem(
            id=stable_id(str(run.journal), "instructions"),
            content=shown(run.header.plan.instructions),
        )
        self.messages.append(instructions)
        tools = _tools(run)
        began, since = began_of(run) or _UNKNOWN, 0.0
        for step in run.steps:
            prompt = self._of_turns(step.epoch, run.turns.get(step.number, ()))
            reply = run.replies.get(step.number)
            config = GenerateConfig(max_tokens=run.header.plan.paging.max_output)
            output = _model_output(run, step.number, reply)
            at, since = since, since + step.seconds
            yield ModelEvent(
                uuid=stable_id(str(run.journal), "model", str(step.number)),
                timestamp=began + timedelta(seconds=at),
                completed=began + timedelta(seconds=since),
                working_start=at,
                working_time=step.seconds,
                model=run.header.model,
                input=[instructions, *prompt],
                tools=tools,
                tool_choice="auto" if tools else "none",
                config=config,
                output=output,
                error="; ".join(step.interrupts) if reply is None and step.interrupts else None,
                metadata={
                    "step": step.number,
                    "epoch": step.epoch,
                    "main_context_rebuilt": step.rebuilt,
                    "memory_warning": step.warned,
                    "prompt_tokens": step.prompt_tokens,
                    "window": step.window,
                    "pages_resident": step.resident,
                    "paged_in": list(map(str, step.paged_in)),
                    "evicted": list(map(str, step.evicted)),
                    "told": [shown(text) for text in step.interrupts],
                },
            )
            if reply is not None:
                yield from _tool_events(run, step.number, reply, began + timedelta(seconds=since))
        self._add_last()

    def _of_turns(self, epoch: int, turns: Sequence[Turn]) -> list[ChatMessage]:
        """Turns of an epoch as messages; those that are new become messages of the sample."""
        run = self._run
        prompt: list[ChatMessage] = []
        for place, turn in enumerate(turns):
            if (epoch, place) not in self._made:
                id = stable_id(str(run.journal), str(epoch), str(place))
                self._made[epoch, place] = list(self._of_turn(turn, id, epoch, begins=place == 0))
                self.messages += self._made[epoch, place]
            prompt += self._made[epoch, place]
        return prompt

    def _of_turn(self, turn: Turn, id: str, epoch: int, *, begins: bool) -> Iterator[ChatMessage]:
        from inspect_ai.model import ChatMessageUser

        if isinstance(turn, AssistantTurn):
            self._calls |= {call.id: call for call in turn.calls}
            yield said_by_model(turn.text, turn.calls, id, self._run.header.model)
            return
        for number, result in enumerate(turn.results):
            yield self._result(result, f"{id}-{number}")
        if turn.text:
            rebuilt = {"main context": f"rebuilt: epoch {epoch}"} if begins and epoch > 1 else None
            yield ChatMessageUser(id=id, content=shown(turn.text), metadata=rebuilt)

    def _result(self, result: CallResult, id: str) -> ChatMessage:
        from inspect_ai.model import ChatMessageTool
        from inspect_ai.tool import ToolCallError

        said, call = shown(result.text), self._calls.get(result.call_id)
        return ChatMessageTool(
            id=id,
            content=said,
            tool_call_id=result.call_id,
            function=visible(call.name) if call is not None else None,
            error=ToolCallError("unknown", said) if result.is_error else None,
        )

    def _add_last(self) -> None:
        """The last reply, and what came of its calls: no request holds them."""
        run = self._run
        last = max(run.replies, default=0)
        if not last:
            return
        reply = run.replies[last]
        id = stable_id(str(run.journal), "last")
        self.messages.append(said_by_model(reply.text, reply.calls, id, run.header.model))
        self._calls |= {call.id: call for call in reply.calls}
        self.messages += [
            self._result(result, f"{id}-{number}")
            for number, result in enumerate(run.results.get(last, ()))
        ]


def began_of(run: WatchedRun) -> datetime | None:
    """When the run began; None where its journal does not say."""
    try:
        return datetime.fromisoformat(run.header.started)
    except ValueError:
        return None


def said_by_model(
    text: str, calls: Sequence[ToolCall], id: str, model: str
) -> ChatMessageAssistant:
    """A reply as a message."""
    from inspect_ai.model import ChatMessageAssistant
    from inspect_ai.tool import ToolCall as InspectCall

    return ChatMessageAssistant(
        id=id,
        content=shown(text),
        model=model,
        source="generate",
        tool_calls=[
            InspectCall(call.id, visible(call.name), _sound(call.arguments)) for call in calls
        ]
        or None,
    )


def _tool_events(
    run: WatchedRun, step: int, reply: ModelReply, at: datetime
) -> Iterator[ToolEvent]:
    """The calls of a reply and what they gave; a model that writes calls as text has none here."""
    from inspect_ai.event import ToolEvent
    from inspect_ai.tool import ToolCallError

    results = {result.call_id: result for result in run.results.get(step, ())}
    for number, call in enumerate(reply.calls):
        result = results.get(call.id)
        said = shown(result.text) if result is not None else ""
        failed = result is not None and result.is_error
        yield ToolEvent(
            uuid=stable_id(str(run.journal), "tool", str(step), str(number)),
            timestamp=at,
            working_start=0,
            id=call.id,
            function=visible(call.name),
            arguments=_sound(call.arguments),
            result=said,
            error=ToolCallError("unknown", said) if failed else None,
        )


def _model_output(run: WatchedRun, step: int, reply: ModelReply | None) -> ModelOutput:
    from inspect_ai.model import ChatCompletionChoice, ModelOutput

    if reply is None:
        return ModelOutput(model=run.header.model)
    id = stable_id(str(run.journal), "reply", str(step))
    usage = run.usages.get(step)
    return ModelOutput(
        model=run.header.model,
        choices=[
            ChatCompletionChoice(
                message=said_by_model(reply.text, reply.calls, id, run.header.model),
                stop_reason=_STOPPED.get(reply.stop_reason, "unknown"),
            )
        ],
        usage=model_usage(usage, run.dollars.get(step)) if usage is not None else None,
        time=reply.elapsed_seconds,
    )


def model_usage(usage: Usage, usd: float | None) -> ModelUsage:
    """Tokens and dollars as Inspect counts them."""
    from inspect_ai.model import ModelUsage

    return ModelUsage(
        input_tokens=usage.input_tokens,
        output_tokens=usage.output_tokens,
        total_tokens=usage.prompt_tokens + usage.output_tokens,
        input_tokens_cache_write=usage.cache_write_tokens,
        input_tokens_cache_read=usage.cache_read_tokens,
        total_cost=usd,
    )


def _tools(run: WatchedRun) -> list[ToolInfo]:
    from inspect_ai.tool import ToolInfo, ToolParams

    return [
        ToolInfo(
            name=function.name,
            description=function.description,
            parameters=ToolParams.model_validate(
                {"properties": function.parameters.get("properties", {}),
                 "required": function.parameters.get("required", [])}
            ),
        )
        for function in run.header.plan.offered
    ]  # fmt: skip


def shown(text: str) -> str:
    """A text as the viewer shows it: control characters are spelled out."""
    return visible(text, lines=True)


def _sound(value: Any) -> Any:
    """Arguments of a call, whose texts may hold what JSON cannot: halves of characters."""
    if isinstance(value, str):
        return shown(value)
    if isinstance(value, Mapping):
        return {shown(str(key)): _sound(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_sound(each) for each in value]
    return value


def stable_id(*parts: str) -> str:
    """A name that is the same whenever the same run is exported."""
    said = "\0".join(parts).encode("utf-8", "surrogatepass")
    return hashlib.sha256(said).hexdigest()[:22]
