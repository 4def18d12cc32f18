"""JSON Lines as they stand on disk: UTF-8 whatever the platform prefers, each line with its number
and place."""

from __future__ import annotations

import codecs
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from docpager.core.errors import UsageError
from docpager.core.passages import HALF_CHARACTER

__all__ = ["JsonLine", "LineAppender", "read_lines", "text_line"]

_UTF_16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)


@dataclass(frozen=True, slots=True)
class JsonLine:
    """One line that is not blank."""

    number: int
    """Counted from 1, blank lines too."""
    start: int
    """Offset of its first byte in the file, a byte order mark not included."""
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


def read_lines(path: Path, *, shown: str = "") -> Iterator[JsonLine]:
    """The lines of a file one by one; a byte order mark at its start is passed over. `shown` is
    what the file is called in errors.

    Raises:
        UsageError: the file cannot be read, is UTF-16, or holds a JSON array.
    """
    shown = shown or str(path)
    try:
        with path.open("rb") as file:
            end, any_before = 0, False
            for number, line in enumerate(file, 1):
                start, end = end, end + len(line)
                if number == 1:
                    line = _without_mark(line, shown)
                    start = end - len(line)
                if line.strip():
                    if not any_before and line.lstrip().startswith(b"["):
                        raise UsageError(f"{shown!r} holds a JSON array; write one object a line")
                    any_before = True
                    value, problem = _parsed(line)
                    yield JsonLine(number, start, end, value, problem, line.endswith(b"\n"))
    except OSError as error:
        raise UsageError(f"cannot read {shown!r}: {error.strerror}") from error


class LineAppender:
    """The end of a JSON Lines file, to append to."""

    def __init__(self, path: Path, *, end: int) -> None:
        """Append behind the byte `end`; what stands there was torn, and is dropped."""
        self._file = path.open("r+b")
        # Before anything is appended: a whole line behind half of one would make both unreadable.
        self._file.truncate(end)
        self._file.seek(end)

    def append(self, value: object) -> None:
        """Add a line and give it out of hand.

        Half characters, which no file can hold, are replaced.
        """
        # One write of the whole line, then a flush: a kill between two lines leaves whole lines,
        # and one in the middle leaves a line without its end, which reading drops. No fsync:
        # answers can be made again from journals, which are fsynced.
        self._file.write(text_line(value))
        self._file.flush()

    def close(self) -> None:
        self._file.close()


def text_line(value: object) -> bytes:
    """A value as a line holds it; half characters, which no file can hold, are replaced."""
    text = HALF_CHARACTER.sub("\ufffd", json.dumps(value, ensure_ascii=False))
    return f"{text}\n".encode()


def _without_mark(line: bytes, shown: str) -> bytes:
    if line.startswith(_UTF_16) or _alternates(line[:8]):
        raise UsageError(f"{shown!r} is UTF-16; save it as UTF-8")
    return line.removeprefix(codecs.BOM_UTF8)


def _alternates(head: bytes) -> bool:
    """Whether every other byte is zero, as in UTF-16 of plain letters."""
    one, other = head[::2], head[1::2]
    return len(head) > 3 and ((all(one) and not any(other)) or (all(other) and not any(one)))


def _parsed(line: bytes) -> tuple[dict[str, Any] | None, str]:
    try:
        value = json.loads(line.decode("utf-8"))
    except UnicodeDecodeError as error:
        return None, f"not UTF-8 (byte {error.start + 1})"
    except json.JSONDecodeError as error:
        return None, f"not JSON ({error.msg}, column {error.pos + 1})"
    # json raises RecursionError on deep nesting and ValueError on an integer of thousands of
    # digits: both are the file's fault, not a bug here.
    except (ValueError, RecursionError) as error:
        return None, f"not JSON ({error})"
    if not isinstance(value, dict):
        return None, "not a JSON object"
    return value, ""
