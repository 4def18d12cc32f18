"""The one retry policy: wait longer each time, or as long as the server asks. The only module that
imports tenacity."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from tenacity import RetryCallState

__all__ = ["ATTEMPTS", "TryAgain", "with_retries"]

ATTEMPTS = 6
_FIRST_SECONDS = 1.0
_LONGEST_SECONDS = 60.0

Result = TypeVar("Result")


class TryAgain(Exception):
    """An attempt failed in a way that may pass; the message says how."""

    def __init__(self, message: str, *, after_seconds: float | None = None) -> None:
        super().__init__(message)
        self.after_seconds = after_seconds
        """How long the server asked to wait."""


def with_retries(
    attempt: Callable[[], Result],
    *,
    attempts: int = ATTEMPTS,
    sleep: Callable[[float], None] = time.sleep,
) -> Result:
    """What `attempt` returns, tried again while it raises `TryAgain`.

    Raises:
        TryAgain: that of the last attempt.
    """
    from tenacity import Retrying, retry_if_exception_type, stop_after_attempt

    policy = Retrying(
        retry=retry_if_exception_type(TryAgain),
        stop=stop_after_attempt(attempts),
        wait=_wait_seconds,
        sleep=sleep,
        reraise=True,
    )
    return policy(attempt)


def _wait_seconds(state: RetryCallState) -> float:
    from tenacity import wait_exponential_jitter

    error = state.outcome.exception() if state.outcome else None
    if isinstance(error, TryAgain) and error.after_seconds is not None:
        return min(error.after_seconds, _LONGEST_SECONDS)
    return wait_exponential_jitter(initial=_FIRST_SECONDS, max=_LONGEST_SECONDS)(state)
