"""The core: HTTP requests in, HTTP responses out; no sockets, no waiting."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from benchmarks.fake_api.api_errors import ApiError, invalid, not_found
from benchmarks.fake_api.backend import ANTHROPIC, Backend
from benchmarks.fake_api.batch_routes import BATCHES, BatchRoutes
from benchmarks.fake_api.catalogue import list_models, show_foreign_model, show_model
from benchmarks.fake_api.clock import Clock
from benchmarks.fake_api.conversations import Conversations
from benchmarks.fake_api.fault_effects import break_response, refuse
from benchmarks.fake_api.faults import Fault
from benchmarks.fake_api.http_types import HttpRequest, HttpResponse, json_response
from benchmarks.fake_api.messages import Caller
from benchmarks.fake_api.recording import RecordedRequest, Recorder

__all__ = ["ENDPOINTS", "Service"]

ENDPOINTS = ("messages", "count_tokens", "batches", "models")
_MOST_BYTES = {"batches": 256 * 1024 * 1024}
_MOST_BYTES_ELSEWHERE = 32 * 1024 * 1024
_VERSIONS = ("2023-06-01", "2026-10-21")
_ORGANIZATION = "00000000-0000-4000-8000-000000000001"

FaultsOf = Callable[[int], Fault | None]


@dataclass(slots=True)
class Service:
    """Answers requests as the API does, and records them."""

    conversations: Conversations
    batches: BatchRoutes
    clock: Clock
    recorder: Recorder
    faults: Mapping[str, FaultsOf]
    """By endpoint; each counts its own requests from 1."""
    backend: Backend = ANTHROPIC
    api_keys: frozenset[str] | None = None
    """Keys that are let in; None lets in any."""
    _counts: dict[str, int] = field(default_factory=dict)

    def handle(self, request: HttpRequest) -> HttpResponse:
        """The answer to one request."""
        endpoint = _endpoint(request)
        number = self._counts[endpoint] = self._counts.get(endpoint, 0) + 1
        record = self.recorder.record(
            request,
            number=number if endpoint == "messages" else 0,
            at=self.clock.now(),
            received=time.monotonic(),
        )
        headers = self._headers()
        fault = self.faults[endpoint](number) if endpoint in self.faults else None
        record.fault = fault.kind if fault else ""
        try:
            response = refuse(fault, headers) if fault else None
            if response is None:
                response = self._answer(request, endpoint, record, headers, fault)
                response = break_response(fault, response) if fault else response
        except ApiError as error:
            record.error = error.message
            body = error.body(headers.get("request-id", ""))
            response = json_response(body, {**headers, **error.headers}, error.status)
        record.status = response.status
        return response

    def _headers(self) -> dict[str, str]:
        if not self.backend.is_anthropic:
            return {}
        number = str(len(self.recorder.everything)).encode()
        return {
            "request-id": f"req_{hashlib.blake2b(number, digest_size=12).hexdigest()}",
            "anthropic-organization-id": _ORGANIZATION,
        }

    def _answer(
        self,
        request: HttpRequest,
        endpoint: str,
        record: RecordedRequest,
        headers: dict[str, str],
        fault: Fault | None,
    ) -> HttpResponse:
        caller = self._caller(request)
        if endpoint == "models":
            return self._models(request, headers)
        if endpoint not in {"messages", *self.backend.endpoints}:
            raise not_found("Not Found")
        body = _json(request, endpoint) if request.method == "POST" and request.body else None
        if endpoint == "batches":
            return self.batches.answer(request, body, caller.account, headers)
        if request.method != "POST":
            raise ApiError(405, "invalid_request_error", "Method Not Allowed")
        if endpoint == "count_tokens":
            return json_response(self.conversations.count(body, caller), headers)
        return self.conversations.answer(body, caller, record, headers, fault)

    def _models(self, request: HttpRequest, headers: dict[str, str]) -> HttpResponse:
        name = request.path.removeprefix("/v1/models").strip("/")
        if request.method != "GET":
            raise ApiError(405, "invalid_request_error", "Method Not Allowed")
        if "foreign_models" in self.backend.endpoints:
            return json_response(show_foreign_model(name), headers)
        if "models" not in self.backend.endpoints:
            raise not_found("Not Found")
        return json_response(show_model(name) if name else list_models(request.query), headers)

    def _caller(self, request: HttpRequest) -> Caller:
        """Who asks.

        Raises:
            ApiError: 401 without a key, 400 without a known version.
        """
        headers = request.headers
        scheme, _, token = headers.get("authorization", "").partition(" ")
        key = token if scheme.lower() == "bearer" else headers.get("x-api-key", "")
        if not self.backend.is_anthropic:
            return Caller(_account(key), _VERSIONS[0])
        if not key or (self.api_keys is not None and key not in self.api_keys):
            raise ApiError(401, "authentication_error", "invalid x-api-key")
        version = headers.get("anthropic-version", "")
        if version not in _VERSIONS:
            what = f"{version!r} is not a valid version" if version else "header is required"
            raise invalid(f"anthropic-version: {what}")
        betas = headers.get("anthropic-beta", "").split(",")
        asked = frozenset(beta.strip() for beta in betas if beta.strip())
        return Caller(_account(key), version, asked)


def _endpoint(request: HttpRequest) -> str:
    path = request.path.rstrip("/")
    if path == "/v1/messages":
        return "messages"
    if path == "/v1/messages/count_tokens":
        return "count_tokens"
    if path == BATCHES or path.startswith(BATCHES + "/"):
        return "batches"
    if path == "/v1/models" or path.startswith("/v1/models/"):
        return "models"
    return "nowhere"


def _json(request: HttpRequest, endpoint: str) -> Any:
    from pydantic_core import from_json

    if len(request.body) > _MOST_BYTES.get(endpoint, _MOST_BYTES_ELSEWHERE):
        raise ApiError(413, "request_too_large", "Request exceeds the maximum size")
    try:
        return from_json(request.body, allow_inf_nan=False)
    except ValueError as error:
        raise invalid(f"The request body is not valid JSON: {error}") from None


def _account(key: str) -> str:
    """What stands for a key; signatures are no place for the key itself."""
    return hashlib.blake2b(key.encode(), digest_size=8).hexdigest()
