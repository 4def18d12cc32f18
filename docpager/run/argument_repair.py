"""Takes arguments that are nearly right: small models know what they want, not how it is written.

A call is mended before it is executed; what its reply said stays as it was said. Only form is
mended (`"D1, D2"` for a list, `[D3:c120 p45]` for a locator), never what is looked for. What had to
be left out is told to the model in a remark.
"""

from __future__ import annotations

import contextlib
import fnmatch
import json
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from docpager.core.errors import UsageError
from docpager.core.locators import LocatorKind, find_locators, parse_locator
from docpager.core.passages import DocumentEntry
from docpager.models.messages import FunctionSchema, ToolCall
from docpager.paging.epoch import canonical_json
from docpager.paging.rendering import one_line

__all__ = ["MendedCall", "documents_named", "repair"]

_ALIASES: Mapping[str, tuple[str, ...]] = {
    "query": ("q", "text", "keywords", "pattern", "question"),
    "pattern": ("regex", "query", "text"),
    "documents": ("document", "docs", "paths", "path", "files", "file"),
    "locator": ("locators", "location", "passage", "id", "page"),
    "locators": ("locator", "pages"),
    "text": ("note", "content", "answer"),
    "sources": ("source", "locators", "locator"),
    "citations": ("citation", "sources", "evidence"),
    "quote": ("text", "passage", "content"),
}
"""By parameter: names that stand for it where it is missing."""

_LOCATORS = frozenset({"locator", "locators", "sources"})
_EVERYTHING = frozenset({"", ".", "./", "/", "*", "all", "any", "none", "null"})
"""What is written for `documents` where all are meant."""


class MendedCall(NamedTuple):
    """A call to execute, and what to tell the model of it."""

    call: ToolCall
    remark: str = ""
    """Empty where nothing that was asked for is missing."""


def repair(call: ToolCall, functions: Sequence[FunctionSchema]) -> MendedCall:
    """The call as it was most probably meant; one that cannot be mended stays for the executor."""
    schema = next((each.parameters for each in functions if each.name == call.name), None)
    if schema is None:
        return MendedCall(call)
    arguments, left_out = _object(dict(call.arguments), schema)
    if call.name == "answer":
        arguments.setdefault("citations", [])
    if canonical_json(arguments) == canonical_json(call.arguments):  # 2.0 equals 2, and is no page
        return MendedCall(call)
    remark = ""
    if left_out:
        names = one_line(", ".join(map(str, left_out)), limit=60)
        remark = f"[run] {call.name} has no {names}: left out."
    return MendedCall(ToolCall(call.id, call.name, arguments), remark)


def _object(
    given: Mapping[str, Any], schema: Mapping[str, Any]
) -> tuple[dict[str, Any], list[str]]:
    """The arguments under their own names and in their own types, and those that have no use."""
    properties, required = schema["properties"], schema["required"]
    rest = {name: value for name, value in given.items() if value is not None}
    arguments = {name: rest.pop(name) for name in list(rest) if name in properties}
    for name in properties:
        if name in arguments or (name not in required and name != "documents"):
            continue
        alias = next((each for each in _ALIASES.get(name, ()) if each in rest), None)
        if alias is not None:
            arguments[name] = rest.pop(alias)
    return {n: _value(n, v, properties[n]) for n, v in arguments.items()}, list(rest)


def _value(name: str, value: Any, schema: Mapping[str, Any]) -> Any:
    match schema["type"]:
        case "string":
            return _string(name, value)
        case "integer":
            return _integer(value)
        case "boolean":
            return _boolean(value)
        case "array":
            return [_item(name, each, schema["items"]) for each in _items(name, value)]
    return value


def _string(name: str, value: Any) -> Any:
    while isinstance(value, list | tuple) and len(value) == 1 and value[0] is not None:
        value = value[0]
    if isinstance(value, int | float) and not isinstance(value, bool):
        value = str(value)
    return _locator(value) if name in _LOCATORS and isinstance(value, str) else value


def _integer(value: Any) -> Any:
    """A page of results; what is below the first is the first."""
    if isinstance(value, str) and re.fullmatch(r"\s*-?\d{1,9}\s*", value):
        value = int(value)
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return max(1, value) if isinstance(value, int) and not isinstance(value, bool) else value


def _boolean(value: Any) -> Any:
    said = str(value).strip().lower()
    return {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}.get(
        said, value
    )


def _items(name: str, value: Any) -> list[Any]:
    """A list, of what was given as one thing or as a list written down."""
    if isinstance(value, str) and value.strip()[:1] in ("[", "{"):
        # Else a locator in brackets, or text that happens to begin so.
        with contextlib.suppress(ValueError, RecursionError):
            value = json.loads(value)
    if isinstance(value, list | tuple):
        return list(value)
    if isinstance(value, str):
        return _split(name, value)
    return [value]


