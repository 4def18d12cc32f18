"""The conversation at hand: core memory, the summary of what left, the newest turns, each within
its share of the window.

What was said stands indented behind its heading, so that no line of it can pass for a heading, a
title of the prompt, a fence, or another turn.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from docpager.chat.library import document_numbers, name_of, number_of
from docpager.chat.session_log import Summary
from docpager.core.passages import Passage, PassageId
from docpager.core.settings import ChatSettings
from docpager.memory.entries import Memory
from docpager.paging.conversation import Conversation, CoreBlock, render_core
from docpager.paging.epoch import PromptSizer

__all__ = ["Shares", "conversation_of", "leaving", "render_turn"]

LONGEST_TURN = 0.6
"""Largest share of what turns may take that one of them is shown whole in."""
_CUT_CHARACTERS = 200
"""What is shown of a longer one."""
_CORE_TITLE = "## Core memory"
_SUMMARY_TITLE = "## Summary of what left"
_TURNS_TITLE = "## Newest turns"


@dataclass(frozen=True, slots=True)
class Shares:
    """What each part may take, in tokens, and how they are counted."""

    core: int
    summary: int
    turns: int
    leave_to: int
    """What turns are reduced to once they no longer fit."""
    count: Callable[[str], int]

    @classmethod
    def of(cls, settings: ChatSettings, room: int, sizer: PromptSizer) -> Shares:
        """The shares of `room` tokens."""
        turns = int(settings.turns_share * room)
        return cls(
            int(settings.core_share * room),
            int(settings.summary_share * room),
            turns,
            int(settings.leave_to * turns),
            sizer.count,
        )


def render_turn(memory: Memory, text: str | None = None) -> str:
    """A turn or a memory: its heading with the documents it came from, its text indented."""
    documents = ", ".join(f"D{number}" for number in sorted(document_numbers(memory.sources)))
    marked = f" [{documents}]" if documents else ""
    when = memory.when.strftime("%Y-%m-%d %H:%M")
    who = memory.who if memory.kind == "turn" else "memory"
    said = memory.text if text is None else text
    body = "\n".join(f"  {line}" for line in said.strip().splitlines())
    return f"{name_of(memory)} {when} {who}{marked}:\n{body}"


def leaving(turns: Sequence[Memory], shares: Shares) -> int:
    """How many of the oldest turns leave: none while all fit, else all beyond `leave_to`."""
    sizes = [shares.count(f"{_shown(turn, shares)[0]}\n") for turn in turns]
    if sum(sizes) <= shares.turns:
        return 0
    staying = _newest_that_fit(sizes, shares.leave_to)
    # The newest exchange stays whatever it takes: its beginning, where it is long.
    return len(turns) - max(staying, min(2, len(turns)))


def conversation_of(
    core: Sequence[CoreBlock],
    summary: Summary | None,
    turns: Sequence[Memory],
    shares: Shares,
    *,
    passages_of: Callable[[int], Sequence[Passage]],
    message: Memory | None = None,
) -> Conversation:
    """What stands in every prompt of a run; of turns the newest that fit. `message` is what is
    answered, named below them with its time."""
    shown = [_shown(turn, shares) for turn in turns]
    fitting = _newest_that_fit([shares.count(f"{text}\n") for text, _ in shown], shares.turns)
    first = len(turns) - fitting
    whole = [turn for turn, (_, is_whole) in zip(turns[first:], shown[first:], strict=True)
             if is_whole]  # fmt: skip
    parts = [_CORE_TITLE, *_core_lines(core, shares)]
    if summary is not None:
        of = f" ({', '.join(summary.sources)})" if summary.sources else ""
        body = "\n".join(f"  {line}" for line in summary.text.splitlines())
        parts += [f"{_SUMMARY_TITLE}{of}", body]
    if fitting:
        parts += [_TURNS_TITLE, *(text for text, _ in shown[first:])]
    if message is not None:
        when = message.when.strftime("%A, %Y-%m-%d %H:%M")
        parts.append(f"## The message below is {name_of(message)}, of {when} (UTC)")
    named = [source for block in core for line in block.lines for source in line.sources]
    named += summary.sources if summary else ()
    named += [source for turn in turns[first:] for source in turn.sources]
    return Conversation(
        "\n".join(parts),
        shown=tuple(_ids(whole, passages_of)),
        documents=tuple(sorted(document_numbers(_locators(named)))),
        core=tuple(core),
        core_cap=shares.core,
        message=name_of(message) if message else "",
    )


def _locators(sources: Sequence[str]) -> list[str]:
    """Ranges such as T3-9 are no locators, and name no document."""
    return [source for source in sources if source.startswith(("D", "M"))]


def _ids(
    turns: Sequence[Memory], passages_of: Callable[[int], Sequence[Passage]]
) -> list[PassageId]:
    return [passage.id for turn in turns for passage in passages_of(number_of(turn))]


def _core_lines(core: Sequence[CoreBlock], shares: Shares) -> list[str]:
    """Core memory within its share; a window smaller than it was written in may not hold it all."""
    lines = render_core(core)
    size = sum(shares.count(f"{line}\n") for line in lines)
    if size <= shares.core:
        return lines
    told = "(more does not fit into this window)"
    room = shares.core - shares.count(f"{told}\n")
    return [*lines[: _newest_that_fit([shares.count(f"{x}\n") for x in lines[::-1]], room)], told]


def _shown(turn: Memory, shares: Shares) -> tuple[str, bool]:
    """A turn as it is shown, and whether that is all of it."""
    text = render_turn(turn)
    # A text of n characters takes at most about n tokens: counting a very long one costs more.
    if len(text) < 20 * shares.turns and shares.count(text) <= LONGEST_TURN * shares.turns:
        return text, True
    beginning = " ".join(turn.text[:_CUT_CHARACTERS].split())
    return render_turn(turn, f"{beginning}… (cut; page_in {name_of(turn)})"), False


def _newest_that_fit(sizes: Sequence[int], room: int) -> int:
    used = fitting = 0
    for size in reversed(sizes):
        used += size
        if used > room:
            break
        fitting += 1
    return fitting
