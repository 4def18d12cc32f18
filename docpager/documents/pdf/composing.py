"""Puts the text of a page together from pdfium's characters and what must be put otherwise."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass

from docpager.documents.pdf.annotations import Additions
from docpager.documents.pdf.layout import SPACE, OffsetLine

__all__ = ["Composed", "composed", "unchanged"]

_SPACES = re.compile(" {2,}")
_LINE_END = re.compile(r"\r?\n|\r")
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
    for part in order if order is not None else _parts(raw, changes, without, additions):
        if isinstance(part, range):
            text = raw[part.start : part.stop]
            texts.append(_SPACES.sub(" ", text))
            spans.append(_inked(part.start, text))
            continue
        line = [at for at in part if at not in without]
        if additions or SPACE in line:
            written = [_written(raw, at, changes, additions) for at in line]
        else:
            written = [changes.get(at, raw[at]) for at in line]
        text = _SPACES.sub(" ", "".join(written))
        own = [at for at in line if at != SPACE and not raw[at].isspace()]
        if len(line) < len(part):
            text = text.strip(" ")
        if own or len(line) == len(part):
            for n, piece in enumerate(text.split("\n")):
                texts.append(piece)
                spans.append((own[0], own[-1]) if own and not n else None)
    for note in additions.at_end:
        for piece in note.split("\n"):
            texts.append(piece)
            spans.append(None)
    return Composed("\n".join(texts), spans)


def _inked(start: int, line: str) -> Span | None:
    """The first and the last character of a line that leave a mark."""
    length = len(line.rstrip())
    return (start + len(line) - len(line.lstrip()), start + length - 1) if length else None


def _parts(
    raw: str, changes: Mapping[int, str], without: Collection[int], additions: Additions
) -> Iterator[OffsetLine | range]:
    """pdfium's lines; those in which nothing is put otherwise, as most are, as a range of offsets.

    A line end that a change takes away is a character of its line.
    """
    touched = {*changes, *without, *additions.before, *additions.after}
    start = 0
    for end in _LINE_END.finditer(raw):
        if touched.isdisjoint(range(*end.span())):
            yield from _lines(raw, range(start, end.start()), changes, touched)
            start = end.end()
    yield from _lines(raw, range(start, len(raw)), changes, touched)


def _lines(
    raw: str, part: range, changes: Mapping[int, str], touched: Set[int]
) -> Iterable[OffsetLine | range]:
    """The lines between two line ends that stay as they are."""
    if touched.isdisjoint(part):
        return [part]
    lines: list[OffsetLine] = [[]]
    for at in part:
        mark = raw[at]
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
