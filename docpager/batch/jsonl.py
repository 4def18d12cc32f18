"""JSON Lines as they stand on disk: UTF-8 whatever the platform prefers, each line with its number
and place."""

from __future__ import annotations

import codecs
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from docpager.answering.plan import HALF_CHARACTER
from docpager.errors import UsageError

__all__ = ["JsonLine", "line_numbers", "read_lines", "written"]

_UTF_16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)


@dataclass(frozen=True, slots=True)
class JsonLine:
    """One line that is not blank."""

    number: int
    """Counted from 1, blank lines too."""
    start: int
    """Offset of its first byte in the file."""
    end: int
    """Offset just past its line end."""
    value: dict[str, Any] | None
    """The object on it; None where it holds none."""
    problem: str = ""
    """Why it holds none."""
    ended: bool = True
    """Whether its line end is there: a line that was torn has neither value nor end."""

    @property
    def torn(self) -> bool:
        """Whether a process died while it wrote this line."""
        return self.value is None and not self.ended


def read_lines(path: Path) -> Iterator[JsonLine]:
    """The lines of a file one by one; a byte order mark at its start is passed over.

    Raises:
        UsageError: the file cannot be read, or is UTF-16.
    """
    try:
        with path.open("rb") as file:
            end = 0
            for number, line in enumerate(file, 1):
                start, end = end, end + len(line)
                if number == 1:
                    line = _without_mark(line, path)
                if line.strip():
                    value, problem = _parsed(line)
                    yield JsonLine(number, start, end, value, problem, line.endswith(b"\n"))
    except OSError as error:
        raise UsageError(f"cannot read {str(path)!r}: {error.strerror}") from error


def written(value: object) -> bytes:
    """One JSON object as a line; half characters, which no file can hold, are replaced."""
    text = json.dumps(value, ensure_ascii=False, separators=(", ", ": "))
    return (HALF_CHARACTER.sub("\ufffd", text) + "\n").encode("utf-8")


def line_numbers(numbers: Sequence[int]) -> str:
    """`2, 5-7`: rising line numbers, neighbours joined."""
    ranges: list[list[int]] = []
    for number in numbers:
        if ranges and number == ranges[-1][1] + 1:
            ranges[-1][1] = number
        else:
            ranges.append([number, number])
    return ", ".join(f"{a}" if a == b else f"{a}-{b}" for a, b in ranges)


def _without_mark(line: bytes, path: Path) -> bytes:
    if line.startswith(_UTF_16):
        raise UsageError(f"{str(path)!r} is UTF-16; save it as UTF-8")
    return line.removeprefix(codecs.BOM_UTF8)


def _parsed(line: bytes) -> tuple[dict[str, Any] | None, str]:
    try:
        value = json.loads(line.decode("utf-8"))
    except UnicodeDecodeError as error:
        return None, f"not UTF-8 (byte {error.start + 1})"
    except (ValueError, RecursionError) as error:
        return None, f"not JSON ({error})"
    if not isinstance(value, dict):
        return None, "no JSON object"
    return value, ""
