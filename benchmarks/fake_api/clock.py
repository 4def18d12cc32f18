"""Time as the fake sees it: stands still until a test moves it, or runs as the machine's does."""

from __future__ import annotations

import threading
import time
from datetime import UTC, datetime
from typing import Protocol

__all__ = ["Clock", "FakeClock", "RealClock", "rfc3339"]

_START = datetime(2026, 11, 21, 12, tzinfo=UTC).timestamp()


class Clock(Protocol):
    """Tells seconds since 1970."""

    def now(self) -> float: ...


class FakeClock:
    """Stands still until it is advanced."""

    def __init__(self, start: float = _START) -> None:
        self._now = start
        self._lock = threading.Lock()

    def now(self) -> float:
        return self._now

    def advance(self, seconds: float) -> None:
        """Let `seconds` pass."""
        with self._lock:
            self._now += seconds


class RealClock:
    """The machine's own clock."""

    def now(self) -> float:
        return time.time()


def rfc3339(seconds: float) -> str:
    """A time as the API writes it."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
