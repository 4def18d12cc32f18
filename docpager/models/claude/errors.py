"""What went wrong with one attempt, and what may be done about it."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING

from docpager.core.errors import AttemptFailed, ModelError

if TYPE_CHECKING:
    from anthropic import APIConnectionError, APIStatusError

__all__ = ["MAY_PASS", "failure", "retry_after_seconds"]

_SPENT = frozenset(
    {
        "contract_spend_limit_reached",
        "enforced_spend_limit_reached",
        "linked_organization_spend_limit_reached",
    }
)
"""Error codes of limits on money: waiting does not help."""

MAY_PASS = frozenset({"overloaded_error", "api_error", "timeout_error", "rate_limit_error"})
"""Types of errors that another attempt may not meet, where no status says so: inside a stream and
in a batch's results."""

_UNUSABLE = {
    401: "the key was refused; check ANTHROPIC_API_KEY",
    402: "the account cannot pay; look at its billing page",
    403: "the key may not do this; check its permissions",
    404: "there is no such model or address; check `model=` and `base_url=`",
}
_WORK_MAY_BE_DONE = frozenset({408, 502, 504})
"""Statuses that come from whoever stopped waiting, not from who did the work."""


def failure(error: Exception, *, at: str) -> ModelError:
    """What `error`, raised by the SDK while asking the server `at`, means for a run."""
    import anthropic
    import httpx2

    if isinstance(error, ModelError):
        return error
    if isinstance(error, anthropic.APIStatusError):
        return _of_status(error, at)
    if isinstance(error, anthropic.APIConnectionError):
        return _of_connection(error, at)
    if isinstance(error, httpx2.TransportError):
        return _attempt(f"the reply of {at} broke off ({_named(error)})", billed=True)
    if isinstance(error, anthropic.CredentialsError):
        return ModelError(f"no credentials for {at}: {error}")
    # The SDK checks neither JSON nor fields, so what a server leaves out shows as a plain error.
    return _attempt(f"{at} sent something that is not a reply ({_named(error)})", billed=True)


def retry_after_seconds(headers: Mapping[str, str]) -> float | None:
    """How long a server asks to wait; None where it does not say."""
    milliseconds = _number(headers.get("retry-after-ms"))
    if milliseconds:
        return milliseconds / 1000
    given = headers.get("retry-after")
    seconds = _number(given)
    if seconds is None and given:
        try:
            seconds = max(0.0, parsedate_to_datetime(given).timestamp() - time.time())
        except (ValueError, TypeError, OverflowError):
            return None
    return seconds or None


def _of_status(error: APIStatusError, at: str) -> ModelError:
    status, headers = error.status_code, error.response.headers
    message = _described(error, at)
    if str(error.error_code) in _SPENT:
        return ModelError(
            f"{message}; the spend limit is reached: raise it or wait for its renewal"
        )
    limited = status == 429 or error.type == "rate_limit_error"
    if status == 200:
        passing, billed = str(error.type) in MAY_PASS, True
    else:
        passing, billed = status in (408, 409, 429) or status >= 500, status in _WORK_MAY_BE_DONE
    told = {"true": True, "false": False}.get(headers.get("x-should-retry", ""))
    passing = passing if told is None else told
    if status in _UNUSABLE and not passing:
        return ModelError(f"{message}; {_UNUSABLE[status]}")
    return AttemptFailed(
        message,
        retryable=passing,
        may_be_billed=billed,
        after_seconds=retry_after_seconds(headers) if passing else None,
        slows_all=limited,
    )


def _described(error: APIStatusError, at: str) -> str:
    """`https://... said 529 overloaded_error: Overloaded (req_...)`."""
    said = str(error.api_message or error.message)
    kind = f" {_short(str(error.type))}" if error.type else ""
    request = f" ({error.request_id})" if error.request_id else ""
    status = "in its stream" if error.status_code == 200 else str(error.status_code)
    return f"{at} said {status}{kind}: {_short(said)}{request}"


def _of_connection(error: APIConnectionError, at: str) -> ModelError:
    import anthropic
    import httpx2

    cause = error.__cause__
    if isinstance(cause, (httpx2.UnsupportedProtocol, httpx2.InvalidURL)):
        return ModelError(f"{at} cannot be asked: {cause}")
    unsent = isinstance(cause, (httpx2.ConnectError, httpx2.ConnectTimeout, httpx2.PoolTimeout))
    if unsent:
        return _attempt(f"no connection to {at} ({_named(cause or error)})", billed=False)
    if isinstance(error, anthropic.APITimeoutError):
        return _attempt(f"{at} did not answer in time", billed=True)
    return _attempt(f"the connection to {at} was lost ({_named(cause or error)})", billed=True)


def _attempt(message: str, *, billed: bool) -> AttemptFailed:
    return AttemptFailed(message, retryable=True, may_be_billed=billed)


def _named(error: BaseException) -> str:
    return _short(f"{type(error).__name__}: {error}" if str(error) else type(error).__name__)


def _short(text: str, *, most: int = 300) -> str:
    line = " ".join(text.split())
    return line if len(line) <= most else f"{line[:most]}..."


def _number(text: str | None) -> float | None:
    try:
        number = float(text or "")
    except ValueError:
        return None
    return number if math.isfinite(number) and number >= 0 else None
