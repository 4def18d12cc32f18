"""What is compared: docpager, an earlier docpager, and one look at a part of the text."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any, Protocol

from benchmarks.local_models.questions import DrawnQuestion
from benchmarks.local_models.recording import Recording, RecordingModel
from docpager import Archive, PagingSettings, RunLimits
from docpager.core.errors import ModelError
from docpager.core.locators import parse_locator
from docpager.core.passages import Passage
from docpager.core.settings import INTERFACES
from docpager.models.messages import ChatModel, ModelRequest, Usage, UserTurn
from docpager.models.openai import OpenAIModel
from docpager.models.registry import model_defaults
from docpager.paging.rebuild import PLAINLY
from docpager.paging.rendering import render_passages
from docpager.run.answer_line import AnswerLine, citations_of
from docpager.run.functions import parse_plain_answer
from docpager.run.quotes import QuoteChecker, mark_seen
from docpager.run.service import AskSettings, ask_archive

__all__ = [
    "Answered",
    "Contestant",
    "Docpager",
    "EarlierDocpager",
    "OneLook",
    "StructuredModel",
    "contestant_named",
    "file_name_of",
    "named_in",
]

WINDOW, MAX_OUTPUT, MAX_STEPS = 8_000, 512, 6
"""The same for all: tokens of prompt and reply together, tokens of a reply, replies."""

PLAIN = "You answer a question from a text."
"""What systems that ask once say, whatever text they show. The question stands below the text, in
the words in which docpager asks it of a model without functions."""


@dataclass(frozen=True, slots=True)
class Answered:
    """How one question went, as an answer line, with what the server said."""

    line: Mapping[str, Any]
    recording: Recording


@dataclass(frozen=True, slots=True)
class AskedWhere:
    """Where questions are asked."""

    archive: Archive
    documents: Path
    model: RecordingModel
    url: str
    work: Path
    journals: Path


class Contestant(Protocol):
    """One way to answer."""

    name: str

    async def answer(self, question: DrawnQuestion, place: AskedWhere) -> Answered:
        """Answer from all documents of the question's set."""
        ...


@dataclass(frozen=True, slots=True)
class Docpager:
    """docpager itself, with what a run begins with and what it offers."""

    name: str
    functions: str = "full"
    prefetch: int = 0

    @property
    def settings(self) -> AskSettings:
        """How it is asked; the server's way to count is measured before each run."""
        paging = PagingSettings(
            WINDOW, MAX_OUTPUT, functions=self.functions, prefetch=self.prefetch
        )
        counter, factor = model_defaults("local", base_url="http://127.0.0.1").counter()
        return AskSettings(paging, RunLimits(max_steps=MAX_STEPS), "recent", counter, factor)

    async def answer(self, question: DrawnQuestion, place: AskedWhere) -> Answered:
        journal = place.journals / f"{file_name_of(self.name)}-{question.id}.jsonl"
        journal.unlink(missing_ok=True)
        line = await ask_archive(
            question.text, place.archive, place.model, settings=self.settings, journal=journal
        )
        return Answered(line.as_json(), place.model.take())


@dataclass(frozen=True, slots=True)
class EarlierDocpager:
    """docpager of an earlier commit, through the command line of its own checkout."""

    name: str
    command: Path
    window: int = WINDOW
    """It refuses what it cannot be sure of: for this model's server anything below 9,439."""

    async def answer(self, question: DrawnQuestion, place: AskedWhere) -> Answered:
        return await asyncio.to_thread(self._answer, question, place)

    def _answer(self, question: DrawnQuestion, place: AskedWhere) -> Answered:
        journal = place.journals / f"{file_name_of(self.name)}-{question.id}.jsonl"
        journal.unlink(missing_ok=True)
        archive = place.work / f"{file_name_of(self.name)}-{question.document_set}"
        options: Mapping[str, object] = {
            "--archive": archive, "--journal": journal, "--base-url": place.url,
            "--model": place.model.name, "--window": self.window, "--max-output": MAX_OUTPUT,
            "--max-steps": MAX_STEPS,
        }  # fmt: skip
        written = [text for pair in options.items() for text in map(str, pair)]
        if not archive.exists():
            ingesting = ["ingest", "--archive", archive, "--text-field", "text", place.documents]
            subprocess.run([self.command, *ingesting], check=True, capture_output=True)
        begun = time.monotonic()
        done = subprocess.run(
            [self.command, "ask", "--json", *written, question.text],
            capture_output=True,
            text=True,
            env={**os.environ, "ANTHROPIC_API_KEY": "none"},
            check=False,
        )
        if not done.stdout.strip():
            raise ModelError(f"{self.command} said nothing: {done.stderr[-400:]}")
        line = json.loads(done.stdout.splitlines()[-1])
        line["seconds"] = line.get("seconds") or round(time.monotonic() - begun, 3)
        return Answered(line, Recording(tuple(_replies_in(journal))))


def _replies_in(journal: Path) -> Iterator[Any]:
    """Replies of a journal of any version: entries may stand behind a seal."""
    for line in journal.read_text("utf-8").splitlines():
        if reply := json.loads(line[line.index("{") :]).get("reply"):
            reply = {name: value for name, value in reply.items() if value is not None}
            yield from Recording.from_json({"replies": [reply]}).replies


Choose = Callable[[DrawnQuestion, Archive], Iterator[Passage]]


