"""Models of a comparison: what is remembered of them is enough to repeat them."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest

from benchmarks.models import REPLIES, Remembering, open_model
from docpager.core.errors import ModelError
from docpager.models.extractive import ExtractiveModel
from docpager.models.messages import ChatModel, ModelReply, ModelRequest, ToolCall, Usage, UserTurn

REQUEST = ModelRequest("read", (), (UserTurn("# Question\nWhy?"),), 99)


class Told(ChatModel):
    """Says what it was told to say."""

    name = "claude-haiku-4-5"

    def __init__(self, reply: ModelReply) -> None:
        self._reply = reply

    async def complete(self, request: ModelRequest) -> ModelReply:
        return self._reply


def reply_to(model: Told | Remembering, request: ModelRequest) -> ModelReply:
    return asyncio.run(model.complete(request))


def test_a_recorded_run_is_repeated_word_for_word(tmp_path: Path) -> None:
    calls = (ToolCall("c1", "grep", {"pattern": "b", "documents": ["D1"]}),)
    usage = Usage(7, 5, 3, 2, "server")
    said = ModelReply("so", calls, "tool_use", usage, ({"type": "text", "text": "so"},))
    remembering = Remembering(Told(said))
    reply_to(remembering, REQUEST)
    (tmp_path / REPLIES).write_text(json.dumps(remembering.replies[0]) + "\n")
    (tmp_path / "run.json").write_text(json.dumps({"model": Told.name}))

    replayed = open_model(f"replay:{tmp_path}").model

    assert reply_to(replayed, REQUEST) == said
    assert replayed.name == Told.name
    with pytest.raises(ModelError, match="no such request"):
        reply_to(replayed, ModelRequest("read", (), (UserTurn("other"),), 99))


def test_every_request_counts_towards_the_hash() -> None:
    one, two = Remembering(ExtractiveModel()), Remembering(ExtractiveModel())
    reply_to(one, REQUEST)
    for _ in range(2):
        reply_to(two, REQUEST)

    assert one.sha256 != two.sha256
    assert not one.replies  # the built-in reader says the same again for nothing


def test_a_run_without_replies_cannot_be_repeated(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="were not recorded"):
        open_model(f"replay:{tmp_path}")
