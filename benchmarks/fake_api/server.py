"""Carries the core over sockets: asyncio and h11 on 127.0.0.1, in a thread of its own."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
import threading
from collections.abc import Callable
from typing import Literal
from urllib.parse import parse_qsl, urlsplit

import h11

from benchmarks.fake_api.http_types import HttpRequest, HttpResponse

__all__ = ["Server"]

_READ_BYTES = 256 * 1024
_RESET = struct.pack("ii", 1, 0)
_BACKLOG = 1_024

Handler = Callable[[HttpRequest], HttpResponse]
Closes = Literal["", "reused", "after_stream"]


class Server:
    """Listens on a free port of 127.0.0.1, or the one it is given."""

    def __init__(self, handler: Handler, *, port: int = 0, closes: Closes = "") -> None:
        """`closes` is when a connection ends although keep-alive was announced: `reused`, without
        a byte when a second request comes; `after_stream`, when a streamed answer is over."""
        self._handler = handler
        self._closes = closes
        self._loop = asyncio.new_event_loop()
        self._socket = _listening(port)
        self._server: asyncio.Server | None = None
        self._connections: set[asyncio.Task[None]] = set()
        self._thread = threading.Thread(target=self._loop.run_forever, name="fake-api", daemon=True)
        self.port: int = self._socket.getsockname()[1]
        self.failure: BaseException | None = None
        """What the core or the brain raised, if anything: a bug, not an answer."""

    def start(self) -> None:
        """Answer requests from now on."""
        self._thread.start()
        asyncio.run_coroutine_threadsafe(self._listen(), self._loop).result()

    def stop(self) -> None:
        """Close every connection and the socket."""
        asyncio.run_coroutine_threadsafe(self._close(), self._loop).result()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def refuse(self, *, refused: bool) -> None:
        """Stop listening, or listen again on the same port."""
        action = self._deaf() if refused else self._listen()
        asyncio.run_coroutine_threadsafe(action, self._loop).result()

    async def _listen(self) -> None:
        if self._server is None:
            if self._socket.fileno() < 0:
                self._socket = _listening(self.port)
            self._server = await asyncio.start_server(
                self._accepted, sock=self._socket, backlog=_BACKLOG, limit=2 * _READ_BYTES
            )

    async def _deaf(self) -> None:
        if self._server is not None:
            self._server.close()
            self._server = None

    async def _listen_after(self, seconds: float) -> None:
        await asyncio.sleep(seconds)
        await self._listen()

    async def _close(self) -> None:
        await self._deaf()
        self._socket.close()
        tasks = asyncio.all_tasks(self._loop) - {asyncio.current_task(self._loop)}
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _accepted(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = self._loop.create_task(self._converse(reader, writer))
        self._connections.add(task)
        task.add_done_callback(self._hung_up)

    def _hung_up(self, task: asyncio.Task[None]) -> None:
        self._connections.discard(task)
        if not task.cancelled() and task.exception() is not None:
            self.failure = self.failure or task.exception()

    async def _converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer the requests of one connection, one after the other."""
        connection = h11.Connection(h11.SERVER, max_incomplete_event_size=_READ_BYTES)
        answered = 0
        try:
            while True:
                request = await _received(connection, reader)
                if request is None or (answered and self._closes == "reused"):
                    return
                answered += 1
                response = self._handler(request)
                if response.wait_seconds:
                    await asyncio.sleep(response.wait_seconds)
                if reader.at_eof():
                    _call(response.lost)
                    return
                if not await self._send(connection, writer, response):
                    return
                if response.streamed and self._closes == "after_stream":
                    return
                connection.start_next_cycle()
        except (ConnectionError, h11.ProtocolError):
            return  # the client went away, or does not speak HTTP
        finally:
            writer.close()

    async def _send(
        self, connection: h11.Connection, writer: asyncio.StreamWriter, response: HttpResponse
    ) -> bool:
        """Send an answer; says whether the connection can go on."""
        if response.ending == "refused":
            await self._deaf()  # before the client can try again
            _reset(writer)
            task = self._loop.create_task(self._listen_after(response.refuse_seconds))
            self._connections.add(task)
            task.add_done_callback(self._hung_up)
        if response.ending in ("refused", "unanswered"):
            return False
        _call(response.begins)
        try:
            await _write(connection, writer, response)
        except ConnectionError:
            _call(response.lost)
            raise
        if response.ending == "reset":
            _reset(writer)
        if response.ending != "complete":
            return False
        if connection.our_state is not h11.DONE:
            return False
        return connection.their_state is h11.DONE


def _call(callback: Callable[[], None] | None) -> None:
    if callback is not None:
        callback()


async def _received(connection: h11.Connection, reader: asyncio.StreamReader) -> HttpRequest | None:
    """The next request; None where the client hung up."""
    head: h11.Request | None = None
    parts: list[bytes] = []
    while True:
        event = connection.next_event()
        if event is h11.NEED_DATA:
            connection.receive_data(await reader.read(_READ_BYTES))
        elif isinstance(event, h11.Request):
            head = event
        elif isinstance(event, h11.Data):
            parts.append(bytes(event.data))
        elif isinstance(event, h11.EndOfMessage) and head is not None:
            return _request(head, b"".join(parts))
        else:
            return None


def _request(head: h11.Request, body: bytes) -> HttpRequest:
    target = urlsplit(head.target.decode("ascii"))
    headers = {name.decode(): value.decode("latin-1") for name, value in head.headers}
    query = dict(parse_qsl(target.query))
    return HttpRequest(head.method.decode(), target.path, query, headers, body)


async def _write(
    connection: h11.Connection, writer: asyncio.StreamWriter, response: HttpResponse
) -> None:
    """Write head and body as far as the answer goes."""
    length = [] if response.streamed else [("content-length", str(len(response.body)))]
    head = h11.Response(status_code=response.status, headers=[*response.headers.items(), *length])
    pending = connection.send(head) or b""
    for chunk in response.delivered_chunks:
        if response.gap_seconds:
            writer.write(pending)
            await writer.drain()
            pending = b""
            await asyncio.sleep(response.gap_seconds)
        pending += connection.send(h11.Data(data=chunk)) or b""
    if response.ending == "complete":
        pending += connection.send(h11.EndOfMessage()) or b""
    writer.write(pending)
    await writer.drain()


def _reset(writer: asyncio.StreamWriter) -> None:
    """Drop the connection with an RST."""
    raw = writer.get_extra_info("socket")
    with contextlib.suppress(OSError):
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
    writer.transport.abort()


def _listening(port: int) -> socket.socket:
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind(("127.0.0.1", port))
    listener.listen(_BACKLOG)
    return listener
