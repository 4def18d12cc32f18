"""What each fault does to an answer."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from benchmarks.fake_api.api_errors import ApiError
from benchmarks.fake_api.faults import Fault
from benchmarks.fake_api.http_types import Ending, HttpResponse
from benchmarks.fake_api.output import Output, Piece
from benchmarks.fake_api.sse import event

__all__ = ["alter", "break_response", "refuse"]

_RATE = "This request would exceed your organization's rate limit."
_HTML = b"<html><head><title>502 Bad Gateway</title></head><body>Bad Gateway</body></html>"
_UNKNOWN_BLOCK = {"type": "future_block", "data": "from a later version of the API"}


def refuse(fault: Fault, headers: Mapping[str, str]) -> HttpResponse | None:
    """The answer of a fault that strikes before the model works.

    Raises:
        ApiError: faults that are refusals.
    """
    if fault.kind == "bad_gateway_html":
        return HttpResponse(502, {**headers, "content-type": "text/html"}, (_HTML,))
    if fault.kind == "refuse_connection":
        return HttpResponse(0, {}, ending="refused", refuse_seconds=fault.seconds)
    if fault.kind == "close_before_headers":
        return HttpResponse(0, {}, ending="unanswered")
    error = _refusal(fault)
    if error is not None:
        raise error
    return None


def _refusal(fault: Fault) -> ApiError | None:
    limited = _LIMITED.get(fault.kind)
    if limited is not None:
        return ApiError(429, "rate_limit_error", _RATE, headers=limited)
    if fault.kind == "rate_limited_ms":
        wait = {"retry-after-ms": str(math.ceil(fault.seconds * 1_000))}
        return ApiError(429, "rate_limit_error", _RATE, headers=wait)
    if fault.kind == "spend_cap":
        return ApiError(
            429,
            "rate_limit_error",
            "You have reached your specified API usage limits.",
            error_code="enforced_spend_limit_reached",
        )
    if fault.kind == "should_retry":
        again = {"x-should-retry": "true"}
        return ApiError(400, "invalid_request_error", "Try again.", headers=again)
    plain = _PLAIN.get(fault.kind)
    return ApiError(*plain) if plain else None


_LIMITED: dict[str, dict[str, str]] = {
    "rate_limited": {"retry-after": "1"},
    "rate_limited_bare": {},
    "huge_retry_after": {"retry-after": "86400"},
    "should_not_retry": {"x-should-retry": "false"},
}
_PLAIN = {
    "server_error": (500, "api_error", "Internal server error"),
    "gateway_timeout": (504, "timeout_error", "Gateway timeout"),
    "overloaded": (529, "overloaded_error", "Overloaded"),
}


def alter(fault: Fault, output: Output) -> Output:
    """The output of a model that something is wrong with."""
    if fault.kind == "unknown_block":
        return replace(output, pieces=(*output.pieces, Piece(dict(_UNKNOWN_BLOCK))))
    if fault.kind == "unknown_stop_reason":
        return replace(output, stop_reason="future_reason")
    if fault.kind == "refusal":
        details = {"type": "refusal", "category": None, "explanation": "A test refuses this."}
        return replace(output, pieces=(), stop_reason="refusal", stop_details=details)
    if fault.kind == "context_window_exceeded":
        halves = tuple(_half(piece) for piece in output.pieces if piece.block["type"] != "tool_use")
        return replace(output, pieces=halves, stop_reason="model_context_window_exceeded")
    if fault.kind == "cut_tool_input":
        return _cut_call(output)
    if fault.kind == "malformed_tool_json":
        return replace(output, pieces=tuple(_spoil(piece) for piece in output.pieces))
    return output


def _half(piece: Piece) -> Piece:
    if piece.block["type"] != "text":
        return piece
    words = piece.block["text"]
    return Piece({**piece.block, "text": words[: max(1, len(words) // 2)]})


def _cut_call(output: Output) -> Output:
    """Ends in the middle of the last call's arguments."""
    calls = [n for n, piece in enumerate(output.pieces) if piece.block["type"] == "tool_use"]
    if not calls:
        return output
    last = output.pieces[calls[-1]]
    cut = Piece({**last.block, "input": {}}, last.json_text[: len(last.json_text) // 2])
    return replace(output, pieces=(*output.pieces[: calls[-1]], cut), stop_reason="max_tokens")


def _spoil(piece: Piece) -> Piece:
    if piece.block["type"] != "tool_use":
        return piece
    return Piece(piece.block, '{"' + piece.json_text + "]")


def break_response(fault: Fault, response: HttpResponse) -> HttpResponse:
    """The answer as the fault lets it through."""
    endings: dict[str, Ending] = {"truncated_body": "cut", "reset_mid_stream": "reset"}
    if fault.kind in endings:
        response.ending = endings[fault.kind]
    elif fault.kind == "slow_first_byte":
        response.wait_seconds += fault.seconds
    elif fault.kind == "slow_chunks":
        if not response.streamed:
            response.chunks = tuple(_slices(response.body))
        response.gap_seconds = fault.seconds / len(response.chunks)
    elif fault.kind == "html_200":
        response.headers["content-type"] = "text/html"
        response.chunks, response.streamed = (_HTML,), False
    elif fault.kind == "empty_object":
        response.headers["content-type"] = "application/json"
        response.chunks, response.streamed = (b"{}",), False
    elif fault.kind in ("sse_error", "no_message_stop", "malformed_tool_json"):
        _break_stream(fault, response)
    return response


def _slices(body: bytes) -> Iterator[bytes]:
    size = len(body) // 8 + 1
    for start in range(0, len(body), size):
        yield body[start : start + size]


def _break_stream(fault: Fault, response: HttpResponse) -> None:
    if not response.streamed:
        if fault.kind != "malformed_tool_json" or b'"tool_use"' in response.body:
            response.chunks = (response.body[:-1],)
        return
    chunks = response.chunks
    if fault.kind == "sse_error":
        problem: dict[str, Any] = {"type": "overloaded_error", "message": "Overloaded"}
        response.chunks = (*chunks[: (len(chunks) + 1) // 2], event("error", error=problem))
    elif fault.kind == "no_message_stop":
        response.chunks = chunks[:-2]
