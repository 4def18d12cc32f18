"""The index of a store: parts on the disk, and the tail of the log, which is in none yet."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from docpager.archive.analyzer import ANALYZER_VERSION, Analyzer
from docpager.archive.embedders.base import version_of
from docpager.memory.entries import Memory
from docpager.memory.part import MemoryPart, merged, open_part, part_of, write_part
from docpager.storage.atomic_files import damage_of, discard, replace_file
from docpager.storage.sealed_log import SealedLine

if TYPE_CHECKING:
    from docpager.archive.embedders.base import Embedder, Vector

__all__ = ["LONGEST_TAIL", "LogEnd", "MemoryIndex", "NamedPart", "Tail", "without_the_rest"]

LONGEST_TAIL = 256
"""Memories that are searched without a part, each process by itself. Twice as many take twice the
time in each search after an addition; half as many make twice as many parts."""
FAN = 8
"""So many parts of one size become one."""
INDEX_FILE = "index.json"
_AT_ONCE = 4096

NamedPart: TypeAlias = tuple[str | None, MemoryPart]
"""A part and its directory; None where it is not on the disk."""


@dataclass(frozen=True, slots=True)
class LogEnd:
    """A place in a log, up to which something holds."""

    log: str
    """Seal of the log's first line, which is another one in a log that was written anew."""
    end: int
    """Bytes up to there."""
    seal: str
    """Of the last line before it."""
    last_id: int


@dataclass(frozen=True, slots=True)
class _Contents:
    """What `index.json` says."""

    log: str
    end: int
    seal: str
    last_id: int
    embedder: str
    embedder_version: int
    analyzer: int
    parts: tuple[str, ...]


class MemoryIndex:
    """The parts on the disk. Whoever writes holds the store's lock."""

    def __init__(self, directory: Path, embedder: Embedder) -> None:
        self._directory = directory
        self._embedder = embedder

    def stamp(self) -> tuple[int, int] | None:
        """Another one as soon as somebody wrote the index; None where there is none."""
        try:
            status = (self._directory / INDEX_FILE).stat()
        except OSError:
            return None
        return status.st_ino, status.st_mtime_ns

    def read(self, log: str, size: int) -> tuple[LogEnd | None, dict[str, MemoryPart]]:
        """How far the index goes, and its parts; none where it is not of this log and these rules.

        `size` is that of the log, in bytes.
        """
        try:
            said = json.loads((self._directory / INDEX_FILE).read_bytes())
            index = _Contents(**{**said, "parts": tuple(said["parts"])})
            same = (index.embedder, index.embedder_version, index.analyzer) == self._rules()
            if same and index.log == log and index.end <= size:
                parts = {name: open_part(self._directory / name) for name in index.parts}
                return LogEnd(log, index.end, index.seal, index.last_id), parts
        # Any bytes at all may stand in a damaged index, and parts may go while they are opened.
        except (OSError, ValueError, TypeError, KeyError, AttributeError):
            pass
        return None, {}

    def write(self, parts: Sequence[NamedPart], end: LogEnd) -> dict[str, MemoryPart]:
        """Have these parts, merged by size, as all of the index, which goes up to `end`."""
        dimension = self._embedder.dimension
        named = {}
        for name, part in _compacted(parts, dimension):
            if name is None:
                first, last = part.rows["id"][[0, -1]].tolist()
                name = f"part-{first}-{last}-{end.log}"
                write_part(self._directory / name, part, dimension)
                part = open_part(self._directory / name)
            named[name] = part
        embedder, version, analyzer = self._rules()
        contents = _Contents(
            **asdict(end),
            embedder=embedder,
            embedder_version=version,
            analyzer=analyzer,
            parts=tuple(named),
        )
        replace_file(self._directory / INDEX_FILE, json.dumps(asdict(contents)).encode())
        self.remove_all_but(named)
        return named

    def remove_all_but(self, named: Collection[str]) -> None:
        """Remove other parts: replaced ones, and what a killed process left."""
        for path in self._directory.glob("part-*"):
            if path.name not in named:
                discard(path)

    def drop(self) -> None:
        """Remove all of it. The log is enough to make it anew."""
        discard(self._directory / INDEX_FILE)
        self.remove_all_but(())

    def is_damaged(self, parts: Collection[str]) -> bool:
        """Whether a byte of these parts has changed."""
        return any(damage_of(self._directory / name) for name in parts)

    def _rules(self) -> tuple[str, int, int]:
        return self._embedder.name, version_of(self._embedder), ANALYZER_VERSION


