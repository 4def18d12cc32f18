"""Asks about very long conversations in several ways, and says how that went.

    python -m benchmarks.locomo evidence DATA --work FOLDER
    python -m benchmarks.locomo replay DATA --work FOLDER --conversations 26 30 41
    python -m benchmarks.locomo ask DATA WAY... --base-url URL --model NAME --work FOLDER
    python -m benchmarks.locomo score DATA

With `--deep`, `evidence`, `ask` and `score` are about deep memory retrieval: one question about
each session but the last, asked after the last. DATA is LoCoMo's zip file or its unpacked folder,
which is not part of docpager. `evidence` needs no model: it says how much of the evidence a model
would have seen. `ask` goes on where it was interrupted. What is kept in `answers/` is what the
model said, and the ids of turns.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import shutil
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import mean

from benchmarks.locomo.chat_way import ChatWay, Recaller
from benchmarks.locomo.conversations import (
    LocomoQuestion,
    LongConversation,
    deep_questions,
    read_conversations,
    sample,
)
from benchmarks.locomo.replay import joined, replay
from benchmarks.locomo.scores import LocomoMarks, kind_table, marked
from benchmarks.locomo.ways import (
    FullHistory,
    PromptRoom,
    RecursiveSummary,
    SlidingWindow,
    TurnSearch,
    WayToRemember,
)
from docpager.core.tokens import BuiltInEstimator
from docpager.evaluation.intervals import Interval, mean_interval
from docpager.models.messages import ChatModel, ModelReply, ModelRequest
from docpager.models.registry import model_named

ANSWERS = Path(__file__).parent / "answers"
DEEP = ANSWERS / "deep"
WINDOW, MAX_OUTPUT = 8_000, 200
FULL_WINDOW = 32_768
"""Window of the full history: the longest conversation takes 24,000 tokens."""
ESTIMATE_FACTOR = 1.15
"""Safety factor on the built-in estimator for a model whose tokens nobody has counted."""


class Silent(ChatModel):
    """Says nothing: for what a model would have seen."""

    name = "silent"

    async def complete(self, request: ModelRequest) -> ModelReply:
        """Nothing."""
        return ModelReply("")


@dataclass(frozen=True, slots=True)
class ToldLine:
    """One answer on disk."""

    question: str
    answer: str
    shown: Sequence[str]
    tokens: int
    """Prompt tokens of all requests, by the server's count where it gives one."""
    seconds: float


def ways(options: argparse.Namespace) -> dict[str, WayToRemember]:
    """Every way by its name."""
    found: list[WayToRemember] = [
        FullHistory(),
        SlidingWindow(),
        RecursiveSummary(),
        TurnSearch(options.embedder, options.work / "turns"),
        TurnSearch(
            options.embedder, options.work / "turns", turns=200, name="search over turns, filled"
        ),
        ChatWay(options.work),
        ChatWay(options.work, "chat, four functions", functions="small"),
        ChatWay(options.work, "chat, plain", functions="plain"),
        ChatWay(options.work, "chat, plain, one session", functions="plain", one_session=True),
        ChatWay(
            options.work,
            "chat, plain, one session with summary",
            functions="plain",
            one_session=True,
            summary="recursive",
        ),
    ]
    return {way.name: way for way in found}


def room_of(way: WayToRemember, options: argparse.Namespace) -> PromptRoom:
    """The window of a way."""
    window = options.full_window if isinstance(way, FullHistory) and not isinstance(
        way, SlidingWindow
    ) else options.window  # fmt: skip
    return PromptRoom(window, MAX_OUTPUT, BuiltInEstimator(), ESTIMATE_FACTOR)


async def evidence(conversations: Sequence[LongConversation], options: argparse.Namespace) -> None:
    """Print how much of the evidence each way shows, over all questions."""
    for name, way in ways(options).items():
        if options.ways and name not in options.ways:
            continue
        if isinstance(way, RecursiveSummary) or (isinstance(way, ChatWay) and way.one_session):
            continue  # a summary is written by a model, and what it holds is no matter of turns
        marks, tokens, room = [], [], room_of(way, options)
        functions = isinstance(way, ChatWay) and way.functions != "plain"
        reader = Recaller() if functions else Silent()
        for conversation in conversations:
            await way.remember(conversation, room, Silent())
            asked = deep_questions(conversation) if options.deep else conversation.questions
            for question in asked:
                if question.kind == "adversarial":
                    continue  # the turns it names do not answer it
                told = await way.ask(question, room, reader)
                marks.append(marked(question, "", told.shown))
                tokens.append(told.prompt_estimate)
        print(f"{name}, window {room.window}: {mean(tokens):.0f} prompt tokens at most", flush=True)
        for kind, interval in kind_table(marks, what="evidence"):
            print(f"  {kind:<20} {_said(interval)}")


async def ask(conversations: Sequence[LongConversation], options: argparse.Namespace) -> None:
    """Ask what has no line yet."""
    if options.deep:
        drawn = [question for each in conversations for question in deep_questions(each)]
    else:
        drawn = sample(conversations, options.per_kind)
    for name in options.ways:
        way = ways(options)[name]
        path = answers_path(options.model, name, deep=options.deep)
        done = {line.question for line in lines_of(path)}
        for conversation in conversations:
            mine = [each for each in drawn if each.id.startswith(f"{conversation.name}-")]
            left = [each for each in mine if each.id not in done]
            if left:
                await _ask_about(conversation, left, way, path, options)


