"""The client of the running event loop, for SDKs whose connections cannot move to another loop."""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Awaitable
from typing import Generic, Protocol, TypeVar

__all__ = ["LoopClients"]


class _Closable(Protocol):
    def close(self) -> Awaitable[None]: ...


Client = TypeVar("Client", bound=_Closable)


class LoopClients(ABC, Generic[Client]):
    """Makes a client where the running event loop has none, and keeps it while the loop runs."""

    def __init__(self) -> None:
        self._client: Client | None = None
        self._loop: asyncio.AbstractEventLoop | None = None

    def get(self) -> Client:
        """A client with credentials.

        Raises:
            ModelError: there are no credentials for the provider's own address, or none of the
                name that was given.
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

    @abstractmethod
    def _made(self) -> Client:
        """A new client, without retries of its own."""
