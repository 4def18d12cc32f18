"""Reads a request into a View: the head's parts, the results of an epoch's calls."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from typing import Any

from docpager.models.extractive.view import (
    Event,
    LogLine,
    Lookup,
    SeenNote,
    SeenPassage,
    ShownHit,
    View,
    ranged,
)
from docpager.models.messages import AssistantTurn, ModelRequest, UserTurn

__all__ = ["parse_passages", "parse_request"]

_FENCE = re.compile(r"<<<([0-9a-f]{8})\n(.*?)\n?\1>>>", re.DOTALL)
_PARTS = ("# Documents", "# Question", "# Notes", "# Reading log")
_PAGES = re.compile(r"^# Pages in main context\n(?=<<<[0-9a-f]{8}\n)", re.MULTILINE)
_STEP = re.compile(r"^# Newest step\n", re.MULTILINE)
_STEP_CALL = re.compile(r"^([a-z_]+) (\{.*?|)(?:… \(cut\))?\n(?=<<<[0-9a-f]{8}\n)", re.MULTILINE)
_NOTE = re.compile(r"^N(\d+) (?:\[((?:[DN]\d[\w:.,\- ]*)?)\] ?)?(.*)$", re.MULTILINE)
_NOTE_NAME = re.compile(r"\bN(\d+)\b")
_LOG = re.compile(r"^(\d+) ([a-z_]+)\((.*?)(?:\): ([^)]*))?$")
_HEADER = re.compile(r"^\[D(\d+):c(\d+)(?: p(\d+))?\]$", re.MULTILINE)
_PAGE_MARK = re.compile(r"\[p(\d+)\]")
_HIT = re.compile(r"^- D(\d+):c(\d+)(?: p\d+)? (.+?): (.*)$", re.MULTILINE)
_TIMER = re.compile(r"^\[timer\]", re.MULTILINE)


def parse_request(request: ModelRequest) -> View:
    """What can be seen in `request`."""
    head = request.turns[0].text if request.turns else ""
    top, pages, step = _split_head(head)
    parts = _parts(top)
    events = [*_head_events(step, newest=len(request.turns) == 1), *_turn_events(request)]
    passages = {(p.document, p.ordinal): p for p in parse_passages(pages)}
    for event in events:
        if event.name == "page_in" and not event.is_error:
            passages |= {(p.document, p.ordinal): p for p in parse_passages(event.result)}
    lookups = tuple(_lookups(events))
    log = [*_log_lines(parts["# Reading log"]), *_own_log(events)]
    notes = _notes(parts["# Notes"], events)
    return View(
        question=parts["# Question"].strip() or head.strip(),
        document_map=parts["# Documents"],
        notes=tuple(notes[number] for number in sorted(notes)),
        notes_written=_highest_note(parts["# Notes"], notes, log),
        log=tuple(log),
        passages=passages,
        lookups=lookups,
        events=tuple(events),
        hurried=_is_hurried(request, step),
        step=_step_number(parts["# Reading log"], request),
        functions=frozenset(function.name for function in request.functions),
        max_output_tokens=request.max_output_tokens,
        calls_allowed=request.calls_allowed,
        rebuilt=len(request.turns) == 1 and bool(step),
        released=frozenset(_released(events)),
    )


def parse_passages(text: str) -> list[SeenPassage]:
    """The passages rendered in `text`, each under its header."""
    headers = list(_HEADER.finditer(text))
    ends = [*(header.start() for header in headers[1:]), len(text)]
    return [
        _passage(header, text[header.end() + 1 : end].rstrip())
        for header, end in zip(headers, ends, strict=False)
    ]


def _passage(header: re.Match[str], body: str) -> SeenPassage:
    document, ordinal = int(header[1]), int(header[2])
    if header[3] is None:
        return SeenPassage(document, ordinal, body)
    pieces: list[str] = []
    starts = [(0, int(header[3]))]
    length = past = 0
    for mark in _PAGE_MARK.finditer(body):
        if int(mark[1]) > starts[-1][1]:
            pieces.append(body[past : mark.start()])
            length, past = length + mark.start() - past, mark.end()
            starts.append((length, int(mark[1])))
    return SeenPassage(document, ordinal, "".join([*pieces, body[past:]]), tuple(starts))


def _split_head(head: str) -> tuple[str, str, str]:
    """The head's plain parts, the text of its pages, and its newest step."""
    if pages := _PAGES.search(head):
        fence = _FENCE.match(head, pages.end())
        if fence:
            return head[: pages.start()], fence[2], head[fence.end() :]
    step = _STEP.search(head)
    return (head[: step.start()], "", head[step.start() :]) if step else (head, "", "")


def _parts(top: str) -> dict[str, str]:
    found: dict[str, list[str]] = {name: [] for name in _PARTS}
    current, rest = "", list(_PARTS)
    for line in top.split("\n"):
        if line in rest:
            current, rest = line, rest[rest.index(line) + 1 :]
        elif current:
            found[current].append(line)
    return {name: "\n".join(lines) for name, lines in found.items()}


