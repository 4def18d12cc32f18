"""How far an ingest has come: a bar on a terminal, else a line every few seconds."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Event, Thread
from time import monotonic
from typing import TYPE_CHECKING

from docpager.cli.terminal import drawn_on, note, visible
from docpager.core.passages import counted

if TYPE_CHECKING:
    from docpager.archive.ingest_report import IngestProgress, Progress
    from docpager.engines.engine import Engine

__all__ = [
    "Machines",
    "ingest_progress",
    "progress_bar",
    "progress_lines",
    "reached_in_words",
    "rebuild_progress",
]

_SECONDS_BETWEEN = 5.0
_BAR = 5
_BESIDE = _BAR + len(" 100% 00:00:00 ")
"""Columns of the terminal that the bar, the share and the time left take."""


class Machines:
    """What an engine works with, in words: asked now and then, however often it is shown."""

    def __init__(self, engine: Engine | None) -> None:
        self._engine = engine
        self._said = ""
        self._asked = -_SECONDS_BETWEEN

    def said(self) -> str:
        """`2 nodes, 8 workers`; nothing where no engine works."""
        if self._engine is not None and monotonic() - self._asked >= _SECONDS_BETWEEN:
            self._asked = monotonic()
            nodes, workers = self._engine.nodes, self._engine.workers
            self._said = f"{counted(nodes, 'node')}, {counted(workers, 'worker')}"
        return self._said


@contextmanager
def ingest_progress(*, quiet: bool = False, engine: Engine | None = None) -> Iterator[Progress]:
    """Shows files, pages a second, passages that wait for their embedding, time left, and the nodes
    and workers of an engine; nothing with `quiet`."""
    if quiet:
        yield lambda reached: None
        return
    machines = Machines(engine)
    shown = (
        progress_bar(machines=machines)
        if sys.stderr.isatty()
        else progress_lines(machines=machines)
    )
    with shown as progress:
        yield progress


@contextmanager
def rebuild_progress() -> Iterator[Progress]:
    """The same for indexes that are made again; nothing is shown where none are."""
    with progress_bar(at_once=False) if sys.stderr.isatty() else progress_lines() as progress:
        yield progress


@contextmanager
def progress_bar(*, at_once: bool = True, machines: Machines | None = None) -> Iterator[Progress]:
    from rich.cells import cell_len, set_cell_size
    from rich.console import Console
    from rich.progress import BarColumn, TaskProgressColumn, TextColumn, TimeRemainingColumn
    from rich.progress import Progress as Bar

    began = monotonic()
    console = Console(stderr=True)
    said_last = TextColumn("{task.description}", markup=False)
    columns = BarColumn(_BAR), TaskProgressColumn(), TimeRemainingColumn(), said_last
    with Bar(*columns, console=console, transient=True) as bar, drawn_on(console):
        task = bar.add_task("reading", total=None, visible=at_once)

        def show(reached: IngestProgress) -> None:
            speed = _pages_a_second(reached, monotonic() - began)
            there = [machines.said()] if machines and machines.said() else []
            said = ", ".join([f"{reached.files} of {reached.all_files} files", *speed, *there])
            beside = f"{_recognised(reached)}{_embedding(reached)}"
            # The path is what gives way where the terminal is narrow.
            description = f"{said}{beside.removesuffix(' passages')}; {visible(reached.path)}"
            done, of = reached.files, reached.all_files
            if reached.rebuilding:
                description, done, of = _rebuilding(reached), reached.embedded, reached.passages
            room = max(console.width - _BESIDE, 1)
            description = set_cell_size(description, min(room, cell_len(description)))
            bar.update(
                task,
                completed=done,
                total=of,
                description=description,
                visible=True,
            )

        yield show


@contextmanager
def progress_lines(
    seconds: float = _SECONDS_BETWEEN,
    say: Callable[[str], None] = note,
    *,
    machines: Machines | None = None,
) -> Iterator[Progress]:
    """Says every few seconds where the work stands, also while one file takes long."""
    began, ended = monotonic(), Event()
    last: list[IngestProgress] = []

    def tell() -> None:
        while not ended.wait(seconds):
            if last:
                there = machines.said() if machines else ""
                say(reached_in_words(last[0], monotonic() - began, there=there))

    def remember(reached: IngestProgress) -> None:
        last[:] = [reached]

    telling = Thread(target=tell, daemon=True)
    telling.start()
    try:
        yield remember
    finally:
        ended.set()
        telling.join()


def reached_in_words(reached: IngestProgress, seconds: float, *, there: str = "") -> str:
    """One line: files, speed, what works on it, what is being embedded, about how long it will
    take."""
    if reached.rebuilding:
        return _rebuilding(reached)
    parts = _pages_a_second(reached, seconds)
    if 0 < reached.files < reached.all_files:
        left = seconds * (reached.all_files - reached.files) / reached.files
        parts.append(f"about {_duration(left)} left")
    if there:
        parts.append(there)
    beside = f" ({', '.join(parts)})" if parts else ""
    where = f"reading {reached.files} of {reached.all_files}: {reached.path}"
    return f"{where}{beside}{_recognised(reached)}{_embedding(reached)}"


def _rebuilding(reached: IngestProgress) -> str:
    done = f"{reached.embedded:,} of {reached.passages:,} passages"
    return f"making the indexes again, which another version made: {done}"


def _pages_a_second(reached: IngestProgress, seconds: float) -> list[str]:
    if not reached.pdf_pages or seconds <= 0:
        return []
    return [f"{counted(reached.pdf_pages, 'page')}, {reached.pdf_pages / seconds:.0f} a second"]


def _recognised(reached: IngestProgress) -> str:
    if reached.recognised == reached.scanned:
        return ""
    return f"; recognised {reached.recognised:,} of {reached.scanned:,} scanned pages"


def _embedding(reached: IngestProgress) -> str:
    if reached.passages == reached.embedded:
        return ""
    return f"; embedded {reached.embedded:,} of {reached.passages:,} passages"


def _duration(seconds: float) -> str:
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"
