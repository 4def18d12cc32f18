"""Where the prompt cache is told to keep a prefix: at most four places of a request."""

from __future__ import annotations

from typing import Any, Literal

__all__ = ["place_breakpoints"]


def place_breakpoints(body: dict[str, Any], *, shared: bool, ttl: Literal["5m", "1h"]) -> None:
    """Mark what later requests will begin with too.

    1. Functions and instructions: the same for every question.
    2. The end of the document map, where one stands first: the same for every question on these
       documents.
    3. The end of the conversation, for the next step.
    4. Its end one step ago. A read looks back 20 blocks from a mark and a step may add more.
    """
    mark = {"type": "ephemeral"} | ({"ttl": ttl} if ttl != "5m" else {})
    for block in (body.get("system") or body.get("tools") or [])[-1:]:
        block["cache_control"] = mark
    if "tool_choice" in body:
        # Another tool choice reads no conversation from the cache, and nothing follows this
        # request that would read what it writes.
        return
    turns = [each["content"] for each in body["messages"] if each["role"] == "user"]
    if shared:
        turns[0][0]["cache_control"] = mark
    for content in turns[-2:]:
        content[-1]["cache_control"] = mark
