"""Parts of a run that tables and plots show: by system, by window, by axis.

Figures as tables show them.

Answers that are missing from a table, or count as wrong because their system failed.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from benchmarks.reporting.blocks import Paragraph
from benchmarks.samples import Axis
from benchmarks.scoring import Scored, ScoredRun
from docpager.evaluation.intervals import Interval

__all__ = [
    "at_window",
    "left_out",
    "lines_of",
    "shown_axes",
    "shown_windows",
    "values_of",
    "varied_axes",
    "written_interval",
    "written_mean",
]

MOST_COLUMNS = 12
_USUAL_WINDOW = 8_000


def lines_of(run: ScoredRun, system: str, window: Axis | None = None) -> list[Scored]:
    """The lines of one system, of all windows or of one."""
    own = (each for each in run.lines if each.line.system == system)
    return [each for each in own if window is None or each.line.window == window]


def shown_windows(run: ScoredRun) -> list[int | str]:
    """Windows of which details are shown: all of two, else 8,000 or the one in the middle."""
    windows = list(run.record.windows)
    if len(windows) <= 2:
        return windows
    return [_USUAL_WINDOW if _USUAL_WINDOW in windows else windows[len(windows) // 2]]


def shown_axes(run: ScoredRun) -> Iterator[tuple[str, Axis | None]]:
    """Each axis that is varied, once for each window that is shown: windows are not averaged."""
    for axis in varied_axes(run):
        for window in [None] if axis == "window" else shown_windows(run):
            yield axis, window


def at_window(run: ScoredRun, window: Axis | None) -> str:
    """What a title says of the window, where there are several."""
    return "" if window is None or len(run.record.windows) == 1 else f", window {window}"


def varied_axes(run: ScoredRun) -> list[str]:
    """Axes with more than one value, each split once; where data come from is no axis."""
    names = dict.fromkeys(n for each in run.lines for n in each.axes if n != "source")
    varied = [name for name in names if 1 < len(values_of(run, name)) <= MOST_COLUMNS]
    return [name for n, name in enumerate(varied) if not _same_split(run, name, varied[n + 1 :])]


def _same_split(run: ScoredRun, axis: str, later: Sequence[str]) -> bool:
    """Whether a later axis splits the questions as this one does."""
    values = len(values_of(run, axis))
    for other in later:
        pairs = {(each.axes.get(axis), each.axes.get(other)) for each in run.lines}
        if len(pairs) == values == len(values_of(run, other)):
            return True
    return False


def values_of(run: ScoredRun, axis: str) -> list[Axis]:
    """Its values, words before numbers."""
    found = {each.axes[axis] for each in run.lines if axis in each.axes}
    return sorted(found, key=lambda value: (isinstance(value, int), value))


def written_interval(
    interval: Interval | None, *, form: str = ".2f", usual: int | None = None
) -> str:
    """A mean with its interval, where anything is known of its width.

    It names its questions where they are not as many as those around it are means of (`usual`).
    """
    if interval is None:
        return "not run"
    low, high = interval.low, interval.high
    width = "" if low == high else f" [{low:{form}}, {high:{form}}]"
    return f"{interval.mean:{form}}{width}{_over(interval, usual)}"


def written_mean(interval: Interval | None, *, usual: int | None = None) -> str:
    """A mean alone, with its questions as for `written_interval`; nothing where none is asked."""
    return "" if interval is None else f"{interval.mean:.2f}{_over(interval, usual)}"


def _over(interval: Interval, usual: int | None) -> str:
    return "" if usual is None or interval.n == usual else f" (n {interval.n})"


_TITLES = {
    "not run": "Not run",
    "failed": "Failed",
    "stopped": "Stopped",
    "unsupported": "Unsupported",
}


def left_out(run: ScoredRun) -> Iterator[Paragraph]:
    """How many answers of whom were not run, failed, stopped or unsupported, and the first reason
    of each."""
    for status, title in _TITLES.items():
        found = [
            _said(run, own, missing)
            for own in (lines_of(run, system) for system in run.record.systems)
            if (missing := [each for each in own if each.line.answer.status == status])
        ]
        if found:
            yield Paragraph(f"{title}: {'; '.join(found)}.", loud=status != "not run")


def _said(run: ScoredRun, own: Sequence[Scored], missing: Sequence[Scored]) -> str:
    first = missing[0].line
    windows = dict.fromkeys(f"{each.line.window}" for each in missing)
    at = f", at window {', '.join(windows)}" if len(run.record.windows) > 1 else ""
    reason = first.answer.error.rstrip(".") or "no reason was given"
    return f"{first.system} {len(missing)} of {len(own)} answers{at} ({reason})"
