"""Regular expressions by RE2 over whole documents, so that no border hides a match."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any, NamedTuple

from docpager.archive.generation_reader import Generation
from docpager.archive.manifest import DocumentRecord
from docpager.archive.segment import Segment
from docpager.errors import UsageError
from docpager.pages import Hit

__all__ = ["GrepPage", "Match", "find_matches", "tolerant"]

_BATCH_PASSAGES = 8192
"""Passages joined at a time, about 9 MB of text; a document is never split."""
_SPACES = re.compile(r"\\.|\[(?:\\.|\[:\w+:\]|[^\]\\])+\]|(?P<spaces> +)(?![*+?{])", re.DOTALL)
# Noncharacters, which Unicode keeps out of exchanged text; the first pair not in the text is used.
_MARKS = [(chr(0xFDD0 + n), chr(0xFDD1 + n)) for n in range(0, 32, 2)]


@dataclass(frozen=True, slots=True)
class GrepPage:
    """One page of a pattern's results: a hit per passage in which a match begins, in order."""

    hits: tuple[Hit, ...]
    total: int
    """Passages in which a match begins."""
    matches: int
    """Matches in all of them."""
    page: int
    pages: int


class Match(NamedTuple):
    """A passage in which matches begin."""

    document: int
    ordinal: int
    start: int
    """Offset of the first match in the document's text."""
    end: int
    matches: int


def tolerant(pattern: str) -> str:
    """The pattern with literal spaces standing for any whitespace, and ^ and $ for line borders.

    >>> tolerant("net sales")
    '(?m)net\\\\s+sales'
    """
    return "(?m)" + _SPACES.sub(lambda m: r"\s+" if m["spaces"] else m[0], pattern)


def find_matches(
    pattern: str, generation: Generation, records: Sequence[DocumentRecord]
) -> Iterator[Match]:
    """The passages in which a match begins, in reading order; empty matches do not count.

    Raises:
        UsageError: RE2 does not know the pattern.
    """
    import pyarrow.compute as pc

    expression = tolerant(pattern)
    _check(pattern, expression)
    for batch in _batches(records):
        texts = _joined(generation.segments[batch[0].segment], batch)
        chosen = pc.indices_nonzero(pc.match_substring_regex(texts, expression))
        texts = texts.take(chosen)
        marks = next((m for m in _MARKS if not _contains(texts, m)), _MARKS[0])
        marked = pc.replace_substring_regex(
            texts, pattern=f"({expression})", replacement=f"{marks[0]}\\0{marks[1]}"
        )
        for index, text in zip(chosen.to_pylist(), marked, strict=True):
            record = batch[index]
            segment = generation.segments[record.segment]
            starts = segment.starts[record.first_row : record.first_row + record.passages]
            yield from _by_passage(record.id, _spans(str(text), marks), starts.tolist())


def _check(pattern: str, expression: str) -> None:
    import pyarrow as pa
    import pyarrow.compute as pc

    try:
        pc.match_substring_regex(pa.array([""]), expression)
    except pa.ArrowInvalid as error:
        reason = str(error).removeprefix("Invalid regular expression: ").split(": ")[0]
        raise UsageError(
            f"{pattern!r} is no RE2 pattern ({reason}); "
            "put a backslash before ( ) [ ] . * + ? to find them as they are"
        ) from None


def _batches(records: Sequence[DocumentRecord]) -> Iterator[list[DocumentRecord]]:
    """Documents that stand together in a segment, some megabytes at a time."""
    batch: list[DocumentRecord] = []
    size = 0
    for record in records:
        follows = batch and (record.segment, record.first_row) == (
            batch[-1].segment,
            batch[-1].first_row + batch[-1].passages,
        )
        if batch and (not follows or size + record.passages > _BATCH_PASSAGES):
            yield batch
            batch, size = [], 0
        batch.append(record)
        size += record.passages
    if batch:
        yield batch


def _joined(segment: Segment, batch: Sequence[DocumentRecord]) -> Any:
    """The texts of documents that stand together, as an Arrow array."""
    import pyarrow as pa
    import pyarrow.compute as pc

    first = batch[0].first_row
    offsets = [record.first_row - first for record in batch]
    offsets.append(offsets[-1] + batch[-1].passages)
    passages = segment.table.column("text").slice(first, offsets[-1]).combine_chunks()
    return pc.binary_join(pa.ListArray.from_arrays(offsets, passages), "")


def _contains(texts: Any, marks: tuple[str, str]) -> bool:
    import pyarrow.compute as pc

    return any(pc.any(pc.match_substring(texts, mark)).as_py() for mark in marks)


def _spans(marked: str, marks: tuple[str, str]) -> Iterator[tuple[int, int]]:
    """Where the marked stretches begin and end in the text without marks."""
    before, *rest = marked.split(marks[0])
    position = len(before)
    for part in rest:
        found, _, after = part.partition(marks[1])
        if found:
            yield position, position + len(found)
        position += len(found) + len(after)


def _by_passage(
    document: int, spans: Iterator[tuple[int, int]], starts: Sequence[int]
) -> Iterator[Match]:
    for index, group in groupby(spans, key=lambda span: bisect_right(starts, span[0])):
        (start, end), *others = group
        yield Match(document, index, start, end, 1 + len(others))
