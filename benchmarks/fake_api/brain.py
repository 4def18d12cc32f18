"""What plays the model: any object that turns a request into a reply."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

from benchmarks.fake_api.models import Model

__all__ = [
    "Asked",
    "Brain",
    "FunctionBrain",
    "Reply",
    "Said",
    "ScriptedBrain",
    "brain_of",
    "call",
    "said",
    "text",
]

Block = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Asked:
    """A valid request, as the brain sees it."""

    body: Mapping[str, Any]
    model: Model
    number: int
    """Which request to the messages endpoint this is, counted from 1; 0 within a batch."""

    @property
    def tool_names(self) -> tuple[str, ...]:
        """Tools that may be called now."""
        if (self.body.get("tool_choice") or {}).get("type") == "none":
            return ()
        return tuple(tool["name"] for tool in self.body.get("tools") or () if "name" in tool)


@dataclass(frozen=True, slots=True)
class Reply:
    """What the brain says; ids, thinking, limits and counts are the server's business."""

    content: tuple[Block, ...] = ()
    """`text` and `tool_use` blocks; an id is made where a call has none."""
    stop_reason: str | None = None
    """None: `tool_use` where there are calls, else `end_turn`."""
    thinking: str = ""
    """Shown only where the request asks for `display: summarized`."""
    thinking_tokens: int | None = None
    """None leaves it to the effort; 0 replies without a thinking block."""
    redacted: bool = False
    """The thinking comes as a `redacted_thinking` block."""


@runtime_checkable
class Brain(Protocol):
    """Plays the model."""

    def reply(self, asked: Asked) -> Reply:
        """The next reply."""
        ...


Said = Reply | Block | str | Sequence["Block | str"] | Callable[[Asked], Any]


def text(content: str) -> Block:
    """A text block."""
    return {"type": "text", "text": content}


def call(name: str, /, **arguments: Any) -> Block:
    """A call of a tool; the server gives it its id."""
    return {"type": "tool_use", "name": name, "input": arguments}


def said(what: Said, asked: Asked) -> Reply:
    """A reply from whatever a test wrote: text, a block, several of them, or a function."""
    if isinstance(what, Reply):
        return what
    if callable(what):
        return said(what(asked), asked)
    if isinstance(what, str):
        return Reply((text(what),) if what else ())
    if isinstance(what, Mapping):
        return Reply((what,))
    return Reply(tuple(text(part) if isinstance(part, str) else part for part in what))


class ScriptedBrain:
    """Says what it was told to say, one entry a request; when that is used up, nothing.

    An entry is a text, a block (`text`, `call`), a list of them, a `Reply`, or a function of
    `Asked` that returns one of these. With `again=True` the script starts over.
    """

    def __init__(self, *script: Said, again: bool = False) -> None:
        self._script = script
        self._again = again
        self._next = 0
        self.asked: list[Asked] = []

    def reply(self, asked: Asked) -> Reply:
        """The next entry of the script."""
        self.asked.append(asked)
        place, self._next = self._next, self._next + 1
        if self._again and self._script:
            place %= len(self._script)
        return said(self._script[place], asked) if place < len(self._script) else Reply()


class FunctionBrain:
    """Asks a function for each reply."""

    def __init__(self, function: Callable[[Asked], Any]) -> None:
        self._function = function

    def reply(self, asked: Asked) -> Reply:
        """What the function says."""
        return said(self._function, asked)


def brain_of(what: Brain | Callable[[Asked], Any] | Iterable[Said] | str | None) -> Brain:
    """A brain from whatever a test wrote."""
    if what is None:
        return ScriptedBrain("Fine.", again=True)
    if isinstance(what, str):
        return ScriptedBrain(what, again=True)
    if isinstance(what, Brain):
        return what
    if callable(what):
        return FunctionBrain(what)
    return ScriptedBrain(*what)
