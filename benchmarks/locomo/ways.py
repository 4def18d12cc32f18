"""Ways to remember a conversation that is larger than the window.

Each way chooses which turns a model sees beside a question; all ask in the same words. Only the
recursive summary asks the model before there is a question.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from pathlib import Path
from typing import Protocol

from benchmarks.locomo.conversations import LocomoQuestion, LongConversation, SaidTurn
from benchmarks.locomo.scores import NOT_TOLD
from docpager.archive.embedders.base import load_embedder
from docpager.core.tokens import TokenCounter
from docpager.memory.store import MemoryStore
from docpager.models.messages import ChatModel, ModelRequest, Usage, UserTurn

__all__ = [
    "AnswerTold",
    "FullHistory",
    "PromptRoom",
    "RecursiveSummary",
    "SlidingWindow",
    "TurnSearch",
    "WayToRemember",
]

INSTRUCTIONS = (
    "You remember conversations between two people and answer questions about them. "
    "Answer in a few words, with what was said. Give dates as dates, reckoned from the date above "
    f'a turn. Where the conversation does not tell, say "{NOT_TOLD}".'
)
_SUMMARISE = (
    "You keep a summary of a conversation. Write the summary anew so that it also holds what was "
    "said since: who did, wants, owns or likes what, with dates and names. At most {words} words."
)
_DATE_TOKENS = 24
"""Tokens of the line with the date above the turns of a session, at most."""
_TITLE_TOKENS = 40
"""Tokens around what is shown: titles, and the framing of one turn."""


@dataclass(frozen=True, slots=True)
class PromptRoom:
    """What a way may use."""

    window: int
    """Tokens of prompt and reply together."""
    max_output: int
    """Tokens of a reply at most."""
    counter: TokenCounter
    factor: float
    """Safety factor on the counter."""

    def tokens(self, text: str) -> int:
        """At most so many tokens has `text`."""
        return int(self.counter.count(text) * self.factor) + 1

    def lines(self, turns: Sequence[SaidTurn]) -> int:
        """Tokens of turns as they are written, at most: line by line, with the dates above."""
        sessions = [turn.session for turn in turns]
        dates = sum(one != other for one, other in zip([None, *sessions], sessions, strict=False))
        return dates * _DATE_TOKENS + sum(_line_tokens(self, turn.line) for turn in turns)

    def for_turns(self, question: str) -> int:
        """Tokens left for what was said."""
        said_anyway = self.tokens(INSTRUCTIONS) + self.tokens(question) + _TITLE_TOKENS
        return self.window - self.max_output - said_anyway


@dataclass(frozen=True, slots=True)
class AnswerTold:
    """One answer."""

    text: str
    shown: tuple[str, ...]
    """Ids of the turns that stood in the prompt."""
    usage: Usage
    """Of the requests for this question; not those before there was one."""
    prompt_estimate: int
    """Tokens of the prompt, at most."""


class WayToRemember(Protocol):
    """One way to remember."""

    name: str

    async def remember(
        self, conversation: LongConversation, room: PromptRoom, model: ChatModel
    ) -> None:
        """Take in a whole conversation."""
        ...

    async def ask(self, question: LocomoQuestion, room: PromptRoom, model: ChatModel) -> AnswerTold:
        """Answer one question about it, without remembering the question."""
        ...


def written(turns: Sequence[SaidTurn]) -> str:
    """Turns in the order of time, a date above each session's."""
    lines, session = [], None
    for turn in turns:
        if turn.session != session:
            lines.append(f"\n[{turn.when:%A, %d %B %Y, %H:%M}]")
            session = turn.session
        lines.append(turn.line)
    return "\n".join(lines).strip()


async def _asked(
    shown: Sequence[SaidTurn], question: str, room: PromptRoom, model: ChatModel, before: str = ""
) -> AnswerTold:
    text = f"{before}# What was said\n{written(shown)}\n\n# Question\n{question}"
    prompt = room.tokens(INSTRUCTIONS) + room.tokens(text)
    assert prompt + room.max_output <= room.window, "a way overran its window"
    request = ModelRequest(
        INSTRUCTIONS, (), (UserTurn(text),), room.max_output, calls_allowed=False
    )
    reply = await model.complete(request)
    usage = reply.usage or Usage(input_tokens=prompt)
    return AnswerTold(reply.text.strip(), tuple(turn.id for turn in shown), usage, prompt)


