"""Event loops for programs that run none: the plain function beside each async one."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from contextlib import closing
from typing import Any, TypeVar
from weakref import WeakSet

from docpager.core.errors import UsageError

__all__ = ["OwnLoop", "beside_others", "in_own_loop", "is_in_loop"]

_Result = TypeVar("_Result")
_own: WeakSet[asyncio.AbstractEventLoop] = WeakSet()
"""Loops in which nothing runs but what was begun here."""


def in_own_loop(start: Callable[[], Coroutine[Any, Any, _Result]], *, twin: str) -> _Result:
    """Run what `start` begins in an event loop of its own, to its end.

    Raises:
        UsageError: a loop is running here already, as in a notebook; nothing was started.
    """
    with closing(OwnLoop()) as loop:
        return loop.run(start, twin=twin)


class OwnLoop:
    """An event loop for programs that run none: one for all their calls, because the connections of
    a model belong to the loop that they were opened in."""

    def __init__(self) -> None:
        self._runner: asyncio.Runner | None = None

    def run(self, start: Callable[[], Coroutine[Any, Any, _Result]], *, twin: str) -> _Result:
        """Run what `start` begins, to its end.

        Raises:
            UsageError: a loop is running here already, as in a notebook; nothing was started.
        """
        if is_in_loop():
            # `start` was not called: a coroutine that nobody awaits would be one more warning.
            raise UsageError(
                "an event loop is running here, as in a notebook or an async function; "
                f"write `await docpager.{twin}(...)`, which takes the same arguments"
            )
        if self._runner is None:
            # Not the one that `asyncio.get_event_loop` gives: that is the program's own.
            self._runner = asyncio.Runner(loop_factory=asyncio.new_event_loop)
            _own.add(self._runner.get_loop())
        return self._runner.run(start())

    def close(self) -> None:
        """End the loop, if anything was run in it."""
        if self._runner is not None:
            self._runner.close()
            self._runner = None


async def beside_others(work: Callable[[], _Result]) -> _Result:
    """Do what takes long and awaits nothing: in a thread, so that a program's event loop goes on
    meanwhile. In a loop of ours nobody waits, and there Ctrl-C ends it at once, unlike a thread."""
    if asyncio.get_running_loop() in _own:
        return work()
    return await asyncio.to_thread(work)


def is_in_loop() -> bool:
    """Whether an event loop is running here."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True
