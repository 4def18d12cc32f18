"""Prompt tokens that a real server reads anew, by how the conversation is kept.

    python -m benchmarks.local_models.prompt_reuse --base-url URL --work FOLDER --visits 30

The same replies, written by a script, are kept in three ways: docpager's epochs, everything
appended, and the oldest exchanges dropped before each request that would not fit. Each request
goes to the server, which reads its prompt and writes one token; what it read anew is its own count.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from benchmarks.local_models.questions import SETS, DrawnQuestion, draw
from docpager import Archive, PagingSettings, RunLimits, ingest
from docpager.core.passages import PassageRange
from docpager.models.messages import (
    ChatModel,
    FunctionSchema,
    ModelReply,
    ModelRequest,
    ToolCall,
    Turn,
)
from docpager.models.registry import model_defaults, model_named
from docpager.models.scripted import ScriptedModel
from docpager.models.server_tokens import ServerTokens
from docpager.run.service import AskSettings, ask_archive

__all__ = ["Read", "ReadingServer", "played", "script"]

WINDOW, MAX_OUTPUT, VISITS = 8_000, 512, 14
RESULTS = Path(__file__).parent / "prompt_reuse.jsonl"
_ROOMY = PagingSettings(window=4_000_000, max_output=MAX_OUTPUT)
"""Nothing leaves: what every reply and its results look like when all is appended."""


@dataclass(frozen=True, slots=True)
class Read:
    """What reading all prompts of a run took."""

    requests: int = 0
    tokens: int = 0
    """Of all prompts."""
    anew: int = 0
    """Those that the server's cache did not hold."""
    seconds: float = 0.0


class ReadingServer(ChatModel):
    """Lets a server read each prompt, and replies as the script says."""

    def __init__(self, server: ChatModel, replies: Sequence[ModelReply] = ()) -> None:
        self.name = server.name
        self._server = server
        self._replies = iter(replies)
        self.read = Read()

    async def complete(self, request: ModelRequest) -> ModelReply:
        """The script's next reply, with the server's count of the prompt."""
        begun = time.monotonic()
        heard = await self._server.complete(replace(request, max_output_tokens=1))
        taken = time.monotonic() - begun
        assert heard.usage is not None, "the server counts"
        self.read = Read(
            self.read.requests + 1,
            self.read.tokens + heard.usage.prompt_tokens,
            self.read.anew + heard.usage.input_tokens,
            self.read.seconds + taken,
        )
        return replace(next(self._replies, ModelReply()), usage=heard.usage)

    async def count_tokens(self, request: ModelRequest) -> int | None:
        return await self._server.count_tokens(request)

    @property
    def may_measure(self) -> bool:
        return self._server.may_measure

    async def measure_tokens(
        self, instructions: str, functions: tuple[FunctionSchema, ...]
    ) -> ServerTokens | None:
        return await self._server.measure_tokens(instructions, functions)


def script(question: DrawnQuestion, archive: Archive, *, visits: int = VISITS) -> list[ModelReply]:
    """Replies of a careful reader: a search, then its best passages with what stands before them,
    one after the other, each noted and released, then the answer.

    No passage is looked at twice: where one never left, it would not be shown again, and the three
    ways would read different texts.
    """
    hits = dict.fromkeys(hit.passage for hit in archive.search(question.text, page_size=50).hits)
    places: list[PassageRange] = []
    for document, ordinal in hits:
        place = PassageRange(document, max(1, ordinal - 1), ordinal)
        if not any(set(place.ids()) & set(other.ids()) for other in places):
            places.append(place)
    del places[visits:]
    texts = [archive.load(f"D{p.document}:c{p.last}")[0].text for p in places]
    quotes = [" ".join(text.split()[:12]) for text in texts]
    replies = [(("search", {"query": question.text}),)]
    for number, place in enumerate(places):
        reading = ("page_in", {"locator": str(place)})
        replies.append((*_done_with(places, quotes, number - 1), reading))
    citation = {"locator": str(places[-1]), "quote": quotes[-1]}
    replies.append((("answer", {"text": quotes[-1], "citations": [citation]}),))
    return [
        ModelReply(
            calls=tuple(ToolCall(f"call-{step}-{n}", *call) for n, call in enumerate(calls)),
            stop_reason="tool_use",
        )
        for step, calls in enumerate(replies)
    ]


def _done_with(
    places: Sequence[PassageRange], quotes: Sequence[str], number: int
) -> Iterator[tuple[str, dict[str, object]]]:
    if number >= 0:
        place = str(places[number])
        yield "write_note", {"text": f'It says "{quotes[number]}"', "sources": [place]}
        yield "page_out", {"locators": [place]}


