"""Models of a comparison: named ones, one that remembers, and one that repeats."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import asdict
from functools import cache, lru_cache
from pathlib import Path
from typing import Any

from cattrs import Converter

from docpager.core.errors import ModelError
from docpager.models.messages import ChatModel, ModelReply, ModelRequest
from docpager.models.registry import NamedModel, model_defaults, model_named

__all__ = ["READER", "REPLIES", "Remembering", "is_replay", "open_model"]

READER = "extractive"
"""The built-in reader, which is no language model."""
REPLIES = "replies.jsonl"
_REPLAY = "replay:"


class Remembering(ChatModel):
    """Passes requests on, and keeps what is needed to make them again.

    Its server is asked for no counts: a `replay:` has none, and must make the same requests.
    """

    def __init__(self, model: ChatModel) -> None:
        self.name = model.name
        self.model = model
        self.requests: list[str] = []
        """Hash of every request, in order."""
        self.replies: list[dict[str, Any]] = []
        """Request hash and reply; empty for the built-in reader, which repeats itself."""

    @property
    def sha256(self) -> str:
        """One hash over all requests."""
        return hashlib.sha256("".join(self.requests).encode()).hexdigest()

    async def complete(self, request: ModelRequest) -> ModelReply:
        """The model's reply."""
        reply = await self.model.complete(request)
        self.requests.append(_hash(request))
        if self.name != READER:
            self.replies.append({"request_sha256": self.requests[-1], "reply": asdict(reply)})
        return reply


class _Replayed(ChatModel):
    """Replies as a recorded run was replied to."""

    def __init__(self, name: str, replies: dict[str, ModelReply]) -> None:
        self.name = name
        self._replies = replies

    async def complete(self, request: ModelRequest) -> ModelReply:
        """The recorded reply.

        Raises:
            ModelError: no such request was recorded.
        """
        reply = self._replies.get(_hash(request))
        if reply is None:
            raise ModelError(f"the recorded run of {self.name} made no such request")
        return reply


def open_model(name: str, base_url: str | None = None) -> NamedModel:
    """A model by name, or `replay:RUN` for the replies of a recorded run.

    Raises:
        UsageError: there is no such model.
        ModelError: the run has no recorded replies.
    """
    if name == READER:
        return _reader()
    if not is_replay(name):
        return model_named(name, base_url=base_url)
    folder = Path(name.removeprefix(_REPLAY))
    if not (folder / REPLIES).exists():
        raise ModelError(f"{folder} holds no {REPLIES}: its replies were not recorded")
    recorded = json.loads((folder / "run.json").read_text("utf-8"))["model"]
    return NamedModel(_Replayed(recorded, _recorded(folder / REPLIES)), model_defaults(recorded))


def is_replay(name: str) -> bool:
    """Whether a model repeats a recorded run, which costs nothing again."""
    return name.startswith(_REPLAY)


@cache
def _reader() -> NamedModel:
    """The built-in reader, which remembers nothing between requests: one for each process."""
    return model_named(READER)


@lru_cache(maxsize=1)
def _recorded(path: Path) -> dict[str, ModelReply]:
    return dict(_read(path))


def _read(path: Path) -> Iterator[tuple[str, ModelReply]]:
    converter = Converter()
    for line in path.read_bytes().splitlines():  # of text, at separators within replies too
        entry = json.loads(line)
        yield entry["request_sha256"], converter.structure(entry["reply"], ModelReply)


def _hash(request: ModelRequest) -> str:
    written = json.dumps(asdict(request), ensure_ascii=False, sort_keys=True, default=dict)
    return hashlib.sha256(written.encode("utf-8", "surrogatepass")).hexdigest()
