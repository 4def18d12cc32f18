"""The SDK's client, one per event loop without retries, and what its errors mean for a run."""

from __future__ import annotations

from typing import TYPE_CHECKING

from docpager.core.errors import ModelError
from docpager.models.claude.backends import is_official
from docpager.models.loop_clients import LoopClients
from docpager.models.server_errors import attempt_failed, one_line, refusal_of_status
from docpager.models.servers import PLACEHOLDER, key_from

if TYPE_CHECKING:
    import httpx2
    from anthropic import APIConnectionError, AsyncAnthropic

__all__ = ["Clients", "failure", "has_credentials"]


class Clients(LoopClients["AsyncAnthropic"]):
    """Gives the client of the running event loop: connections cannot move to another loop."""

    def __init__(
        self,
        url: str,
        *,
        keep_alive: bool = True,
        api_key_env: str = "",
        http_client: httpx2.AsyncClient | None = None,
    ) -> None:
        super().__init__()
        self._url = url
        self._keep_alive = keep_alive
        self._api_key_env = api_key_env
        self._http_client = http_client

    def _made(self) -> AsyncAnthropic:
        from anthropic import AnthropicError, AsyncAnthropic

        from docpager.models.claude.connections import http_client

        # Anthropic's credentials, wherever the SDK finds them, go to Anthropic alone: to another
        # server only a key goes that was named for it.
        key = key_from(self._api_key_env)
        if key is None and not is_official(self._url):
            key = PLACEHOLDER
        http = self._http_client or http_client(keep_alive=self._keep_alive)
        try:
            client = AsyncAnthropic(
                base_url=self._url, api_key=key, max_retries=0, http_client=http
            )
        except (AnthropicError, ValueError, OSError) as error:
            raise ModelError(f"the credentials for {self._url} cannot be read: {error}") from error
        if client.api_key or client.auth_token or client.credentials:
            return client
        raise ModelError(
            "there is no key for Anthropic's API; set ANTHROPIC_API_KEY or name another server "
            "with `base_url=`; docpager doctor lists the models that can be used now"
        )


def has_credentials() -> bool:
    """Whether the environment or a profile holds credentials; reads no more than the SDK does."""
    from anthropic import AnthropicError, AsyncAnthropic

    try:
        client = AsyncAnthropic()
    except (AnthropicError, ValueError, OSError):
        return False
    return bool(client.api_key or client.auth_token or client.credentials)


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
        return refusal_of_status(error, at=at, unusable=_UNUSABLE)
    if isinstance(error, anthropic.APIConnectionError):
        return _of_connection(error, at)
    if isinstance(error, httpx2.TransportError):
        return attempt_failed(f"the reply of {at} broke off ({_named(error)})", billed=True)
    if isinstance(error, anthropic.CredentialsError):
        return ModelError(f"no credentials for {at}: {error}")
    # The SDK checks neither JSON nor fields, so what a server leaves out shows as a plain error.
    return attempt_failed(f"{at} sent something that is not a reply ({_named(error)})", billed=True)


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
