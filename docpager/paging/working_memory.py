"""WorkingMemory: this run's notes, the newest in main context, older ones paged out."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cached_property

from docpager.core.errors import FunctionError
from docpager.core.passages import Note, PassageId
from docpager.paging.rendering import render_note

__all__ = ["WorkingMemory"]


class WorkingMemory:
    """Notes by number. Those in main context take at most `cap` tokens; the oldest leave first.

    Changing calls return a new memory, so that a run can look before it commits.
    """

    def __init__(
        self,
        *,
        cap: int,
        count: Callable[[str], int],
        notes: Sequence[Note] = (),
        resident: Sequence[int] = (),
    ) -> None:
        self._cap = cap
        self._count = count
        self.notes = tuple(notes)
        """Every note of the run that was not replaced, oldest first."""
        self.resident = tuple(resident)
        """Numbers of the notes in main context, least recently written or paged in first."""

    def __getitem__(self, number: int) -> Note:
        for note in self.notes:
            if note.number == number:
                return note
        raise FunctionError(f"no note N{number}; {self._known()}")

    @property
    def shown(self) -> list[Note]:
        """The notes in main context, by number."""
        resident = set(self.resident)
        return [note for note in self.notes if note.number in resident]

    @property
    def paged_out(self) -> list[Note]:
        resident = set(self.resident)
        return [note for note in self.notes if note.number not in resident]

    @property
    def next_number(self) -> int:
        return self._highest + 1

    def write(
        self,
        text: str,
        *,
        sources: tuple[str, ...],
        seen: tuple[PassageId, ...],
        replaces: int | None,
    ) -> tuple[WorkingMemory, Note]:
        """A memory with one more note.

        Raises:
            FunctionError: the note alone is larger than the share of notes, or replaces none.
        """
        if replaces is not None:
            old = self[replaces]
            # The new note may repeat what only the old one had copied while its page was resident;
            # without this its quotes would no longer count as seen.
            seen = tuple(dict.fromkeys((*old.seen, *seen)))
        note = Note(self.next_number, text, sources, seen)
        size = self._size(note)
        if size > self._cap:
            raise FunctionError(
                f"the note takes {size} tokens, notes may take {self._cap}; write a shorter one"
            )
        kept = tuple(each for each in self.notes if each.number != replaces)
        resident = [number for number in self.resident if number != replaces]
        return self._fitted((*kept, note), [*resident, note.number]), note

    def page_in(self, number: int) -> WorkingMemory:
        """A memory in which this note is in main context and the newest."""
        self[number]
        others = [each for each in self.resident if each != number]
        return self._fitted(self.notes, [*others, number])

    def page_out(self, number: int) -> WorkingMemory:
        """A memory in which this note is out of main context."""
        self[number]
        # The line that counts what is out may be longer than a short note was.
        return self._fitted(self.notes, [each for each in self.resident if each != number])

    def render(self) -> str:
        """The notes in main context, and how many are not."""
        return "".join(self.lines).removesuffix("\n")

    @cached_property
    def lines(self) -> tuple[str, ...]:
        """What `render` joins. Each is counted for itself: a note is counted once in a run."""
        lines = [f"{render_note(note)}\n" for note in self.shown]
        if out := self.paged_out:
            named = ("..., " if len(out) > 3 else "") + ", ".join(note.name for note in out[-3:])
            lines.append(f"({len(out)} notes are paged out: {named}; recall finds them)\n")
        return tuple(lines)

    def _fitted(self, notes: tuple[Note, ...], resident: list[int]) -> WorkingMemory:
        memory = self._with(notes, resident)
        # The newest note always stays: `write` has refused one that is too large alone.
        while len(resident) > 1 and sum(map(self._count, memory.lines)) > self._cap:
            resident = resident[1:]
            memory = self._with(notes, resident)
        return memory

    def _with(self, notes: tuple[Note, ...], resident: Sequence[int]) -> WorkingMemory:
        return WorkingMemory(cap=self._cap, count=self._count, notes=notes, resident=resident)

    def _size(self, note: Note) -> int:
        # At its longest, so that a note that fits now still fits when others are paged out.
        reminder = "(9999 notes are paged out: ..., N9998, N9999, N10000; recall finds them)\n"
        return self._count(f"{render_note(note)}\n") + self._count(reminder)

    @property
    def _highest(self) -> int:
        # Replaced notes are gone, but the replacing one is always newer, so numbers never repeat.
        return max((note.number for note in self.notes), default=0)

    def _known(self) -> str:
        if not self.notes:
            return "no note was written yet"
        return f"notes go up to {self.notes[-1].name}; recall finds those paged out"
