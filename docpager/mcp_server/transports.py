"""How the server is reached: by the streams of its process, or by HTTP on this machine alone."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, MutableMapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import uvicorn
from mcp.server.mcpserver import MCPServer
from starlette.datastructures import Headers
from starlette.responses import PlainTextResponse

from docpager.archive.embedders.base import DEFAULT_EMBEDDER, load_embedder
from docpager.core.errors import UsageError
from docpager.mcp_server.asking import Asking
from docpager.mcp_server.reading import ArchiveTools
from docpager.mcp_server.served_archive import ServedArchive
from docpager.mcp_server.server import build_server
from docpager.mcp_server.spaces import SPACE_LIMITS, Spaces

if TYPE_CHECKING:
    from docpager.mcp_server.agents import AgentTokens
    from docpager.mcp_server.served_archive import ServedSettings
    from docpager.run.preparation import PreparedModel

__all__ = ["MOST_REQUEST_BYTES", "TokenGate", "serve_http", "serve_stdio"]

LOOPBACK = "127.0.0.1"
PATH = "/mcp"
MOST_REQUEST_BYTES = 1 << 20
"""Of a request by HTTP: the longest arguments that any tool takes are far below."""
_BACKLOG = 128
_LAST_SECONDS = 3
"""What calls that are under way have when the server is stopped."""

_Scope = MutableMapping[str, Any]
_Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
_Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
_App = Callable[[_Scope, _Receive, _Send], Awaitable[None]]


class TokenGate:
    """Lets nobody through without an agent's token in the header; nothing else is looked at first.

    Not in the address, where logs and histories keep it, nor in a cookie, which a browser sends for
    any page.
    """

    def __init__(self, app: _App, tokens: AgentTokens) -> None:
        self._app = app
        self._tokens = tokens

    async def __call__(self, scope: _Scope, receive: _Receive, send: _Send) -> None:
        if scope["type"] == "http":
            header = Headers(scope=scope).get("authorization")
            if self._tokens.agent_of(header) is None:
                refusal = PlainTextResponse(
                    "no agent's token: send `Authorization: Bearer TOKEN`, with a token of the "
                    "server's token file",
                    status_code=401,
                    headers={"WWW-Authenticate": "Bearer"},
                )
                await refusal(scope, receive, send)
                return
        elif scope["type"] != "lifespan":
            return
        await self._app(scope, receive, send)


def serve_stdio(
    settings: ServedSettings, *, prepared: PreparedModel | None = None, agent: str
) -> None:
    """Serve the process that started this one, until it closes the streams.

    Raises:
        DocpagerError: there is no archive, or the model cannot be asked.
    """
    with _built(settings, prepared, agent=agent, tokens=None) as (server, asking):

        async def serve() -> None:
            async with _asked(asking):
                await server.run_stdio_async()

        asyncio.run(serve())


def serve_http(
    settings: ServedSettings,
    *,
    prepared: PreparedModel | None = None,
    tokens: AgentTokens,
    port: int,
    on_ready: Callable[[str], None],
) -> None:
    """Serve this machine's own address, until the process is stopped.

    `on_ready` is told the address. Of a foreign `Host` or `Origin` nothing is served: a page in a
    browser must not reach the server by a name that it points here.

    Raises:
        UsageError: the port is taken, or may not be used.
        DocpagerError: there is no archive, or the model cannot be asked.
    """
    with _listening(port) as listening, _built(settings, prepared, tokens=tokens) as built:
        server, asking = built
        app = server.streamable_http_app(
            streamable_http_path=PATH,
            host=LOOPBACK,  # which has the SDK check Host and Origin
            max_request_body_size=MOST_REQUEST_BYTES,
        )
        config = uvicorn.Config(
            TokenGate(app, tokens),
            log_level="warning",
            access_log=False,
            server_header=False,
            timeout_graceful_shutdown=_LAST_SECONDS,
        )

        async def serve() -> None:
            async with _asked(asking):
                on_ready(f"http://{LOOPBACK}:{listening.getsockname()[1]}{PATH}")
                await uvicorn.Server(config).serve(sockets=[listening])

        asyncio.run(serve())


@contextmanager
def _built(
    settings: ServedSettings,
    prepared: PreparedModel | None,
    *,
    agent: str = "agent",
    tokens: AgentTokens | None,
) -> Iterator[tuple[MCPServer[None], Asking | None]]:
    """The server, and what asks the model where there is one."""
    limits = replace(SPACE_LIMITS, max_entries=settings.notes_per_space)
    served = ServedArchive(settings.archive)
    # Of notes nothing leaves the machine, whatever embeds the archive.
    spaces = Spaces(settings.spaces, embedder=load_embedder(DEFAULT_EMBEDDER), limits=limits)
    asking = Asking(served, prepared) if prepared is not None else None
    try:
        server = build_server(
            ArchiveTools(served, result_tokens=settings.result_tokens),
            spaces=spaces,
            result_tokens=settings.result_tokens,
            asking=asking,
            notes=settings.allow_notes,
            agent=agent,
            tokens=tokens,
        )
        yield server, asking
    finally:
        spaces.close()
        served.close()


@asynccontextmanager
async def _asked(asking: Asking | None) -> AsyncIterator[None]:
    """The model, seen to be usable, and closed in the end."""
    if asking is None:
        yield
        return
    try:
        await asking.check()
        yield
    finally:
        await asking.close()


@contextmanager
def _listening(port: int) -> Iterator[socket.socket]:
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as listening:
        try:
            listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listening.bind((LOOPBACK, port))
            # Before the address is told: whoever connects at once waits, instead of being refused.
            listening.listen(_BACKLOG)
        except OSError as error:
            raise UsageError(
                f"port {port} of {LOOPBACK} cannot be used: {error.strerror}; name another with "
                "`port=`"
            ) from error
        yield listening
