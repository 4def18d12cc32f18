"""Regular expressions by RE2 over whole documents, so that no border hides a match."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any, NamedTuple

from docpager.archive.analyzer import UNSPACED
from docpager.archive.manifest import DocumentRecord
from docpager.archive.segment import Segment
from docpager.archive.snapshot import Snapshot
from docpager.core.errors import UsageError
from docpager.core.passages import Hit

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Spans = tuple[NDArray[np.int64], NDArray[np.int64]]

__all__ = ["GrepPage", "Match", "find_matches", "tolerant"]

_BATCH_PASSAGES = 8192
"""Passages joined at a time, about 9 MB of text; a document is never split."""
_PIECES = re.compile(
    r"(?P<quoted>\\Q(?P<literal>.*?)(?:\\E|\Z))|\\x\{(?P<code>[0-9A-Fa-f]{1,6})\}"
    r"|\\[pP]\{\^?\w+\}|(?P<escape>\\.)|(?P<class>\[\^?\]?(?:\\.|\[:\^?\w+:\]|[^\]\\])*\])"
    rf"|(?P<spaces>[ ]+)(?![*+?{{])|(?P<run>[{UNSPACED}](?=[{UNSPACED}]))",
    re.DOTALL,
)
# RE2 knows ASCII alone by these names. What they stand for inside of a character class:
_OF_CLASS = {
    r"\w": r"\p{L}\p{M}\p{Nd}\p{Nl}\p{Pc}",
    r"\d": r"\p{Nd}",
    r"\s": r"\s\x0b\x{85}\p{Z}",
    r"\D": r"\P{Nd}",
}
_ESCAPES = {
    **{name: f"[{members}]" for name, members in _OF_CLASS.items()},
    r"\W": "[^" + _OF_CLASS[r"\w"] + "]",
    r"\S": "[^" + _OF_CLASS[r"\s"] + "]",
}
_LINE_END = r"(?:[ \t\r]*\n[ \t\x{3000}]*)?"
"""What may stand between two characters of a script without spaces: the end of a line."""
_CODE = re.compile(r"\\x\{([0-9A-Fa-f]{1,6})\}")
_BEYOND_ASCII = "|".join(rf"[^\x00-\x7f\P{{{kind}}}]" for kind in "LMN")
"""Letters, marks and digits that RE2's `\\b` takes for punctuation."""
_SECONDS = 5.0
"""Of processor time, which is what `regex` counts."""
_PLAIN = re.compile(r"[^\s\\.+*?()|\[\]{}^$]+")
_NOT_ASCII = 0x80
# Noncharacters, which Unicode keeps out of exchanged text; the first pair not in the text is used.
_MARKS = [(chr(0xFDD0 + n), chr(0xFDD1 + n)) for n in range(0, 32, 2)]
_OTHER = chr(0xFDD0)


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
    r"""The pattern as people mean it: literal spaces stand for any white space, ^ and $ for line
    borders, `\w`, `\d` and `\s` for what Unicode calls so; between two characters of a script
    without spaces, a line may end.

    >>> tolerant("net sales"), tolerant(r"[\d.]+")
    ('(?m)net[\\s\\x0b\\x{85}\\p{Z}]+sales', '(?m)[\\p{Nd}.]+')
    """
    return "(?m)" + _PIECES.sub(_meant, pattern)


def _meant(piece: re.Match[str]) -> str:
    if piece["quoted"]:
        return re.escape(piece["literal"])
    if piece["code"]:
        return piece[0]
    if piece["spaces"]:
        return _ESCAPES[r"\s"] + "+"
    if piece["run"]:
        return piece["run"] + _LINE_END
    if piece["class"]:
        return re.sub(r"\\.", lambda inner: _OF_CLASS.get(inner[0], inner[0]), piece[0])
    return _ESCAPES.get(piece[0], piece[0])


