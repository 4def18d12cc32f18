"""A process that is killed at any instruction loses nothing that was said and repeats nothing."""

from __future__ import annotations

import os
import re
import signal
import sys
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from random import Random

import pytest
from chatting import opened

from docpager.core.settings import ChatSettings
from docpager.models.messages import AssistantTurn, ModelReply, ModelRequest
from docpager.models.scripted import ScriptedModel, call, reply
from docpager.run.service import open_replay
from docpager.storage.atomic_files import AUDIT_EVENT

MESSAGE = re.compile(r"# Message\nMessage (\d+):")


class Deterministic(ScriptedModel):
    """Replies by what it is shown alone, so that a resumed run goes on as it would have."""

    async def complete(self, request: ModelRequest) -> ModelReply:
        if "summary of a long" in request.instructions:
            return ModelReply("T1 They talk.", cost_usd=0.0)
        number = int(MESSAGE.findall(request.turns[0].text)[-1])
        step = sum(isinstance(turn, AssistantTurn) for turn in request.turns)
        if step:
            return ModelReply(f"Noted as number {_spelled(number)}.", cost_usd=0.0)
        if number % 3 == 2:
            return reply(call("search", query="nothing"))
        asked = [call("archive_memory", text=f"fact {number}", sources=[])]
        if number == 0:
            asked.append(call("core_append", block="human", text="count 0", sources=[]))
        else:
            before = re.findall(r"count (\d+)", request.turns[0].text)[-1]
            asked.append(
                call("core_replace", block="human", old=f"count {before}", new=f"count {number}",
                     sources=[])
            )  # fmt: skip
        said = reply(*asked)
        calls = tuple(replace(each, id=f"c{n}") for n, each in enumerate(said.calls))
        return replace(said, calls=calls)


def _spelled(number: int) -> str:
    return "".join("abcdefghij"[int(digit)] for digit in str(number))


def go_on(archive: Path, messages: int) -> None:
    """Open the session and say what was not said yet, as a program would that was started again."""
    settings = ChatSettings(turns_share=0.15)
    with opened(archive, model=Deterministic(), settings=settings) as chat:
        if chat.unanswered:
            chat.resume()
        said = sum(turn.who == "user" for turn in chat.turns())
        for number in range(said, messages):
            chat.say(f"Message {number}: " + " ".join(f"w{number}x{k}" for k in range(30)))


def die_at_event(count: int) -> None:
    """End this process just before its `count`th write, fsync, rename, removal or opening."""
    left = count

    def hook(event: str, arguments: tuple[object, ...]) -> None:
        nonlocal left
        if event == AUDIT_EVENT or (event == "open" and "chats" in str(arguments[0])):
            left -= 1
            if left <= 0:
                os.kill(os.getpid(), signal.SIGKILL)

    sys.addaudithook(hook)


def die_within(seconds: float) -> None:
    """End this process at whatever instruction it is then."""
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    signal.setitimer(signal.ITIMER_REAL, seconds)


def in_a_process(arm: Callable[[], None], work: Callable[[], None]) -> bool:
    """Work in a process of its own that is armed to die; whether it died."""
    if not hasattr(os, "fork"):
        pytest.skip("processes are forked")
    child = os.fork()
    if child == 0:
        status = 1
        try:
            arm()
            work()
            status = 0
        finally:
            os._exit(status)
    _, status = os.waitpid(child, 0)
    assert os.WIFSIGNALED(status) or os.WEXITSTATUS(status) == 0, "it failed instead of dying"
    return os.WIFSIGNALED(status)


def in_a_process_that_dies(count: int, work: Callable[[], None]) -> bool:
    """Work in a process that ends just before its `count`th write; whether it came so far."""
    return in_a_process(partial(die_at_event, count), work)


def survive(archive: Path, *, kills: int, seed: int) -> int:
    """Be killed so often, then go on to the end and see that all is there once; how many messages
    that took."""
    chance, deaths, messages = Random(seed), 0, 3
    while deaths < kills:
        count, seconds = chance.randint(1, 60), chance.uniform(0.001, 0.4)
        dies = chance.random() < 0.7
        arm = partial(die_at_event, count) if dies else partial(die_within, seconds)
        if in_a_process(arm, partial(go_on, archive, messages)):
            deaths += 1
        else:
            messages += 3
    go_on(archive, messages)
    check(archive, messages)
    return messages


def check(archive: Path, messages: int) -> None:
    with opened(archive, model=Deterministic()) as chat:
        assert chat.unanswered is None
        turns = chat.turns()
        heard = [int(turn.text.split()[1].rstrip(":")) for turn in turns if turn.who == "user"]
        assert heard == list(range(messages))
        assert [turn.who for turn in turns] == ["user", "assistant"] * messages
        answers = [turn.text for turn in turns if turn.who == "assistant"]
        assert answers == [f"Noted as number {_spelled(n)}." for n in range(messages)]
        remembered = [m.text for m in chat.recall("fact", page_size=10_000) if m.kind == "memory"]
        keeping = [number for number in range(messages) if number % 3 != 2]
        assert sorted(remembered) == sorted(f"fact {number}" for number in keeping)
        assert [line.text for line in chat.core[0].lines] == [f"count {keeping[-1]}"]
        for journal in (archive / "chats/sessions/main").glob("T*.jsonl"):
            open_replay(journal).finish()
        # The newest summaries aside, the last change is that of the last message that kept one.
        newest = [change for change in chat.log() if change.cause == "turn"][-1]
        chat.undo(newest.number)
        assert [line.text for line in chat.core[0].lines] == [f"count {keeping[-2]}"]
        assert f"fact {keeping[-1]}" not in [m.text for m in chat.recall("fact", page_size=10_000)]


def test_a_few_kills_lose_nothing_and_repeat_nothing(tmp_path):
    survive(tmp_path / "a", kills=8, seed=1)


@pytest.mark.slow
@pytest.mark.parametrize("seed", [2, 3])
def test_a_hundred_kills_lose_nothing_and_repeat_nothing(tmp_path, seed):
    survive(tmp_path / "a", kills=100, seed=seed)
