"""What changed in memory, as a person reads it, and how it is taken back."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, TypeVar

from docpager.chat.session_log import SessionEntry, SessionState
from docpager.core.errors import FunctionError, UsageError
from docpager.paging.conversation import CoreBlock, CoreLine, CoreMemory, MemoryEdit

__all__ = ["MemoryChange", "change_of", "changes_of", "edited", "taken_back"]

_Line = TypeVar("_Line")
_CAUSES = {"left": "summary", "maintained": "maintenance", "undone": "undo", "turn": "turn"}


@dataclass(frozen=True, slots=True)
class MemoryChange:
    """One change of what a session remembers."""

    number: int
    """Counted from 1 in its session; `undo` takes it."""
    when: str
    """UTC, ISO 8601."""
    cause: str
    """`turn`, `summary`, `maintenance` or `undo`."""
    diff: tuple[str, ...]
    """Lines that begin with `+` (new), `-` (gone) or `~` (another took its place). Each ends with
    the turns and documents that it came from."""
    turn: str = ""
    """The message in whose turn it was made, as in T12."""
    undone: bool = False
    cost_usd: float | None = 0.0

    def as_json(self) -> dict[str, Any]:
        """The change as `json.dumps` takes it."""
        return {**asdict(self), "diff": list(self.diff)}


def changes_of(state: SessionState, text_of: Callable[[int], str]) -> list[MemoryChange]:
    """All changes, oldest first. `text_of` gives a memory as a line, sources behind it."""
    return [change_of(state, n, text_of) for n in range(len(state.changes))]


def change_of(state: SessionState, at: int, text_of: Callable[[int], str]) -> MemoryChange:
    """The change at a place in the state's list."""
    entry, before = state.changes[at], state.before[at]
    diff = [] if entry.core is None else _core_diff(before, entry.core)
    sign = "-" if entry.kind == "undone" else "+"
    diff += [f"{sign} M{memory}: {text_of(memory)}" for memory in entry.memories]
    diff += [f"~ M{old} is replaced by M{new}" if new else f"~ M{old} counts again"
             for old, new in entry.replaced]  # fmt: skip
    old = state.summaries[at]
    if entry.summary != old and (entry.summary or entry.kind == "undone"):
        diff += [f"- summary: {old.text}"] if old else []
        if entry.summary is not None:
            diff.append(f"+ summary: {entry.summary.text} [{', '.join(entry.summary.sources)}]")
    return MemoryChange(
        entry.number,
        entry.when,
        _CAUSES.get(entry.kind, entry.kind),
        tuple(diff),
        turn=f"T{entry.message}" if entry.message else "",
        undone=entry.number in state.undone,
        cost_usd=entry.cost_usd,
    )


def _core_diff(before: Sequence[CoreBlock], after: Sequence[CoreBlock]) -> list[str]:
    old, new = _lines(before), _lines(after)
    return [
        *(f"- {name}: {_written(line)}" for name, line in _beyond(old, new)),
        *(f"+ {name}: {_written(line)}" for name, line in _beyond(new, old)),
    ]


def _lines(blocks: Sequence[CoreBlock]) -> list[tuple[str, CoreLine]]:
    return [(block.name, line) for block in blocks for line in block.lines]


def _beyond(lines: Sequence[_Line], others: Sequence[_Line]) -> list[_Line]:
    """The lines that stand more often here than there, as often as they do."""
    left = list(lines)
    for line in others:
        if line in left:
            left.remove(line)
    return left


def _written(line: CoreLine) -> str:
    return f"{line.text} [{', '.join(line.sources)}]" if line.sources else line.text


def edited(
    core: Sequence[CoreBlock], edits: Sequence[MemoryEdit], *, when: str
) -> tuple[CoreBlock, ...]:
    """Core memory after the edits of a run, made on the day `when`.

    Room was asked for when the model made them, so none is asked for here.
    """
    memory = CoreMemory(core, cap=10**9, count=len)
    for edit in edits:
        if edit.function != "archive_memory":
            try:
                memory = memory.apply(edit, when=when)
            except FunctionError:  # of another state of core memory, which only an undo leaves
                continue
    return memory.blocks


def taken_back(state: SessionState, number: int | None) -> SessionEntry:
    """What takes a change back, the newest that was not if none is named; `when` is left open.

    Raises:
        UsageError: there is no such change, it was taken back, or a later one built on it.
    """
    at = _chosen(state, number)
    entry, before = state.changes[at], state.before[at]
    core = None
    if entry.core is not None:
        core = _reverted(state, at, before, entry.core)
    summary = state.summary
    if entry.summary is not None or entry.kind == "left":
        if state.summary != entry.summary:
            raise UsageError(
                f"change {entry.number} wrote a summary that a later one was made from; undo the "
                "later ones first"
            )
        summary = state.summaries[at]
    return SessionEntry(
        "undone",
        "",
        core=core,
        memories=entry.memories,
        replaced=tuple((old, 0) for old, _ in entry.replaced),
        summary=summary,
        undoes=entry.number,
        number=state.next_number,
    )


def _chosen(state: SessionState, number: int | None) -> int:
    undoable = [
        n for n, change in enumerate(state.changes)
        if change.kind != "undone" and change.number not in state.undone
    ]  # fmt: skip
    if number is None:
        if not undoable:
            raise UsageError("there is nothing to undo")
        return undoable[-1]
    for at, change in enumerate(state.changes):
        if change.number == number:
            if at not in undoable:
                what = "is an undo itself" if change.kind == "undone" else "was undone already"
                raise UsageError(f"change {number} {what}")
            return at
    known = ", ".join(str(state.changes[n].number) for n in undoable[-8:]) or "none"
    raise UsageError(f"there is no change {number}; the newest that can be undone: {known}")


def _reverted(
    state: SessionState, at: int, before: Sequence[CoreBlock], after: Sequence[CoreBlock]
) -> tuple[CoreBlock, ...]:
    """Core memory as it is now without one change of it: line by line, so that later changes of
    other lines stay."""
    if state.core == tuple(after):
        return tuple(before)
    was = {block.name: block.lines for block in before}
    made = {block.name: block.lines for block in after}
    reverted = []
    for block in state.core:
        old, new = was.get(block.name, ()), made.get(block.name, ())
        lines = list(block.lines)
        places = []
        for line in _beyond(new, old):
            if line not in lines:
                raise UsageError(
                    f"change {state.changes[at].number} wrote {line.text[:60]!r}, which a later "
                    "change has changed; undo the later ones first"
                )
            places.append(lines.index(line))
            lines.remove(line)
        back = _beyond(old, new)
        place = min(places, default=len(lines))
        reverted.append(replace(block, lines=(*lines[:place], *back, *lines[place:])))
    return tuple(reverted)
