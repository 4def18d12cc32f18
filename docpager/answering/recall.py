"""recall: search this run's own past. Never the text of an evicted page: its locator instead."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Sequence

from docpager.core.passages import Note, PassageId
from docpager.paging.reading_log import HERE, LogEntry
from docpager.paging.rendering import one_line
from docpager.paging.working_memory import WorkingMemory

__all__ = ["recall"]

MOST_LINES = 12


def recall(
    query: str, *, notes: WorkingMemory, log: Sequence[LogEntry], resident: Collection[PassageId]
) -> list[str]:
    """The notes and log lines that share words with `query`, most shared first, then newest.

    Notes that are paged out come before everything else that shares as many words.
    """
    wanted = _words(query)
    scored = [
        (len(wanted & _words(text)), rank, number, line)
        for rank, number, text, line in _memories(notes, log, resident)
    ]
    matching = sorted((each for each in scored if each[0]), reverse=True)
    return [line for *_, line in matching[:MOST_LINES]]


def _memories(
    notes: WorkingMemory, log: Sequence[LogEntry], resident: Collection[PassageId]
) -> Iterator[tuple[int, int, str, str]]:
    """(rank, recency, what is searched, what is shown)."""
    for note in notes.notes:
        out = note.number not in notes.resident
        where = f"paged out; page_in {note.name}" if out else "in main context"
        sources = " ".join(note.sources)
        shown = f"{note.name} ({where}) {one_line(note.text, limit=80)}"
        yield 2 if out else 1, note.number, _searchable(note, sources), shown
    for position, entry in enumerate(log):
        line = f"step {_lasting(entry, resident)}"
        yield 0, position, line, line


def _lasting(entry: LogEntry, resident: Collection[PassageId]) -> str:
    """A line of the log that stays true: what is here may leave with the step that asked."""
    outcome = entry.outcome or entry.whereabouts(resident)
    return entry.ending("read" if outcome == HERE else outcome)


def _searchable(note: Note, sources: str) -> str:
    return f"note {note.name} {sources} {note.text}"


def _words(text: str) -> set[str]:
    """Lower-case words, each also by its first four letters so that endings matter little."""
    words = re.findall(r"\w+", text.lower())
    return {word if word.isdigit() else word[:6] for word in words if len(word) > 1}
