"""What the API refuses although it parses: roles, empty texts, models, options that exclude others.

The texts are those that the real API is known to send, where they are known.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from benchmarks.fake_api.api_errors import ApiError, invalid
from benchmarks.fake_api.images import check_images
from benchmarks.fake_api.models import Model

__all__ = ["check_rules", "cites"]

_MOST_MESSAGES = 100_000
_ONLY_IN = {
    "tool_use": "assistant",
    "thinking": "assistant",
    "redacted_thinking": "assistant",
    "tool_result": "user",
    "image": "user",
    "document": "user",
    "search_result": "user",
}
_NO_PREFILL = (
    "This model does not support assistant message prefill. The conversation must end with a user "
    "message."
)
_NOT_EMPTY = (
    "messages.{n}: all messages must have non-empty content except for the optional final "
    "assistant message"
)


def check_rules(body: Mapping[str, Any], model: Model, *, version: str) -> None:
    """Refuse a body that parses but breaks a rule of roles, texts or output.

    Raises:
        ApiError: 400.
    """
    _check_roles(body["messages"], model)
    for n, message in enumerate(body["messages"]):
        _check_message(n, message, version)
    check_images(body["messages"], model)
    _check_system(body.get("system"))
    _check_output(body, model)


def _check_roles(messages: Sequence[Mapping[str, Any]], model: Model) -> None:
    if not messages:
        raise invalid("messages: at least one message is required")
    if len(messages) > _MOST_MESSAGES:
        raise invalid(f"messages: at most {_MOST_MESSAGES} messages are allowed")
    if messages[0]["role"] != "user":
        raise invalid('messages: first message must use the "user" role')
    for n, message in enumerate(messages):
        if message["role"] == "system":
            _check_mid_system(n, messages, model)
    if messages[-1]["role"] == "assistant":
        _check_prefill(messages[-1], model)


def _check_mid_system(n: int, messages: Sequence[Mapping[str, Any]], model: Model) -> None:
    if not model.mid_system:
        raise invalid(f"messages.{n}.role: system messages are not supported for this model.")
    last = n + 1 == len(messages)
    if messages[n - 1]["role"] != "user" or not (last or messages[n + 1]["role"] == "assistant"):
        raise invalid(
            f"messages.{n}: a system message must follow a user message and be the last message "
            "or be followed by an assistant message"
        )


def _check_prefill(message: Mapping[str, Any], model: Model) -> None:
    if not model.prefill:
        raise invalid(_NO_PREFILL)
    content = message["content"]
    last = content if isinstance(content, str) else (content or [{}])[-1].get("text", "")
    if last != last.rstrip():
        raise invalid("messages: final assistant content cannot end with trailing whitespace")


def _check_message(n: int, message: Mapping[str, Any], version: str) -> None:
    content = message["content"]
    if not content:
        raise invalid(_NOT_EMPTY.format(n=n))
    blocks = [{"type": "text", "text": content}] if isinstance(content, str) else content
    for block in blocks:
        kind = block["type"]
        role = _ONLY_IN.get(kind, message["role"])
        if role != message["role"]:
            raise invalid(f"messages.{n}: `{kind}` blocks can only be in `{role}` messages")
        for text in _texts(block):
            _check_text(text, "messages")
    if message["role"] == "user" and version != "2023-06-01":
        _check_no_citations(n, blocks)


def _texts(block: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """The text blocks in and below a block."""
    if block["type"] == "text":
        yield block
    content = block.get("content")
    if isinstance(content, list):
        for nested in content:
            yield from _texts(nested)


def _check_text(block: Mapping[str, Any], where: str) -> None:
    if not block["text"]:
        raise invalid(f"{where}: text content blocks must be non-empty")
    if not block["text"].strip():
        raise invalid(f"{where}: text content blocks must contain non-whitespace text")


def _check_no_citations(n: int, blocks: Sequence[Mapping[str, Any]]) -> None:
    for m, block in enumerate(blocks):
        if any(text.get("citations") for text in _texts(block)):
            raise invalid(
                f"messages.{n}.content.{m}: `citations` on `text` blocks are only allowed in "
                "`assistant` messages"
            )


def _check_system(system: Any) -> None:
    if isinstance(system, list):
        for block in system:
            _check_text(block, "system")


def _check_output(body: Mapping[str, Any], model: Model) -> None:
    asked = body.get("max_tokens", 1)
    if asked > model.max_output:
        raise invalid(
            f"max_tokens: {asked} > {model.max_output}, which is the maximum allowed number of "
            f"output tokens for {model.id}"
        )
    if asked == 0:
        _check_prewarming(body)
    if any(not sequence.strip() for sequence in body.get("stop_sequences") or ()):
        raise invalid("stop_sequences: each stop sequence must contain non-whitespace")
    has_format = bool((body.get("output_config") or {}).get("format"))
    if has_format and cites(body):
        raise invalid("output_config.format: structured outputs are incompatible with citations")


def _check_prewarming(body: Mapping[str, Any]) -> None:
    for excluded, present in (
        ("stream", body.get("stream")),
        ("output_config.format", (body.get("output_config") or {}).get("format")),
        ("tool_choice", (body.get("tool_choice") or {}).get("type") in ("any", "tool")),
    ):
        if present:
            raise invalid(f"max_tokens: 0 is not supported together with `{excluded}`")


def cites(body: Mapping[str, Any]) -> bool:
    """Whether citations are enabled on any citable block.

    Raises:
        ApiError: 400, when they are enabled on some and not on others.
    """
    enabled = {
        bool((block.get("citations") or {}).get("enabled"))
        for message in body["messages"]
        if isinstance(message["content"], list)
        for block in _citable(message["content"])
    }
    if len(enabled) > 1:
        raise _mixed_citations()
    return enabled == {True}


def _citable(blocks: Sequence[Mapping[str, Any]]) -> Iterator[Mapping[str, Any]]:
    for block in blocks:
        if block["type"] in ("document", "search_result"):
            yield block
        elif block["type"] == "tool_result" and isinstance(block.get("content"), list):
            yield from _citable(block["content"])


def _mixed_citations() -> ApiError:
    return invalid("messages: citations must be enabled on all or none of the citable blocks")