def _head_events(step: str, *, newest: bool) -> Iterator[Event]:
    for call in _STEP_CALL.finditer(step):
        fence = _FENCE.match(step, call.end())
        if fence:
            result = fence[2]
            failed = result.startswith(("refused", "no ", "not ", "skipped"))
            yield Event(call[1], _arguments(call[2]), result, failed, newest)


def _arguments(written: str) -> dict[str, Any]:
    try:
        read = json.loads(written or "{}")
    except ValueError:
        return {}
    return read if isinstance(read, dict) else {}


def _turn_events(request: ModelRequest) -> Iterator[Event]:
    calls: dict[str, tuple[str, Any]] = {}
    last = len(request.turns) - 1
    for position, turn in enumerate(request.turns):
        if isinstance(turn, AssistantTurn):
            calls |= {call.id: (call.name, call.arguments) for call in turn.calls}
            continue
        for result in turn.results:
            name, arguments = calls.get(result.call_id, ("", {}))
            failed = result.is_error or result.text.startswith("refused")
            yield Event(name, arguments, result.text, failed, position == last)


def _lookups(events: Iterable[Event]) -> Iterator[Lookup]:
    for event in events:
        if event.name not in ("search", "grep") or event.is_error:
            continue
        query = str(event.arguments.get("query", event.arguments.get("pattern", "")))
        found = (ShownHit(int(h[1]), int(h[2]), h[3], h[4]) for h in _HIT.finditer(event.result))
        yield Lookup(event.name, query, tuple(found), "did not fit)" in event.result)


def _notes(listed: str, events: Iterable[Event]) -> dict[int, SeenNote]:
    found = {note.number: note for note in map(_note, _NOTE.finditer(listed))}
    for event in events:
        if event.is_error:
            continue
        if event.name == "write_note" and (number := _NOTE_NAME.search(event.result)):
            sources = event.arguments.get("sources") or ()
            text = " ".join(str(event.arguments.get("text", "")).split())
            found[int(number[1])] = SeenNote(int(number[1]), tuple(map(str, sources)), text)
            replaced = _NOTE_NAME.fullmatch(str(event.arguments.get("replaces") or ""))
            if replaced:
                found.pop(int(replaced[1]), None)
        elif event.name == "page_in" and (match := _NOTE.match(event.result)):
            found[int(match[1])] = _note(match)
    return found


def _note(match: re.Match[str]) -> SeenNote:
    sources = tuple(each.strip() for each in (match[2] or "").split(",") if each.strip())
    return SeenNote(int(match[1]), sources, match[3])


def _highest_note(listed: str, notes: Iterable[int], log: Iterable[LogLine]) -> int:
    out = [line for line in listed.split("\n") if line.startswith("(") and "paged out" in line]
    named = [int(number) for line in out for number in _NOTE_NAME.findall(line)]
    noted = [
        int(number)
        for line in log
        if line.name == "write_note"
        for number in _NOTE_NAME.findall(f"{line.outcome}")
    ]
    return max([0, *notes, *named, *noted])


def _log_lines(text: str) -> list[LogLine]:
    lines = [_LOG.match(line) for line in text.split("\n")]
    found = [
        LogLine(int(line[1]), line[2], line[3].removesuffix("…"), line[4] or "")
        for line in lines
        if line
    ]
    return found[::-1]


def _own_log(events: Iterable[Event]) -> Iterator[LogLine]:
    """The calls of this epoch as log lines; their steps are not numbered."""
    for event in events:
        values = [v for v in event.arguments.values() if v is not True]
        shown = ", ".join(v if isinstance(v, str) else json.dumps(v) for v in values)
        outcome = event.result.split("\n", 1)[0]
        if event.is_error:
            outcome = outcome if outcome.startswith("refused") else f"refused: {outcome}"
        yield LogLine(0, event.name, shown, outcome)


def _released(events: Iterable[Event]) -> set[tuple[int, int]]:
    found: set[tuple[int, int]] = set()
    for event in events:
        if event.is_error:
            continue
        if event.name == "page_out":
            found |= {
                p for each in event.arguments.get("locators") or () for p in ranged(str(each))
            }
        elif event.name == "page_in":
            found -= ranged(str(event.arguments.get("locator", "")))
    return found


def _is_hurried(request: ModelRequest, step: str) -> bool:
    """Whether what came with the newest turn, documents' text aside, says that steps run short."""
    newest = request.turns[-1] if request.turns else None
    text = newest.text if isinstance(newest, UserTurn) else ""
    return _TIMER.search(step.rpartition(">>>")[2] if len(request.turns) == 1 else text) is not None


def _step_number(log: str, request: ModelRequest) -> int:
    logged = max((line.step for line in _log_lines(log)), default=0)
    return logged + sum(isinstance(turn, AssistantTurn) for turn in request.turns) + 1
