"""What the anthropic SDK raised, as what it means for a run.

It stands alone: that an attempt's error is told in one sentence, and judged once, is a concept of
its own beside asking.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from docpager.core.errors import ModelError
from docpager.models.server_errors import attempt_failed, one_line, refusal, told

if TYPE_CHECKING:
    from anthropic import APIConnectionError, APIStatusError

__all__ = ["failure"]

_UNUSABLE = {
    401: "the key was refused; check ANTHROPIC_API_KEY, or `api_key_env=` for another server",
    402: "the account cannot pay; look at its billing page",
    403: "the key may not do this; check its permissions",
    404: "there is no such model or address; check `model=` and `base_url=`",
}


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
        return attempt_failed(f"the reply of {at} broke off ({_named(error)})", billed=True)
    if isinstance(error, anthropic.CredentialsError):
        return ModelError(f"no credentials for {at}: {error}")
    # The SDK checks neither JSON nor fields, so what a server leaves out shows as a plain error.
    return attempt_failed(f"{at} sent something that is not a reply ({_named(error)})", billed=True)


def _of_status(error: APIStatusError, at: str) -> ModelError:
    return refusal(
        told(error.body if error.body is not None else error.message),
        status=error.status_code,
        headers=error.response.headers,
        at=at,
        request_id=error.request_id or "",
        unusable=_UNUSABLE,
    )


def _of_connection(error: APIConnectionError, at: str) -> ModelError:
    import anthropic
    import httpx2

    from docpager.models.claude.connections import ReusedConnectionEnded

    cause = error.__cause__
    if isinstance(cause, (httpx2.UnsupportedProtocol, httpx2.InvalidURL)):
        return ModelError(f"{at} cannot be asked: {cause}")
    if isinstance(cause, ReusedConnectionEnded):
        return attempt_failed(f"{at} had closed an idle connection", billed=True, unread=True)
    unsent = isinstance(cause, (httpx2.ConnectError, httpx2.ConnectTimeout, httpx2.PoolTimeout))
    if unsent:
        return attempt_failed(f"no connection to {at} ({_named(cause or error)})", billed=False)
    if isinstance(error, anthropic.APITimeoutError):
        return attempt_failed(f"{at} did not answer in time", billed=True)
    return attempt_failed(
        f"the connection to {at} was lost ({_named(cause or error)})", billed=True
    )


def _named(error: BaseException) -> str:
    name = type(error).__name__
    return one_line(f"{name}: {error}" if str(error) else name)
