"""Reference strings: what a recorded run paged in, wrote and released, as sizes and names alone.

A string is made of a journal and holds no text of any document. It is the same for every way of
keeping a conversation: only the pages that a way has lost must be paged in again.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.fake_api.tokenizer import FakeTokenizer
from docpager.core.errors import UsageError
from docpager.core.locators import LocatorKind, parse_locator
from docpager.core.passages import Passage, PassageId, PassageRange
from docpager.core.tokens import BuiltInEstimator
from docpager.models.messages import ModelReply, ToolCall
from docpager.run.journal import JournalRecord
from docpager.run.render import present_found, present_listed
from docpager.run.tool_results import Found, Listed, Loaded, ToolResult

__all__ = ["RecordedStep", "ReferenceString", "read_string", "string_of", "write_string"]

count = BuiltInEstimator().count
Ranges = tuple[PassageRange, ...]


@dataclass(frozen=True, slots=True)
class RecordedStep:
    """One reply, and what it asked for. Tokens are the built-in estimator's."""

    text: int
    """Of what the reply said beside its calls."""
    new: Ranges = ()
    """Ranges paged in that hold passages for the first time."""
    again: Ranges = ()
    """Ranges that the run had met before and wanted once more."""
    notes: tuple[int, ...] = ()
    """Size of each note written."""
    released: Ranges = ()
    found: tuple[int, ...] = ()
    """Size of the result of each search, grep or contents."""


@dataclass(frozen=True, slots=True)
class ReferenceString:
    """A recorded run."""

    name: str
    server_ratio: float
    """Tokens of the fake API's tokenizer for each of the estimator, over the passages met."""
    sizes: Mapping[PassageId, int]
    """Tokens of each passage met."""
    steps: tuple[RecordedStep, ...]


def string_of(name: str, record: JournalRecord) -> ReferenceString:
    """The reference string of a run that was recorded without evictions."""
    met: dict[PassageId, Passage] = {}
    asked: dict[str, PassageRange] = {}
    steps = [
        _step(reply, results, met, asked)
        for reply, results in _pairs(record)
        if any(call.name != "answer" for call in reply.calls)
    ]
    server = sum(FakeTokenizer().count(passage.text) for passage in met.values())
    sizes = {id_: passage.tokens for id_, passage in sorted(met.items())}
    ratio = round(server / max(1, sum(sizes.values())), 3)
    return ReferenceString(name, ratio, sizes, tuple(steps))


def _pairs(record: JournalRecord) -> Iterator[tuple[ModelReply, tuple[ToolResult, ...]]]:
    reply = None
    for entry in record.entries:
        if entry.kind == "reply":
            reply = entry.reply
        elif entry.kind == "results" and reply is not None:
            yield reply, entry.results


def _step(
    reply: ModelReply,
    results: Iterable[ToolResult],
    met: dict[PassageId, Passage],
    asked: dict[str, PassageRange],
) -> RecordedStep:
    new, again, found = [], [], []
    for call, result in zip(reply.calls, results, strict=False):
        match result:
            case Loaded():
                known = all(id_ in met for id_ in result.range.ids())
                (again if known else new).append(result.range)
                met.update((passage.id, passage) for passage in result.passages)
                asked[str(call.arguments["locator"])] = result.range
            case Found():
                found.append(count(present_found(result, subject=str(call.arguments))))
            case Listed():
                found.append(count(present_listed(result)))
    return RecordedStep(
        count(reply.text),
        tuple(new),
        tuple(again),
        tuple(count(str(c.arguments["text"])) for c in reply.calls if c.name == "write_note"),
        tuple(_released(reply.calls, asked)),
        tuple(found),
    )


def _released(
    calls: Iterable[ToolCall], asked: Mapping[str, PassageRange]
) -> Iterator[PassageRange]:
    for call in calls:
        for locator in call.arguments["locators"] if call.name == "page_out" else ():
            if locator in asked:
                yield asked[locator]


def write_string(string: ReferenceString, path: Path) -> None:
    """One step and one document a line, so that a difference can be read."""
    steps = ",\n  ".join(json.dumps(_step_json(step)) for step in string.steps)
    documents: dict[int, dict[int, int]] = {}
    for id_, tokens in string.sizes.items():
        documents.setdefault(id_.document, {})[id_.ordinal] = tokens
    sizes = ",\n  ".join(f'"{n}": {json.dumps(each)}' for n, each in documents.items())
    path.write_text(
        f'{{"name": {json.dumps(string.name)}, "server_ratio": {string.server_ratio},\n'
        f' "sizes": {{\n  {sizes}}},\n "steps": [\n  {steps}]}}\n',
        "utf-8",
    )


def _step_json(step: RecordedStep) -> dict[str, Any]:
    written = {
        "text": step.text,
        "new": [str(each) for each in step.new],
        "again": [str(each) for each in step.again],
        "notes": list(step.notes),
        "released": [str(each) for each in step.released],
        "found": list(step.found),
    }
    return {key: value for key, value in written.items() if value}


def read_string(path: Path) -> ReferenceString:
    """A string as it was written.

    Raises:
        UsageError: the file is missing, or no reference string.
    """
    try:
        written = json.loads(path.read_text("utf-8"))
        sizes = {
            PassageId(int(document), int(ordinal)): tokens
            for document, each in written["sizes"].items()
            for ordinal, tokens in each.items()
        }
        steps = tuple(map(_step_from, written["steps"]))
        return ReferenceString(written["name"], written["server_ratio"], sizes, steps)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise UsageError(f"{path} is no reference string: {error}; record one anew") from error


def _step_from(written: Mapping[str, Any]) -> RecordedStep:
    return RecordedStep(
        written.get("text", 0),
        _ranges(written.get("new", ())),
        _ranges(written.get("again", ())),
        tuple(written.get("notes", ())),
        _ranges(written.get("released", ())),
        tuple(written.get("found", ())),
    )


def _ranges(texts: Iterable[str]) -> Ranges:
    locators = map(parse_locator, texts)
    return tuple(
        PassageRange(each.number, each.first, each.last)
        for each in locators
        if each.kind is LocatorKind.PASSAGES
    )
