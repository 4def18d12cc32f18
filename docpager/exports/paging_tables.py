"""Steps of runs, and what each did to main context, as tables.

A run is made again from its journal, so both need neither the model nor the archive. They hold
calls, paths and sizes, and no text of documents beyond what stands in a call.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from docpager.batch.tables import Cell, Column, write_table
from docpager.core.errors import UsageError
from docpager.core.passages import Passage
from docpager.exports.held_runs import held_runs
from docpager.models.messages import Usage
from docpager.report.page_events import PageEvent
from docpager.report.watching import WatchedRun
from docpager.run.trace import TracedStep

__all__ = ["export_page_events", "export_steps"]

LeftOut = Callable[[str, str], None]
"""Told of each run that is left out: its question's id, and why."""

STEP_COLUMNS = (
    Column("id"),
    Column("step", int, 7),
    Column("epoch", int, 7),
    Column("rebuilt", int, 7),
    Column("warned", int, 7),
    Column("resumed", int, 7),
    Column("window", int),
    Column("prompt_tokens", int),
    Column("pressure", float),
    Column("instructions_tokens", int),
    Column("map_tokens", int),
    Column("notes_tokens", int),
    Column("passages_tokens", int),
    Column("turns_tokens", int),
    Column("resident", int, 7),
    Column("notes", int, 7),
    Column("paged_in", int, 7),
    Column("released", int, 7),
    Column("evicted", int, 7),
    Column("calls", int, 7),
    Column("refused", int, 7),
    Column("called", width=40),
    Column("input_tokens", int),
    Column("cache_read_tokens", int),
    Column("cache_write_tokens", int),
    Column("output_tokens", int),
    Column("cost_usd", float),
    Column("seconds", float),
    Column("remarks", width=30),
    Column("model", width=20),
    Column("journal", width=30),
)
EVENT_COLUMNS = (
    Column("id"),
    Column("step", int, 7),
    Column("event"),
    Column("passage"),
    Column("file", width=30),
    Column("first_page", int, 7),
    Column("last_page", int, 7),
    Column("tokens", int),
    Column("refault", int, 7),
    Column("steps_away", int, 7),
    Column("resident", int, 7),
    Column("journal", width=30),
)


def export_steps(paths: Sequence[Path], output: Path, *, left_out: LeftOut) -> int:
    """Make a table of the steps of runs, a row for each; returns how many rows.

    `paths` name journals, folders of journals, or answers files.

    Raises:
        UsageError: a path holds no runs, none of them could be made again, or the table cannot be
            written.
    """
    return _export(paths, output, STEP_COLUMNS, _step_rows, left_out)


def export_page_events(paths: Sequence[Path], output: Path, *, left_out: LeftOut) -> int:
    """Make a table of what happened to passages in main context; returns how many rows.

    Raises:
        UsageError: as `export_steps`.
    """
    return _export(paths, output, EVENT_COLUMNS, _event_rows, left_out)


_Rows = Callable[[str, WatchedRun], Iterator[list[Cell]]]


def _export(
    paths: Sequence[Path], output: Path, head: Sequence[Column], rows_of: _Rows, left_out: LeftOut
) -> int:
    written = 0

    def rows() -> Iterator[list[Cell]]:
        nonlocal written
        found = False
        for held in held_runs(paths):
            if held.run is None:
                left_out(held.id, held.why_not)
                continue
            found = True
            for row in rows_of(held.id, held.run):
                written += 1
                yield row
        if not found:
            raise UsageError("no run could be made again from its journal; nothing was written")

    write_table(output, head, rows())
    return written


def _step_rows(id: str, run: WatchedRun) -> Iterator[list[Cell]]:
    happened = _counts(run.events)
    for step in run.steps:
        filling = run.snapshots[step.number].filling
        usage = run.usages.get(step.number)
        yield [
            id,
            step.number,
            step.epoch,
            int(step.rebuilt),
            int(step.warned),
            int(step.resumed),
            step.window,
            step.prompt_tokens,
            step.pressure,
            filling.instructions,
            filling.map,
            filling.notes,
            sum(filling.passages.values()),
            filling.turns,
            step.resident,
            step.notes,
            *(happened[step.number, kind] for kind in ("page_in", "release", "evict")),
            len(step.calls),
            sum(call.refused for call in step.calls),
            _called(step),
            *_used(usage),
            run.dollars.get(step.number),
            step.seconds,
            "\n".join(step.interrupts) or None,
            run.header.model,
            str(run.journal),
        ]


def _counts(events: Sequence[PageEvent]) -> Counter[tuple[int, str]]:
    """How often each kind of event happened in each step."""
    return Counter((event.step, event.kind) for event in events)


def _called(step: TracedStep) -> str | None:
    return "\n".join(call.call for call in step.calls) or None


def _used(usage: Usage | None) -> list[int | None]:
    if usage is None:
        return [None] * 4
    return [
        usage.input_tokens,
        usage.cache_read_tokens,
        usage.cache_write_tokens,
        usage.output_tokens,
    ]


def _event_rows(id: str, run: WatchedRun) -> Iterator[list[Cell]]:
    paths = {document.number: document.path for document in run.documents}
    for event in run.events:
        first, last = _pages(run.passages.get(event.passage))
        yield [
            id,
            event.step,
            event.kind,
            str(event.passage),
            paths.get(event.passage.document),
            first,
            last,
            event.tokens,
            int(event.steps_away is not None),
            event.steps_away,
            event.resident,
            str(run.journal),
        ]


def _pages(passage: Passage | None) -> tuple[int | None, int | None]:
    pages = passage.pdf_pages if passage is not None else None
    return pages if pages is not None else (None, None)
