"""Parts of a run that tables and plots show: by contestant, by window, by axis."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from benchmarks.samples import Axis
from benchmarks.scoring import Scored, ScoredRun

__all__ = [
    "at_window",
    "lines_of",
    "shown_axes",
    "shown_windows",
    "values_of",
    "varied_axes",
]

MOST_COLUMNS = 12
_USUAL_WINDOW = 8_000


def lines_of(run: ScoredRun, system: str, window: Axis | None = None) -> list[Scored]:
    """The lines of one contestant, of all windows or of one."""
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
