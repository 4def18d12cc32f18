"""Reads the light markup of `material/*.txt` into a list of blocks.

A line that begins with `!` is a command, `#` a heading, `-` a list item;
anything else is a paragraph.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

TABLES = ("ruled", "plain")


@dataclass(frozen=True, slots=True)
class Block:
    """One piece of a document: a command, a heading, a list item, a table or a paragraph."""

    kind: str
    text: str = ""
    level: int = 0
    rows: tuple[tuple[str, ...], ...] = ()


def read_blocks(source: str) -> Iterator[Block]:
    """The blocks of a source, in order."""
    lines = iter(source.splitlines())
    for line in lines:
        if line.strip():
            yield _block(line.rstrip(), lines)


def _block(line: str, lines: Iterator[str]) -> Block:
    if line.startswith("!"):
        return _command(line, lines)
    if line.startswith("#"):
        marks, text = line.split(" ", 1)
        return Block("heading", text, level=len(marks))
    if line.startswith("- "):
        return Block("item", line[2:])
    return Block("paragraph", line)


def _command(line: str, lines: Iterator[str]) -> Block:
    name, _, rest = line[1:].partition(" ")
    if name == "scan":
        return Block("scan", "\n".join(_until(lines, "!end")))
    if name in TABLES:
        return Block(name, rest, rows=_rows(lines))
    return Block(name, rest)


def _rows(lines: Iterator[str]) -> tuple[tuple[str, ...], ...]:
    return tuple(tuple(cell.strip() for cell in line.split("|")) for line in _until(lines, ""))


def _until(lines: Iterator[str], end: str) -> Iterator[str]:
    for line in lines:
        if line.rstrip() == end:
            return
        yield line
