"""What the model may call, as the prompt says it; and a plain-text reply read as an answer."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from typing import Annotated, Any

import msgspec
from msgspec import Meta, Struct

from docpager.core.locators import LocatorKind, find_locators
from docpager.models.messages import FunctionSchema

__all__ = ["ARGUMENTS", "CHAT_ARGUMENTS", "Arguments", "functions_for", "parse_plain_answer"]

_Query = Annotated[str, Meta(description="What to look for.")]
_Documents = Annotated[list[str], Meta(description="Only these: names such as D3, or path globs.")]
_ResultPage = Annotated[int, Meta(ge=1, description="Page of results.")]


class Arguments(Struct, forbid_unknown_fields=True):
    """Arguments of a function. A class's docstring is the function's description in the prompt."""


class Search(Arguments):
    """Find passages by words and meaning. Shows snippets, best first."""

    query: _Query
    documents: _Documents = []
    page: _ResultPage = 1


class Grep(Arguments):
    """Find an exact regular expression (RE2), in reading order. For names, numbers, keys."""

    pattern: Annotated[str, Meta(description="The pattern.")]
    documents: _Documents = []
    page: _ResultPage = 1


class Contents(Arguments):
    """List the documents, or the outline of one."""

    locator: Annotated[
        str, Meta(description="A document or section; all documents if left out.")
    ] = ""


class PageIn(Arguments):
    """Bring passages, or a note that was paged out, into main context."""

    locator: Annotated[str, Meta(description="Such as D3:p45-47 or N2.")]
    pin: Annotated[bool, Meta(description="Keep it across rebuilds.")] = False


class ViewPage(Arguments):
    """Bring a page of a PDF into main context as a picture: a scan, a figure, a table."""

    locator: Annotated[str, Meta(description="One page, such as D3:p45.")]
    pin: Annotated[bool, Meta(description="Keep it across rebuilds.")] = False


class PageOut(Arguments):
    """Release pages or notes; they leave at the next rebuild."""

    locators: Annotated[list[str], Meta(description="What to release.")]


class WriteNote(Arguments):
    """Write down what you found; notes survive rebuilds."""

    text: Annotated[str, Meta(description="The finding, its words copied exactly.")]
    sources: Annotated[list[str], Meta(description="Locators it came from.")]
    replaces: Annotated[str, Meta(description="A note, such as N2.")] = ""


class Recall(Arguments):
    """Search this run's past: notes paged out, calls, pages read."""

    query: _Query


class RecallSaid(Arguments):
    """Search everything said before, in this and earlier sessions, and what was remembered. Its
    results are read with page_in T12 or M3, and cited as pages are."""

    query: Annotated[str, Meta(description="What to look for; empty for the newest.")] = ""
    since: Annotated[str, Meta(description="First day, such as 2026-05-31 or 2026-05.")] = ""
    until: Annotated[str, Meta(description="Last day.")] = ""
    page: _ResultPage = 1


_Block = Annotated[str, Meta(description="Name of a block of core memory.")]
_From = Annotated[list[str], Meta(description="Locators it came from, such as T12 or D3:p45.")]


class CoreAppend(Arguments):
    """Add a line to core memory, which is before you in every later turn."""

    block: _Block
    text: Annotated[str, Meta(description="The line.")]
    sources: _From


class CoreReplace(Arguments):
    """Correct or take out a part of core memory."""

    block: _Block
    old: Annotated[str, Meta(description="What stands there, copied exactly.")]
    new: Annotated[str, Meta(description="What is to stand there; empty to take it out.")]
    sources: _From


class ArchiveMemory(Arguments):
    """Keep something for good outside of main context; recall finds it."""

    text: Annotated[str, Meta(description="What to remember, to be understood by itself.")]
    sources: _From
    replaces: Annotated[
        list[str], Meta(description="Memories that it makes out of date, such as M3.")
    ] = []


class CitationArguments(Arguments):
    """A quote and its place."""

    locator: Annotated[str, Meta(description="Where the quote stands.")]
    quote: Annotated[str, Meta(description="Copied exactly.")]


class AnswerArguments(Arguments):
    """Give the final answer and end."""

    text: Annotated[str, Meta(description="The answer, short.")]
    citations: Annotated[list[CitationArguments], Meta(description="What supports it.")]
    found: Annotated[bool, Meta(description="False if the documents do not say.")] = True


ARGUMENTS: Mapping[str, type[Arguments]] = {
    "search": Search,
    "grep": Grep,
    "contents": Contents,
    "page_in": PageIn,
    "view_page": ViewPage,
    "page_out": PageOut,
    "write_note": WriteNote,
    "recall": Recall,
    "answer": AnswerArguments,
}
"""By the function's name, in the order in which functions are offered."""

CHAT_ARGUMENTS: Mapping[str, type[Arguments]] = {
    **{name: kind for name, kind in ARGUMENTS.items() if name != "answer"},
    "recall": RecallSaid,
    "core_append": CoreAppend,
    "core_replace": CoreReplace,
    "archive_memory": ArchiveMemory,
    "answer": AnswerArguments,
}
"""The same of a chat."""

