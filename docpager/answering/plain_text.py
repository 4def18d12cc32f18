"""A reply in plain text as an answer: its citations are parsed out of it."""

from __future__ import annotations

import re
from typing import Any

from docpager.core.locators import LocatorKind, find_locators

__all__ = ["parse_plain_answer"]

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
