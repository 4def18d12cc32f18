"""The one retry policy: wait longer each time, or as long as the server asks. The only module that
imports tenacity."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any, TypeVar

from docpager.core.errors import AttemptFailed, ModelError

if TYPE_CHECKING:
    from tenacity import RetryCallState

__all__ = ["ATTEMPTS", "LONGEST_WAIT_SECONDS", "TryAgain", "with_retries", "with_retries_async"]

ATTEMPTS = 6
LONGEST_WAIT_SECONDS = 600.0
"""The longest wait that a server may ask for where no time limit says otherwise."""
_FIRST_SECONDS = 1.0
_LONGEST_SECONDS = 60.0
_LONGEST_LOADING_SECONDS = 15.0
"""Between two looks at a server that is loading its model."""

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
    from tenacity import Retrying, stop_after_attempt

    def wait(state: RetryCallState) -> float:
        return min(_wait_seconds(state), _LONGEST_SECONDS)

    return Retrying(**_policy(stop_after_attempt(attempts), wait), sleep=sleep)(attempt)


async def with_retries_async(
    attempt: Callable[[], Awaitable[Result]],
    *,
    attempts: int = ATTEMPTS,
    seconds_left: float | None = None,
    before_wait: Callable[[str, float], None] | None = None,
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    clock: Callable[[], float] = time.monotonic,
) -> Result:
    """What `attempt` returns, tried again while it raises an `AttemptFailed` that is retryable.

    A wait that the server asks for is kept, as long as it ends within `seconds_left`. A server that
    loads its model is waited for as long as it takes: these attempts do not count.
    `before_wait` is told what failed and how many seconds are waited.

    Raises:
        ModelError: no attempt succeeded; the message says how often it was tried, and why not
            again.
    """
    from tenacity import AsyncRetrying

    started = clock()
    tried = loading = 0

    def patience() -> float:
        """The longest wait that still makes sense."""
        if seconds_left is None:
            return LONGEST_WAIT_SECONDS
        return max(0.0, started + seconds_left - clock())

    async def counted() -> Result:
        nonlocal tried, loading
        tried += 1
        try:
            return await attempt()
        except AttemptFailed as failed:
            loading += failed.loading
            raise

    def stop(state: RetryCallState) -> bool:
        if state.upcoming_sleep > patience():
            return True
        return not _is_loading(state) and tried - loading >= attempts

    def tell(state: RetryCallState) -> None:
        if before_wait is not None and state.outcome is not None:
            before_wait(str(state.outcome.exception()), state.upcoming_sleep)

    policy: Any = AsyncRetrying(**_policy(stop, _wait_seconds), before_sleep=tell, sleep=sleep)
    try:
        result: Result = await policy(counted)
    except AttemptFailed as failed:
        raise ModelError(_given_up(failed, tried - loading, attempts, patience())) from failed
    return result


def _policy(stop: Any, wait: Callable[[RetryCallState], float]) -> dict[str, Any]:
    from tenacity import retry_if_exception

    return {"retry": retry_if_exception(_may_pass), "stop": stop, "wait": wait, "reraise": True}


def _may_pass(error: BaseException) -> bool:
    return isinstance(error, TryAgain) or (isinstance(error, AttemptFailed) and error.retryable)


def _is_loading(state: RetryCallState) -> bool:
    error = state.outcome.exception() if state.outcome else None
    return isinstance(error, AttemptFailed) and error.loading


def _wait_seconds(state: RetryCallState) -> float:
    from tenacity import wait_exponential_jitter

    error = state.outcome.exception() if state.outcome else None
    if _is_loading(state):
        return min(_FIRST_SECONDS * state.attempt_number, _LONGEST_LOADING_SECONDS)
    if isinstance(error, TryAgain | AttemptFailed) and error.after_seconds is not None:
        return error.after_seconds
    return wait_exponential_jitter(initial=_FIRST_SECONDS, max=_LONGEST_SECONDS)(state)


def _given_up(failed: AttemptFailed, tried: int, attempts: int, patience: float) -> str:
    if not failed.retryable:
        return str(failed)
    if failed.loading:
        return f"{failed}; no time is left to wait for it"
    times = "once" if tried == 1 else f"{tried} times"
    if tried >= attempts:
        return f"{failed} (tried {times})"
    asked = failed.after_seconds
    wish = f"the server asks to wait {asked:,.0f} s" if asked is not None else "it is too late"
    return f"{failed} (tried {times}; {wish}, and {patience:,.0f} s are left for waiting)"
