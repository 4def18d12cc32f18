"""An append-only log: one JSON object a line, each sealed by a hash that covers the line before it.

A changed byte is found when it is read, and a line that was torn by a crash is dropped.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from docpager.core.passages import HALF_CHARACTER
from docpager.storage.atomic_files import announce, replace_file

__all__ = ["BrokenSeal", "SealedLine", "append_line", "read_sealed", "rewrite_log", "seal_of"]


class BrokenSeal(ValueError):
    """A line is not what was written."""


@dataclass(frozen=True, slots=True)
class SealedLine:
    """One line, and where it stands."""

    value: dict[str, Any]
    start: int
    """Offset of its first byte in the file."""
    size: int
    """Bytes, its line end included."""
    before: str
    """Seal of the line before it; empty for the first."""
    seal: str

    @property
    def end(self) -> int:
        return self.start + self.size


def seal_of(previous: str, body: str) -> str:
    """What a line begins with: 64 bits of the sha256 of the seal before it and its own text."""
    digest = hashlib.sha256(f"{previous}{body}".encode("utf-8", "surrogatepass"))
    # This finds accidents and careless edits; whoever wants to forge a log can seal it anew.
    return digest.hexdigest()[:16]


def read_sealed(file: BinaryIO, *, start: int, before: str, size: int = -1) -> Iterator[SealedLine]:
    """The whole lines from byte `start` on, of `size` bytes or to the end of the file.

    What follows the last line end is left out: somebody is writing it, or died while doing so.

    Raises:
        BrokenSeal: a line is not what was written; the message names its first byte.
    """
    file.seek(start)
    content = file.read(size)
    at = 0
    while (end := content.find(b"\n", at) + 1) > 0:
        line = _unsealed(content[at : end - 1], start + at, before)
        yield line
        before, at = line.seal, end


def append_line(path: Path, value: dict[str, Any], *, end: int, before: str) -> SealedLine:
    """Add a line behind the byte `end` and wait until it is on the disk.

    Whatever stands there was torn by a crash, and is dropped. One process at a time: the caller
    holds a lock.
    """
    line = _sealed_line(value, before)
    with path.open("r+b") as file:
        # Before anything is appended: a whole line behind half of one would make both unreadable.
        file.truncate(end)
        file.seek(end)
        announce("write", path)
        file.write(line)
        file.flush()
        announce("fsync", path)
        os.fsync(file.fileno())
    return SealedLine(value, end, len(line), before, line[:16].decode())


def rewrite_log(path: Path, values: Iterable[dict[str, Any]]) -> None:
    """Put other lines in the place of all: whoever reads it sees the old ones or the new."""
    seal, lines = "", []
    for value in values:
        line = _sealed_line(value, seal)
        lines.append(line)
        seal = line[:16].decode()
    replace_file(path, b"".join(lines))


def _sealed_line(value: dict[str, Any], before: str) -> bytes:
    body = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    # Half characters, which no file can hold, are replaced.
    body = HALF_CHARACTER.sub("\ufffd", body)
    return f"{seal_of(before, body)} {body}\n".encode()


def _unsealed(line: bytes, start: int, before: str) -> SealedLine:
    try:
        seal, _, body = line.decode("utf-8").partition(" ")
    except UnicodeDecodeError as error:
        raise BrokenSeal(f"the line at byte {start} is not UTF-8") from error
    if seal != seal_of(before, body):
        raise BrokenSeal(f"the checksum of the line at byte {start} does not match")
    return SealedLine(json.loads(body), start, len(line) + 1, before, seal)