@dataclass
class FullHistory:
    """Everything that was said, or the newest part of it where the window ends."""

    name: str = "full history"

    async def remember(
        self, conversation: LongConversation, room: PromptRoom, model: ChatModel
    ) -> None:
        self._turns = conversation.turns

    async def ask(self, question: LocomoQuestion, room: PromptRoom, model: ChatModel) -> AnswerTold:
        shown = newest(self._turns, room.for_turns(question.text), room)
        return await _asked(shown, question.text, room, model)


class SlidingWindow(FullHistory):
    """The newest turns that fit; the same as the full history in a smaller window."""

    def __init__(self) -> None:
        super().__init__("sliding window")


@dataclass
class RecursiveSummary:
    """A summary of all older turns, written anew by the model as turns leave (MemGPT's baseline of
    recursive summarisation, arXiv:2310.08560, section 3.1), and the newest turns."""

    name: str = "recursive summary"
    words: int = 300

    async def remember(
        self, conversation: LongConversation, room: PromptRoom, model: ChatModel
    ) -> None:
        self.spent = Usage(source="server")
        self._summary = ""
        self._newest = newest(conversation.turns, room.for_turns("") // 2, room)
        kept = {turn.id for turn in self._newest}
        older = [turn for turn in conversation.turns if turn.id not in kept]
        for begin, end in pairwise(_cuts(older, room.for_turns("") // 2, room)):
            await self._add(older[begin:end], room, model)

    async def _add(self, turns: Sequence[SaidTurn], room: PromptRoom, model: ChatModel) -> None:
        text = f"# Summary so far\n{self._summary or 'Nothing yet.'}\n\n# Said since\n"
        asked = UserTurn(f"{text}{written(turns)}\n\nWrite the summary.")
        told = _SUMMARISE.format(words=self.words)
        reply = await model.complete(
            ModelRequest(told, (), (asked,), room.max_output * 2, calls_allowed=False)
        )
        self._summary = reply.text.strip()
        self.spent += reply.usage or Usage()

    async def ask(self, question: LocomoQuestion, room: PromptRoom, model: ChatModel) -> AnswerTold:
        before = f"# Summary of what was said before\n{self._summary}\n\n"
        left = room.for_turns(question.text) - room.tokens(before)
        shown = newest(self._newest, left, room)
        return await _asked(shown, question.text, room, model, before)


@dataclass
class TurnSearch:
    """The turns that one search finds, each with its neighbours, in the order of time."""

    embedder: str
    work: Path
    """A folder for the index of each conversation."""
    turns: int = 10
    neighbours: int = 1
    name: str = "search over turns"

    async def remember(
        self, conversation: LongConversation, room: PromptRoom, model: ChatModel
    ) -> None:
        self._turns = conversation.turns
        self._store = MemoryStore.open(
            self.work / conversation.name, embedder=load_embedder(self.embedder)
        )
        for turn in list(conversation.turns)[len(self._store) :]:
            self._store.append(turn.line, kind="turn", who=turn.speaker, when=turn.when)

    async def ask(self, question: LocomoQuestion, room: PromptRoom, model: ChatModel) -> AnswerTold:
        shown = self.found(question.text, room.for_turns(question.text), room)
        return await _asked(shown, question.text, room, model)

    def found(self, query: str, space: int, room: PromptRoom) -> list[SaidTurn]:
        """The best turns with their neighbours that fit, best first; given in order of time."""
        chosen: set[int] = set()
        for hit in self._store.search(query, limit=self.turns).hits:
            place = hit.memory.id - 1
            near = range(place - self.neighbours, place + self.neighbours + 1)
            more = chosen | {each for each in near if 0 <= each < len(self._turns)}
            if room.lines([self._turns[each] for each in sorted(more)]) > space:
                break
            chosen = more
        return [self._turns[each] for each in sorted(chosen)]


def newest(turns: Sequence[SaidTurn], space: int, room: PromptRoom) -> list[SaidTurn]:
    """As many of the last turns as `space` tokens hold."""
    low, high = 0, len(turns)
    while low < high:
        middle = (low + high) // 2
        fits = room.lines(turns[middle:]) <= space
        low, high = (low, middle) if fits else (middle + 1, high)
    return list(turns[low:])


@lru_cache(maxsize=20_000)
def _line_tokens(room: PromptRoom, line: str) -> int:
    """Lines are measured again for each question."""
    return room.tokens(line)


def _cuts(turns: Sequence[SaidTurn], space: int, room: PromptRoom) -> list[int]:
    """Where to cut turns so that each part fits `space`."""
    cuts, used = [0], 0
    for place, turn in enumerate(turns):
        tokens = room.lines([turn])
        if used + tokens > space and place > cuts[-1]:
            cuts.append(place)
            used = 0
        used += tokens
    return [*cuts, len(turns)] if len(turns) > cuts[-1] else cuts
