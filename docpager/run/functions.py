"""What the model may call. The descriptions here are part of the prompt.

A reply in plain text as an answer: its citations are parsed out of it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from docpager.core.locators import LocatorKind, find_locators
from docpager.models.messages import FunctionSchema

__all__ = ["functions_for", "parse_plain_answer"]

_LOCATOR = "Such as D3:p45-47 or N2."
_NARROW = "Only these: names such as D3, or path globs."
_RESULT_PAGE = "Page of results."


def _text(description: str) -> dict[str, Any]:
    return {"type": "string", "description": description}


def _texts(description: str) -> dict[str, Any]:
    return {"type": "array", "items": {"type": "string"}, "description": description}


def _integer(description: str) -> dict[str, Any]:
    return {"type": "integer", "description": description}


def _flag(description: str) -> dict[str, Any]:
    return {"type": "boolean", "description": description}


def _function(
    name: str, description: str, parameters: Mapping[str, Any], *, optional: tuple[str, ...] = ()
) -> FunctionSchema:
    required = [parameter for parameter in parameters if parameter not in optional]
    schema = {
        "type": "object",
        "properties": dict(parameters),
        "required": required,
    }
    return FunctionSchema(name, description, schema)


SEARCH = _function(
    "search",
    "Find passages by words and meaning. Shows snippets, best first.",
    {
        "query": _text("What to look for."),
        "documents": _texts(_NARROW),
        "page": _integer(_RESULT_PAGE),
    },
    optional=("documents", "page"),
)
GREP = _function(
    "grep",
    "Find an exact regular expression (RE2), in reading order. For names, numbers, keys.",
    {
        "pattern": _text("The pattern."),
        "documents": _texts(_NARROW),
        "page": _integer(_RESULT_PAGE),
    },
    optional=("documents", "page"),
)
CONTENTS = _function(
    "contents",
    "List the documents, or the outline of one.",
    {"locator": _text("A document or section; all documents if left out.")},
    optional=("locator",),
)
PAGE_IN = _function(
    "page_in",
    "Bring passages, or a note that was paged out, into main context.",
    {"locator": _text(_LOCATOR), "pin": _flag("Keep it across rebuilds.")},
    optional=("pin",),
)
PAGE_OUT = _function(
    "page_out",
    "Release pages or notes; they leave at the next rebuild.",
    {"locators": _texts("What to release.")},
)
WRITE_NOTE = _function(
    "write_note",
    "Write down what you found; notes survive rebuilds.",
    {
        "text": _text("The finding, its words copied exactly."),
        "sources": _texts("Locators it came from."),
        "replaces": _text("A note, such as N2."),
    },
    optional=("replaces",),
)
RECALL = _function(
    "recall",
    "Search this run's past: notes paged out, calls, pages read.",
    {"query": _text("What to look for.")},
)
_CITATION = {
    "type": "object",
    "properties": {"locator": _text("Where the quote stands."), "quote": _text("Copied exactly.")},
    "required": ["locator", "quote"],
}
ANSWER = _function(
    "answer",
    "Give the final answer and end.",
    {
        "text": _text("The answer, short."),
        "citations": {"type": "array", "items": _CITATION, "description": "What supports it."},
        "found": _flag("False if the documents do not say."),
    },
    optional=("found",),
)


def functions_for(*, notes: bool = True, pins: bool = True) -> tuple[FunctionSchema, ...]:
    """The functions of a run, in their fixed order; ablations leave out notes or pins."""
    page_in = PAGE_IN if pins else _without(PAGE_IN, "pin")
    offered = (SEARCH, GREP, CONTENTS, page_in, PAGE_OUT, WRITE_NOTE, RECALL, ANSWER)
    return tuple(each for each in offered if notes or each is not WRITE_NOTE)


def _without(function: FunctionSchema, parameter: str) -> FunctionSchema:
    properties = {k: v for k, v in function.parameters["properties"].items() if k != parameter}
    return FunctionSchema(
        function.name, function.description, {**function.parameters, "properties": properties}
    )


_QUOTED = re.compile(r'"([^"\n]{2,})"|“([^”\n]{2,})”|«([^»\n]{2,})»')
_NOT_FOUND = re.compile(r"\s*(?:\*\*)?not found\b", re.IGNORECASE)


def parse_plain_answer(text: str) -> dict[str, Any]:
    """Arguments of `answer` that say the same as `text`.

    A citation is a locator and the nearest quoted words on its line, as in
    `[D3:p45] "exact quote"`; lines that hold nothing else are not part of the answer's text.
    """
    citations: list[dict[str, str]] = []
    kept: list[str] = []
    for line in text.splitlines():
        found = _citations(line)
        citations += found
        if not (found and _is_citation_line(line)):
            kept.append(line)
    answer = "\n".join(kept).strip()
    found_flag = not _NOT_FOUND.match(answer)
    return {"text": answer or text.strip(), "citations": citations, "found": found_flag}


def _citations(line: str) -> list[dict[str, str]]:
    quotes = [(match.start(), _inner(match)) for match in _QUOTED.finditer(line)]
    places = [
        (at, found) for found, at, _ in find_locators(line) if found.kind is not LocatorKind.NOTE
    ]
    if not quotes or not places:
        return []
    if _is_citation_line(line):
        return [{"locator": str(places[0][1]), "quote": _outermost(line)}]
    return [
        {"locator": str(min(places, key=lambda place: abs(place[0] - at))[1]), "quote": quote}
        for at, quote in quotes
    ]


def _inner(match: re.Match[str]) -> str:
    return next(group for group in match.groups() if group is not None)


def _outermost(line: str) -> str:
    """Everything between the first and the last quotation mark: quotes may hold quotes."""
    first = re.search(r'["“«]', line)
    last = max(line.rfind(mark) for mark in '"”»')
    assert first is not None
    return line[first.end() : last]


def _is_citation_line(line: str) -> bool:
    return (
        re.match(r'\s*(?:[-*\d.)]+\s*)?\[?D\d[\w:.\-]*\]?:?\s*["“«].*["”»]\s*\.?\s*$', line)
        is not None
    )