def find_matches(
    pattern: str,
    generation: Snapshot,
    records: Sequence[DocumentRecord],
    *,
    checkpoint: Callable[[], None] | None = None,
) -> Iterator[Match]:
    """The passages in which a match begins, in reading order; empty matches do not count.

    RE2 finds them, but for what is ASCII alone to it (`\\b`, `\\B`, `\\W` in a class): with these,
    texts with other letters are left to `regex`, for five seconds of the processor at most.

    Raises:
        UsageError: RE2 does not know the pattern, or it takes too long.
    """
    import pyarrow.compute as pc

    expression = tolerant(pattern)
    _check(pattern, expression)
    # A pattern without its borders matches wherever it matches with them, and elsewhere.
    wide = _PIECES.sub(_widened, expression)
    otherwise = _with_unicode(pattern, expression) if wide != expression else None
    plain = _PLAIN.fullmatch(pattern) and expression == f"(?m){pattern}"
    for batch in _batches(records):
        if checkpoint is not None:
            checkpoint()
        segment = generation.segments[batch[0].segment]
        texts = _joined(segment, batch)
        chosen = pc.match_substring_regex(texts, wide).to_numpy(zero_copy_only=False)
        left = chosen & False
        if otherwise and chosen.any():
            beyond = pc.match_substring_regex(texts, _BEYOND_ASCII)
            left = chosen & beyond.to_numpy(zero_copy_only=False)
            chosen = chosen & ~left
        found: list[Match] = []
        if chosen.any():
            text = _Text(texts.filter(chosen))
            spans = text.find(pattern) if plain else _spans(text, expression)
            found += _by_passage(spans, _Rows.of(segment, batch, chosen), text)
        if otherwise and left.any():
            text = _Text(texts.filter(left))
            found += _by_passage(otherwise(text), _Rows.of(segment, batch, left), text)
            order = {record.id: n for n, record in enumerate(batch)}
            found.sort(key=lambda match: (order[match.document], match.ordinal))
        yield from found


def _widened(piece: re.Match[str]) -> str:
    if piece["class"]:
        return r"[\x{0}-\x{10ffff}]" if r"\W" in piece["class"] else piece[0]
    return "(?:)" if piece["escape"] in (r"\b", r"\B") else piece[0]


def _with_unicode(pattern: str, expression: str) -> Callable[[_Text], Spans]:
    """Finds what RE2 would find if all of its names had their Unicode meaning."""
    import regex

    deadline = time.process_time() + _SECONDS
    wanted = _CODE.sub(lambda code: re.escape(chr(int(code[1], 16))), expression)
    try:
        compiled = regex.compile(wanted)
    except regex.error as error:
        raise UsageError(
            f"{pattern!r} has \\b, \\B or [\\W], which go only with what `regex` knows, too "
            f"({error}); leave them out, or write the rest in another way"
        ) from None

    def find(text: _Text) -> Spans:
        try:
            return text.spans(
                lambda each: compiled.finditer(
                    each, timeout=max(0.001, deadline - time.process_time())
                )
            )
        except TimeoutError:
            raise UsageError(
                f"{pattern!r} takes more than {_SECONDS:.0f} seconds; repeat less in it, or leave "
                "out \\b, \\B and [\\W]"
            ) from None

    return find


