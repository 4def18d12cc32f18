"""The SDK's client: made once per event loop, without retries of its own."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from docpager.core.errors import ModelError
from docpager.models.claude.backends import is_official
from docpager.models.servers import PLACEHOLDER, key_from

if TYPE_CHECKING:
    import httpx2
    from anthropic import AsyncAnthropic

__all__ = ["Clients", "has_credentials"]


class Clients:
    """Gives the client of the running event loop: connections cannot move to another loop."""

    def __init__(
        self,
        url: str,
        *,
        keep_alive: bool = True,
        api_key_env: str = "",
        http_client: httpx2.AsyncClient | None = None,
    ) -> None:
        self._url = url
        self._keep_alive = keep_alive
        self._api_key_env = api_key_env
        self._http_client = http_client
        self._client: AsyncAnthropic | None = None
        self._loop: asyncio.AbstractEventLoop | None = None

    def get(self) -> AsyncAnthropic:
        """A client with credentials.

        Raises:
            ModelError: there are no credentials for Anthropic's own address, or none of the name
                that was given.
        """
        loop = asyncio.get_running_loop()
        if self._client is None or self._loop is not loop:
            self._client, self._loop = self._made(), loop
        return self._client

    async def close(self) -> None:
        """Close the connections of the running loop, if there are any."""
        if self._client is not None and self._loop is asyncio.get_running_loop():
            await self._client.close()
        self._client = None

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
            "there is no key for Anthropic's API; set ANTHROPIC_API_KEY, name another server with "
            '`base_url=`, or use `model="extractive"`, which needs neither'
        )


def has_credentials() -> bool:
    """Whether the environment or a profile holds credentials; reads no more than the SDK does."""
    from anthropic import AnthropicError, AsyncAnthropic

    try:
        client = AsyncAnthropic()
    except (AnthropicError, ValueError, OSError):
        return False
    return bool(client.api_key or client.auth_token or client.credentials)
