"""Whole conversations held with docpager's chat by a script: is the window held, does a turn cost
the same after fifty sessions, is everything found again?

One person is the user, the other is what the model says: a script in the model's place, which
also writes core memory and summaries. The session is closed and opened again where the conversation
has a pause.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import mean

from benchmarks.locomo.conversations import LongConversation, SaidTurn
from docpager import Chat, ChatSettings, PagingSettings
from docpager.core.tokens import BuiltInEstimator
from docpager.models.messages import ChatModel, ModelReply, ModelRequest
from docpager.models.scripted import call, reply
from docpager.paging.conversation import render_core
from docpager.paging.epoch import PromptSizer

__all__ = ["Replayed", "exchanges", "joined", "replay"]

WINDOW, OUTPUT = 8_000, 400
REMEMBERS_EVERY = 5
"""Messages after which the script writes into core memory, so that its share is reached."""
WORDS = 12
"""Of a turn, by which it is looked for."""


@dataclass
class Replayed:
    """What a replay showed."""

    sessions: int = 0
    messages: int = 0
    turns: int = 0
    requests: int = 0
    summaries: int = 0
    largest: int = 0
    """Tokens of the largest prompt with its reserved output."""
    largest_core: int = 0
    core_refused: int = 0
    """Times that core memory was full."""
    tokens: list[list[int]] = field(default_factory=list)
    """Prompt tokens of each message, by session; summaries included."""
    not_found: list[str] = field(default_factory=list)
    """Turns that a search for their words does not bring among its first ten."""

    def report(self) -> Iterator[str]:
        """The figures, a line each."""
        tenth = max(3, self.sessions // 10)
        first = mean(itertools.chain(*self.tokens[tenth : 2 * tenth]))
        last = mean(itertools.chain(*self.tokens[-tenth:]))
        yield f"{self.sessions} sessions, {self.messages} messages, {self.turns} turns kept"
        yield f"{self.requests} requests, {self.summaries} of them for summaries"
        yield f"largest prompt with its output: {self.largest} of {WINDOW} tokens"
        yield f"largest core memory: {self.largest_core} tokens; refused {self.core_refused} times"
        yield (
            f"prompt tokens a message: {first:.0f} in sessions {tenth + 1} to {2 * tenth}, "
            f"{last:.0f} in the last {tenth}: {last / first:.2f}"
        )
        found = self.turns - len(self.not_found)
        yield f"found by their words: {found} of {self.turns}; not {self.not_found[:10]}"


class OtherPerson(ChatModel):
    """Says what the other person said, writes core memory, and summaries when asked for one."""

    name = "scripted"

    def __init__(self, result: Replayed) -> None:
        self.says = ""
        self.remembers: str | None = None
        self.spent = 0
        self._result = result
        self._count = PromptSizer(BuiltInEstimator().count)

    async def complete(self, request: ModelRequest) -> ModelReply:
        """The next reply."""
        result = self._result
        result.requests += 1
        prompt = self._count.fixed(request.instructions, request.functions)
        prompt += sum(map(self._count.turn, request.turns))
        self.spent += prompt
        result.largest = max(result.largest, prompt + request.max_output_tokens)
        if not request.functions:
            result.summaries += 1
            return reply(f"They talked. Last of it: {self.says[:300]}")
        if fact := self.remembers:
            self.remembers = None
            return reply(call("core_append", block="human", text=fact, sources=[]))
        if "core memory may take" in str(request.turns[-1]):
            result.core_refused += 1
        return reply(self.says)


def exchanges(turns: Sequence[SaidTurn]) -> list[tuple[str, str]]:
    """A session as messages and replies; consecutive turns of one person are joined, and what has
    no other half gets a word."""
    parts = [
        (speaker, "\n".join(turn.text for turn in said if turn.text))
        for speaker, said in itertools.groupby(turns, key=lambda turn: turn.speaker)
    ]
    user = min(turn.speaker for turn in turns)
    pairs: list[tuple[str, str]] = []
    for speaker, text in parts:
        if speaker == user:
            pairs.append((text or "(a picture)", "I see."))
        elif pairs:
            pairs[-1] = (pairs[-1][0], text or "I see.")
        else:
            pairs.append(("Hello.", text or "I see."))
    return pairs


def joined(conversations: Sequence[LongConversation], sessions: int) -> list[Sequence[SaidTurn]]:
    """The first so many sessions of conversations one after the other."""
    every = [turns for each in conversations for turns in each.sessions.values()]
    return every[:sessions]


def replay(sessions: Sequence[Sequence[SaidTurn]], folder: Path) -> Replayed:
    """Hold these sessions one after the other in one chat session kept in `folder`."""
    result = Replayed(sessions=len(sessions))
    script = OtherPerson(result)
    said: list[str] = []
    for turns in sessions:
        spent = []
        with _opened(folder, script) as chat:
            for message, answer in exchanges(turns):
                script.says, script.spent = answer, 0
                if result.messages % REMEMBERS_EVERY == 0:
                    script.remembers = f"{turns[0].when:%Y-%m-%d}: {message[:120]}"
                got = chat.say(message)
                assert got.text == answer.strip(), (got.status, got.error, got.text)
                said += [message, answer]
                result.messages += 1
                spent.append(script.spent)
                core = PromptSizer(BuiltInEstimator().count).text("\n".join(render_core(chat.core)))
                result.largest_core = max(result.largest_core, core)
        result.tokens.append(spent)
    with _opened(folder, script) as chat:
        result.turns = len(chat.turns())
        for number, text in enumerate(said, 1):
            words = " ".join(text.split()[:WORDS])
            if not any(memory.text == text.strip() for memory in chat.recall(words)):
                result.not_found.append(f"{number}: {words}")
    return result


def _opened(folder: Path, script: OtherPerson) -> Chat:
    return Chat.open(
        archive=folder,
        session="talk",
        model=script,
        paging=PagingSettings(WINDOW, OUTPUT),
        settings=ChatSettings(),
        embedder="wordllama",
    )
