"""What a server replied, as a ModelReply."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, TypeGuard

from docpager.core.errors import AttemptFailed
from docpager.models.messages import ModelReply, ToolCall, Usage

if TYPE_CHECKING:
    from anthropic.types import Message

__all__ = ["is_count", "is_whole_json", "model_reply"]

Block = dict[str, Any]

_CUT = frozenset({"max_tokens", "model_context_window_exceeded"})
_OTHER_NAMES = {"stop": "end_turn", "length": "max_tokens", "tool_calls": "tool_use"}
"""What servers that translate from another protocol sometimes leave untranslated."""

_COUNTED = (
    "input_tokens",
    "cache_read_input_tokens",
    "cache_creation_input_tokens",
    "output_tokens",
)
_MOST_TOKENS = 10**9
"""More than any model takes or gives: a count above it is no count."""


def model_reply(
    message: Message, *, exact_usage: bool, max_output: int | None = None, broken: bool = False
) -> ModelReply:
    """The reply, with its blocks as they came.

    Some servers tell a cut reply as a whole one: it is cut too where the arguments of a call are
    `broken` JSON, and where text ends at `max_output` tokens by the server's count.

    Raises:
        AttemptFailed: it does not say why it stopped, so it is not whole.
    """
    reason = getattr(message, "stop_reason", None)
    if not isinstance(reason, str) or not reason:
        raise AttemptFailed(
            "the reply broke off before its end", retryable=True, may_be_billed=True
        )
    reason = _OTHER_NAMES.get(reason.lower(), reason.lower())
    if broken or _reaches(max_output, message, reason):
        reason = "max_tokens"
    blocks = _numbered(_blocks(message), getattr(message, "id", None) or "reply")
    if reason in _CUT and blocks and blocks[-1].get("type") == "tool_use":
        blocks = blocks[:-1]  # its arguments may be incomplete, and are valid JSON all the same
    calls = tuple(_call(block) for block in blocks if block.get("type") == "tool_use")
    return ModelReply(
        text=_text(blocks),
        calls=calls,
        stop_reason="tool_use" if calls and reason == "end_turn" else reason,
        usage=_usage(message, exact=exact_usage),
        raw=tuple(blocks),
        stop_detail=_stop_detail(message),
    )


def _reaches(max_output: int | None, message: Message, reason: str) -> bool:
    """Whether text that is said to be whole is as long as it may be; a call whose arguments parse
    is whole however long it is."""
    given = getattr(getattr(message, "usage", None), "output_tokens", None)
    return (
        max_output is not None and reason == "end_turn" and is_count(given) and given >= max_output
    )


def is_whole_json(written: str) -> bool:
    """Whether the joined arguments of a call are JSON; none at all are none."""
    try:
        json.loads(written or "{}")
    except (ValueError, RecursionError):
        return False
    return True


def _blocks(message: Message) -> list[Block]:
    content: object = getattr(message, "content", None)
    blocks = content if isinstance(content, list) else []
    return [block.to_dict(mode="json", warnings=False) for block in blocks if _is_block(block)]


def _is_block(block: object) -> bool:
    """Whether the SDK made a block of it: what is no JSON object stays what it is."""
    return hasattr(block, "to_dict")


def _numbered(blocks: list[Block], message_id: str) -> list[Block]:
    """The blocks, where calls that share an id, or have none, get one of their own."""
    seen: set[str] = set()
    for number, block in enumerate(blocks, 1):
        if block.get("type") == "tool_use":
            given = block.get("id")
            if not (isinstance(given, str) and given) or given in seen:
                block["id"] = f"{message_id}-call-{number}"
            seen.add(block["id"])
    return blocks


def _call(block: Block) -> ToolCall:
    arguments = block.get("input")
    if not isinstance(arguments, dict):
        arguments = block["input"] = {}  # the executor will say what is missing
    return ToolCall(block["id"], str(block.get("name") or ""), arguments)


def _text(blocks: list[Block]) -> str:
    said = [block.get("text") for block in blocks if block.get("type") == "text"]
    return "\n".join(part for part in said if isinstance(part, str) and part)


def _stop_detail(message: Message) -> str:
    """`category: explanation` of a refusal, as far as they are given."""
    details = getattr(message, "stop_details", None)
    parts = (getattr(details, "category", None), getattr(details, "explanation", None))
    return ": ".join(str(part) for part in parts if part)


def _usage(message: Message, *, exact: bool) -> Usage | None:
    """What the server counted; None where it counted nothing, or a count that cannot be right."""
    usage = getattr(message, "usage", None)
    given = [getattr(usage, name, None) for name in _COUNTED]
    hour = getattr(getattr(usage, "cache_creation", None), "ephemeral_1h_input_tokens", None)
    if not all(each is None or is_count(each) for each in (*given, hour)):
        return None
    counted, read, written, output = (each or 0 for each in given)
    if not counted + read + written:
        return None
    return Usage(
        input_tokens=counted,
        cache_read_tokens=read,
        cache_write_tokens=written,
        output_tokens=output,
        source="server" if exact else "estimate",
        cache_write_1h_tokens=min(hour or 0, written),
    )


def is_count(value: object) -> TypeGuard[int]:
    """Whether a server can have counted so many tokens."""
    return type(value) is int and 0 <= value <= _MOST_TOKENS
