"""Calls and their results: each `tool_use` is answered once, at the start of the next message."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from benchmarks.fake_api.api_errors import invalid

__all__ = ["check_pairing"]

_ID = re.compile(r"[a-zA-Z0-9_-]+")
_UNANSWERED = (
    "messages.{n}: `tool_use` ids were found without `tool_result` blocks immediately after: "
    "{ids}. Each `tool_use` block must have a corresponding `tool_result` block in the next "
    "message."
)
_ORPHAN = (
    "messages.{n}.content.{m}: unexpected `tool_use_id` found in `tool_result` blocks: {id}. Each "
    "`tool_result` block must have a corresponding `tool_use` block in the previous message."
)
_TWICE = (
    "messages.{n}.content.{m}: each tool_use must have a single result. Found multiple "
    "`tool_result` blocks with id: {id}"
)


def check_pairing(messages: Sequence[Mapping[str, Any]]) -> None:
    """Refuse calls without results, results without calls, and anything between the two.

    Raises:
        ApiError: 400.
    """
    waiting: list[str] = []
    seen: set[str] = set()
    for n, message in enumerate(messages):
        blocks = message["content"] if isinstance(message["content"], list) else []
        _check_results(n, blocks, waiting)
        waiting = _calls(n, blocks, seen)
    if waiting:
        raise invalid(_UNANSWERED.format(n=len(messages) - 1, ids=", ".join(waiting)))


def _calls(n: int, blocks: Sequence[Mapping[str, Any]], seen: set[str]) -> list[str]:
    """Ids of the calls of a message, which must be new."""
    ids = []
    for m, block in enumerate(blocks):
        if block["type"] != "tool_use":
            continue
        if not _ID.fullmatch(block["id"]):
            raise invalid(
                f"messages.{n}.content.{m}.tool_use.id: String should match pattern "
                "'^[a-zA-Z0-9_-]+$'"
            )
        if block["id"] in seen:
            raise invalid("messages: `tool_use` ids must be unique")
        seen.add(block["id"])
        ids.append(block["id"])
    return ids


def _check_results(n: int, blocks: Sequence[Mapping[str, Any]], waiting: Sequence[str]) -> None:
    answered: set[str] = set()
    leading = True
    for m, block in enumerate(blocks):
        if block["type"] != "tool_result":
            leading = False
            continue
        identity = block["tool_use_id"]
        if identity not in waiting:
            raise invalid(_ORPHAN.format(n=n, m=m, id=identity))
        if not leading:
            break
        if identity in answered:
            raise invalid(_TWICE.format(n=n, m=m, id=identity))
        answered.add(identity)
    missing = [identity for identity in waiting if identity not in answered]
    if missing:
        raise invalid(_UNANSWERED.format(n=n - 1, ids=", ".join(missing)))