@dataclass(frozen=True, slots=True)
class OneLook:
    """Shows passages once, under a plain prompt without functions."""

    name: str
    choose: Choose
    most: int | None = None
    """Passages at most; as many as fit where None."""
    structured: bool = False
    """Whether the reply is held to a JSON schema, by a server of Chat Completions."""

    async def answer(self, question: DrawnQuestion, place: AskedWhere) -> Answered:
        begun = time.monotonic()
        chosen = list(islice(self.choose(question, place.archive), self.most))
        shown = await self._fitting(question, chosen, place.model)
        reply = await place.model.complete(self._request(question, shown))
        given = parse_structured(reply.text) if self.structured else None
        given = given or parse_plain_answer(reply.text, labelled=True)
        checker = QuoteChecker(place.archive, parse_locator, question=question.text)
        seen = {passage.id for passage in shown}
        checks = checker.check_all(given["citations"], resident=seen).checks
        quotes = [each["quote"] for each in given["citations"]]
        checks = mark_seen(checks, quotes, resident=seen, notes=())
        supported = any(each.match != "failed" and each.seen for each in checks)
        status = "answered" if supported else "unsupported"
        line = AnswerLine(
            id=question.id,
            question=question.text,
            answer=given["text"],
            status=status if given["found"] else "abstained",
            citations=citations_of(checks),
            usage=reply.usage or Usage(),
            steps=1,
            model=place.model.name,
            seconds=round(time.monotonic() - begun, 3),
        )
        return Answered(line.as_json(), place.model.take())

    async def _fitting(
        self, question: DrawnQuestion, chosen: list[Passage], model: ChatModel
    ) -> list[Passage]:
        """As many of the first passages as the window holds, by the server's own count."""
        await model.measure_tokens(PLAIN, ())
        low, high = 0, len(chosen)
        while low < high:
            middle = (low + high + 1) // 2
            tokens = await model.count_tokens(self._request(question, chosen[:middle]))
            assert tokens is not None, "the server counts tokens"
            low, high = (middle, high) if tokens + MAX_OUTPUT <= WINDOW else (low, middle - 1)
        return chosen[:low]

    def _request(self, question: DrawnQuestion, passages: list[Passage]) -> ModelRequest:
        asked = (STRUCTURED if self.structured else PLAINLY).format(question.text)
        text = f"# Text\n{render_passages(passages)}\n\n{asked}"
        return ModelRequest(PLAIN, (), (UserTurn(text),), MAX_OUTPUT, calls_allowed=False)


STRUCTURED = (
    "Question: {}\n"
    "Reply in JSON: the sentence of the passages that answers the question, copied exactly, the "
    "locator of its passage, and the answer in a few words."
)
"""What the prompt ends with where the reply is held to `REPLY_SCHEMA`."""

REPLY_SCHEMA: Mapping[str, Any] = {
    "type": "object",
    "properties": {
        "quote": {"type": "string", "minLength": 1, "maxLength": 600},
        "locator": {"type": "string", "pattern": "^D[0-9]{1,3}:c[0-9]{1,4}$"},
        "answer": {"type": "string", "minLength": 1, "maxLength": 300},
    },
    "required": ["quote", "locator", "answer"],
    "additionalProperties": False,
}
"""The quote first: what a model has copied, its answer can follow."""


class StructuredModel(OpenAIModel):
    """A model whose replies its server holds to `REPLY_SCHEMA`."""

    def body(self, request: ModelRequest) -> dict[str, Any]:
        schema = {"name": "reply", "strict": True, "schema": REPLY_SCHEMA}
        return {**super().body(request),
                "response_format": {"type": "json_schema", "json_schema": schema}}  # fmt: skip


def parse_structured(text: str) -> dict[str, Any] | None:
    """Arguments of `answer` in a reply of that schema; None where it is none, as a cut one is."""
    try:
        said = json.loads(text)
        citation = {"locator": str(said["locator"]), "quote": str(said["quote"])}
        return {"text": str(said["answer"]), "citations": [citation], "found": True}
    except (ValueError, KeyError, TypeError):
        return None


def _from_the_beginning(question: DrawnQuestion, archive: Archive) -> Iterator[Passage]:
    for entry in sorted(archive.documents(), key=lambda entry: entry.path):
        yield from archive.load(entry.name)


def _found(question: DrawnQuestion, archive: Archive) -> Iterator[Passage]:
    for hit in archive.search(question.text, page_size=50).hits:
        yield from archive.load(str(hit.passage))


def file_name_of(name: str) -> str:
    """A contestant's name as part of a file's name: without the colon, which Windows has none of.

    >>> file_name_of("one-search:k=4"), named_in(file_name_of("one-search:k=4"))
    ('one-search_k=4', 'one-search:k=4')
    """
    return name.replace(":", "_")


def named_in(file_name: str) -> str:
    """The contestant's name again."""
    return file_name.replace("_", ":")


def contestant_named(name: str, *, earlier: Path | None = None) -> Contestant:
    """`docpager`, `docpager+small`, `docpager+plain`, `docpager+small+prefetch=4`, `head`,
    `one-search:k=4`, `one-search:k=4+schema`, `earlier` or `earlier:window=9500`: the command of an
    earlier docpager.

    Raises:
        ValueError: there is no such way to answer.
    """
    base, *parts = name.split("+")
    if base == "docpager":
        prefetch = next((int(part[9:]) for part in parts if part.startswith("prefetch=")), 0)
        functions = next((part for part in parts if part in INTERFACES), INTERFACES[0])
        return Docpager(name, functions, prefetch)
    if name == "head":
        return OneLook(name, _from_the_beginning)
    if base.startswith("one-search:k="):
        return OneLook(name, _found, int(base.partition("=")[2]), "schema" in parts)
    if base.startswith("earlier") and earlier is not None:
        return EarlierDocpager(name, earlier, int(name.partition("window=")[2] or WINDOW))
    raise ValueError(f"no way to answer is called {name!r}")
