"""Replies of the reader that a reference string stands for, with texts of the recorded sizes."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from benchmarks.cost.sized import filler
from benchmarks.cost.strings import RecordedStep
from docpager.core.passages import PassageId, PassageRange
from docpager.models.messages import AssistantTurn, ToolCall

__all__ = ["Speaker", "joined", "pages_of"]


class Speaker:
    """Says what the string says, with calls that have ids of their own."""

    def __init__(self) -> None:
        self._calls = 0

    def step(self, step: RecordedStep, *, keeps_books: bool) -> AssistantTurn:
        """A recorded reply; without books it neither notes nor releases, as nothing ever leaves."""
        calls = [self._call("search", query="of") for _ in step.found]
        if keeps_books:
            # A note's source says which page was read last; here its size is all that counts.
            calls += [
                self._call("write_note", text=filler(tokens), sources=["D1:c1"])
                for tokens in step.notes
            ]
            released = [str(each) for each in step.released]
            calls += [self._call("page_out", locators=released)] if released else []
        wanted = (*step.new, *step.again)
        calls += [self._call("page_in", locator=str(each)) for each in wanted]
        return AssistantTurn(filler(step.text), tuple(calls))

    def page_in(self, ranges: Iterable[PassageRange]) -> AssistantTurn:
        """A reply that does nothing but page in."""
        calls = tuple(self._call("page_in", locator=str(each)) for each in ranges)
        return AssistantTurn("", calls)

    def _call(self, name: str, **arguments: object) -> ToolCall:
        self._calls += 1
        return ToolCall(f"toolu_{self._calls:08}", name, arguments)


def pages_of(ranges: Iterable[PassageRange]) -> list[PassageId]:
    """The passages of several ranges."""
    return [id_ for each in ranges for id_ in each.ids()]


def joined(pages: Sequence[PassageId]) -> list[PassageRange]:
    """Passages as ranges, neighbours together."""
    runs: list[PassageRange] = []
    for document, ordinal in sorted(pages):
        last = runs[-1] if runs else None
        if last and (last.document, last.last + 1) == (document, ordinal):
            runs[-1] = last._replace(last=ordinal)
        else:
            runs.append(PassageRange(document, ordinal, ordinal))
    return runs
