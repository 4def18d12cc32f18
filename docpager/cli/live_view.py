"""What a person sees while a question is asked: how reading goes, then a few lines about the run.

The lines are redrawn in place on a terminal and leave nothing behind; nothing is drawn elsewhere.
With `--verbose` each event is a line that stays, and a log file takes the same lines with the time.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import datetime
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING, TextIO

from docpager.cli.progress import progress_bar, progress_lines
from docpager.cli.terminal import drawn_on, note, visible
from docpager.core.errors import UsageError

if TYPE_CHECKING:
    from rich.console import Console, ConsoleOptions, RenderResult

    from docpager.archive.ingest_report import Progress
    from docpager.run.driver import OnStep, StepNow

__all__ = ["ask_progress", "event_line", "view_lines"]

_WIDEST = 59
"""Characters of a line, also on a wide terminal: one that wraps, as after the terminal was made
narrower, cannot be drawn over."""
_LONGEST = 110
"""Characters of what is done, in a line for an event."""
_GAUGE = 10
"""Characters of the gauge of the window."""
_A_SECOND = 4
"""How often the lines are drawn."""


@contextmanager
def ask_progress(
    *, quiet: bool = False, verbose: bool = False, log: Path | None = None
) -> Iterator[tuple[Progress, OnStep]]:
    """As `ingest_progress`, and then what the run does: as lines that are redrawn on a terminal, or
    with `verbose` as a line for each event. `quiet` shows nothing; `log` takes a line for each.

    Raises:
        UsageError: the log cannot be written.
    """
    with ExitStack() as shown, ExitStack() as reading_shown:
        logged = None if log is None else shown.enter_context(_opened(log))
        view: list[_RunView] = []
        moving = sys.stderr.isatty() and not quiet
        if quiet:
            reading: Progress = lambda reached: None  # noqa: E731
        elif moving:
            reading = reading_shown.enter_context(progress_bar(at_once=False))
        else:
            reading = reading_shown.enter_context(progress_lines())

        def step(now: StepNow) -> None:
            # One after the other: two that move at once would draw over each other.
            reading_shown.close()
            if logged is not None:
                logged.write(f"{datetime.now().astimezone():%FT%T%z} {event_line(now)}\n")
                logged.flush()
            if verbose and not quiet:
                note(event_line(now))
            elif moving:
                if not view:
                    view.append(shown.enter_context(_drawn()))
                view[0].take(now)

        yield reading, step


def event_line(now: StepNow) -> str:
    """An event in one line; of long calls the beginning, as the journal has them whole."""
    doing = now.doing if len(now.doing) <= _LONGEST else f"{now.doing[: _LONGEST - 1]}…"
    window = f"{now.used:,} of {now.window:,} tokens"
    return visible(f"step {now.step}: {doing} ({window}; {_spent(now)})")


def view_lines(now: StepNow, *, after: str, seconds: float, width: int) -> list[str]:
    """The lines of the view, none wider than `width`; `after` is what was done last."""
    share = now.used / now.window if now.window else 0.0
    filled = min(_GAUGE, round(share * _GAUGE))
    gauge = "#" * filled + "." * (_GAUGE - filled)
    doing = f"{now.doing}, after {after}" if now.waits and after else now.doing
    minutes, rest = divmod(int(seconds), 60)
    lines = [
        f"step {now.step} of at most {now.max_steps}, {minutes}:{rest:02}",
        f"  {doing}",
        f"  [{gauge}] {share:.0%} of {now.window:,}; {_spent(now)}",
    ]
    return [_cut(visible(line), width) for line in lines]


def _spent(now: StepNow) -> str:
    cost = f", ${now.cost_usd:.4f}" if now.cost_usd else ""
    return f"{now.tokens_in:,} in, {now.tokens_out:,} out{cost}"


def _cut(line: str, width: int) -> str:
    from rich.cells import cell_len, set_cell_size

    room = max(1, min(_WIDEST, width - 1))
    return line if cell_len(line) <= room else set_cell_size(line, room - 1) + "…"


class _RunView:
    """Makes itself anew whenever it is drawn: time goes on, and terminals change their width."""

    def __init__(self) -> None:
        self._began = monotonic()
        self._now: StepNow | None = None
        self._after = ""

    def take(self, now: StepNow) -> None:
        if not now.waits:
            self._after = now.doing
        self._now = now

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        from rich.text import Text

        if self._now is not None:
            seconds, width = monotonic() - self._began, options.max_width
            lines = view_lines(self._now, after=self._after, seconds=seconds, width=width)
            for line, style in zip(lines, ("bold", "", "dim"), strict=True):
                yield Text(line, style=style, no_wrap=True)


@contextmanager
def _drawn() -> Iterator[_RunView]:
    from rich.console import Console
    from rich.live import Live

    console, view = Console(stderr=True), _RunView()
    moving = Live(view, console=console, refresh_per_second=_A_SECOND, transient=True)
    with moving, drawn_on(console):
        yield view


@contextmanager
def _opened(log: Path) -> Iterator[TextIO]:
    try:
        file = log.open("a", encoding="utf-8", errors="backslashreplace")
    except OSError as error:
        raise UsageError(f"cannot write the log {str(log)!r}: {error.strerror}") from error
    with file:
        yield file
