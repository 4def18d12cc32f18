"""A small client for tests of the fake API: the plain SDK, and shorthands for bodies."""

from __future__ import annotations

from typing import Any

import anthropic
import pytest

SONNET = "claude-sonnet-5-5"
HAIKU = "claude-haiku-5-5"
OPUS_5 = "claude-opus-5"
OPUS_4_8 = "claude-opus-4-8"
HAIKU_4_5 = "claude-haiku-4-5"

TOOLS = [
    {
        "name": "search",
        "description": "Finds passages.",
        "input_schema": {"type": "object", "properties": {"query": {"type": "string"}}},
    },
    {
        "name": "answer",
        "description": "Ends the run.",
        "input_schema": {"type": "object", "properties": {"text": {"type": "string"}}},
    },
]


def client(api: Any, api_key: str = "key", **options: Any) -> anthropic.Anthropic:
    """A client of this server; one a key, as making them is slow."""
    if options:
        options = {"max_retries": 0, **options}
        return anthropic.Anthropic(base_url=api.url, api_key=api_key, **options)
    clients = vars(api).setdefault("clients", {})
    if (api.url, api_key) not in clients:
        clients[api.url, api_key] = client(api, api_key, max_retries=0)
    return clients[api.url, api_key]


def body(*messages: Any, **more: Any) -> dict[str, Any]:
    """A request; strings and lists become messages, users first."""
    roles = ("user", "assistant")
    made = [
        each if isinstance(each, dict) else {"role": roles[n % 2], "content": each}
        for n, each in enumerate(messages or ("Hello",))
    ]
    return {"model": SONNET, "max_tokens": 1_000, "messages": made, **more}


def send(api: Any, request: dict[str, Any], **options: Any) -> anthropic.types.Message:
    """Send a body as it is, even where the SDK's signature would not allow it."""
    headers = options.pop("headers", {})
    message = client(api, **options).post(
        "/v1/messages",
        body=request,
        cast_to=anthropic.types.Message,
        options={"headers": headers},
    )
    assert isinstance(message, anthropic.types.Message)
    return message


def refusal(api: Any, request: dict[str, Any], **options: Any) -> str:
    """The text with which a body is refused with a 400."""
    with pytest.raises(anthropic.BadRequestError) as caught:
        send(api, request, **options)
    assert caught.value.type == "invalid_request_error"
    error: Any = caught.value.body
    return str(error["error"]["message"])


def words(count: int) -> str:
    """A text of exactly `count` tokens of the fake's tokenizer."""
    return " ".join(["word"] * count)


def use(identity: str, name: str = "search", **arguments: Any) -> dict[str, Any]:
    return {"type": "tool_use", "id": identity, "name": name, "input": arguments}


def result(identity: str, content: Any = "found", **more: Any) -> dict[str, Any]:
    return {"type": "tool_result", "tool_use_id": identity, "content": content, **more}


def plain(content: str, **more: Any) -> dict[str, Any]:
    return {"type": "text", "text": content, **more}


def marked(content: str, ttl: str | None = None) -> dict[str, Any]:
    """A text block with a cache breakpoint."""
    control = {"type": "ephemeral", **({"ttl": ttl} if ttl else {})}
    return plain(content, cache_control=control)


def echoed(message: anthropic.types.Message) -> list[dict[str, Any]]:
    """The content of a reply as it is sent back."""
    return [block.to_dict() for block in message.content]
