"""The same questions with and without a server between the run and the reader: equal answers?

    python -m benchmarks.messages_api.equal_answers questions.jsonl documents/ --limit 20

Each question is asked in four ways: the extractive reader in this process; the same reader behind
the fake server, which counts tokens as the run does; behind a server that counts in its own way and
adds what a server adds, in a window that is larger by the uncalibrated factor; and there with a
model that thinks. The real SDK talks to the server over a socket. What is printed besides answers:
how many requests the server refused, whether each epoch was only appended to, whether instructions
and functions kept their bytes, and the largest prompt by the server's count.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from benchmarks.fake_api import ExtractiveBrain, FakeApi, Overheads, RequestCounter
from benchmarks.fake_api.assertions import (
    assert_append_only,
    assert_echoed_verbatim,
    assert_stable_tools_and_system,
)
from benchmarks.fake_api.counting import text_of_block
from benchmarks.fake_api.models import MODELS
from docpager import AnswerLine, Archive, PagingSettings, RunLimits, ingest
from docpager.core.tokens import BuiltInEstimator
from docpager.models.claude import ClaudeModel
from docpager.models.claude.backends import backend_for
from docpager.models.extractive import ExtractiveModel
from docpager.models.messages import ChatModel
from docpager.paging.epoch import BLOCK_TOKENS, canonical_json
from docpager.run.service import AskSettings, ask_archive

PLAIN, THINKING = "claude-haiku-4-5", "claude-sonnet-5-5"
UNCALIBRATED = 2.25
"""The factor that runs with a current model begin with."""


@dataclass(frozen=True)
class Way:
    """One way to ask all questions."""

    name: str
    model: str | None
    """None for the reader in this process."""
    counter: RequestCounter | None
    paging: PagingSettings
    factor: float = 1.0
    strict: bool = True
    """False sends the functions' schemas as the run counts them."""


def main() -> None:
    arguments = _arguments()
    # No key is needed and none is sent: the server is on this machine.
    os.environ["ANTHROPIC_API_KEY"] = "a key for the fake server"
    questions = list(_questions(arguments.questions))[: arguments.limit]
    with tempfile.TemporaryDirectory() as folder:
        ingest([arguments.documents], Path(folder) / "archive")
        archive = Archive.open(Path(folder) / "archive")
        ways = list(_ways(arguments.window))
        asked = [asyncio.run(_ask_all(way, questions, archive)) for way in ways]
    direct = asked[0]
    for way, lines in zip(ways, asked, strict=True):
        equal = sum(_essence(a) == _essence(b) for a, b in zip(direct, lines, strict=True))
        steps = sum(line.steps for line in lines)
        rebuilds = sum(line.paging["rebuilds"] for line in lines)
        peak = max(line.paging["peak_worst_case"] for line in lines)
        print(
            f"  {way.name}: {equal} of {len(lines)} answers as without a server; {steps} steps, "
            f"{rebuilds} rebuilds, largest worst case {peak:,} of {way.paging.window:,}"
        )


def _ways(window: int) -> Iterator[Way]:
    small = PagingSettings(window=window, max_output=512)
    yield Way("reader alone", None, None, small)
    alike = counting_as_the_run()
    yield Way("server that counts as the run does", PLAIN, alike, small, strict=False)
    own, wide = RequestCounter(), int(window * UNCALIBRATED)
    larger = PagingSettings(window=wide, max_output=512)
    yield Way("server with its own tokenizer", PLAIN, own, larger, UNCALIBRATED)
    thinking = PagingSettings(window=wide + 2 * 2_048, max_output=2_048)
    yield Way("the same, with a model that thinks", THINKING, own, thinking, UNCALIBRATED)


def counting_as_the_run() -> RequestCounter:
    """A server that has the run's own tokenizer, and frames blocks as the run supposes."""
    return _AlikeBothWays(
        BuiltInEstimator(),
        overheads=Overheads(0, 0, BLOCK_TOKENS, BLOCK_TOKENS, 0, 0),
        text_of_block=_as_the_run_writes,
        text_of_tool=lambda tool: (
            f"{tool['name']} {tool['description']} {canonical_json(tool['input_schema'])}"
        ),
    )


class _AlikeBothWays(RequestCounter):
    """Counts what the model writes as it counts the same blocks when they are echoed."""

    def output(self, block: Mapping[str, Any]) -> int:
        return self.block(block, MODELS[0])


def _as_the_run_writes(block: Mapping[str, Any]) -> str:
    if block["type"] == "tool_use":
        return f"{block['name']} {canonical_json(block['input'])}"
    return text_of_block(block)


async def _ask_all(way: Way, questions: Sequence[str], archive: Archive) -> list[AnswerLine]:
    if way.model is None:
        return [await _ask(question, archive, ExtractiveModel(), way) for question in questions]
    with FakeApi(ExtractiveBrain(), counter=way.counter) as api:
        backend = replace(backend_for(api.url, "anthropic"), strict=way.strict)
        model = ClaudeModel(way.model, base_url=api.url, backend=backend)
        lines = [await _ask(question, archive, model, way) for question in questions]
        await model.close()
    _check(api, way)
    return lines


async def _ask(question: str, archive: Archive, model: ChatModel, way: Way) -> AnswerLine:
    limits = RunLimits(max_steps=40, timers=False)
    settings = AskSettings(way.paging, limits, factor=way.factor)
    return await ask_archive(question, archive, model, settings=settings)


def _check(api: FakeApi, way: Way) -> None:
    """What must hold of every request, whatever was answered."""
    refused = [request for request in api.requests if request.status != 200]
    assert_append_only(api.requests)
    assert_stable_tools_and_system(api.requests)
    assert_echoed_verbatim(api.requests)
    largest = max(r.usage.prompt_tokens for r in api.requests if r.usage is not None)
    most = way.paging.window - way.paging.max_output
    if largest > most:
        raise SystemExit(f"{way.name}: a prompt of {largest} tokens was sent, {most} is the most")
    print(
        f"{way.name}: {len(api.requests)} requests, {len(refused)} refused; append-only, stable "
        f"and echoed verbatim; largest prompt by the server's count {largest:,} of {most:,}"
    )


def _essence(line: AnswerLine) -> tuple[Any, ...]:
    cited = tuple((c.place, c.quote, c.match) for c in line.citations)
    return line.status, line.answer, cited


def _questions(path: Path) -> Iterator[str]:
    for line in path.read_text("utf-8").splitlines():
        yield json.loads(line)["question"]


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("questions", type=Path, help="JSONL with `question`")
    parser.add_argument("documents", type=Path)
    parser.add_argument("--window", type=int, default=8_000)
    parser.add_argument("--limit", type=int)
    return parser.parse_args()


if __name__ == "__main__":
    main()