def _split(name: str, text: str) -> list[Any]:
    """`D1, D2` as two; a path with a comma is one."""
    pieces = [piece.strip() for piece in re.split(r"[,;]", text.strip().strip("[]"))]
    several = len(pieces) > 1 and all(_is_locator(_locator(piece)) for piece in pieces)
    if name == "citations":
        return [text] if text.strip() else []
    return [piece for piece in (pieces if several else [text]) if piece.strip()]


def _item(name: str, value: Any, schema: Mapping[str, Any]) -> Any:
    if schema["type"] != "object":
        return _string(name, value)
    if isinstance(value, str):
        value = _citation(value)
    return _object(value, schema)[0] if isinstance(value, dict) else value


def _citation(text: str) -> Any:
    """`[D3:p45] "exact quote"` as its two parts; other text as it is."""
    places = find_locators(text)
    if not places:
        return text
    locator, start, end = places[0]
    quote = f"{text[:start]}{text[end:]}".strip(" []:\n").strip("\"“”«»'")
    return {"locator": str(locator), "quote": quote}


def _is_locator(text: str) -> bool:
    try:
        parse_locator(text)
    except UsageError:
        return False
    return True


def _locator(text: str) -> str:
    """A locator without what main context shows around one: brackets, spaces, a page, a path.

    >>> _locator("[D3:c120 p45]")
    'D3:c120'
    >>> _locator("D1: C3 – 5")
    'D1:c3-5'
    """
    if _is_locator(text):
        return text
    tight = re.sub(r"\s*([:–—-])\s*", r"\1", text.strip()).translate({0x2013: "-", 0x2014: "-"})
    tight = re.sub(r"\b([dn])(\d)", lambda m: m[1].upper() + m[2], tight, flags=re.IGNORECASE)
    tight = re.sub(r":([pcs])(\d)", lambda m: f":{m[1].lower()}{m[2]}", tight, flags=re.IGNORECASE)
    tight = re.sub(r"[:\s](?:pages?|pp?\.)\s*(\d)", r":p\1", tight, flags=re.IGNORECASE)
    tight = re.sub(r"^(D\d+)\s+([pcs]\d)", r"\1:\2", tight)
    found = find_locators(tight)
    if not found:
        return text
    first, start, _ = found[0]
    # Words before it make it a sentence about a place, unless they only open a bracket.
    return text if tight[:start].strip("[(\"'` ") else str(first)


def documents_named(
    names: Sequence[str], entries: Sequence[DocumentEntry]
) -> tuple[frozenset[int] | None, str]:
    """The documents that `names` mean, None for all of `entries`, and a remark on unknown names.

    A name is a D-number, a path, a glob, a title, a folder, or, where it is none of these, a part
    of a path or of a title. Unknown names are left out: a search in too many documents finds what
    was looked for, a refusal does not.
    """
    wanted = [name.strip() for name in names]
    wanted = [name for name in wanted if name.lower() not in _EVERYTHING]
    found: set[int] = set()
    unknown = []
    for name in wanted:
        some = _documents(name, entries)
        found.update(some)
        unknown += [name] if not some else []
    if not unknown:
        return (frozenset(found) if found else None), ""
    said = one_line(", ".join(unknown), limit=80)
    where = "only the others were searched" if found else "all documents were searched"
    return (frozenset(found) if found else None), f"no document {said!r}: {where}."


def _documents(name: str, entries: Sequence[DocumentEntry]) -> list[int]:
    """Those that the most exact reading of `name` means."""
    number = _document_number(name)
    bare = name.removeprefix("./").rstrip("/")
    folded = bare.casefold()
    readings: tuple[Callable[[DocumentEntry], bool], ...] = (
        lambda entry: entry.name == name.partition(":")[0],
        # Before globs: `a[1].pdf` and `*.txt` may be files of that very name.
        lambda entry: any(f"/{path}".endswith(f"/{bare}") for path in entry.paths),
        lambda entry: name == entry.title or any(_matches(path, name) for path in entry.paths),
        lambda entry: entry.id == number or any(_matches(path, bare) for path in entry.paths),
        lambda entry: any(path.startswith(f"{bare}/") for path in entry.paths),
        lambda entry: any(folded in path.casefold() for path in entry.paths),
        lambda entry: folded in (entry.title or "").casefold(),
    )
    # One or two letters stand in nearly every path and mean none of them.
    for reading in readings if len(bare) > 2 else readings[:5]:
        if some := [entry.id for entry in entries if reading(entry)]:
            return some
    return []


def _document_number(name: str) -> int | None:
    locator = _locator(name)
    if not _is_locator(locator):
        return None
    parsed = parse_locator(locator)
    return None if parsed.kind is LocatorKind.NOTE else parsed.number


def _matches(path: str, pattern: str) -> bool:
    name = path.rpartition("/")[2]
    return fnmatch.fnmatchcase(path, pattern) or fnmatch.fnmatchcase(name, pattern)
