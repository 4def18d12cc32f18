"""Keeps every request for assertions."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from benchmarks.fake_api.http_types import HttpRequest
from benchmarks.fake_api.usage import Usage

__all__ = ["RecordedRequest", "Recorder"]


@dataclass(slots=True)
class RecordedRequest:
    """One request that arrived, and what became of it."""

    number: int
    """Among the requests to the messages endpoint, from 1; 0 for all others."""
    method: str
    path: str
    headers: Mapping[str, str]
    """Names in lower case."""
    raw: bytes
    """The body as it arrived; empty where bodies are not kept."""
    at: float
    """When it arrived, on the server's clock."""
    received: float
    """When it arrived, in seconds of the machine's monotonic clock."""
    status: int = 0
    """Of the answer; 0 where there was none."""
    message: Mapping[str, Any] | None = None
    """The reply that was made, whether or not it was delivered."""
    usage: Usage | None = None
    fault: str = ""
    """The fault that struck, if any."""
    error: str = ""
    """The text of the refusal, if any."""
    _body: Any = field(default=None, repr=False)

    @property
    def body(self) -> dict[str, Any]:
        """The body as JSON."""
        if self._body is None:
            self._body = json.loads(self.raw) if self.raw else {}
        body: dict[str, Any] = self._body
        return body


class Recorder:
    """The list of what arrived."""

    def __init__(self, *, keep_bodies: bool = True) -> None:
        self.everything: list[RecordedRequest] = []
        self._keep_bodies = keep_bodies

    def record(
        self, request: HttpRequest, *, number: int, at: float, received: float
    ) -> RecordedRequest:
        """Keep a request."""
        raw = request.body if self._keep_bodies else b""
        record = RecordedRequest(
            number, request.method, request.path, request.headers, raw, at, received
        )
        self.everything.append(record)
        return record

    @property
    def messages(self) -> list[RecordedRequest]:
        """Those to the messages endpoint, in order."""
        return [each for each in self.everything if each.number]
