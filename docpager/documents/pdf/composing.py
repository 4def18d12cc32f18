"""Puts the text of a page together from pdfium's characters and what must be put otherwise."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from docpager.documents.pdf.annotations import Additions
from docpager.documents.pdf.layout import SPACE, OffsetLine

__all__ = ["Composed", "composed", "unchanged"]

_SPACES = re.compile(" {2,}")
Span = tuple[int, int]
"""Offsets of a line's first and last character in pdfium's text."""


@dataclass(frozen=True, slots=True)
class Composed:
    """The text of a page, not yet tidied."""

    text: str
    spans: list[Span | None]
    """Where each line of `text` comes from; None where it is not from pdfium's text."""


def unchanged(raw: str) -> Composed:
    """pdfium's text as it is."""
    spans: list[Span | None] = []
    start = 0
    for line in raw.split("\n"):
        length = len(line.rstrip())
        spans.append((start, start + length - 1) if length else None)
        start += len(line) + 1
    return Composed(raw, spans)


def composed(
    raw: str,
    *,
    order: Sequence[OffsetLine] | None,
    changes: Mapping[int, str],
    without: Collection[int],
    additions: Additions,
) -> Composed:
    """The lines in `order`, or as pdfium has them, with changes, less what is left out.

    A change of a line end joins two lines, where pdfium's order is kept.
    """
    texts: list[str] = []
    spans: list[Span | None] = []
    for whole in order if order is not None else _kept_lines(raw, changes):
        line = [at for at in whole if at not in without]
        if additions or SPACE in line:
            written = [_written(raw, at, changes, additions) for at in line]
        else:
            written = [changes.get(at, raw[at]) for at in line]
        text = _SPACES.sub(" ", "".join(written))
        own = [at for at in line if at != SPACE and not raw[at].isspace()]
        if len(line) < len(whole):
            text = text.strip(" ")
        if own or len(line) == len(whole):
            for n, part in enumerate(text.split("\n")):
                texts.append(part)
                spans.append((own[0], own[-1]) if own and not n else None)
    for note in additions.at_end:
        for part in note.split("\n"):
            texts.append(part)
            spans.append(None)
    return Composed("\n".join(texts), spans)


def _kept_lines(raw: str, changes: Mapping[int, str]) -> list[OffsetLine]:
    """pdfium's lines; a line end that a change takes away is a character of its line."""
    lines: list[OffsetLine] = [[]]
    for at, mark in enumerate(raw):
        if mark not in "\r\n" or at in changes:
            lines[-1].append(at)
        elif mark == "\n" or raw[at + 1 : at + 2] != "\n":
            lines.append([])
    return lines


def _written(raw: str, at: int, changes: Mapping[int, str], additions: Additions) -> str:
    if at == SPACE:
        return " "
    text = changes.get(at, raw[at])
    if not additions:
        return text
    return additions.before.get(at, "") + text + additions.after.get(at, "")
