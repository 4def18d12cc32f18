"""Connections to a server: how long idle ones are kept, and whether one had been used before.

It stands alone because it imports the SDK, which nothing does before a model is asked.
"""

from __future__ import annotations

import ssl
from functools import cache
from typing import Any

import httpx2
from anthropic import DefaultAsyncHttpxClient

__all__ = ["ReusedConnectionEnded", "http_client"]

_MOST_CONNECTIONS = 1_000
_IDLE_SECONDS = 4.0
"""Servers close idle connections after 5 seconds (uvicorn) or more: no request is to meet that."""


class ReusedConnectionEnded(httpx2.RemoteProtocolError):
    """A connection that had been used before ended without a byte of an answer."""


class _Client(DefaultAsyncHttpxClient):
    """Says of a failed request whether it went out on a connection that had been used before."""

    async def send(self, request: httpx2.Request, **kwargs: Any) -> httpx2.Response:
        opened = False

        async def trace(event: str, info: Any) -> None:
            nonlocal opened
            opened = opened or event.startswith("connection.connect")

        request.extensions = {**request.extensions, "trace": trace}
        try:
            return await super().send(request, **kwargs)
        except (httpx2.RemoteProtocolError, httpx2.ReadError, httpx2.WriteError) as error:
            if opened:
                raise
            raise ReusedConnectionEnded(str(error), request=request) from error


def http_client(*, keep_alive: bool) -> httpx2.AsyncClient:
    """A client of HTTP; without `keep_alive` every request has a connection of its own.

    llama.cpp closes a connection after each streamed reply although it announces keep-alive, so
    that 15 to 20 of 100 requests which follow at once are lost; a new connection each time costs
    less than a millisecond on the same machine.
    """
    limits = httpx2.Limits(
        max_connections=_MOST_CONNECTIONS,
        max_keepalive_connections=100 if keep_alive else 0,
        keepalive_expiry=_IDLE_SECONDS,
    )
    return _Client(limits=limits, verify=_trusted())


@cache
def _trusted() -> ssl.SSLContext:
    """What certificates are checked by, read once: that takes 20 ms, the rest of a client 0.1."""
    return httpx2.create_ssl_context()
