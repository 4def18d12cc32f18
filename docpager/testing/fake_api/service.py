"""The core: HTTP requests in, HTTP responses out; no sockets, no waiting."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Mapping
from typing import Any

from docpager.testing.fake_api.api_errors import ApiError, invalid
from docpager.testing.fake_api.bill import Bill
from docpager.testing.fake_api.cache import Lookup
from docpager.testing.fake_api.catalogue import list_models, show_model
from docpager.testing.fake_api.clock import Clock
from docpager.testing.fake_api.fault_effects import alter, break_response, refuse
from docpager.testing.fake_api.faults import UNDELIVERED, Fault
from docpager.testing.fake_api.http_types import HttpRequest, HttpResponse, json_response
from docpager.testing.fake_api.limits import Limiter
from docpager.testing.fake_api.messages import Caller, Made, Messages
from docpager.testing.fake_api.recording import RecordedRequest, Recorder
from docpager.testing.fake_api.sse import events_of

__all__ = ["Service"]

_MOST_BYTES = 32 * 1024 * 1024
_VERSIONS = ("2023-06-01", "2026-10-21")
_ORGANIZATION = "00000000-0000-4000-8000-000000000001"


class Service:
    """Answers requests as the API does; keeps the bill and the record."""

    def __init__(
        self,
        messages: Messages,
        *,
        clock: Clock,
        bill: Bill,
        recorder: Recorder,
        limiter: Limiter,
        faults: Callable[[int], Fault | None],
        latency_seconds: float = 0.0,
        api_keys: frozenset[str] | None = None,
    ) -> None:
        self._messages = messages
        self._clock = clock
        self._bill = bill
        self._recorder = recorder
        self._limiter = limiter
        self._faults = faults
        self._latency_seconds = latency_seconds
        self._api_keys = api_keys
        self._requests = 0
        self._numbered = 0

    def handle(self, request: HttpRequest) -> HttpResponse:
        """The answer to one request."""
        self._requests += 1
        is_message = request.method == "POST" and request.path == "/v1/messages"
        self._numbered += is_message
        now = self._clock.now()
        record = self._recorder.record(
            request,
            number=self._numbered if is_message else 0,
            at=now,
            received=time.monotonic(),
        )
        headers = {"request-id": _request_id(self._requests)}
        try:
            response = self._routed(request, record, headers)
        except ApiError as error:
            record.error = error.message
            body = error.body(headers["request-id"])
            response = json_response(body, {**headers, **error.headers}, error.status)
        record.status = response.status
        return response

    def _routed(
        self, request: HttpRequest, record: RecordedRequest, headers: dict[str, str]
    ) -> HttpResponse:
        caller = self._caller(request)
        headers["anthropic-organization-id"] = _ORGANIZATION
        route = (request.method, request.path)
        if route == ("POST", "/v1/messages"):
            return self._message(request, record, caller, headers)
        if route == ("POST", "/v1/messages/count_tokens"):
            checked = self._messages.check(_json(request), caller, counting=True)
            return json_response({"input_tokens": checked.prompt.tokens}, headers)
        if request.method == "GET" and request.path == "/v1/models":
            return json_response(list_models(request.query), headers)
        if request.method == "GET" and request.path.startswith("/v1/models/"):
            return json_response(show_model(request.path.rsplit("/", 1)[1]), headers)
        raise _no_route(request)

    def _caller(self, request: HttpRequest) -> Caller:
        """Who asks.

        Raises:
            ApiError: 401 without a key, 400 without a known version.
        """
        headers = request.headers
        scheme, _, token = headers.get("authorization", "").partition(" ")
        key = token if scheme.lower() == "bearer" else headers.get("x-api-key", "")
        if not key or (self._api_keys is not None and key not in self._api_keys):
            raise ApiError(401, "authentication_error", "invalid x-api-key")
        version = headers.get("anthropic-version", "")
        if version not in _VERSIONS:
            what = f"{version!r} is not a valid version" if version else "header is required"
            raise invalid(f"anthropic-version: {what}")
        betas = headers.get("anthropic-beta", "").split(",")
        return Caller(
            _account(key), version, frozenset(beta.strip() for beta in betas if beta.strip())
        )

    def _message(
        self,
        request: HttpRequest,
        record: RecordedRequest,
        caller: Caller,
        headers: dict[str, str],
    ) -> HttpResponse:
        fault = self._faults(record.number)
        record.fault = fault.kind if fault else ""
        refused = refuse(fault, headers) if fault else None
        if refused is not None:
            return refused
        body = _json(request)
        now = self._clock.now()
        checked = self._messages.check(body, caller)
        lookup = self._messages.look_up(checked, caller, now)
        fresh = lookup.usage.input_tokens + lookup.usage.cache_write_tokens
        try:
            self._limiter.admit(caller.account, body["model"], fresh, now)
        finally:
            headers |= self._limiter.headers(caller.account, body["model"], now)
        kept = not fault or fault.kind not in UNDELIVERED
        made = self._messages.make(
            checked,
            lookup,
            caller,
            number=record.number,
            altered=(lambda output: alter(fault, output)) if fault else None,
            kept=kept,
        )
        self._settle(made, body, record, caller, delivered=kept)
        response = self._sent(made, body, headers, lookup)
        return break_response(fault, response) if fault else response

    def _settle(
        self,
        made: Made,
        body: Mapping[str, Any],
        record: RecordedRequest,
        caller: Caller,
        *,
        delivered: bool,
    ) -> None:
        record.message, record.usage = made.message, made.usage
        self._limiter.settle(caller.account, body["model"], made.usage, self._clock.now())
        self._bill.add(
            body,
            made.usage,
            number=record.number,
            message_id=made.message["id"],
            delivered=delivered,
        )

    def _sent(
        self, made: Made, body: Mapping[str, Any], headers: dict[str, str], lookup: Lookup
    ) -> HttpResponse:
        if body.get("stream"):
            events = tuple(events_of(made.message, made.pieces))
            kind = {"content-type": "text/event-stream; charset=utf-8", "cache-control": "no-cache"}
            response = HttpResponse(200, {**headers, **kind}, events, streamed=True)
        else:
            response = json_response(made.message, headers)
        response.wait_seconds = self._latency_seconds
        response.begins = lambda: self._messages.begin(lookup, self._clock.now())
        return response


def _json(request: HttpRequest) -> Any:
    from pydantic_core import from_json

    if len(request.body) > _MOST_BYTES:
        raise ApiError(413, "request_too_large", "Request exceeds the maximum size")
    try:
        return from_json(request.body, allow_inf_nan=False)
    except ValueError as error:
        raise invalid(f"The request body is not valid JSON: {error}") from None


def _no_route(request: HttpRequest) -> ApiError:
    known = ("/v1/messages", "/v1/messages/count_tokens", "/v1/models", "/v1/messages/batches")
    if request.path in known:
        return ApiError(405, "invalid_request_error", "Method Not Allowed")
    return ApiError(404, "not_found_error", "Not Found")


def _account(key: str) -> str:
    """What stands for a key; signatures are no place for the key itself."""
    return hashlib.blake2b(key.encode(), digest_size=8).hexdigest()


def _request_id(number: int) -> str:
    return f"req_{hashlib.blake2b(str(number).encode(), digest_size=12).hexdigest()}"
