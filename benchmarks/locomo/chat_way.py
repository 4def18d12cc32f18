"""docpager's chat as a way to remember, and a whole conversation held with it."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Literal

from benchmarks.local_models.recording import RecordingModel
from benchmarks.locomo.conversations import LocomoQuestion, LongConversation, SaidTurn
from benchmarks.locomo.scores import NOT_TOLD
from benchmarks.locomo.ways import AnswerTold, PromptRoom
from docpager import Chat, ChatSettings, PagingSettings, RunLimits
from docpager.archive.embedders.base import Embedder, load_embedder
from docpager.models.messages import (
    AssistantTurn,
    ChatModel,
    ModelReply,
    ModelRequest,
    Usage,
    UserTurn,
)
from docpager.models.scripted import call, reply

_SHOWN = re.compile(
    r"^\[T(\d+):c\d+ |^- T(\d+):c\d+ |\((?:before|after) it, T(\d+) |^T(\d+) \d{4}-\d\d-\d\d ",
    re.MULTILINE,
)
"""What stands before the words of a turn: as a page, as a result of `recall`, beside such a result,
among the newest turns. Locators stand elsewhere too: in examples, and in summaries."""

__all__ = ["ChatWay", "Listening", "Recaller", "prompt_text", "shown_turns"]

MAX_STEPS = 6
CHAT_OUTPUT = 512
"""Tokens of a reply at most: calls are replies too."""


class Listening(RecordingModel):
    """Asks another model, and keeps what it was asked and what that took."""

    def __init__(self, model: ChatModel) -> None:
        super().__init__(model)
        self.requests: list[ModelRequest] = []
        self.usage = Usage(source="server")

    async def complete(self, request: ModelRequest) -> ModelReply:
        """The model's reply."""
        self.requests.append(request)
        said = await super().complete(request)
        self.usage += said.usage or Usage()
        return said


class Recaller(ChatModel):
    """Recalls with the words of the question, reads the first results, and answers nothing: what a
    model would have before it that looks once. A script, not a language model."""

    name = "scripted"
    """Its tokens are counted by the built-in estimator, as those of the other ways."""
    question = ""

    async def complete(self, request: ModelRequest) -> ModelReply:
        """Calls `recall`, then replies."""
        if any(isinstance(turn, AssistantTurn) for turn in request.turns):
            return reply(call("answer", text=NOT_TOLD, citations=[], found=False))
        return reply(call("recall", query=self.question))


@dataclass
class ChatWay:
    """Everything that was said taken in without a model, then each question asked in a copy: no
    question remembers another."""

    work: Path
    name: str = "chat"
    functions: Literal["full", "small", "plain"] = "full"
    prefetch: int = 0
    one_session: bool = False
    """Asked in the session that all was said in: its newest turns stand in the prompt, and its
    summary if one is kept. Else in a session of its own, which has neither."""
    summary: Literal["recursive", "none"] = "none"
    _turns: Sequence[SaidTurn] = field(default=(), init=False)

    async def remember(
        self, conversation: LongConversation, room: PromptRoom, model: ChatModel
    ) -> None:
        self._turns = conversation.turns
        name = f"-{self.functions}-{self.summary}-{model.name}" if self.one_session else ""
        self._folder = self.work / f"chat-{conversation.name}{name.replace('/', '-')}"
        finished = self._folder / "finished"
        if finished.exists():
            return
        shutil.rmtree(self._folder, ignore_errors=True)
        with Chat.open(archive=self._folder, session="before", embedder=_embedder()) as chat:
            for turn in conversation.turns:
                chat.record(turn.line, who=turn.speaker, when=turn.when)
        if self.one_session:
            # Older turns leave main context with the first message that follows.
            with self._opened(self._folder, room, model) as chat:
                await chat.say_async("Hello.")
                kept = chat.summary is not None
                assert kept == (self.summary != "none"), "no summary was written, or one too many"
        finished.touch()

    async def ask(self, question: LocomoQuestion, room: PromptRoom, model: ChatModel) -> AnswerTold:
        copy = self._folder.with_name("question")
        shutil.rmtree(copy, ignore_errors=True)
        shutil.copytree(self._folder, copy)
        asked = Listening(model)
        if isinstance(model, Recaller):
            model.question = question.text
        with self._opened(copy, room, asked) as chat:
            said = await chat.say_async(question.text)
        shown = shown_turns(self._turns, "\n".join(map(prompt_text, asked.requests)))
        largest = max((room.tokens(prompt_text(each)) for each in asked.requests), default=0)
        return AnswerTold(said.text or "", shown, asked.usage, largest)

    def _opened(self, folder: Path, room: PromptRoom, model: ChatModel) -> Chat:
        paging = PagingSettings(
            room.window, CHAT_OUTPUT, functions=self.functions, prefetch=self.prefetch
        )
        return Chat.open(
            archive=folder,
            session="before" if self.one_session else "asking",
            model=model,
            paging=paging,
            limits=RunLimits(max_steps=MAX_STEPS),
            settings=ChatSettings(summary=self.summary),
            embedder=_embedder(),
        )


@cache
def _embedder() -> Embedder:
    """Loaded once: each question opens a chat of its own."""
    return load_embedder("wordllama")


def shown_turns(turns: Sequence[SaidTurn], prompts: str) -> tuple[str, ...]:
    """Ids of the turns whose words stand in prompts; `recall` cuts long ones."""
    found = {int(next(filter(None, each))) for each in _SHOWN.findall(prompts)}
    return tuple(turns[number - 1].id for number in sorted(found) if 1 <= number <= len(turns))


def prompt_text(request: ModelRequest) -> str:
    """All text of a request, as one."""
    return "\n".join(_texts(request))


def _texts(request: ModelRequest) -> Iterator[str]:
    yield request.instructions
    for turn in request.turns:
        if isinstance(turn, UserTurn):
            yield from (result.text for result in turn.results)
        yield turn.text
