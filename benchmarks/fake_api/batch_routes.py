"""The message batches endpoints."""

from __future__ import annotations

from typing import Any

from benchmarks.fake_api.api_errors import ApiError
from benchmarks.fake_api.batches import Batches
from benchmarks.fake_api.catalogue import page_of
from benchmarks.fake_api.clock import Clock
from benchmarks.fake_api.http_types import HttpRequest, HttpResponse, json_response

__all__ = ["BATCHES", "BatchRoutes"]

BATCHES = "/v1/messages/batches"


class BatchRoutes:
    """Finds what a request to a path below `/v1/messages/batches` wants."""

    def __init__(self, batches: Batches, clock: Clock) -> None:
        self._batches = batches
        self._clock = clock

    def answer(
        self, request: HttpRequest, body: Any, account: str, headers: dict[str, str]
    ) -> HttpResponse:
        """The answer.

        Raises:
            ApiError: 400, 404 or 405.
        """
        now = self._clock.now()
        base_url = f"http://{request.headers.get('host', '127.0.0.1')}"
        id_, _, action = request.path.removeprefix(BATCHES).strip("/").partition("/")
        route = (request.method, action)
        if not id_ and request.method == "POST":
            batch = self._batches.create(body, account, now)
            return json_response(self._batches.shown(batch, now, base_url), headers)
        if not id_ and request.method == "GET":
            return json_response(self._list(request, account, now, base_url), headers)
        batch = self._batches.find(id_, account, now)
        if route == ("DELETE", ""):
            return json_response(self._batches.delete(batch), headers)
        if route == ("GET", "results"):
            lines = tuple(self._batches.lines(batch))
            kind = {"content-type": "application/x-jsonl"}
            return HttpResponse(200, {**headers, **kind}, lines, streamed=True)
        if route == ("POST", "cancel"):
            self._batches.cancel(batch, now)
        elif route != ("GET", ""):
            raise ApiError(405, "invalid_request_error", "Method Not Allowed")
        return json_response(self._batches.shown(batch, now, base_url), headers)

    def _list(
        self, request: HttpRequest, account: str, now: float, base_url: str
    ) -> dict[str, Any]:
        page, more = page_of(self._batches.listed(account), request.query, most=1_000)
        found = [self._batches.find(each, account, now) for each in page]
        return {
            "data": [self._batches.shown(each, now, base_url) for each in found],
            "has_more": more,
            "first_id": page[0] if page else None,
            "last_id": page[-1] if page else None,
        }
