"""Small runs and batches for tests of exports."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from pathlib import Path

from toy_library import ToyLibrary, toy_document

from docpager.core.settings import PagingSettings
from docpager.models.messages import Usage
from docpager.models.scripted import ScriptedModel, call, reply
from docpager.run.answer_line import AnswerLine
from docpager.run.service import AskSettings, ask_archive

QUESTION = "Where did the crane stand?"
ANSWER = "By the lantern"
QUOTE = "The crane stood here by the lantern."
WORDS = "harbour crane ledger tide mooring captain barge quay signal lantern".split()  # noqa: SIM905


def library(folder: Path) -> ToyLibrary:
    """A document of many passages with PDF pages; the quote stands in the first of them."""
    lines = [f"{word} {n} lay by the {WORDS[n % 10]}." for n in range(900) for word in WORDS[:2]]
    text = "\n".join([QUOTE, *lines])
    pages = list(range(0, len(text), 3000))
    return ToyLibrary(toy_document(text, path="quay.pdf", pdf_pages=pages), directory=folder)


def used(said, prompt: int, cached: int, output: int, usd: float):
    """A reply of a server that counts."""
    usage = Usage(prompt - cached, cached, 0, output, "server")
    return replace(said, usage=usage, cost_usd=usd)


def paging_run(folder: Path, *, id: str = "q1", journal: Path | None = None) -> AnswerLine:
    """Faults, a refault, a release, evictions, a refused call, an answer whose quote stands."""
    answer = reply(
        call("answer", text=ANSWER, citations=[{"locator": "D1:c1", "quote": QUOTE}], found=True)
    )
    model = ScriptedModel(
        reply("I look.", call("search", query="crane lantern")),
        reply(call("page_in", locator="D1:c1-5")),
        *[reply(call("page_in", locator=f"D1:c{n}-{n + 4}")) for n in (6, 11, 16, 21, 26)],
        reply(call("page_out", locators=["D1:c27"]), call("page_in", locator="D9")),
        reply(call("page_in", locator="D1:c1")),
        reply(call("page_in", locator="D1:c1")),
        answer,
    )
    settings = AskSettings(paging=PagingSettings(window=8000))
    asked = ask_archive(QUESTION, library(folder), model, settings=settings, id=id, journal=journal)
    line = asyncio.run(asked)
    assert line.status == "answered", line
    assert line.paging["refaults"] and line.paging["evicted"] and line.paging["released"]
    return line


def answers_file(folder: Path, *lines: AnswerLine) -> Path:
    path = folder / "answers.jsonl"
    path.write_text("".join(json.dumps(line.as_json()) + "\n" for line in lines), "utf-8")
    return path