class Tail:
    """The memories behind the parts; each is taken apart and embedded once, when it is searched."""

    def __init__(self, embedder: Embedder, analyzer: Analyzer) -> None:
        self.entries: dict[int, tuple[SealedLine, Memory]] = {}
        self._embedder = embedder
        self._analyzer = analyzer
        self._words: dict[int, Counter[str]] = {}
        self._vectors: dict[int, Vector] = {}
        self._part: MemoryPart | None = None

    def __len__(self) -> int:
        return len(self.entries)

    def add(self, line: SealedLine, memory: Memory) -> None:
        self.entries[memory.id] = (line, memory)
        self._part = None

    def clear(self) -> None:
        """Forget all of it: it is in a part now."""
        self.keep_after(max(self.entries, default=0))

    def keep_after(self, id: int) -> None:
        """Leave out the memories up to this one: they are in parts."""
        self.entries = {n: entry for n, entry in self.entries.items() if n > id}
        self._words = {n: words for n, words in self._words.items() if n > id}
        self._vectors = {n: vector for n, vector in self._vectors.items() if n > id}
        self._part = None

    def lines(self) -> dict[int, SealedLine]:
        """Where each stands in the log."""
        return {id: line for id, (line, _) in self.entries.items()}

    def part(self) -> MemoryPart:
        """The tail as a part, to be searched as the others are."""
        if self._part is None:
            self._part = self._part_of(list(self.entries.values()))
        return self._part

    def parts(self) -> list[NamedPart]:
        """The tail as parts that are on no disk yet; a long one in pieces, for want of memory."""
        entries = list(self.entries.values())
        pieces = range(0, len(entries), _AT_ONCE)
        return [(None, self._part_of(entries[first : first + _AT_ONCE])) for first in pieces]

    def _part_of(self, entries: Sequence[tuple[SealedLine, Memory]]) -> MemoryPart:
        import numpy as np

        new = [memory for _, memory in entries if memory.id not in self._vectors]
        if new:
            embedded = self._embedder.embed_passages([memory.text for memory in new])
            for memory, vector in zip(new, embedded, strict=True):
                self._vectors[memory.id] = vector
                self._words[memory.id] = Counter(self._analyzer.terms(memory.text))
        words = [self._words[memory.id] for _, memory in entries]
        vectors = np.stack([self._vectors[memory.id] for _, memory in entries])
        return part_of(entries, words, vectors)


def without_the_rest(
    parts: Sequence[MemoryPart], places: Mapping[int, SealedLine], dimension: int
) -> list[NamedPart]:
    """What is left of these parts where the log has only `places`; their vectors are kept."""
    import numpy as np

    last = max((int(part.rows["id"][-1]) for part in parts), default=0)
    start, size = (np.zeros(last + 1, dtype=np.int64) for _ in range(2))
    before = np.zeros(last + 1, dtype=np.uint64)
    for id, line in places.items():
        if id <= last:
            start[id], size[id], before[id] = line.start, line.size, int(line.before, 16)
    left: list[NamedPart] = []
    for part in parts:
        ids = part.rows["id"]
        kept = size[ids] > 0
        if kept.any():
            rows = part.rows.copy()
            rows["start"], rows["size"], rows["before"] = start[ids], size[ids], before[ids]
            left.append((None, merged([part], [kept], dimension, [rows])))
    return left


def _compacted(parts: Sequence[NamedPart], dimension: int) -> list[NamedPart]:
    """The parts after merging: as soon as there are `FAN` of one size, they become one."""
    import numpy as np

    kept: list[NamedPart] = []
    for each in parts:
        kept.append(each)
        while len(kept) >= FAN and len({_level(len(part)) for _, part in kept[-FAN:]}) == 1:
            last = [part for _, part in kept[-FAN:]]
            every = [np.ones(len(part), dtype=bool) for part in last]
            kept[-FAN:] = [(None, merged(last, every, dimension))]
    return kept


def _level(rows: int) -> int:
    level = 0
    while rows >= LONGEST_TAIL * FAN:
        rows //= FAN
        level += 1
    return level
