"""What the model may call. The descriptions here are part of the prompt."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from docpager.models.messages import FunctionSchema

__all__ = ["functions_for"]

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
