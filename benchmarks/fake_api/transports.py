"""The same core in process, as transports of the SDK's HTTP client."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Iterator
from urllib.parse import parse_qsl

import httpx2

from benchmarks.fake_api.http_types import HttpRequest, HttpResponse

__all__ = ["AsyncInProcess", "InProcess"]

Handler = Callable[[HttpRequest], HttpResponse]


class InProcess(httpx2.BaseTransport):
    """For `httpx2.Client`."""

    def __init__(self, handler: Handler) -> None:
        self._handler = handler

    def handle_request(self, request: httpx2.Request) -> httpx2.Response:
        """Answer without a socket; broken connections raise what httpx2 would raise."""
        response = self._handler(_request(request, request.read()))
        time.sleep(response.wait_seconds)
        return _response(response, request, _Body(response))


class AsyncInProcess(httpx2.AsyncBaseTransport):
    """For `httpx2.AsyncClient`."""

    def __init__(self, handler: Handler) -> None:
        self._handler = handler

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        """Answer without a socket; broken connections raise what httpx2 would raise."""
        response = self._handler(_request(request, await request.aread()))
        await asyncio.sleep(response.wait_seconds)
        return _response(response, request, _AsyncBody(response))


class _Body(httpx2.SyncByteStream):
    def __init__(self, response: HttpResponse) -> None:
        self._response = response

    def __iter__(self) -> Iterator[bytes]:
        for chunk in self._response.delivered_chunks:
            time.sleep(self._response.gap_seconds)
            yield chunk
        _end(self._response)


class _AsyncBody(httpx2.AsyncByteStream):
    def __init__(self, response: HttpResponse) -> None:
        self._response = response

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for chunk in self._response.delivered_chunks:
            await asyncio.sleep(self._response.gap_seconds)
            yield chunk
        _end(self._response)


def _request(request: httpx2.Request, body: bytes) -> HttpRequest:
    headers = {name.lower(): value for name, value in request.headers.items()}
    query = dict(parse_qsl(request.url.query.decode()))
    return HttpRequest(request.method, request.url.path, query, headers, body)


def _response(
    response: HttpResponse, request: httpx2.Request, stream: _Body | _AsyncBody
) -> httpx2.Response:
    if response.ending == "refused":
        raise httpx2.ConnectError("[Errno 111] Connection refused", request=request)
    if response.ending == "unanswered":
        text = "Server disconnected without sending a response."
        raise httpx2.RemoteProtocolError(text, request=request)
    if response.begins is not None:
        response.begins()
    return httpx2.Response(
        response.status, headers=response.headers, stream=stream, request=request
    )


def _end(response: HttpResponse) -> None:
    if response.ending == "cut":
        raise httpx2.RemoteProtocolError(
            "peer closed connection without sending complete message body"
        )
    if response.ending == "reset":
        raise httpx2.ReadError("[Errno 104] Connection reset by peer")
