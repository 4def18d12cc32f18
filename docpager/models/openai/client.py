"""The openai SDK's client, made once per event loop, and what the errors it raises mean."""

from __future__ import annotations

import os
from functools import cache
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from docpager.core.errors import ModelError, UsageError
from docpager.models.loop_clients import LoopClients
from docpager.models.server_errors import attempt_failed, one_line, refusal, refusal_of_status, told
from docpager.models.servers import PLACEHOLDER, key_from

if TYPE_CHECKING:
    import ssl

    import httpx
    from openai import APIConnectionError, APIError, AsyncOpenAI

__all__ = ["OFFICIAL_URL", "OpenAIClients", "address", "failure", "is_official"]

OFFICIAL_URL = "https://api.openai.com/v1"
_BASE_URL_VARIABLE = "OPENAI_BASE_URL"
_KEY_VARIABLE = "OPENAI_API_KEY"
_IDLE_SECONDS = 4.0
"""Servers close idle connections after 5 seconds (uvicorn) or more: no request is to meet that."""

_UNUSABLE = {
    401: "the key was refused; check OPENAI_API_KEY, or `api_key_env=` for another server",
    402: "the account cannot pay; look at its billing page",
    403: "the key may not do this; check its permissions",
    404: "there is no such model or address; check `model=` and `base_url=`",
}


def address(given: str | None) -> str:
    """The address in use, ending in `/v1` where it names no path of its own: the given one, else
    that of the environment, else OpenAI's.

    Raises:
        UsageError: it is no http address.
    """
    url = (given or os.environ.get(_BASE_URL_VARIABLE) or OFFICIAL_URL).rstrip("/")
    parts = urlsplit(url)
    if not url.startswith(("http://", "https://")) or not parts.hostname:
        raise UsageError(
            f"`base_url={url!r}` is no http address; give one like http://localhost:8080/v1"
        )
    return url if parts.path else f"{url}/v1"


def is_official(url: str) -> bool:
    """Whether `url` is OpenAI's own, over a connection that nobody reads along."""
    there = urlsplit(url)
    return there.scheme == "https" and there.hostname == urlsplit(OFFICIAL_URL).hostname


def require_sdk() -> None:
    """See that the SDK is there.

    Raises:
        UsageError: it is not installed.
    """
    if find_spec("openai") is None:
        raise UsageError("`api=openai` needs the openai package: pip install 'docpager[openai]'")


class OpenAIClients(LoopClients["AsyncOpenAI"]):
    """Gives the client of the running event loop: connections cannot move to another loop."""

    def __init__(
        self, url: str, *, api_key_env: str = "", http_client: httpx.AsyncClient | None = None
    ) -> None:
        super().__init__()
        self._url = url
        self._api_key_env = api_key_env
        self._http_client = http_client

    def _made(self) -> AsyncOpenAI:
        from openai import AsyncOpenAI

        official = is_official(self._url)
        # OpenAI's key goes to OpenAI alone: to another server only one that was named for it.
        key = key_from(self._api_key_env)
        if key is None:
            key = os.environ.get(_KEY_VARIABLE) if official else PLACEHOLDER
        if not key:
            raise ModelError(
                "there is no key for OpenAI's API; set OPENAI_API_KEY, or name another server with "
                "`base_url=`"
            )
        http = self._http_client or _http_client(keep_alive=official)
        identity: dict[str, Any] = {} if official else {"organization": "", "project": ""}
        return AsyncOpenAI(
            base_url=self._url, api_key=key, max_retries=0, http_client=http, **identity
        )


def _http_client(*, keep_alive: bool) -> httpx.AsyncClient:
    """A client of HTTP that marks errors of connections which had been used before; without
    `keep_alive` every request has one of its own (see `models.claude.connections`)."""
    import httpx
    from openai import DefaultAsyncHttpxClient

    class Client(DefaultAsyncHttpxClient):
        async def send(self, request: httpx.Request, **kwargs: Any) -> httpx.Response:
            opened = False

            async def trace(event: str, info: Any) -> None:
                nonlocal opened
                opened = opened or event.startswith("connection.connect")

            request.extensions = {**request.extensions, "trace": trace}
            try:
                return await super().send(request, **kwargs)
            except (httpx.RemoteProtocolError, httpx.ReadError, httpx.WriteError) as error:
                error.__dict__["unread"] = not opened
                raise

    limits = httpx.Limits(
        max_connections=1_000,
        max_keepalive_connections=100 if keep_alive else 0,
        keepalive_expiry=_IDLE_SECONDS,
    )
    return Client(limits=limits, verify=_trusted())


@cache
def _trusted() -> ssl.SSLContext:
    """What certificates are checked by, read once: that takes longer than all else of a client."""
    import httpx

    return httpx.create_ssl_context()


def failure(error: Exception, *, at: str) -> ModelError:
    """What `error`, raised by the SDK while asking the server `at`, means for a run."""
    import httpx
    import openai

    if isinstance(error, ModelError):
        return error
    if isinstance(error, openai.APIConnectionError):
        return _of_connection(error, at)
    if isinstance(error, openai.APIError):
        return _of_refusal(error, at)
    if isinstance(error, httpx.TransportError):
        return attempt_failed(f"the reply of {at} broke off ({_named(error)})", billed=True)
    # The SDK checks neither JSON nor fields, so what a server leaves out shows as a plain error.
    return attempt_failed(f"{at} sent something that is no reply ({_named(error)})", billed=True)


def _of_refusal(error: APIError, at: str) -> ModelError:
    import openai

    if isinstance(error, openai.APIStatusError):
        return refusal_of_status(error, at=at, unusable=_UNUSABLE)
    body = error.body if error.body is not None else error.message
    return refusal(told(body), status=200, headers={}, at=at, unusable=_UNUSABLE)


def _of_connection(error: APIConnectionError, at: str) -> ModelError:
    import httpx
    import openai

    cause = error.__cause__
    if isinstance(cause, (httpx.UnsupportedProtocol, httpx.InvalidURL)):
        return ModelError(f"{at} cannot be asked: {cause}")
    if getattr(cause, "unread", False):
        return attempt_failed(f"{at} had closed an idle connection", billed=True, unread=True)
    if isinstance(cause, (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout)):
        return attempt_failed(f"no connection to {at} ({_named(cause)})", billed=False)
    if isinstance(error, openai.APITimeoutError):
        return attempt_failed(f"{at} did not answer in time", billed=True)
    return attempt_failed(
        f"the connection to {at} was lost ({_named(cause or error)})", billed=True
    )


def _named(error: BaseException) -> str:
    name = type(error).__name__
    return one_line(f"{name}: {error}" if str(error) else name)
