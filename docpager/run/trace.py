"""A run step by step, made again from its journal: calls, residency, tokens, warnings, rebuilds."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from docpager.core.passages import PassageId
from docpager.core.pictures import PageId, PictureId
from docpager.models.messages import ToolCall
from docpager.paging.epoch import canonical_json
from docpager.run.apply_results import PLAIN_TEXT
from docpager.run.journal import Entry
from docpager.run.outcome import Outcome
from docpager.run.replay import Replay

__all__ = ["TracedCall", "TracedStep", "trace"]


@dataclass(frozen=True, slots=True)
class TracedCall:
    """One call and the first line of what came of it."""

    call: str
    result: str
    refused: bool


@dataclass(slots=True)
class TracedStep:
    """One request, its reply, and what the reply did."""

    number: int
    """Counted from 1."""
    epoch: int
    prompt_tokens: int
    pressure: float
    """Prompt and reserved output as a share of the window."""
    window: int
    warned: bool
    """Whether the request carried the warning."""
    rebuilt: bool
    """Whether the request began a new epoch."""
    resident: int
    """Passages in main context when the request was sent."""
    notes: int
    """Notes in main context when the request was sent."""
    text: str = ""
    calls: list[TracedCall] = field(default_factory=list)
    paged_in: tuple[PassageId, ...] = ()
    released: tuple[PassageId, ...] = ()
    evicted: tuple[PassageId, ...] = ()
    """Passages that had left main context when the request was sent."""
    pictures: int = 0
    """Pictures in main context when the request was sent."""
    pictures_in: tuple[PictureId, ...] = ()
    pictures_released: tuple[PictureId, ...] = ()
    pictures_out: tuple[PictureId, ...] = ()
    """Pictures that had left main context when the request was sent."""
    resumed: bool = False
    interrupts: tuple[str, ...] = ()
    seconds: float = 0.0
    read_anew: int | None = None
    """Tokens of the prompt that no cache held, as the server says; None where it does not."""


def trace(replay: Replay) -> Iterator[TracedStep | Outcome]:
    """The steps of a run, then its outcome if it has one.

    Raises:
        JournalError: the journal does not replay.
    """
    step: TracedStep | None = None
    epoch, before, resumed = 1, frozenset[PageId](), False
    interrupts: list[str] = []
    for entry in replay.record.entries:
        table = replay.run.context.table
        match entry.kind:
            case "request":
                # A resumed run sends its last request again.
                unanswered = step is not None and not step.calls and not step.text
                if step is not None and not unanswered:
                    yield step
                elif step is not None:
                    interrupts = [*step.interrupts, *interrupts]
                before = table.ids | table.pictures
                replay.feed(entry)
                step = _sent(replay, entry, epoch, before, resumed, interrupts)
                epoch, resumed, interrupts = step.epoch, False, []
                before = table.ids | table.pictures
                continue
            case "resumed":
                resumed = True
            case "interrupt":
                interrupts.append(entry.message)
            case "extended":
                interrupts.append("the run goes on with other limits")
            case "finish":
                interrupts.append(f"the next reply is the last: {entry.message}")
            case "waiting" | "narrowed" if step is not None:
                step.interrupts = (*step.interrupts, entry.message)
            case "lost" if step is not None and entry.lost is not None:
                lost = f"failed attempts that may have been billed: {entry.lost.attempts}"
                step.interrupts = (*step.interrupts, lost)
        replay.feed(entry)
        if step is not None:
            _observe(step, replay, entry, before)
    if step is not None:
        yield step
    if replay.run.outcome is not None:
        yield replay.run.outcome


def _sent(
    replay: Replay,
    entry: Entry,
    epoch: int,
    before: frozenset[PageId],
    resumed: bool,
    interrupts: Sequence[str],
) -> TracedStep:
    context = replay.run.context
    return TracedStep(
        number=replay.run.steps + 1,
        epoch=context.epoch.number,
        prompt_tokens=entry.prompt_tokens,
        pressure=context.budget.pressure(entry.prompt_tokens),
        window=context.budget.window,
        warned=context.warned,
        rebuilt=context.epoch.number != epoch,
        resident=len(context.table.ids),
        notes=len(context.notes.shown),
        evicted=_passages(before - context.table.ids),
        pictures=len(context.table.pictures),
        pictures_out=_pictures(before - context.table.pictures),
        resumed=resumed,
        interrupts=tuple(interrupts),
    )


def _observe(step: TracedStep, replay: Replay, entry: Entry, before: frozenset[PageId]) -> None:
    table = replay.run.context.table
    if entry.kind == "reply" and entry.reply is not None:
        step.text = entry.reply.text
        step.seconds = entry.reply.elapsed_seconds
        if (usage := entry.reply.usage) is not None:
            step.read_anew = usage.prompt_tokens - usage.cache_read_tokens
        in_text = [each.call for each in replay.pending or () if each.call.id != PLAIN_TEXT]
        step.calls = [
            TracedCall(_written(call), "", refused=False) for call in entry.reply.calls or in_text
        ]
    if entry.kind == "results":
        released = [entry.id for entry in table.released]
        step.paged_in = _passages(table.ids - before)
        step.pictures_in = _pictures(table.pictures - before)
        step.released, step.pictures_released = _passages(released), _pictures(released)
        shown = replay.run.context.newest_results
        step.calls = [
            TracedCall(traced.call, result.text.splitlines()[0], result.is_error)
            for traced, result in zip(step.calls, shown, strict=False)
        ] + step.calls[len(shown) :]


def _passages(pages: Iterable[PageId]) -> tuple[PassageId, ...]:
    return tuple(sorted(page for page in pages if isinstance(page, PassageId)))


def _pictures(pages: Iterable[PageId]) -> tuple[PictureId, ...]:
    return tuple(sorted(page for page in pages if isinstance(page, PictureId)))


def _written(call: ToolCall) -> str:
    """A call on one line, long texts whole: the terminal cuts them."""
    arguments = ", ".join(f"{k}={canonical_json(v)}" for k, v in call.arguments.items())
    return f"{call.name}({arguments})"
