"""Runs and batches with hostile texts in every place where a report shows a text."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from pathlib import Path

from toy_library import ToyLibrary, toy_document

from docpager.core.passages import PassageRange
from docpager.core.settings import PagingSettings
from docpager.models.messages import Usage
from docpager.models.scripted import ScriptedModel, call, reply
from docpager.run.answer_line import AnswerLine
from docpager.run.service import AskSettings, ask_archive

HOSTILE = "</script><script>document.title='owned'</script><img src=x onerror=alert(1)> \x1b[31m"
QUESTION = f"Where did the crane stand {HOSTILE}?"
WORDS = "harbour crane ledger tide mooring captain barge quay signal lantern".split()  # noqa: SIM905


def library(folder: Path) -> ToyLibrary:
    lines = [f"{word} {n} lay by the {WORDS[n % 10]}." for n in range(900) for word in WORDS[:2]]
    path = "<b>quay & co.txt"
    lines[40:40] = [f"The crane stood here {HOSTILE} by the lantern."]
    return ToyLibrary(toy_document("\n".join(lines), path=path), directory=folder)


def run_in(folder: Path, *script: object, window: int = 8000) -> AnswerLine:
    settings = AskSettings(paging=PagingSettings(window=window))
    asked = ask_archive(QUESTION, library(folder), ScriptedModel(*script), settings=settings)
    return asyncio.run(asked)


def hostile_run(folder: Path) -> AnswerLine:
    """Warnings, rebuilds, notes, a refused call, a quote that stands and one that does not."""
    passages = library(folder).load_range(PassageRange(1, 1, 999))
    where = next(passage for passage in passages if "stood here" in passage.text)
    quote = next(line for line in where.text.splitlines() if "stood here" in line)
    home = f"D1:c{where.ordinal}"
    said = reply("I look. " + HOSTILE, call("search", query=f"crane {HOSTILE}"))
    said = replace(said, usage=Usage(900, 600, 300, 40, "server"), cost_usd=0.25)
    answer = call(
        "answer",
        text=f"By the lantern {HOSTILE}",
        citations=[
            {"locator": home, "quote": quote},
            {"locator": home, "quote": f"No barge was ever painted green {HOSTILE}"},
        ],
        found=True,
    )
    return run_in(
        folder,
        said,
        *[reply(call("page_in", locator=f"D1:c{n}-{n + 4}")) for n in (1, 6, 11, 16, 21)],
        reply(
            call("write_note", text=f"noted {HOSTILE}", sources=["D1:c1"]),
            call("page_out", locators=["D1:c22"]),
            call("page_in", locator="D9"),
        ),
        reply(call("page_in", locator=home)),
        answer,
        answer,
        answer,
    )


def batch_file(folder: Path, journal: str, *, rows: int = 40) -> Path:
    """Answers of every status; the first names the journal of a run."""
    lines = []
    for n in range(rows):
        status = ("answered", "unsupported", "abstained", "failed", "stopped")[n % 5]
        lines.append(
            {
                "schema_version": 2,
                "id": f"q{n}" if n != 3 else f"q/3 {HOSTILE}",
                "question": f"Question {n} {HOSTILE}",
                "answer": f"Answer {n * 7 % 40} {HOSTILE}" if n % 5 < 3 else None,
                "status": status,
                "citations": [{"place": {"kind": "document", "document": f"{HOSTILE}.txt"},
                               "quote": HOSTILE, "match": "exact"}],
                "usage": {"input_tokens": 1000 * ((n * 13) % 40), "output_tokens": 5,
                          "source": "server", "cache_read_tokens": 200},
                "cost_usd": 0.01 * n,
                "steps": (n * 3) % 40,
                "seconds": n / 2,
                "coverage": {"read": n, "searched": 2, "never_seen": 5, "unreadable": 1},
                "model": "scripted",
                "journal": journal if n == 0 else f"gone-{n}.jsonl",
                **({"error": f"lost after {n} tries {HOSTILE}"} if n % 5 >= 3 else {}),
            }
        )  # fmt: skip
    path = folder / f"answers-{rows}.jsonl"
    path.write_text("".join(json.dumps(line) + "\n" for line in lines), "utf-8")
    return path
