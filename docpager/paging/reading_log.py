"""ReadingLog: what this run searched, read and released, one line each."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass

from docpager.core.passages import PassageId, PassageRange
from docpager.models.messages import ToolCall
from docpager.paging.epoch import canonical_json
from docpager.paging.rendering import one_line

__all__ = ["HERE", "LogEntry", "ReadingLog", "written_call"]

HERE = "read, in main context"
"""What became of pages that are still there."""


@dataclass(frozen=True, slots=True)
class LogEntry:
    """One call and what came of it."""

    step: int
    call: str
    """As in `search("capital expenditure")`."""
    outcome: str
    """As in `12 found`; empty for a page_in, whose outcome is where the pages are now."""
    read: PassageRange | None = None

    def line(self, resident: Collection[PassageId]) -> str:
        """The entry on one line, given what is in main context."""
        return self.ending(self.outcome or self.whereabouts(resident))

    def ending(self, outcome: str) -> str:
        """The entry on one line, with that outcome."""
        return one_line(f"{self.step} {self.call}: {outcome}")

    def whereabouts(self, resident: Collection[PassageId]) -> str:
        """What became of the passages that were read."""
        if self.read is None:
            return "done"
        document, first, last = self.read
        here = [(document, n) in resident for n in range(first, last + 1)].count(True)
        if not here:
            return "read, gone from main context"
        return HERE if here == last - first + 1 else "read, partly gone"


class ReadingLog:
    """Everything that was looked up, so that the model can find it again."""

    def __init__(self) -> None:
        self.entries: list[LogEntry] = []
        self._written: list[tuple[str, str]] = []
        """Of each entry what became of it when it was last written, and the line, with its break.
        Looked at in every step: to look them up by the entries would hash each of these anew."""

    def add(self, entry: LogEntry) -> None:
        self.entries.append(entry)

    def render(
        self, *, cap: int, count: Callable[[str], int], resident: Collection[PassageId]
    ) -> str:
        """The newest lines that fit `cap` tokens, newest first."""
        lines, _ = self._newest(cap, count, resident)
        return "".join(lines).removesuffix("\n")

    def tokens(
        self, *, cap: int, count: Callable[[str], int], resident: Collection[PassageId]
    ) -> int:
        """What `render` takes, line by line: a line is counted once in a run."""
        return self._newest(cap, count, resident)[1]

    def _newest(
        self, cap: int, count: Callable[[str], int], resident: Collection[PassageId]
    ) -> tuple[list[str], int]:
        lines: list[str] = []
        used = 0
        written = self._written
        written += [("", "")] * (len(self.entries) - len(written))
        for at in range(len(self.entries) - 1, -1, -1):
            entry = self.entries[at]
            outcome = entry.outcome or entry.whereabouts(resident)
            known, line = written[at]
            if known != outcome:
                line = entry.ending(outcome) + "\n"
                written[at] = (outcome, line)
            tokens = count(line)
            if used + tokens > cap:
                break
            lines.append(line)
            used += tokens
        return lines, used


def written_call(call: ToolCall) -> str:
    """`page_in(D1:c3)`: a call as the reading log names it."""
    values = [value for value in call.arguments.values() if value is not True]
    written = (v if isinstance(v, str) else canonical_json(v) for v in values)
    return f"{call.name}({', '.join(written)})"
