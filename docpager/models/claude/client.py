"""The SDK's client: made once per event loop, without retries of its own."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from docpager.core.errors import ModelError
from docpager.models.claude.backends import OFFICIAL_URL

if TYPE_CHECKING:
    import httpx2
    from anthropic import AsyncAnthropic

__all__ = ["Clients", "has_credentials"]

_NO_KEY = "none"
"""What servers that want no key are sent: the SDK sends nothing without one."""


class Clients:
    """Gives the client of the running event loop: connections cannot move to another loop."""

    def __init__(self, url: str, *, http_client: httpx2.AsyncClient | None = None) -> None:
        self._url = url
        self._http_client = http_client
        self._client: AsyncAnthropic | None = None
        self._loop: asyncio.AbstractEventLoop | None = None

    def get(self) -> AsyncAnthropic:
        """A client with credentials.

        Raises:
            ModelError: there are no credentials for Anthropic's own address.
        """
        loop = asyncio.get_running_loop()
        if self._client is None or self._loop is not loop:
            self._client, self._loop = _client(self._url, self._http_client), loop
        return self._client

    async def close(self) -> None:
        """Close the connections of the running loop, if there are any."""
        if self._client is not None and self._loop is asyncio.get_running_loop():
            await self._client.close()
        self._client = None


def has_credentials() -> bool:
    """Whether the environment or a profile holds credentials; reads no more than the SDK does."""
    from anthropic import AnthropicError, AsyncAnthropic

    try:
        client = AsyncAnthropic()
    except (AnthropicError, ValueError, OSError):
        return False
    return bool(client.api_key or client.auth_token or client.credentials)


def _client(url: str, http_client: httpx2.AsyncClient | None) -> AsyncAnthropic:
    from anthropic import AnthropicError, AsyncAnthropic

    try:
        client = AsyncAnthropic(base_url=url, max_retries=0, http_client=http_client)
    except (AnthropicError, ValueError, OSError) as error:
        raise ModelError(f"the credentials for {url} cannot be read: {error}") from error
    if client.api_key or client.auth_token or client.credentials:
        return client
    if url == OFFICIAL_URL:
        raise ModelError(
            "there is no key for Anthropic's API; set ANTHROPIC_API_KEY, name another server with "
            '`base_url=`, or use `model="extractive"`, which needs neither'
        )
    return client.with_options(api_key=_NO_KEY)
