"""Hashes of requests: what a journal proves of them, each turn hashed once."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any

from docpager.models.messages import FunctionSchema, ModelRequest, Turn
from docpager.paging.epoch import canonical_json
from docpager.run.serialization import to_json

__all__ = ["RequestHasher", "request_hash"]


class RequestHasher:
    """Hashes the requests of one run: a turn that was hashed in the last one is not hashed again.

    A request's hash covers the hash of everything before its turns, then that of each turn.
    """

    def __init__(self) -> None:
        self._before: tuple[str, Sequence[FunctionSchema]] | None = None
        self._before_hash = ""
        self._turns: list[Turn] = []
        self._hashes: list[str] = []

    def hash(self, request: ModelRequest) -> str:
        """sha256 of the request."""
        if self._before != (request.instructions, request.functions):
            self._before = (request.instructions, request.functions)
            self._before_hash = _sha256([request.instructions, *map(_json, request.functions)])
        known = self._known(request.turns)
        del self._turns[known:], self._hashes[known:]
        self._turns += request.turns[known:]
        self._hashes += (_sha256(_json(turn)) for turn in request.turns[known:])
        rest = [request.max_output_tokens, request.calls_allowed]
        return _sha256([self._before_hash, *self._hashes, *rest])

    def _known(self, turns: Sequence[Turn]) -> int:
        """How many turns are the very ones of the last request."""
        known = 0
        for old, new in zip(self._turns, turns, strict=False):
            # Identity, not equality: an epoch only appends, so its old turns are the same objects,
            # and comparing texts would cost what hashing does.
            if old is not new:
                break
            known += 1
        return known


def request_hash(request: ModelRequest) -> str:
    """sha256 of a single request."""
    return RequestHasher().hash(request)


def _json(part: FunctionSchema | Turn) -> Any:
    return [type(part).__name__, to_json(part, type(part))]


def _sha256(value: Any) -> str:
    written = canonical_json(value).encode("utf-8", "surrogatepass")
    return hashlib.sha256(written).hexdigest()
