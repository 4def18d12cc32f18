"""Chats without a language model: a script in its place, an embedder that hashes words."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import docpager
from docpager.models.messages import ModelReply, ModelRequest
from docpager.models.scripted import ScriptedModel
from docpager.testing import HashingEmbedder

Script = Any


def opened(archive: Path, *script: Script, **options: Any) -> docpager.Chat:
    """A chat beside `archive` whose model says what it was told to."""
    options.setdefault("window", 8_000)
    model = options.pop("model", None) or ScriptedModel(*script)
    return docpager.Chat.open(archive=archive, model=model, embedder=HashingEmbedder(), **options)


def days_from(year: int, month: int, day: int) -> Callable[[], datetime]:
    """A clock that is a minute later each time."""
    times: Iterator[datetime] = (
        datetime(year, month, day, 9, tzinfo=UTC) + timedelta(minutes=n) for n in range(10**6)
    )
    return lambda: next(times)


def summing_up(text: str, then: Callable[[ModelRequest], ModelReply]) -> Any:
    """A script that answers requests for summaries with `text` and all others with `then`."""

    def reply(request: ModelRequest) -> ModelReply:
        is_summary = "summary of a long conversation" in request.instructions
        return ModelReply(text, cost_usd=0.0) if is_summary else then(request)

    return reply
