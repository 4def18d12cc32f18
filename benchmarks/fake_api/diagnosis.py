"""Why a request missed the prompt cache of an earlier one (`diagnostics`)."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Any

from benchmarks.fake_api.prompt import Prompt

__all__ = ["Diagnostician"]


@dataclass(frozen=True, slots=True)
class _Fingerprint:
    model: str
    tools: bytes
    system: bytes
    messages: tuple[bytes, ...]


class Diagnostician:
    """Remembers each request by the id of its message."""

    def __init__(self) -> None:
        self._known: dict[str, _Fingerprint] = {}

    def diagnose(self, message_id: str, prompt: Prompt) -> dict[str, Any] | None:
        """The `diagnostics` of a response; None where the request does not ask for them."""
        asked = prompt.body.get("diagnostics")
        if asked is None:
            return None
        here = _fingerprint(prompt)
        self._known[message_id] = here
        previous = asked.get("previous_message_id")
        if previous is None:
            return {"cache_miss_reason": None}
        return {"cache_miss_reason": _reason(self._known.get(previous), here, prompt)}


def _reason(before: _Fingerprint | None, here: _Fingerprint, prompt: Prompt) -> Any:
    if before is None:
        return {"type": "previous_message_not_found"}
    if before.model != here.model:
        return {"type": "model_changed", "cache_missed_input_tokens": prompt.tokens}
    for section in ("tools", "system"):
        if getattr(before, section) != getattr(here, section):
            missed = sum(
                each.tokens
                for each in prompt.positions
                if section == "tools" or each.section != "tools"
            )
            return {"type": f"{section}_changed", "cache_missed_input_tokens": missed}
    if here.messages[: len(before.messages)] != before.messages:
        return {
            "type": "messages_changed",
            "cache_missed_input_tokens": _missed_in_messages(before, prompt),
        }
    return None


def _missed_in_messages(before: _Fingerprint, prompt: Prompt) -> int:
    """Tokens from the first block that differs."""
    rest = [each for each in prompt.positions if each.section == "messages"]
    same = 0
    for old, new in zip(before.messages, rest, strict=False):
        if old != new.digest:
            break
        same += 1
    return sum(each.tokens for each in rest[same:])


def _fingerprint(prompt: Prompt) -> _Fingerprint:
    digests = {"tools": hashlib.blake2b(), "system": hashlib.blake2b()}
    messages = []
    for position in prompt.positions:
        if position.section == "messages":
            messages.append(position.digest)
        else:
            digests[position.section].update(position.digest)
    tools, system = digests["tools"].digest(), digests["system"].digest()
    return _Fingerprint(prompt.model.id, tools, system, tuple(messages))
