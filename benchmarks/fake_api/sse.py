"""A message as one JSON object, or as the events of a stream."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from pydantic_core import to_json

from benchmarks.fake_api.output import Output, Piece
from benchmarks.fake_api.usage import Usage

__all__ = ["event", "events_of", "message_of"]

_CHARACTERS = 240
"""How much of a text one delta carries."""


def message_of(
    output: Output, usage: Usage, *, id_: str, model: str, service_tier: str = "standard"
) -> dict[str, Any]:
    """The message as a whole."""
    return {
        "id": id_,
        "type": "message",
        "role": "assistant",
        "model": model,
        "content": output.content,
        "stop_reason": output.stop_reason,
        "stop_sequence": output.stop_sequence,
        "stop_details": output.stop_details,
        "usage": usage.on_the_wire(service_tier=service_tier),
    }


def event(name: str, **fields: Any) -> bytes:
    """One server-sent event."""
    return b"event: %b\ndata: %b\n\n" % (name.encode(), to_json({"type": name, **fields}))


def events_of(message: Mapping[str, Any], pieces: tuple[Piece, ...]) -> Iterator[bytes]:
    """The same message as the events of a stream."""
    usage = message["usage"]
    start = {**message, "content": [], "stop_reason": None, "stop_sequence": None}
    start["usage"] = {**usage, "output_tokens": 1}
    start["usage"].pop("output_tokens_details", None)
    if "stop_details" in start:
        start["stop_details"] = None
    yield event("message_start", message=start)
    yield event("ping")
    for n, piece in enumerate(pieces):
        yield event("content_block_start", index=n, content_block=_opened(piece.block))
        for delta in _deltas(piece):
            yield event("content_block_delta", index=n, delta=delta)
        yield event("content_block_stop", index=n)
    endings = ("stop_reason", "stop_sequence", "stop_details")
    ending = {key: message[key] for key in endings if key in message}
    counted = {
        key: usage[key]
        for key in (
            "input_tokens",
            "cache_creation_input_tokens",
            "cache_read_input_tokens",
            "output_tokens",
            "output_tokens_details",
        )
        if key in usage
    }
    more = {key: message[key] for key in ("input_transformations",) if key in message}
    yield event("message_delta", delta=ending, usage=counted, **more)
    yield event("message_stop")


def _opened(block: Mapping[str, Any]) -> dict[str, Any]:
    """A block as it looks before its deltas."""
    empty: dict[str, Any] = {
        "text": "",
        "citations": None,
        "thinking": "",
        "signature": "",
        "input": {},
    }
    return {key: empty.get(key, value) for key, value in block.items()}


def _deltas(piece: Piece) -> Iterator[dict[str, Any]]:
    block = piece.block
    if block["type"] == "text":
        for part in _parts(block["text"]):
            yield {"type": "text_delta", "text": part}
        for citation in block.get("citations") or ():
            yield {"type": "citations_delta", "citation": citation}
    elif block["type"] == "thinking":
        for part in _parts(block["thinking"]):
            yield {"type": "thinking_delta", "thinking": part}
        yield {"type": "signature_delta", "signature": block["signature"]}
    elif block["type"] == "tool_use":
        yield {"type": "input_json_delta", "partial_json": ""}
        for part in _parts(piece.json_text):
            yield {"type": "input_json_delta", "partial_json": part}


def _parts(content: str) -> Iterator[str]:
    for start in range(0, len(content), _CHARACTERS):
        yield content[start : start + _CHARACTERS]