async def _ask_about(
    conversation: LongConversation,
    questions: Iterable[LocomoQuestion],
    way: WayToRemember,
    path: Path,
    options: argparse.Namespace,
) -> None:
    model, room = model_named(options.model, base_url=options.base_url).model, room_of(way, options)
    begun = time.monotonic()
    await way.remember(conversation, room, model)
    print(f"{way.name}: {conversation.name} taken in, {time.monotonic() - begun:.0f} s", flush=True)
    for question in questions:
        begun = time.monotonic()
        told = await way.ask(question, room, model)
        tokens = told.usage.prompt_tokens
        line = ToldLine(
            question.id, told.text, told.shown, tokens, round(time.monotonic() - begun, 1)
        )
        path.parent.mkdir(exist_ok=True)
        with path.open("a", encoding="utf-8") as file:
            file.write(json.dumps({field: getattr(line, field) for field in ToldLine.__slots__},
                                  ensure_ascii=False) + "\n")  # fmt: skip
        took = f"{line.tokens} tokens, {line.seconds:.0f} s"
        print(f"{way.name} {question.id}: {took}: {told.text[:120]!r}", flush=True)
    await model.close()


def score(conversations: Sequence[LongConversation], options: argparse.Namespace) -> None:
    """Print a table for each model and way, and what each way is beside search over turns."""
    questions = {each.id: each for one in conversations for each in one.questions}
    tables: dict[str, list[LocomoMarks]] = {}
    for path in sorted((DEEP if options.deep else ANSWERS).glob("*.jsonl")):
        lines = list(lines_of(path))
        marks = [marked(questions[line.question], line.answer, line.shown) for line in lines]
        tables[path.stem] = marks
        shown = mean(line.tokens for line in lines)
        took = mean(line.seconds for line in lines)
        print(f"{path.stem}: {len(lines)} questions, {shown:.0f} prompt tokens, {took:.0f} s")
        for what in ("f1", "recall", "evidence"):
            for kind, interval in kind_table(marks, what=what):
                print(f"  {what:<8} {kind:<20} {_said(interval)}")
        if options.show:
            for line, mark in zip(lines, marks, strict=True):
                print(f"  {mark.f1:.2f} {mark.question.kind}: {mark.question.text} "
                      f"gold {mark.question.answers} | {line.answer[:120]!r}")  # fmt: skip
    for name, ours in tables.items():
        for other, theirs in tables.items():
            model = name.split("--")[0]
            if "--chat" in name and other.startswith(model) and other != name:
                for what in ("f1", "recall"):
                    less = _said(_difference(ours, theirs, what))
                    print(f"{what}, {name} less {other}: {less}")


def hold(conversations: Sequence[LongConversation], options: argparse.Namespace) -> None:
    """Hold each conversation, or all of them as one, and print what that showed."""
    held = {each.name: list(each.sessions.values()) for each in conversations}
    if options.join:
        held = {f"joined to {options.join}": joined(conversations, options.join)}
    for name, sessions in held.items():
        folder = options.work / f"replay-{name.replace(' ', '-')}"
        shutil.rmtree(folder, ignore_errors=True)
        print(name, flush=True)
        for line in replay(sessions, folder).report():
            print(f"  {line}", flush=True)


def _difference(
    ours: Sequence[LocomoMarks], theirs: Sequence[LocomoMarks], what: str
) -> Interval | None:
    other = {each.question.id: getattr(each, what) for each in theirs}
    pairs = [(getattr(each, what), other.get(each.question.id)) for each in ours]
    return mean_interval([one - two for one, two in pairs if one is not None and two is not None])


def _said(interval: Interval | None) -> str:
    if interval is None:
        return "-"
    return f"{interval.mean:.3f} [{interval.low:.3f}, {interval.high:.3f}] n={interval.n}"


def answers_path(model: str, way: str, *, deep: bool = False) -> Path:
    """Where the answers of a model asked in one way are kept."""
    return (DEEP if deep else ANSWERS) / f"{model}--{way.replace(',', '').replace(' ', '-')}.jsonl"


def lines_of(path: Path) -> list[ToldLine]:
    """The answers of a file; none where it is missing."""
    if not path.exists():
        return []
    return [ToldLine(**json.loads(line)) for line in path.read_text("utf-8").splitlines()]


def main() -> None:
    """Parse and run."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    commands = parser.add_subparsers(dest="command", required=True)
    for command in ("evidence", "replay", "ask", "score"):
        sub = commands.add_parser(command)
        sub.add_argument("data", type=Path)
        sub.add_argument("--conversations", nargs="+", help="names, all unless given")
        sub.add_argument("--window", type=int, default=WINDOW)
        sub.add_argument("--full-window", type=int, default=FULL_WINDOW)
        sub.add_argument("--embedder", default="wordllama")
        if command != "replay":
            sub.add_argument("--deep", action="store_true", help="deep memory retrieval")
        if command == "score":
            sub.add_argument("--show", action="store_true", help="one line for every question")
        else:
            sub.add_argument("--work", type=Path, required=True)
        if command in ("evidence", "ask"):
            sub.add_argument("ways", nargs="+" if command == "ask" else "*")
        if command == "replay":
            sub.add_argument("--join", type=int, help="join conversations to so many sessions")
        if command == "ask":
            sub.add_argument("--base-url", default="http://127.0.0.1:8080")
            sub.add_argument("--model", default="qwen2.5-coder-1.5b")
            sub.add_argument("--per-kind", type=int, default=4)
    options = parser.parse_args()
    conversations = read_conversations(options.data)
    if options.conversations:
        conversations = [each for each in conversations if each.name in options.conversations]
    if options.command == "replay":
        hold(conversations, options)
        return
    if options.command == "score":
        score(conversations, options)
        return
    asyncio.run({"evidence": evidence, "ask": ask}[options.command](conversations, options))


if __name__ == "__main__":
    main()