async def played(
    question: DrawnQuestion, archive: Archive, server: ChatModel, journal: Path, *, visits: int
) -> dict[str, Read]:
    """What the server read, by how the conversation was kept."""
    replies = script(question, archive, visits=visits)
    appended = await _appended(question, archive, replies, journal)
    epochs = ReadingServer(server, replies)
    counter, factor = model_defaults("local", base_url="http://127.0.0.1").counter()
    paging = PagingSettings(window=WINDOW, max_output=MAX_OUTPUT)
    settings = AskSettings(paging, RunLimits(), "recent", counter, factor)
    journal.unlink(missing_ok=True)
    line = await ask_archive(question.text, archive, epochs, settings=settings, journal=journal)
    assert line.status == "answered", line
    return {
        "epochs": epochs.read,
        "append-only": await _reading(appended, server),
        "evict every step": await _reading([await _cut(r, server) for r in appended], server),
    }


async def _appended(
    question: DrawnQuestion, archive: Archive, replies: Sequence[ModelReply], journal: Path
) -> list[ModelRequest]:
    """The requests of a run from which nothing ever leaves."""
    model = ScriptedModel(*replies)
    journal.unlink(missing_ok=True)
    settings = AskSettings(_ROOMY, RunLimits())
    await ask_archive(question.text, archive, model, settings=settings, journal=journal)
    return [replace(request, max_output_tokens=MAX_OUTPUT) for request in model.requests]


async def _cut(request: ModelRequest, server: ChatModel) -> ModelRequest:
    """`request` without as many of its oldest exchanges as must leave for it to fit."""
    first, turns = request.turns[0], list(request.turns[1:])
    while True:
        kept: tuple[Turn, ...] = (first, *turns)
        shorter = replace(request, turns=kept)
        tokens = await server.count_tokens(shorter)
        assert tokens is not None, "the server counts"
        if tokens + MAX_OUTPUT <= WINDOW or not turns:
            return shorter
        del turns[:2]


async def _reading(requests: Sequence[ModelRequest], server: ChatModel) -> Read:
    reader = ReadingServer(server)
    for request in requests:
        await reader.complete(request)
    return reader.read


async def _measure(options: argparse.Namespace) -> None:
    done = [each["question"] for each in _measured(options.visits)]
    questions = [q for q in draw("tuning") + draw("reporting") if q.gold["answers"]]
    # Three of each set: the first of each half's are of one, the last of the other.
    chosen = [q for name in SETS for q in [x for x in questions if x.document_set == name][:3]]
    for question in chosen:
        if question.id in done:
            continue
        folder = options.work / question.document_set
        ingest([SETS[question.document_set]], folder, text_field="text")
        server = model_named(options.model, base_url=options.base_url).model
        await server.measure_tokens("", ())
        with_archive = Archive.open(folder)
        journal = options.work / "reuse.jsonl"
        read = await played(question, with_archive, server, journal, visits=options.visits)
        with_archive.close()
        await server.close()
        line = {"question": question.id, "model": options.model, "visits": options.visits,
                **{name: asdict(each) for name, each in read.items()}}  # fmt: skip
        with RESULTS.open("a", encoding="utf-8") as file:
            file.write(json.dumps(line) + "\n")
        print(json.dumps(line), flush=True)


def _lines() -> list[str]:
    return RESULTS.read_text("utf-8").splitlines() if RESULTS.exists() else []


def _measured(visits: int) -> list[dict[str, Any]]:
    """What was measured of runs of that length."""
    return [each for each in map(json.loads, _lines()) if each["visits"] == visits]


def print_table(visits: int) -> None:
    """What was measured, question by question and together."""
    lines = _measured(visits)
    ways = ("epochs", "append-only", "evict every step")
    print(
        "| question | requests | " + " | ".join(f"{w}: anew, seconds" for w in ways) + " | ratio |"
    )
    for line in lines:
        cells = [f"{line[way]['anew']:,}, {line[way]['seconds']:.0f}" for way in ways]
        ratio = line["epochs"]["anew"] / line["evict every step"]["anew"]
        row = [line["question"], line["epochs"]["requests"], *cells, f"{ratio:.2f}"]
        print("| " + " | ".join(map(str, row)) + " |")
    if not lines:
        return
    sums = {way: sum(line[way]["anew"] for line in lines) for way in ways}
    seconds = {way: sum(line[way]["seconds"] for line in lines) for way in ways}
    print(sums, seconds, f"{sums['epochs'] / sums['evict every step']:.3f}")


def main() -> None:
    """Measure what is missing, then print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--base-url", default="")
    parser.add_argument("--model", default="qwen2.5-coder-0.5b")
    parser.add_argument("--work", type=Path)
    parser.add_argument("--visits", type=int, default=VISITS, help="passages that are looked at")
    options = parser.parse_args()
    if options.base_url:
        asyncio.run(_measure(options))
    print_table(options.visits)


if __name__ == "__main__":
    main()
