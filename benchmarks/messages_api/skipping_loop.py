"""An event loop whose clock jumps to the next timer while nobody waits for an answer."""

from __future__ import annotations

import asyncio
import selectors
from collections.abc import Callable
from typing import Any

__all__ = ["SkippingLoop"]

_PATIENCE_SECONDS = 0.02
"""Real time without any event before the clock jumps."""


class SkippingLoop(asyncio.SelectorEventLoop):
    """Waits of seconds and minutes (retries, rate limits) take no time, answers take their own."""

    def __init__(self, *, may_skip: Callable[[], bool]) -> None:
        self._skipped = 0.0
        super().__init__(_SkippingSelector(self._wait, may_skip))

    def time(self) -> float:
        """Seconds, those that were skipped included."""
        return super().time() + self._skipped

    def _wait(self, seconds: float) -> None:
        self._skipped += seconds


class _SkippingSelector(selectors.DefaultSelector):  # type: ignore[misc, valid-type]
    def __init__(self, skip: Callable[[float], None], may_skip: Callable[[], bool]) -> None:
        super().__init__()
        self._skip = skip
        self._may_skip = may_skip

    def select(self, timeout: float | None = None) -> list[Any]:
        if timeout is None or timeout <= _PATIENCE_SECONDS:
            return super().select(timeout)
        events = super().select(_PATIENCE_SECONDS)
        if not events and self._may_skip():
            self._skip(timeout - _PATIENCE_SECONDS)
        return events