def _check(pattern: str, expression: str) -> None:
    import pyarrow as pa
    import pyarrow.compute as pc

    try:
        pc.match_substring_regex(pa.array([""]), expression)
    except pa.ArrowInvalid as error:
        reason = str(error).removeprefix("Invalid regular expression: ").split(": ")[0]
        raise UsageError(
            f"{pattern!r} is not a valid RE2 pattern ({reason}); "
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


class _Text:
    """The texts of some documents as one stretch of bytes."""

    def __init__(self, texts: Any) -> None:
        import numpy as np

        self.array = texts
        _, offsets, content = texts.buffers()
        first = texts.offset
        self.offsets = np.frombuffer(offsets, np.int32)[first : first + len(texts) + 1]
        """Where each text begins, and where the last one ends."""
        self.content = np.frombuffer(content or b"", np.uint8)[: self.offsets[-1]]

    def find(self, wanted: str) -> Spans:
        """Where a plain string begins and ends, as bytes; never across two texts."""
        import numpy as np

        content, needle = self.content.tobytes(), wanted.encode()
        begins = []
        for begin, end in pairwise(self.offsets.tolist()):
            at = content.find(needle, begin, end)
            while at >= 0:
                begins.append(at)
                at = content.find(needle, at + len(needle), end)
        found = np.array(begins, dtype=np.int64)
        return found, found + len(needle)

    def spans(self, matches: Callable[[str], Iterator[Any]]) -> Spans:
        """Where the matches in each text begin and end, as bytes."""
        import numpy as np

        begins: list[int] = []
        ends: list[int] = []
        for base, each in zip(self.offsets.tolist(), self.array.to_pylist(), strict=False):
            last = 0
            for match in matches(each):
                for places, at in ((begins, match.start()), (ends, match.end())):
                    base += len(each[last:at].encode())
                    places.append(base)
                    last = at
        return np.array(begins, dtype=np.int64), np.array(ends, dtype=np.int64)

    def characters(self, places: NDArray[np.int64]) -> NDArray[np.int64]:
        """How many characters stand before each of these bytes."""
        import numpy as np

        if not len(self.content) or self.content.max() < _NOT_ASCII:
            return places
        begins = np.append((self.content & 0xC0) != _NOT_ASCII, False).view(np.uint8)
        distinct, which = np.unique(np.append(places, 0), return_inverse=True)
        between = np.add.reduceat(begins, distinct, dtype=np.int64)[:-1]
        before: NDArray[np.int64] = np.append(0, between.cumsum())[which[:-1]]
        return before

    def places(self, mark: str) -> NDArray[np.int64]:
        """The bytes at which a mark begins."""
        import numpy as np

        first, second, third = mark.encode()
        found = np.flatnonzero(self.content[:-2] == first).astype(np.int64)
        follows = (self.content[found + 1] == second) & (self.content[found + 2] == third)
        places: NDArray[np.int64] = found[follows]
        return places


class _Rows(NamedTuple):
    """The passages of some documents that stand together, in order."""

    document: NDArray[np.int64]
    """By passage: which of the documents it belongs to, counted from 0."""
    id: NDArray[np.int64]
    ordinal: NDArray[np.int64]
    start: NDArray[np.int64]
    """Offset in the document's text."""

    @classmethod
    def of(
        cls, segment: Segment, batch: Sequence[DocumentRecord], chosen: NDArray[np.bool_]
    ) -> _Rows:
        """The passages of the `chosen` documents of a batch."""
        import numpy as np

        passages = np.array([record.passages for record in batch])
        rows = segment.starts[batch[0].first_row : batch[0].first_row + passages.sum()]
        ordinals = np.arange(1, len(rows) + 1) - np.repeat(passages.cumsum() - passages, passages)
        wanted = np.repeat(chosen, passages)
        ids = np.array([record.id for record in batch])[chosen]
        document = np.repeat(np.arange(len(ids)), passages[chosen])
        return cls(document, ids[document], ordinals[wanted], rows[wanted])


def _spans(text: _Text, expression: str) -> Spans:
    """Where matches begin and end, as bytes of all texts one after the other."""
    import numpy as np
    import pyarrow.compute as pc

    texts = text.array
    free = (marks for marks in _MARKS if not any(text.places(mark).size for mark in marks))
    before, after = marks = next(free, _MARKS[-1])
    if any(text.places(mark).size for mark in marks):
        texts = pc.replace_substring_regex(texts, pattern=f"[{before}{after}]", replacement=_OTHER)
    # Marks around each match tell where it is: Arrow by itself gives the first of a text only.
    marked = pc.replace_substring_regex(
        texts, pattern=f"({expression})", replacement=f"{before}\\0{after}"
    )
    begins, ends = (_Text(marked).places(mark) for mark in (before, after))
    number = np.arange(len(begins)) * len((before + after).encode())
    return begins - number, ends - number - len(before.encode())


def _by_passage(spans: Spans, rows: _Rows, text: _Text) -> Iterator[Match]:
    import numpy as np

    begins, ends = (text.characters(places[spans[0] < spans[1]]) for places in spans)
    bases = text.characters(text.offsets[:-1].astype(np.int64))
    row = (rows.start + bases[rows.document]).searchsorted(begins, side="right") - 1
    found, first, matches = np.unique(row, return_index=True, return_counts=True)
    base = bases[rows.document[found]]
    columns = (
        rows.id[found],
        rows.ordinal[found],
        begins[first] - base,
        ends[first] - base,
        matches,
    )
    return map(Match._make, zip(*(column.tolist() for column in columns), strict=True))
