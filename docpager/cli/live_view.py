"""What a person sees while a question is asked: how reading goes, then a few lines about the run.

The lines are redrawn in place on a terminal and leave nothing behind; nothing is drawn elsewhere.
With `--verbose` each event is a line that stays, and a log file takes the same lines with the time.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import datetime
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING, Any, TextIO, TypeVar

import click

from docpager.cli.progress import ingest_progress, progress_bar
from docpager.cli.terminal import drawn_on, note, visible
from docpager.core.errors import UsageError

if TYPE_CHECKING:
    from rich.console import Console, ConsoleOptions, RenderResult

    from docpager.archive.ingest_report import Progress
    from docpager.run.driver import OnStep, StepNow

__all__ = [
    "EventLines",
    "RunRow",
    "RunView",
    "ask_progress",
    "clock",
    "cut_line",
    "event_line",
    "event_lines",
    "view_lines",
    "watching_options",
]

_Command = TypeVar("_Command", bound=Callable[..., Any])

_WIDEST = 59
"""Characters of a line, also on a wide terminal: one that wraps, as after the terminal was made
narrower, cannot be drawn over."""
_LONGEST = 110
"""Characters of what is done, in a line for an event."""
_GAUGE = 10
"""Characters of the gauge of the window."""
_A_SECOND = 4
"""How often the lines are drawn."""


def watching_options(command: _Command) -> _Command:
    """`--quiet`, `--verbose` and `--log FILE`, as `quiet`, `verbose` and `log`."""
    for option in (
        click.option(
            "--log",
            type=click.Path(path_type=Path),
            metavar="FILE",
            help="Add these lines, with the time, to a file.",
        ),
        click.option(
            "--verbose", is_flag=True, help="Print a line for each thing that a run does."
        ),
        click.option("--quiet", is_flag=True, help="Show nothing of how it goes."),
    ):
        command = option(command)
    return command


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
        events = shown.enter_context(event_lines(quiet=quiet, verbose=verbose, log=log))
        view: list[RunView] = []
        moving = sys.stderr.isatty() and not quiet
        if moving:
            reading = reading_shown.enter_context(progress_bar(at_once=False))
        else:
            reading = reading_shown.enter_context(ingest_progress(quiet=quiet))

        def step(now: StepNow) -> None:
            # One after the other: two that move at once would draw over each other.
            reading_shown.close()
            events.take(now)
            if moving and not verbose:
                if not view:
                    view.append(shown.enter_context(_drawn()))
                view[0].take(now)

        yield reading, step


class EventLines:
    """A line for each thing that runs do: on stderr, in a log, in both or nowhere."""

    def __init__(self, *, printed: bool, log: TextIO | None) -> None:
        self._printed = printed
        self._log = log

    def take(self, now: StepNow, *, question: str = "") -> None:
        """`question` is the id of the one that is answered, where there are several."""
        if not self._printed and self._log is None:
            return
        line = event_line(now, question=question)
        if self._log is not None:
            self._log.write(f"{datetime.now().astimezone():%FT%T%z} {line}\n")
            self._log.flush()
        if self._printed:
            note(line)


@contextmanager
def event_lines(
    *, quiet: bool = False, verbose: bool = False, log: Path | None = None
) -> Iterator[EventLines]:
    """Lines on stderr with `verbose` unless `quiet`, and in `log` where one is named.

    Raises:
        UsageError: the log cannot be written.
    """
    with ExitStack() as opened:
        file = None if log is None else opened.enter_context(_opened(log))
        yield EventLines(printed=verbose and not quiet, log=file)


def event_line(now: StepNow, *, question: str = "") -> str:
    """An event in one line; of long calls the beginning, as the journal has them whole."""
    doing = now.doing if len(now.doing) <= _LONGEST else f"{now.doing[: _LONGEST - 1]}…"
    window = f"{now.used:,} of {now.window:,} tokens"
    whose = f"{question}, " if question else ""
    return visible(f"{whose}step {now.step}: {doing} ({window}; {_spent(now)})")


def view_lines(now: StepNow, *, after: str, seconds: float, width: int) -> list[str]:
    """The lines of the view, none wider than `width`; `after` is what was done last."""
    lines = [
        f"step {now.step} of at most {now.max_steps}, {clock(seconds)}",
        f"  {_doing(now, after)}",
        f"  {_gauge(now)} of {now.window:,}; {_spent(now)}",
    ]
    return [cut_line(line, width) for line in lines]


class RunRow:
    """One of several runs that are under way: two lines, made anew whenever they are drawn."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._began = monotonic()
        self._now: StepNow | None = None
        self._after = ""

    def take(self, now: StepNow) -> None:
        """What the run does now."""
        if not now.waits:
            self._after = now.doing
        self._now = now

    def lines(self, *, width: int) -> list[str]:
        """What is done, and how far it is; a narrow terminal has no room for the gauge."""
        now = self._now
        if now is None:
            return [f"{self._name}: begins"]
        cost = f", ${now.cost_usd:.4f}" if now.cost_usd else ""
        tokens = f"{now.tokens_in + now.tokens_out:,} tokens"
        gauge = _gauge(now)
        if width <= _WIDEST:
            gauge = gauge.rpartition(" ")[2]
        passed = clock(monotonic() - self._began)
        return [
            f"{self._name}: {_doing(now, self._after)}",
            f"  step {now.step}, {passed} {gauge}{cost}, {tokens}",
        ]


def clock(seconds: float) -> str:
    """`1:15`, or `2:01:15` after an hour."""
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def _doing(now: StepNow, after: str) -> str:
    return f"{now.doing}, after {after}" if now.waits and after else now.doing


def _gauge(now: StepNow) -> str:
    share = now.used / now.window if now.window else 0.0
    filled = min(_GAUGE, round(share * _GAUGE))
    return f"[{'#' * filled}{'.' * (_GAUGE - filled)}] {share:.0%}"


def _spent(now: StepNow) -> str:
    cost = f", ${now.cost_usd:.4f}" if now.cost_usd else ""
    return f"{now.tokens_in:,} in, {now.tokens_out:,} out{cost}"


def cut_line(line: str, width: int) -> str:
    """What of a line can be seen and drawn over later, at a terminal of so many columns."""
    from rich.cells import cell_len, set_cell_size

    line = visible(line)
    room = max(1, min(_WIDEST, width - 1))
    return line if cell_len(line) <= room else set_cell_size(line, room - 1) + "…"


class RunView:
    """The run that is under way; made anew whenever it is drawn: time goes on, and terminals change
    their width."""

    def __init__(self) -> None:
        self._began = monotonic()
        self._now: StepNow | None = None
        self._after = ""

    def take(self, now: StepNow) -> None:
        """What the run does now."""
        if not now.waits:
            self._after = now.doing
        self._now = now

    def lines(self, width: int) -> list[str]:
        """The lines to show at a terminal of so many columns; none before anything was told."""
        if self._now is None:
            return []
        seconds = monotonic() - self._began
        return view_lines(self._now, after=self._after, seconds=seconds, width=width)

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        from rich.text import Text

        lines = self.lines(options.max_width)
        for line, style in zip(lines, ("bold", "", "dim"), strict=False):
            yield Text(line, style=style, no_wrap=True)


@contextmanager
def _drawn() -> Iterator[RunView]:
    from rich.console import Console
    from rich.live import Live

    console, view = Console(stderr=True), RunView()
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