_SHOWN = ("type", "items", "description", "properties", "required")
"""What of a JSON Schema the model reads, in this order: requests begin with it, so one byte more
would make every cached prompt and recorded request a different one."""


_BEYOND_SMALL = frozenset({"grep", "contents", "page_out", "recall", "pin", "replaces", "page"})
"""Functions and parameters that the small set does without."""
_FINDING = frozenset({"search", "grep", "contents"})
_REMEMBERING = frozenset({"recall", "replaces"})


def functions_for(
    *,
    notes: bool = True,
    pins: bool = True,
    small: bool = False,
    pictures: bool = False,
    chat: bool = False,
    documents: bool = True,
) -> tuple[FunctionSchema, ...]:
    """The functions of a run, in their fixed order; ablations leave out notes or pins.

    The `small` set is search, page_in, write_note and answer, and in a `chat` what remembers;
    `pictures` adds view_page. A chat without `documents` does without what finds them.
    """
    left_out = {*([] if notes else ["write_note"]), *([] if pins else ["pin"])}
    left_out |= _BEYOND_SMALL - (_REMEMBERING if chat else frozenset()) if small else frozenset()
    left_out |= set() if pictures else {"view_page"}
    left_out |= frozenset() if documents else _FINDING
    return tuple(
        FunctionSchema(name, " ".join(str(arguments.__doc__).split()), _schema(arguments, left_out))
        for name, arguments in (CHAT_ARGUMENTS if chat else ARGUMENTS).items()
        if name not in left_out
    )


def _schema(arguments: type[Arguments], left_out: Collection[str]) -> dict[str, Any]:
    """JSON Schema as the model is told of it, without bounds, defaults and references."""
    (_, *_), components = msgspec.json.schema_components([arguments])
    shown = _shown(components[arguments.__name__], components)
    shown["properties"] = {k: v for k, v in shown["properties"].items() if k not in left_out}
    return shown


def _shown(schema: Mapping[str, Any], components: Mapping[str, Any]) -> dict[str, Any]:
    if reference := schema.get("$ref"):
        schema = components[reference.rpartition("/")[2]]
    shown = {key: schema[key] for key in _SHOWN if key in schema}
    if "items" in shown:
        shown["items"] = _shown(shown["items"], components)
    if "properties" in shown:
        shown.pop("description", None)  # a docstring: of the function, or for people
        properties = shown["properties"].items()
        shown["properties"] = {name: _shown(part, components) for name, part in properties}
    return shown


_QUOTED = re.compile(r'"([^"\n]{2,})"|“([^”\n]{2,})”|«([^»\n]{2,})»')
_NOT_FOUND = re.compile(r"\s*(?:\*\*)?not found\b", re.IGNORECASE)


_LABEL = re.compile(r"^\s*(?:\*\*)?answer(?:\*\*)?:(?:\*\*)?\s*", re.IGNORECASE | re.MULTILINE)

_UNFILLED = re.compile(r"^\s*(?:\.\.\.|…)\s*$", re.MULTILINE)
"""The dots that stand for an answer in what is asked, copied."""

_BARE_LOCATORS = re.compile(r"(?:[ \t]*\[[DTM]\d[\w:.\-]*\])+[ \t]*(?=[.!]?$)", re.MULTILINE)


def parse_plain_answer(
    text: str, labelled: bool = False, *, said: bool = False, bare: bool = True
) -> dict[str, Any]:
    """Arguments of `answer` that say the same as `text`; in a chat what was `said` is cited too.

    A citation is a locator and the nearest quoted words on its line, as in
    `[D3:p45] "exact quote"`; lines that hold nothing else are not part of the answer's text.
    Where it may be `labelled`, an `Answer:` before it is none of its words, and quotes alone are an
    answer in their words. Unless they may stand `bare`, locators that end a line are none either:
    beside no quote they are mostly that of the example.
    """
    if labelled:
        text = _LABEL.sub("", text).strip()
        text = _UNFILLED.sub("", text).strip()
        text = re.sub(r"\[(D\d+:c\d+) p\d+\]", r"[\1]", text)
    citations: list[dict[str, str]] = []
    kept: list[str] = []
    for line in text.splitlines():
        found = _citations(line, said=said)
        citations += found
        if not (found and _is_citation_line(line)):
            kept.append(line)
    answer = "\n".join(kept).strip()
    if not bare:
        answer = _BARE_LOCATORS.sub("", answer).strip()
    found_flag = not _NOT_FOUND.match(answer)
    if labelled and not answer:
        answer = " … ".join(citation["quote"] for citation in citations)
    return {"text": answer or text.strip(), "citations": citations, "found": found_flag}


def _citations(line: str, *, said: bool) -> list[dict[str, str]]:
    quotes = [(match.start(), _inner(match)) for match in _QUOTED.finditer(line)]
    places = [
        (at, found)
        for found, at, _ in find_locators(line, said=said)
        if found.kind is not LocatorKind.NOTE
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
        re.match(r'\s*(?:[-*\d.)]+\s*)?\[?[DTM]\d[\w:.\-]*\]?:?\s*["“«].*["”»]\s*\.?\s*$', line)
        is not None
    )
