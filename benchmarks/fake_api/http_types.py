"""Requests and responses between the core and whatever carries them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from pydantic_core import to_json

__all__ = ["Ending", "HttpRequest", "HttpResponse", "json_response"]

Ending = Literal["complete", "cut", "reset", "unanswered", "refused"]
"""How a response ends: whole; closed or reset half-way; closed, or reset, without an answer."""


@dataclass(frozen=True, slots=True)
class HttpRequest:
    """What a client sent."""

    method: str
    path: str
    """Without the query."""
    query: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    """Names in lower case."""
    body: bytes = b""


@dataclass(slots=True)
class HttpResponse:
    """What is sent back, and how."""

    status: int
    headers: dict[str, str]
    chunks: tuple[bytes, ...] = ()
    """The body; the events of a stream, one by one."""
    streamed: bool = False
    """Whether the length is unknown beforehand."""
    ending: Ending = "complete"
    wait_seconds: float = 0.0
    """Before the first byte."""
    gap_seconds: float = 0.0
    """Before each chunk."""
    refuse_seconds: float = 0.0
    """How long connections are refused, where it ends with `refused`."""
    begins: Callable[[], None] | None = None
    """To be called when the first byte leaves."""
    lost: Callable[[], None] | None = None
    """To be called when the client has gone before it could be answered."""

    @property
    def body(self) -> bytes:
        return b"".join(self.chunks)

    @property
    def delivered_chunks(self) -> tuple[bytes, ...]:
        """What leaves before the end: all of it, or the first half of a broken response."""
        if self.ending == "complete":
            return self.chunks
        if self.streamed and len(self.chunks) > 1:
            return self.chunks[: (len(self.chunks) + 1) // 2]
        return (self.body[: len(self.body) // 2],)


def json_response(
    body: Mapping[str, Any], headers: Mapping[str, str], status: int = 200
) -> HttpResponse:
    """A JSON answer."""
    kind = {"content-type": "application/json"}
    return HttpResponse(status, {**kind, **headers}, (to_json(body),))
