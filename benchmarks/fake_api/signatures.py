"""Thinking blocks are signed and bound to everything sent before them.

A signature says which model thought, over which prefix (tools, system and earlier blocks; thinking,
cache markers, effort and tool_choice left out), which thinking block came before it and how many
were in sight. So thinking may be removed from the start, from the end or altogether; a block whose
prefix was edited, that lost its neighbour, or that was put back, no longer fits.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

__all__ = ["Claims", "Signer", "claims_of", "identity_of", "thinking_tokens_of"]

_DIGEST = 32
_SECRET = b"docpager fake api"


@dataclass(frozen=True, slots=True)
class Claims:
    """What a signature vouches for."""

    model: str
    account: str
    prefix: str
    """Digest of what was sent before the block."""
    previous: str
    """Identity of the thinking block before it; empty for the first."""
    seen: int
    """How many thinking blocks were in sight."""
    tokens: int
    """What the thinking cost as output, and costs as input when it is sent again."""


class Signer:
    """Signs thinking and knows its own hand again."""

    def __init__(self, secret: bytes = _SECRET) -> None:
        self._secret = secret

    def sign(self, thinking: str, claims: Claims) -> str:
        """The signature of a block with this visible text."""
        payload = json.dumps(
            [
                claims.model,
                claims.account,
                claims.prefix,
                claims.previous,
                claims.seen,
                claims.tokens,
            ]
        ).encode()
        return base64.b64encode(self._seal(payload, thinking) + payload).decode()

    def is_genuine(self, block: Mapping[str, Any]) -> bool:
        """Whether this block, text included, left this server."""
        raw = _raw(block)
        text = str(block.get("thinking", ""))
        return raw is not None and hmac.compare_digest(
            raw[:_DIGEST], self._seal(raw[_DIGEST:], text)
        )

    def _seal(self, payload: bytes, thinking: str) -> bytes:
        return hmac.digest(self._secret, payload + b"\0" + thinking.encode(), hashlib.sha256)


def claims_of(block: Mapping[str, Any]) -> Claims | None:
    """What the signature of a block says; None where it is no signature of this server."""
    raw = _raw(block)
    if raw is None:
        return None
    try:
        return Claims(*json.loads(raw[_DIGEST:]))
    except (ValueError, TypeError):
        return None


def identity_of(block: Mapping[str, Any]) -> str:
    """What the next signature calls this block."""
    raw = _raw(block) or b""
    return raw[:8].hex()


def thinking_tokens_of(block: Mapping[str, Any]) -> int:
    """What a thinking block costs as input."""
    claims = claims_of(block)
    return claims.tokens if claims else len(str(block.get("thinking", ""))) // 4


def _raw(block: Mapping[str, Any]) -> bytes | None:
    written = block.get("signature", block.get("data", ""))
    try:
        raw = base64.b64decode(written, validate=True)
    except (binascii.Error, ValueError):
        return None
    return raw if len(raw) > _DIGEST else None
