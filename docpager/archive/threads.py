"""Parts of one piece of work, done one after the other or beside one another."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol, TypeVar

__all__ = ["Begin", "Threads", "at_once"]

_Result = TypeVar("_Result")


class Begin(Protocol):
    """Begins a piece of work; what it returns waits for the result."""

    def __call__(self, work: Callable[[], _Result]) -> Callable[[], _Result]: ...


def at_once(work: Callable[[], _Result]) -> Callable[[], _Result]:
    """Do it here and now."""
    result = work()
    return lambda: result


class Threads:
    """Begins work in threads of its own; worth it where the work is done outside of Python."""

    def __init__(self, count: int) -> None:
        from concurrent.futures import ThreadPoolExecutor

        self._pool = ThreadPoolExecutor(count, thread_name_prefix="docpager")

    def __call__(self, work: Callable[[], _Result]) -> Callable[[], _Result]:
        return self._pool.submit(work).result

    def close(self) -> None:
        """End the threads when they are done with what was begun."""
        self._pool.shutdown(wait=False)
